//! What the checkout says and needs: project file, recipes, placeholder, channels, keys.
//!
//! Does not resolve tags (`resolve`) and compares nothing (`status`).

use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use crate::channel::Channel;
use crate::checkout::{self, Checkout};
use crate::flow::doctor::{Finding, Network, Options, SecretKey};
use crate::host;
use crate::model::platform::Platform;
use crate::model::project::{ChannelConfig, PROJECT_FILE, Project, RECIPES_FOLDER, Trust};
use crate::model::recipe::Recipe;
use crate::recipe_folder::layout::Layout;
use crate::recipe_folder::{self, RecipeFolder};
use crate::signing::ring::Ring;

/// How long a channel may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// What there is around the folder that the run works in.
pub struct Around {
    checkout: Result<Checkout, checkout::Error>,
    platform: Option<Platform>,
    folder: Option<Result<RecipeFolder, recipe_folder::Error>>,
    prefix: Option<PathBuf>,
}

impl Around {
    pub fn recipes(&self) -> &[Recipe] {
        match &self.folder {
            Some(Ok(folder)) => folder.recipes(),
            _ => &[],
        }
    }

    pub fn platform(&self) -> Option<&Platform> {
        self.platform.as_ref()
    }

    /// Where a bundle goes, as far as it can be told without its tag.
    pub fn prefix(&self) -> Option<&Path> {
        self.prefix.as_deref()
    }

    fn project(&self) -> Option<&Project> {
        self.checkout.as_ref().ok().map(Checkout::project)
    }

    fn root(&self) -> Option<&Path> {
        self.checkout.as_ref().ok().and_then(Checkout::root)
    }
}

/// Reads what is around.
pub fn look(options: &Options) -> Around {
    let checkout = Checkout::open(&options.directory);
    let platform = host::platform_id(Path::new("/")).ok();
    let root = checkout.as_ref().ok().and_then(Checkout::root).map(Path::to_owned);
    let with_recipes = root.as_ref().filter(|root| root.join(RECIPES_FOLDER).is_dir());
    let folder = with_recipes.map(|root| {
        // A project file with mistakes is told by itself; its recipes are read as without.
        let layout = match &checkout {
            Ok(checkout) => Layout::of_project(root, checkout.project(), &options.cache, &|_| ())?,
            Err(_) => Layout::of_folder(&root.join(RECIPES_FOLDER)),
        };
        RecipeFolder::load(&layout, platform.as_ref())
    });
    let prefix = match (&checkout, &root, &platform) {
        (Ok(checkout), Some(root), Some(platform)) => {
            let below = checkout.project().prefix_for(platform);
            // What follows the tag's name is not known before there is one.
            Some(root.join(below.split("{tag}").next().unwrap_or(&below)))
        }
        _ => None,
    };
    Around { checkout, platform, folder, prefix }
}

/// Tells how things stand around.
pub fn findings(around: &Around, options: &Options) -> Vec<Finding> {
    let mut findings = vec![project(around)];
    findings.extend(recipes(around));
    if let Some(project) = around.project() {
        findings.push(placeholder(project, around.prefix()));
        findings.extend(project.channels.iter().flat_map(keys));
        findings.extend(channels(project, around.root(), options.network));
    }
    findings.extend(secret_key(options));
    findings
}

fn project(around: &Around) -> Finding {
    match &around.checkout {
        Ok(checkout) => match checkout.root() {
            Some(root) if root.join(PROJECT_FILE).is_file() => {
                Finding::fine("project", format!("{} in `{}`", checkout.project().name, root.display()))
            }
            Some(root) => Finding::warning("project", format!("`{}` has no {PROJECT_FILE}", root.display()))
                .why("all of it has a default, but there is no channel without it")
                .next("`tagalong init` writes one"),
            None => Finding::warning("project", "the repository has no work tree")
                .why("recipes and bundles lie in one")
                .next("`git worktree add DIR` makes one"),
        },
        Err(checkout::Error::NotARepository { folder }) => Finding::fine(
            "project",
            format!("`{}` is in no checkout; only the machine was looked at", folder.display()),
        ),
        Err(checkout::Error::Project(mistakes)) => {
            let places: Vec<String> = mistakes
                .list
                .iter()
                .map(|mistake| format!("line {}: {}", mistakes.place_of(mistake).0, mistake.what))
                .collect();
            Finding::error("project", format!("{} has mistakes", mistakes.name))
                .why(places.join("; "))
                .next("mend them; `tagalong recipe check` shows them with their lines")
        }
        Err(error) => Finding::error("project", "the checkout cannot be opened")
            .why(error.to_string())
            .next("`tagalong resolve` tells more"),
    }
}

fn recipes(around: &Around) -> Option<Finding> {
    Some(match around.folder.as_ref()? {
        Ok(folder) => match folder.recipes().len() {
            1 => Finding::fine("recipes", "1 recipe without a mistake"),
            count => Finding::fine("recipes", format!("{count} recipes without a mistake")),
        },
        Err(recipe_folder::Error::Mistakes(files)) => {
            let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
            Finding::error("recipes", format!("there are mistakes in {}", names.join(", ")))
                .why("nothing is built while one recipe is wrong")
                .next("`tagalong recipe check` shows them with their lines")
        }
        Err(error) => {
            let finding = Finding::error("recipes", "the recipes cannot be read").why(error.to_string());
            finding.next("see to it that the folder and its files can be read")
        }
    })
}

/// Whether a prefix fits into what was put in its place when packages were built.
fn placeholder(project: &Project, prefix: Option<&Path>) -> Finding {
    let room = project.placeholder.as_str().len();
    let length = prefix.map_or(0, |prefix| prefix.as_os_str().len());
    if length > room {
        return Finding::error("placeholder", format!("the prefix has {length} bytes, the placeholder {room}"))
            .why("a prefix is written over the placeholder, which cannot grow")
            .next("put the checkout, or the prefix, at a shorter path");
    }
    Finding::fine("placeholder", format!("{room} bytes; the prefix has {length}"))
}

fn keys(config: &ChannelConfig) -> Vec<Finding> {
    let name = &config.name;
    let Trust::Keys(keys) = &config.trust else {
        return vec![
            Finding::warning("keys", format!("channel `{name}` is unsigned"))
                .why("anyone who can write there, or is on the way, can change what is installed")
                .next("`tagalong key new` makes a key; put its line into `keys`"),
        ];
    };
    match Ring::new(keys) {
        Err(error) => {
            let finding = Finding::error("keys", format!("the keys of channel `{name}` cannot be used"));
            let next = "write the line that `tagalong key new` printed; `tagalong key introduce` introduces a new one";
            vec![finding.why(error.to_string()).next(next)]
        }
        Ok(ring) => vec![Finding::fine("keys", format!("channel `{name}` trusts {}", counted(ring.count(), "key")))],
    }
}

fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// Asks all channels at once; one that does not answer in time is left alone.
fn channels(project: &Project, root: Option<&Path>, network: Network) -> Vec<Finding> {
    let asked: Vec<_> = project.channels.iter().map(|config| (config, ask(config, root, network))).collect();
    asked.into_iter().map(|(config, answer)| answer.finding(config)).collect()
}

enum Answer {
    /// It is not asked, for a reason.
    Left(Finding),
    Coming(mpsc::Receiver<Result<bool, String>>),
}

fn ask(config: &ChannelConfig, root: Option<&Path>, network: Network) -> Answer {
    let channel = match Channel::open(config, root) {
        Ok(channel) => channel,
        Err(error) => {
            let finding = Finding::error("channel", format!("`{}` cannot be opened", config.name));
            return Answer::Left(finding.why(error.to_string()).next("mend its `url` in tagalong.toml"));
        }
    };
    if network == Network::Offline && !channel.is_local() {
        return Answer::Left(Finding::fine("channel", format!("`{}` was not asked: offline", config.name)));
    }
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        // Nobody listens any more when it comes too late.
        let _ = sender.send(channel.is_there().map_err(|error| error.to_string()));
    });
    Answer::Coming(receiver)
}

impl Answer {
    fn finding(self, config: &ChannelConfig) -> Finding {
        let name = &config.name;
        let receiver = match self {
            Answer::Left(finding) => return finding,
            Answer::Coming(receiver) => receiver,
        };
        match receiver.recv_timeout(PATIENCE) {
            Ok(Ok(true)) => Finding::fine("channel", format!("`{name}` answers")),
            Ok(Ok(false)) => Finding::warning("channel", format!("there is no channel at the url of `{name}`"))
                .why("it has no `channel.json`; nothing was published there yet, or the url is another one")
                .next("`tagalong publish` makes it, or mend `url` in tagalong.toml"),
            Ok(Err(reason)) => Finding::error("channel", format!("`{name}` cannot be asked"))
                .why(reason)
                .next("look at network, proxy and access; what is in the store can be used with `--offline`"),
            Err(_) => Finding::error("channel", format!("`{name}` did not answer in {} s", PATIENCE.as_secs()))
                .why("the server, or a proxy on the way, is slow or silent")
                .next("try again; what is in the store can be used with `--offline`"),
        }
    }
}

fn secret_key(options: &Options) -> Option<Finding> {
    Some(match &options.secret_key {
        SecretKey::Absent => return None,
        SecretKey::Text => Finding::fine("secret key", "its text stands in `TAGALONG_SECRET_KEY`"),
        SecretKey::File { path, is_open: false } => Finding::fine("secret key", format!("`{}`", path.display())),
        SecretKey::File { path, is_open: true } => {
            Finding::warning("secret key", format!("others may read `{}`", path.display()))
                .why("who has it can sign bundles in your name")
                .next(format!("`chmod 600 {}`", path.display()))
        }
        SecretKey::NoFile => Finding::error("secret key", "`TAGALONG_SECRET_KEY` is neither a file nor a key")
            .why("it is not shown, since it may be a part of one")
            .next("set it to the path of the key file"),
    })
}

//! `tagalong install`: what was installed as a sentence on stderr, or as JSON on stdout.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::channel::ChannelError;
use crate::checkout::Forced;
use crate::cli::build::{own_file, plain};
use crate::cli::changes::Changes;
use crate::cli::failure::{Code, Failure};
use crate::cli::print::print_json;
use crate::cli::settings::Settings;
use crate::cli::talk::{Talk, grouped};
use crate::flow::install::{self, Existing, Network, Options, Outcome, Planned};
use crate::model::depth::Depth;
use crate::model::event::{Event, Tell};
use crate::model::link::{LinkKind, LinkWish};
use crate::model::platform::Platform;
use crate::model::receipt::Receipt;
use crate::model::recipe::RecipeName;
use crate::model::selection::{DebugWish, Extent, Selection};
use crate::moment::seconds;

/// Installs the bundle that belongs to this checkout
#[derive(Debug, clap::Args)]
#[command(after_help = "With --json stdout is one object with the keys outcome (installed, already or planned), tag, \
    candidate, platform, channel, prefix, sequence, stacks, debug (true for all, or names), extent (full or runtime), link \
    (copy, hard or reflink), of which those behind the sequence are not there where it is planned, and packages (name, \
    version, archive; files, relocated and, where there are some, linked and left_out where they are installed, size and \
    in_store where they are planned).\n\n\
    With --runtime these are left out: include/, *.a, *.la, pkgconfig and cmake below lib/ and share/, share/aclocal/, \
    manual pages of section 3, links lib*.so to lib*.so.N, links that lead to one of these, and folders that nothing \
    stays in; beyond that what a recipe says by `runtime`. Debug information is there for recipes that say \
    `debug = true` in [build], or for all if tagalong.toml does; gdb finds it wherever the prefix is. Sources are at \
    /usr/src/debug/NAME-VERSION/src there, where `set substitute-path` of gdb leads from; `build --prepare-only` lays \
    them out.\n\n\
    What is asked for by --stack, --debug and --runtime holds for this install: without them the next one gives all \
    packages whole, and no debug information.")]
pub struct Arguments {
    /// Takes this tag, or this candidate, instead of the history's; wins over FORCED_DEPS_TAG
    #[arg(long, value_name = "TAG")]
    tag: Option<String>,
    /// Installs into this folder instead of the one that tagalong.toml says
    #[arg(long, value_name = "DIR")]
    prefix: Option<PathBuf>,
    /// Takes the bundle of this platform instead of this machine's
    #[arg(long, value_name = "ID", value_parser = platform)]
    platform: Option<Platform>,
    /// Installs only the packages of this stack, and what they need; may be repeated
    #[arg(long = "stack", value_name = "STACK")]
    stacks: Vec<String>,
    /// Installs debug information too: of all packages that have some, or of this one; may be repeated
    #[arg(long, value_name = "NAME", num_args = 0..=1, default_missing_value = ALL, value_parser = debugged)]
    debug: Vec<Debugged>,
    /// Leaves out what only compilers and linkers ask for: see below
    #[arg(long)]
    runtime: bool,
    /// Uses no network: what was fetched before, and `file:` channels
    #[arg(long)]
    offline: bool,
    /// Builds the recipes that are not the tag's, and what needs them; takes the rest from the tag's bundle
    #[arg(long, conflicts_with = "platform")]
    build: bool,
    /// Waits for the bundle of a tag as long as this (`2h`, `30m`) if it is not published yet, and looks again and again
    #[arg(long, value_name = "DURATION", value_parser = seconds, conflicts_with = "offline")]
    wait: Option<u64>,
    /// Fetches the rest of a shallow history with git where it could change which tag is the nearest
    #[arg(long)]
    deepen: bool,
    /// Installs what a manifest names that `publish --prepare` wrote, though nobody has signed it: to test it
    #[arg(long, value_name = "FILE", requires = "prefix", conflicts_with_all = ["tag", "wait", "build"])]
    prepared: Option<PathBuf>,
    /// How the files come from the store: `auto` is `reflink` where the file system can, else `copy`. With `hard` a file
    /// is the store's own, with its time: who edits it changes every prefix that has it, which the next install notices
    #[arg(long, value_name = "HOW", default_value = "auto", value_parser = LinkWish::parse)]
    link: LinkWish,
    #[command(flatten)]
    changes: Changes,
    /// Takes a candidate in a CI job of a protected branch or tag too
    #[arg(long)]
    allow_candidate: bool,
    /// Tells what would be installed, and changes nothing
    #[arg(long)]
    dry_run: bool,
    /// Prints the outcome as JSON
    #[arg(long)]
    json: bool,
    /// Replaces what is in the prefix, whatever it is, and does not ask whether the system is new enough
    #[arg(long)]
    force: bool,
}

pub fn run(arguments: Arguments, settings: &Settings) -> Result<ExitCode, Failure> {
    let talk = Talk::new(settings);
    let tell = |event| talk.tell(event);
    let (stop, program) = (AtomicBool::new(false), own_file()?);
    let overrides = arguments.changes.overrides(settings)?;
    let options = Options {
        folder: settings.directory.clone(),
        cache: settings.cache.clone(),
        forced: Forced::of(arguments.tag, settings.forced_tag.clone()),
        prefix: arguments.prefix,
        platform: arguments.platform,
        selection: selection(arguments.stacks, arguments.debug, arguments.runtime),
        network: if arguments.offline { Network::Offline } else { Network::Allowed },
        takes_candidates: arguments.allow_candidate || !settings.is_protected,
        existing: if arguments.force { Existing::Replace } else { Existing::Respect },
        depth: if arguments.dry_run { Depth::Plan } else { Depth::Act },
        link: arguments.link,
        prepared: arguments.prepared.map(|path| settings.directory.join(path)),
        is_deepened: arguments.deepen,
        is_built: arguments.build || !overrides.is_empty(),
        build: plain(settings, &program, false, &overrides, &stop, &tell),
    };
    let outcome = {
        let _section = talk.section("tagalong_install", "tagalong install");
        patiently(&options, arguments.wait, settings, &tell)?
    };
    if arguments.json {
        print_json(&to_json(&outcome))?;
    } else {
        sentences(&outcome, &settings.directory).iter().for_each(|line| talk.say(line));
    }
    Ok(ExitCode::SUCCESS)
}

/// The first and the longest time between two looks at the channel, in seconds.
const FIRST_PAUSE: u64 = 2;
const LONGEST_PAUSE: u64 = 60;

/// Installs; while the bundle is not published, and there is time left, it is looked for again.
fn patiently(options: &Options, wait: Option<u64>, settings: &Settings, tell: Tell) -> Result<Outcome, Failure> {
    let (start, mut pause) = (Instant::now(), FIRST_PAUSE);
    loop {
        let error = match install::install(options, tell) {
            Ok(outcome) => return Ok(outcome),
            Err(error) => error,
        };
        let Some((bundle, tag)) = absent(&error) else { return Err(error.into()) };
        let pipelines = settings.ci_project.as_ref().zip(tag);
        let pipelines =
            pipelines.map(|(project, tag)| format!("{project}/-/pipelines?ref={tag} shows the pipeline that makes it"));
        let left = wait.unwrap_or_default().saturating_sub(start.elapsed().as_secs());
        if left == 0 {
            let failure = match wait {
                Some(_) => Failure::from(error).why("it was waited for as long as `--wait` says"),
                None => Failure::from(error),
            };
            return Err(pipelines.into_iter().fold(failure, Failure::next));
        }
        pause = pause.min(left);
        let shown = pipelines.map(|words| format!("; {words}")).unwrap_or_default();
        let text = format!("{bundle} is not published yet; the next look is in {pause} s, the last in {left} s{shown}");
        tell(Event::Note { text });
        std::thread::sleep(Duration::from_secs(pause));
        pause = (pause * 3 / 2).min(LONGEST_PAUSE);
    }
}

/// The bundle that is not there, in words, if that is why; and its tag, if it is one.
fn absent(error: &install::Error) -> Option<(String, Option<String>)> {
    match error {
        // Nobody knows whether a candidate will ever be there; the bundle of a tag is made by the tag's pipeline.
        install::Error::Missing(missing) if missing.is_tag => {
            Some((format!("the bundle {} for {}", missing.tag, missing.platform), Some(missing.tag.clone())))
        }
        // Nothing was ever published there.
        install::Error::NotTaken(install::NotTaken::Channel { error: ChannelError::NoFolder { .. }, .. }) => {
            Some(("the bundle".to_owned(), None))
        }
        _ => None,
    }
}

/// What stands for all packages where the name of one may.
const ALL: &str = "*";

/// Whose debug information is asked for.
#[derive(Debug, Clone)]
enum Debugged {
    All,
    One(RecipeName),
}

/// Reads whose debug information is asked for.
fn debugged(text: &str) -> Result<Debugged, String> {
    match text {
        ALL => Ok(Debugged::All),
        name => RecipeName::parse(name).map(Debugged::One).map_err(|error| error.to_string()),
    }
}

fn selection(mut stacks: Vec<String>, debug: Vec<Debugged>, is_runtime: bool) -> Selection {
    stacks.sort();
    stacks.dedup();
    let name = |one| match one {
        Debugged::All => None,
        Debugged::One(name) => Some(name),
    };
    let debug = match (debug.is_empty(), debug.into_iter().map(name).collect::<Option<BTreeSet<_>>>()) {
        (true, _) => DebugWish::None,
        (false, None) => DebugWish::All,
        (false, Some(names)) => DebugWish::Of(names.into_iter().collect()),
    };
    Selection { stacks, debug, extent: if is_runtime { Extent::Runtime } else { Extent::Full } }
}

/// Reads a platform id of the command line.
pub(super) fn platform(text: &str) -> Result<Platform, String> {
    Platform::parse(text).map_err(|error| error.to_string())
}

/// A path as the user would write it: from the working folder if it lies below.
pub(super) fn shown(path: &Path, folder: &Path) -> String {
    match path.strip_prefix(folder) {
        Ok(below) if !below.as_os_str().is_empty() => below.display().to_string(),
        _ => path.display().to_string(),
    }
}

fn sentences(outcome: &Outcome, folder: &Path) -> Vec<String> {
    match outcome {
        Outcome::Already { prefix, receipt } => {
            vec![format!(
                "already installed: {} for {} in {}",
                receipt.tag,
                receipt.platform,
                shown(prefix.as_path(), folder)
            )]
        }
        Outcome::Installed { prefix, receipt } => {
            let (files, relocated) = receipt.files();
            let built: Vec<&str> =
                receipt.packages.iter().filter(|one| one.built).map(|one| one.name.as_str()).collect();
            let built = if built.is_empty() { String::new() } else { format!("; built here: {}", built.join(", ")) };
            let left_out = match receipt.packages.iter().map(|one| one.left_out).sum::<u64>() {
                0 => String::new(),
                count => format!(", {} for development left out", grouped(count)),
            };
            let linked = grouped(receipt.packages.iter().map(|one| one.linked).sum::<u64>());
            let linked = match receipt.link {
                LinkKind::Copy => String::new(),
                LinkKind::Hard => format!(", {linked} hard links to the store's"),
                LinkKind::Reflink => format!(", {linked} reflinks of the store's"),
            };
            vec![format!(
                "installed {} for {} in {}: {}, {} files, {} relocated{linked}{left_out}{built}",
                receipt.tag,
                receipt.platform,
                shown(prefix.as_path(), folder),
                packages(receipt.packages.len()),
                grouped(files),
                grouped(relocated)
            )]
        }
        Outcome::Planned { prefix, channel, manifest, packages: planned } => {
            let mut lines: Vec<String> = planned.iter().map(plan_line).collect();
            let missing: u64 = planned.iter().filter(|one| !one.is_in_store).map(|one| one.package.size).sum();
            lines.push(format!(
                "would install {} for {} from channel `{channel}` in {}: {}, {} bytes to fetch",
                manifest.tag,
                manifest.platform,
                shown(prefix.as_path(), folder),
                packages(planned.len()),
                grouped(missing)
            ));
            lines
        }
    }
}

fn plan_line(planned: &Planned) -> String {
    let package = &planned.package;
    let source =
        if planned.is_in_store { "from the store".to_owned() } else { format!("{} bytes", grouped(package.size)) };
    format!("{} {}: {source}", package.name, package.version)
}

/// A count of packages in words.
pub(super) fn packages(count: usize) -> String {
    if count == 1 { "1 package".to_owned() } else { format!("{} packages", grouped(count)) }
}

fn to_json(outcome: &Outcome) -> Value {
    match outcome {
        Outcome::Already { receipt, .. } => receipt_json("already", receipt),
        Outcome::Installed { receipt, .. } => receipt_json("installed", receipt),
        Outcome::Planned { prefix, channel, manifest, packages } => json!({
            "outcome": "planned",
            "tag": manifest.tag,
            "candidate": manifest.candidate,
            "platform": manifest.platform,
            "channel": channel,
            "prefix": Receipt::prefix_text(prefix),
            "sequence": manifest.sequence,
            "packages": packages.iter().map(|one| json!({
                "name": one.package.name,
                "version": one.package.version,
                "archive": one.package.archive,
                "size": one.package.size,
                "in_store": one.is_in_store,
            })).collect::<Vec<_>>(),
        }),
    }
}

/// What a receipt says, as JSON.
pub(super) fn receipt_json(outcome: &str, receipt: &Receipt) -> Value {
    json!({
        "outcome": outcome,
        "tag": receipt.tag,
        "candidate": receipt.candidate,
        "platform": receipt.platform,
        "channel": receipt.channel,
        "prefix": receipt.prefix,
        "sequence": receipt.sequence,
        "stacks": receipt.stacks,
        "debug": receipt.debug,
        "extent": receipt.extent,
        "link": receipt.link,
        "packages": receipt.packages,
    })
}

/// Reads the name of a candidate on the command line.
pub(super) fn candidate(text: &str) -> Result<crate::model::tag::DepsTag, String> {
    crate::model::tag::DepsTag::parse(text).map_err(|error| error.to_string())
}

/// A failure for an exit code without words: what was found has been told.
pub(super) fn found() -> ExitCode {
    ExitCode::from(Code::CheckFound as u8)
}

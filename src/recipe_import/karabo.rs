//! Karabo's `build.config`: shell variables that name an archive and the commands that build it.
//!
//! ```sh
//! DEP_NAME="hdf5-1.8.11"
//! DEP_EXT="tar.gz"
//! EXTRACT_COMMAND="tar -xzf $DEP_NAME.$DEP_EXT"
//! CONFIGURE_COMMAND="./configure --prefix=$INSTALL_PREFIX --enable-production"
//! MAKE_COMMAND="make -j$NUM_CORES"
//! INSTALL_COMMAND="make install"
//! ```
//! It is read and never run. Of `if` only the questions whether this is Linux or a Mac are answered.

use std::collections::BTreeMap;

use crate::model::recipe::BuildSystem;
use crate::recipe_file::guess;
use crate::recipe_import::assignments::{self, Statement};
use crate::recipe_import::commands;
use crate::recipe_import::found::{Found, FoundSource, Ledger};

/// The variables that the format gives a meaning.
const KNOWN: [&str; 8] = [
    "DEP_NAME",
    "DEP_VERS",
    "DEP_EXT",
    "EXTRACT_COMMAND",
    "CONFIGURE_COMMAND",
    "MAKE_COMMAND",
    "INSTALL_COMMAND",
    "CUSTOM_BUILD",
];

/// The longest value that is made by putting variables in, in bytes.
const LONGEST: usize = 64 << 10;

/// Reads a `build.config`; `folder` is the name of its folder, which is the dependency's.
pub fn read(file: &str, folder: Option<&str>, text: &str) -> Found {
    let mut ledger = Ledger::new(file, text);
    let statements = assignments::read(text);
    let is_custom = statements.iter().any(|one| is_of(one, "CUSTOM_BUILD"));
    let mut found = Found::default();
    let variables = if is_custom {
        let all = statements.iter().filter_map(|one| match one {
            Statement::Assignment { line, name, value } if KNOWN.contains(&name.as_str()) => {
                Some((name.clone(), (*line, value.clone())))
            }
            _ => None,
        });
        all.collect()
    } else {
        chosen(&statements, &mut ledger)
    };
    let reader = Reader { variables };
    reader.identity(&mut found, folder, &mut ledger);
    if is_custom {
        custom(&mut found, text, &mut ledger);
    } else {
        reader.build(&mut found, &mut ledger);
        reader.tell_unused(&mut ledger);
    }
    found.tools = commands::tools(&found);
    found.lost = ledger.lost;
    found
}

fn is_of(statement: &Statement, wanted: &str) -> bool {
    matches!(statement, Statement::Assignment { name, value, .. } if name == wanted && !value.is_empty())
}

/// What is known about an `if` that is open.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Branch {
    Taken,
    Left,
    Unknown,
}

/// The assignments that hold on Linux.
fn chosen(statements: &[Statement], ledger: &mut Ledger<'_>) -> BTreeMap<String, (usize, String)> {
    let mut variables = BTreeMap::new();
    let mut open: Vec<Branch> = Vec::new();
    for statement in statements {
        match statement {
            Statement::Assignment { line, name, value } => {
                if open.contains(&Branch::Unknown) {
                    ledger.lose(*line, "it depends on a condition that only a shell could judge");
                } else if open.iter().all(|branch| *branch == Branch::Taken) {
                    variables.insert(name.clone(), (*line, value.clone()));
                }
            }
            Statement::Other { line, text } => {
                let word = text.split_whitespace().next().unwrap_or_default().trim_end_matches(';');
                match (word, open.last().copied()) {
                    ("if", _) => open.push(judged(text)),
                    ("else", Some(branch)) => {
                        let other = match branch {
                            Branch::Taken => Branch::Left,
                            Branch::Left => Branch::Taken,
                            Branch::Unknown => Branch::Unknown,
                        };
                        open.pop();
                        open.push(other);
                    }
                    ("elif", Some(branch)) => {
                        open.pop();
                        open.push(if branch == Branch::Left { judged(text) } else { not_taken(branch) });
                    }
                    ("fi", Some(_)) => {
                        open.pop();
                    }
                    ("then", Some(_)) => {}
                    _ if open.contains(&Branch::Left) => {}
                    _ => ledger.lose(*line, "it is a command, not a variable of the format; it would have to be run"),
                }
                if open.last() == Some(&Branch::Unknown) && matches!(word, "if" | "elif") {
                    ledger.lose(*line, "the condition cannot be judged without running it");
                }
            }
        }
    }
    variables
}

fn not_taken(branch: Branch) -> Branch {
    if branch == Branch::Unknown { Branch::Unknown } else { Branch::Left }
}

/// `[ "$(uname -s)" == "Darwin" ]` and the like.
fn judged(condition: &str) -> Branch {
    let (is_negated, is_joined) =
        (condition.contains("!="), [" -o ", " -a ", "||", "&&"].iter().any(|word| condition.contains(word)));
    let about_system = condition.contains("uname") || condition.contains("$OS") || condition.contains("OSTYPE");
    let is_true = match (condition.contains("Darwin"), condition.contains("Linux")) {
        (true, false) => is_negated,
        (false, true) => !is_negated,
        _ => return Branch::Unknown,
    };
    match (about_system && !is_joined, is_true) {
        (false, _) => Branch::Unknown,
        (_, true) => Branch::Taken,
        (_, false) => Branch::Left,
    }
}

struct Reader {
    variables: BTreeMap<String, (usize, String)>,
}

impl Reader {
    /// A variable with the other variables put in; what the format gives is written as recipes here do.
    fn value(&self, name: &str) -> Option<(usize, String)> {
        let (line, value) = self.variables.get(name)?;
        let mut value = value.clone();
        // Variables name variables; one that names itself would go round for ever.
        for _ in 0..8 {
            let next = commands::expanded(&value, &|name| self.known(name));
            if next == value || next.len() > LONGEST {
                break;
            }
            value = next;
        }
        Some((*line, value))
    }

    fn known(&self, name: &str) -> Option<String> {
        match name {
            "INSTALL_PREFIX" => Some("{prefix}".to_owned()),
            "NUM_CORES" => Some("{jobs}".to_owned()),
            name => self.variables.get(name).map(|(_, value)| value.clone()),
        }
    }

    /// Tells the variables that neither the format nor another variable reads.
    fn tell_unused(&self, ledger: &mut Ledger<'_>) {
        let is_read = |name: &str| {
            let forms = [format!("${name}"), format!("${{{name}}}")];
            self.variables.values().any(|(_, value)| forms.iter().any(|form| value.contains(form.as_str())))
        };
        for (name, (line, _)) in &self.variables {
            if !KNOWN.contains(&name.as_str()) && !is_read(name) {
                ledger.lose(*line, "no command of the format reads this variable");
            }
        }
    }

    fn identity(&self, found: &mut Found, folder: Option<&str>, ledger: &mut Ledger<'_>) {
        let name = self.value("DEP_NAME").filter(|(_, name)| !name.is_empty());
        let version = self.value("DEP_VERS").map(|(_, version)| version).filter(|version| !version.is_empty());
        let guessed = name.as_ref().and_then(|(_, name)| guess::version(name));
        found.version = version.or(guessed);
        let written = found.version.clone().unwrap_or_default();
        let bare = name.as_ref().map(|(_, name)| {
            let forms = [written.clone(), written.replace('.', "_")];
            let cut = forms.iter().filter(|form| !form.is_empty()).find_map(|form| name.strip_suffix(form.as_str()));
            cut.unwrap_or(name).trim_end_matches(['-', '_', 'v']).to_lowercase()
        });
        found.name = folder.map(str::to_lowercase).or(bare);
        let Some((line, name)) = name else { return };
        let ending = self.value("DEP_EXT").map_or_else(|| "tar.gz".to_owned(), |(_, ending)| ending);
        let has_version = self.value("DEP_VERS").is_some() && !name.contains(&written) && !written.is_empty();
        let stem = if has_version { format!("{name}-{written}") } else { name };
        let file = format!("{stem}.{ending}");
        let file = if written.contains('.') { file.replace(&written, "{version}") } else { file };
        found.sources.push(FoundSource { path: Some(file), ..FoundSource::default() });
        ledger.lose(line, "the format names no address and no digest: put the archive beside the recipe, or write `url` and `sha256` in place of `path`");
    }

    fn build(&self, found: &mut Found, ledger: &mut Ledger<'_>) {
        if let Some((line, command)) = self.value("EXTRACT_COMMAND").filter(|(_, command)| !is_plain_unpacking(command))
        {
            ledger.lose(
                line,
                format!("sources are unpacked without a command, which `{}` is more than", first_word(&command)),
            );
        }
        let names = ["CONFIGURE_COMMAND", "MAKE_COMMAND", "INSTALL_COMMAND"];
        let [configure, make, install] = names.map(|name| self.value(name).unwrap_or_default());
        commands::build(found, &configure.1, &make.1, &install.1);
        for (line, command) in [&configure, &make, &install] {
            if command.contains("setup.py") && found.system == Some(BuildSystem::Python) {
                ledger.lose(*line, "pip installs it here; `setup.py install` is no longer kept");
            }
            for name in commands::unknown_variables(command) {
                ledger.lose(*line, format!("`${name}` is not set when it is built"));
            }
        }
    }
}

fn first_word(command: &str) -> &str {
    command.split_whitespace().next().unwrap_or_default()
}

fn is_plain_unpacking(command: &str) -> bool {
    let is_simple = !command.contains([';', '&', '|', '$', '`']);
    command.trim().is_empty() || (is_simple && ["tar", "unzip", "bunzip2"].contains(&first_word(command)))
}

/// A build that is a script as a whole: the script is carried, without the variables that it begins with.
fn custom(found: &mut Found, text: &str, ledger: &mut Ledger<'_>) {
    let of_format = |line: &str| KNOWN.iter().any(|name| line.trim_start().starts_with(&format!("{name}=")));
    found.system = Some(BuildSystem::Script);
    found.script = text.lines().filter(|line| !of_format(line)).map(str::to_owned).collect();
    found.env = [("INSTALL_PREFIX", "{prefix}"), ("NUM_CORES", "{jobs}")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec();
    let doubts = [
        (
            &["dpkg", "rpm ", "lsb_release", "yum", "apt-get"][..],
            "it takes what the host has; a build here has no package manager to ask",
        ),
        (
            &["DISTRO_ID", "DISTRO_RELEASE"][..],
            "the format's `DISTRO_ID` and `DISTRO_RELEASE` are not set; use `[[when]]`",
        ),
        (&["[[", "source ", "function ", "+=", "<<<", "local "][..], "steps are run by `sh -e`, and this is bash's"),
        (&["/proc/", "curl ", "wget ", "git clone"][..], "the sandbox has no network and not the whole machine"),
    ];
    for (place, line) in text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with('#')) {
        for (words, why) in doubts {
            if words.iter().any(|word| line.contains(word)) {
                ledger.lose(place + 1, why);
            }
        }
    }
}

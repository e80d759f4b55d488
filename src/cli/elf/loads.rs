//! `tagalong elf loads`.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::{Value, json};

use crate::audit::loader::{Found, Need, Way};
use crate::cli::failure::Failure;
use crate::cli::print::{print, print_json};
use crate::cli::settings::Settings;
use crate::flow::elf_loads::{self, Options, Outcome};

/// Prints what the loader would load for a file, in order, without running anything
#[derive(Debug, clap::Args)]
#[command(
    after_help = "With --json one array with an object for each name that is asked for, with the keys name, found \
    (the path as ld.so opens it, or null), where (rpath, runpath, library-path, cache, default, loaded, slash or \
    missing) and by (the file that asks). LD_LIBRARY_PATH of the environment plays no part."
)]
pub struct Arguments {
    /// Prints who asks for what as a tree
    #[arg(long, conflicts_with = "json")]
    tree: bool,
    /// Prints everything as JSON
    #[arg(long)]
    json: bool,
    /// Looks at the machine whose root folder is DIR
    #[arg(long, value_name = "DIR", default_value = "/")]
    root: PathBuf,
    /// Folders that are searched as those of LD_LIBRARY_PATH
    #[arg(long, value_name = "A:B")]
    library_path: Option<String>,
    /// The working directory of the process, from which relative folders count
    #[arg(long, value_name = "DIR")]
    cwd: Option<PathBuf>,
    /// A program or library
    file: PathBuf,
}

pub fn run(arguments: &Arguments, settings: &Settings) -> Result<ExitCode, Failure> {
    let directory = match &arguments.cwd {
        Some(folder) => settings.directory.join(folder),
        None => settings.directory.clone(),
    };
    let options = Options {
        file: settings.directory.join(&arguments.file),
        root: settings.directory.join(&arguments.root),
        library_path: arguments.library_path.clone(),
        directory: directory.to_string_lossy().into_owned(),
    };
    let outcome = elf_loads::loads(&options)?;
    if arguments.json {
        return print_json(&outcome.needs.iter().map(to_json).collect::<Value>());
    }
    let mut lines = Vec::new();
    if arguments.tree {
        lines.push(outcome.file.clone());
        branch(&outcome, &outcome.file, 1, &mut BTreeSet::new(), &mut lines);
    } else {
        let is_new = |need: &&Need| !matches!(need.found, Found::At { way: Way::Loaded, .. });
        lines.extend(outcome.needs.iter().filter(is_new).map(line));
    }
    print(&lines.iter().map(|line| format!("{line}\n")).collect::<String>())
}

fn to_json(need: &Need) -> Value {
    let found = match &need.found {
        Found::At { path, .. } => Some(path),
        Found::Missing | Found::NotALibrary { .. } => None,
    };
    json!({ "name": need.name, "found": found, "where": place(&need.found), "by": need.asker })
}

fn place(found: &Found) -> &'static str {
    match found {
        Found::Missing | Found::NotALibrary { .. } => "missing",
        Found::At { way, .. } => match way {
            Way::Path => "slash",
            Way::Loaded => "loaded",
            Way::Rpath => "rpath",
            Way::Runpath => "runpath",
            Way::Default => "default",
            Way::LibraryPath => "library-path",
            Way::Cache => "cache",
        },
    }
}

fn line(need: &Need) -> String {
    match &need.found {
        Found::At { path, .. } => format!("{} => {path} ({})", need.name, place(&need.found)),
        Found::Missing => format!("{} is missing", need.name),
        Found::NotALibrary { path } => format!("{} is missing: {path} is no library for this file", need.name),
    }
}

/// The names that one file asks for, each followed by what that asks for, if it was not shown above.
fn branch(outcome: &Outcome, asker: &str, depth: usize, shown: &mut BTreeSet<String>, lines: &mut Vec<String>) {
    if !shown.insert(asker.to_owned()) {
        return;
    }
    for need in outcome.needs.iter().filter(|need| need.asker == asker) {
        lines.push(format!("{:width$}{}", "", line(need), width = 2 * depth));
        if let Found::At { path, .. } = &need.found {
            branch(outcome, path, depth + 1, shown, lines);
        }
    }
}

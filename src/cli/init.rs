//! `tagalong init`.

use std::process::ExitCode;

use crate::cli::failure::Failure;
use crate::cli::print;
use crate::cli::settings::Settings;
use crate::flow::init::{Options, Outcome, init};

/// Writes a commented tagalong.toml
#[derive(Debug, clap::Args)]
#[command(after_help = "Written at the root of the git repository, else where it is started. Lines that keep the \
    bundle out of the history, and patches as they are, are added to .gitignore and .gitattributes.")]
pub struct Arguments {
    /// The name of the project; that of its folder if it is not given
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Prints what would be written, and writes nothing
    #[arg(long)]
    dry_run: bool,
}

pub fn run(arguments: Arguments, settings: &Settings) -> Result<ExitCode, Failure> {
    let options =
        Options { directory: settings.directory.clone(), name: arguments.name, is_dry_run: arguments.dry_run };
    let outcome = init(&options).map_err(Failure::from)?;
    if arguments.dry_run {
        return print::print(&planned(&outcome));
    }
    print::print(&sentence(&outcome))
}

fn sentence(outcome: &Outcome) -> String {
    let change = |change: &crate::flow::init::Change| {
        format!("{} {}", if change.is_new { "wrote" } else { "added a line to" }, change.file)
    };
    let changes: Vec<String> = outcome.changes.iter().map(change).collect();
    format!("{} for project {} in {}\n", changes.join(", "), outcome.name, outcome.root.display())
}

fn planned(outcome: &Outcome) -> String {
    let part = |change: &crate::flow::init::Change| {
        let verb = if change.is_new { "write" } else { "add a line to" };
        let lines: String =
            change.text.trim().lines().map(|line| format!("    {line}").trim_end().to_owned() + "\n").collect();
        format!("would {verb} {}:\n{lines}", change.file)
    };
    outcome.changes.iter().map(part).collect()
}

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
    let files = |is_new: bool| {
        let names: Vec<&str> =
            outcome.changes.iter().filter(|change| change.is_new == is_new).map(|change| change.file).collect();
        match names.split_last() {
            Some((last, [])) => (*last).to_owned(),
            Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
            None => String::new(),
        }
    };
    let (new, longer) = (files(true), files(false));
    let added = if longer.is_empty() { String::new() } else { format!(", added a line to {longer}") };
    format!("wrote {new}{added}: project {} in {}\n", outcome.name, outcome.root.display())
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

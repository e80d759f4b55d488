//! `tagalong uninstall`.

use std::process::ExitCode;

use crate::cli::failure::Failure;
use crate::cli::install::{packages, receipt_json, shown};
use crate::cli::prefix::PrefixArguments;
use crate::cli::print::print_json;
use crate::cli::settings::Settings;
use crate::cli::talk::{Talk, grouped};
use crate::flow::uninstall::{self, Options, Strangers};
use crate::model::depth::Depth;

/// Removes an installed bundle
#[derive(Debug, clap::Args)]
#[command(after_help = "With --json stdout is one object as of `install --json`, with the outcome `removed` or \
    `planned`.")]
pub struct Arguments {
    #[command(flatten)]
    prefix: PrefixArguments,
    /// Removes files in the prefix too that no package brought
    #[arg(long)]
    force: bool,
    /// Tells what would be removed, and changes nothing
    #[arg(long)]
    dry_run: bool,
    /// Prints the outcome as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: Arguments, settings: &Settings) -> Result<ExitCode, Failure> {
    let options = Options {
        asked: arguments.prefix.asked(settings),
        strangers: if arguments.force { Strangers::Remove } else { Strangers::Keep },
        depth: if arguments.dry_run { Depth::Plan } else { Depth::Act },
    };
    let talk = Talk::new(settings);
    let outcome = uninstall::uninstall(&options, &|event| talk.tell(event))?;
    let receipt = &outcome.receipt;
    if arguments.json {
        let word = if arguments.dry_run { "planned" } else { "removed" };
        print_json(&receipt_json(word, receipt))?;
        return Ok(ExitCode::SUCCESS);
    }
    talk.say(&format!(
        "{} {} for {} from {}: {}, {} files",
        if arguments.dry_run { "would remove" } else { "removed" },
        receipt.tag,
        receipt.platform,
        shown(outcome.prefix.as_path(), &settings.directory),
        packages(receipt.packages.len()),
        grouped(receipt.files().0 + outcome.strangers.len() as u64)
    ));
    Ok(ExitCode::SUCCESS)
}

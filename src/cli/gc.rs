//! `tagalong gc`: what may go from a channel, with reasons and sizes; and, when asked to, gone.

use std::process::ExitCode;

use serde_json::{Value, json};

use crate::cli::failure::Failure;
use crate::cli::install::candidate;
use crate::cli::print::{print_json, show};
use crate::cli::settings::Settings;
use crate::cli::talk::{Talk, grouped};
use crate::flow::gc::{self, Cause, Going, Options, Outcome};
use crate::host::now;
use crate::model::depth::Depth;
use crate::model::tag::DepsTag;
use crate::moment::{date, seconds};

/// Lists, and removes with --apply, what a channel no longer needs
#[derive(Debug, clap::Args)]
#[command(after_help = "Bundles stay whose tag is in this repository, candidates until they expire, packages and \
    records while a bundle names them. With --json stdout is one object with the keys going (path, size, reason), \
    bundles and left (bytes).")]
pub struct Arguments {
    /// The channel, by its name in tagalong.toml
    #[arg(long, value_name = "NAME")]
    channel: String,
    /// Keeps what was written within this time
    #[arg(long, value_name = "DURATION", default_value = "2d", value_parser = seconds)]
    grace: u64,
    /// How long a candidate is kept that has no end of its own
    #[arg(long, value_name = "DURATION", default_value = "30d", value_parser = seconds)]
    candidates: u64,
    /// Takes this candidate as one that has expired; may be given several times
    #[arg(long, value_name = "NAME", value_parser = candidate)]
    expire: Vec<DepsTag>,
    /// Removes it; without this nothing is changed
    #[arg(long)]
    apply: bool,
    /// Changes nothing, which is what it does without --apply too
    #[arg(long, conflicts_with = "apply")]
    dry_run: bool,
    /// Prints the list as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: Arguments, settings: &Settings) -> Result<ExitCode, Failure> {
    let talk = Talk::new(settings);
    let options = Options {
        folder: settings.directory.clone(),
        channel: arguments.channel,
        grace: arguments.grace,
        candidates: arguments.candidates,
        expired: arguments.expire,
        now: now(),
        depth: if arguments.apply { Depth::Act } else { Depth::Plan },
    };
    let outcome = gc::gc(&options, &|event| talk.tell(event))?;
    if arguments.json {
        print_json(&to_json(&outcome))?;
    } else {
        outcome.going.iter().for_each(|one| show!("{}  {}: {}", sized(one), one.object.path, words(&one.cause)));
    }
    let size: u64 = outcome.going.iter().map(|one| one.object.size).sum();
    talk.say(&format!(
        "{} {} objects of channel `{}`, {} bytes; {} bundles and {} bytes stay",
        if options.depth == Depth::Act { "removed" } else { "would remove" },
        grouped(outcome.going.len() as u64),
        options.channel,
        grouped(size),
        grouped(outcome.bundles as u64),
        grouped(outcome.left),
    ));
    Ok(ExitCode::SUCCESS)
}

fn sized(one: &Going) -> String {
    format!("{:>13}", grouped(one.object.size))
}

fn words(cause: &Cause) -> String {
    match cause {
        Cause::NoTag => "the repository has no such tag".to_owned(),
        Cause::Expired { at } => format!("it expired at {}", date(*at)),
        Cause::Old => "a candidate that has no end, and is old".to_owned(),
        Cause::Asked => "a candidate that is taken as expired".to_owned(),
        Cause::Unused => "no bundle names it".to_owned(),
    }
}

fn to_json(outcome: &Outcome) -> Value {
    let going = outcome
        .going
        .iter()
        .map(|one| json!({"path": one.object.path, "size": one.object.size, "reason": words(&one.cause)}));
    json!({"going": going.collect::<Vec<_>>(), "bundles": outcome.bundles, "left": outcome.left})
}

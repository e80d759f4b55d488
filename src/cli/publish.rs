//! `tagalong publish`: what was published as a sentence on stderr, or as JSON on stdout.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::checkout::Forced;
use crate::cli::failure::Failure;
use crate::cli::install::{candidate, packages};
use crate::cli::secret::secret_key;
use crate::cli::settings::Settings;
use crate::cli::talk::{Talk, grouped};
use crate::flow::publish::{self, Done, Options, Outcome};
use crate::model::bundle::BundleKind;
use crate::model::depth::Depth;
use crate::model::tag::DepsTag;

/// Publishes a built bundle to a channel
#[derive(Debug, clap::Args)]
#[command(after_help = "With --json stdout is one object with the keys outcome (published, already, signed or \
    planned), tag, candidate, platform, channel, sequence and packages (name, version, archive, size).")]
pub struct Arguments {
    /// Publishes under this tag instead of the nearest; wins over FORCED_DEPS_TAG
    #[arg(long, value_name = "TAG", conflicts_with = "candidate")]
    tag: Option<String>,
    /// Publishes to this channel instead of the project's first
    #[arg(long, value_name = "NAME")]
    channel: Option<String>,
    /// Publishes under a name that is no tag, and that later publications may replace
    #[arg(long, value_name = "NAME", value_parser = candidate)]
    candidate: Option<DepsTag>,
    /// The file of the key that signs; wins over TAGALONG_SECRET_KEY
    #[arg(long, value_name = "FILE")]
    secret_key: Option<PathBuf>,
    /// Tells what would be published, and changes nothing
    #[arg(long)]
    dry_run: bool,
    /// Prints the outcome as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: Arguments, settings: &Settings) -> Result<ExitCode, Failure> {
    let options = Options {
        folder: settings.directory.clone(),
        cache: settings.cache.clone(),
        forced: Forced::of(arguments.tag, settings.forced_tag.clone()),
        candidate: arguments.candidate,
        channel: arguments.channel,
        key: secret_key(arguments.secret_key.as_deref(), settings)?,
        now: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs(),
        depth: if arguments.dry_run { Depth::Plan } else { Depth::Act },
    };
    let talk = Talk::new(settings);
    let outcome = {
        let _section = talk.section("tagalong_publish", "tagalong publish");
        publish::publish(&options, &|event| talk.tell(event))?
    };
    if arguments.json {
        println!("{:#}", to_json(&outcome));
    } else {
        talk.say(&sentence(&outcome));
    }
    Ok(ExitCode::SUCCESS)
}

fn sentence(outcome: &Outcome) -> String {
    let kind = if outcome.bundle.kind == BundleKind::Candidate { "candidate " } else { "" };
    let what = format!("{kind}{} for {}", outcome.bundle.tag, outcome.bundle.platform);
    let (channel, count) = (&outcome.channel, packages(outcome.packages.len()));
    match outcome.done {
        Done::WasThere => format!("already there: {what} on channel `{channel}`: {count}"),
        Done::SignedAnew => format!("signed anew: {what} on channel `{channel}`: {count}"),
        Done::Planned => format!("would publish {what} on channel `{channel}`: {count}"),
        Done::Published { archives, bytes } => {
            let bytes = grouped(bytes);
            format!("published {what} on channel `{channel}`: {count}, {archives} of them new, {bytes} bytes")
        }
    }
}

fn to_json(outcome: &Outcome) -> Value {
    let done = match outcome.done {
        Done::WasThere => "already",
        Done::SignedAnew => "signed",
        Done::Planned => "planned",
        Done::Published { .. } => "published",
    };
    let packages = outcome.packages.iter().map(|package| {
        json!({
            "name": package.name,
            "version": package.version,
            "archive": package.archive,
            "size": package.size,
        })
    });
    json!({
        "outcome": done,
        "tag": outcome.bundle.tag,
        "candidate": outcome.bundle.kind == BundleKind::Candidate,
        "platform": outcome.bundle.platform,
        "channel": outcome.channel,
        "sequence": outcome.sequence,
        "packages": packages.collect::<Vec<_>>(),
    })
}

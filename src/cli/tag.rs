//! `tagalong tag`: the changes on stdout, or everything as JSON; what was done as a sentence on stderr.

use std::process::ExitCode;

use serde_json::{Value, json};

use crate::cli::failure::Failure;
use crate::cli::print::{print_json, show};
use crate::cli::settings::Settings;
use crate::cli::talk::Talk;
use crate::flow::tag::{self, Changed, Doubt, Future, Options, Outcome};
use crate::model::depth::Depth;
use crate::search::Network;

/// Puts a deps tag on HEAD, whose message lists what changed
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Nothing is tagged when the name does not match the pattern of deps tags, or is taken; and without
--force, when the name does not follow the convention deps-<add|update|remove>-<recipe><version>,
HEAD is not on a branch that deps tags are made on (`branches` in tagalong.toml, else the remote's
main branch), recipes are not committed, the commit is not pushed, or no recipe changed since the
nearest tag.

With --json stdout is one object with the keys outcome (tagged, pushed or planned), tag, commit,
before, distance, changes (recipe, change, was, is), platforms (platform, bundle (published,
promoted, built or unknown)) and doubts.")]
pub struct Arguments {
    /// The name of the tag, such as `deps-update-hdf5-1.14`
    name: String,
    /// Pushes the tag, which makes CI build and publish its bundles
    #[arg(long)]
    push: bool,
    /// Makes the tag although something speaks against it
    #[arg(long)]
    force: bool,
    /// Checks everything, and tags nothing
    #[arg(long)]
    dry_run: bool,
    /// Uses no network but for --push: what was fetched before, and `file:` channels
    #[arg(long)]
    offline: bool,
    /// Prints the outcome as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: Arguments, settings: &Settings) -> Result<ExitCode, Failure> {
    let talk = Talk::new(settings);
    let outcome = tag::tag(&Options {
        folder: settings.directory.clone(),
        cache: settings.cache.clone(),
        name: arguments.name.clone(),
        is_pushed: arguments.push,
        is_forced: arguments.force,
        depth: if arguments.dry_run { Depth::Plan } else { Depth::Act },
        network: if arguments.offline { Network::Offline } else { Network::Allowed },
        tell: &|event| talk.tell(event),
    })?;
    let done = match (arguments.dry_run, arguments.push) {
        (true, _) => "planned",
        (false, true) => "pushed",
        (false, false) => "tagged",
    };
    if arguments.json {
        return print_json(&to_json(&outcome, done));
    }
    outcome.changes.iter().for_each(|change| show!("{}", tag::line(change)));
    outcome.doubts.iter().for_each(|doubt| talk.say(&format!("warning: {}", words(doubt))));
    for (platform, future) in &outcome.platforms {
        talk.say(&format!("{platform}: {}", future_words(future)));
    }
    let commit = outcome.commit.get(..12).unwrap_or(&outcome.commit);
    let before = match &outcome.before {
        Some((tag, distance)) => format!(", {distance} commits after {tag}"),
        None => ", the first deps tag".to_owned(),
    };
    let tag = &outcome.tag;
    talk.say(&match done {
        "planned" => format!("would tag {commit} as {tag}{before}"),
        "pushed" => format!("tagged {commit} as {tag}{before}, and pushed it"),
        _ => format!("tagged {commit} as {tag}{before}; `git push origin {tag}` makes CI build its bundles"),
    });
    Ok(ExitCode::SUCCESS)
}

/// What speaks against a tag, in words.
pub(super) fn words(doubt: &Doubt) -> String {
    match doubt {
        Doubt::Convention => {
            "the name is not `deps-<add|update|remove>-<recipe><version>` of a recipe that changed".to_owned()
        }
        Doubt::Branch { on: Some(on), wanted } => {
            format!("HEAD is on the branch `{on}`, and deps tags are made on `{wanted}`")
        }
        Doubt::Branch { on: None, wanted } => format!("HEAD is on no branch, and deps tags are made on `{wanted}`"),
        Doubt::NotCommitted => "the recipes on disk are not those of the commit".to_owned(),
        Doubt::NotPushed => "no branch of a remote has the commit".to_owned(),
        Doubt::NothingChanged { since } => format!("no recipe changed since {since}"),
    }
}

fn future_words(future: &Future) -> String {
    match future {
        Future::Published => "its bundle is published".to_owned(),
        Future::Promoted { candidate } => format!("the candidate {candidate} has these recipes and becomes its bundle"),
        Future::Built => "its bundle is built by the tag's pipeline".to_owned(),
        Future::Unknown { reason } => format!("whether there is a bundle is not known: {reason}"),
    }
}

fn to_json(outcome: &Outcome, done: &str) -> Value {
    let change = |change: &Changed| json!({"recipe": change.recipe, "change": change.change.name(), "was": change.was, "is": change.is});
    let future = |future: &Future| match future {
        Future::Published => "published",
        Future::Promoted { .. } => "promoted",
        Future::Built => "built",
        Future::Unknown { .. } => "unknown",
    };
    json!({
        "outcome": done,
        "tag": outcome.tag,
        "commit": outcome.commit,
        "before": outcome.before.as_ref().map(|(tag, _)| tag),
        "distance": outcome.before.as_ref().map(|(_, distance)| distance),
        "changes": outcome.changes.iter().map(change).collect::<Vec<_>>(),
        "platforms": outcome.platforms.iter().map(|(platform, one)| {
            json!({"platform": platform, "bundle": future(one)})
        }).collect::<Vec<_>>(),
        "doubts": outcome.doubts.iter().map(words).collect::<Vec<_>>(),
    })
}

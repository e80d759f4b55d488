//! `tagalong list`: the deps tags, one a line, or as JSON.

use std::process::ExitCode;

use serde_json::{Value, json};

use crate::cli::failure::Failure;
use crate::cli::print::{print, print_json};
use crate::cli::settings::Settings;
use crate::cli::talk::{Talk, grouped};
use crate::flow::list::{self, Listed, Options, Outcome};
use crate::moment::date;
use crate::search::Network;

/// Lists the deps tags: date, distance from HEAD, platforms with a bundle, and what changed
#[derive(Debug, clap::Args)]
#[command(after_help = "With --json stdout is one object with the keys all (how many tags there are) and tags (name, \
    commit, date (seconds since 1970), distance (null where HEAD does not reach it), bundles (platform, size), \
    changes (recipe, change; null where unknown)).")]
pub struct Arguments {
    /// Lists the deps tags, which is what it does without it too
    #[arg(long)]
    tags: bool,
    /// How many tags are listed, the newest first
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20)]
    limit: usize,
    /// Uses no network: what was fetched before, and `file:` channels
    #[arg(long)]
    offline: bool,
    /// Prints the list as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: Arguments, settings: &Settings) -> Result<ExitCode, Failure> {
    let talk = Talk::new(settings);
    let outcome = list::list(&Options {
        folder: settings.directory.clone(),
        cache: settings.cache.clone(),
        most: arguments.limit,
        network: if arguments.offline { Network::Offline } else { Network::Allowed },
        tell: &|event| talk.tell(event),
    })?;
    if arguments.json {
        return print_json(&to_json(&outcome));
    }
    if outcome.tags.len() < outcome.all {
        talk.say(&format!("the newest {} of {} tags; `--limit` lists more", outcome.tags.len(), outcome.all));
    }
    print(&outcome.tags.iter().map(lines).collect::<String>())
}

fn lines(tag: &Listed) -> String {
    let distance = tag.distance.map_or_else(|| "not reached".to_owned(), |distance| format!("+{distance}"));
    let when = date(u64::try_from(tag.date).unwrap_or_default());
    let mut text = format!("{}  {}  {distance}\n", tag.name.escape_debug(), when.trim_end_matches(" UTC"));
    for (platform, size) in &tag.bundles {
        text.push_str(&format!("  bundle for {platform}, {} bytes\n", grouped(size)));
    }
    if tag.bundles.is_empty() {
        text.push_str("  no bundle\n");
    }
    let changes: Vec<String> = (tag.changes.iter().flatten())
        .map(|drift| format!("{} ({})", drift.recipe.escape_debug(), drift.change.name()))
        .collect();
    match (&tag.changes, changes.as_slice()) {
        (None, _) => text.push_str("  what changed is not known\n"),
        (_, []) => text.push_str("  no recipe changed\n"),
        (_, changes) => text.push_str(&format!("  {}\n", changes.join(", "))),
    }
    text
}

fn to_json(outcome: &Outcome) -> Value {
    let tag = |tag: &Listed| {
        json!({
            "name": tag.name,
            "commit": tag.commit,
            "date": tag.date,
            "distance": tag.distance,
            "bundles": tag.bundles.iter().map(|(platform, size)| json!({"platform": platform, "size": size}))
                .collect::<Vec<_>>(),
            "changes": tag.changes.as_ref().map(|changes| changes.iter().map(|drift| {
                json!({"recipe": drift.recipe, "change": drift.change.name()})
            }).collect::<Vec<_>>()),
        })
    };
    json!({ "all": outcome.all, "tags": outcome.tags.iter().map(tag).collect::<Vec<_>>() })
}

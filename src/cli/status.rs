//! `tagalong status`: how things stand, one fact a line on stdout, or as JSON.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::{Value, json};

use crate::checkout::Forced;
use crate::cli::failure::Failure;
use crate::cli::install::{found, packages, platform, receipt_json, shown};
use crate::cli::print::{print_json, show};
use crate::cli::settings::Settings;
use crate::flow::status::{self, Options, Outcome, Reading, Verdict};
use crate::model::platform::Platform;
use crate::model::receipt::Receipt;
use crate::model::selection::Extent;
use crate::prefix_dir::{Change, State};

/// Tells what is installed and what would be
#[derive(Debug, clap::Args)]
#[command(
    after_help = "With --json stdout is one object with the keys tag, forced, distance, shallow, platform, prefix, \
    state (current, absent, other, moved, interrupted or foreign), installed (as of `install --json`, or null), drift \
    (recipe, change), beyond (folders of recipes that are not under this history) and changed (path, change; null without --verify)."
)]
pub struct Arguments {
    /// Compares with this tag instead of the history's; wins over FORCED_DEPS_TAG
    #[arg(long, value_name = "TAG")]
    tag: Option<String>,
    /// Looks at this folder instead of the one that tagalong.toml says
    #[arg(long, value_name = "DIR")]
    prefix: Option<PathBuf>,
    /// Looks at the bundle of this platform instead of this machine's
    #[arg(long, value_name = "ID", value_parser = platform)]
    platform: Option<Platform>,
    /// Exits with 7 unless the right bundle is installed
    #[arg(long)]
    check: bool,
    /// Reads every installed file; exits with 7 when one was changed or is missing
    #[arg(long)]
    verify: bool,
    /// Prints everything as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: Arguments, settings: &Settings) -> Result<ExitCode, Failure> {
    let options = Options {
        folder: settings.directory.clone(),
        forced: Forced::of(arguments.tag, settings.forced_tag.clone()),
        prefix: arguments.prefix,
        platform: arguments.platform,
        reading: if arguments.verify { Reading::Files } else { Reading::Receipt },
    };
    let outcome = status::status(&options)?;
    if arguments.json {
        print_json(&to_json(&outcome))?;
    } else {
        lines(&outcome, &settings.directory).iter().for_each(|line| show!("{line}"));
    }
    let is_changed = outcome.changed.as_ref().is_some_and(|changed| !changed.is_empty());
    let is_wanting = arguments.check && outcome.verdict != Verdict::Current;
    Ok(if is_changed || is_wanting { found() } else { ExitCode::SUCCESS })
}

fn lines(outcome: &Outcome, folder: &Path) -> Vec<String> {
    let resolution = &outcome.resolution;
    let how = match (&resolution.forced, resolution.distance) {
        (Some(forced), _) => format!(" (by {})", forced.by),
        (None, Some(distance)) if distance > 0 => format!(" (+{distance})"),
        _ => String::new(),
    };
    let mut lines = vec![
        format!("tag        {}{how}", resolution.tag),
        format!("platform   {}", outcome.platform),
        format!("prefix     {}", shown(outcome.prefix.as_path(), folder)),
        format!("installed  {}", installed(&outcome.state)),
        format!("state      {}", verdict(outcome)),
    ];
    lines.extend(resolution.drift.iter().map(|drift| format!("drift      {} {}", drift.recipe, drift.change.name())));
    lines.extend(resolution.beyond.iter().map(|folder| format!("drift      {folder} is not under this history")));
    if resolution.shallow {
        lines.push("history    shallow; a deeper one could change the tag".to_owned());
    }
    match outcome.changed.as_deref() {
        Some([]) => lines.push("files      all as they were installed".to_owned()),
        Some(changed) => {
            lines.extend(changed.iter().map(|one| format!("files      {} {}", one.path, change_word(one.change))));
        }
        None => {}
    }
    lines
}

fn installed(state: &State) -> String {
    match state {
        State::Installed(receipt) => {
            let kind = if receipt.candidate { "candidate " } else { "" };
            let (tag, channel) = (&receipt.tag, &receipt.channel);
            let stacks =
                if receipt.stacks.is_empty() { String::new() } else { format!(" of {}", receipt.stacks.join(", ")) };
            let count = packages(receipt.packages.len());
            let built: Vec<&str> =
                receipt.packages.iter().filter(|one| one.built).map(|one| one.name.as_str()).collect();
            let built = if built.is_empty() { String::new() } else { format!("; built here: {}", built.join(", ")) };
            let extent = match receipt.extent {
                Extent::Full => "",
                Extent::Runtime => ", without development files",
            };
            let platform = &receipt.platform;
            format!("{kind}{tag} for {platform} from channel `{channel}`: {count}{stacks}{extent}{built}")
        }
        State::Unreadable { reason } => format!("unknown: {reason}"),
        State::Empty | State::Interrupted | State::Foreign => "nothing".to_owned(),
    }
}

fn verdict(outcome: &Outcome) -> String {
    match (&outcome.verdict, &outcome.state) {
        (Verdict::Current, _) => "current".to_owned(),
        (Verdict::Absent, _) => "absent; `tagalong install` installs it".to_owned(),
        (Verdict::Other, _) => "another bundle is installed; `tagalong install` replaces it".to_owned(),
        (Verdict::Moved, State::Installed(receipt)) => {
            format!("moved from {}; `tagalong install` makes it anew", receipt.prefix)
        }
        (Verdict::Moved, _) => "moved".to_owned(),
        (Verdict::Interrupted, _) => "an install was broken off; `tagalong install` finishes or undoes it".to_owned(),
        (Verdict::Foreign, _) => "the prefix holds what no install made".to_owned(),
    }
}

fn verdict_word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Current => "current",
        Verdict::Absent => "absent",
        Verdict::Other => "other",
        Verdict::Moved => "moved",
        Verdict::Interrupted => "interrupted",
        Verdict::Foreign => "foreign",
    }
}

fn change_word(change: Change) -> &'static str {
    match change {
        Change::Missing => "missing",
        Change::Content => "changed",
        Change::Mode => "mode",
        Change::Kind => "kind",
    }
}

fn to_json(outcome: &Outcome) -> Value {
    let resolution = &outcome.resolution;
    let drift = resolution.drift.iter().map(|drift| json!({"recipe": drift.recipe, "change": drift.change.name()}));
    let changed = outcome.changed.as_ref().map(|changed| {
        let one = |one: &crate::prefix_dir::Changed| json!({"path": one.path, "change": change_word(one.change)});
        changed.iter().map(one).collect::<Vec<_>>()
    });
    let installed = match &outcome.state {
        State::Installed(receipt) => receipt_json("installed", receipt),
        _ => Value::Null,
    };
    json!({
        "tag": resolution.tag,
        "forced": resolution.forced.as_ref().map(|forced| forced.by),
        "distance": resolution.distance,
        "shallow": resolution.shallow,
        "platform": outcome.platform,
        "prefix": Receipt::prefix_text(&outcome.prefix),
        "state": verdict_word(outcome.verdict),
        "installed": installed,
        "beyond": resolution.beyond,
        "drift": drift.collect::<Vec<_>>(),
        "changed": changed,
    })
}

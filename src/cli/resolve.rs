//! `tagalong resolve`: the tag alone on stdout, how it was found on stderr.

use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::json;

use crate::checkout::{Forced, Wanted};
use crate::cli::failure::Failure;
use crate::cli::print::{print_json, say, show};
use crate::cli::settings::Settings;
use crate::cli::talk::Talk;
use crate::flow::resolve::{self, Options, Outcome};

/// Prints the nearest deps tag of a commit
#[derive(Debug, clap::Args)]
#[command(after_help = "Stdout is the tag alone, or with --json one object with the keys tag, commit, tagged_commit, \
    distance, platform, forced (`--tag`, `FORCED_DEPS_TAG` or null), shallow, candidates (tag, commit, distance), \
    other_tags_on_commit, drift (recipe, change: added, changed or removed) and beyond (folders of recipes that are not \
    under this history). Drift and a shallow history are warned of on stderr.")]
pub struct Arguments {
    /// The commit, as git names commits; HEAD by default, with the work tree
    #[arg(value_name = "COMMIT")]
    commit: Option<String>,
    /// Takes this tag instead of the history's; wins over FORCED_DEPS_TAG
    #[arg(long, value_name = "TAG")]
    tag: Option<String>,
    /// Tells on stderr how the tag was found
    #[arg(long)]
    explain: bool,
    /// Prints everything as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: Arguments, settings: &Settings) -> Result<ExitCode, Failure> {
    let options = Options {
        folder: settings.directory.clone(),
        wanted: Wanted { commit: arguments.commit, forced: Forced::of(arguments.tag, settings.forced_tag.clone()) },
        host: arguments.json.then(|| PathBuf::from("/")),
    };
    let talk = Talk::new(settings);
    let outcome = resolve::resolve(&options, &|event| talk.tell(event))?;
    if arguments.explain {
        explain(&outcome).iter().for_each(|line| say!("{line}"));
    }
    if arguments.json {
        print_json(&to_json(&outcome))?;
    } else {
        show!("{}", outcome.resolution.tag);
    }
    Ok(ExitCode::SUCCESS)
}

fn to_json(outcome: &Outcome) -> serde_json::Value {
    let resolution = &outcome.resolution;
    let candidates = resolution
        .candidates
        .iter()
        .map(|candidate| json!({ "tag": candidate.tag, "commit": candidate.commit, "distance": candidate.distance }));
    let drift = resolution.drift.iter().map(|drift| json!({ "recipe": drift.recipe, "change": drift.change.name() }));
    json!({
        "tag": resolution.tag,
        "commit": resolution.commit,
        "tagged_commit": resolution.tagged_commit,
        "distance": resolution.distance,
        "platform": outcome.platform,
        "forced": resolution.forced.as_ref().map(|forced| forced.by),
        "shallow": resolution.shallow,
        "candidates": candidates.collect::<Vec<_>>(),
        "other_tags_on_commit": resolution.other_tags,
        "beyond": resolution.beyond,
        "drift": drift.collect::<Vec<_>>(),
    })
}

/// How the tag was found, a line for each step.
fn explain(outcome: &Outcome) -> Vec<String> {
    let resolution = &outcome.resolution;
    let mut lines = Vec::new();
    if let Some(commit) = &resolution.commit {
        lines.push(format!("commit: {commit}"));
    }
    match &resolution.forced {
        Some(forced) => lines.push(format!("law: none, {} names the tag", forced.by)),
        None => lines.push(format!("law: walk = \"{}\" over tags `{}`", outcome.walk.name(), outcome.pattern)),
    }
    let is_single = resolution.candidates.len() == 1;
    for candidate in &resolution.candidates {
        let role = match (is_single, candidate.tag == resolution.tag.as_str()) {
            (true, _) => "nearest",
            (false, true) => "nearest, its recipes are the commit's",
            (false, false) => "as near, its recipes are not the commit's",
        };
        let (tag, commit) = (candidate.tag.escape_debug(), &candidate.commit);
        lines.push(format!("{role}: {tag} at {commit}, {} commits before", candidate.distance));
    }
    if !resolution.other_tags.is_empty() {
        lines.push(format!("on the same commit: {}", resolution.other_tags.join(", ").escape_debug()));
    }
    lines.push(match (resolution.drift_is_known, resolution.drift.len()) {
        (false, _) => "recipes: not compared, those of the tag are not in this repository".to_owned(),
        (true, 0) => "recipes: those of the tag".to_owned(),
        (true, count) => format!("recipes: {count} differ from those of the tag"),
    });
    lines
}

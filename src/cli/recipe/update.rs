//! `tagalong recipe update`.

use std::process::ExitCode;

use serde_json::{Value, json};

use crate::cli::failure::{Code, Failure};
use crate::cli::print;
use crate::cli::settings::Settings;
use crate::cli::talk::Talk;
use crate::flow::recipe_update::{Options, Outcome, Writing, recipe_update};
use crate::model::recipe::RecipeName;
use crate::sources::trial::{Trial, Verdict};

/// Puts a new version into a recipe: fetches its sources, writes their digests, tries the patches
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Only the version, the digests and the commits change; comments and layout stay. Where the old version \
    is written out in a url, the new one stands there afterwards. What comes from git gets the commit of the new \
    version's tag. When a source cannot be fetched nothing is written; when a patch no longer applies the recipe is \
    written, the patch is told, and the exit code is 7.\n\n\
    With --json stdout is one object with the keys path, name, from, to, written, sources[{platforms, place, was, is}], \
    patches[{patch, verdict: applies, fails, already-there or applies-twice, output}] and \
    kept[{platforms, version}]."
)]
pub struct Arguments {
    #[arg(value_name = "NAME", value_parser = super::recipe_name)]
    name: RecipeName,
    /// The new version, as its makers write it
    #[arg(value_name = "VERSION")]
    version: String,
    /// Fetches and tries everything, and writes nothing
    #[arg(long)]
    dry_run: bool,
    /// Prints the answer as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: Arguments, settings: &Settings) -> Result<ExitCode, Failure> {
    let options = Options {
        directory: settings.directory.clone(),
        name: arguments.name,
        version: arguments.version,
        writing: if arguments.dry_run { Writing::DryRun } else { Writing::Done },
        cache: settings.cache.clone(),
        mirrors: settings.source_mirrors.clone(),
    };
    let talk = Talk::new(settings);
    let outcome = recipe_update(&options, &|event| talk.tell(event))?;
    match arguments.json {
        true => print::print_json(&as_json(&options, &outcome))?,
        false => print::print(&as_text(&options, &outcome))?,
    };
    let broken: Vec<&Trial> = outcome.patches.iter().filter(|trial| trial.verdict != Verdict::Applies).collect();
    if broken.is_empty() { Ok(ExitCode::SUCCESS) } else { Err(failure(&options, &outcome, &broken)) }
}

fn is_written(options: &Options, outcome: &Outcome) -> bool {
    options.writing == Writing::Done && !is_current(options, outcome)
}

fn is_current(options: &Options, outcome: &Outcome) -> bool {
    outcome.sources.is_empty() && outcome.from == options.version
}

fn as_text(options: &Options, outcome: &Outcome) -> String {
    let (name, from, to) = (&options.name, &outcome.from, &options.version);
    if is_current(options, outcome) {
        return format!("{name} is at {to} already; nothing was written\n");
    }
    let mut text = String::new();
    for source in &outcome.sources {
        let of = of_platforms(&source.platforms);
        text.push_str(&format!("source {}{of}: {} -> {}\n", source.place, source.was, source.is));
    }
    for trial in &outcome.patches {
        text.push_str(&format!("patch {}: {}\n", trial.patch, words(&trial.verdict)));
    }
    for kept in &outcome.kept {
        text.push_str(&format!("stays{}: {}\n", of_platforms(&kept.platforms), kept.version));
    }
    let verb = if options.writing == Writing::Done { "updated" } else { "would update" };
    text.push_str(&format!("{verb} {}: {name} {from} -> {to}\n", outcome.path.display()));
    text
}

fn of_platforms(platforms: &[String]) -> String {
    if platforms.is_empty() { String::new() } else { format!(" on {}", platforms.join(", ")) }
}

fn words(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Applies => "applies",
        Verdict::Fails { .. } => "applies no more",
        Verdict::AlreadyThere => "is in the source already",
        Verdict::AppliesTwice => "applies twice",
    }
}

/// The patches that do not apply; the recipe is written all the same, since version and digest are right.
fn failure(options: &Options, outcome: &Outcome, broken: &[&Trial]) -> Failure {
    let count = broken.len();
    let what = match count {
        1 => format!("a patch does not apply to {} {}", options.name, options.version),
        _ => format!("{count} patches do not apply to {} {}", options.name, options.version),
    };
    let said = broken.iter().filter_map(|trial| match &trial.verdict {
        Verdict::Fails { output } => Some(format!("{}:\n{output}", trial.patch)),
        _ => None,
    });
    let mut failure = Failure::new(Code::CheckFound, what).report(said.collect::<Vec<_>>().join("\n"));
    for trial in broken {
        failure = failure.why(format!("`{}` {}", trial.patch, words(&trial.verdict)));
    }
    if broken.iter().any(|trial| trial.verdict == Verdict::AlreadyThere) {
        failure = failure.next("take a patch whose change is in the source out of `patches`");
    }
    if broken.iter().any(|trial| trial.verdict != Verdict::AlreadyThere) {
        failure = failure.next(format!("make the patch anew against {}", options.version));
    }
    if is_written(options, outcome) {
        failure = failure.next(format!("`git checkout {}` takes the update back", outcome.path.display()));
    }
    failure
}

fn as_json(options: &Options, outcome: &Outcome) -> Value {
    let source = |source: &crate::flow::recipe_update::NewSource| json!({"platforms": source.platforms, "place": source.place, "was": source.was, "is": source.is});
    let patch = |trial: &Trial| {
        let (verdict, output) = match &trial.verdict {
            Verdict::Applies => ("applies", None),
            Verdict::Fails { output } => ("fails", Some(output)),
            Verdict::AlreadyThere => ("already-there", None),
            Verdict::AppliesTwice => ("applies-twice", None),
        };
        json!({"patch": trial.patch, "verdict": verdict, "output": output})
    };
    json!({
        "path": outcome.path, "name": options.name, "from": outcome.from, "to": options.version,
        "written": is_written(options, outcome),
        "sources": outcome.sources.iter().map(source).collect::<Vec<_>>(),
        "patches": outcome.patches.iter().map(patch).collect::<Vec<_>>(),
        "kept": outcome.kept.iter().map(|kept| json!({"platforms": kept.platforms, "version": kept.version})).collect::<Vec<_>>(),
    })
}

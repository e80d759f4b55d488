//! `tagalong recipe check`.

use std::process::ExitCode;

use serde_json::json;

use crate::cli::failure::{Code, Failure};
use crate::cli::settings::Settings;
use crate::cli::talk::Talk;
use crate::cli::{mistakes, print};
use crate::flow::recipe_check::{Options, Outcome, recipe_check};
use crate::model::recipe::RecipeName;

/// Tells all mistakes of the recipes, and of tagalong.toml
#[derive(Debug, clap::Args)]
#[command(after_help = "Each recipe is read as it holds on every platform that tagalong.toml declares. \
    Ends with 7 if there are mistakes.")]
pub struct Arguments {
    /// The recipes whose mistakes are told; all if none is named
    #[arg(value_name = "NAME", value_parser = super::recipe_name)]
    names: Vec<RecipeName>,
    /// Prints the answer as JSON: checked, mistakes[{file, line, column, what, hint}]
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: Arguments, settings: &Settings) -> Result<ExitCode, Failure> {
    let talk = Talk::new(settings);
    let tell = |event| talk.tell(event);
    let (directory, cache) = (settings.directory.clone(), settings.cache.clone());
    let options = Options { directory, cache, tell: &tell, names: arguments.names };
    let outcome = recipe_check(&options).map_err(Failure::from)?;
    if arguments.json {
        print::print_json(&as_json(&outcome))?;
    }
    if !outcome.mistakes.is_empty() {
        return Err(failure(&outcome, settings));
    }
    if arguments.json {
        return Ok(ExitCode::SUCCESS);
    }
    print::print(&format!("no mistakes in {}\n", counted(outcome.checked.len(), "recipe")))
}

fn failure(outcome: &Outcome, settings: &Settings) -> Failure {
    let count = outcome.mistakes.iter().map(|file| file.list.len()).sum();
    let what = format!("{} in {}", counted(count, "mistake"), counted(outcome.mistakes.len(), "file"));
    Failure::new(Code::CheckFound, what)
        .report(mistakes::render_all(&outcome.mistakes, settings.is_coloured))
        .next("`tagalong recipe reference` tells what a recipe may say")
}

fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

fn as_json(outcome: &Outcome) -> serde_json::Value {
    let mut list = Vec::new();
    for file in &outcome.mistakes {
        for mistake in &file.list {
            let (line, column) = file.place_of(mistake);
            let (what, hint) = (&mistake.what, &mistake.hint);
            list.push(json!({"file": file.name, "line": line, "column": column, "what": what, "hint": hint}));
        }
    }
    json!({"checked": outcome.checked, "mistakes": list})
}

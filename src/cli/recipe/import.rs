//! `tagalong recipe import`.

use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::json;

use crate::cli::failure::{Failure, on_one_line};
use crate::cli::print;
use crate::cli::settings::Settings;
use crate::flow::recipe_import::{Options, Outcome, Overwrite, recipe_import};
use crate::model::recipe::RecipeName;
use crate::recipe_import::Format;
use crate::recipe_import::found::Lost;

/// Makes a recipe of another system's one, and says line by line what it could not carry
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Read are Karabo's `build.config` (its variables; it is never run), conda-build's `meta.yaml` and \
    rattler-build's `recipe.yaml` with the `build.sh` beside them (for Linux on x86_64), and HashDist's package YAML. \
    Patches beside the file are copied. A digest that the file does not have is written as zeros: \
    `tagalong recipe update NAME VERSION` finds it. What was not carried is printed as FILE:LINE: TEXT: WHY and stands \
    at the end of the recipe as comments.\n\n\
    With --json stdout is one object with the keys path, name, version, format, written, patches, missing_needs, \
    lost[{file, line, text, why}] and text."
)]
pub struct Arguments {
    /// The recipe of the other system
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The name of the new recipe, where it is not that of the file
    #[arg(long, value_name = "NAME", value_parser = super::recipe_name)]
    to: Option<RecipeName>,
    /// The version, where the file does not tell it
    #[arg(long, value_name = "VERSION")]
    version: Option<String>,
    /// karabo, conda, rattler or hashdist, where the file does not tell it
    #[arg(long, value_name = "FORMAT", value_parser = format)]
    format: Option<Format>,
    /// Writes over the recipe that is there
    #[arg(long)]
    force: bool,
    /// Prints the recipe and writes nothing
    #[arg(long, conflicts_with = "force")]
    dry_run: bool,
    /// Prints the answer as JSON
    #[arg(long)]
    json: bool,
}

fn format(text: &str) -> Result<Format, String> {
    let found = Format::ALL.into_iter().find(|format| format.name() == text);
    found.ok_or_else(|| "write karabo, conda, rattler or hashdist".to_owned())
}

pub fn run(arguments: Arguments, settings: &Settings) -> Result<ExitCode, Failure> {
    let overwrite = match (arguments.dry_run, arguments.force) {
        (true, _) => Overwrite::DryRun,
        (_, true) => Overwrite::Always,
        _ => Overwrite::Never,
    };
    let options = Options {
        directory: settings.directory.clone(),
        file: settings.directory.join(&arguments.file),
        format: arguments.format,
        name: arguments.to,
        version: arguments.version,
        overwrite,
    };
    let outcome = recipe_import(&options)?;
    if arguments.json {
        return print::print_json(&as_json(&outcome, overwrite));
    }
    if overwrite == Overwrite::DryRun {
        return print::print(&outcome.text);
    }
    let mut text: String = outcome.lost.iter().map(|lost| line(lost) + "\n").collect();
    text.push_str(&sentence(&outcome));
    print::print(&text)
}

/// A line that a terminal would obey is shown without what it would obey.
fn line(lost: &Lost) -> String {
    on_one_line(&format!("{}:{}: {}: {}", lost.file, lost.line, lost.text, lost.why))
}

fn sentence(outcome: &Outcome) -> String {
    let Outcome { name, version, path, .. } = outcome;
    let counted = |count: usize, noun: &str| format!("{count} {noun}{}", if count == 1 { "" } else { "s" });
    let mut text = format!("wrote {}: {name} {version} from {}", path.display(), outcome.format.name());
    match outcome.patches.len() {
        0 => {}
        1 => text.push_str(", 1 patch"),
        count => text.push_str(&format!(", {count} patches")),
    }
    match outcome.lost.len() {
        0 => text.push_str("; every line was carried\n"),
        count => text.push_str(&format!("; {} not carried\n", counted(count, "line"))),
    }
    if !outcome.missing_needs.is_empty() {
        text.push_str(&format!("its needs have no recipe yet: {}\n", outcome.missing_needs.join(", ")));
    }
    text
}

fn as_json(outcome: &Outcome, overwrite: Overwrite) -> serde_json::Value {
    let lost = |lost: &Lost| json!({"file": lost.file, "line": lost.line, "text": lost.text, "why": lost.why});
    json!({
        "path": outcome.path, "name": outcome.name, "version": outcome.version, "format": outcome.format.name(),
        "written": overwrite != Overwrite::DryRun, "patches": outcome.patches, "missing_needs": outcome.missing_needs,
        "lost": outcome.lost.iter().map(lost).collect::<Vec<_>>(), "text": outcome.text,
    })
}

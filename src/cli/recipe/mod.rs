//! `tagalong recipe`: the verbs about recipes, one file each.

mod check;
mod graph;
mod import;
mod new;
mod show;
mod update;
mod why;

use std::process::ExitCode;

use clap::Subcommand;

use crate::cli::failure::Failure;
use crate::cli::print;
use crate::cli::settings::Settings;
use crate::model::platform::Platform;
use crate::model::recipe::RecipeName;
use crate::recipe_file::reference::reference;

/// Checks, shows and makes recipes
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Check(check::Arguments),
    Show(show::Arguments),
    New(new::Arguments),
    Update(update::Arguments),
    Import(import::Arguments),
    Graph(graph::Arguments),
    Why(why::Arguments),
    /// Prints the reference of the recipe format, as Markdown
    Reference,
}

pub fn run(arguments: Arguments, settings: &Settings) -> Result<ExitCode, Failure> {
    match arguments.verb {
        Verb::Check(arguments) => check::run(arguments, settings),
        Verb::Show(arguments) => show::run(arguments, settings),
        Verb::New(arguments) => new::run(arguments, settings),
        Verb::Update(arguments) => update::run(arguments, settings),
        Verb::Import(arguments) => import::run(arguments, settings),
        Verb::Graph(arguments) => graph::run(arguments, settings),
        Verb::Why(arguments) => why::run(arguments, settings),
        Verb::Reference => print::print(&reference()),
    }
}

/// A recipe's name as an argument.
fn recipe_name(text: &str) -> Result<RecipeName, String> {
    RecipeName::parse(text).map_err(|_| "use lower-case letters, digits, `-`, `_`, `+` and `.`".to_owned())
}

/// A platform's id as an argument.
fn platform(text: &str) -> Result<Platform, String> {
    Platform::parse(text).map_err(|_| "write an id such as `debian-12-x86_64`".to_owned())
}

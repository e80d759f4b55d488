//! The command line: the only room that reads argv, environment and terminal, and that prints.
//!
//! One file a verb. What went wrong is put into words in `failure/`, what happens meanwhile in `talk.rs`.

pub mod audit;
pub mod bars;
pub mod build;
pub mod cache;
pub mod changes;
mod ci;
mod completions;
mod diary;
mod diff;
pub mod doctor;
pub mod elf;
pub mod env;
pub mod failure;
pub mod gc;
pub mod init;
pub mod install;
pub mod key;
mod list;
pub mod mistakes;
pub mod platform;
pub mod prefix;
pub mod print;
pub mod publish;
pub mod recipe;
pub mod relocate;
pub mod resolve;
pub mod run;
pub mod sandbox;
pub mod sbom;
pub mod secret;
pub mod settings;
pub mod shell;
pub mod status;
mod tag;
pub mod talk;
pub mod uninstall;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::cli::failure::Failure;
use crate::cli::settings::Settings;

/// Gives every checkout of a project the third-party libraries that belong to it.
#[derive(Debug, Parser)]
#[command(name = "tagalong", version, max_term_width = 100, disable_help_subcommand = true)]
#[command(after_help = "Exit codes: 0 done, 1 internal, 2 usage, 3 not found, 4 verification failed, 5 network, \
    6 a build step failed, 7 a check found something, 8 ambiguous.")]
pub struct Arguments {
    /// Works as if started in DIR
    #[arg(short = 'C', value_name = "DIR", global = true)]
    directory: Option<PathBuf>,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Init(init::Arguments),
    Resolve(resolve::Arguments),
    Platform(platform::Arguments),
    Install(install::Arguments),
    Uninstall(uninstall::Arguments),
    Status(status::Arguments),
    Build(build::Arguments),
    Publish(publish::Arguments),
    Relocate(relocate::Arguments),
    Elf(elf::Arguments),
    Audit(audit::Arguments),
    Diff(diff::Arguments),
    Env(env::Arguments),
    Run(run::Arguments),
    Shell(shell::Arguments),
    Doctor(doctor::Arguments),
    Sbom(sbom::Arguments),
    Cache(cache::Arguments),
    Gc(gc::Arguments),
    Key(key::Arguments),
    Tag(tag::Arguments),
    List(list::Arguments),
    Ci(ci::Arguments),
    Recipe(recipe::Arguments),
    Completions(completions::Arguments),
    #[command(name = "sandbox-step", hide = true)]
    Sandbox(sandbox::Arguments),
}

/// Runs the program with the arguments of this process.
pub fn run() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return failure::usage(&error),
    };
    let outcome = Settings::of_process(arguments.directory).and_then(|settings| dispatch(arguments.verb, &settings));
    outcome.unwrap_or_else(|failure| failure.show())
}

fn dispatch(verb: Verb, settings: &Settings) -> Result<ExitCode, Failure> {
    match verb {
        Verb::Init(arguments) => init::run(arguments, settings),
        Verb::Resolve(arguments) => resolve::run(arguments, settings),
        Verb::Platform(arguments) => platform::run(arguments, settings),
        Verb::Install(arguments) => install::run(arguments, settings),
        Verb::Uninstall(arguments) => uninstall::run(arguments, settings),
        Verb::Status(arguments) => status::run(arguments, settings),
        Verb::Build(arguments) => build::run(arguments, settings),
        Verb::Publish(arguments) => publish::run(arguments, settings),
        Verb::Relocate(arguments) => relocate::run(arguments, settings),
        Verb::Elf(arguments) => elf::run(arguments, settings),
        Verb::Audit(arguments) => audit::run(arguments, settings),
        Verb::Diff(arguments) => diff::run(arguments, settings),
        Verb::Env(arguments) => env::run(arguments, settings),
        Verb::Run(arguments) => run::run(arguments, settings),
        Verb::Shell(arguments) => shell::run(arguments, settings),
        Verb::Doctor(arguments) => doctor::run(arguments, settings),
        Verb::Gc(arguments) => gc::run(arguments, settings),
        Verb::Cache(arguments) => cache::run(arguments, settings),
        Verb::Sbom(arguments) => sbom::run(arguments, settings),
        Verb::Key(arguments) => key::run(arguments, settings),
        Verb::Tag(arguments) => tag::run(arguments, settings),
        Verb::List(arguments) => list::run(arguments, settings),
        Verb::Ci(arguments) => ci::run(arguments, settings),
        Verb::Recipe(arguments) => recipe::run(arguments, settings),
        Verb::Completions(arguments) => completions::run(arguments, settings),
        Verb::Sandbox(arguments) => sandbox::run(arguments, settings),
    }
}

//! `tagalong elf`: the verbs about single ELF files, one file each.

mod loads;
mod print;
mod set;
mod show;

use std::process::ExitCode;

use clap::Subcommand;

use crate::cli::failure::Failure;
use crate::cli::settings::Settings;

/// Shows and edits ELF files: programs and shared libraries
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Show(show::Arguments),
    Print(print::Arguments),
    Set(Box<set::Arguments>),
    Loads(loads::Arguments),
}

pub fn run(arguments: Arguments, settings: &Settings) -> Result<ExitCode, Failure> {
    match arguments.verb {
        Verb::Show(arguments) => show::run(&arguments, settings),
        Verb::Print(arguments) => print::run(&arguments, settings),
        Verb::Set(arguments) => set::run(*arguments, settings),
        Verb::Loads(arguments) => loads::run(&arguments, settings),
    }
}

/// The exit code of several files: that of the first failure; every failure is shown.
fn exit(failures: &[Failure]) -> ExitCode {
    let codes: Vec<ExitCode> = failures.iter().map(Failure::show).collect();
    codes.into_iter().next().unwrap_or(ExitCode::SUCCESS)
}

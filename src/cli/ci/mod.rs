//! `tagalong ci`: the verbs about CI, one file each.

mod check;
mod generate;
mod image;
mod init;
mod reproduce;

use std::process::ExitCode;

use clap::Subcommand;

use crate::cli::failure::Failure;
use crate::cli::settings::Settings;

/// Makes pipelines for GitLab CI, and repeats their jobs here
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Init(init::Arguments),
    Generate(Box<generate::Arguments>),
    Check(check::Arguments),
    Reproduce(reproduce::Arguments),
    Image(image::Arguments),
}

pub fn run(arguments: Arguments, settings: &Settings) -> Result<ExitCode, Failure> {
    match arguments.verb {
        Verb::Init(arguments) => init::run(arguments, settings),
        Verb::Generate(arguments) => generate::run(*arguments, settings),
        Verb::Check(arguments) => check::run(arguments, settings),
        Verb::Reproduce(arguments) => reproduce::run(arguments, settings),
        Verb::Image(arguments) => image::run(arguments, settings),
    }
}

//! `tagalong shell`: becomes the user's shell, in the bundle's environment.

use std::ffi::OsString;
use std::process::ExitCode;

use crate::cli::failure::Failure;
use crate::cli::prefix::PrefixArguments;
use crate::cli::run::become_program;
use crate::cli::settings::Settings;
use crate::cli::talk::Talk;
use crate::flow::environment;

/// Starts a shell with the bundle's environment
#[derive(Debug, clap::Args)]
#[command(after_help = "The shell is the one of SHELL, else /bin/sh. Leave it with `exit`.")]
pub struct Arguments {
    #[command(flatten)]
    prefix: PrefixArguments,
}

pub fn run(arguments: Arguments, settings: &Settings) -> Result<ExitCode, Failure> {
    let outcome = environment::environment(&arguments.prefix.asked(settings))?;
    let shell =
        std::env::var_os("SHELL").filter(|shell| !shell.is_empty()).unwrap_or_else(|| OsString::from("/bin/sh"));
    if settings.is_terminal {
        Talk::new(settings).say(&format!("a shell with {} in its environment; leave it with `exit`", outcome.prefix));
    }
    Err(become_program(&shell, &[], &outcome, settings))
}

//! `tagalong completions`.

use std::process::ExitCode;

use crate::cli::failure::Failure;
use crate::cli::settings::Settings;

/// Prints the completions of a shell
#[derive(Debug, clap::Args)]
pub struct Arguments {}

pub fn run(_arguments: Arguments, _settings: &Settings) -> Result<ExitCode, Failure> {
    Err(Failure::internal("`completions` is not written yet"))
}

//! `tagalong platform`.

use std::process::ExitCode;

use crate::cli::failure::Failure;
use crate::cli::settings::Settings;

/// Prints the platform of this machine
#[derive(Debug, clap::Args)]
pub struct Arguments {}

pub fn run(_arguments: Arguments, _settings: &Settings) -> Result<ExitCode, Failure> {
    Err(Failure::internal("`platform` is not written yet"))
}

//! `tagalong env`.

use std::process::ExitCode;

use crate::cli::failure::Failure;
use crate::cli::settings::Settings;

/// Prints what a shell needs to use the bundle
#[derive(Debug, clap::Args)]
pub struct Arguments {}

pub fn run(_arguments: Arguments, _settings: &Settings) -> Result<ExitCode, Failure> {
    Err(Failure::internal("`env` is not written yet"))
}

//! `tagalong status`.

use std::process::ExitCode;

use crate::cli::failure::Failure;
use crate::cli::settings::Settings;

/// Tells what is installed and what would be
#[derive(Debug, clap::Args)]
pub struct Arguments {}

pub fn run(_arguments: Arguments, _settings: &Settings) -> Result<ExitCode, Failure> {
    Err(Failure::internal("`status` is not written yet"))
}

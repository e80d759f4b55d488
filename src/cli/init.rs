//! `tagalong init`.

use std::process::ExitCode;

use crate::cli::failure::Failure;
use crate::cli::settings::Settings;

/// Writes a commented tagalong.toml
#[derive(Debug, clap::Args)]
pub struct Arguments {}

pub fn run(_arguments: Arguments, _settings: &Settings) -> Result<ExitCode, Failure> {
    Err(Failure::internal("`init` is not written yet"))
}

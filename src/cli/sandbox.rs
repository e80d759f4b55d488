//! `tagalong sandbox-step FILE`: the far side of the sandbox; called by the program itself, never by people.

use std::path::PathBuf;
use std::process::ExitCode;

use crate::builder::sandbox::{SandboxedStep, enter};
use crate::cli::failure::Failure;
use crate::cli::settings::Settings;

/// Runs one build step inside its limits (internal)
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The step, as JSON
    file: PathBuf,
}

pub fn run(arguments: Arguments, _settings: &Settings) -> Result<ExitCode, Failure> {
    let mut step = SandboxedStep::read(&arguments.file)
        .map_err(|error| Failure::internal(format!("the step cannot be read: {error}")))?;
    // The jobserver of make comes through the environment of this process (GNU make manual, 13.1.1).
    for name in ["MAKEFLAGS", "MFLAGS", "CARGO_MAKEFLAGS"] {
        if let Ok(value) = std::env::var(name) {
            step.environment.push((name.to_owned(), value));
        }
    }
    let code = enter(&step).map_err(|error| Failure::internal(format!("the step cannot be started: {error}")))?;
    Ok(ExitCode::from(code))
}

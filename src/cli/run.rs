//! `tagalong run`: becomes another program, in the bundle's environment.

use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use crate::cli::env::variables;
use crate::cli::failure::{Code, Failure};
use crate::cli::prefix::PrefixArguments;
use crate::cli::settings::Settings;
use crate::flow::environment::{self, Outcome};

/// Runs a command with the bundle's environment
#[derive(Debug, clap::Args)]
#[command(after_help = "The command takes the place of tagalong: its exit code and the signals it gets are its own.")]
pub struct Arguments {
    #[command(flatten)]
    prefix: PrefixArguments,
    /// The command and its arguments
    #[arg(value_name = "CMD", required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<OsString>,
}

pub fn run(arguments: Arguments, settings: &Settings) -> Result<ExitCode, Failure> {
    let outcome = environment::environment(&arguments.prefix.asked(settings))?;
    let (program, rest) = arguments.command.split_first().expect("clap asks for at least one word");
    Err(become_program(program, rest, &outcome, settings))
}

/// Replaces this process; comes back only when that fails.
pub(super) fn become_program(
    program: &OsStr,
    arguments: &[OsString],
    outcome: &Outcome,
    settings: &Settings,
) -> Failure {
    let mut command = Command::new(program);
    command.args(arguments).envs(variables(outcome)).current_dir(&settings.directory);
    let error = command.exec();
    let failure = match error.kind() {
        std::io::ErrorKind::NotFound => {
            Failure::new(Code::NotFound, format!("there is no program `{}`", program.display()))
        }
        _ => Failure::new(Code::Usage, format!("`{}` cannot be run", program.display())).why(error.to_string()),
    };
    failure.next("name a program of the bundle, of `PATH`, or by its path")
}

//! `tagalong ci reproduce`: the command that repeats a job here, printed or run.

use std::process::{Command, ExitCode};

use serde_json::json;

use crate::cli::build::own_file;
use crate::cli::failure::{Code, Failure};
use crate::cli::print::{print, print_json, say};
use crate::cli::settings::Settings;
use crate::flow::ci::reproduce::{Options, reproduce};

/// Prints the one command that repeats a job of CI on this machine
#[derive(Debug, clap::Args)]
#[command(
    after_help = "A failed build job leaves `tagalong-failed/job.json` among its artifacts, which is looked for at \
    the address of the job; where artifacts are not public, download it and name the file. A container is used \
    where podman or docker is installed and the image is known, else tagalong's own sandbox. With --json stdout \
    is one object with the keys command, packages, platform, engine and image."
)]
pub struct Arguments {
    /// The address of a job, the note that a failed job left, or a build record
    #[arg(value_name = "JOB-URL|FILE")]
    subject: String,
    /// Runs the command
    #[arg(long, conflicts_with = "json")]
    run: bool,
    /// Prints the command as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: Arguments, settings: &Settings) -> Result<ExitCode, Failure> {
    let program = own_file()?;
    let path = std::env::var_os("PATH");
    let outcome = reproduce(&Options {
        folder: &settings.directory,
        subject: &arguments.subject,
        program: &program,
        path: path.as_deref(),
    })?;
    if arguments.json {
        return print_json(&json!({
            "command": outcome.command,
            "packages": outcome.packages,
            "platform": outcome.platform,
            "engine": outcome.engine,
            "image": outcome.image,
        }));
    }
    let what = if outcome.packages.is_empty() { "all packages".to_owned() } else { outcome.packages.join(", ") };
    let place = match (outcome.engine, &outcome.image) {
        (Some(engine), _) => format!("in a container of {engine}"),
        (None, Some(image)) => format!("on this machine: neither podman nor docker is installed for the image {image}"),
        (None, None) => "on this machine: the job has no image".to_owned(),
    };
    say!("repeats the build of {what} for {} {place}", outcome.platform);
    if !arguments.run {
        return print(&format!("{}\n", outcome.command));
    }
    say!("{}", outcome.command);
    let status = Command::new("sh").arg("-c").arg(&outcome.command).current_dir(&settings.directory).status();
    let status = status.map_err(|error| {
        Failure::new(Code::Internal, "the command does not start").why(error.to_string()).next("run it by hand")
    })?;
    let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(Code::BuildStep as u8);
    Ok(ExitCode::from(code))
}

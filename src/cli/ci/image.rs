//! `tagalong ci image`: builds and checks the images that CI builds packages in.

use std::process::{Child, Command, ExitCode, Output, Stdio};

use clap::Subcommand;
use serde_json::json;

use crate::cli::failure::{Code, Failure};
use crate::cli::install::{found, platform};
use crate::cli::print::{print_json, say, show};
use crate::cli::settings::Settings;
use crate::flow::ci::image::{self, ImageFault, Options};
use crate::model::platform::Platform;
use crate::pipeline::quote;

/// Builds and checks the images of the builders, from ci/images/PLATFORM/Containerfile
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Builds the image of a platform with podman, buildah or docker, and prints its name with the digest to pin
    Build {
        /// The platform, such as `debian-12-x86_64`
        #[arg(value_parser = platform)]
        platform: Platform,
        /// The name of the image; `tagalong-build:PLATFORM` by default
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
        /// The image it starts from instead of that of the file, with its digest
        #[arg(long, value_name = "IMAGE")]
        base: Option<String>,
        /// Pushes it; the digest is then the one that others fetch it by
        #[arg(long)]
        push: bool,
        /// Prints the commands, and runs nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Tells which images are not pinned or run as root; exits with 7 when one does
    Check {
        /// Prints the problems as JSON
        #[arg(long)]
        json: bool,
    },
}

pub fn run(arguments: Arguments, settings: &Settings) -> Result<ExitCode, Failure> {
    match arguments.verb {
        Verb::Build { platform, name, base, push, dry_run } => {
            let path = std::env::var_os("PATH");
            let (name, commands) = image::commands(&Options {
                folder: &settings.directory,
                platform: &platform,
                name: name.as_deref(),
                base: base.as_deref(),
                is_pushed: push,
                path: path.as_deref(),
            })?;
            build(&name, &commands, dry_run)
        }
        Verb::Check { json } => check(settings, json),
    }
}

fn build(name: &str, commands: &[Vec<String>], is_dry_run: bool) -> Result<ExitCode, Failure> {
    let line = |command: &[String]| command.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" ");
    if is_dry_run {
        commands.iter().for_each(|command| show!("{}", line(command)));
        say!("would build {name}");
        return Ok(ExitCode::SUCCESS);
    }
    let mut digest = String::new();
    for (place, command) in commands.iter().enumerate() {
        say!("{}", line(command));
        let is_last = place + 1 == commands.len();
        let output = run_engine(command, is_last)?;
        if !output.status.success() {
            return Err(Failure::new(Code::BuildStep, "the image is not built")
                .why(format!("`{}` ended with {}", command[..2].join(" "), output.status))
                .next("what stands above says why; `--dry-run` prints the commands"));
        }
        digest = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    }
    // Some engines tell the digest with the name before it.
    let digest = digest.split_once('@').map_or(digest.as_str(), |(_, digest)| digest);
    if !digest.starts_with("sha256:") {
        return Err(Failure::new(Code::Internal, format!("the digest of {name} is not told"))
            .why(format!("`{}` printed `{digest}`", commands.last().map(|last| line(last)).unwrap_or_default()))
            .next("pin the digest that the registry shows"));
    }
    let plain = name.split_once('@').map_or(name, |(plain, _)| plain);
    show!("{plain}@{digest}");
    say!("built {name}; `image = \"{plain}@{digest}\"` pins it in tagalong.toml");
    Ok(ExitCode::SUCCESS)
}

/// What the engine says while it builds is talk, as it says it; what the last command prints is the digest.
fn run_engine(command: &[String], is_last: bool) -> Result<Output, Failure> {
    let mut process = Command::new(&command[0]);
    process.args(&command[1..]).stderr(Stdio::inherit());
    process.stdout(if is_last { Stdio::piped() } else { Stdio::from(std::io::stderr()) });
    process.spawn().and_then(Child::wait_with_output).map_err(|error| {
        Failure::new(Code::Internal, format!("`{}` does not start", command[0]))
            .why(error.to_string())
            .next("run it by hand")
    })
}

fn check(settings: &Settings, is_json: bool) -> Result<ExitCode, Failure> {
    let problems = image::check(&settings.directory)?;
    if is_json {
        let list: Vec<_> = (problems.iter())
            .map(|problem| json!({ "platform": problem.platform, "problem": words(&problem.fault) }))
            .collect();
        print_json(&list)?;
    } else {
        problems.iter().for_each(|problem| show!("{}: {}", problem.platform, words(&problem.fault)));
        say!(
            "{}",
            if problems.is_empty() {
                "all images are pinned"
            } else {
                "`tagalong ci image build` prints a digest to pin"
            }
        );
    }
    Ok(if problems.is_empty() { ExitCode::SUCCESS } else { found() })
}

fn words(fault: &ImageFault) -> String {
    match fault {
        ImageFault::NoneNamed => "tagalong.toml names no image for it".to_owned(),
        ImageFault::Unpinned { image } => format!("`{image}` is not pinned by digest in tagalong.toml"),
        ImageFault::Base { line, base } => {
            format!("line {line} of its Containerfile starts from `{base}` without a digest")
        }
        ImageFault::Latest { line } => format!("line {line} of its Containerfile starts from whatever is the latest"),
        ImageFault::Root => "its Containerfile ends as root".to_owned(),
        ImageFault::NoBase => "its Containerfile has no FROM".to_owned(),
    }
}

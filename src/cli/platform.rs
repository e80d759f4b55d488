//! `tagalong platform`: what this machine is, and which platforms' bundles it takes.

use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::{Value, json};

use crate::cli::failure::Failure;
use crate::cli::print::{print_json, show};
use crate::cli::settings::Settings;
use crate::flow::platform::{self, Line, Options, Outcome, Reason};
use crate::host::Host;

/// Prints the platform of this machine
#[derive(Debug, clap::Args)]
#[command(after_help = "With --json one object with the keys platform, os, release, arch, name, like, libc (kind: \
    glibc, musl or unknown; version), system (the newest GLIBC, GLIBCXX and CXXABI symbol versions on offer) and, \
    with --list, platforms (platform, taken, reason: own, own-undeclared, serves or other).")]
pub struct Arguments {
    /// Prints the platforms that the project declares, and which of them this machine takes, in order
    #[arg(long)]
    list: bool,
    /// Looks at the machine whose root folder is DIR
    #[arg(long, value_name = "DIR", default_value = "/")]
    root: PathBuf,
    /// Prints everything as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: Arguments, settings: &Settings) -> Result<ExitCode, Failure> {
    let options = Options {
        root: settings.directory.join(arguments.root),
        list: arguments.list.then(|| settings.directory.clone()),
    };
    let outcome = platform::platform(&options)?;
    if arguments.json {
        print_json(&to_json(&outcome, arguments.list))?;
    } else if arguments.list {
        outcome.list.iter().for_each(|line| show!("{}: {}", line.platform, reason(line, &outcome.host)));
    } else {
        show!("{}", outcome.host.platform);
    }
    Ok(ExitCode::SUCCESS)
}

fn to_json(outcome: &Outcome, has_list: bool) -> Value {
    let host = &outcome.host;
    let mut object = json!({
        "platform": host.platform,
        "os": host.platform.os(),
        "release": host.platform.release(),
        "arch": host.platform.arch(),
        "name": host.name,
        "like": host.like,
        "libc": { "kind": host.libc.kind.name(), "version": host.libc.version },
        "system": host.system,
    });
    if has_list {
        let line = |line: &Line| json!({ "platform": line.platform, "taken": line.reason.is_taken(), "reason": reason_name(line.reason) });
        object["platforms"] = outcome.list.iter().map(line).collect();
    }
    object
}

fn reason_name(reason: Reason) -> &'static str {
    match reason {
        Reason::Own => "own",
        Reason::OwnUndeclared => "own-undeclared",
        Reason::Serves => "serves",
        Reason::Other => "other",
    }
}

fn reason(line: &Line, host: &Host) -> String {
    match line.reason {
        Reason::Own => "taken, this machine's own".to_owned(),
        Reason::OwnUndeclared => "taken, this machine's own, but the project does not declare it".to_owned(),
        Reason::Serves => format!("taken, the project says that it serves {}", host.platform),
        Reason::Other => format!("not taken, nothing says that it serves {}", host.platform),
    }
}

//! `tagalong audit`: what would go wrong with a tree elsewhere, as text, JSON, SARIF or JUnit.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::ValueEnum;

use crate::audit::outcome::Audit;
use crate::audit::problem::Level;
use crate::audit::traces::{Sought, TraceOf};
use crate::cli::failure::{Code, Failure};
use crate::cli::print::{print, print_json};
use crate::cli::settings::Settings;
use crate::flow::audit::{self, Options};
use crate::report::{audit_json, audit_text, junit, sarif};

/// Tells what would go wrong with a tree, a file, a package or a bundle on another machine
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Checks: libraries found as ld.so does, symbols and their versions, the floor, traces of the builder \
    in any byte, hardening and hygiene. With --json one object with the keys version, files (path, soname, rpath, \
    runpath, interpreter, needed: name, found, where, by; floor), floor, findings (level, check, file, offset, \
    message, next). Paths are relative to the tree. `[[audit.allow]]` in tagalong.toml, or in the \
    recipe of a package, takes findings by check and file, with a reason. Libraries that nothing asks for are taken as \
    plugins: each is loaded alone, and by the programs of the tree, whose DT_RPATH counts then. Exits with 7 when an error is left."
)]
pub struct Arguments {
    /// The folder, file, package archive, or bundle manifest in the folder of its channel
    path: PathBuf,
    /// How the report is written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Prints JSON; short for --format json
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// Prints what is loaded with each program, as a tree, before the report
    #[arg(long, conflicts_with = "json")]
    tree: bool,
    /// Looks for the system's libraries below DIR
    #[arg(long, value_name = "DIR", default_value = "/")]
    root: PathBuf,
    /// Fails when a file asks for more than this version, such as GLIBC_2.28 (repeatable)
    #[arg(long, value_name = "VERSION")]
    max: Vec<String>,
    /// A folder of the build that no file may name (repeatable)
    #[arg(long, value_name = "DIR")]
    build_folder: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
    Sarif,
    Junit,
}

pub fn run(arguments: Arguments, settings: &Settings) -> Result<ExitCode, Failure> {
    let folders = arguments
        .build_folder
        .iter()
        .map(|folder| Sought { of: TraceOf::Folder, text: folder.trim_end_matches('/').to_owned() });
    let root = settings.directory.join(&arguments.root);
    let root = fs_err::canonicalize(&root).map_err(|error| {
        Failure::new(Code::Usage, format!("`{}` is no root folder", arguments.root.display())).why(error.to_string())
    })?;
    let options = Options {
        folder: settings.directory.clone(),
        cache: settings.cache.clone(),
        path: settings.directory.join(&arguments.path),
        root,
        max: arguments.max,
        sought: folders.chain(settings.traces.iter().cloned()).collect(),
        jobs: settings.jobs,
    };
    let audit = audit::audit(&options)?;
    let format = if arguments.json { Format::Json } else { arguments.format };
    if arguments.tree && format == Format::Text {
        print(&audit_text::tree(&audit))?;
    }
    write(&audit, format)?;
    let has_errors = audit.count(Level::Error) > 0;
    Ok(if has_errors { ExitCode::from(Code::CheckFound as u8) } else { ExitCode::SUCCESS })
}

fn write(audit: &Audit, format: Format) -> Result<ExitCode, Failure> {
    match format {
        Format::Text => print(&audit_text::render(audit)),
        Format::Json => print_json(&audit_json::render(audit)),
        Format::Sarif => print_json(&sarif::render(audit, env!("CARGO_PKG_VERSION"))),
        Format::Junit => print(&junit::render(audit)),
    }
}

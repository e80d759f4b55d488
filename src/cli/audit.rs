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
#[command(after_help = "\
What is checked, by the first word of a check's name:
  loader     each library is found as ld.so finds it: in the tree, on the system if it is one of
             the C and C++ runtimes or of `system-libraries`, or else missing, or found by luck
  symbols    each versioned symbol has a provider there; two files that define the same, two
             versions of one library
  floor      the newest symbol versions asked of the system, and the x86-64 level
  residue    the placeholder, build folders, and this machine's home, user, host and CI folders,
             in any byte: also in gzip, xz, zstd, bzip2, zip (wheels, jars), static libraries,
             compressed debug sections, UTF-16 and UTF-32, percent-encoded, and split over
             strings; what a package has recorded is none
  hardening  TEXTREL, an executable stack, code that is writable
  hygiene    modes, links, LD_LIBRARY_PATH, .la files, host headers, build ids, SONAMEs, upper
             and lower case, licences

`[[audit.allow]]` in tagalong.toml, or in the recipe of a package, takes findings by `check` and
`file` (globs), with a `reason`; one that takes nothing is told (allow-unused). `system-libraries`
in `[audit]` lists what may come from the system.

Libraries that nothing asks for are taken as plugins: each is loaded alone, and by the programs of
the tree, whose DT_RPATH counts then. Wheels and other archives are unpacked aside and looked at
as trees.

--json prints one object: {version, files: [{path, soname, rpath, runpath, interpreter, needed:
[{name, found, where, by}], floor}], floor, findings: [{level, check, file, offset, message,
next}]}; paths are relative to the tree, `found` is absolute for libraries of the system and null
when missing.

Exits with 7 when an error is left; warnings and notes do not count.")]
pub struct Arguments {
    /// The folder, file, wheel, zip or tar archive, package archive, or bundle manifest in the folder of its channel
    path: PathBuf,
    /// How the report is written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Prints JSON; short for --format json
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// Prints what is loaded with each program, as a tree, before the report
    #[arg(long, conflicts_with_all = ["json", "format"])]
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
    if arguments.tree {
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
        Format::Junit => print(&junit::of_audit(audit)),
    }
}

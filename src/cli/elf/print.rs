//! `tagalong elf print`.

use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::ValueEnum;

use crate::cli::elf::exit;
use crate::cli::failure::Failure;
use crate::cli::settings::Settings;
use crate::flow::elf_show::{self, Error};
use crate::relocate::elf::edit::{Execstack, Report};

/// Prints one fact of ELF files
#[derive(Debug, clap::Args)]
#[command(after_help = "With several FILEs each line starts with the name of the file.")]
pub struct Arguments {
    #[arg(value_enum)]
    what: What,
    /// Programs or libraries
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum What {
    /// The loader that a program asks for
    Interpreter,
    /// The library's own name; nothing where there is none
    Soname,
    /// The RUNPATH if there is one, else the RPATH, else nothing
    Rpath,
    /// The libraries that are needed, one a line
    Needed,
    /// The operating system of the header
    OsAbi,
    /// `set`, `clear`, or `absent`
    Execstack,
}

pub fn run(arguments: &Arguments, settings: &Settings) -> Result<ExitCode, Failure> {
    let mut failures = Vec::new();
    let mut out = std::io::stdout().lock();
    for file in &arguments.files {
        let path = settings.directory.join(file);
        let lines = elf_show::show(&path).and_then(|report| lines(arguments.what, &report, &path));
        let lines = match lines {
            Ok(lines) => lines,
            Err(error) => {
                failures.push(Failure::from(error));
                continue;
            }
        };
        for line in lines {
            let mut whole = Vec::new();
            if arguments.files.len() > 1 {
                whole.extend_from_slice(file.as_os_str().as_bytes());
                whole.extend_from_slice(b": ");
            }
            whole.extend_from_slice(&line);
            whole.push(b'\n');
            match out.write_all(&whole) {
                // A reader that went away is no mistake.
                Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
                    return Err(Failure::internal(format!("stdout cannot be written: {error}")));
                }
                _ => {}
            }
        }
    }
    Ok(exit(&failures))
}

fn lines(what: What, report: &Report, path: &Path) -> Result<Vec<Vec<u8>>, Error> {
    let owned = |texts: Vec<&[u8]>| texts.into_iter().map(<[u8]>::to_vec).collect();
    if matches!(what, What::Soname | What::Rpath | What::Needed) && !report.is_dynamic {
        return Err(Error::NotDynamic { path: path.to_owned() });
    }
    Ok(match what {
        What::Interpreter => match &report.interpreter {
            Some(interpreter) => vec![interpreter.clone()],
            None => return Err(Error::NoInterpreter { path: path.to_owned() }),
        },
        What::Soname => owned(report.texts("SONAME")),
        What::Rpath => owned(report.library_path().into_iter().collect()),
        What::Needed => owned(report.texts("NEEDED")),
        What::OsAbi => vec![report.os_abi.to_string().into_bytes()],
        What::Execstack => vec![
            match report.execstack {
                Execstack::Set => "set",
                Execstack::Clear => "clear",
                Execstack::Absent => "absent",
            }
            .into(),
        ],
    })
}

//! `tagalong env`: the environment of a bundle, for a shell to read.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::process::ExitCode;

use serde_json::json;

use crate::cli::failure::{Code, Failure};
use crate::cli::prefix::PrefixArguments;
use crate::cli::settings::Settings;
use crate::flow::environment::{self, Addition, Outcome, PREFIX_VARIABLE, Unset};

/// Prints what a shell needs to use the bundle
#[derive(Debug, clap::Args)]
#[command(after_help = "sh:   eval \"$(tagalong env)\"\nfish: tagalong env --shell fish | source\n\
    csh:  eval `tagalong env --shell csh`\n\nWith --json stdout is one object with the keys prefix, variables (the \
    folders that are put in front of each) and exports (variables that packages set). LD_LIBRARY_PATH is not among them: files find their libraries \
    themselves.")]
pub struct Arguments {
    #[command(flatten)]
    prefix: PrefixArguments,
    /// The shell that reads it
    #[arg(long, value_enum, default_value_t = Shell::Sh)]
    shell: Shell,
    /// Prints it as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Shell {
    /// Bourne shells: sh, bash, dash, zsh
    Sh,
    Fish,
    /// csh and tcsh
    Csh,
}

pub fn run(arguments: Arguments, settings: &Settings) -> Result<ExitCode, Failure> {
    let outcome = environment::environment(&arguments.prefix.asked(settings))?;
    let text = if arguments.json { to_json(&outcome) } else { to_shell(&outcome, arguments.shell) };
    std::io::stdout().write_all(&text).map_err(|error| {
        Failure::new(Code::Internal, "the environment could not be printed").why(error.to_string()).next("try again")
    })?;
    Ok(ExitCode::SUCCESS)
}

/// The variables that a process is started with: the caller's, with the bundle in front.
pub fn variables(outcome: &Outcome) -> Vec<(&str, OsString)> {
    let prefix = (PREFIX_VARIABLE, outcome.prefix.as_path().as_os_str().to_owned());
    let whole = |addition: &Addition| (addition.variable, in_front(addition, env::var_os(addition.variable)));
    let exports = outcome.exports.iter().map(|(name, value)| (name.as_str(), value.clone()));
    outcome.additions.iter().map(whole).chain([prefix]).chain(exports).collect()
}

fn in_front(addition: &Addition, now: Option<OsString>) -> OsString {
    let rest = match (now.filter(|value| !value.is_empty()), addition.unset) {
        (Some(value), _) => Some(value),
        (None, Unset::Means(value)) => Some(OsString::from(value)),
        (None, Unset::Nothing) => None,
    };
    let mut whole = joined(addition);
    if let Some(rest) = rest {
        whole.push(b':');
        whole.extend_from_slice(rest.as_bytes());
    }
    OsString::from_vec(whole)
}

fn joined(addition: &Addition) -> Vec<u8> {
    addition.folders.iter().map(|folder| folder.as_os_str().as_bytes()).collect::<Vec<_>>().join(&b':')
}

fn to_shell(outcome: &Outcome, shell: Shell) -> Vec<u8> {
    let mut text = Vec::new();
    let mut line = |parts: &[&[u8]]| parts.iter().for_each(|part| text.extend_from_slice(part));
    match shell {
        // What the variable holds is put in by the shell that reads it.
        Shell::Sh => {
            for addition in &outcome.additions {
                let (name, folders) = (addition.variable, quoted(&joined(addition), shell));
                let rest = match addition.unset {
                    Unset::Nothing => format!("\"${{{name}:+:${name}}}\"\n"),
                    Unset::Means(value) => format!("\":${{{name}:-{value}}}\"\n"),
                };
                line(&[b"export ", name.as_bytes(), b"=", &folders, rest.as_bytes()]);
            }
            let prefix = quoted(outcome.prefix.as_bytes(), shell);
            line(&[b"export ", PREFIX_VARIABLE.as_bytes(), b"=", &prefix, b"\n"]);
            for (name, value) in &outcome.exports {
                line(&[b"export ", name.as_bytes(), b"=", &quoted(value.as_bytes(), shell), b"\n"]);
            }
        }
        // These have no such short form: they get the whole value as it is for this process.
        Shell::Fish => {
            for (name, value) in variables(outcome) {
                let values: Vec<Vec<u8>> = match name.ends_with("PATH") {
                    // fish keeps variables with this ending as lists.
                    true => value.as_bytes().split(|byte| *byte == b':').map(|part| quoted(part, shell)).collect(),
                    false => vec![quoted(value.as_bytes(), shell)],
                };
                line(&[b"set -gx ", name.as_bytes(), b" ", &values.join(&b' '), b"\n"]);
            }
        }
        Shell::Csh => {
            for (name, value) in variables(outcome) {
                line(&[b"setenv ", name.as_bytes(), b" ", &quoted(value.as_bytes(), shell), b";\n"]);
            }
        }
    }
    text
}

/// A word that the shell takes as it is.
fn quoted(word: &[u8], shell: Shell) -> Vec<u8> {
    let mut text = vec![b'\''];
    for byte in word {
        match (byte, shell) {
            (b'\'', Shell::Fish) => text.extend_from_slice(b"\\'"),
            (b'\\', Shell::Fish) => text.extend_from_slice(b"\\\\"),
            (b'\'', _) => text.extend_from_slice(b"'\\''"),
            // csh puts history in even between quotes.
            (b'!', Shell::Csh) => text.extend_from_slice(b"\\!"),
            _ => text.push(*byte),
        }
    }
    text.push(b'\'');
    text
}

fn to_json(outcome: &Outcome) -> Vec<u8> {
    let text = |path: &OsStr| path.to_string_lossy().into_owned();
    let folders = |addition: &Addition| {
        let folders: Vec<String> = addition.folders.iter().map(|folder| text(folder.as_os_str())).collect();
        (addition.variable.to_owned(), json!(folders))
    };
    let variables: serde_json::Map<String, serde_json::Value> = outcome.additions.iter().map(folders).collect();
    let exports = outcome.exports.iter().map(|(name, value)| (name.clone(), json!(text(value))));
    let exports: serde_json::Map<String, serde_json::Value> = exports.collect();
    let prefix = text(outcome.prefix.as_path().as_os_str());
    let whole = json!({"prefix": prefix, "variables": variables, "exports": exports});
    format!("{whole:#}\n").into_bytes()
}

//! Failures in words: what, why, what next, and the exit code. The only room that words errors.
//!
//! One file per room below that has errors; each turns the facts of an error enum into a [`Failure`].

mod archive;
mod audit;
mod build;
mod cache;
mod channel;
mod checkout;
mod ci;
mod diff;
mod elf;
mod gc;
mod host;
mod http;
mod install;
mod key;
mod place;
mod prefix_dir;
mod project;
mod publish;
mod recipe;
mod recipe_import;
mod recipe_update;
pub mod relocate;
mod sbom;
pub mod seal;
mod search;
mod signing;
mod sources;
mod store;
mod tag;

use std::fmt;
use std::process::ExitCode;

/// The exit codes, as documented in the README and in `--help`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    Internal = 1,
    Usage = 2,
    NotFound = 3,
    Verification = 4,
    Network = 5,
    BuildStep = 6,
    CheckFound = 7,
    Ambiguous = 8,
}

/// An error as the user reads it: three lines and an exit code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub code: Code,
    what: String,
    why: Vec<String>,
    next: Vec<String>,
    /// Printed before the three lines as it is: a report with carets, the last lines of a log.
    report: Option<String>,
}

impl Failure {
    pub fn new(code: Code, what: impl Into<String>) -> Failure {
        Failure { code, what: what.into(), why: Vec::new(), next: Vec::new(), report: None }
    }

    /// A failure that is the program's own fault.
    pub fn internal(what: impl Into<String>) -> Failure {
        Failure::new(Code::Internal, what).next("report it with the command that led here")
    }

    /// Adds a line that says why.
    #[must_use]
    pub fn why(mut self, why: impl Into<String>) -> Failure {
        self.why.push(why.into());
        self
    }

    /// Adds a line that says what to do.
    #[must_use]
    pub fn next(mut self, next: impl Into<String>) -> Failure {
        self.next.push(next.into());
        self
    }

    /// Adds the lines of another failure that say why.
    #[must_use]
    fn why_all(mut self, lines: Vec<String>) -> Failure {
        self.why.extend(lines);
        self
    }

    /// Adds the lines of another failure that say what to do.
    #[must_use]
    fn next_all(mut self, lines: Vec<String>) -> Failure {
        self.next.extend(lines);
        self
    }

    /// Sets the text that stands before the three lines.
    #[must_use]
    pub fn report(mut self, report: impl Into<String>) -> Failure {
        self.report = Some(report.into());
        self
    }

    /// Prints the failure on stderr and gives its exit code.
    pub fn show(&self) -> ExitCode {
        crate::cli::print::aside(&self.to_string());
        ExitCode::from(self.code as u8)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(report) = &self.report {
            writeln!(formatter, "{}", report.trim_end())?;
        }
        writeln!(formatter, "error: {}", on_one_line(&self.what))?;
        let mut part = |label: &str, lines: &[String]| {
            lines.iter().enumerate().try_for_each(|(place, line)| {
                let label = if place == 0 { label } else { "      " };
                writeln!(formatter, "{label} {}", on_one_line(line))
            })
        };
        part("  why:", &self.why)?;
        part(" next:", &self.next)
    }
}

/// A text without line breaks and with nothing a terminal would obey: parts of it come from outside.
pub fn on_one_line(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let mut shown = String::with_capacity(text.len());
    for character in lines.join(" ").chars() {
        match character.is_control() {
            true => shown.extend(character.escape_debug()),
            false => shown.push(character),
        }
    }
    shown
}

/// Names in a row, as a sentence has them: `a, b and c`.
fn list(names: &[String]) -> String {
    match names {
        [] => "none".to_owned(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// Prints what clap says about wrong usage, help and version, with the program's own exit codes.
pub fn usage(error: &clap::Error) -> ExitCode {
    // Nothing can be done about a closed stdout while printing help.
    let _ = error.print();
    if error.use_stderr() { ExitCode::from(Code::Usage as u8) } else { ExitCode::SUCCESS }
}

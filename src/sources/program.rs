//! Runs a program to its end and keeps what it said.
//!
//! Does not know any program; no shell is between.

use std::io;
use std::process::{Command, Output, Stdio};

/// What a program said.
pub(super) struct Said {
    pub is_success: bool,
    pub stdout: Vec<u8>,
    pub stderr: String,
}

impl Said {
    pub fn stdout_text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// The last line of its complaint that says something, without control characters.
    pub fn complaint(&self) -> String {
        let lines = self.stderr.lines().map(str::trim).filter(|line| !line.is_empty());
        let telling = |line: &&str| ["error", "E:", "fatal"].iter().any(|word| line.starts_with(word));
        let all: Vec<&str> = lines.collect();
        let line = all.iter().copied().find(telling).or(all.last().copied()).unwrap_or("it said nothing");
        line.chars().filter(|c| !c.is_control()).take(300).collect()
    }
}

/// Runs a command without input, in English; `None` when there is no such program.
pub(super) fn run(command: &mut Command) -> io::Result<Option<Said>> {
    command.stdin(Stdio::null()).env("LC_ALL", "C");
    match command.output() {
        Ok(Output { status, stdout, stderr }) => {
            let stderr = String::from_utf8_lossy(&stderr).into_owned();
            Ok(Some(Said { is_success: status.success(), stdout, stderr }))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

//! `tagalong build --junit`: which steps and tests a build came to and how each ended, as a file for CI.
//!
//! Listens to the build; does not word the XML (`report/junit.rs`).

use std::path::Path;
use std::sync::Mutex;

use crate::builder::error::BuildError;
use crate::cli::failure::{Code, Failure};
use crate::flow::build;
use crate::model::event::Event;
use crate::report::junit::{self, End, Step};

/// The steps so far, by the order of their beginning.
#[derive(Default)]
pub struct Diary(Mutex<Vec<Step>>);

impl Diary {
    /// Notes what an event says of steps.
    pub fn note(&self, event: &Event) {
        let mut steps = self.0.lock().expect("nothing panics while it is held");
        match event {
            Event::StepStarted { name, step } => {
                steps.push(Step { package: name.to_string(), name: step.clone(), end: End::Stopped });
            }
            Event::StepFinished { name, step, seconds } => {
                let is_it = |one: &&mut Step| one.package == name.as_str() && one.name == *step;
                if let Some(found) = steps.iter_mut().rev().find(is_it) {
                    found.end = End::Done { seconds: *seconds };
                }
            }
            _ => {}
        }
    }

    /// Writes the file; `error` is what ended the build, if it failed.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, path: &Path, error: Option<&build::Error>) -> Result<(), Failure> {
        let mut steps = self.0.lock().expect("nothing panics while it is held");
        if let Some((name, step, reason, tail)) = error.and_then(failed) {
            let end = End::Failed { reason, tail };
            match steps.iter_mut().rev().find(|one| one.package == name && one.name == step) {
                Some(found) => found.end = end,
                // It failed between steps: while it was fetched, sealed or proved.
                None => steps.push(Step { package: name, name: step, end }),
            }
        }
        fs_err::write(path, junit::of_build(&steps)).map_err(|error| {
            Failure::new(Code::Usage, "the JUnit file cannot be written")
                .why(error.to_string())
                .next("name another file with `--junit FILE`")
        })
    }
}

/// The package and the step that failed, why, and the last lines that it wrote.
fn failed(error: &build::Error) -> Option<(String, String, String, Vec<String>)> {
    let build::Error::Build(error) = error else { return None };
    let reason = error.to_string();
    match error {
        BuildError::Step { name, step, tail, .. }
        | BuildError::LogTooLarge { name, step, tail, .. }
        | BuildError::TooManyProcesses { name, step, tail, .. } => {
            Some((name.to_string(), step.clone(), reason, tail.clone()))
        }
        BuildError::Sources { name, .. } => Some((name.to_string(), "sources".to_owned(), reason, Vec::new())),
        BuildError::Seal { name, .. }
        | BuildError::NeedTouched { name, .. }
        | BuildError::InstalledNothing { name }
        | BuildError::Contents { name, .. }
        | BuildError::Prebuilt { name, .. } => Some((name.to_string(), "seal".to_owned(), reason, Vec::new())),
        _ => None,
    }
}

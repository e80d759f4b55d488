//! Runs the steps of builds: their log, their heartbeat, and an orderly end when the user stops.

use std::io;
use std::path::Path;
use std::process::{Child, Command};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::builder::error::BuildError;
use crate::builder::package::tail_of;
use crate::builder::sandbox::{Sandbox, SandboxedStep};
use crate::model::event::{Event, Tell};
use crate::model::recipe::RecipeName;

/// How often a silent step is said to be alive.
const HEARTBEAT: Duration = Duration::from_secs(60);

/// Runs steps in the sandbox, all with one job budget.
pub struct Runner<'a> {
    sandbox: &'a Sandbox,
    jobserver: jobserver::Client,
    /// Set when the user wants to stop.
    stop: &'a AtomicBool,
    tell: Tell<'a>,
}

impl<'a> Runner<'a> {
    /// A runner whose steps share `jobs` jobs: make and what knows its jobserver take from the same pipe.
    ///
    /// # Errors
    /// The I/O error of making the pipe.
    pub fn new(sandbox: &'a Sandbox, jobs: usize, stop: &'a AtomicBool, tell: Tell<'a>) -> io::Result<Runner<'a>> {
        Ok(Runner { sandbox, jobserver: jobserver::Client::new(jobs)?, stop, tell })
    }

    /// Whether the user wants to stop.
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Runs one step to its end; what it prints is appended to the log.
    ///
    /// # Errors
    /// [`BuildError::Step`] when it fails, [`BuildError::Interrupted`] when the user stopped it.
    pub fn run(
        &self,
        name: &RecipeName,
        step_name: &str,
        step: &SandboxedStep,
        file: &Path,
        log: &Path,
    ) -> Result<(), BuildError> {
        let doing = |doing| move |source| BuildError::Io { name: name.clone(), doing, source };
        (self.tell)(Event::StepStarted { name: name.clone(), step: step_name.to_owned() });
        // Every process owns one job by being there; this is the step's (GNU make manual, 13.1.1).
        let _job = self.jobserver.acquire().map_err(doing("take a job"))?;
        let started = Instant::now();
        let mut output =
            fs_err::OpenOptions::new().append(true).create(true).open(log).map_err(doing("open its log"))?;
        io::Write::write_all(&mut output, format!("\n=== {step_name}\n{}\n", step.command.join(" ")).as_bytes())
            .map_err(doing("write its log"))?;
        let error_output = output.try_clone().map_err(doing("open its log"))?;
        let (output, error_output) = (output.into_parts().0, error_output.into_parts().0);
        let mut streams = Some((output, error_output));
        let mut configure = |command: &mut Command| {
            if let Some((output, error_output)) = streams.take() {
                command.stdout(output).stderr(error_output);
            }
            self.jobserver.configure_make(command);
        };
        let child = self.sandbox.start(step, file, &mut configure).map_err(doing("start a step"))?;
        let code = self.wait(child, name, step_name).map_err(doing("wait for a step"))?;
        let seconds = started.elapsed().as_secs();
        match code {
            None => Err(BuildError::Interrupted),
            Some(0) => {
                (self.tell)(Event::StepFinished { name: name.clone(), step: step_name.to_owned(), seconds });
                Ok(())
            }
            Some(code) => Err(BuildError::Step {
                name: name.clone(),
                step: step_name.to_owned(),
                code,
                log: log.to_owned(),
                tail: tail_of(log, 25),
            }),
        }
    }

    /// Opens a shell for a person and waits for its end.
    ///
    /// # Errors
    /// The I/O error of starting it.
    pub fn run_shell(&self, step: &SandboxedStep, file: &Path) -> io::Result<()> {
        let mut child = self.sandbox.start(step, file, &mut |_| {})?;
        child.wait().map(|_| ())
    }

    /// The exit code; `None` when the user stopped the build and the step was ended.
    fn wait(&self, mut child: Child, name: &RecipeName, step: &str) -> io::Result<Option<i32>> {
        let started = Instant::now();
        let (mut pause, mut beat) = (Duration::from_millis(2), HEARTBEAT);
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(Some(status.code().unwrap_or(255)));
            }
            if self.is_stopped() {
                // The lifeline: its end tells the far side to take everything down.
                drop(child.stdin.take());
                child.wait()?;
                return Ok(None);
            }
            if started.elapsed() > beat {
                beat += HEARTBEAT;
                let seconds = started.elapsed().as_secs();
                (self.tell)(Event::Alive { name: name.clone(), step: step.to_owned(), seconds });
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(50));
        }
    }
}

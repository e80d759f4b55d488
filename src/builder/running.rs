//! Runs the steps of builds: their log, their heartbeat, and an orderly end when the user stops.

use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::process::{Child, Command};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::builder::error::BuildError;
use crate::builder::sandbox::{MOST_PROCESSES, Sandbox, SandboxedStep, TOO_MANY_PROCESSES};
use crate::model::bundle::StepTime;
use crate::model::event::{Event, Tell};
use crate::model::recipe::RecipeName;

/// The largest log of a package, in bytes: what writes more goes round in a circle.
const LARGEST_LOG: u64 = 256 << 20;

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
    ) -> Result<StepTime, BuildError> {
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
        let end = self.wait(child, name, step_name, log).map_err(doing("wait for a step"))?;
        let took = started.elapsed();
        let (log, tail) = (log.to_owned(), || tail_of(log, 25));
        let (name, step) = (name.clone(), step_name.to_owned());
        match end {
            End::Stopped => Err(BuildError::Interrupted),
            End::LogTooLarge => Err(BuildError::LogTooLarge { name, step, limit: LARGEST_LOG, log, tail: tail() }),
            End::Code(TOO_MANY_PROCESSES) => {
                Err(BuildError::TooManyProcesses { name, step, limit: MOST_PROCESSES, log, tail: tail() })
            }
            End::Code(0) => {
                (self.tell)(Event::StepFinished { name, step: step.clone(), seconds: took.as_secs() });
                Ok(StepTime { step, milliseconds: u64::try_from(took.as_millis()).unwrap_or(u64::MAX) })
            }
            End::Code(code) => Err(BuildError::Step { name, step, code, log, tail: tail() }),
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

    /// Waits for the end of a step, and brings it about where it must be.
    fn wait(&self, mut child: Child, name: &RecipeName, step: &str, log: &Path) -> io::Result<End> {
        let started = Instant::now();
        let (mut pause, mut beat) = (Duration::from_millis(2), HEARTBEAT);
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(End::Code(status.code().unwrap_or(255)));
            }
            let is_too_large = fs_err::metadata(log).is_ok_and(|facts| facts.len() > LARGEST_LOG);
            if is_too_large || self.is_stopped() {
                // The lifeline: its end tells the far side to take everything down.
                drop(child.stdin.take());
                child.wait()?;
                return Ok(if is_too_large { End::LogTooLarge } else { End::Stopped });
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

/// How a step ended.
enum End {
    Code(i32),
    /// The user stopped the build.
    Stopped,
    LogTooLarge,
}

/// The last lines of a log, at most `count` of at most 400 bytes each.
pub fn tail_of(log: &Path, count: usize) -> Vec<String> {
    let read = || -> std::io::Result<String> {
        let mut file = fs_err::File::open(log)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(16 << 10)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    // Without a log there are no last lines; the failure itself is told anyway.
    let text = read().unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let last = &lines[lines.len().saturating_sub(count)..];
    last.iter().map(|line| line.chars().take(400).collect()).collect()
}

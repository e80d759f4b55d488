//! What limits a build step to its declared inputs: the levels, what a step sees, and starting one.
//!
//! The far side, inside the new namespaces, is `enter.rs`. Steps run through a hidden verb of this same program,
//! started by unshare(1), so that no code runs between fork and exec.

mod enter;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde::{Deserialize, Serialize};

pub use enter::{EnterError, enter};

/// The verb that the program answers to as the far side.
pub const VERB: &str = "sandbox-step";

/// How far a step is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Own user, mount, pid, network, ipc and uts namespaces (namespaces(7)) and a root of its own.
    Namespaces,
    /// The same but for the user namespace, which some containers forbid to root.
    Privileged,
    /// The machine as it is; only the environment is cleared.
    Host,
}

/// The most processes that a step in a sandbox may have at once.
pub const MOST_PROCESSES: usize = 2048;

/// The exit code of a step that had more; no program's own (sh(1) ends at 128 + 64).
pub const TOO_MANY_PROCESSES: i32 = 249;

impl Level {
    /// The name in records and messages.
    pub fn name(self) -> &'static str {
        match self {
            Level::Namespaces | Level::Privileged => "full",
            Level::Host => "host",
        }
    }

    /// Whether steps get a root of their own, so that paths inside are fixed.
    pub fn has_own_root(self) -> bool {
        self != Level::Host
    }
}

impl fmt::Display for Level {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A folder or file that a step sees at another path.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Bind {
    pub from: PathBuf,
    pub to: PathBuf,
    pub is_writable: bool,
}

/// One step as the far side gets it, written as JSON into the work folder.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SandboxedStep {
    pub level: Level,
    /// An empty folder that the new root is mounted on.
    pub root: PathBuf,
    pub binds: Vec<Bind>,
    /// The working directory of the command, as it sees it.
    pub folder: PathBuf,
    pub command: Vec<String>,
    pub environment: Vec<(String, String)>,
    /// A shell for a person: keeps the terminal as its input.
    pub is_interactive: bool,
}

/// The level this machine gives and why it is not more.
#[derive(Debug, Clone)]
pub struct Sandbox {
    pub level: Level,
    pub reason: Option<String>,
    /// This program's own file.
    program: PathBuf,
}

impl Sandbox {
    /// Tries the levels from the strongest down, with a command that tells the machine's name, in a folder of the cache.
    pub fn probe(program: &Path, cache: &Path) -> Sandbox {
        let scratch = cache.join("probe");
        let sandbox = Sandbox::probe_in(program, &scratch);
        // Left-overs are an empty folder and a small file; the next probe uses them again.
        let _ = fs_err::remove_dir_all(&scratch);
        sandbox
    }

    fn probe_in(program: &Path, scratch: &Path) -> Sandbox {
        let mut reason = None;
        for level in [Level::Namespaces, Level::Privileged] {
            let sandbox = Sandbox { level, reason: None, program: program.to_owned() };
            match sandbox.try_it(scratch) {
                Ok(name) if name == enter::NAME => return Sandbox { reason, ..sandbox },
                // Nothing else is lost: that is no reason for a weaker level.
                Ok(name) => {
                    let kept = format!("steps see the machine's name, {name}: it may not be changed in this container");
                    return Sandbox { reason: reason.or(Some(kept)), ..sandbox };
                }
                // The first reason is the one to mend.
                Err(refusal) => reason = reason.or(Some(refusal)),
            }
        }
        Sandbox { level: Level::Host, reason, program: program.to_owned() }
    }

    /// A sandbox of the level `host`, asked for.
    pub fn host(program: &Path) -> Sandbox {
        Sandbox { level: Level::Host, reason: Some("asked for".to_owned()), program: program.to_owned() }
    }

    /// The name of the machine that a step sees, or why no step can be started.
    fn try_it(&self, scratch: &Path) -> Result<String, String> {
        let root = scratch.join("probe-root");
        let file = scratch.join("probe.json");
        fs_err::create_dir_all(&root).map_err(|error| error.to_string())?;
        let step = SandboxedStep {
            level: self.level,
            root,
            binds: Vec::new(),
            folder: PathBuf::from("/"),
            command: vec!["uname".to_owned(), "-n".to_owned()],
            environment: Vec::new(),
            // Without a lifeline: it would be at its end before the step is.
            is_interactive: true,
        };
        step.write(&file).map_err(|error| error.to_string())?;
        let mut command = self.command(&file);
        let output = command.stdin(Stdio::null()).output().map_err(|error| format!("unshare: {error}"))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        Err(said.lines().find(|line| !line.trim().is_empty()).unwrap_or("unshare failed").trim().to_owned())
    }

    /// Starts a step; its input is a lifeline: when it closes, the step and all it started are killed. `configure`
    /// may add to the command (a jobserver, the log).
    ///
    /// # Errors
    /// The I/O error of writing the step's file or of starting the process.
    pub fn start(
        &self,
        step: &SandboxedStep,
        file: &Path,
        configure: &mut dyn FnMut(&mut Command),
    ) -> io::Result<Child> {
        use std::os::unix::process::CommandExt;
        step.write(file)?;
        let mut command = self.command(file);
        if step.is_interactive {
            command.stdin(Stdio::inherit());
        } else {
            // An own process group: Ctrl-C reaches this program only, which then ends its children in order.
            command.stdin(Stdio::piped()).process_group(0);
        }
        configure(&mut command);
        command.spawn()
    }

    fn command(&self, file: &Path) -> Command {
        let mut command = match self.level {
            Level::Host => Command::new(&self.program),
            level => {
                let mut command = Command::new("unshare");
                if level == Level::Namespaces {
                    command.args(["--user", "--map-root-user"]);
                }
                command.args(["--mount", "--pid", "--fork", "--kill-child", "--net", "--ipc", "--uts", "--"]);
                command.arg(&self.program);
                command
            }
        };
        command.arg(VERB).arg(file).env("PATH", super::steps::PROGRAM_FOLDERS);
        command
    }
}

impl SandboxedStep {
    fn write(&self, file: &Path) -> io::Result<()> {
        let json = serde_json::to_vec(self).map_err(io::Error::other)?;
        fs_err::write(file, json)
    }

    /// Reads the step that the near side wrote.
    ///
    /// # Errors
    /// The I/O error, or that the file holds no step.
    pub fn read(file: &Path) -> io::Result<SandboxedStep> {
        serde_json::from_slice(&fs_err::read(file)?).map_err(io::Error::other)
    }
}

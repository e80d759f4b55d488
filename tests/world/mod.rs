//! A world for one test: a temporary folder with a git checkout, a channel folder, an own cache and home, a cleared
//! environment, and the real binary.
//!
//! ```ignore
//! World::new().commit().tag("deps-1").commit().run("resolve").prints("deps-1\n");
//! ```
//! Time, names and git's configuration are fixed, so that every commit id is the same on every machine.

#![allow(dead_code, reason = "each test file uses a part of the world")]

pub mod bundle;
pub mod random;
pub mod recipes;

use std::cell::Cell;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The time of the first commit, in seconds since 1970; every commit is a minute later than the one before.
const FIRST_COMMIT: u64 = 1_600_000_000;

/// All files below a folder, sorted; whole paths.
pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let (mut found, mut open) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(here) = open.pop() {
        for entry in fs::read_dir(here).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { open.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}

pub struct World {
    folder: tempfile::TempDir,
    checkout: PathBuf,
    clock: Cell<u64>,
    variables: Vec<(String, String)>,
}

impl World {
    /// An empty repository at `<world>/checkout`, on branch `main`, without commits.
    pub fn new() -> World {
        let folder = tempfile::tempdir().expect("the temporary folder can be written");
        // Canonical, since the binary names canonical paths.
        let root = fs::canonicalize(folder.path()).unwrap();
        for name in ["checkout", "home", "channel", "tmp"] {
            fs::create_dir(root.join(name)).unwrap();
        }
        let world =
            World { folder, checkout: root.join("checkout"), clock: Cell::new(FIRST_COMMIT), variables: Vec::new() };
        world.git(&["init", "-q", "-b", "main", "."]);
        world
    }

    /// Leaves the world on the disk, for others than this process; gives its folder.
    pub fn keep(self) -> PathBuf {
        fs::canonicalize(self.folder.keep()).unwrap()
    }

    /// The folder of the whole world.
    pub fn root(&self) -> PathBuf {
        fs::canonicalize(self.folder.path()).unwrap()
    }

    pub fn checkout(&self) -> &Path {
        &self.checkout
    }

    /// The folder that the channel `main` of [`World::project`] is in.
    pub fn channel(&self) -> PathBuf {
        self.root().join("channel")
    }

    pub fn cache(&self) -> PathBuf {
        self.root().join("cache")
    }

    /// Sets a variable for every command that follows.
    pub fn with(mut self, name: &str, value: &str) -> World {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Writes a file of the checkout, with its folders.
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) -> &World {
        let path = self.checkout.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        self
    }

    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.checkout.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// A folder outside the checkout, for trees that were not installed.
    pub fn tree(&self) -> PathBuf {
        self.root().join("tree")
    }

    /// Runs a shell script in that folder; it must succeed.
    pub fn shell(&self, script: &str) {
        fs::create_dir_all(self.tree()).unwrap();
        let output = self.command("sh", &self.tree()).args(["-e", "-c", script]).output().unwrap();
        assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Commits everything in the checkout; an empty commit if nothing changed.
    pub fn commit(&self) -> &World {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", "a commit"]);
        self
    }

    /// Puts a lightweight tag on HEAD.
    pub fn tag(&self, name: &str) -> &World {
        self.git(&["tag", name]);
        self
    }

    /// Runs git in the checkout, a minute later than the last time; gives what it printed, trimmed.
    pub fn git(&self, arguments: &[&str]) -> String {
        self.git_in(&self.checkout, arguments)
    }

    /// Runs git in any folder.
    pub fn git_in(&self, folder: &Path, arguments: &[&str]) -> String {
        self.clock.set(self.clock.get() + 60);
        let now = format!("{} +0000", self.clock.get());
        let output = self
            .command("git", folder)
            .envs([("GIT_AUTHOR_DATE", &now), ("GIT_COMMITTER_DATE", &now)])
            .args(arguments)
            .output()
            .expect("git runs");
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    /// Runs the real binary in the checkout; the arguments are split at spaces.
    pub fn run(&self, arguments: &str) -> Run {
        self.run_with(&arguments.split_whitespace().collect::<Vec<_>>())
    }

    /// Runs the real binary in the checkout with these arguments.
    pub fn run_with(&self, arguments: &[&str]) -> Run {
        self.run_in(&self.checkout, arguments)
    }

    /// Runs the real binary in any folder.
    pub fn run_in(&self, folder: &Path, arguments: &[&str]) -> Run {
        let output = self.tagalong(folder).args(arguments).output().expect("the binary runs");
        Run::new(arguments.join(" "), &output, &self.root())
    }

    /// The real binary as a command that has not been started, in this world's environment.
    pub fn tagalong(&self, folder: &Path) -> Command {
        self.command(env!("CARGO_BIN_EXE_tagalong"), folder)
    }

    /// Any command in this world's environment: nothing of the caller's but `PATH`.
    pub fn command(&self, program: impl AsRef<OsStr>, folder: &Path) -> Command {
        let root = self.root();
        let mut command = Command::new(program);
        command
            .current_dir(folder)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", root.join("home"))
            .env("TMPDIR", root.join("tmp"))
            .env("TAGALONG_CACHE", root.join("cache"))
            .env("LC_ALL", "C.UTF-8")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .envs([("GIT_AUTHOR_NAME", "Ada"), ("GIT_AUTHOR_EMAIL", "ada@example.org")])
            .envs([("GIT_COMMITTER_NAME", "Ada"), ("GIT_COMMITTER_EMAIL", "ada@example.org")])
            // Cargo is a client that sources are fetched with; its configuration lies there.
            .env("CARGO_HOME", client_home("CARGO_HOME", ".cargo"))
            .env("RUSTUP_HOME", client_home("RUSTUP_HOME", ".rustup"))
            .envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }
}

/// A folder of the caller's: the variable's, else one below its home.
fn client_home(variable: &str, below: &str) -> PathBuf {
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(below);
    std::env::var_os(variable).map_or_else(home, PathBuf::from)
}

/// What a run of the binary did; the world's folder is written `[WORLD]` in its output.
#[derive(Debug)]
pub struct Run {
    arguments: String,
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    fn new(arguments: String, output: &Output, root: &Path) -> Run {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(root.to_str().unwrap(), "[WORLD]");
        Run {
            arguments,
            code: output.status.code().unwrap_or(-1),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }

    /// Succeeded, with exactly this on stdout.
    #[track_caller]
    pub fn prints(self, stdout: &str) -> Run {
        let run = self.succeeds();
        assert_eq!(run.stdout, stdout, "`tagalong {}` said on stderr: {}", run.arguments, run.stderr);
        run
    }

    #[track_caller]
    pub fn succeeds(self) -> Run {
        self.exits(0)
    }

    /// Ended with this exit code.
    #[track_caller]
    pub fn exits(self, code: i32) -> Run {
        let Run { arguments, stdout, stderr, .. } = &self;
        assert_eq!(self.code, code, "`tagalong {arguments}`\n--- stdout\n{stdout}--- stderr\n{stderr}");
        self
    }

    /// Failed with this code and exactly this on stderr.
    #[track_caller]
    pub fn fails(self, code: i32, stderr: &str) -> Run {
        let run = self.exits(code);
        assert_eq!(run.stderr, stderr, "`tagalong {}`", run.arguments);
        run
    }

    /// Stdout as JSON.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }
}

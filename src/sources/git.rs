//! Brings one commit of a git repository as a tar, through the `git` program: the user's own credentials and proxies.
//!
//! Does not look at the checkout (`checkout/`). Content is taken exactly as committed: no attribute of the repository
//! and no setting of the user changes a byte or leaves a file out; submodules are not fetched; no hook is run.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::model::digest::Digest;
use crate::sources::Reason;
use crate::sources::kept::Kept;
use crate::sources::program::{self, Said};

/// What git may fetch through (git(1), `GIT_ALLOW_PROTOCOL`).
const PROTOCOLS: &str = "https:ssh:git:file";

/// Stronger than what the repository itself says (gitattributes(5)).
const ATTRIBUTES: &str = "* -export-subst -export-ignore -text -eol -filter -ident -working-tree-encoding\n";

/// Variables by which a git hook or alias would make git look elsewhere.
const FOREIGN_VARIABLES: [&str; 8] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_NAMESPACE",
    "GIT_SHALLOW_FILE",
];

/// Why a commit was not brought.
pub(super) enum Fault {
    Place(Reason),
    Disk(io::Error),
}

/// Gives a tar of the commit, whose files are all in one folder; `told` is called before anything is fetched.
pub(super) fn bring(kept: &Kept, url: &str, commit: &str, told: &dyn Fn()) -> Result<PathBuf, Fault> {
    let repository = Repository::open(&kept.git_folder(), url)?;
    if !repository.has(commit)? {
        told();
        repository.fetch(url, commit)?;
    }
    repository.export(commit)
}

/// A bare repository in the cache, held by this process.
struct Repository {
    folder: PathBuf,
    /// Held until the end: two fetches would be in each other's way.
    _lock: File,
}

impl Repository {
    fn open(git_folder: &Path, url: &str) -> Result<Repository, Fault> {
        let name = Digest::of(url.as_bytes()).short(32);
        fs_err::create_dir_all(git_folder).map_err(Fault::Disk)?;
        let lock = fs_err::File::create(git_folder.join(format!("{name}.lock"))).map_err(Fault::Disk)?.into_file();
        lock.lock().map_err(Fault::Disk)?;
        let folder = git_folder.join(name);
        let repository = Repository { folder, _lock: lock };
        if !repository.folder.join("HEAD").is_file() {
            let mut command = git();
            command.args(["init", "--quiet", "--bare", "--template="]).arg(&repository.folder);
            accept(run(&mut command)?)?;
        }
        let attributes = repository.folder.join("info/attributes");
        fs_err::create_dir_all(repository.folder.join("info")).map_err(Fault::Disk)?;
        fs_err::write(attributes, ATTRIBUTES).map_err(Fault::Disk)?;
        Ok(repository)
    }

    fn git(&self) -> Command {
        let mut command = git();
        command.arg("--git-dir").arg(&self.folder);
        command
    }

    fn has(&self, commit: &str) -> Result<bool, Fault> {
        // The whole tree must be there, not the commit alone: a fetch may have been cut off.
        let said = run(self.git().args(["rev-list", "--objects", "--quiet", "--no-walk", commit, "--"]))?;
        let kind = run(self.git().args(["cat-file", "-t", commit]))?;
        Ok(said.is_success && kind.is_success && kind.stdout_text().trim() == "commit")
    }

    fn fetch(&self, url: &str, commit: &str) -> Result<(), Fault> {
        let quiet =
            ["fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--no-auto-gc", "--no-write-fetch-head"];
        let one = run(self.git().args(quiet).args(["--depth=1", "--", url, commit]))?;
        if one.is_success && self.has(commit)? {
            return Ok(());
        }
        // Some servers give only what a branch or a tag names.
        let all = ["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"];
        let deep: &[&str] = if self.folder.join("shallow").exists() { &["--unshallow"] } else { &[] };
        let said = run(self.git().args(quiet).args(deep).arg("--").arg(url).args(all))?;
        if !said.is_success {
            let reason = said.complaint().replace(url, &super::web::without_secrets(url));
            return Err(Fault::Place(Reason::Unreachable(reason)));
        }
        if self.has(commit)? { Ok(()) } else { Err(Fault::Place(Reason::Absent)) }
    }

    fn export(&self, commit: &str) -> Result<PathBuf, Fault> {
        let path = self.folder.join(format!("{commit}.tar"));
        let new = tempfile::NamedTempFile::new_in(&self.folder).map_err(Fault::Disk)?;
        let mut command = self.git();
        // One top folder, always: it is stripped again, and a repository's only folder is not.
        command.args(["archive", "--format=tar", "--prefix=source/", "--output"]).arg(new.path()).arg(commit);
        accept(run(&mut command)?)?;
        new.persist(&path).map_err(|error| Fault::Disk(error.error))?;
        Ok(path)
    }
}

pub(super) fn git() -> Command {
    let mut command = Command::new("git");
    for variable in FOREIGN_VARIABLES {
        command.env_remove(variable);
    }
    command.env("GIT_TERMINAL_PROMPT", "0").env("GIT_ALLOW_PROTOCOL", PROTOCOLS);
    command.args(["-c", "core.hooksPath=/dev/null", "-c", "advice.detachedHead=false"]);
    command
}

fn run(command: &mut Command) -> Result<Said, Fault> {
    match program::run(command) {
        Ok(Some(said)) => Ok(said),
        Ok(None) => Err(Fault::Place(Reason::Unusable("git is not installed".to_owned()))),
        Err(error) => Err(Fault::Disk(error)),
    }
}

fn accept(said: Said) -> Result<(), Fault> {
    if said.is_success { Ok(()) } else { Err(Fault::Place(Reason::Unusable(said.complaint()))) }
}

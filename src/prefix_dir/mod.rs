//! A prefix on disk: what it holds, who may change it, and how it becomes another one in one step.
//!
//! Does not unpack (`archive/`) and fetches nothing. Beside a prefix `extern/p` lie, while something happens:
//! ```text
//! extern/.p.tagalong-lock            held by the process that changes the prefix
//! extern/.p.tagalong-staging-<pid>   an unfinished install, or the old tree after an exchange
//! extern/.p.tagalong-old-<pid>       the old tree, where a file system cannot exchange two folders
//! extern/.p.tagalong-journal         what to finish or undo then
//! ```
//! Inside, `.tagalong/` holds the receipt and the manifest of each package.
//!
//! What a power loss leaves is the old tree or the new one, whole, whatever a file system keeps of what it was not asked to
//! keep (`tests/power_loss.rs` replays every moment), since these are on the disk in this order:
//! 1. all of the staging folder, the receipt too (syncfs(2), once), before it gets the prefix's name;
//! 2. that name (fsync(2) of the folder above) before the old tree loses a file; as is the name that a prefix gets before
//!    its files are removed;
//! 3. a journal before what it says is begun, and what it says before the journal goes. Where not even a folder can be renamed
//!    (a lower overlay layer), the disk below must keep renames whole, as journals of names do.

mod journal;
mod staging;
mod verify;

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use fs_err as fs;

use crate::durable;
use crate::lock::Lock;
use crate::model::event::Tell;
use crate::model::package::{ManifestFault, OWN_FOLDER, PackageManifest};
use crate::model::platform::Platform;
use crate::model::prefix::{Prefix, PrefixError};
use crate::model::project::Project;
use crate::model::receipt::{InstalledPackage, RECEIPT_PATH, Receipt};
use crate::model::tag::DepsTag;

pub use crate::prefix_dir::staging::Staging;
pub use crate::prefix_dir::verify::{Change, Changed};

/// Where the manifests of the installed packages lie, from the prefix.
const PACKAGES_FOLDER: &str = ".tagalong/packages";

/// A prefix on disk, whatever is there.
#[derive(Debug, Clone)]
pub struct PrefixDir {
    prefix: Prefix,
    parent: PathBuf,
    name: OsString,
}

/// What a prefix is at this moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Nothing, or an empty folder.
    Empty,
    Installed(Box<Receipt>),
    /// An exchange was broken off; the next change finishes or undoes it.
    Interrupted,
    /// Something that no install made.
    Foreign,
    /// An install whose receipt cannot be read: of a newer program, or damaged.
    Unreadable {
        reason: String,
    },
}

impl PrefixDir {
    /// A prefix at an absolute path; a link at its end is followed, so that the link survives.
    ///
    /// # Errors
    /// [`PrefixDirError::Path`] when it cannot be a prefix, [`PrefixDirError::System`] for a link to nowhere.
    pub fn new(path: &Path) -> Result<PrefixDir, PrefixDirError> {
        let mut prefix = Prefix::new(path).map_err(PrefixDirError::Path)?;
        if prefix.as_path().is_symlink() {
            let real = fs::canonicalize(prefix.as_path()).map_err(system)?;
            prefix = Prefix::new(&real).map_err(PrefixDirError::Path)?;
        }
        let (parent, name) = match (prefix.as_path().parent(), prefix.as_path().file_name()) {
            (Some(parent), Some(name)) => (parent.to_owned(), name.to_owned()),
            // A prefix is never the root folder, so it has both.
            _ => (PathBuf::from("/"), OsString::new()),
        };
        Ok(PrefixDir { prefix, parent, name })
    }

    /// The prefix that a project gives to a platform, and to a tag where each has its own.
    ///
    /// # Errors
    /// As [`PrefixDir::new`].
    pub fn of(
        root: &Path,
        project: &Project,
        platform: &Platform,
        tag: Option<&DepsTag>,
    ) -> Result<PrefixDir, PrefixDirError> {
        let below = match tag {
            Some(tag) => project.prefix_of(platform, tag),
            None => project.prefix_for(platform),
        };
        PrefixDir::new(&root.join(below))
    }

    pub fn prefix(&self) -> &Prefix {
        &self.prefix
    }

    /// Looks at what is there; takes no lock and writes nothing.
    ///
    /// # Errors
    /// [`PrefixDirError::System`], [`PrefixDirError::NotAFolder`].
    pub fn state(&self) -> Result<State, PrefixDirError> {
        let path = self.prefix.as_path();
        if self.beside("journal").exists() {
            return Ok(State::Interrupted);
        }
        match fs::read(path.join(RECEIPT_PATH)) {
            Ok(json) => {
                return Ok(match Receipt::parse(&json) {
                    Ok(receipt) => State::Installed(Box::new(receipt)),
                    Err(reason) => State::Unreadable { reason },
                });
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
                return Err(PrefixDirError::NotAFolder { path: path.to_owned() });
            }
            Err(error) => return Err(system(error)),
        }
        match fs::read_dir(path) {
            Ok(mut entries) => Ok(if entries.next().is_none() { State::Empty } else { State::Foreign }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(State::Empty),
            Err(error) => Err(system(error)),
        }
    }

    /// Waits until nobody else changes the prefix, then finishes or undoes what was broken off.
    ///
    /// # Errors
    /// [`PrefixDirError::System`], [`PrefixDirError::Journal`].
    pub fn lock(&self, tell: Tell) -> Result<LockedPrefix<'_>, PrefixDirError> {
        fs::create_dir_all(&self.parent).map_err(system)?;
        let what = format!("the prefix {}", self.prefix);
        let lock = Lock::take(&self.beside("lock"), &what, tell).map_err(system)?;
        let locked = LockedPrefix { dir: self, _lock: lock };
        journal::settle(self)?;
        locked.sweep()?;
        Ok(locked)
    }

    /// Finishes or undoes what a killed process left beside the prefix, as its lock file tells, and removes what one
    /// could not remove.
    ///
    /// # Errors
    /// As [`PrefixDir::lock`].
    pub fn settle(&self, tell: Tell) -> Result<(), PrefixDirError> {
        // After a power loss any of these may be there without the others.
        let is_settled =
            !self.beside("lock").exists() && !self.beside("journal").exists() && self.left_behind()?.is_empty();
        if is_settled { Ok(()) } else { self.lock(tell).map(drop) }
    }

    /// What earlier processes made beside the prefix, and left.
    fn left_behind(&self) -> Result<Vec<PathBuf>, PrefixDirError> {
        let entries = match fs::read_dir(&self.parent) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(system)?,
        };
        let ours =
            ["staging-", "old-", "removed-", "journal-unfinished"].map(|kind| self.beside(kind).into_os_string());
        let mut left = Vec::new();
        for entry in entries {
            let path = entry.map_err(system)?.path();
            let bytes = path.as_os_str().as_encoded_bytes();
            if ours.iter().any(|head| bytes.starts_with(head.as_encoded_bytes())) {
                left.push(path);
            }
        }
        Ok(left)
    }

    /// The manifest of an installed package.
    ///
    /// # Errors
    /// [`PrefixDirError::System`], [`PrefixDirError::Manifest`].
    pub fn manifest(&self, package: &InstalledPackage) -> Result<PackageManifest, PrefixDirError> {
        let path = self.prefix.as_path().join(PACKAGES_FOLDER).join(format!("{}.json", package.name));
        let json = fs::read(&path).map_err(system)?;
        PackageManifest::parse(&json).map_err(|fault| PrefixDirError::Manifest { path, fault })
    }

    /// Reads every file of the installed packages and tells those that are not as they were installed.
    ///
    /// # Errors
    /// [`PrefixDirError`] when a manifest cannot be read.
    pub fn verify(&self, receipt: &Receipt) -> Result<Vec<Changed>, PrefixDirError> {
        verify::changed(self, receipt)
    }

    /// The files and links in the prefix that belong to no package, as paths from the prefix.
    ///
    /// # Errors
    /// [`PrefixDirError`] when a manifest or a folder cannot be read.
    pub fn strangers(&self, receipt: &Receipt) -> Result<Vec<String>, PrefixDirError> {
        verify::strangers(self, receipt)
    }

    /// The path of a file beside the prefix.
    fn beside(&self, what: &str) -> PathBuf {
        let mut name = OsString::from(".");
        name.push(&self.name);
        name.push(".tagalong-");
        name.push(what);
        self.parent.join(name)
    }
}

/// A prefix that only this process changes, until it is dropped.
#[derive(Debug)]
pub struct LockedPrefix<'a> {
    dir: &'a PrefixDir,
    _lock: Lock,
}

impl LockedPrefix<'_> {
    /// Starts an install beside the prefix.
    ///
    /// # Errors
    /// [`PrefixDirError::System`].
    pub fn stage(&self) -> Result<Staging<'_>, PrefixDirError> {
        Staging::new(self.dir)
    }

    /// Starts a tree beside the prefix that is no install of packages.
    ///
    /// # Errors
    /// [`PrefixDirError::System`].
    pub fn stage_tree(&self) -> Result<Staging<'_>, PrefixDirError> {
        Staging::bare(self.dir)
    }

    /// Removes the prefix: in one step it is no install any more, then its files go.
    ///
    /// # Errors
    /// [`PrefixDirError::System`].
    pub fn remove(&self) -> Result<(), PrefixDirError> {
        let path = self.dir.prefix.as_path();
        let aside = self.dir.beside(&format!("removed-{}", std::process::id()));
        if fs::rename(path, &aside).is_ok() {
            durable::names(&self.dir.parent).map_err(system)?;
            return fs::remove_dir_all(&aside).map_err(system);
        }
        // A mount point, or a folder of a lower overlay layer, cannot be renamed.
        fs::remove_file(path.join(RECEIPT_PATH)).map_err(system)?;
        durable::names(&path.join(OWN_FOLDER)).map_err(system)?;
        staging::clear(path)?;
        // A mount point stays, empty.
        let _ = fs::remove_dir(path);
        Ok(())
    }

    /// Removes what killed processes left beside the prefix.
    fn sweep(&self) -> Result<(), PrefixDirError> {
        self.dir.left_behind()?.iter().try_for_each(|path| staging::remove(path).map_err(system))
    }
}

/// Why a prefix cannot be looked at or changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PrefixDirError {
    #[error("{0}")]
    Path(PrefixError),
    #[error("{} is not a folder", path.display())]
    NotAFolder { path: PathBuf },
    /// The system's own words, with the path.
    #[error("{reason}")]
    System { reason: String },
    #[error("{} cannot be read: {reason}", path.display())]
    Journal { path: PathBuf, reason: String },
    #[error("{}: {fault}", path.display())]
    Manifest { path: PathBuf, fault: ManifestFault },
}

fn system(error: io::Error) -> PrefixDirError {
    PrefixDirError::System { reason: error.to_string() }
}

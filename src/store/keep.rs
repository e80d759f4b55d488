//! What the store holds, when it was used last, and what is taken out of it.
//!
//! Does not decide what is kept; `flow/cache.rs` does. A package's time of change is the time of its last use.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use fs_err as fs;

use crate::model::bundle::{BuildRecord, archive_path};
use crate::model::digest::Digest;
use crate::store::{Store, StoreError, digest_of, system};

/// In which form a package is in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    Archive,
    Unpacked,
}

/// An archive of the store, or the unpacked tree of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The archive's.
    pub digest: Digest,
    pub form: Form,
    /// In bytes.
    pub size: u64,
    pub used: SystemTime,
}

/// Notes that an archive is used now. Only `cache gc` looks at it, so a store that cannot be written to is no failure.
pub(super) fn mark_used(path: &Path) {
    // An old time of use is all that is lost.
    let _ = fs::File::open(path).and_then(|file| file.file().set_modified(SystemTime::now()));
}

impl Store {
    /// All archives, by digest.
    ///
    /// # Errors
    /// [`StoreError::System`] when a folder cannot be listed.
    pub fn packages(&self) -> Result<Vec<Kept>, StoreError> {
        let mut kept = Vec::new();
        for folder in entries(&self.cache.join("packages"))? {
            for path in entries(&folder)? {
                let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                let Some(Ok(digest)) = name.strip_suffix(".tar.zst").map(Digest::parse) else { continue };
                // Another process may have taken it out meanwhile.
                let Ok(facts) = fs::symlink_metadata(&path) else { continue };
                let used = facts.modified().map_err(system)?;
                kept.push(Kept { digest, form: Form::Archive, size: facts.len(), used });
            }
        }
        kept.sort_by_key(|one| one.digest);
        Ok(kept)
    }

    /// Whether the bytes of an archive are still those of its digest; `None` when it has gone meanwhile.
    pub fn is_whole(&self, digest: Digest) -> Option<bool> {
        let path = self.archive(digest)?;
        Some(digest_of(&path).is_ok_and(|(found, _)| found == digest))
    }

    /// Takes an archive out.
    ///
    /// # Errors
    /// [`StoreError::System`]; that it has gone already is none.
    pub fn remove(&self, digest: Digest) -> Result<(), StoreError> {
        gone(fs::remove_file(self.cache.join(archive_path(digest))))
    }

    /// All build records, of every platform; files that hold none are passed over.
    ///
    /// # Errors
    /// [`StoreError::System`] when a folder cannot be listed.
    pub fn all_records(&self) -> Result<Vec<BuildRecord>, StoreError> {
        let mut records = Vec::new();
        for folder in entries(&self.cache.join("keys"))? {
            for path in entries(&folder)? {
                records.extend(BuildRecord::parse(&fs::read(path).unwrap_or_default()));
            }
        }
        Ok(records)
    }

    /// Takes a build record out.
    ///
    /// # Errors
    /// [`StoreError::System`].
    pub fn remove_record(&self, record: &BuildRecord) -> Result<(), StoreError> {
        gone(fs::remove_file(self.cache.join(record.path())))
    }

    /// The unfinished files and trees that nobody has written to for so long, with their sizes in bytes.
    ///
    /// # Errors
    /// [`StoreError::System`] when the folder cannot be listed.
    pub fn abandoned(&self, idle: Duration, now: SystemTime) -> Result<Vec<(PathBuf, u64)>, StoreError> {
        let mut found = Vec::new();
        for path in entries(&self.cache.join("tmp"))? {
            let Ok(facts) = fs::symlink_metadata(&path) else { continue };
            let age = now.duration_since(facts.modified().map_err(system)?).unwrap_or_default();
            if age >= idle {
                let size = if facts.is_dir() { size_below(&path) } else { facts.len() };
                found.push((path, size));
            }
        }
        Ok(found)
    }

    /// Removes an unfinished file or tree.
    ///
    /// # Errors
    /// [`StoreError::System`].
    pub fn remove_abandoned(&self, path: &Path) -> Result<(), StoreError> {
        gone(if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) })
    }
}

/// The paths in a folder, sorted; none where there is no such folder.
pub(super) fn entries(folder: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let listed = match fs::read_dir(folder) {
        Ok(listed) => listed,
        Err(error) if is_absence(&error) => return Ok(Vec::new()),
        Err(error) => return Err(system(error)),
    };
    let mut paths: Vec<PathBuf> =
        listed.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>().map_err(system)?;
    paths.sort();
    Ok(paths)
}

/// The sizes of all files below a folder together, as far as they can be seen.
fn size_below(folder: &Path) -> u64 {
    let size = |path: PathBuf| match fs::symlink_metadata(&path) {
        Ok(facts) if facts.is_dir() => size_below(&path),
        Ok(facts) => facts.len(),
        Err(_) => 0,
    };
    entries(folder).unwrap_or_default().into_iter().map(size).sum()
}

pub(super) fn gone(removed: std::io::Result<()>) -> Result<(), StoreError> {
    match removed {
        Err(error) if is_absence(&error) => Ok(()),
        other => other.map_err(system),
    }
}

pub(super) fn is_absence(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{NotADirectory, NotFound};
    matches!(error.kind(), NotFound | NotADirectory)
}

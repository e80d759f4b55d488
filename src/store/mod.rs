//! The store: the local, verified copies of package archives by digest; may be deleted at any time.
//!
//! Does not fetch (`channel/`). What it knows of builds and of bundles is in `records.rs`.
//! ```text
//! <cache>/packages/<aa>/<digest>.tar.zst      read-only, whole, checked when it came
//! <cache>/trees/<aa>/<digest>/                unpacked packages: `unpacked/`
//! <cache>/keys/<platform>/<build key>.json    build records
//! <cache>/built/<checkout>/<platform>.json    the last whole build of a checkout
//! <cache>/seen/<keys>/bundles/<tag>/…         the newest bundle manifest seen, with its signature
//! <cache>/tmp/                                unfinished files
//! ```

pub mod handed;
pub mod keep;
mod records;
mod sharing;
pub mod unpacked;

use std::fs::File;
use std::io::{self, Seek, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use fs_err as fs;

use crate::model::bundle::{BundleFault, archive_path};
use crate::model::digest::{Digest, DigestingReader};

pub use crate::store::records::SeenBundle;
pub use crate::store::sharing::{NotShared, Refusal, Refused};

/// The store of one cache folder.
#[derive(Debug, Clone)]
pub struct Store {
    cache: PathBuf,
}

impl Store {
    /// Opens the store in a cache folder, making what is missing.
    ///
    /// # Errors
    /// [`StoreError::System`] when the folder cannot be made, [`StoreError::Open`] when others may write to it: between
    /// the check of an archive and its use another user could put one of theirs in its place.
    pub fn open(cache: &Path) -> Result<Store, StoreError> {
        fs::create_dir_all(cache.join("tmp")).map_err(system)?;
        for folder in [cache.to_owned(), cache.join("packages"), cache.join("trees"), cache.join("tmp")] {
            // Not there yet: nobody has written to it.
            let Ok(facts) = fs::symlink_metadata(&folder) else { continue };
            let is_anybodys = facts.mode() & 0o002 != 0;
            // Below a folder such as /tmp everybody has their own, and somebody else may have made this one first.
            let is_strangers =
                folder != cache && facts.uid() != rustix::process::geteuid().as_raw() && facts.uid() != 0;
            if is_strangers || is_anybodys && (facts.mode() & 0o1000 == 0 || folder != cache) {
                return Err(StoreError::Open { folder });
            }
        }
        Ok(Store { cache: cache.to_owned() })
    }

    /// The archive with this digest, if it is here; its bytes were right when it came.
    pub fn archive(&self, digest: Digest) -> Option<PathBuf> {
        let path = self.cache.join(archive_path(digest));
        path.is_file().then_some(path)
    }

    /// The archive with this digest, its bytes read and checked now; one that has gone bad is removed.
    ///
    /// # Errors
    /// [`StoreError::System`] when it can be neither read nor removed.
    pub fn verified_archive(&self, digest: Digest) -> Result<Option<PathBuf>, StoreError> {
        let Some(path) = self.archive(digest) else { return Ok(None) };
        // One that cannot be read is as bad as one with other bytes.
        if digest_of(&path).is_ok_and(|(found, _)| found == digest) {
            keep::mark_used(&path);
            return Ok(Some(path));
        }
        fs::remove_file(&path).map_err(system)?;
        Ok(None)
    }

    /// Takes in an archive that `fill` writes, if its bytes have the digest; gives where it lies.
    ///
    /// # Errors
    /// What `fill` says, [`StoreError::Digest`] for other bytes, [`StoreError::System`].
    pub fn add<E: From<StoreError>>(
        &self,
        digest: Digest,
        fill: impl FnOnce(&mut File) -> Result<(), E>,
    ) -> Result<PathBuf, E> {
        let mut unfinished = self.unfinished()?;
        fill(unfinished.as_file_mut())?;
        let (found, _) = digest_of(unfinished.path())?;
        if found != digest {
            return Err(StoreError::Digest { expected: digest, found }.into());
        }
        Ok(self.keep(unfinished, digest)?)
    }

    /// Takes in a copy of an archive file; gives its digest and size in bytes.
    ///
    /// # Errors
    /// [`StoreError::System`].
    pub fn add_file(&self, path: &Path) -> Result<(Digest, u64), StoreError> {
        let mut unfinished = self.unfinished()?;
        let mut reader = DigestingReader::new(fs::File::open(path).map_err(system)?);
        io::copy(&mut reader, unfinished.as_file_mut()).map_err(system)?;
        let (digest, size) = reader.finish();
        self.keep(unfinished, digest)?;
        Ok((digest, size))
    }

    fn unfinished(&self) -> Result<tempfile::NamedTempFile, StoreError> {
        tempfile::NamedTempFile::new_in(self.cache.join("tmp")).map_err(system)
    }

    fn keep(&self, mut unfinished: tempfile::NamedTempFile, digest: Digest) -> Result<PathBuf, StoreError> {
        let file = unfinished.as_file_mut();
        file.set_permissions(PermissionsExt::from_mode(0o444)).map_err(system)?;
        file.rewind().map_err(system)?;
        let path = self.cache.join(archive_path(digest));
        self.persist(unfinished, &path)?;
        Ok(path)
    }

    fn persist(&self, unfinished: tempfile::NamedTempFile, path: &Path) -> Result<(), StoreError> {
        fs::create_dir_all(path.parent().unwrap_or(&self.cache)).map_err(system)?;
        unfinished.persist(path).map_err(|error| system(error.error))?;
        Ok(())
    }

    /// Writes a small file whole or not at all, on the disk too: nothing else tells whether its bytes are right.
    fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
        let mut unfinished = self.unfinished()?;
        unfinished.write_all(bytes).map_err(system)?;
        unfinished.as_file().sync_all().map_err(system)?;
        self.persist(unfinished, path)
    }
}

/// The digest and the size of a file.
fn digest_of(path: &Path) -> Result<(Digest, u64), StoreError> {
    let mut reader = DigestingReader::new(fs::File::open(path).map_err(system)?);
    io::copy(&mut reader, &mut io::sink()).map_err(system)?;
    Ok(reader.finish())
}

/// Why the store cannot do what it is asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The system's own words, with the path.
    #[error("{reason}")]
    System { reason: String },
    /// A folder of the store is another user's, or anybody may write to it.
    #[error("others may write to {}", folder.display())]
    Open { folder: PathBuf },
    #[error("its digest is {found}, not {expected}")]
    Digest { expected: Digest, found: Digest },
    /// A file of the store is not what was written there.
    #[error("{}: {fault}", path.display())]
    Record { path: PathBuf, fault: BundleFault },
    /// A record that another job handed on is not what a build writes.
    #[error("{}: {fault}", path.display())]
    Handed { path: PathBuf, fault: BundleFault },
}

fn system(error: io::Error) -> StoreError {
    StoreError::System { reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn archive_comes_in_with_the_right_bytes_only_and_goes_when_it_has_gone_bad() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("cache")).unwrap();
        let digest = Digest::of(b"bytes");
        let fill = |bytes: &'static [u8]| move |file: &mut File| file.write_all(bytes).map_err(system);
        assert!(matches!(store.add(digest, fill(b"other")), Err(StoreError::Digest { .. })));
        assert_eq!(store.archive(digest), None);
        let path = store.add(digest, fill(b"bytes")).unwrap();
        assert_eq!(store.verified_archive(digest), Ok(Some(path.clone())));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o444);
        fs::remove_file(&path).unwrap();
        fs::write(&path, "bad").unwrap();
        assert_eq!(store.verified_archive(digest), Ok(None));
        assert!(!path.exists());
        assert_eq!(fs::read_dir(folder.path().join("cache/tmp")).unwrap().count(), 0);
    }
}

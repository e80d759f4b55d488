//! A channel that is published to: what is written is read back and compared, and nobody's work is overwritten.
//!
//! Does not know where the objects lie; each kind of channel does.
//!
//! Where a place has a lock, a manifest is written under it. Elsewhere a writer states what it saw before, the place
//! refuses when that is no longer so (`If-Match`, `If-None-Match`), and who is refused looks again and compares.

use std::cell::Cell;
use std::path::Path;
use std::thread;
use std::time::Duration;

use crate::channel::{ChannelError, FORMAT_PATH, FORMAT_TEXT, LARGEST_SIGNATURE, Objects};
use crate::model::bundle::{BuildRecord, BundleRef, LARGEST_MANIFEST, archive_path};
use crate::model::digest::Digest;
use crate::model::event::Tell;

/// How often a writer that was refused looks again.
const TRIES: u32 = 5;

/// How long it waits before that.
const PAUSE: Duration = Duration::from_millis(300);

/// What became of an object that should be there for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    Written,
    /// The same bytes were there.
    WasThere,
    /// Other bytes are there, and stay.
    Differs,
}

/// An object of a channel, as a list of them tells.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listed {
    pub path: String,
    /// In bytes.
    pub size: u64,
    /// In seconds since 1970; 0 where the place does not say.
    pub modified: u64,
}

/// An archive in a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct ArchiveFile<'a> {
    pub digest: Digest,
    /// In bytes.
    pub size: u64,
    pub path: &'a Path,
}

/// What lay under a name when it was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Version {
    Absent,
    Here {
        bytes: Vec<u8>,
        /// The place's own name for these bytes.
        etag: Option<String>,
    },
}

impl Version {
    pub(super) fn holds(&self, expected: &[u8]) -> bool {
        matches!(self, Version::Here { bytes, .. } if bytes == expected)
    }
}

/// A channel that can be published to.
pub struct Writable<'a> {
    pub(super) objects: &'a dyn Objects,
}

impl Writable<'_> {
    /// Makes the place a channel, or checks that it is one that this program can write to.
    ///
    /// # Errors
    /// [`ChannelError::Format`] for a channel of another format, and what the place says.
    pub fn prepare(&self) -> Result<(), ChannelError> {
        match self.objects.put(FORMAT_PATH, FORMAT_TEXT)? {
            Put::Written | Put::WasThere => Ok(()),
            Put::Differs => {
                let found: Option<Format> = self
                    .objects
                    .read(FORMAT_PATH, LARGEST_SIGNATURE)?
                    .and_then(|bytes| serde_json::from_slice(&bytes).ok());
                match found {
                    Some(Format { format: 1 }) => Ok(()),
                    other => Err(ChannelError::Format { found: other.map(|format| format.format) }),
                }
            }
        }
    }

    /// Puts an archive that is in a file; the bytes that are there afterwards have the digest.
    ///
    /// # Errors
    /// [`ChannelError::Damaged`] when other bytes lie under the digest, and what the place says.
    pub fn put_archive(&self, digest: Digest, from: &Path) -> Result<Put, ChannelError> {
        let size = fs_err::metadata(from).map_err(|error| ChannelError::System { reason: error.to_string() })?.len();
        self.objects.put_file(&archive_path(digest), &ArchiveFile { digest, size, path: from })
    }

    /// Puts a build record, unless the key has one.
    ///
    /// # Errors
    /// What the place says.
    pub fn put_record(&self, record: &BuildRecord) -> Result<Put, ChannelError> {
        let path = record.path();
        match self.objects.put(&path, &record.to_json())? {
            // How long it took and where it was built is no difference; what came out is.
            Put::Differs => {
                let found = self.objects.read(&path, LARGEST_MANIFEST)?.unwrap_or_default();
                let is_same = BuildRecord::parse(&found).is_ok_and(|found| found.archive == record.archive);
                Ok(if is_same { Put::WasThere } else { Put::Differs })
            }
            put => Ok(put),
        }
    }

    /// Runs `write` while nobody else writes this bundle's manifest; where that cannot be had, runs it again after
    /// somebody did.
    ///
    /// # Errors
    /// What the place says, and what `write` says.
    pub fn exclusively<T, E: From<ChannelError>>(
        &self,
        bundle: &BundleRef,
        tell: Tell,
        write: impl Fn(&ManifestWriter) -> Result<T, E>,
    ) -> Result<T, E> {
        let lock = self.objects.lock(&bundle.path(), tell)?;
        let mut tries = 0;
        loop {
            let before = match lock {
                Some(_) => None,
                None => Some(self.objects.version(&bundle.path(), LARGEST_MANIFEST)?),
            };
            let writer = ManifestWriter { objects: self.objects, bundle, before, is_lost: Cell::new(false) };
            let written = write(&writer);
            tries += 1;
            if written.is_ok() || !writer.is_lost.get() || tries == TRIES {
                return written;
            }
            thread::sleep(PAUSE);
        }
    }

    /// What the channel holds below a path, such as `bundles/`; in the order of paths. Not for the way of a fetch.
    ///
    /// # Errors
    /// [`ChannelError::NotListed`] for a place that cannot say, and what the place says.
    pub fn list(&self, prefix: &str) -> Result<Vec<Listed>, ChannelError> {
        let mut found = self.objects.list(prefix)?;
        found.sort();
        Ok(found)
    }

    /// Removes an object; whether there was one.
    ///
    /// # Errors
    /// What the place says.
    pub fn delete(&self, path: &str) -> Result<bool, ChannelError> {
        self.objects.delete(path)
    }
}

/// Writes the manifest of one bundle; nobody else does meanwhile, or one of both is told.
pub struct ManifestWriter<'a> {
    objects: &'a dyn Objects,
    bundle: &'a BundleRef,
    /// What lay there before; `None` under a lock.
    before: Option<Version>,
    is_lost: Cell<bool>,
}

impl ManifestWriter<'_> {
    /// Writes the signature, then the manifest: who finds a manifest finds its signature.
    ///
    /// # Errors
    /// [`ChannelError::Lost`] when another wrote meanwhile, [`ChannelError::Damaged`] when other bytes are there
    /// afterwards, and what the place says.
    pub fn write(&self, manifest: &[u8], signature: Option<&str>) -> Result<(), ChannelError> {
        let Some(before) = &self.before else {
            if let Some(signature) = signature {
                self.objects.replace(&self.bundle.signature_path(), signature.as_bytes())?;
            }
            return self.objects.replace(&self.bundle.path(), manifest);
        };
        let write = BundleWrite { bundle: self.bundle, manifest, signature, before };
        match self.objects.write_bundle(&write)? {
            Put::Written | Put::WasThere => Ok(()),
            Put::Differs => {
                self.is_lost.set(true);
                Err(ChannelError::Lost { path: self.bundle.path() })
            }
        }
    }

    /// Replaces the signature alone: for a manifest whose signer is no longer trusted.
    ///
    /// # Errors
    /// As [`ManifestWriter::write`].
    pub fn write_signature(&self, signature: &str) -> Result<(), ChannelError> {
        self.objects.replace_signature(self.bundle, signature)
    }
}

/// A manifest, its signature, and what lay there when the writer looked.
pub(super) struct BundleWrite<'a> {
    pub bundle: &'a BundleRef,
    pub manifest: &'a [u8],
    pub signature: Option<&'a str>,
    pub before: &'a Version,
}

/// Writes a bundle as two objects, without a lock.
///
/// The signature comes first, as readers look for the manifest first. Who loses the manifest puts the signature back
/// that it replaced, and who wins sees to it that its own is there.
pub(super) fn write_in_two(objects: &dyn Objects, write: &BundleWrite) -> Result<Put, ChannelError> {
    let (manifest_path, path) = (write.bundle.path(), write.bundle.signature_path());
    let Some(signature) = write.signature.map(str::as_bytes) else {
        return objects.swap(&manifest_path, write.manifest, write.before);
    };
    let replaced = objects.version(&path, LARGEST_SIGNATURE)?;
    if objects.version(&manifest_path, LARGEST_MANIFEST)? != *write.before {
        return Ok(Put::Differs);
    }
    if !replaced.holds(signature) && objects.swap(&path, signature, &replaced)? == Put::Differs {
        return Ok(Put::Differs);
    }
    let put = objects.swap(&manifest_path, write.manifest, write.before)?;
    match (put, replaced) {
        (Put::Differs, Version::Here { bytes, .. }) => objects.replace(&path, &bytes)?,
        (Put::Differs, Version::Absent) => {}
        _ if objects.version(&path, LARGEST_SIGNATURE)?.holds(signature) => {}
        _ => objects.replace(&path, signature)?,
    }
    Ok(put)
}

/// Puts a small object unless there is one: `write` does it, and says whether it was the one who did.
pub(super) fn put_once(
    objects: &dyn Objects,
    path: &str,
    bytes: &[u8],
    write: impl FnOnce() -> Result<bool, ChannelError>,
) -> Result<Put, ChannelError> {
    let compared = |found: &[u8]| if found == bytes { Put::WasThere } else { Put::Differs };
    if let Some(found) = objects.read(path, LARGEST_MANIFEST)? {
        return Ok(compared(&found));
    }
    let is_written = write()?;
    match objects.read(path, LARGEST_MANIFEST)? {
        Some(found) if is_written && found == bytes => Ok(Put::Written),
        Some(found) => Ok(compared(&found)),
        None => Err(ChannelError::Damaged { path: path.to_owned() }),
    }
}

/// Reads back what was written over whatever was there.
pub(super) fn read_back(objects: &dyn Objects, path: &str, bytes: &[u8]) -> Result<(), ChannelError> {
    match objects.read(path, LARGEST_MANIFEST)? {
        Some(found) if found == bytes => Ok(()),
        _ => Err(ChannelError::Damaged { path: path.to_owned() }),
    }
}

/// Writes an object if what lies there is still what was seen; for places that take no conditions.
pub(super) fn swap_by_looking(
    objects: &dyn Objects,
    path: &str,
    bytes: &[u8],
    before: &Version,
) -> Result<Put, ChannelError> {
    let now = objects.version(path, LARGEST_MANIFEST)?;
    if now.holds(bytes) {
        return Ok(Put::WasThere);
    }
    let is_same = match (&now, before) {
        (Version::Here { bytes: now, .. }, Version::Here { bytes: before, .. }) => now == before,
        (now, before) => now == before,
    };
    if !is_same {
        return Ok(Put::Differs);
    }
    if *before == Version::Absent {
        return objects.put(path, bytes);
    }
    objects.replace(path, bytes)?;
    Ok(Put::Written)
}

#[derive(serde::Deserialize)]
struct Format {
    format: u32,
}

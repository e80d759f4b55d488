//! Replaces the content of one file whole: written beside, then renamed over it, with mode, owner and extended
//! attributes kept.
//!
//! A killed process leaves the old file or the new one. Does not wait for the disk, as `mv` does not, and does not know
//! what the bytes mean.

use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// More than any file system lets a file have, in bytes (xattr(7)).
const LARGEST_ATTRIBUTES: usize = 1 << 20;
/// What most attributes fit into, in bytes.
const FEW_ATTRIBUTES: usize = 1 << 10;

/// What happens to a file that has more than one name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HardLinks {
    /// The file is left as it is.
    Refuse,
    /// All names keep leading to one file: its bytes are overwritten, which a crash can interrupt.
    Keep,
    /// This name leads to the new file, the others to the old one.
    Split,
}

/// A regular file and its bytes.
#[derive(Debug)]
pub struct Content {
    /// The path after all links.
    path: PathBuf,
    pub bytes: Vec<u8>,
    facts: std::fs::Metadata,
}

/// Reads a regular file; links are followed.
///
/// # Errors
/// [`RewriteError`] when there is none, or it cannot be read.
pub fn read(path: &Path) -> Result<Content, RewriteError> {
    let fault = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => RewriteError::Absent { path: path.to_owned() },
        _ => RewriteError::Unreadable { path: path.to_owned(), reason: reason(&error) },
    };
    let real = fs_err::canonicalize(path).map_err(fault)?;
    let facts = fs_err::metadata(&real).map_err(fault)?;
    // A pipe must not be opened: it could wait for ever.
    if !facts.is_file() {
        return Err(RewriteError::NotAFile { path: path.to_owned() });
    }
    let bytes = fs_err::read(&real).map_err(fault)?;
    Ok(Content { path: real, bytes, facts })
}

impl Content {
    /// Puts new bytes in place of the old ones.
    ///
    /// # Errors
    /// [`RewriteError`]; the file is as it was, except with [`HardLinks::Keep`] when writing fails midway.
    pub fn replace(&self, bytes: &[u8], links: HardLinks) -> Result<(), RewriteError> {
        let fault = |error: io::Error| self.unwritable(&error);
        if self.facts.nlink() > 1 {
            match links {
                HardLinks::Refuse => {
                    return Err(RewriteError::HardLinks { path: self.path.clone(), count: self.facts.nlink() });
                }
                HardLinks::Keep => return fs_err::write(&self.path, bytes).map_err(fault),
                HardLinks::Split => {}
            }
        }
        let folder = self.path.parent().unwrap_or(Path::new("/"));
        let mut beside = tempfile::Builder::new().prefix(".tagalong-").tempfile_in(folder).map_err(fault)?;
        beside.write_all(bytes).map_err(fault)?;
        self.keep_owner(beside.path())?;
        copy_attributes(&self.path, beside.path()).map_err(fault)?;
        // After the owner: changing that clears the set-user-id bit (chown(2)).
        let mode = std::fs::Permissions::from_mode(self.facts.mode() & 0o7777);
        fs_err::set_permissions(beside.path(), mode).map_err(fault)?;
        beside.persist(&self.path).map_err(|error| fault(error.error))?;
        Ok(())
    }

    /// Writes bytes to another path, with the mode of this file if nothing is there yet.
    pub fn write_to(&self, path: &Path, bytes: &[u8]) -> Result<(), RewriteError> {
        let fault = |error: io::Error| RewriteError::Unwritable { path: path.to_owned(), reason: reason(&error) };
        // A device such as /dev/null is written into; renaming over it would replace it.
        if let Ok(there) = fs_err::metadata(path) {
            if !there.is_file() {
                return fs_err::write(path, bytes).map_err(fault);
            }
            return read(path)?.replace(bytes, HardLinks::Split).and_then(|()| {
                let mode = std::fs::Permissions::from_mode(self.facts.mode() & 0o777);
                fs_err::set_permissions(path, mode).map_err(fault)
            });
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut beside = tempfile::Builder::new().prefix(".tagalong-").tempfile_in(folder).map_err(fault)?;
        beside.write_all(bytes).map_err(fault)?;
        let mode = std::fs::Permissions::from_mode(self.facts.mode() & 0o777);
        fs_err::set_permissions(beside.path(), mode).map_err(fault)?;
        beside.persist(path).map_err(|error| fault(error.error))?;
        Ok(())
    }

    fn keep_owner(&self, beside: &Path) -> Result<(), RewriteError> {
        let fault = |error: io::Error| self.unwritable(&error);
        let made = fs_err::metadata(beside).map_err(fault)?;
        if (made.uid(), made.gid()) == (self.facts.uid(), self.facts.gid()) {
            return Ok(());
        }
        std::os::unix::fs::chown(beside, Some(self.facts.uid()), Some(self.facts.gid())).map_err(fault)
    }

    fn unwritable(&self, error: &io::Error) -> RewriteError {
        RewriteError::Unwritable { path: self.path.clone(), reason: reason(error) }
    }
}

fn copy_attributes(from: &Path, to: &Path) -> io::Result<()> {
    let names = match attribute(|room| rustix::fs::listxattr(from, room)) {
        // A file system without them.
        Err(rustix::io::Errno::NOTSUP) => return Ok(()),
        names => names?,
    };
    for name in names.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let value = attribute(|room| rustix::fs::getxattr(from, name, room))?;
        match rustix::fs::setxattr(to, name, &value, rustix::fs::XattrFlags::empty()) {
            // Labels of security modules are set by the system itself; others may not.
            Err(rustix::io::Errno::PERM | rustix::io::Errno::NOTSUP) if name.starts_with(b"security.") => {}
            result => result?,
        }
    }
    Ok(())
}

/// What a call of the system writes into the room that it is given: mostly that is little, and much room takes time.
fn attribute(call: impl Fn(&mut [u8]) -> rustix::io::Result<usize>) -> rustix::io::Result<Vec<u8>> {
    let mut room = vec![0; FEW_ATTRIBUTES];
    let size = match call(&mut room) {
        Err(rustix::io::Errno::RANGE) => {
            room.resize(LARGEST_ATTRIBUTES, 0);
            call(&mut room)
        }
        size => size,
    }?;
    room.truncate(size);
    Ok(room)
}

/// What the system says, without the path, which the error has as a fact.
fn reason(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(number) => io::Error::from_raw_os_error(number).to_string(),
        None => error.kind().to_string(),
    }
}

/// Why a file was not read or replaced.
#[derive(Debug, thiserror::Error)]
pub enum RewriteError {
    #[error("{path} does not exist")]
    Absent { path: PathBuf },
    #[error("{path} is no regular file")]
    NotAFile { path: PathBuf },
    #[error("{path} cannot be read: {reason}")]
    Unreadable { path: PathBuf, reason: String },
    #[error("{path} cannot be written: {reason}")]
    Unwritable { path: PathBuf, reason: String },
    /// The file has more names, which would go on leading to the old bytes.
    #[error("{path} has {count} names")]
    HardLinks { path: PathBuf, count: u64 },
}

//! Waits until what was written is on the disk, where a power loss must not break an order.
//!
//! Does not know the orders; `prefix_dir/`, `store/` and `channel/` do.

use std::io;
use std::path::Path;

use fs_err as fs;
use rustix::io::Errno;

/// What is written to the file system of a folder from now on.
#[derive(Debug)]
pub struct Writes {
    folder: fs::File,
}

impl Writes {
    /// Begins to watch for failures: a disk, a quota or a server may refuse bytes long after write(2) took them.
    ///
    /// # Errors
    /// The error of the system when the folder cannot be opened; it names the path.
    pub fn to(folder: &Path) -> io::Result<Writes> {
        Ok(Writes { folder: fs::File::open(folder)? })
    }

    /// Waits until all of it is on the disk, bytes and names (syncfs(2)).
    ///
    /// # Errors
    /// The error of the system, also for bytes of others on the same file system that were refused meanwhile.
    pub fn wait(&self) -> io::Result<()> {
        match rustix::fs::syncfs(self.folder.file()) {
            // A sandbox, or a file system of a program's own, that has no such call: there is nothing to wait for.
            Ok(()) | Err(Errno::NOSYS | Errno::OPNOTSUPP) => Ok(()),
            Err(error) => {
                let (error, folder) = (io::Error::from(error), self.folder.path().display());
                Err(io::Error::new(error.kind(), format!("failed to write to the disk of {folder}: {error}")))
            }
        }
    }
}

/// Waits until the names in a folder are on the disk: what was made, renamed or removed there (fsync(2)).
///
/// # Errors
/// The error of the system; it names the path.
pub fn names(folder: &Path) -> io::Result<()> {
    match fs::File::open(folder)?.sync_all() {
        // File systems that cannot do it for folders say so in these ways.
        Err(error) if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => Ok(()),
        done => done,
    }
}

//! A lock file that one process holds at a time, and that names its holder to those who wait.
//!
//! Does not know what is locked; `prefix_dir/` and `channel/` say.

use std::io::{Read, Seek, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use fs_err as fs;

use crate::model::event::{Event, Tell};

/// A held lock; dropping it removes the file and lets the next one in.
#[derive(Debug)]
pub struct Lock {
    file: fs::File,
    path: PathBuf,
}

impl Lock {
    /// Takes the lock, waiting for whoever holds it; `what` names to the user what is waited for.
    ///
    /// # Errors
    /// The error of the system when the file cannot be made or locked; it names the path.
    pub fn take(path: &Path, what: &str, tell: Tell) -> std::io::Result<Lock> {
        loop {
            let mut options = fs::OpenOptions::new();
            let file = options.read(true).write(true).create(true).truncate(false).open(path)?;
            if let Err(std::fs::TryLockError::WouldBlock) = file.file().try_lock() {
                tell(Event::Waiting { what: what.to_owned(), holder: holder(&file) });
            }
            // Also after an error: a system that cannot try says so again here.
            file.file().lock()?;
            // The holder before removed the file when it was done; then this lock is on nothing.
            if is_still_there(&file, path)? {
                let mut lock = Lock { file, path: path.to_owned() };
                lock.sign()?;
                return Ok(lock);
            }
        }
    }

    fn sign(&mut self) -> std::io::Result<()> {
        self.file.set_len(0)?;
        self.file.rewind()?;
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        writeln!(self.file, "process {} on {host}", std::process::id())
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // What cannot be removed stays as an empty file that harms nobody.
        let _ = fs::remove_file(&self.path);
    }
}

/// Who holds the lock, in the holder's own words.
fn holder(file: &fs::File) -> Option<String> {
    let mut text = String::new();
    // It is read for a message only; half a line is no reason to fail.
    let _ = file.file().take(200).read_to_string(&mut text);
    let line = text.lines().next()?.trim();
    (!line.is_empty()).then(|| line.to_owned())
}

fn is_still_there(file: &fs::File, path: &Path) -> std::io::Result<bool> {
    let mine = file.metadata()?;
    match fs::metadata(path) {
        Ok(found) => Ok((found.dev(), found.ino()) == (mine.dev(), mine.ino())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

//! An unfinished install beside its prefix, and the one step that makes it the prefix.
//!
//! What is done where there is no such step is in `journal.rs`.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use fs_err as fs;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use crate::durable::{self, Writes};
use crate::model::receipt::{RECEIPT_PATH, Receipt};
use crate::model::recipe::RecipeName;
use crate::prefix_dir::{PACKAGES_FOLDER, PrefixDir, PrefixDirError, journal, system};

/// A folder in which a prefix is put together; dropping it removes it.
#[derive(Debug)]
pub struct Staging<'a> {
    dir: &'a PrefixDir,
    path: PathBuf,
    writes: Writes,
}

impl<'a> Staging<'a> {
    pub(super) fn new(dir: &'a PrefixDir) -> Result<Staging<'a>, PrefixDirError> {
        let staging = Staging::bare(dir)?;
        fs::create_dir_all(staging.path.join(PACKAGES_FOLDER)).map_err(system)?;
        Ok(staging)
    }

    /// An empty folder, for a tree that is no install of packages.
    pub(super) fn bare(dir: &'a PrefixDir) -> Result<Staging<'a>, PrefixDirError> {
        let path = dir.beside(&format!("staging-{}", std::process::id()));
        fs::create_dir(&path).map_err(system)?;
        let writes = Writes::to(&path).map_err(system)?;
        Ok(Staging { dir, path, writes })
    }

    /// The folder that packages are unpacked into.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Keeps the manifest of an unpacked package, so that its files can be verified later.
    ///
    /// # Errors
    /// [`PrefixDirError::System`].
    pub fn keep_manifest(&self, name: &RecipeName, json: &[u8]) -> Result<(), PrefixDirError> {
        let path = self.path.join(PACKAGES_FOLDER).join(format!("{name}.json"));
        fs::write(path, json).map_err(system)
    }

    /// Writes the receipt and makes this folder the prefix; what was there before is removed.
    ///
    /// # Errors
    /// [`PrefixDirError::System`]; the prefix is then what it was before, or the new one whole.
    pub fn finish(self, receipt: &Receipt) -> Result<(), PrefixDirError> {
        fs::write(self.path.join(RECEIPT_PATH), receipt.to_json()).map_err(system)?;
        self.place()?;
        let receipt = self.dir.prefix().as_path().join(RECEIPT_PATH);
        // Removes the old tree, which has this folder's name after an exchange.
        drop(self);
        // Files that both trees hold have lost a name by that, and so were changed after the receipt was written. Where it
        // cannot be touched they count as touched, and the next change writes them anew.
        let _ = fs::File::open(receipt).and_then(|file| file.file().set_modified(SystemTime::now()));
        Ok(())
    }

    /// Makes this folder the prefix as it is; what was there before is removed.
    ///
    /// # Errors
    /// [`PrefixDirError::System`]; the prefix is then what it was before, or the new one whole.
    pub fn take_place(self) -> Result<(), PrefixDirError> {
        self.place()
    }

    fn place(&self) -> Result<(), PrefixDirError> {
        let prefix = self.dir.prefix().as_path();
        self.writes.wait().map_err(system)?;
        if !prefix.exists() {
            return fs::rename(&self.path, prefix).map_err(system);
        }
        match renameat_with(CWD, &self.path, CWD, prefix, RenameFlags::EXCHANGE) {
            Ok(()) => durable::names(&self.dir.parent).map_err(system),
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP | Errno::XDEV) => journal::replace(self.dir, &self.path),
            Err(error) => {
                let reason = format!("cannot exchange {} and {}: {error}", self.path.display(), prefix.display());
                Err(PrefixDirError::System { reason })
            }
        }
    }
}

impl Drop for Staging<'_> {
    fn drop(&mut self) {
        // What cannot be removed now, the next run sweeps.
        let _ = remove(&self.path);
    }
}

/// Removes a folder, with those in it that do not let their owner write; or a file.
pub(super) fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            open_up(folder)?;
            fs::remove_dir_all(folder)
        }
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => fs::remove_file(folder),
        removed => removed,
    }
}

fn open_up(folder: &Path) -> io::Result<()> {
    fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700))?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            open_up(&entry.path())?;
        }
    }
    Ok(())
}

/// Removes everything in a folder.
pub(super) fn clear(folder: &Path) -> Result<(), PrefixDirError> {
    for entry in fs::read_dir(folder).map_err(system)? {
        let entry = entry.map_err(system)?;
        let is_folder = entry.file_type().map_err(system)?.is_dir();
        let removed = if is_folder { fs::remove_dir_all(entry.path()) } else { fs::remove_file(entry.path()) };
        match removed {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(system(error)),
            _ => {}
        }
    }
    Ok(())
}

//! Creates folders, files and links below one folder, and nowhere else: no link is ever followed on the way.
//!
//! Every step is one name from an open folder (openat(2) with O_NOFOLLOW), so that no race with another process can
//! lead out. Does not overwrite anything.

use std::fs::File;
use std::path::{Path, PathBuf};

use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, Stat, fchmod, ioctl_ficlone, linkat, mkdirat, openat, statat, symlinkat,
};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use crate::archive::Error;
use crate::model::package::EntryPath;

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// What tells a changed file without reading it: mode, size in bytes, time of change in seconds since 1970 and the
/// nanoseconds beyond. What is no regular file has the mode [`NO_FILE`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts(pub u32, pub u64, pub i64, pub u32);

/// No permission bits.
const NO_FILE: u32 = u32::MAX;

/// A folder with the folders on the way to the last place in it.
pub struct Beneath {
    root: OwnedFd,
    path: PathBuf,
    /// Open folders, each in the one before, with their paths; at most [`EntryPath::DEEPEST`].
    open: Vec<(String, OwnedFd)>,
}

impl Beneath {
    /// Opens an existing folder.
    pub fn new(path: &Path) -> Result<Beneath, Error> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = openat(CWD, path, flags, Mode::empty()).map_err(|error| Error::File {
            doing: "opening the folder to unpack into",
            path: path.to_owned(),
            source: error.into(),
        })?;
        Ok(Beneath { root, path: path.to_owned(), open: Vec::new() })
    }

    /// Creates a folder with mode 0755; one that is there already stays.
    pub fn create_folder(&mut self, path: &EntryPath) -> Result<(), Error> {
        let (folder, name) = self.parent(path)?;
        let is_new = match mkdirat(folder, name, Mode::from_raw_mode(0o755)) {
            Ok(()) => true,
            Err(Errno::EXIST) => false,
            Err(error) => return Err(self.failed("creating a folder", path, error)),
        };
        let opened = match openat(folder, name, FOLDER, Mode::empty()) {
            Ok(opened) => opened,
            Err(Errno::NOTDIR | Errno::LOOP) => return Err(collision(path)),
            Err(error) => return Err(self.failed("opening a folder", path, error)),
        };
        if is_new {
            // Whatever the umask took away.
            let mode = Mode::from_raw_mode(0o755);
            fchmod(&opened, mode).map_err(|error| self.failed("setting the mode of a folder", path, error))?;
        }
        self.open.push((path.as_str().to_owned(), opened));
        Ok(())
    }

    /// Creates a file with this mode, open for writing.
    pub fn create_file(&mut self, path: &EntryPath, mode: u32) -> Result<File, Error> {
        let (folder, name) = self.parent(path)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = match openat(folder, name, flags, Mode::from_raw_mode(0o600)) {
            Ok(file) => file,
            Err(Errno::EXIST | Errno::LOOP) => return Err(collision(path)),
            Err(error) => return Err(self.failed("creating a file", path, error)),
        };
        let mode = Mode::from_raw_mode(mode);
        fchmod(&file, mode).map_err(|error| self.failed("setting the mode of a file", path, error))?;
        Ok(File::from(file))
    }

    /// Creates a symbolic link; the target has been checked.
    pub fn create_link(&mut self, path: &EntryPath, target: &str) -> Result<(), Error> {
        let (folder, name) = self.parent(path)?;
        match symlinkat(target, folder, name) {
            Ok(()) => Ok(()),
            Err(Errno::EXIST) => Err(collision(path)),
            Err(error) => Err(self.failed("creating a link", path, error)),
        }
    }

    /// Creates another name of a file of the same path in another folder; `false` when it has as many as the file system
    /// lets it have.
    pub fn hard_link(&mut self, from: &mut Beneath, path: &EntryPath) -> Result<bool, Error> {
        let (there, name) = from.parent(path)?;
        let (folder, _) = self.parent(path)?;
        match linkat(there, name, folder, name, AtFlags::empty()) {
            Ok(()) => Ok(true),
            Err(Errno::MLINK) => Ok(false),
            Err(Errno::EXIST) => Err(collision(path)),
            Err(error) => Err(self.failed("linking a file", path, error)),
        }
    }

    /// Creates a file with this mode that shares the blocks of another; open for writing.
    pub fn reflink(&mut self, from: &File, path: &EntryPath, mode: u32) -> Result<File, Error> {
        let file = self.create_file(path, mode)?;
        ioctl_ficlone(&file, from).map_err(|error| self.failed("sharing the blocks of a file", path, error))?;
        Ok(file)
    }

    /// Opens a regular file for reading.
    pub fn open_file(&mut self, path: &EntryPath) -> Result<File, Error> {
        let (folder, name) = self.parent(path)?;
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = openat(folder, name, flags, Mode::empty());
        opened.map(File::from).map_err(|error| self.failed("opening a file", path, error))
    }

    /// What a file is, without opening it.
    pub fn facts(&mut self, path: &EntryPath) -> Result<Facts, Error> {
        let found = self.stat(path)?;
        let is_file = FileType::from_raw_mode(found.st_mode).is_file();
        let mode = if is_file { found.st_mode & 0o7777 } else { NO_FILE };
        let nanoseconds = u32::try_from(found.st_mtime_nsec).unwrap_or_default();
        Ok(Facts(mode, u64::try_from(found.st_size).unwrap_or_default(), found.st_mtime, nanoseconds))
    }

    /// When a regular file was last changed, its mode and names too, in seconds since 1970 and nanoseconds; `None` for
    /// anything else.
    pub fn changed(&mut self, path: &EntryPath) -> Result<Option<(i64, i64)>, Error> {
        let found = self.stat(path)?;
        let at = (found.st_ctime, i64::try_from(found.st_ctime_nsec).unwrap_or(i64::MAX));
        Ok(FileType::from_raw_mode(found.st_mode).is_file().then_some(at))
    }

    fn stat(&mut self, path: &EntryPath) -> Result<Stat, Error> {
        let (folder, name) = self.parent(path)?;
        statat(folder, name, AtFlags::SYMLINK_NOFOLLOW).map_err(|error| self.failed("looking at a file", path, error))
    }

    /// The error of a step at a path below.
    pub fn failed(&self, doing: &'static str, path: &EntryPath, error: impl Into<std::io::Error>) -> Error {
        Error::File { doing, path: self.path.join(path.as_str()), source: error.into() }
    }

    /// The open folder that a path lies in, and its last name.
    fn parent<'a>(&mut self, path: &'a EntryPath) -> Result<(BorrowedFd<'_>, &'a str), Error> {
        let wanted = path.parent().unwrap_or("");
        let name = &path.as_str()[if wanted.is_empty() { 0 } else { wanted.len() + 1 }..];
        let holds =
            |folder: &str| wanted.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        while self.open.last().is_some_and(|(folder, _)| !holds(folder)) {
            self.open.pop();
        }
        loop {
            let known = self.open.last().map_or(0, |(folder, _)| folder.len() + 1);
            if known > wanted.len() {
                break;
            }
            let end = wanted[known..].find('/').map_or(wanted.len(), |place| known + place);
            if end == known {
                break;
            }
            let opened = match openat(self.top(), &wanted[known..end], FOLDER, Mode::empty()) {
                Ok(opened) => opened,
                Err(Errno::NOTDIR | Errno::LOOP) => return Err(collision(path)),
                Err(error) => return Err(self.failed("opening a folder", path, error)),
            };
            self.open.push((wanted[..end].to_owned(), opened));
        }
        Ok((self.top(), name))
    }

    fn top(&self) -> BorrowedFd<'_> {
        self.open.last().map_or(self.root.as_fd(), |(_, folder)| folder.as_fd())
    }
}

fn collision(path: &EntryPath) -> Error {
    Error::FileCollision { path: path.to_string() }
}

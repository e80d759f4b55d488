//! The tree that a foreign archive unpacks to: what may be written, and in which order it is safe to do so.
//!
//! Does not read archives. Files and folders are written first, hard links after them as copies, symbolic links last:
//! while files are written there is no link in the tree that one could be written through.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::{File, Permissions};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tempfile::TempDir;

use crate::archive::foreign::{EntryFault, Fault, Limits};

/// The longest path in an archive, in bytes: `PATH_MAX` less room for the folder it goes to.
const LONGEST_NAME: usize = 3000;

/// What is known about a file besides its name and bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Traits {
    pub is_executable: bool,
    /// Since 1970.
    pub modified: Duration,
}

/// A tree in the making, beside the folder that it becomes.
pub(super) struct Tree {
    staging: TempDir,
    limits: Limits,
    bytes: u64,
    entries: u64,
    /// Folders known to be real ones, from the staging folder.
    folders: HashSet<PathBuf>,
    hard_links: Vec<Link>,
    links: Vec<Link>,
}

struct Link {
    name: PathBuf,
    target: Vec<u8>,
}

impl Tree {
    /// Starts a tree beside a folder, on the same file system.
    pub fn beside(into: &Path, limits: Limits) -> Result<Tree, Fault> {
        let parent = into.parent().unwrap_or(Path::new("."));
        fs_err::create_dir_all(parent).map_err(Fault::Write)?;
        let staging = tempfile::Builder::new().prefix(".unpacking-").tempdir_in(parent).map_err(Fault::Write)?;
        let (folders, hard_links, links) = (HashSet::new(), Vec::new(), Vec::new());
        Ok(Tree { staging, limits, bytes: 0, entries: 0, folders, hard_links, links })
    }

    pub fn folder(&mut self, name: &[u8]) -> Result<(), Fault> {
        let path = self.admit(name)?;
        self.make_folder(&path, name)
    }

    /// Writes a file; a second one of the same name replaces the first, as it does for tar.
    pub fn file(&mut self, name: &[u8], traits: Traits, content: &mut dyn Read) -> Result<(), Fault> {
        let path = self.admit(name)?;
        let mut file = self.create(&path, name)?;
        let left = self.limits.bytes - self.bytes;
        let mut content = Reading { inner: content.take(left.saturating_add(1)), fault: None };
        let copied = io::copy(&mut content, &mut file);
        if let Some(fault) = content.fault {
            return Err(Fault::read(fault));
        }
        self.bytes += copied.map_err(Fault::Write)?;
        if self.bytes > self.limits.bytes {
            return Err(Fault::TooLarge(self.limits));
        }
        dress(&file, traits)
    }

    /// Keeps a symbolic link for the end.
    pub fn link(&mut self, name: &[u8], target: &[u8]) -> Result<(), Fault> {
        let path = self.admit(name)?;
        self.links.push(Link { name: path, target: target.to_vec() });
        Ok(())
    }

    /// Keeps a hard link for after the files.
    pub fn hard_link(&mut self, name: &[u8], target: &[u8]) -> Result<(), Fault> {
        let path = self.admit(name)?;
        self.hard_links.push(Link { name: path, target: target.to_vec() });
        Ok(())
    }

    /// Writes the links, strips a single top folder, and puts the tree in place.
    pub fn finish(mut self, into: &Path) -> Result<(), Fault> {
        for link in std::mem::take(&mut self.hard_links) {
            self.copy(&link)?;
        }
        let top = self.only_top_folder()?;
        for link in std::mem::take(&mut self.links) {
            self.write_link(&link, top.as_deref())?;
        }
        let root = top.map_or(self.staging.path().to_owned(), |top| self.staging.path().join(top));
        fs_err::set_permissions(&root, Permissions::from_mode(0o755)).map_err(Fault::Write)?;
        // An empty folder may stand there: rename(2) replaces it.
        fs_err::rename(&root, into).map_err(Fault::Write)
    }

    /// Counts an entry and turns its name into a path that stays inside; `""` for the top itself.
    fn admit(&mut self, name: &[u8]) -> Result<PathBuf, Fault> {
        self.entries += 1;
        if self.entries > self.limits.entries {
            return Err(Fault::TooLarge(self.limits));
        }
        inside(name).map_err(|fault| Fault::entry(name, fault))
    }

    fn make_folder(&mut self, path: &Path, name: &[u8]) -> Result<(), Fault> {
        let mut here = PathBuf::new();
        for part in path.components() {
            here.push(part);
            if self.folders.contains(&here) {
                continue;
            }
            match std::fs::create_dir(self.staging.path().join(&here)) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    return Err(Fault::entry(name, EntryFault::Through));
                }
                Err(error) => return Err(Fault::Write(error)),
            }
            self.folders.insert(here.clone());
        }
        Ok(())
    }

    fn create(&mut self, path: &Path, name: &[u8]) -> Result<File, Fault> {
        if path.as_os_str().is_empty() || self.folders.contains(path) {
            return Err(Fault::entry(name, EntryFault::Through));
        }
        self.make_folder(path.parent().unwrap_or(Path::new("")), name)?;
        let whole = self.staging.path().join(path);
        match File::create_new(&whole) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                fs_err::remove_file(&whole).map_err(Fault::Write)?;
                File::create_new(&whole).map_err(Fault::Write)
            }
            created => created.map_err(Fault::Write),
        }
    }

    fn copy(&mut self, link: &Link) -> Result<(), Fault> {
        let name = link.name.as_os_str().as_bytes();
        let nowhere = || EntryFault::LinkNowhere { target: String::from_utf8_lossy(&link.target).into_owned() };
        let target = inside(&link.target).map_err(|_| Fault::entry(name, nowhere()))?;
        if target == link.name {
            return Ok(());
        }
        let whole = self.staging.path().join(&target);
        let metadata = std::fs::symlink_metadata(&whole).ok().filter(std::fs::Metadata::is_file);
        let metadata = metadata.ok_or_else(|| Fault::entry(name, nowhere()))?;
        let mut content = fs_err::File::open(&whole).map_err(Fault::Write)?;
        let modified = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let is_executable = metadata.permissions().mode() & 0o111 != 0;
        self.file(name, Traits { is_executable, modified: modified.unwrap_or_default() }, &mut content)
    }

    /// The one folder that everything is in, if there is one.
    fn only_top_folder(&self) -> Result<Option<PathBuf>, Fault> {
        let is_inside = |link: &Link, top: &Path| link.name.starts_with(top) && link.name != top;
        let mut entries = fs_err::read_dir(self.staging.path()).map_err(Fault::Write)?;
        let (Some(first), None) = (entries.next(), entries.next()) else { return Ok(None) };
        let top = PathBuf::from(first.map_err(Fault::Write)?.file_name());
        let is_only = self.folders.contains(&top) && self.links.iter().all(|link| is_inside(link, &top));
        Ok(is_only.then_some(top))
    }

    fn write_link(&mut self, link: &Link, top: Option<&Path>) -> Result<(), Fault> {
        let name = link.name.as_os_str().as_bytes();
        let parent = link.name.parent().unwrap_or(Path::new("")).to_owned();
        let depth = parent.components().count() - usize::from(top.is_some());
        if !stays_inside(&link.target, depth) {
            let target = String::from_utf8_lossy(&link.target).into_owned();
            return Err(Fault::entry(name, EntryFault::LinkOut { target }));
        }
        self.make_folder(&parent, name)?;
        let made = std::os::unix::fs::symlink(OsStr::from_bytes(&link.target), self.staging.path().join(&link.name));
        made.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => Fault::entry(name, EntryFault::Through),
            _ => Fault::Write(error),
        })
    }
}

/// A name of an archive as a path from its top down.
fn inside(name: &[u8]) -> Result<PathBuf, EntryFault> {
    if name.contains(&0) {
        return Err(EntryFault::Nul);
    }
    if name.starts_with(b"/") {
        return Err(EntryFault::Absolute);
    }
    let mut path = PathBuf::new();
    for part in name.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => return Err(EntryFault::Climbs),
            _ if part.len() > 255 => return Err(EntryFault::TooLong),
            _ => path.push(OsStr::from_bytes(part)),
        }
    }
    if path.as_os_str().len() > LONGEST_NAME {
        return Err(EntryFault::TooLong);
    }
    Ok(path)
}

/// Whether a link's target, seen from a folder so many levels below the top, cannot lead above the top.
///
/// `..` counts only in front: after a name it would climb out of whatever a link of that name leads to.
pub(crate) fn stays_inside(target: &[u8], depth: usize) -> bool {
    if target.is_empty() || target.starts_with(b"/") || target.contains(&0) {
        return false;
    }
    let mut parts = target.split(|byte| *byte == b'/').filter(|part| !part.is_empty() && *part != b".").peekable();
    let mut climbed = 0;
    while parts.next_if(|part| *part == b"..").is_some() {
        climbed += 1;
    }
    climbed <= depth && parts.all(|part| part != b"..")
}

/// Gives a file its mode and time.
fn dress(file: &File, traits: Traits) -> Result<(), Fault> {
    let mode = if traits.is_executable { 0o755 } else { 0o644 };
    file.set_permissions(Permissions::from_mode(mode)).map_err(Fault::Write)?;
    // Four thousand million seconds are enough, and every file system holds them.
    let modified = traits.modified.min(Duration::from_secs(u64::from(u32::MAX)));
    let time: SystemTime = UNIX_EPOCH + modified;
    file.set_modified(time).map_err(Fault::Write)
}

/// Tells errors of the archive from errors of the disk while one is copied to the other.
struct Reading<R> {
    inner: R,
    fault: Option<io::Error>,
}

impl<R: Read> Read for Reading<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.inner.read(buffer).map_err(|error| {
            let copy = io::Error::new(error.kind(), error.to_string());
            self.fault = Some(error);
            copy
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_inside_or_are_refused() {
        assert_eq!(inside(b"./a//b/./c/").unwrap(), Path::new("a/b/c"));
        assert_eq!(inside(b"./").unwrap(), Path::new(""));
        let wrong: [&[u8]; 5] = [b"/a", b"../a", b"a/../b", b"a\0b", &[b'x'; 300]];
        for name in wrong {
            assert!(inside(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn links_may_climb_only_as_deep_as_they_are() {
        for (target, depth, fine) in [
            ("b", 0, true),
            ("../b", 0, false),
            ("../b", 1, true),
            ("./../../b", 1, false),
            ("/b", 9, false),
            ("", 9, false),
            ("a/../b", 9, false),
            ("..", 1, true),
        ] {
            assert_eq!(stays_inside(target.as_bytes(), depth), fine, "{target} {depth}");
        }
    }
}

//! A channel in a folder: `file:`. Reads from any mount; writes whole objects, and only new ones where it matters.
//!
//! Does not know what the objects are, but that one that replaces another may name those that were put before: after a power
//! loss too it is there only with them.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use fs_err as fs;

use crate::channel::writable::{ArchiveFile, BundleWrite, Version, swap_by_looking, write_in_two};
use crate::channel::{ChannelError, Listed, Objects, Put};
use crate::durable::{self, Writes};
use crate::lock::Lock;
use crate::model::bundle::platform_of;
use crate::model::digest::DigestingReader;
use crate::model::event::Tell;
use crate::model::platform::Platform;

/// How much is copied between two reports of progress, in bytes.
const STEP: u64 = 8 << 20;

/// A folder that holds a channel.
#[derive(Debug)]
pub(super) struct Directory {
    folder: PathBuf,
}

impl Directory {
    pub(super) fn new(folder: &Path) -> Directory {
        Directory { folder: folder.to_owned() }
    }

    /// Opens an object; `None` where there is none. A folder that is missing as a whole is an error.
    fn open(&self, path: &str) -> Result<Option<fs::File>, ChannelError> {
        match fs::File::open(self.folder.join(path)) {
            Ok(file) => Ok(Some(file)),
            Err(error) if is_absence(&error) && self.folder.is_dir() => Ok(None),
            Err(error) if is_absence(&error) => Err(ChannelError::NoFolder { folder: self.folder.clone() }),
            Err(error) => Err(system(error)),
        }
    }

    /// Writes a whole object under a name that nobody looks for, and removes what publishers that were killed have left
    /// of it.
    fn unfinished(&self, path: &str, bytes: &mut dyn Read) -> Result<Unfinished, ChannelError> {
        let there = self.folder.join(path);
        let (folder, name) = parts(&there);
        fs::create_dir_all(folder).map_err(system)?;
        let prefix = format!(".{name}.unfinished-");
        remove_abandoned(folder, &prefix).map_err(system)?;
        let mut file = locked_file(folder, &prefix).map_err(system)?;
        io::copy(bytes, &mut file).map_err(system)?;
        file.as_file().sync_all().map_err(system)?;
        Ok(Unfinished { file, there })
    }
}

impl Objects for Directory {
    fn read(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>, ChannelError> {
        let Some(file) = self.open(path)? else { return Ok(None) };
        let mut bytes = Vec::new();
        file.take(limit + 1).read_to_end(&mut bytes).map_err(system)?;
        let is_whole = bytes.len() as u64 <= limit;
        if is_whole { Ok(Some(bytes)) } else { Err(ChannelError::TooLarge { path: path.to_owned(), limit }) }
    }

    fn fetch(
        &self,
        path: &str,
        into: &mut File,
        limit: u64,
        on_bytes: &mut dyn FnMut(u64),
    ) -> Result<Option<u64>, ChannelError> {
        let Some(file) = self.open(path)? else { return Ok(None) };
        let (file, _) = file.into_parts();
        let mut rest = file.take(limit + 1);
        let mut count = 0;
        loop {
            // Without a buffer of ours the kernel copies, or shares the blocks (copy_file_range(2)).
            let step = io::copy(&mut rest.by_ref().take(STEP), into).map_err(system)?;
            count += step;
            if count > limit {
                return Err(ChannelError::TooLarge { path: path.to_owned(), limit });
            }
            on_bytes(count);
            if step < STEP {
                return Ok(Some(count));
            }
        }
    }

    fn platforms(&self, folder: &str, _likely: &[Platform]) -> Result<Vec<Platform>, ChannelError> {
        let entries = match fs::read_dir(self.folder.join(folder)) {
            Ok(entries) => entries,
            Err(error) if is_absence(&error) => return Ok(Vec::new()),
            Err(error) => return Err(system(error)),
        };
        let mut found = Vec::new();
        for entry in entries {
            let name = entry.map_err(system)?.file_name();
            found.extend(name.to_str().and_then(platform_of));
        }
        found.sort();
        Ok(found)
    }

    fn is_local(&self) -> bool {
        true
    }

    fn put(&self, path: &str, bytes: &[u8]) -> Result<Put, ChannelError> {
        let unfinished = self.unfinished(path, &mut &bytes[..])?;
        let put = unfinished.place_new()?;
        match fs::read(self.folder.join(path)).map_err(system)? {
            found if found == bytes => Ok(put),
            _ if put == Put::Written => Err(ChannelError::Damaged { path: path.to_owned() }),
            _ => Ok(Put::Differs),
        }
    }

    fn put_file(&self, path: &str, archive: &ArchiveFile) -> Result<Put, ChannelError> {
        let there = self.folder.join(path);
        let mut put = Put::WasThere;
        if !there.exists() {
            let mut source = fs::File::open(archive.path).map_err(system)?;
            put = self.unfinished(path, &mut source)?.place_new()?;
        }
        let mut reader = DigestingReader::new(fs::File::open(&there).map_err(system)?);
        io::copy(&mut reader, &mut io::sink()).map_err(system)?;
        if reader.finish().0 == archive.digest { Ok(put) } else { Err(ChannelError::Damaged { path: path.to_owned() }) }
    }

    fn replace(&self, path: &str, bytes: &[u8]) -> Result<(), ChannelError> {
        let unfinished = self.unfinished(path, &mut &bytes[..])?;
        Writes::to(&self.folder).and_then(|writes| writes.wait()).map_err(system)?;
        unfinished.place_over()?;
        durable::names(parts(&self.folder.join(path)).0).map_err(system)?;
        if fs::read(self.folder.join(path)).map_err(system)? == bytes {
            Ok(())
        } else {
            Err(ChannelError::Damaged { path: path.to_owned() })
        }
    }

    fn lock(&self, path: &str, tell: Tell) -> Result<Option<Lock>, ChannelError> {
        let there = self.folder.join(path);
        let (folder, name) = parts(&there);
        fs::create_dir_all(folder).map_err(system)?;
        Lock::take(&folder.join(format!(".{name}.lock")), path, tell).map(Some).map_err(system)
    }

    fn delete(&self, path: &str) -> Result<bool, ChannelError> {
        match fs::remove_file(self.folder.join(path)) {
            Ok(()) => Ok(true),
            Err(error) if is_absence(&error) => Ok(false),
            Err(error) => Err(system(error)),
        }
    }

    fn list(&self, prefix: &str) -> Result<Vec<Listed>, ChannelError> {
        let start = prefix.rsplit_once('/').map_or("", |(folder, _)| folder);
        let (mut found, mut open) = (Vec::new(), vec![start.to_owned()]);
        while let Some(folder) = open.pop() {
            let entries = match fs::read_dir(self.folder.join(&folder)) {
                Ok(entries) => entries,
                Err(error) if is_absence(&error) => continue,
                Err(error) => return Err(system(error)),
            };
            for entry in entries {
                let entry = entry.map_err(system)?;
                // A name that is no text is none of this program's.
                let Ok(name) = entry.file_name().into_string() else { continue };
                let path = if folder.is_empty() { name } else { format!("{folder}/{name}") };
                let facts = match entry.metadata() {
                    Ok(facts) => facts,
                    // Another publisher's unfinished file that has its name by now.
                    Err(error) if is_absence(&error) => continue,
                    Err(error) => return Err(system(error)),
                };
                if facts.is_dir() {
                    open.push(path);
                } else if facts.is_file() && path.starts_with(prefix) {
                    let modified = u64::try_from(facts.mtime()).unwrap_or(0);
                    found.push(Listed { path, size: facts.len(), modified });
                }
            }
        }
        Ok(found)
    }

    fn swap(&self, path: &str, bytes: &[u8], before: &Version) -> Result<Put, ChannelError> {
        swap_by_looking(self, path, bytes, before)
    }

    fn write_bundle(&self, write: &BundleWrite) -> Result<Put, ChannelError> {
        write_in_two(self, write)
    }
}

/// A new file that this process holds a lock on (flock(2)), so that it is not taken for abandoned.
fn locked_file(folder: &Path, prefix: &str) -> io::Result<tempfile::NamedTempFile> {
    // Readable by whoever the umask allows: others fetch from here.
    let mode = std::fs::Permissions::from_mode(0o666);
    loop {
        let file = tempfile::Builder::new().prefix(prefix).permissions(mode.clone()).tempfile_in(folder)?;
        match file.as_file().try_lock() {
            // Another publisher looks at it, or has removed it, before it was locked.
            Err(std::fs::TryLockError::WouldBlock) => {}
            Ok(()) if file.as_file().metadata()?.nlink() == 0 => {}
            // Where nothing can be locked, nothing is taken for abandoned.
            Ok(()) | Err(std::fs::TryLockError::Error(_)) => return Ok(file),
        }
    }
}

/// Removes the files that start so and that no process holds a lock on.
fn remove_abandoned(folder: &Path, prefix: &str) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if !entry.file_name().as_bytes().starts_with(prefix.as_bytes()) || !entry.file_type()?.is_file() {
            continue;
        }
        // Whatever cannot be opened, locked or removed is another's, or gone by now; `gc` takes it when it is old.
        if fs::File::open(entry.path()).is_ok_and(|file| file.file().try_lock().is_ok()) {
            let _ = fs::remove_file(entry.path());
        }
    }
    Ok(())
}

/// A whole object under a name that nobody looks for; dropping it removes it.
struct Unfinished {
    file: tempfile::NamedTempFile,
    there: PathBuf,
}

impl Unfinished {
    /// Gives it its name unless something has that name.
    fn place_new(self) -> Result<Put, ChannelError> {
        match self.file.persist_noclobber(&self.there) {
            Ok(_) => Ok(Put::Written),
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(Put::WasThere),
            Err(_) if self.there.exists() => Ok(Put::WasThere),
            // A file system that can neither link nor rename to a new name only (FAT, some network mounts).
            Err(error) => Unfinished { file: error.file, there: self.there }.place_over().map(|()| Put::Written),
        }
    }

    /// Gives it its name in one step, whatever had it.
    fn place_over(self) -> Result<(), ChannelError> {
        self.file.persist(&self.there).map(drop).map_err(|error| system(error.error))
    }
}

fn parts(path: &Path) -> (&Path, &str) {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("object");
    (path.parent().unwrap_or(Path::new(".")), name)
}

fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn system(error: io::Error) -> ChannelError {
    ChannelError::System { reason: error.to_string() }
}

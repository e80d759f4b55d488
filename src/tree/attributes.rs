//! What a file has besides its bytes: owner, mode, times, extended attributes; carried over from one path to another.
//!
//! Does not write bytes (`stage.rs`).

use std::fs::{FileTimes, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, XattrFlags};
use rustix::io::Errno;

/// Gives a new file or folder what the old one had. The times come last: each other step would change them.
pub fn carry(old: &Path, facts: &Metadata, new: &Path) -> io::Result<()> {
    let made = std::fs::symlink_metadata(new)?;
    if (made.uid(), made.gid()) != (facts.uid(), facts.gid()) {
        std::os::unix::fs::lchown(new, Some(facts.uid()), Some(facts.gid()))?;
    }
    if facts.is_symlink() {
        return set_times(new, facts);
    }
    carry_attributes(old, new)?;
    // After the owner: changing that clears the set-user-id bit (chown(2)).
    if made.mode() & 0o7777 != facts.mode() & 0o7777 || facts.mode() & 0o7000 != 0 {
        std::fs::set_permissions(new, std::fs::Permissions::from_mode(facts.mode() & 0o7777))?;
    }
    set_times(new, facts)
}

/// The same for a file that is still open.
pub fn carry_open(old: &Path, facts: &Metadata, file: &std::fs::File, new: &Path) -> io::Result<()> {
    let made = file.metadata()?;
    if (made.uid(), made.gid()) != (facts.uid(), facts.gid()) {
        std::os::unix::fs::fchown(file, Some(facts.uid()), Some(facts.gid()))?;
    }
    carry_attributes(old, new)?;
    if made.mode() & 0o7777 != facts.mode() & 0o7777 || facts.mode() & 0o7000 != 0 {
        file.set_permissions(std::fs::Permissions::from_mode(facts.mode() & 0o7777))?;
    }
    file.set_times(FileTimes::new().set_accessed(facts.accessed()?).set_modified(facts.modified()?))
}

fn set_times(path: &Path, facts: &Metadata) -> io::Result<()> {
    let times = Timestamps {
        last_access: Timespec { tv_sec: facts.atime(), tv_nsec: facts.atime_nsec() as _ },
        last_modification: Timespec { tv_sec: facts.mtime(), tv_nsec: facts.mtime_nsec() as _ },
    };
    Ok(rustix::fs::utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW)?)
}

fn carry_attributes(old: &Path, new: &Path) -> io::Result<()> {
    let size = match rustix::fs::llistxattr_query(old) {
        // Most files have none.
        Ok(0) | Err(Errno::NOTSUP) => return Ok(()),
        Ok(size) => size,
        Err(error) => return Err(error.into()),
    };
    let mut names = vec![0; size];
    let size = rustix::fs::llistxattr(old, &mut names)?;
    for name in names[..size].split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let mut value = vec![0; rustix::fs::lgetxattr_query(old, name)?];
        let size = rustix::fs::lgetxattr(old, name, &mut value)?;
        match rustix::fs::lsetxattr(new, name, &value[..size], XattrFlags::empty()) {
            // Labels of security modules are set by the system itself; others may not.
            Err(Errno::PERM | Errno::NOTSUP) if name.starts_with(b"security.") => {}
            result => result?,
        }
    }
    Ok(())
}

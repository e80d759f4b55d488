//! What a disk can do: the room on it, its file system, exchange of two folders, copies that share their blocks.
//!
//! Tries things in a folder of its own that vanishes; keeps nothing.

use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustix::fs::{CWD, RenameFlags, renameat_with, statfs, statvfs};

/// The file systems that people have, by the magic number of statfs(2).
const KNOWN: [(i64, &str); 13] = [
    (0xEF53, "ext4"),
    (0x5846_5342, "xfs"),
    (0x9123_683E, "btrfs"),
    (0x0102_1994, "tmpfs"),
    (0x794C_7630, "overlay"),
    (0x6969, "nfs"),
    (0xFF53_4D42, "cifs"),
    (0xFE53_4D42, "smb2"),
    (0x2FC1_2FC1, "zfs"),
    (0xF2F5_2010, "f2fs"),
    (0x6573_5546, "fuse"),
    (0x0BD0_0BD0, "lustre"),
    (0x0102_1997, "9p"),
];

/// What was found about the disk that a folder is on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disk {
    /// The nearest folder upwards that is there; what was tried was tried in it.
    pub folder: PathBuf,
    /// `None` for one that is not known by name.
    pub file_system: Option<&'static str>,
    /// Bytes that may be written.
    pub free: u64,
    /// What can be tried only where one may write; `Err` holds why that is not so.
    pub writing: Result<Writing, String>,
}

/// What was found by writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Writing {
    /// Whether two folders can be exchanged in one step (renameat2(2)).
    pub exchanges: bool,
    /// Whether a copy of a file can share its blocks (ioctl_ficlone(2)).
    pub shares_blocks: bool,
    /// How far the file system's clock is from the machine's, in seconds; above 0 where it is ahead.
    pub clock_offset: i64,
}

/// Looks at the disk that a folder is on, or would be on.
///
/// # Errors
/// The I/O error of asking the file system.
pub fn look(folder: &Path, now: SystemTime) -> io::Result<Disk> {
    let folder = folder.ancestors().find(|folder| folder.is_dir()).unwrap_or(Path::new("/")).to_owned();
    let space = statvfs(&folder)?;
    // The kernel gives the number as a signed or an unsigned word, by architecture.
    #[allow(clippy::useless_conversion, reason = "the word is an i64 on some architectures only")]
    let magic = i64::try_from(statfs(&folder)?.f_type).unwrap_or(0) & 0xFFFF_FFFF;
    let file_system = KNOWN.iter().find(|(number, _)| *number == magic).map(|(_, name)| *name);
    let free = space.f_bavail.saturating_mul(space.f_frsize);
    let writing = try_out(&folder, now).map_err(|error| error.to_string());
    Ok(Disk { folder, file_system, free, writing })
}

fn try_out(folder: &Path, now: SystemTime) -> io::Result<Writing> {
    let scratch = tempfile::Builder::new().prefix(".tagalong-doctor-").tempdir_in(folder)?;
    let (one, other) = (scratch.path().join("one"), scratch.path().join("other"));
    fs_err::create_dir(&one)?;
    fs_err::create_dir(&other)?;
    let exchanges = renameat_with(CWD, &one, CWD, &other, RenameFlags::EXCHANGE).is_ok();
    let original = one.join("file");
    fs_err::write(&original, b"tagalong")?;
    let (from, to) = (fs_err::File::open(&original)?, fs_err::File::create(other.join("file"))?);
    let shares_blocks = rustix::fs::ioctl_ficlone(to.file(), from.file()).is_ok();
    let written = fs_err::metadata(&original)?.modified()?;
    let seconds = |span: std::time::Duration| i64::try_from(span.as_secs()).unwrap_or(i64::MAX);
    let clock_offset = match written.duration_since(now) {
        Ok(ahead) => seconds(ahead),
        Err(behind) => -seconds(behind.duration()),
    };
    Ok(Writing { exchanges, shares_blocks, clock_offset })
}

//! What a machine is: its platform, its libc, and the symbol versions that its system libraries offer.
//!
//! Everything is read from files below a root folder and nothing is run, so that any root can be looked at. What
//! the files mean is in `os_release.rs` and `libraries.rs`.

pub mod disk;
mod libraries;
pub mod machine;
pub mod os_release;
pub mod root;

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::host::os_release::OsRelease;
use crate::host::root::Root;
use crate::model::platform::{Floor, Platform};

pub use crate::host::libraries::{Libc, LibcKind};

/// The largest os-release that is read, in bytes.
const LARGEST_OS_RELEASE: u64 = 64 << 10;

/// The largest system library that is read, in bytes.
const LARGEST_LIBRARY: u64 = 64 << 20;

/// A machine, or the root folder of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    pub platform: Platform,
    pub libc: Libc,
    /// The newest GLIBC, GLIBCXX and CXXABI symbol versions that the system libraries define.
    pub system: Floor,
    /// How the system calls itself: PRETTY_NAME of os-release(5).
    pub name: String,
    /// The systems that it says to be like: ID_LIKE of os-release(5).
    pub like: Vec<String>,
}

/// Why a machine cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    #[error("`{}` is not a folder", root.display())]
    NoFolder { root: PathBuf },
    #[error("there is no os-release below `{}`", root.display())]
    NoOsRelease { root: PathBuf },
    /// No file below the root tells an architecture.
    #[error("no program or library below `{}` tells the architecture", root.display())]
    NoArchitecture { root: PathBuf },
    /// A file, named in the reason.
    #[error("{reason}")]
    Unreadable { reason: String },
}

/// Whether a program of this name lies in a folder of `path`, which is written as `PATH` is.
pub fn is_program(name: &str, path: Option<&OsStr>) -> bool {
    path.is_some_and(|path| std::env::split_paths(path).any(|folder| folder.join(name).is_file()))
}

/// The time of this machine's clock, in seconds since 1970; 0 for one before that.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// Tells the platform of the machine whose root folder this is, without looking at its libraries.
///
/// # Errors
/// [`HostError`] with what is missing.
pub fn platform_id(root: &Path) -> Result<Platform, HostError> {
    Ok(identify(&Root::new(root)?)?.0)
}

/// Tells all about the machine whose root folder this is; `/` is this one.
///
/// # Errors
/// [`HostError`] with what is missing.
pub fn platform(root: &Path) -> Result<Host, HostError> {
    let root = Root::new(root)?;
    let (platform, os) = identify(&root)?;
    let mut system = Floor::default();
    let mut libc = Libc { kind: LibcKind::Unknown, version: None };
    for path in libraries::places("libc.so.6", platform.arch()) {
        if let Some(bytes) = root.read(&path, LARGEST_LIBRARY)?
            && let Some(found) = libraries::glibc(&bytes, &mut system)
        {
            libc = found;
            break;
        }
    }
    if libc.kind == LibcKind::Unknown {
        for path in libraries::musl_places(platform.arch()) {
            if let Some(bytes) = root.read(&path, LARGEST_LIBRARY)? {
                libc = libraries::musl(&bytes);
                break;
            }
        }
    }
    for path in libraries::places("libstdc++.so.6", platform.arch()) {
        if let Some(bytes) = root.read(&path, LARGEST_LIBRARY)? {
            libraries::offered(&bytes, &["GLIBCXX_3.", "CXXABI_1."], &mut system);
            break;
        }
    }
    Ok(Host { platform, libc, system, name: os.name(), like: os.like() })
}

fn identify(root: &Root) -> Result<(Platform, OsRelease), HostError> {
    let text = |path| {
        let bytes = root.read(path, LARGEST_OS_RELEASE)?;
        Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    };
    // os-release(5): the one in /etc wins, it is not merged with the other.
    let found = match text("etc/os-release")? {
        Some(found) => Some(found),
        None => text("usr/lib/os-release")?,
    };
    let os = found.map(|text| OsRelease::parse(&text));
    let os = os.ok_or_else(|| HostError::NoOsRelease { root: root.path().to_owned() })?;
    let release = os.release(text("etc/debian_version")?.as_deref());
    let architecture = architecture(root)?;
    let platform = Platform::new(&os.id(), &release, &architecture)
        .expect("the parts of an os-release are cleaned, and architectures come from our own table");
    Ok((platform, os))
}

/// The architecture of the programs below a root, as `uname -m` would name it: of a 32-bit system that runs on a
/// 64-bit kernel the system's, not the kernel's.
fn architecture(root: &Root) -> Result<String, HostError> {
    let programs = ["bin/sh", "usr/bin/env", "bin/busybox", "sbin/init"];
    for path in programs {
        if let Some(head) = root.read_head(path, 64)?
            && let Some(architecture) = libraries::architecture(&head)
        {
            return Ok(architecture.to_owned());
        }
    }
    if root.path() == Path::new("/") {
        return Ok(std::env::consts::ARCH.to_owned());
    }
    Err(HostError::NoArchitecture { root: root.path().to_owned() })
}

fn is_absent(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

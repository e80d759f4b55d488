//! What a process needs in its environment to build and run with an installed bundle.
//!
//! Does not read or set the environment (`cli/` does), and never names `LD_LIBRARY_PATH`: files find their libraries
//! relative to themselves.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use crate::model::package::is_exportable;
use crate::model::prefix::Prefix;
use crate::place::{self, Asked, PlaceError};
use crate::prefix_dir::{PrefixDirError, State};

/// The variable that holds the prefix itself.
pub const PREFIX_VARIABLE: &str = "TAGALONG_PREFIX";

/// The variables that are lists of folders, the folders in a prefix that belong there, and what an unset variable
/// stands for.
const LISTS: &[(&str, &[&str], Unset)] = &[
    ("PATH", &["bin"], Unset::Nothing),
    ("PKG_CONFIG_PATH", &["lib/pkgconfig", "lib64/pkgconfig", "share/pkgconfig"], Unset::Nothing),
    ("CMAKE_PREFIX_PATH", &[""], Unset::Nothing),
    // man(1): an empty name in the list stands for the system's own folders.
    ("MANPATH", &["share/man", "man"], Unset::Means("")),
    ("ACLOCAL_PATH", &["share/aclocal"], Unset::Nothing),
    // XDG Base Directory Specification: what holds where it is unset.
    ("XDG_DATA_DIRS", &["share"], Unset::Means("/usr/local/share:/usr/share")),
];

/// What an unset or empty variable means to those who read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unset {
    Nothing,
    /// As if it were this; a list that is put there must repeat it.
    Means(&'static str),
}

/// What is put in front of one variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addition {
    pub variable: &'static str,
    pub folders: Vec<PathBuf>,
    pub unset: Unset,
}

/// The environment of a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    pub prefix: Prefix,
    pub additions: Vec<Addition>,
    /// Variables that packages export, in order of name, the prefix put in.
    pub exports: Vec<(String, OsString)>,
}

/// Tells what an installed bundle adds to the environment; only folders that exist.
///
/// # Errors
/// [`Error`].
pub fn environment(asked: &Asked) -> Result<Outcome, Error> {
    let dir = place::find(asked)?;
    let prefix = dir.prefix().clone();
    let receipt = match dir.state()? {
        State::Installed(receipt) => receipt,
        State::Interrupted => return Err(Error::Interrupted { prefix }),
        _ => return Err(Error::Absent { prefix }),
    };
    if prefix.as_bytes().contains(&b':') {
        return Err(Error::Colon { prefix });
    }
    let additions = LISTS.iter().filter_map(|(variable, folders, unset)| {
        // Joining an empty path would leave a slash at the end.
        let below =
            |folder: &str| if folder.is_empty() { prefix.as_path().to_owned() } else { prefix.as_path().join(folder) };
        let folders: Vec<PathBuf> = folders.iter().map(|folder| below(folder)).filter(|path| path.is_dir()).collect();
        (!folders.is_empty()).then_some(Addition { variable, folders, unset: *unset })
    });
    let exports: BTreeMap<&String, &String> = receipt.packages.iter().flat_map(|package| &package.exports).collect();
    let allowed = exports.into_iter().filter(|(name, _)| is_exportable(name));
    let exports = allowed.map(|(name, value)| (name.clone(), with_prefix(value, &prefix))).collect();
    Ok(Outcome { additions: additions.collect(), exports, prefix })
}

/// A value with the prefix put in; prefixes need not be UTF-8.
fn with_prefix(value: &str, prefix: &Prefix) -> OsString {
    let mut parts = value.split("{prefix}");
    let mut whole = OsString::from(parts.next().unwrap_or_default());
    for part in parts {
        whole.push(prefix.as_path());
        whole.push(part);
    }
    whole
}

/// Why there is no environment.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Place(#[from] PlaceError),
    #[error(transparent)]
    PrefixDir(#[from] PrefixDirError),
    #[error("nothing is installed in {prefix}")]
    Absent { prefix: Prefix },
    #[error("an install in {prefix} was broken off")]
    Interrupted { prefix: Prefix },
    /// A list of folders has colons between them, and no way to write one.
    #[error("{prefix} holds a colon")]
    Colon { prefix: Prefix },
}

//! `elf show` and `elf print`: file -> what it says of itself.
//!
//! What the bytes mean knows `relocate/elf/`.

use std::path::{Path, PathBuf};

use crate::relocate::elf::edit::{EditFault, Report};
use crate::rewrite::{self, RewriteError};

/// Reads a file.
///
/// # Errors
/// [`Error`] when there is none, or it is no sound ELF file.
pub fn show(path: &Path) -> Result<Report, Error> {
    let content = rewrite::read(path)?;
    if !content.bytes.starts_with(b"\x7fELF") {
        return Err(Error::NotElf { path: path.to_owned() });
    }
    Report::read(&content.bytes).map_err(|fault| Error::Unsound { path: path.to_owned(), fault })
}

/// Why a file cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Rewrite(#[from] RewriteError),
    #[error("{path} is no ELF file")]
    NotElf { path: PathBuf },
    #[error("{path}: {fault}")]
    Unsound { path: PathBuf, fault: EditFault },
    /// There is nothing to print: no PT_INTERP.
    #[error("{path} has no interpreter")]
    NoInterpreter { path: PathBuf },
    /// There is nothing to print: no dynamic section.
    #[error("{path} is not linked dynamically")]
    NotDynamic { path: PathBuf },
}

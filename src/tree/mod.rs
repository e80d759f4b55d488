//! A tree of files that somebody else made: walked, searched in parallel, and put together anew beside itself.
//!
//! ```text
//! folder -walk-> nodes -scan, a window of each file at a time-> what each holds
//! nodes + what changes -stage-> a whole new tree; what is unchanged is the same file under a second name
//! ```
//! Does not know what should change (`flow/relocate/`), nor how one tree takes the place of another (`prefix_dir/`).

mod attributes;
mod scan;
mod stage;
mod walk;

use std::io;
use std::path::{Path, PathBuf};

pub use crate::tree::scan::{Kept, LARGEST_WHOLE, Scanned, Scanner, read_head, read_whole};
pub use crate::tree::stage::{Content, Stage};
pub use crate::tree::walk::{Node, NodeKind, Tree};

/// Why a tree cannot be read or put together.
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    #[error("{doing}")]
    File { doing: &'static str, path: PathBuf, source: io::Error },
    /// A folder in it is on another file system, which a tree cannot be exchanged across.
    #[error("{} is on another file system", path.display())]
    OtherDevice { path: PathBuf },
    /// Something else changed it meanwhile.
    #[error("{} changed meanwhile", path.display())]
    Changed { path: PathBuf },
}

/// Makes the error of a step with a file.
fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> TreeError {
    move |source| TreeError::File { doing, path: path.to_owned(), source }
}

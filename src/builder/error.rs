//! Why a package was not made, as facts; the words are in `cli/failure/build.rs`.

use std::io;
use std::path::PathBuf;

use crate::archive;
use crate::builder::seal::SealError;
use crate::model::digest::Digest;
use crate::model::prefix::Placeholder;
use crate::model::recipe::RecipeName;
use crate::sources;
use crate::store::StoreError;

/// Why a package was not made.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A step or a test ended with an exit code other than 0.
    #[error("the step {step} of {name} ended with exit code {code}")]
    Step { name: RecipeName, step: String, code: i32, log: PathBuf, tail: Vec<String> },
    /// A step wrote a log larger than `limit` bytes.
    #[error("the step {step} of {name} wrote more than {limit} bytes")]
    LogTooLarge { name: RecipeName, step: String, limit: u64, log: PathBuf, tail: Vec<String> },
    /// A step had more processes than `limit` at once.
    #[error("the step {step} of {name} had more than {limit} processes")]
    TooManyProcesses { name: RecipeName, step: String, limit: usize, log: PathBuf, tail: Vec<String> },
    /// The user stopped the build.
    #[error("the build was stopped")]
    Interrupted,
    /// The shell that was asked for has ended; nothing was built.
    #[error("the shell for {name} has ended")]
    ShellEnded { name: RecipeName },
    /// Programs that recipes name as tools are not on this machine.
    #[error("{} programs are missing", missing.len())]
    MissingTools { missing: Vec<(String, Vec<RecipeName>)> },
    #[error("{name}: its sources")]
    Sources { name: RecipeName, source: sources::Error },
    #[error("{name}: its seal")]
    Seal { name: RecipeName, source: SealError },
    #[error("{name}: its archive")]
    Archive { name: RecipeName, source: archive::Error },
    #[error("{name}: the store")]
    Store { name: RecipeName, source: StoreError },
    /// An archive that the plan took from the store is no longer there.
    #[error("{name}: the archive {archive} is gone")]
    NeedGone { name: RecipeName, archive: Digest },
    /// A build changed or removed a file that belongs to one of its needs.
    #[error("{name} changed {}", path.display())]
    NeedTouched { name: RecipeName, path: PathBuf },
    /// A shell was asked for before a step that there is not.
    #[error("{name} has no step {given}")]
    NoStep { name: RecipeName, given: String, known: Vec<String> },
    #[error("{name} installed nothing")]
    InstalledNothing { name: RecipeName },
    /// What the recipe says of its contents does not hold: globs that match nothing, and globs with what they match.
    #[error("{name} does not hold what it should")]
    Contents { name: RecipeName, missing: Vec<String>, unwanted: Vec<(String, String)> },
    /// A prebuilt tree holds the prefix it was made for where it cannot be replaced by a longer one.
    #[error("{name}: {} holds {was} at {offset}", file.display())]
    Prebuilt { name: RecipeName, file: PathBuf, was: String, offset: u64 },
    /// No namespaces, and the placeholder cannot be made for real.
    #[error("the placeholder {} cannot be made", placeholder.as_str())]
    Placeholder { placeholder: Placeholder },
    #[error("{name}: {doing}")]
    Io { name: RecipeName, doing: &'static str, source: io::Error },
}

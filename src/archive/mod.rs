//! Packs and unpacks package archives, and looks into packed data; knows tar, zstd, gzip and the other packings.
//!
//! A package archive is fully determined by its manifest: tar entries in the manifest's order, each with the one
//! header that its entry gives (`header.rs`), in zstd frames (`frames.rs`). So the reader needs no tar parser: it
//! compares. Does not sign, fetch, or decide where things go.

mod ahead;
pub mod beneath;
pub mod foreign;
mod foreign_tar;
pub(crate) mod foreign_tree;
mod foreign_zip;
mod frames;
mod header;
pub mod members;
pub mod pack;
pub mod unpack;

use std::io;
use std::path::PathBuf;

use crate::model::package::ManifestFault;
use crate::model::prefix::{Prefix, PrefixTooLong};

/// How much is read and written at once, in bytes.
pub const PIECE: usize = 256 << 10;

/// Why an archive was not packed, or is refused.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the archive cannot be read")]
    Read { source: io::Error },
    #[error("the archive cannot be written")]
    Write { source: io::Error },
    /// A step on the file system; `source` names the path.
    #[error("{doing}")]
    File { doing: &'static str, path: PathBuf, source: io::Error },
    /// The bytes are not what the packing promises, or padding is not empty.
    #[error("the archive is damaged: {reason}")]
    Corrupt { reason: String },
    #[error("the archive ends too early")]
    Truncated,
    #[error("something follows the end of the archive")]
    TrailingBytes,
    #[error("the archive does not start with a package manifest, but with `{}`", found.escape_debug())]
    NoManifest { found: String },
    #[error("the manifest has {size} bytes, {limit} are allowed")]
    ManifestTooLarge { size: u64, limit: u64 },
    /// While packing: no install would take it.
    #[error("the package has too many files: its manifest has {size} bytes, {limit} are allowed")]
    TooManyFiles { size: u64, limit: u64 },
    #[error(transparent)]
    Manifest(#[from] ManifestFault),
    #[error("the package has {size} bytes unpacked, {limit} are allowed")]
    TooLarge { size: u64, limit: u64 },
    /// An entry of that name which is not of the kind, mode, size or target of its manifest.
    #[error("`{path}` is of another kind, mode, size or target than its manifest says")]
    Header { path: String },
    /// An entry that is not the manifest's next one.
    #[error("the entry `{}` is not the `{expected}` of the manifest", found.escape_debug())]
    Unexpected { expected: String, found: String },
    /// An entry after the last one of the manifest.
    #[error("the entry `{}` is not in the manifest", found.escape_debug())]
    Extra { found: String },
    #[error("the manifest's `{path}` is missing")]
    Missing { path: String },
    #[error("`{path}` has other bytes than its manifest says")]
    Digest { path: String },
    #[error("`{path}` has no placeholder at offset {offset}")]
    NoPlaceholder { path: String, offset: u64 },
    /// Two packages hold one path, or the folder was not empty.
    #[error("`{path}` is there already")]
    FileCollision { path: String },
    /// The file starts with a `#!` line that must hold the prefix.
    #[error("the prefix `{prefix}` holds white space, which the `#!` line of `{file}` cannot carry")]
    PrefixHasSpace { file: String, prefix: Prefix },
    #[error(transparent)]
    PrefixTooLong(#[from] PrefixTooLong),
    /// A file of the tree is not what the manifest says, while packing.
    #[error("`{path}` has changed since it was sealed")]
    Changed { path: String },
}

impl Error {
    /// Sorts what reading an archive gave: damaged, cut short, or not readable at all.
    fn of_reading(error: io::Error) -> Error {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Error::Truncated,
            io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => Error::Corrupt { reason: error.to_string() },
            _ => Error::Read { source: error },
        }
    }
}

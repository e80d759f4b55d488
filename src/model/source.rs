//! A source: a downloadable input of a recipe, with the places it may come from and the one digest that decides.
//!
//! Does not fetch; `sources/` does.

use std::path::PathBuf;

use crate::model::digest::Digest;

/// What is fetched, unpacked and patched before a recipe is built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Where the bytes may come from, in the order in which they are tried (after the user's source mirrors).
    pub places: Vec<Place>,
    pub identity: Identity,
    /// Patch files beside the recipe, applied in order with `-p1` and without fuzz.
    pub patches: Vec<String>,
    /// The folder of the unpacked source that is the source proper, `src/zlib` say; `""` for all of it.
    pub folder: String,
    /// Where it is unpacked, from the build folder; `""` for the build folder itself.
    pub into: String,
    /// Whether it is an archive to unpack, or one file to put there as it is.
    pub unpack: Unpack,
}

/// One place a source may come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// An address, with `{version}` replaced.
    Url(String),
    /// A file of a Debian source package, `bzip2_1.0.8.orig.tar.gz`, through apt's own configuration.
    Debian(String),
    /// A crate `name@version`, through cargo's own configuration.
    Crate { name: String, version: String },
    /// A release `name==version`, through pip's own configuration.
    Pypi { name: String, version: String },
    /// A git repository; the commit is the source's identity.
    Git { url: String },
    /// A folder or an archive beside the recipe.
    Path(String),
    /// A folder of the user's, tried in place of the recipe's own sources; absolute.
    WorkingCopy(PathBuf),
}

/// What decides that fetched bytes are the right ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// The digest of the file.
    Sha256(Digest),
    /// The full commit id, 40 hex digits; git checks its content.
    Commit(String),
    /// A folder or file of the recipe itself: part of the recipes tree, so git decides.
    Beside,
}

/// What is done with a fetched file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unpack {
    /// Unpacked; a single top folder is stripped.
    Archive,
    /// Put as one file under its own name.
    File,
}

/// The kinds of archive that a source may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArchiveKind {
    Tar,
    TarGz,
    TarXz,
    TarBz2,
    TarZst,
    Zip,
}

impl ArchiveKind {
    /// Tells the kind by the first bytes of the file, at least 262 of them where there are so many.
    pub fn of(head: &[u8]) -> Option<ArchiveKind> {
        let is_tar = head.len() > 262 && &head[257..262] == b"ustar";
        match head {
            [0x1f, 0x8b, ..] => Some(ArchiveKind::TarGz),
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(ArchiveKind::TarXz),
            [b'B', b'Z', b'h', ..] => Some(ArchiveKind::TarBz2),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(ArchiveKind::TarZst),
            [b'P', b'K', 3 | 5, 4 | 6, ..] => Some(ArchiveKind::Zip),
            _ if is_tar => Some(ArchiveKind::Tar),
            _ => None,
        }
    }
}

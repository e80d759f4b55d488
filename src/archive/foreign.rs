//! Unpacks archives that others made, the sources: tar with gzip, xz, bzip2 or zstd, and zip.
//!
//! Does not unpack our own packages (`unpack.rs`). Nothing in such an archive is trusted: `foreign_tree.rs` decides
//! what may be written.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use crate::archive::foreign_tree::Tree;
use crate::archive::{foreign_tar, foreign_zip};
use crate::model::source::ArchiveKind;

/// The most memory that a decompressor may take, in bytes; `xz -9` needs 65 MiB to unpack.
const DECOMPRESSOR_MEMORY: u64 = 512 << 20;

/// What an archive may unpack to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The bytes of all files together.
    pub bytes: u64,
    pub entries: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { bytes: 20 << 30, entries: 2_000_000 }
    }
}

/// Why an archive was not unpacked.
#[derive(Debug, thiserror::Error)]
pub enum ForeignError {
    #[error("{} is no archive of a known kind", archive.display())]
    UnknownKind { archive: PathBuf },
    /// It ends too early, or its bytes are not what its kind asks for.
    #[error("{} cannot be read: {reason}", archive.display())]
    Unreadable { archive: PathBuf, reason: String },
    #[error("{}: `{}`: {fault}", archive.display(), entry.escape_debug())]
    Refused { archive: PathBuf, entry: String, fault: EntryFault },
    #[error("{} unpacks to more than {} bytes or {} entries", archive.display(), limits.bytes, limits.entries)]
    TooLarge { archive: PathBuf, limits: Limits },
    /// The archive is fine, the disk is not.
    #[error("writing: {0}")]
    Write(#[source] io::Error),
}

/// What is wrong about an entry of an archive.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryFault {
    #[error("the name is absolute")]
    Absolute,
    #[error("the name climbs with `..`")]
    Climbs,
    #[error("the name holds a NUL byte")]
    Nul,
    #[error("the name is longer than a path may be")]
    TooLong,
    #[error("the link leads out of the archive, to `{}`", target.escape_debug())]
    LinkOut { target: String },
    #[error("the link names `{}`, which is not a file of the archive", target.escape_debug())]
    LinkNowhere { target: String },
    #[error("it would be written through a link or a file")]
    Through,
    #[error("it is a device, a pipe or a socket")]
    Device,
    #[error("it is of a kind that is not unpacked: {kind}")]
    Kind { kind: String },
}

/// Unpacks an archive into a folder that is absent or empty; a single top folder is stripped. Files keep their times
/// and whether they may be run, all else about their modes is made plain (`644`, `755`).
///
/// # Errors
/// [`ForeignError`]; nothing is left at `into` then.
pub fn unpack(archive: &Path, into: &Path) -> Result<(), ForeignError> {
    unpack_within(archive, into, Limits::default())
}

/// As [`unpack`], with other limits.
///
/// # Errors
/// As [`unpack`].
pub fn unpack_within(archive: &Path, into: &Path, limits: Limits) -> Result<(), ForeignError> {
    let mut tree = Tree::beside(into, limits).map_err(|fault| fault.of(archive))?;
    let filled = match kind_of(archive)?.ok_or_else(|| ForeignError::UnknownKind { archive: archive.to_owned() })? {
        ArchiveKind::Zip => foreign_zip::read(open(archive)?, &mut tree),
        kind => decompressed(archive, kind).and_then(|reader| foreign_tar::read(reader, &mut tree)),
    };
    filled.and_then(|()| tree.finish(into)).map_err(|fault| fault.of(archive))
}

/// The kind of an archive by its first bytes; `None` for what is no archive of a known kind.
///
/// # Errors
/// When the file cannot be read.
pub fn kind_of(archive: &Path) -> Result<Option<ArchiveKind>, ForeignError> {
    let mut head = Vec::new();
    let unreadable =
        |error: io::Error| ForeignError::Unreadable { archive: archive.to_owned(), reason: error.to_string() };
    open(archive)?.take(512).read_to_end(&mut head).map_err(unreadable)?;
    Ok(ArchiveKind::of(&head))
}

fn open(archive: &Path) -> Result<File, ForeignError> {
    let opened = fs_err::File::open(archive).map(fs_err::File::into_file);
    opened.map_err(|error| ForeignError::Unreadable { archive: archive.to_owned(), reason: error.to_string() })
}

fn decompressed(archive: &Path, kind: ArchiveKind) -> Result<Box<dyn Read>, Fault> {
    let file = fs_err::File::open(archive).map_err(Fault::read)?;
    let file = BufReader::with_capacity(1 << 16, file.into_file());
    Ok(match kind {
        ArchiveKind::TarGz => Box::new(flate2::bufread::MultiGzDecoder::new(file)),
        ArchiveKind::TarBz2 => Box::new(bzip2::bufread::MultiBzDecoder::new(file)),
        ArchiveKind::TarZst => Box::new(zstd::stream::read::Decoder::with_buffer(file).map_err(Fault::read)?),
        ArchiveKind::TarXz => {
            let flags = liblzma::stream::CONCATENATED;
            let stream = liblzma::stream::Stream::new_stream_decoder(DECOMPRESSOR_MEMORY, flags);
            let stream = stream.map_err(|error| Fault::Unreadable(error.to_string()))?;
            Box::new(liblzma::bufread::XzDecoder::new_stream(file, stream))
        }
        ArchiveKind::Tar | ArchiveKind::Zip => Box::new(file),
    })
}

/// An error of the rooms below, which do not know the archive's path.
#[derive(Debug)]
pub(super) enum Fault {
    Unreadable(String),
    Refused { entry: String, fault: EntryFault },
    TooLarge(Limits),
    Write(io::Error),
}

impl Fault {
    pub(super) fn read(error: io::Error) -> Fault {
        Fault::Unreadable(error.to_string())
    }

    /// A fault of an entry, by its name as the archive holds it.
    pub(super) fn entry(name: &[u8], fault: EntryFault) -> Fault {
        Fault::Refused { entry: String::from_utf8_lossy(name).into_owned(), fault }
    }

    fn of(self, archive: &Path) -> ForeignError {
        let archive = archive.to_owned();
        match self {
            Fault::Unreadable(reason) => ForeignError::Unreadable { archive, reason },
            Fault::Refused { entry, fault } => ForeignError::Refused { archive, entry, fault },
            Fault::TooLarge(limits) => ForeignError::TooLarge { archive, limits },
            Fault::Write(error) => ForeignError::Write(error),
        }
    }
}

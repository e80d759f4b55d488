//! Unpacks a package archive in one pass: every entry is compared with the manifest, patched, and written.
//!
//! Nothing is searched for, nothing from the archive is run, and nothing is created that the manifest does not name.
//! Does not compute the digest of the archive: where whoever hands it over has, those of its files are taken as right.

use std::io::{self, BufReader, Chain, Cursor, Read, Write};
use std::path::Path;
use std::thread;

use flate2::bufread::MultiGzDecoder;

use crate::archive::ahead::read_ahead;
use crate::archive::beneath::Beneath;
use crate::archive::frames::FrameReader;
use crate::archive::{Error, PIECE, header};
use crate::model::digest::Digester;
use crate::model::package::{Entry, EntryKind, EntryPath, FileEntry, MANIFEST_PATH, PackageManifest};
use crate::model::prefix::Prefix;
use crate::model::runtime;
use crate::model::selection::Extent;
use crate::relocate::patch::{NoPlaceholder, Replacement};
use crate::relocate::scan;

/// Bounds on what an archive may ask for, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub manifest: u64,
    /// The sum of the sizes of all files.
    pub unpacked: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { manifest: 64 << 20, unpacked: 256 << 30 }
    }
}

/// What was unpacked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unpacked {
    pub manifest: PackageManifest,
    /// How many files there are.
    pub files: u64,
    /// How many of them hold the prefix.
    pub relocated: u64,
    /// How many files and links were left out; the manifest does not name them.
    pub left_out: u64,
}

/// Unpacks an archive into a folder, which may hold other packages, for the prefix that the folder will be at.
///
/// # Errors
/// [`Error`]; what was unpacked before stays in the folder, and nothing outside of it is ever touched.
pub fn unpack(reader: impl Read + Send, into: &Path, prefix: &Prefix, limits: &Limits) -> Result<Unpacked, Error> {
    decode(reader, &Job { into, prefix, extent: Extent::Full, limits, is_checked: false })
}

/// As much of an archive as is wanted, with the usual limits, where the archive's own digest was right: whoever packed
/// it has computed the digests of its files, and they are not computed again.
///
/// # Errors
/// As [`unpack`].
pub fn unpack_checked(
    reader: impl Read + Send,
    into: &Path,
    prefix: &Prefix,
    extent: Extent,
) -> Result<Unpacked, Error> {
    decode(reader, &Job { into, prefix, extent, limits: &Limits::default(), is_checked: true })
}

/// Where an archive goes, and how much of it.
struct Job<'a> {
    into: &'a Path,
    prefix: &'a Prefix,
    extent: Extent,
    limits: &'a Limits,
    /// Whether the digest of the archive is known to be right.
    is_checked: bool,
}

fn decode(reader: impl Read + Send, job: &Job<'_>) -> Result<Unpacked, Error> {
    let decoded = decoded(reader)?;
    // On one processor a second thread only waits for the first.
    if thread::available_parallelism().is_ok_and(|processors| processors.get() == 1) {
        return unpack_plain(TarReader::new(decoded), job);
    }
    read_ahead(decoded, |plain| unpack_plain(TarReader::new(plain), job))
}

fn unpack_plain<R: Read>(mut tar: TarReader<R>, job: &Job<'_>) -> Result<Unpacked, Error> {
    let Job { into, prefix, extent, limits, is_checked } = *job;
    let whole = tar.manifest(limits.manifest)?;
    let size = whole.unpacked_size();
    if size > limits.unpacked {
        return Err(Error::TooLarge { size, limit: limits.unpacked });
    }
    let part = match extent {
        Extent::Full => None,
        Extent::Runtime => Some(runtime::without_development(&whole)),
    };
    let replacement = Replacement::new(&whole.placeholder, prefix)?;
    let mut writer = Writer {
        folder: Beneath::new(into)?,
        replacement,
        prefix,
        is_checked,
        buffer: vec![0; PIECE],
        spare: Vec::new(),
    };
    // What stays has the same order.
    let mut kept = part.as_ref().map_or(&whole, |(part, _)| part).entries.iter().peekable();
    for entry in &whole.entries {
        tar.expect(entry)?;
        let is_kept = kept.next_if(|one| one.path == entry.path).is_some();
        match &entry.kind {
            EntryKind::File(file) if !is_kept => writer.pass_over(&mut tar, file)?,
            _ if !is_kept => {}
            EntryKind::Folder => writer.folder.create_folder(&entry.path)?,
            EntryKind::Link { target } => writer.folder.create_link(&entry.path, target)?,
            EntryKind::File(file) => writer.write_file(&mut tar, &entry.path, file)?,
        }
    }
    tar.expect_end()?;
    let (manifest, left_out) = part.unwrap_or((whole, 0));
    Ok(Unpacked { files: manifest.files().count() as u64, relocated: manifest.relocated(), manifest, left_out })
}

/// Reads only the manifest of an archive.
///
/// # Errors
/// [`Error`] when the archive does not start with a sound one.
pub fn read_manifest(reader: impl Read) -> Result<PackageManifest, Error> {
    TarReader::new(decoded(reader)?).manifest(Limits::default().manifest)
}

/// Writes files below a folder.
struct Writer<'a> {
    folder: Beneath,
    replacement: Replacement,
    prefix: &'a Prefix,
    is_checked: bool,
    buffer: Vec<u8>,
    spare: Vec<u8>,
}

impl Writer<'_> {
    fn write_file<R: Read>(&mut self, tar: &mut TarReader<R>, path: &EntryPath, file: &FileEntry) -> Result<(), Error> {
        let mut out = self.folder.create_file(path, file.mode)?;
        let mut digester = (!self.is_checked).then(Digester::new);
        let mut patcher = (!file.relocations.is_empty()).then(|| self.replacement.start(&file.relocations));
        let mut left = file.size;
        while left > 0 {
            let count = self.buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            let piece = &mut self.buffer[..count];
            tar.read_exact(piece)?;
            digester.iter_mut().for_each(|digester| digester.update(piece));
            let shown: &[u8] = match &mut patcher {
                None => piece,
                Some(patcher) => {
                    if left == file.size && self.prefix.has_space() {
                        refuse_space(piece, path, file, self.prefix)?;
                    }
                    let patched = patcher.feed(piece, &mut self.spare);
                    patched
                        .map_err(|NoPlaceholder { offset }| Error::NoPlaceholder { path: path.to_string(), offset })?
                }
            };
            out.write_all(shown).map_err(|error| self.folder.failed("writing a file", path, error))?;
            left -= count as u64;
        }
        if digester.is_some_and(|digester| digester.finish() != file.digest) {
            return Err(Error::Digest { path: path.to_string() });
        }
        tar.expect_zeros(header::padding(file.size))
    }

    /// Reads a file that is not wanted; only of an archive that is checked as a whole.
    fn pass_over<R: Read>(&mut self, tar: &mut TarReader<R>, file: &FileEntry) -> Result<(), Error> {
        let mut left = file.size;
        while left > 0 {
            let count = self.buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            tar.read_exact(&mut self.buffer[..count])?;
            left -= count as u64;
        }
        tar.expect_zeros(header::padding(file.size))
    }
}

/// The kernel splits a `#!` line at white space, so that such a prefix cannot stand there.
///
/// # Errors
/// [`Error::PrefixHasSpace`] for a file with these first bytes that starts with such a line.
pub fn refuse_space(head: &[u8], path: &EntryPath, file: &FileEntry, prefix: &Prefix) -> Result<(), Error> {
    let relocations = &file.relocations;
    let offsets = if relocations.text.is_empty() { &relocations.fixed } else { &relocations.text };
    if scan::is_in_interpreter_line(head, offsets) {
        return Err(Error::PrefixHasSpace { file: path.to_string(), prefix: prefix.clone() });
    }
    Ok(())
}

/// Reads a decompressed archive entry by entry, each of which must be the one that is expected.
struct TarReader<R> {
    inner: R,
    expected: Vec<u8>,
    found: Vec<u8>,
}

/// The archive with its first bytes, by which its packing was told, put back in front.
type Whole<R> = Chain<Cursor<Vec<u8>>, R>;

enum Decoded<R> {
    Zstd(Box<FrameReader<Whole<R>>>),
    Gzip(Box<MultiGzDecoder<BufReader<Whole<R>>>>),
}

/// Decodes an archive; its packing is told by its first bytes.
fn decoded<R: Read>(mut reader: R) -> Result<Decoded<R>, Error> {
    let mut magic = Vec::new();
    reader.by_ref().take(4).read_to_end(&mut magic).map_err(|source| Error::Read { source })?;
    let is_gzip = magic.starts_with(&[0x1f, 0x8b]);
    let reader = Cursor::new(magic).chain(reader);
    Ok(if is_gzip {
        Decoded::Gzip(Box::new(MultiGzDecoder::new(BufReader::with_capacity(PIECE, reader))))
    } else {
        Decoded::Zstd(Box::new(FrameReader::new(reader).map_err(|source| Error::Read { source })?))
    })
}

impl<R: Read> TarReader<R> {
    fn new(inner: R) -> TarReader<R> {
        TarReader { inner, expected: Vec::new(), found: Vec::new() }
    }

    /// The manifest, which is the first entry.
    fn manifest(&mut self, limit: u64) -> Result<PackageManifest, Error> {
        let mut block = [0; header::BLOCK];
        self.read_exact(&mut block)?;
        let (found, size) = header::peek(&block).ok_or_else(|| Error::NoManifest { found: String::new() })?;
        let size = size.filter(|_| found == MANIFEST_PATH).ok_or(Error::NoManifest { found })?;
        if size > limit {
            return Err(Error::ManifestTooLarge { size, limit });
        }
        header::write_file(&mut self.expected, MANIFEST_PATH, size);
        if self.expected != block {
            return Err(Error::Corrupt { reason: "the header of the manifest is not the usual one".to_owned() });
        }
        // Grows with what comes: a small archive cannot ask for much memory.
        let mut json = Vec::new();
        let read = self.inner.by_ref().take(size).read_to_end(&mut json).map_err(Error::of_reading)?;
        if (read as u64) < size {
            return Err(Error::Truncated);
        }
        self.expect_zeros(header::padding(size))?;
        Ok(PackageManifest::parse(&json)?)
    }

    /// Takes the header of this entry.
    fn expect(&mut self, entry: &Entry) -> Result<(), Error> {
        header::write_entry(&mut self.expected, entry);
        self.found.resize(self.expected.len(), 0);
        // The first block alone first: the archive may end here.
        let (first, rest) = self.found.split_at_mut(header::BLOCK);
        self.inner.read_exact(first).map_err(Error::of_reading)?;
        if *first != self.expected[..header::BLOCK] {
            return Err(match header::peek(first) {
                None => Error::Missing { path: entry.path.to_string() },
                Some((found, _)) => differs(entry, found),
            });
        }
        self.inner.read_exact(rest).map_err(Error::of_reading)?;
        if self.found != self.expected {
            let (found, _) = header::peek(&self.found[self.found.len() - header::BLOCK..]).unwrap_or_default();
            return Err(differs(entry, found));
        }
        Ok(())
    }

    /// Takes the end of the archive, after which there is nothing.
    fn expect_end(&mut self) -> Result<(), Error> {
        let mut block = [0; header::BLOCK];
        self.read_exact(&mut block)?;
        if let Some((found, _)) = header::peek(&block) {
            return Err(Error::Extra { found });
        }
        self.expect_zeros(header::BLOCK)?;
        let mut more = [0];
        loop {
            return match self.inner.read(&mut more) {
                Ok(0) => Ok(()),
                Ok(_) => Err(Error::TrailingBytes),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::InvalidInput => Err(Error::TrailingBytes),
                Err(error) => Err(Error::of_reading(error)),
            };
        }
    }

    fn expect_zeros(&mut self, count: usize) -> Result<(), Error> {
        let mut padding = [0; header::BLOCK];
        self.read_exact(&mut padding[..count])?;
        if padding.iter().any(|byte| *byte != 0) {
            return Err(Error::Corrupt { reason: "its padding is not empty".to_owned() });
        }
        Ok(())
    }

    fn read_exact(&mut self, buffer: &mut [u8]) -> Result<(), Error> {
        self.inner.read_exact(buffer).map_err(Error::of_reading)
    }
}

/// The error of a header with this name in the place of an entry's.
fn differs(entry: &Entry, found: String) -> Error {
    let path = entry.path.to_string();
    if found.trim_end_matches('/') == path {
        Error::Header { path }
    } else {
        Error::Unexpected { expected: path, found }
    }
}

impl<R: Read> Read for Decoded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Decoded::Zstd(reader) => reader.read(buffer),
            Decoded::Gzip(reader) => reader.read(buffer),
        }
    }
}

//! Searches files for prefixes, a window at a time, so that memory does not grow with the file.
//!
//! Does not judge what it finds (`flow/relocate/`).

use std::fs::Metadata;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use fs_err::File;
use memchr::memmem::Finder;

use crate::relocate::escaped::Escaped;
use crate::relocate::kind::Kind;
use crate::relocate::mapping::{BEFORE, BEHIND, Found, Mapping, Window};
use crate::relocate::moved_elf;
use crate::tree::{TreeError, failed};

/// How much of a file is in memory at once, in bytes: what stays in a processor's cache.
const WINDOW: usize = 512 << 10;

/// Files that must be in memory whole (ELF files that grow, packed ones) may be this large, in bytes.
pub const LARGEST_WHOLE: u64 = 64 << 20;

/// Files up to this size are kept between the search and the change, in bytes.
const LARGEST_KEPT: usize = 64 << 10;

/// What is kept of all files together, in bytes.
const ALL_KEPT: usize = 32 << 20;

/// What a file holds.
#[derive(Debug)]
pub struct Scanned {
    pub found: Found,
    pub kind: Kind,
    /// Where a prefix stands first in wide letters (UTF-16, UTF-32), which no rule covers.
    pub wide: Option<u64>,
    /// Where a prefix with escaped slashes stands first, perhaps as a part of another path.
    pub escaped: Option<u64>,
    /// An ELF file with compressed sections.
    pub has_compressed: bool,
    pub size: u64,
    pub kept: Kept,
}

/// The bytes of a small file that holds a prefix.
pub type Kept = Option<Vec<u8>>;

impl Scanned {
    /// What bytes hold; nothing is said of wide letters and of packed data.
    pub fn of_bytes(bytes: &[u8], mapping: &Mapping) -> Scanned {
        let mut found = Found::default();
        mapping.search(Window { bytes, base: 0 }, 0..bytes.len(), &mut found);
        let kind = match Kind::of(&bytes[..bytes.len().min(64)]) {
            kind if kind.is_text() && memchr::memchr(0, bytes).is_some() => Kind::Opaque,
            kind => kind,
        };
        Scanned { found, kind, wide: None, escaped: None, has_compressed: false, size: bytes.len() as u64, kept: None }
    }
}

/// Searches any number of files.
pub struct Scanner<'a> {
    mapping: &'a Mapping,
    wide: Vec<Finder<'static>>,
    escaped: Escaped<'a>,
    ahead: usize,
    left_to_keep: AtomicUsize,
}

impl<'a> Scanner<'a> {
    pub fn new(mapping: &'a Mapping) -> Scanner<'a> {
        let olds = mapping.pairs().iter().map(|pair| pair.old.as_slice());
        let wide: Vec<Finder<'static>> =
            olds.flat_map(|old| [2, 4].map(|width| Finder::new(&widened(old, width)).into_owned())).collect();
        let escaped = Escaped::new(mapping);
        let longest = wide.iter().map(|finder| finder.needle().len()).max().unwrap_or(0).max(escaped.longest());
        Scanner { mapping, wide, escaped, ahead: longest + BEHIND, left_to_keep: AtomicUsize::new(ALL_KEPT) }
    }

    /// Searches a file; `window` is memory that is used again for the next one.
    ///
    /// # Errors
    /// [`TreeError::File`].
    pub fn scan(&self, path: &Path, facts: &Metadata, window: &mut Vec<u8>) -> Result<Scanned, TreeError> {
        self.scan_file(path, facts, window).map_err(failed("searching a file", path))
    }

    fn scan_file(&self, path: &Path, facts: &Metadata, window: &mut Vec<u8>) -> io::Result<Scanned> {
        let mut file = File::open(path)?;
        if window.len() < WINDOW {
            window.resize(WINDOW, 0);
        }
        let mut pass = Pass { scanner: self, found: Found::default(), wide: None, escaped: None, has_nul: false };
        // Less on disk than its length says: what is not there is NUL bytes.
        let is_sparse = facts.blocks() * 512 + 4096 < facts.size();
        let mut head = Vec::new();
        let mut size = 0;
        if is_sparse {
            pass.has_nul = true;
            head = read_head(path, 64)?;
            size = facts.size();
            for (start, end) in extents(&file, size)? {
                file.seek(SeekFrom::Start(start))?;
                pass.run(&mut file.by_ref().take(end - start), (start, end), window, &mut Vec::new())?;
            }
        } else {
            size += pass.run(&mut file, (0, facts.size()), window, &mut head)?;
        }
        let kind = match Kind::of(&head) {
            kind if kind.is_text() && pass.has_nul => Kind::Opaque,
            kind => kind,
        };
        let has_compressed = kind == Kind::Elf && has_compressed(&mut file, &head).unwrap_or(false);
        let has_some = !pass.found.hits.is_empty();
        // A file of one window is still there as it was read.
        let kept = (has_some && !is_sparse && size <= LARGEST_KEPT as u64)
            .then(|| usize::try_from(size).unwrap_or(0))
            .filter(|size| self.may_keep(*size))
            .map(|size| window[..size].to_vec());
        Ok(Scanned { found: pass.found, kind, wide: pass.wide, escaped: pass.escaped, has_compressed, size, kept })
    }

    fn may_keep(&self, size: usize) -> bool {
        let mut left = self.left_to_keep.load(Ordering::Relaxed);
        while let Some(rest) = left.checked_sub(size) {
            match self.left_to_keep.compare_exchange_weak(left, rest, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(now) => left = now,
            }
        }
        false
    }
}

/// One file, or one part of a sparse one, while it goes by.
struct Pass<'a, 'b> {
    scanner: &'a Scanner<'b>,
    found: Found,
    wide: Option<u64>,
    escaped: Option<u64>,
    has_nul: bool,
}

impl Pass<'_, '_> {
    /// Searches a stream that goes from `start` of the file to `end`, as far as is known; gives its length, and its
    /// first bytes in `head`.
    fn run(
        &mut self,
        stream: &mut dyn Read,
        (start, end): (u64, u64),
        window: &mut [u8],
        head: &mut Vec<u8>,
    ) -> io::Result<u64> {
        let (mut base, mut from, mut length) = (start, 0, 0);
        loop {
            let before = length;
            let mut is_end = false;
            while length < window.len() {
                match stream.read(&mut window[length..]) {
                    Ok(0) => {
                        is_end = true;
                        break;
                    }
                    Ok(count) => {
                        length += count;
                        // Asking for more would be one call more for each small file.
                        if base + length as u64 == end {
                            is_end = true;
                            break;
                        }
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
            let bytes = &window[..length];
            if base == start && before == 0 {
                head.extend_from_slice(&bytes[..length.min(64)]);
            }
            self.has_nul = self.has_nul || memchr::memchr(0, &bytes[before..]).is_some();
            let limit = if is_end { length } else { length.saturating_sub(self.scanner.ahead) };
            self.scanner.mapping.search(Window { bytes, base }, from..limit, &mut self.found);
            if self.has_nul && self.wide.is_none() {
                let first = self.scanner.wide.iter().filter_map(|one| one.find(&bytes[from..])).min();
                self.wide = first.map(|place| base + (from + place) as u64);
            }
            if self.escaped.is_none() {
                let first = self.scanner.escaped.first(&bytes[from..]);
                self.escaped = first.map(|place| base + (from + place) as u64);
            }
            if is_end {
                return Ok(base - start + length as u64);
            }
            let kept = limit.saturating_sub(BEFORE);
            window.copy_within(kept..length, 0);
            base += kept as u64;
            from = limit - kept;
            length -= kept;
        }
    }
}

/// The letters of a text `width` bytes apart, from the first to the last: what both byte orders have in common.
fn widened(text: &[u8], width: usize) -> Vec<u8> {
    let mut wide = vec![0; (text.len().max(1) - 1) * width + 1];
    wide.iter_mut().step_by(width).zip(text).for_each(|(place, letter)| *place = *letter);
    wide
}

/// The parts of a sparse file that are on disk.
pub(super) fn extents(file: &File, size: u64) -> io::Result<Vec<(u64, u64)>> {
    use rustix::fs::SeekFrom;
    let (mut parts, mut at) = (Vec::new(), 0);
    while at < size {
        let start = match rustix::fs::seek(file.file(), SeekFrom::Data(at)) {
            Ok(start) => start,
            // There is nothing behind.
            Err(rustix::io::Errno::NXIO) => break,
            Err(error) => return Err(error.into()),
        };
        let end = rustix::fs::seek(file.file(), SeekFrom::Hole(start))?.min(size);
        if end <= start {
            break;
        }
        parts.push((start, end));
        at = end;
    }
    Ok(parts)
}

/// The first bytes of a file.
pub fn read_head(path: &Path, length: u64) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    File::open(path)?.take(length).read_to_end(&mut head)?;
    Ok(head)
}

/// A whole file, if it is not too large for memory.
///
/// # Errors
/// [`TreeError::File`].
pub fn read_whole(path: &Path) -> Result<Option<Vec<u8>>, TreeError> {
    let read = || {
        let file = File::open(path)?;
        if file.metadata()?.len() > LARGEST_WHOLE {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        file.take(LARGEST_WHOLE).read_to_end(&mut bytes)?;
        Ok(Some(bytes))
    };
    read().map_err(failed("reading a file", path))
}

fn has_compressed(file: &mut File, head: &[u8]) -> io::Result<bool> {
    let Some((offset, count, form)) = moved_elf::section_table(head) else { return Ok(false) };
    file.seek(SeekFrom::Start(offset))?;
    let mut table = Vec::new();
    file.take(count * form.size()).read_to_end(&mut table)?;
    Ok(form.has_compressed(&table))
}

//! Takes the places that hold the prefix from a record, after making sure that the tree is the recorded one.
//!
//! Searches nothing; `proof.rs` writes the record.

use std::collections::BTreeMap;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::Path;

use fs_err::File;

use crate::at_once;
use crate::flow::relocate::plan::Search;
use crate::flow::relocate::{Error, Options, is_record};
use crate::model::digest::{Digest, DigestingReader};
use crate::relocate::kind::Kind;
use crate::relocate::mapping::{Found, Hit, Mapping, Pair};
use crate::relocate::record::{LARGEST, Record, RecordedFile, Way, unescape};
use crate::tree::{NodeKind, Scanned, Tree, TreeError, read_head};

/// Reads a record.
///
/// # Errors
/// [`Error::Record`].
pub fn read(path: &Path) -> Result<Record, Error> {
    let wrong = |reason: String| Error::Record { path: path.to_owned(), reason };
    let mut json = Vec::new();
    let file = File::open(path).map_err(|error| wrong(error.to_string()))?;
    file.take(LARGEST).read_to_end(&mut json).map_err(|error| wrong(error.to_string()))?;
    Record::parse(&json).map_err(wrong)
}

/// The places of a record, for a new prefix.
///
/// # Errors
/// [`Error::Stale`], [`Error::SeveralRecorded`], [`Error::Record`].
pub fn search(record: &Record, path: &Path, new: &[u8], options: &Options, tree: &Tree) -> Result<Search, Error> {
    let wrong = |reason: String| Error::Record { path: path.to_owned(), reason };
    if record.prefixes.len() > 1 {
        return Err(Error::SeveralRecorded { path: path.to_owned(), prefixes: record.prefixes.clone() });
    }
    let old = record.prefixes.first().and_then(|text| unescape(text));
    let old = old.ok_or_else(|| wrong("it names no prefix".to_owned()))?;
    let mapping = Mapping::new([Pair { old: old.clone(), new: new.to_vec() }])?;
    let stale = |file: &str| Error::Stale { path: path.to_owned(), file: file.to_owned() };
    let listing = tree.listing(|node| options.record.as_deref() == Some(&tree.full(node)));
    if listing != (record.listing.paths, record.listing.digest) {
        return Err(stale("the list of its files"));
    }
    let all = at_once::each(&record.files, options.jobs.get(), |file| {
        let place = unescape(&file.path).and_then(|path| tree.find(&path)).ok_or_else(|| stale(&file.path))?;
        match (&tree.nodes[place].kind, file.way) {
            (NodeKind::Link { target }, Way::Link) if Digest::of(target) == file.digest => Ok((place, None)),
            (NodeKind::File { same_as: None }, way) if way != Way::Link && !is_record(options, tree, place) => {
                let scanned = check(tree, place, file, &old)?.ok_or_else(|| stale(&file.path))?;
                Ok((place, Some(scanned)))
            }
            _ => Err(stale(&file.path)),
        }
    })?;
    let ways = record.files.iter().zip(&all).map(|(file, (place, _))| (*place, file.way)).collect();
    let scanned: BTreeMap<usize, Scanned> = all.into_iter().filter_map(|(place, one)| Some((place, one?))).collect();
    let elves = elves(options, tree)?;
    Ok(Search { mapping, scanned, ways, elves, is_recorded: true })
}

/// The ELF files, by their first bytes.
fn elves(options: &Options, tree: &Tree) -> Result<Vec<usize>, Error> {
    let files: Vec<usize> = (0..tree.nodes.len()).filter(|at| tree.nodes[*at].is_first_name()).collect();
    let is_elf = at_once::each(&files, options.jobs.get(), |place| {
        let full = tree.full(&tree.nodes[*place]);
        let failed = |source| TreeError::File { doing: "looking at a file", path: full.clone(), source };
        Ok::<_, Error>(Kind::of(&read_head(&full, 16).map_err(failed)?) == Kind::Elf)
    })?;
    Ok(files.into_iter().zip(is_elf).filter(|(_, is_elf)| *is_elf).map(|(place, _)| place).collect())
}

/// A file as it was recorded; `None` when it is another one now.
fn check(tree: &Tree, place: usize, file: &RecordedFile, old: &[u8]) -> Result<Option<Scanned>, Error> {
    let full = tree.full(&tree.nodes[place]);
    let failed = |source| TreeError::File { doing: "reading a recorded file", path: full.clone(), source };
    let opened = File::open(&full).map_err(failed)?;
    let mut reader = DigestingReader::new(opened);
    std::io::copy(&mut reader, &mut std::io::sink()).map_err(failed)?;
    if reader.finish() != (file.digest, file.size) {
        return Ok(None);
    }
    let opened = File::open(&full).map_err(failed)?;
    let mut hits = Vec::with_capacity(file.places.len());
    let mut bytes = vec![0; old.len()];
    for (offset, pair, slashes) in &file.places {
        opened.file().read_exact_at(&mut bytes, *offset).map_err(failed)?;
        // A record that somebody else wrote must not make this program write anywhere it likes.
        if bytes != old || u64::from(*slashes) > *offset {
            return Ok(None);
        }
        hits.push(Hit { offset: *offset, pair: *pair, slashes: *slashes, is_joined: false });
    }
    let kind = match file.way {
        Way::Text | Way::Link => Kind::Text,
        Way::Script => Kind::Script,
        Way::Elf => Kind::Elf,
        Way::Fixed | Way::Pyc => Kind::Opaque,
    };
    let found = Found::at(hits);
    Ok(Some(Scanned { found, kind, wide: None, escaped: None, has_compressed: false, size: file.size, kept: None }))
}

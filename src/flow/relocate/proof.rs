//! Searches what was written once more before it takes the place of the old tree, and records where the prefix is now.
//!
//! Plans nothing (`plan.rs`).

use std::io::Write;
use std::path::Path;

use crate::flow::relocate::plan::{Edit, Plan};
use crate::flow::relocate::{Aim, Error, Options};
use crate::model::digest::Digest;
use crate::relocate::elf::Facts;
use crate::relocate::kind::Kind;
use crate::relocate::mapping::{Mapping, Pair};
use crate::relocate::pyc::{self, Count};
use crate::relocate::record::{FORMAT, Listing, Record, RecordedFile, Way, escape};
use crate::tree::{Scanner, Stage, Tree, TreeError, in_parallel};

/// What was found in the new files.
pub struct Proved {
    prefixes: Vec<Vec<u8>>,
    files: Vec<RecordedFile>,
}

/// Searches the new files.
///
/// # Errors
/// [`Error::NotProved`] when an old prefix is where it should not be, or an ELF file cannot be read any more.
pub fn prove(options: &Options, stage: &Stage<'_>, plan: &Plan) -> Result<Proved, Error> {
    let mut proved = Proved::nothing(plan);
    let is_relative = matches!(options.aim, Aim::Relative(_));
    // Where a new prefix starts with an old one (`/p` becomes `/p/q`) the longer one counts.
    let news = if is_relative { Vec::new() } else { proved.prefixes.clone() };
    let olds = plan.mapping.pairs().iter().map(|pair| pair.old.clone()).filter(|old| !news.contains(old));
    let all: Vec<Vec<u8>> = news.iter().cloned().chain(olds).collect();
    let mapping = Mapping::new(all.into_iter().map(|old| Pair { new: old.clone(), old }))?;
    let prefix_of = |pair: usize| news.iter().position(|new| *new == mapping.pairs()[pair].old);
    let scanner = Scanner::new(&mapping);
    let changed: Vec<_> = plan.files.iter().filter(|(_, file)| !matches!(file.edit, Edit::Gone)).collect();
    let all = in_parallel(changed.len(), options.jobs, |window: &mut Vec<u8>, at| {
        let (place, file) = changed[at];
        let node = &stage.tree.nodes[*place];
        let path = escape(&node.path);
        if let Edit::Link(target) = &file.edit {
            let (size, digest) = (target.len() as u64, Digest::of(target));
            return Ok(RecordedFile { path, way: Way::Link, size, digest, places: Vec::new() });
        }
        let full = stage.new_path(node);
        let facts = fs_err::metadata(&full).map_err(|source| TreeError::File {
            doing: "looking at a new file",
            path: full.clone(),
            source,
        })?;
        let one = scanner.scan(&full, &facts, window)?;
        let counts = |is_joined: bool| !(is_joined && one.kind.is_text());
        let mut places = Vec::new();
        let mut remaining = Vec::new();
        for hit in one.found.hits.iter().filter(|hit| counts(hit.is_joined)) {
            match prefix_of(hit.pair) {
                Some(prefix) => places.push((hit.offset, prefix, hit.slashes)),
                None => remaining.push(hit.offset),
            }
        }
        let unproved = |offset| Error::NotProved { file: path.clone(), offset };
        if file.way == Way::Pyc {
            prove_pyc(&full, &mapping, &news, file.left).map_err(|()| unproved(None))?;
        } else if remaining.len() as u64 > file.left {
            return Err(unproved(remaining.first().copied()));
        }
        if one.kind == Kind::Elf && matches!(file.edit, Edit::Whole(_)) && !is_sound(&full)? {
            return Err(unproved(None));
        }
        let digest = match options.record {
            Some(_) => digest(&full)?,
            None => Digest::of(b""),
        };
        Ok(RecordedFile { path: path.clone(), way: file.way, size: one.size, digest, places })
    })?;
    proved.files = all;
    Ok(proved)
}

/// Compiled Python is told by its strings: its other bytes may look like a prefix.
fn prove_pyc(path: &Path, mapping: &Mapping, news: &[Vec<u8>], left: u64) -> Result<(), ()> {
    let olds = mapping.pairs().iter().filter(|pair| !news.contains(&pair.old)).cloned();
    let (Ok(olds), Ok(Some(bytes))) = (Mapping::new(olds), crate::tree::read_whole(path)) else { return Err(()) };
    if news.iter().any(|new| olds.replaced(new).is_some()) {
        // A new prefix that starts with an old one cannot be told from it by the string alone.
        return Ok(());
    }
    let mut count = Count { mapping: &olds, count: 0 };
    match pyc::change(&bytes, &mut count) {
        Ok(_) if count.count > left => Err(()),
        // What cannot be gone through was changed as other data is, and said to be.
        _ => Ok(()),
    }
}

fn is_sound(path: &Path) -> Result<bool, Error> {
    Ok(crate::tree::read_whole(path)?.is_none_or(|bytes| Facts::read(&bytes).is_ok()))
}

fn digest(path: &Path) -> Result<Digest, Error> {
    let read = || {
        let mut reader = crate::model::digest::DigestingReader::new(fs_err::File::open(path)?);
        std::io::copy(&mut reader, &mut std::io::sink())?;
        Ok(reader.finish().0)
    };
    read().map_err(|source| TreeError::File { doing: "reading a new file", path: path.to_owned(), source }.into())
}

impl Proved {
    /// A tree in which nothing changed.
    pub fn nothing(plan: &Plan) -> Proved {
        let mut prefixes: Vec<Vec<u8>> = plan.mapping.pairs().iter().map(|pair| pair.new.clone()).collect();
        prefixes.sort();
        prefixes.dedup();
        Proved { prefixes, files: Vec::new() }
    }

    /// Writes the record, if one is asked for; `tree` is as it was before.
    ///
    /// # Errors
    /// [`Error::Record`]; the tree is relocated all the same.
    pub fn record(self, options: &Options, tree: &Tree) -> Result<(), Error> {
        let Some(path) = &options.record else { return Ok(()) };
        let now = Tree::read(&tree.root)?;
        let (paths, digest) = now.listing(|node| now.full(node) == *path);
        let record = Record {
            format: FORMAT,
            prefixes: self.prefixes.iter().map(|prefix| escape(prefix)).collect(),
            listing: Listing { paths, digest },
            files: self.files,
        };
        write(path, &record.to_json()).map_err(|error| Error::Record { path: path.clone(), reason: error.to_string() })
    }
}

fn write(path: &Path, json: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut beside = tempfile::Builder::new().prefix(".tagalong-").tempfile_in(folder)?;
    beside.write_all(json)?;
    beside.persist(path).map_err(|error| error.error)?;
    Ok(())
}

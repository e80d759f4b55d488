//! Searches what was written once more before it takes the place of the old tree, and records where the prefix is now.
//!
//! Plans nothing (`plan.rs`).

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::sync::Mutex;

use crate::at_once;
use crate::flow::relocate::plan::{Edit, Plan, Planned};
use crate::flow::relocate::{Aim, Error, Options};
use crate::model::digest::Digest;
use crate::relocate::elf::Facts;
use crate::relocate::kind::Kind;
use crate::relocate::mapping::{Mapping, Pair};
use crate::relocate::pyc::{self, Count};
use crate::relocate::record::{FORMAT, Listing, Record, RecordedFile, Way, escape};
use crate::tree::{Scanned, Scanner, Stage, Tree, TreeError};

/// What was found in the new files.
pub struct Proved {
    prefixes: Vec<Vec<u8>>,
    files: Vec<RecordedFile>,
}

/// Searches new files, those in memory before they are written, the others where they were written.
pub struct Prover<'a> {
    options: &'a Options,
    plan: &'a Plan,
    tree: &'a Tree,
    mapping: Mapping,
    news: Vec<Vec<u8>>,
    done: Mutex<BTreeMap<usize, RecordedFile>>,
}

/// A new file that is searched.
struct New<'a> {
    path: String,
    file: &'a Planned,
    found: Scanned,
}

impl<'a> Prover<'a> {
    pub fn new(options: &'a Options, plan: &'a Plan, tree: &'a Tree) -> Result<Prover<'a>, Error> {
        let is_relative = matches!(options.aim, Aim::Relative(_));
        // Where a new prefix starts with an old one (`/p` becomes `/p/q`) the longer one counts.
        let news = if is_relative { Vec::new() } else { Proved::nothing(plan).prefixes };
        let olds = plan.mapping.pairs().iter().map(|pair| pair.old.clone()).filter(|old| !news.contains(old));
        let all: Vec<Vec<u8>> = news.iter().cloned().chain(olds).collect();
        let mapping = Mapping::new(all.into_iter().map(|old| Pair { new: old.clone(), old }))?;
        Ok(Prover { options, plan, tree, mapping, news, done: Mutex::default() })
    }

    /// Searches new bytes that are about to be written.
    ///
    /// # Errors
    /// As [`Prover::finish`].
    pub fn see(&self, place: usize, bytes: &[u8]) -> Result<(), Error> {
        let Some(file) = self.plan.files.get(&place) else { return Ok(()) };
        let found = Scanned::of_bytes(bytes, &self.mapping);
        let new = New { path: escape(&self.tree.nodes[place].path), file, found };
        let recorded = self.judge(new, || Ok(Some(bytes.to_vec())), || Ok(Digest::of(bytes)))?;
        if let Ok(mut done) = self.done.lock() {
            done.insert(place, recorded);
        }
        Ok(())
    }

    /// Searches the files that were not in memory.
    ///
    /// # Errors
    /// [`Error::NotProved`] when an old prefix is where it should not be, or an ELF file cannot be read any more.
    pub fn finish(&self, stage: &Stage<'_>) -> Result<Proved, Error> {
        let scanner = Scanner::new(&self.mapping);
        let mut seen = self.done.lock().map(|mut done| std::mem::take(&mut *done)).unwrap_or_default();
        let is_open =
            |(place, file): &(&usize, &Planned)| !matches!(file.edit, Edit::Gone) && !seen.contains_key(place);
        let open: Vec<_> = self.plan.files.iter().filter(is_open).collect();
        let all = at_once::each_with(&open, self.options.jobs.get(), |window: &mut Vec<u8>, (place, file)| {
            let node = &self.tree.nodes[**place];
            let path = escape(&node.path);
            if let Edit::Link(target) = &file.edit {
                let (size, digest) = (target.len() as u64, Digest::of(target));
                return Ok((**place, RecordedFile { path, way: Way::Link, size, digest, places: Vec::new() }));
            }
            let full = stage.new_path(node);
            let facts = fs_err::metadata(&full).map_err(|source| TreeError::File {
                doing: "looking at a new file",
                path: full.clone(),
                source,
            })?;
            let found = scanner.scan(&full, &facts, window)?;
            let whole = || Ok(crate::tree::read_whole(&full)?);
            Ok::<_, Error>((**place, self.judge(New { path, file, found }, whole, || digest(&full))?))
        })?;
        seen.extend(all);
        Ok(Proved { files: seen.into_values().collect(), ..Proved::nothing(self.plan) })
    }

    fn judge(
        &self,
        new: New<'_>,
        whole: impl Fn() -> Result<Option<Vec<u8>>, Error>,
        digest: impl Fn() -> Result<Digest, Error>,
    ) -> Result<RecordedFile, Error> {
        let New { path, file, found } = new;
        let prefix_of = |pair: usize| self.news.iter().position(|new| *new == self.mapping.pairs()[pair].old);
        let counts = |is_joined: bool| !(is_joined && found.kind.is_text());
        let (mut places, mut remaining) = (Vec::new(), Vec::new());
        for hit in found.found.hits.iter().filter(|hit| counts(hit.is_joined)) {
            match prefix_of(hit.pair) {
                Some(prefix) => places.push((hit.offset, prefix, hit.slashes)),
                None => remaining.push(hit.offset),
            }
        }
        let unproved = |offset| Error::NotProved { file: path.clone(), offset };
        if file.way == Way::Pyc {
            prove_pyc(whole()?, &self.mapping, &self.news, file.left).map_err(|()| unproved(None))?;
        } else if remaining.len() as u64 > file.left {
            return Err(unproved(remaining.first().copied()));
        }
        if found.kind == Kind::Elf && matches!(file.edit, Edit::Whole(_)) {
            let is_sound = whole()?.is_none_or(|bytes| Facts::read(&bytes).is_ok());
            if !is_sound {
                return Err(unproved(None));
            }
        }
        let digest = match self.options.record {
            Some(_) => digest()?,
            None => Digest::of(b""),
        };
        Ok(RecordedFile { path, way: file.way, size: found.size, digest, places })
    }
}

/// Compiled Python is told by its strings: its other bytes may look like a prefix.
fn prove_pyc(bytes: Option<Vec<u8>>, mapping: &Mapping, news: &[Vec<u8>], left: u64) -> Result<(), ()> {
    let olds = mapping.pairs().iter().filter(|pair| !news.contains(&pair.old)).cloned();
    let (Ok(olds), Some(bytes)) = (Mapping::new(olds), bytes) else { return Err(()) };
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

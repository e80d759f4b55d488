//! `relocate --check`: which prefix a tree was made for, and whether it is whole. Changes nothing.
//!
//! What speaks for a prefix collects `signs.rs`.

use std::num::NonZeroUsize;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::at_once;
pub use crate::flow::relocate::signs::Seen as Sighting;
use crate::flow::relocate::signs::{self, Seen};
use crate::flow::relocate::verify::{Names, Stopped};
use crate::flow::relocate::{Aim, Error, Options as Relocation, Pyc, Rest, recorded};
use crate::model::depth::Depth;
use crate::relocate::kind::Kind;
use crate::relocate::made_for::Sign;
use crate::relocate::mapping::{Mapping, Pair};
use crate::relocate::record::{escape, unescape};
use crate::tree::{NodeKind, Scanner, Tree};

/// What is asked.
#[derive(Debug, Clone)]
pub struct Options {
    pub dir: PathBuf,
    /// The prefix that the tree should be made for; without one it is told by the tree.
    pub from: Option<Vec<u8>>,
    pub record: Option<PathBuf>,
    pub jobs: NonZeroUsize,
}

/// What was found.
#[derive(Debug)]
pub struct Outcome {
    pub dir: PathBuf,
    pub seen: Vec<Seen>,
    /// The prefixes that speak for themselves or were asked about, and how many files and places hold each.
    pub prefixes: Vec<Held>,
    pub faults: Vec<Fault>,
}

/// A prefix in a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    pub prefix: String,
    pub files: u64,
    pub places: u64,
    pub links: u64,
}

/// Why a tree is not whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// It lies at another place than it was made for.
    Elsewhere { prefix: String },
    /// Parts of it were made for different prefixes.
    Mixed { prefixes: Vec<String> },
    /// A link into the tree leads to nothing.
    Dangling { path: String, leads_to: String },
    /// It is not as it was recorded.
    Stale { file: String },
    /// The loader stops at a file of it.
    Stopped { file: String, what: String },
}

/// Looks at a tree.
///
/// # Errors
/// [`Error`].
pub fn check(options: &Options) -> Result<Outcome, Error> {
    if !options.dir.is_dir() {
        return Err(Error::NoFolder { path: options.dir.clone() });
    }
    let dir = fs_err::canonicalize(&options.dir).map_err(|source| crate::tree::TreeError::File {
        doing: "finding the tree",
        path: options.dir.clone(),
        source,
    })?;
    let tree = Tree::read(&dir)?;
    let mut seen = signs::collect(&tree, options.jobs)?;
    let mut faults = Vec::new();
    if let Some(path) = options.record.as_ref().filter(|path| path.exists()) {
        let record = recorded::read(path)?;
        for prefix in record.prefixes.iter().filter_map(|text| unescape(text)) {
            seen.insert(0, Seen { sign: Sign::Record, path: path.display().to_string(), prefix });
        }
        let relocation = Relocation {
            dir: dir.clone(),
            aim: Aim::To(b"/x".to_vec()),
            record: Some(path.clone()),
            pyc: Pyc::Rewrite,
            rest: Rest::Refuse,
            depth: Depth::Plan,
            jobs: options.jobs,
        };
        match recorded::search(&record, path, b"/x", &relocation, &tree) {
            Err(Error::Stale { file, .. }) => faults.push(Fault::Stale { file }),
            Err(Error::SeveralRecorded { .. }) | Ok(_) => {}
            Err(error) => return Err(error),
        }
    }
    let mut prefixes: Vec<Vec<u8>> = match &options.from {
        Some(from) => vec![from.clone()],
        None => seen.iter().map(|one| one.prefix.clone()).collect(),
    };
    prefixes.sort();
    prefixes.dedup();
    let (held, elves) = held(&tree, &prefixes, options.jobs)?;
    judge(&tree, &dir, &prefixes, &held, &mut faults);
    // What lies elsewhere is not asked whether it loads here.
    if faults.is_empty() {
        let stopped = Names::of(&tree, elves).stops(&dir, options.jobs)?;
        faults.extend(stopped.into_iter().map(|Stopped { file, what }| Fault::Stopped { file, what }));
    }
    Ok(Outcome { dir, seen, prefixes: held, faults })
}

fn judge(tree: &Tree, dir: &Path, prefixes: &[Vec<u8>], held: &[Held], faults: &mut Vec<Fault>) {
    let named: Vec<String> =
        held.iter().filter(|one| one.places + one.links > 0).map(|one| one.prefix.clone()).collect();
    if named.len() > 1 {
        faults.push(Fault::Mixed { prefixes: named.clone() });
    }
    let here = escape(dir.as_os_str().as_bytes());
    faults.extend(named.into_iter().filter(|prefix| *prefix != here).map(|prefix| Fault::Elsewhere { prefix }));
    for node in &tree.nodes {
        let NodeKind::Link { target } = &node.kind else { continue };
        let below = prefixes.iter().find_map(|prefix| target.strip_prefix(prefix.as_slice()));
        let Some(below) = below.and_then(|below| below.strip_prefix(b"/".as_slice())) else { continue };
        let inside = dir.join(std::ffi::OsStr::from_bytes(below));
        if fs_err::symlink_metadata(&inside).is_err() {
            faults.push(Fault::Dangling { path: escape(&node.path), leads_to: escape(target) });
        }
    }
}

/// What each prefix is held by, and the places of the ELF files.
fn held(tree: &Tree, prefixes: &[Vec<u8>], jobs: NonZeroUsize) -> Result<(Vec<Held>, Vec<usize>), Error> {
    let none = |prefix: &Vec<u8>| Held { prefix: escape(prefix), files: 0, places: 0, links: 0 };
    let mut held: Vec<Held> = prefixes.iter().map(none).collect();
    let mapping = Mapping::new(prefixes.iter().map(|old| Pair { old: old.clone(), new: old.clone() }))?;
    let scanner = Scanner::new(&mapping);
    let files: Vec<usize> = (0..tree.nodes.len()).filter(|at| tree.nodes[*at].is_first_name()).collect();
    let all = at_once::each_with(&files, jobs.get(), |window: &mut Vec<u8>, place| {
        let node = &tree.nodes[*place];
        scanner.scan(&tree.full(node), &node.facts, window)
    })?;
    let elves = files.iter().zip(&all).filter(|(_, one)| one.kind == Kind::Elf).map(|(place, _)| *place).collect();
    let place_of = |old: &[u8]| prefixes.iter().position(|prefix| prefix == old);
    for one in &all {
        let mut counted = vec![0_u64; prefixes.len()];
        for hit in one.found.hits.iter().filter(|hit| !(hit.is_joined && one.kind.is_text())) {
            place_of(mapping.old(hit)).into_iter().for_each(|place| counted[place] += 1);
        }
        for (held, count) in held.iter_mut().zip(counted) {
            held.files += u64::from(count > 0);
            held.places += count;
        }
    }
    for node in &tree.nodes {
        let NodeKind::Link { target } = &node.kind else { continue };
        for hit in mapping.in_text(target) {
            place_of(mapping.old(&hit)).into_iter().for_each(|place| held[place].links += 1);
        }
    }
    Ok((held, elves))
}

//! `relocate`: a tree that others made -told, or asked: its prefix-> searched, or as recorded -> plan -> a whole new
//! tree beside it -proof: searched again-> exchanged.
//!
//! What a file holds and how it changes knows `relocate/`, how a tree is read and put together `tree/`.

pub mod check;
mod compiled;
mod escaped;
mod grow;
mod plan;
mod proof;
mod recorded;
mod relative;
mod signs;
pub mod verify;

use std::num::NonZeroUsize;
use std::path::PathBuf;

use crate::flow::audit;
use crate::flow::relocate::verify::Stopped;
use crate::model::depth::Depth;
use crate::model::event::{Event, Tell};
use crate::prefix_dir::{PrefixDir, PrefixDirError};
use crate::relocate::made_for::Sign;
use crate::relocate::mapping::{Mapping, MappingFault, Pair};
use crate::relocate::pyc::PycFault;
use crate::relocate::record::{Way, escape};
use crate::relocate::splice;
use crate::tree::{Content, NodeKind, Stage, Tree, TreeError};

/// What is asked.
#[derive(Debug, Clone)]
pub struct Options {
    pub dir: PathBuf,
    pub aim: Aim,
    /// Where the places are recorded; without old prefixes in the aim it is read first, if it is there.
    pub record: Option<PathBuf>,
    pub pyc: Pyc,
    pub rest: Rest,
    pub depth: Depth,
    pub jobs: NonZeroUsize,
}

/// What the tree is to become.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Aim {
    /// Each old prefix becomes the new one beside it.
    Pairs(Vec<Pair>),
    /// The prefix that the tree was made for becomes this one.
    To(Vec<u8>),
    /// What names the prefix finds it from its own place; without one it is the prefix that the tree was made for.
    Relative(Option<Vec<u8>>),
}

/// What happens to compiled Python.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pyc {
    Rewrite,
    /// It goes where it would have to change; Python makes it again.
    Drop,
}

/// What happens when some places cannot be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    /// Nothing is changed at all.
    Refuse,
    /// They stay as they are.
    Leave,
}

/// What was done, or would be.
#[derive(Debug)]
pub struct Outcome {
    pub dir: PathBuf,
    pub pairs: Vec<Pair>,
    pub is_relative: bool,
    /// By what the old prefix was told.
    pub told_by: Option<Sign>,
    /// The places came from a record, not from a search.
    pub is_recorded: bool,
    pub changes: Vec<Change>,
    pub left: Vec<Left>,
    /// How many paths the tree has.
    pub paths: usize,
}

/// What happens to one path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Relative to the tree; `%` and what is no UTF-8 as `%XX`.
    pub path: String,
    pub way: Way,
    pub deed: Deed,
    /// Where the old prefix stood.
    pub offsets: Vec<u64>,
}

/// What was done to a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    Replaced,
    /// An ELF file got room for longer strings.
    Grown,
    /// A script goes through `/bin/sh`.
    Wrapped,
    /// Compiled Python goes.
    Dropped,
    /// Compiled Python gets the new size of its source.
    Stamped,
    Relative,
}

/// A place that stays as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    pub path: String,
    pub offset: Option<u64>,
    pub why: Why,
}

/// Why a place stays as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// The string has `room` bytes for a prefix that has `needed`.
    TooShort { room: u64, needed: u64 },
    /// An ELF file cannot be edited.
    Elf { reason: String },
    /// No line starts this program through `/bin/sh`.
    Head { reason: String },
    /// There is no way to name the tree from the place of this file.
    NotRelative,
    /// Packed data cannot be edited.
    Packed { member: String },
    /// Packed data that this program cannot decode.
    Unseen { member: String, reason: String },
    /// The letters lie apart (UTF-16, UTF-32).
    Wide,
    /// The slashes are escaped (`\/`), where no rule covers it.
    Escaped,
    /// Places that look like the start of another name.
    Doubt { count: u64 },
    /// In a part of a program that is not loaded: debug information.
    NotLoaded { room: u64, needed: u64 },
    /// Compiled Python that could not be gone through; it was changed like other data.
    Marshal { fault: PycFault },
    /// It only tells where the tree was made.
    Tells,
    /// The loader would stop at this file in the new tree.
    Stopped { what: String },
}

impl Why {
    /// Whether the tree works all the same.
    pub fn is_note(&self) -> bool {
        !matches!(
            self,
            Why::TooShort { .. } | Why::Elf { .. } | Why::Head { .. } | Why::NotRelative | Why::Stopped { .. }
        )
    }
}

/// Relocates a tree.
///
/// # Errors
/// [`Error`]; the tree is as it was.
pub fn relocate(options: &Options, tell: Tell) -> Result<Outcome, Error> {
    if !options.dir.is_dir() {
        return Err(Error::NoFolder { path: options.dir.clone() });
    }
    let dir = PrefixDir::new(&options.dir)?;
    let lock = match options.depth {
        Depth::Act => Some(dir.lock(tell)?),
        Depth::Plan => None,
    };
    let tree = Tree::read(dir.prefix().as_path())?;
    let (search, told_by) = find_places(options, &tree)?;
    let is_recorded = search.is_recorded;
    let has_space = |pair: &Pair| pair.new != pair.old && pair.new.iter().any(u8::is_ascii_whitespace);
    if search.mapping.pairs().iter().any(has_space) {
        let text =
            "the new prefix holds white space; shell scripts get quotes, other files may not expect it".to_owned();
        tell(Event::Note { text });
    }
    let plan = plan::plan(options, &tree, search)?;
    let mut outcome = Outcome {
        dir: tree.root.clone(),
        pairs: plan.mapping.pairs().to_vec(),
        is_relative: matches!(options.aim, Aim::Relative(_)),
        told_by,
        is_recorded,
        changes: plan.changes(&tree),
        left: plan.left.clone(),
        paths: tree.nodes.len() - 1,
    };
    if options.rest == Rest::Refuse && plan.left.iter().any(|one| !one.why.is_note()) {
        return Err(Error::Refused { outcome: Box::new(outcome) });
    }
    let Some(lock) = lock else { return Ok(outcome) };
    if !plan.files.is_empty() {
        let staging = lock.stage_tree()?;
        let stage = Stage { tree: &tree, mapping: &plan.mapping, folder: staging.path(), jobs: options.jobs };
        let prover = proof::Prover::new(options, &plan, &tree)?;
        stage.build(|place| plan.content(options, &prover, &tree, place))?;
        let proved = prover.finish(&stage)?;
        let stopped = verify::verify(options, &stage, &plan, tell)?;
        if options.rest == Rest::Refuse && !stopped.is_empty() {
            return Err(Error::Stopped { dir: tree.root.clone(), files: stopped });
        }
        let left = |one: Stopped| Left { path: one.file, offset: None, why: Why::Stopped { what: one.what } };
        outcome.left.extend(stopped.into_iter().map(left));
        staging.take_place()?;
        proved.record(options, &tree)?;
    } else if options.record.is_some() {
        proof::Proved::nothing(&plan).record(options, &tree)?;
    }
    Ok(outcome)
}

/// The places that hold a prefix, by a record or by a search.
fn find_places(options: &Options, tree: &Tree) -> Result<(plan::Search, Option<Sign>), Error> {
    let record = options.record.as_ref().filter(|path| path.exists());
    let (pairs, told_by) = match (&options.aim, record) {
        (Aim::To(new), Some(record)) => {
            let recorded = recorded::read(record)?;
            let search = recorded::search(&recorded, record, new, options, tree)?;
            return Ok((search, Some(Sign::Record)));
        }
        (Aim::Pairs(pairs), _) => (pairs.clone(), None),
        (Aim::Relative(Some(old)), _) => (vec![Pair { old: old.clone(), new: old.clone() }], None),
        (Aim::To(_) | Aim::Relative(None), _) => {
            let told = signs::told(tree, options.jobs)?;
            let new = |old: &Vec<u8>| match &options.aim {
                Aim::To(new) => new.clone(),
                _ => old.clone(),
            };
            let pairs = told.prefixes.iter().map(|old| Pair { old: old.clone(), new: new(old) }).collect();
            (pairs, Some(told.sign))
        }
    };
    let mapping = Mapping::new(pairs)?;
    Ok((plan::search(options, tree, mapping)?, told_by))
}

impl plan::Plan {
    /// What becomes of a node.
    fn content(
        &self,
        options: &Options,
        prover: &proof::Prover<'_>,
        tree: &Tree,
        place: usize,
    ) -> Result<Content<'_>, Error> {
        let Some(file) = self.files.get(&place) else { return Ok(Content::Same) };
        let bytes = match &file.edit {
            plan::Edit::Spliced { splices, kept: None } => return Ok(Content::Spliced(splices)),
            plan::Edit::Link(target) => return Ok(Content::Link(target)),
            plan::Edit::Gone => return Ok(Content::Gone),
            plan::Edit::Spliced { splices, kept: Some(kept) } => splice::apply(kept, splices, &self.mapping),
            plan::Edit::Whole(recipe) => plan::make(recipe, options, &self.mapping, tree, place)?,
        };
        prover.see(place, &bytes)?;
        Ok(Content::Whole(bytes))
    }

    fn changes(&self, tree: &Tree) -> Vec<Change> {
        let change = |(place, file): (&usize, &plan::Planned)| Change {
            path: escape(&tree.nodes[*place].path),
            way: file.way,
            deed: file.deed,
            offsets: file.offsets.clone(),
        };
        self.files.iter().map(change).collect()
    }
}

/// Whether a node is the record itself, which holds the prefix as well.
fn is_record(options: &Options, tree: &Tree, place: usize) -> bool {
    let node = &tree.nodes[place];
    let record = options.record.as_deref();
    matches!(node.kind, NodeKind::File { .. }) && record.is_some_and(|record| tree.full(node) == record)
}

/// Why a tree was not relocated.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{} is no folder", path.display())]
    NoFolder { path: PathBuf },
    #[error(transparent)]
    PrefixDir(#[from] PrefixDirError),
    #[error(transparent)]
    Tree(#[from] TreeError),
    #[error(transparent)]
    Mapping(#[from] MappingFault),
    /// Nothing in the tree says which prefix it was made for.
    #[error("{} does not say which prefix it was made for", dir.display())]
    NotTold { dir: PathBuf },
    /// The tree says several.
    #[error("{} names several prefixes", dir.display())]
    Several { dir: PathBuf, prefixes: Vec<String> },
    /// Places cannot be changed.
    #[error("{} places cannot be changed", outcome.left.len())]
    Refused { outcome: Box<Outcome> },
    #[error("{} cannot be used: {reason}", path.display())]
    Record { path: PathBuf, reason: String },
    /// The tree is another one than was recorded.
    #[error("{file} is not as it was recorded")]
    Stale { path: PathBuf, file: String },
    /// A record of several prefixes does not say which one becomes the new one.
    #[error("{} names several prefixes", path.display())]
    SeveralRecorded { path: PathBuf, prefixes: Vec<String> },
    /// The new tree still holds the old prefix where it should not.
    #[error("{file} would still hold the old prefix")]
    NotProved { file: String, offset: Option<u64> },
    /// Programs and libraries would load no more.
    #[error("{} files of {} would load no more", files.len(), dir.display())]
    Stopped { dir: PathBuf, files: Vec<Stopped> },
    /// The audit could not be made.
    #[error(transparent)]
    Audit(#[from] audit::Error),
}

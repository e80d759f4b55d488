//! Asks the audit whether the programs of the new tree load at their new place, before it takes the old one's.
//!
//! What stopped them at the old place already is no fault of the move. How a loader searches knows `audit/`.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::mem::discriminant;
use std::num::NonZeroUsize;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::audit::problem::{Problem, Remark};
use crate::flow::audit::placed::Placed;
use crate::flow::relocate::plan::{Edit, Plan};
use crate::flow::relocate::{Aim, Error, Options};
use crate::model::event::{Event, Tell};
use crate::report::audit_words;
use crate::tree::{NodeKind, Stage, Tree};

/// Where no tree is: one that finds itself must load there too.
const ANYWHERE: &str = "/tagalong-nowhere/in/particular";

/// A file that would not load any more, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stopped {
    pub file: String,
    pub what: String,
}

impl Stopped {
    fn of(remark: &Remark) -> Stopped {
        Stopped { file: remark.file.clone(), what: audit_words::of(remark).what }
    }
}

/// Judges the new tree.
///
/// # Errors
/// [`Error::Audit`] when it cannot be judged.
pub fn verify(options: &Options, stage: &Stage<'_>, plan: &Plan, tell: Tell) -> Result<Vec<Stopped>, Error> {
    if plan.elves.is_empty() {
        return Ok(Vec::new());
    }
    let is_there = |place: &usize| !matches!(plan.files.get(place).map(|file| &file.edit), Some(Edit::Gone));
    let names = Names::of(stage.tree, plan.elves.iter().copied().filter(is_there).collect());
    let pairs = plan.mapping.pairs();
    let own = place(stage.tree.root.as_os_str().as_bytes());
    let mut news: Vec<String> = match options.aim {
        Aim::Relative(_) => vec![ANYWHERE.to_owned()],
        _ => pairs.iter().filter_map(|pair| place(&pair.new)).chain(own.clone()).collect(),
    };
    news.dedup();
    let stopped = names.anywhere(stage.folder, &news, options)?;
    if stopped.is_empty() {
        return Ok(Vec::new());
    }
    let olds: Vec<String> = pairs.iter().filter_map(|pair| place(&pair.old)).chain(own).collect();
    let before = names.anywhere(&stage.tree.root, &olds, options)?;
    let (known, new): (Vec<Remark>, Vec<Remark>) =
        stopped.into_iter().partition(|one| before.iter().any(|other| is_same(one, other)));
    if let Some(first) = known.first() {
        let text = format!(
            "{} would not load now as before: {}; `tagalong audit` tells more",
            names_of(&known),
            audit_words::of(first).what
        );
        tell(Event::Note { text });
    }
    Ok(new.iter().map(Stopped::of).collect())
}

fn names_of(remarks: &[Remark]) -> String {
    let files: HashSet<&str> = remarks.iter().map(|remark| remark.file.as_str()).collect();
    match (files.len(), remarks.first()) {
        (1, Some(first)) => first.file.clone(),
        (count, _) => format!("{count} files"),
    }
}

/// Whether two remarks blame the same thing; where it was found may differ.
fn is_same(one: &Remark, other: &Remark) -> bool {
    fn of(problem: &Problem) -> Option<&str> {
        match problem {
            Problem::Missing { library } | Problem::Luck { library, .. } | Problem::NotALibrary { library, .. } => {
                Some(library)
            }
            Problem::VersionMissing { version, .. } => Some(version),
            Problem::SymbolMissing { symbol, .. } => Some(symbol),
            _ => None,
        }
    }
    let is_library = |problem: &Problem| {
        matches!(problem, Problem::Missing { .. } | Problem::Luck { .. } | Problem::NotALibrary { .. })
    };
    let (a, b) = (&one.problem, &other.problem);
    let is_one_kind = discriminant(a) == discriminant(b) || is_library(a) && is_library(b);
    one.file == other.file && is_one_kind && of(a) == of(b)
}

/// A prefix as a place for a loader, links above it followed; `None` for a token.
fn place(prefix: &[u8]) -> Option<String> {
    let path = Path::new(OsStr::from_bytes(prefix));
    if !path.is_absolute() {
        return None;
    }
    let there = path.ancestors().skip(1).find_map(|above| fs_err::canonicalize(above).ok())?;
    let depth = path.ancestors().skip(1).position(|above| above.exists())?;
    let below: PathBuf = path.components().rev().take(depth + 1).collect::<Vec<_>>().into_iter().rev().collect();
    there.join(below).into_os_string().into_string().ok()
}

/// The names of a tree, as far as they are text: a loader is told no others.
pub struct Names {
    paths: Vec<String>,
    elves: Vec<String>,
}

impl Names {
    /// The names of a tree, and of its ELF files.
    pub fn of(tree: &Tree, elves: Vec<usize>) -> Names {
        let text = |path: &Vec<u8>| String::from_utf8(path.clone()).ok();
        let is_named = |kind: &NodeKind| matches!(kind, NodeKind::File { .. } | NodeKind::Link { .. });
        let paths = tree.nodes.iter().filter(|node| is_named(&node.kind)).filter_map(|node| text(&node.path));
        let elves = elves.into_iter().filter_map(|place| text(&tree.nodes[place].path));
        Names { paths: paths.collect(), elves: elves.collect() }
    }

    /// What the loader stops at where the tree lies.
    ///
    /// # Errors
    /// [`Error::Audit`].
    pub fn stops(&self, root: &Path, jobs: NonZeroUsize) -> Result<Vec<Stopped>, Error> {
        let Some(place) = root.to_str() else { return Ok(Vec::new()) };
        let placed = Placed { root, place, paths: &self.paths, elves: &self.elves, jobs };
        Ok(placed.stops()?.iter().map(Stopped::of).collect())
    }

    /// What stops the tree at each of these places: it belongs to one of them.
    fn anywhere(&self, root: &Path, places: &[String], options: &Options) -> Result<Vec<Remark>, Error> {
        let mut stopped: Option<Vec<Remark>> = None;
        for place in places {
            let placed = Placed { root, place, paths: &self.paths, elves: &self.elves, jobs: options.jobs };
            let remarks = placed.stops()?;
            let is_here = |one: &Remark| remarks.iter().any(|other| is_same(one, other));
            let kept = match stopped {
                None => remarks,
                Some(known) => known.into_iter().filter(is_here).collect(),
            };
            if kept.is_empty() {
                return Ok(Vec::new());
            }
            stopped = Some(kept);
        }
        Ok(stopped.unwrap_or_default())
    }
}

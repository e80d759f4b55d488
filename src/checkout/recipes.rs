//! The recipes folder as git trees, and drift: which recipes differ between two of them.
//!
//! Does not read the work tree; `disk.rs` does.

use std::collections::BTreeMap;

use gix::ObjectId;
use gix::bstr::{BString, ByteSlice};
use gix::hash::oid;
use gix::objs::tree::EntryMode;

use crate::checkout::error::Error;
use crate::checkout::history::missing;
use crate::model::project::RECIPES_FOLDER;

/// One recipe that is not as the tag has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    /// The name of the folder or file below the recipes folder.
    pub recipe: String,
    pub change: Change,
}

/// How a recipe differs from the tag's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    Added,
    Changed,
    Removed,
}

impl Change {
    pub fn name(self) -> &'static str {
        match self {
            Change::Added => "added",
            Change::Changed => "changed",
            Change::Removed => "removed",
        }
    }
}

/// An entry of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Child {
    pub name: BString,
    pub mode: EntryMode,
    pub id: ObjectId,
}

/// The id of the recipes tree of a commit; `None` where it has no such folder.
///
/// # Errors
/// When the commit or its tree is missing or damaged.
pub fn tree_of(repository: &gix::Repository, commit: ObjectId) -> Result<Option<ObjectId>, Error> {
    let found = at(repository, commit, RECIPES_FOLDER)?;
    Ok(found.filter(|child| child.mode.is_tree()).map(|child| child.id))
}

/// What a commit has at a path, or the submodule that the path leads into.
///
/// # Errors
/// As [`tree_of`].
pub fn at(repository: &gix::Repository, commit: ObjectId, path: &str) -> Result<Option<Child>, Error> {
    let damaged = |error: gix::Error| Error::Damaged { id: commit.to_string(), reason: error.to_string() };
    let object = repository.try_find_object(commit).map_err(damaged)?;
    let Some(object) = object else { return Err(missing(repository, &commit)) };
    let mut tree = object.try_into_commit().map_err(damaged)?.tree_id().map_err(damaged)?.detach();
    let mut names = path.split('/').peekable();
    while let Some(name) = names.next() {
        let Some(child) = children(repository, &tree)?.into_iter().find(|child| child.name == name) else {
            return Ok(None);
        };
        if names.peek().is_none() || child.mode.is_commit() {
            return Ok(Some(child));
        }
        if !child.mode.is_tree() {
            return Ok(None);
        }
        tree = child.id;
    }
    Ok(None)
}

/// The entries of a tree, in its order.
///
/// # Errors
/// When it is missing or damaged.
pub fn children(repository: &gix::Repository, tree: &oid) -> Result<Vec<Child>, Error> {
    let damaged = |reason: String| Error::Damaged { id: tree.to_string(), reason };
    let object = repository.try_find_object(tree.to_owned()).map_err(|error| damaged(error.to_string()))?;
    let Some(object) = object else { return Err(missing(repository, tree)) };
    let object = object.try_into_tree().map_err(|error| damaged(error.to_string()))?;
    let entries = object.iter().map(|entry| {
        let entry = entry.map_err(|error| damaged(error.to_string()))?;
        Ok(Child { name: entry.filename().to_owned(), mode: entry.mode(), id: entry.object_id() })
    });
    entries.collect()
}

/// What differs from the tag's recipes, in order of name. Of several states the first one that differs counts:
/// the work tree before the commit.
pub fn differences(tag: &[Child], states: &[&[Child]]) -> Vec<Drift> {
    let mut changes = BTreeMap::new();
    let by_name = |children: &[Child]| -> BTreeMap<BString, (EntryMode, ObjectId)> {
        children.iter().map(|child| (child.name.clone(), (child.mode, child.id))).collect()
    };
    let tag = by_name(tag);
    for state in states {
        let state = by_name(state);
        for (name, content) in &state {
            match tag.get(name) {
                None => drop(changes.entry(name.clone()).or_insert(Change::Added)),
                Some(known) if known != content => drop(changes.entry(name.clone()).or_insert(Change::Changed)),
                Some(_) => {}
            }
        }
        for name in tag.keys().filter(|name| !state.contains_key(*name)) {
            changes.entry(name.clone()).or_insert(Change::Removed);
        }
    }
    let drift = |(name, change): (BString, Change)| Drift { recipe: name.to_str_lossy().into_owned(), change };
    changes.into_iter().map(drift).collect()
}

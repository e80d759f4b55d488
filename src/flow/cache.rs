//! The store as its owner sees it: what is there, whether it is whole, what can go.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::model::bundle::BuildRecord;
use crate::model::depth::Depth;
use crate::model::digest::Digest;
use crate::model::recipe::RecipeName;
use crate::store::keep::{Form, Kept};
use crate::store::{Store, StoreError};

/// What was used so lately is never taken out: another process may be about to read it.
const GRACE: Duration = Duration::from_secs(3600);

/// How long an unfinished file must have been left alone.
const ABANDONED: Duration = Duration::from_secs(24 * 3600);

/// An archive, or an unpacked tree, with what the store knows of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    pub kept: Kept,
    /// Name and version, where a build record tells.
    pub name: Option<(RecipeName, String)>,
}

/// Why the store cannot be looked after.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Lists what is in the store, by name, then digest.
///
/// # Errors
/// [`Error::Store`].
pub fn list(cache: &Path) -> Result<Vec<Package>, Error> {
    named(&Store::open(cache)?)
}

fn named(store: &Store) -> Result<Vec<Package>, Error> {
    let names: BTreeMap<Digest, (RecipeName, String)> = store
        .all_records()?
        .iter()
        .flat_map(BuildRecord::packages)
        .map(|package| (package.archive, (package.name, package.version)))
        .collect();
    let mut packages: Vec<Package> = store
        .packages()?
        .into_iter()
        .chain(store.trees()?)
        .map(|kept| Package { name: names.get(&kept.digest).cloned(), kept })
        .collect();
    packages.sort_by(|one, other| order(one).cmp(&order(other)));
    Ok(packages)
}

fn order(one: &Package) -> (&Option<(RecipeName, String)>, Digest, Form) {
    (&one.name, one.kept.digest, one.kept.form)
}

fn remove(store: &Store, one: &Package) -> Result<(), StoreError> {
    match one.kept.form {
        Form::Archive => store.remove(one.kept.digest),
        Form::Unpacked => store.remove_tree(one.kept.digest),
    }
}

/// What a look at every byte found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// How many archives there are.
    pub count: usize,
    /// How many unpacked trees.
    pub trees: usize,
    /// In bytes.
    pub size: u64,
    /// The archives whose bytes are not those of their digest, and the trees with such a file. They were taken out, but
    /// for a dry run.
    pub broken: Vec<Package>,
}

/// Reads every archive and every unpacked file and compares the digests; those that are broken are taken out.
///
/// # Errors
/// [`Error::Store`].
pub fn verify(cache: &Path, depth: Depth) -> Result<Verified, Error> {
    let store = Store::open(cache)?;
    let packages = named(&store)?;
    let size = packages.iter().map(|one| one.kept.size).sum();
    let (mut count, mut trees, mut broken) = (0, 0, Vec::new());
    for package in packages {
        let is_whole = match package.kept.form {
            Form::Archive => {
                count += 1;
                store.is_whole(package.kept.digest)
            }
            Form::Unpacked => {
                trees += 1;
                store.is_whole_tree(package.kept.digest)?
            }
        };
        if is_whole == Some(false) {
            broken.push(package);
        }
    }
    if depth == Depth::Act {
        broken.iter().try_for_each(|one| remove(&store, one))?;
    }
    Ok(Verified { count, trees, size, broken })
}

/// What is kept.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// What was used within this time.
    pub idle: Duration,
    /// Of the rest, what was used last, up to so many bytes in all; `None` for nothing of it.
    pub most: Option<u64>,
    pub now: SystemTime,
}

/// What was taken out, or would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collected {
    pub packages: Vec<Package>,
    /// Unfinished files and trees that nobody writes to any more.
    pub unfinished: usize,
    /// What all of it took, in bytes.
    pub size: u64,
    /// What stays, in bytes.
    pub left: u64,
}

/// Takes out what was not used for a time, and what processes that are gone left unfinished.
///
/// # Errors
/// [`Error::Store`].
pub fn collect(cache: &Path, rule: Rule, depth: Depth) -> Result<Collected, Error> {
    let store = Store::open(cache)?;
    let mut packages = named(&store)?;
    packages.sort_by_key(|one| std::cmp::Reverse(one.kept.used));
    let age = |one: &Package| rule.now.duration_since(one.kept.used).unwrap_or_default();
    let (mut left, mut out) = (0, Vec::new());
    for package in packages {
        let is_within = |most: u64| left + package.kept.size <= most;
        if age(&package) < rule.idle.max(GRACE) || rule.most.is_some_and(is_within) {
            left += package.kept.size;
        } else {
            out.push(package);
        }
    }
    let unfinished = store.abandoned(ABANDONED, rule.now)?;
    let size = out.iter().map(|one| one.kept.size).chain(unfinished.iter().map(|(_, size)| *size)).sum();
    if depth == Depth::Act {
        out.iter().try_for_each(|one| remove(&store, one))?;
        unfinished.iter().try_for_each(|(path, _)| store.remove_abandoned(path))?;
        let archives = out.iter().filter(|one| one.kept.form == Form::Archive);
        let gone: BTreeSet<Digest> = archives.map(|one| one.kept.digest).collect();
        let records = store.all_records()?;
        records.iter().filter(|one| gone.contains(&one.archive)).try_for_each(|one| store.remove_record(one))?;
    }
    out.sort_by(|one, other| order(one).cmp(&order(other)));
    Ok(Collected { packages: out, unfinished: unfinished.len(), size, left })
}

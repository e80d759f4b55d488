//! Builds again what is built, and compares: whether packages are the same bytes.
//!
//! The first archives stay those that count.

use std::path::Path;

use crate::flow::build::{Error, Options, build};
use crate::flow::diff::{self, Difference};
use crate::model::bundle::DebugArchive;
use crate::model::digest::Digest;
use crate::model::recipe::RecipeName;
use crate::plan::{Action, PlannedPackage};
use crate::store::Store;

/// How one package came out the second time.
#[derive(Debug)]
pub struct Checked {
    pub name: RecipeName,
    pub first: Digest,
    pub second: Digest,
    /// What differs; `None` for the same bytes.
    pub difference: Option<Difference>,
}

/// Builds the named recipes, or all, a second time; those that were never built, twice.
///
/// # Errors
/// As of a build, and [`Error::Diff`] when two archives cannot be compared.
pub fn check(options: &Options<'_>) -> Result<Vec<Checked>, Error> {
    let first = build(options)?;
    let is_named = |name: &RecipeName| options.names.is_empty() || options.names.contains(name);
    let named = first.plan.steps.iter().map(|step| &step.name).filter(|name| is_named(name));
    let forced: Vec<RecipeName> = named.cloned().collect();
    let again = build(&Options { forced, is_recorded: false, ..options.clone() })?;
    let store = Store::open(options.place.cache)?;
    let mut checked = Vec::new();
    for made in &again.made {
        let name = &made.manifest.name;
        let before = first.made.iter().find(|made| made.manifest.name == *name).map(|made| (made.archive, made.debug));
        let before = match (before, first.plan.steps.iter().find(|step| step.name == *name)) {
            (Some(before), _) => before,
            (None, Some(PlannedPackage { action: Action::Take { archive, .. }, key, .. })) => {
                (*archive, store.record(&again.platform, *key)?.and_then(|record| record.debug))
            }
            (None, _) => continue,
        };
        checked.extend(compare(name, before, (made.archive, made.debug), &store, options.place.cache)?);
    }
    Ok(checked)
}

/// What two builds of a recipe gave: the package, and the debug information where both have some.
pub(super) fn compare(
    name: &RecipeName,
    first: (Digest, Option<DebugArchive>),
    second: (Digest, Option<DebugArchive>),
    store: &Store,
    cache: &Path,
) -> Result<Vec<Checked>, Error> {
    let debug = first.1.zip(second.1).map(|(first, second)| (name.of_debug(), first.archive, second.archive));
    let both = std::iter::once((name.clone(), first.0, second.0)).chain(debug);
    both.map(|(name, first, second)| {
        let difference = match (store.archive(first), store.archive(second)) {
            (Some(left), Some(right)) if first != second => diff::of_archives(&left, &right, cache)?,
            _ => None,
        };
        Ok(Checked { name, first, second, difference })
    })
    .collect()
}

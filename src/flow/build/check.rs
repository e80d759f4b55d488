//! Builds again what is built, and compares: whether packages are the same bytes.
//!
//! The first archives stay those that count.

use crate::flow::build::{Error, Options, build};
use crate::flow::diff::{self, Difference};
use crate::model::digest::Digest;
use crate::model::recipe::RecipeName;
use crate::plan::Action;
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
    for made in again.made {
        let name = made.manifest.name.clone();
        let step = first.plan.steps.iter().find(|step| step.name == name);
        let taken = step.and_then(|step| match step.action {
            Action::Take { archive, .. } => Some(archive),
            Action::Build { .. } => None,
        });
        let built = first.made.iter().find(|made| made.manifest.name == name).map(|made| made.archive);
        let Some(before) = taken.or(built) else { continue };
        let difference = match (store.archive(before), store.archive(made.archive)) {
            _ if before == made.archive => None,
            (Some(left), Some(right)) => diff::of_archives(&left, &right, options.place.cache)?,
            _ => None,
        };
        checked.push(Checked { name, first: before, second: made.archive, difference });
    }
    Ok(checked)
}

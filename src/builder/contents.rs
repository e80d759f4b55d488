//! What a recipe says of its contents: globs that must match, and globs that must not.
//!
//! Does not know what every package must hold to; the seal does.

use crate::builder::error::BuildError;
use crate::model::glob;
use crate::model::package::PackageManifest;
use crate::model::recipe::Recipe;

/// The most unwanted paths that are told.
const MOST_TOLD: usize = 20;

/// Compares the package with what its recipe says.
///
/// # Errors
/// [`BuildError::Contents`].
pub fn check(recipe: &Recipe, manifest: &PackageManifest) -> Result<(), BuildError> {
    let paths: Vec<&str> = manifest.entries.iter().map(|entry| entry.path.as_str()).collect();
    let is_there = |glob: &&String| paths.iter().any(|path| glob::matches_part(glob, path));
    let missing: Vec<String> = recipe.contents.has.iter().filter(|glob| !is_there(glob)).cloned().collect();
    let unwanted = recipe.contents.has_not.iter().flat_map(|glob| {
        let found = paths.iter().filter(move |path| glob::matches_part(glob, path));
        found.map(move |path| (glob.clone(), (*path).to_owned()))
    });
    let unwanted: Vec<(String, String)> = unwanted.take(MOST_TOLD).collect();
    if missing.is_empty() && unwanted.is_empty() {
        return Ok(());
    }
    Err(BuildError::Contents { name: recipe.name.clone(), missing, unwanted })
}

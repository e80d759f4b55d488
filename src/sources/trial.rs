//! Tries the patches of a recipe on its sources, all of them, and tells which apply.
//!
//! Does not build; `prepare.rs` lays the sources out.

use std::path::Path;

use crate::model::recipe::Recipe;
use crate::sources::{Error, Fetched, patch, prepare};

/// One patch, tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trial {
    pub patch: String,
    pub verdict: Verdict,
}

/// What came of a patch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Applies,
    /// What `patch` said, with the hunks that fail.
    Fails {
        output: String,
    },
    /// The source has the change already.
    AlreadyThere,
    /// It applies a second time, so it cannot be told whether it was applied.
    AppliesTwice,
}

/// Lays out the sources of a recipe in `build_folder`, which is made, and applies what applies of their patches;
/// `fetched` are the sources in their order.
///
/// # Errors
/// As [`prepare`], but for patches.
pub fn try_patches(
    recipe: &Recipe,
    recipe_folder: &Path,
    fetched: &[Fetched],
    build_folder: &Path,
) -> Result<Vec<Trial>, Error> {
    let mut bare = recipe.clone();
    bare.sources.iter_mut().for_each(|source| source.patches.clear());
    prepare(&bare, recipe_folder, fetched, build_folder)?;
    let mut trials = Vec::new();
    for source in &recipe.sources {
        let folder = build_folder.join(&source.into);
        for name in &source.patches {
            let verdict = match patch::apply(&recipe.name, name, &recipe_folder.join(name), &folder) {
                Ok(()) => Verdict::Applies,
                Err(Error::Patch { output, .. }) if is_there(&output) => Verdict::AlreadyThere,
                Err(Error::Patch { output, .. }) => {
                    let hunks = patch::rejected(&recipe_folder.join(name), &folder);
                    Verdict::Fails { output: format!("{output}\n{hunks}").trim_end().to_owned() }
                }
                Err(Error::PatchTwice { .. }) => Verdict::AppliesTwice,
                Err(other) => return Err(other),
            };
            trials.push(Trial { patch: name.clone(), verdict });
        }
    }
    Ok(trials)
}

/// Whether `patch` found every hunk applied already (patch(1), `--forward`).
fn is_there(output: &str) -> bool {
    let is_seen = output.contains("previously applied");
    is_seen && !output.lines().any(|line| line.starts_with("Hunk #") && line.contains("FAILED"))
}

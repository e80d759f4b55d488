//! What is installed where the recipes are not the tag's: its packages as far as their recipes are, the rest built here.
//!
//! Does not build itself (`flow/build/`).

use std::collections::BTreeSet;

use crate::checkout::{Checkout, Resolution};
use crate::flow::build;
use crate::flow::install::{Error, Options};
use crate::model::bundle::BundlePackage;
use crate::model::event::{Event, Tell};
use crate::model::project::DriftPolicy;
use crate::model::recipe::RecipeName;
use crate::search::Found;

/// What becomes of recipes that are not the tag's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Drift {
    /// There are none.
    None,
    /// They were told; the tag's bundle is taken all the same.
    Told,
    /// They are built.
    Built,
}

/// Decides. A forced tag is somebody's will, so that its drift is built only where that is asked for too.
pub(super) fn decide(
    resolution: &Resolution,
    checkout: &Checkout,
    options: &Options<'_>,
    tell: Tell<'_>,
) -> Result<Drift, Error> {
    let policy = checkout.project().drift;
    let recipes: Vec<String> = resolution.drift.iter().map(|drift| drift.recipe.clone()).collect();
    let tag = resolution.tag.to_string();
    let is_forced = resolution.forced.is_some();
    if !options.build.place.overrides.is_empty() {
        return Ok(Drift::Built);
    }
    if recipes.is_empty() {
        return Ok(Drift::None);
    }
    if options.is_built || (policy == DriftPolicy::Build && !is_forced) {
        tell(Event::Drifted { tag, recipes });
        return Ok(Drift::Built);
    }
    if policy == DriftPolicy::Error && !is_forced {
        return Err(Error::Drifted { tag, recipes, policy });
    }
    tell(Event::Drifted { tag, recipes });
    Ok(Drift::Told)
}

/// All packages of the work tree, and the names of those that are not the bundle's.
pub(super) struct Union {
    pub(super) packages: Vec<BundlePackage>,
    pub(super) built: BTreeSet<RecipeName>,
}

impl Union {
    /// The bundle as it is.
    pub(super) fn of_bundle(found: &Found<'_>) -> Union {
        Union { packages: found.manifest.packages.clone(), built: BTreeSet::new() }
    }

    /// Builds what the work tree's recipes ask for beyond the bundle.
    pub(super) fn build(found: &Found<'_>, resolution: &Resolution, options: &Options<'_>) -> Result<Union, Error> {
        let drifted: BTreeSet<&str> = resolution.drift.iter().map(|drift| drift.recipe.as_str()).collect();
        let channel = found.channel.name().to_owned();
        let base = build::Base { tag: &found.manifest.tag, channel, packages: &found.manifest.packages, drifted };
        let packages = build::union(&options.build, base)?;
        let is_of_bundle = |package: &BundlePackage| {
            found.manifest.packages.iter().any(|one| one.name == package.name && one.archive == package.archive)
        };
        let built = packages.iter().filter(|package| !is_of_bundle(package)).map(|package| package.name.clone());
        Ok(Union { built: built.collect(), packages })
    }
}

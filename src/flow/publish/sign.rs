//! Signs manifests that another job prepared: the one that runs recipes never holds the key.
//!
//! Before it signs, it fetches what the manifest names and checks every digest; and that the manifest is of the recipes
//! which its name stands for in this checkout.

use std::path::PathBuf;

use crate::checkout::{Checkout, Forced, Wanted};
use crate::flow::publish::job::Seal;
use crate::flow::publish::{Desk, Error, Options, Outcome};
use crate::model::bundle::BundleManifest;
use crate::model::event::Tell;
use crate::store::handed::{self, NoManifest};

/// What is wrong with a manifest that waits for its signature.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PreparedFault {
    #[error(transparent)]
    NoManifest(#[from] NoManifest),
    /// It names another commit, or other recipes, than the checkout has under its name.
    #[error("it is of other recipes than `{name}` stands for")]
    OtherRecipes { name: String },
}

/// Signs manifests and publishes them. All of them are checked before the first is written.
///
/// # Errors
/// [`Error`].
pub fn sign(options: &Options, files: &[PathBuf], tell: Tell) -> Result<Vec<Outcome>, Error> {
    let desk = Desk::open(options)?;
    let seal = Seal::with_key(desk.config(), options.key.as_ref())?;
    let writable = desk.channel.writable();
    let manifests: Vec<BundleManifest> = files
        .iter()
        .map(|file| {
            let wrong = |fault| Error::Prepared { file: file.clone(), fault };
            let (manifest, _) = handed::manifest(file).map_err(|error| wrong(error.into()))?;
            if !is_of_its_name(&manifest, &desk.checkout)? {
                return Err(wrong(PreparedFault::OtherRecipes { name: manifest.tag.to_string() }));
            }
            desk.obtain(&manifest, tell)?;
            Ok(manifest)
        })
        .collect::<Result<_, Error>>()?;
    let job = desk.job(&writable, &seal, options.now, tell);
    manifests.iter().map(|manifest| job.publish(manifest, options.depth)).collect()
}

/// Whether the manifest is of the commit and the recipes that the checkout has under its name; a candidate's are those
/// on disk.
fn is_of_its_name(manifest: &BundleManifest, checkout: &Checkout) -> Result<bool, Error> {
    if manifest.candidate {
        return Ok(checkout.recipes_tree_on_disk()?.as_ref() == Some(&manifest.recipes));
    }
    let forced = Forced::of(Some(manifest.tag.to_string()), None);
    let resolution = checkout.resolve(&Wanted { commit: None, forced })?;
    if resolution.tagged_commit.is_none() {
        return Err(Error::NoSuchTag { tag: resolution.tag });
    }
    Ok(resolution.tagged_commit == manifest.commit && resolution.recipes_of_tag.as_ref() == Some(&manifest.recipes))
}

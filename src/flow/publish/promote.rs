//! Makes a candidate the bundle of a tag: checked and signed anew, not built and not uploaded again.
//!
//! Decides by the recipes alone: a candidate of the same recipes as the tag's is what the tag would give.

use crate::flow::publish::job::Seal;
use crate::flow::publish::named::Named;
use crate::flow::publish::{Desk, Error, Options, Outcome};
use crate::model::bundle::{BundleKind, BundleManifest, BundleRef};
use crate::model::event::Tell;
use crate::model::tag::DepsTag;
use crate::place;

/// Promotes a candidate on every platform that it is there for.
///
/// # Errors
/// [`Error::NoCandidate`], [`Error::CandidateDiffers`], and as of publishing.
pub fn promote(options: &Options, candidate: &DepsTag, tell: Tell) -> Result<Vec<Outcome>, Error> {
    let desk = Desk::open(options)?;
    let seal = Seal::with_key(desk.config(), options.key.as_ref())?;
    let writable = desk.channel.writable();
    let named = Named::new(&desk.checkout, options, tell)?;
    let platforms =
        desk.channel.platforms(BundleKind::Candidate, candidate, &place::likely_platforms(desk.checkout.project()))?;
    let mut manifests = Vec::new();
    for platform in platforms {
        let reference = BundleRef { kind: BundleKind::Candidate, tag: candidate.clone(), platform };
        let found = desk.search(tell).find(std::slice::from_ref(&reference))?.manifest;
        if Some(&found.recipes) != named.recipes.as_ref() {
            return Err(Error::CandidateDiffers { candidate: candidate.clone(), tag: named.tag });
        }
        desk.obtain(&found, tell)?;
        manifests.push(BundleManifest {
            tag: named.tag.clone(),
            candidate: false,
            commit: named.commit.clone(),
            sequence: 1,
            expires: None,
            ..found
        });
    }
    if manifests.is_empty() {
        let channel = desk.channel.name().to_owned();
        return Err(Error::NoCandidate { candidate: candidate.clone(), channel });
    }
    let job = desk.job(&writable, &seal, options.now, tell);
    manifests.iter().map(|manifest| job.publish(manifest, options.depth)).collect()
}

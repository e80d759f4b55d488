//! The names under which a commit's bundles may be published: its deps tag, the ones before, candidates.

use crate::checkout::{Checkout, Wanted};
use crate::model::bundle::BundleKind;
use crate::model::tag::DepsTag;
use crate::pipeline::Purpose;

/// How many tags back bundles are looked for; what `build` takes packages from goes no further.
const MOST_TAGS: usize = 4;

/// The bundles that packages may be kept from, the likeliest first.
pub fn bundles_before(checkout: &Checkout, purpose: &Purpose) -> Vec<(BundleKind, DepsTag)> {
    let mut found = Vec::new();
    if let Purpose::Tag(tag) = purpose {
        found.push((BundleKind::Tagged, tag.clone()));
    }
    let mut commit = None;
    for _ in 0..MOST_TAGS {
        // Without a tag, or with several nearest ones, there is nothing to keep from.
        let Ok(resolution) = checkout.resolve(&Wanted { commit: commit.take(), forced: None }) else { break };
        let Some(tagged) = resolution.tagged_commit else { break };
        let names = std::iter::once(resolution.tag.to_string()).chain(resolution.other_tags);
        for name in names.filter_map(|name| DepsTag::parse(&name).ok()) {
            if !found.iter().any(|(_, tag)| *tag == name) {
                found.push((BundleKind::Tagged, name));
            }
        }
        commit = Some(format!("{tagged}^"));
    }
    found
}

//! The names under which a commit's bundles may be published: its deps tag, the ones before, candidates.

use crate::checkout::Checkout;
use crate::model::bundle::BundleKind;
use crate::model::tag::DepsTag;
use crate::pipeline::Purpose;

/// The bundles that packages may be kept from, the likeliest first.
pub fn bundles_before(checkout: &Checkout, purpose: &Purpose) -> Vec<(BundleKind, DepsTag)> {
    let mut found = Vec::new();
    if let Purpose::Tag(tag) = purpose {
        found.push((BundleKind::Tagged, tag.clone()));
    }
    for resolution in checkout.tags_back() {
        let names = std::iter::once(resolution.tag.to_string()).chain(resolution.other_tags);
        for name in names.filter_map(|name| DepsTag::parse(&name).ok()) {
            if !found.iter().any(|(_, tag)| *tag == name) {
                found.push((BundleKind::Tagged, name));
            }
        }
    }
    found
}

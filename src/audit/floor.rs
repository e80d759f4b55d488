//! The floor of a package: the newest symbol versions that its files ask of libraries outside the tree.
//!
//! Does not compare with a system; `model::platform::Floor::unmet_by` does.

use crate::model::platform::Floor;
use crate::relocate::elf::Facts;

/// Raises a floor by what a file asks of those libraries that are not in the tree.
pub fn raise(floor: &mut Floor, facts: &Facts, is_in_tree: impl Fn(&str) -> bool) {
    let needs = facts.dynamic.iter().flat_map(|dynamic| &dynamic.versions_needed);
    let outside = needs.filter(|need| !is_in_tree(&need.library));
    outside.flat_map(|need| &need.versions).for_each(|version| floor.raise(version));
}

//! What tests of installs share: a second package, a bundle's name, and a folder at a glance.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::fs;
use std::path::Path;

use tagalong::model::bundle::{BundleKind, BundleRef};
use tagalong::model::tag::DepsTag;

use crate::world::bundle::{Package, own};

/// A package that needs `zlib`.
pub fn png() -> Package {
    Package::new("libpng").needs("zlib").text("include/png.h", "// png\n")
}

/// The bundle of a tag for this machine.
pub fn tagged(tag: &str) -> BundleRef {
    BundleRef { kind: BundleKind::Tagged, tag: DepsTag::parse(tag).unwrap(), platform: own() }
}

/// Every path below a folder, with what tells a change.
pub fn listing(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(here) = open.pop() {
        for entry in fs::read_dir(here).unwrap() {
            let entry = entry.unwrap();
            let facts = entry.metadata().unwrap();
            found.push(format!("{} {} {:?}", entry.path().display(), facts.len(), facts.modified().unwrap()));
            if facts.is_dir() {
                open.push(entry.path());
            }
        }
    }
    found.sort();
    found
}

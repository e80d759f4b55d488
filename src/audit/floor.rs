//! The floor of a package: the newest symbol versions that its files ask of libraries outside the tree, and which
//! symbols are to blame.
//!
//! Does not compare with a system; `model::platform::Floor::unmet_by` does.

use std::collections::BTreeMap;

use crate::model::platform::{Floor, SymbolVersion};
use crate::relocate::elf::Facts;
use crate::relocate::elf::symbols::Symbols;

/// Raises a floor by what a file asks of those libraries that are not in the tree.
pub fn raise(floor: &mut Floor, facts: &Facts, is_in_tree: impl Fn(&str) -> bool) {
    let needs = facts.dynamic.iter().flat_map(|dynamic| &dynamic.versions_needed);
    let outside = needs.filter(|need| !is_in_tree(&need.library));
    outside.flat_map(|need| &need.versions).for_each(|version| floor.raise(version));
}

/// The floor of one file, with the symbols behind each version.
#[derive(Debug, Clone, Default)]
pub struct FileFloor {
    pub floor: Floor,
    /// `GLIBC` and `2.34` with the symbols that ask for it.
    blame: BTreeMap<(String, SymbolVersion), Vec<String>>,
}

impl FileFloor {
    /// What a file asks of those libraries that are not in the tree.
    pub fn of(facts: &Facts, symbols: &Symbols, is_in_tree: impl Fn(&str) -> bool) -> FileFloor {
        let mut file = FileFloor::default();
        let needs = facts.dynamic.iter().flat_map(|dynamic| &dynamic.versions_needed);
        for need in needs.filter(|need| !is_in_tree(&need.library)) {
            for version in &need.versions {
                file.floor.raise(version);
                if let Some(key) = split(version) {
                    file.blame.entry(key).or_default();
                }
                // Packed relative relocations came with glibc 2.36 and have no symbol.
                if version == "GLIBC_ABI_DT_RELR" {
                    file.floor.raise("GLIBC_2.36");
                    file.blame.entry(("GLIBC".to_owned(), SymbolVersion::new("2.36"))).or_default();
                }
            }
        }
        let mut by_version: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        symbols.wanted().for_each(|one| by_version.entry(one.version).or_default().push(one.name));
        for (version, wanted) in by_version {
            if let Some(names) = split(version).and_then(|key| file.blame.get_mut(&key)) {
                names.extend(wanted.into_iter().map(str::to_owned));
            }
        }
        file.blame.values_mut().for_each(|names| names.sort());
        file
    }

    /// The symbols of a set that ask for more than `max`, newest version first: `memcpy@GLIBC_2.14`.
    pub fn above(&self, set: &str, max: &SymbolVersion) -> Vec<String> {
        let above = self.blame.iter().rev().filter(|((known, version), _)| known == set && version > max);
        above
            .flat_map(|((set, version), names)| {
                let versioned = format!("{set}_{version}");
                match names.is_empty() {
                    true => vec![versioned],
                    false => names.iter().map(|name| format!("{name}@{versioned}")).collect(),
                }
            })
            .collect()
    }

    /// The symbols that ask for exactly the newest version of a set.
    pub fn cause(&self, set: &str) -> &[String] {
        let newest = self.floor.get(set).and_then(|version| self.blame.get(&(set.to_owned(), version.clone())));
        newest.map_or(&[], Vec::as_slice)
    }
}

/// `GLIBC_2.34` as set and version; `None` where there is no number.
pub fn split(versioned: &str) -> Option<(String, SymbolVersion)> {
    let (set, version) = versioned.rsplit_once('_')?;
    let is_version = version.starts_with(|c: char| c.is_ascii_digit()) && !set.is_empty();
    is_version.then(|| (set.to_owned(), SymbolVersion::new(version)))
}

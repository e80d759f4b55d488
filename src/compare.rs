//! What two packages of one name do not share: members, bytes, exported symbols. Pure.
//!
//! Does not open archives (`flow/diff/`).

use std::collections::{BTreeMap, BTreeSet};

use crate::model::package::{EntryKind, PackageManifest};

/// How many bytes are shown before and behind the first difference.
const CONTEXT: usize = 12;

/// One path that the two packages do not share as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    pub path: String,
    pub change: Change,
}

/// What is different about a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    Added,
    Removed,
    /// A file, a folder or a link has become another of them.
    Kind {
        left: &'static str,
        right: &'static str,
    },
    /// Permission bits.
    Mode {
        left: u32,
        right: u32,
    },
    /// The target of a symbolic link.
    Link {
        left: String,
        right: String,
    },
    /// The bytes of a file; where they first differ is added by whoever reads them.
    Bytes {
        spot: Option<Spot>,
    },
}

/// Where two byte strings first differ, with what stands around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spot {
    pub offset: u64,
    /// The bytes of both sides around the offset; `start` is where they begin.
    pub start: u64,
    pub left: Vec<u8>,
    pub right: Vec<u8>,
}

/// Compares two manifests, by path.
pub fn members(left: &PackageManifest, right: &PackageManifest) -> Vec<Member> {
    let by_path = |manifest: &PackageManifest| -> BTreeMap<String, EntryKind> {
        manifest.entries.iter().map(|entry| (entry.path.to_string(), entry.kind.clone())).collect()
    };
    let (lefts, rights) = (by_path(left), by_path(right));
    let paths: BTreeSet<&String> = lefts.keys().chain(rights.keys()).collect();
    let mut members = Vec::new();
    for path in paths {
        let mut add = |change| members.push(Member { path: path.clone(), change });
        match (lefts.get(path), rights.get(path)) {
            (None, _) => add(Change::Added),
            (_, None) => add(Change::Removed),
            (Some(EntryKind::Folder), Some(EntryKind::Folder)) => {}
            (Some(EntryKind::Link { target: left }), Some(EntryKind::Link { target: right })) => {
                if left != right {
                    add(Change::Link { left: left.clone(), right: right.clone() });
                }
            }
            (Some(EntryKind::File(left)), Some(EntryKind::File(right))) => {
                if left.mode != right.mode {
                    add(Change::Mode { left: left.mode, right: right.mode });
                }
                if left.digest != right.digest {
                    add(Change::Bytes { spot: None });
                }
            }
            (Some(left), Some(right)) => add(Change::Kind { left: kind_name(left), right: kind_name(right) }),
        }
    }
    members
}

fn kind_name(kind: &EntryKind) -> &'static str {
    match kind {
        EntryKind::Folder => "folder",
        EntryKind::File(_) => "file",
        EntryKind::Link { .. } => "link",
    }
}

/// The first difference of two byte strings; `None` where they are the same.
pub fn first_difference(left: &[u8], right: &[u8]) -> Option<Spot> {
    let same = left.iter().zip(right).take_while(|(one, other)| one == other).count();
    if same == left.len() && same == right.len() {
        return None;
    }
    let start = same.saturating_sub(CONTEXT);
    let around = |bytes: &[u8]| bytes[start..bytes.len().min(same + CONTEXT)].to_vec();
    Some(Spot { offset: same as u64, start: start as u64, left: around(left), right: around(right) })
}

/// What a shared library offers: DT_SONAME and the names of its exported symbols.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Offer {
    pub soname: Option<String>,
    pub symbols: BTreeSet<String>,
}

/// How the binary interface of one library changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Library {
    pub path: String,
    /// Both names, where they differ.
    pub soname: Option<(Option<String>, Option<String>)>,
    pub added: Vec<String>,
    pub removed: Vec<String>,
}

impl Library {
    /// The change between two builds of a library; `None` where the interface is the same.
    pub fn between(path: &str, left: &Offer, right: &Offer) -> Option<Library> {
        let difference = |one: &Offer, other: &Offer| one.symbols.difference(&other.symbols).cloned().collect();
        let library = Library {
            path: path.to_owned(),
            soname: (left.soname != right.soname).then(|| (left.soname.clone(), right.soname.clone())),
            added: difference(right, left),
            removed: difference(left, right),
        };
        let is_same = library.soname.is_none() && library.added.is_empty() && library.removed.is_empty();
        (!is_same).then_some(library)
    }

    /// Whether programs that were linked against the left one may not run with the right one.
    pub fn breaks_users(&self) -> bool {
        self.soname.is_some() || !self.removed.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spot_is_the_first_difference_with_bytes_around_it() {
        assert_eq!(first_difference(b"same", b"same"), None);
        let spot = first_difference(b"0123456789abcdefXYZ", b"0123456789abcdefxyz").unwrap();
        assert_eq!((spot.offset, spot.start), (16, 4));
        assert_eq!((spot.left.as_slice(), spot.right.as_slice()), (&b"456789abcdefXYZ"[..], &b"456789abcdefxyz"[..]));
        let spot = first_difference(b"ab", b"abc").unwrap();
        assert_eq!((spot.offset, spot.left.as_slice(), spot.right.as_slice()), (2, &b"ab"[..], &b"abc"[..]));
    }

    #[test]
    fn lost_symbols_break_users_and_new_ones_do_not() {
        let offer = |names: &[&str]| Offer {
            soname: Some("libz.so.1".to_owned()),
            symbols: names.iter().map(|name| (*name).to_owned()).collect(),
        };
        assert_eq!(Library::between("l", &offer(&["a"]), &offer(&["a"])), None);
        assert!(!Library::between("l", &offer(&["a"]), &offer(&["a", "b"])).unwrap().breaks_users());
        assert!(Library::between("l", &offer(&["a", "b"]), &offer(&["a"])).unwrap().breaks_users());
    }
}

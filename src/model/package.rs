//! The package manifest: what one recipe built on one platform, entry by entry, with every relocation.
//!
//! It is the first entry of a package archive, at [`MANIFEST_PATH`]:
//! ```json
//! {"format": 1, "name": "libpng", "version": "1.6.39", "license": "libpng-2.0", "platform": "debian-12-x86_64",
//!  "build_key": "…", "placeholder": "/opt/tagalong-placeholder____…/zQ7vXr3KpW9hTn5y", "needs": ["zlib"],
//!  "floor": {"GLIBC": "2.29"},
//!  "entries": [{"path": "bin", "kind": "folder"},
//!              {"path": "bin/pngfix", "kind": "file", "mode": 493, "size": 71144, "digest": "…", "fixed": [512]},
//!              {"path": "lib/libpng.so", "kind": "link", "target": "libpng16.so"},
//!              {"path": "lib/pkgconfig/libpng.pc", "kind": "file", "mode": 420, "size": 300, "digest": "…",
//!               "text": [7, 201]}]}
//! ```
//! A package of debug information has `"debug_of": "libpng"`, one with a rule for installs without development files
//! `"runtime": ["include/data"]`.
//! Does not read archives (`archive/`) and does not find relocations (`relocate/scan.rs`). How an entry is written
//! as JSON is in `package/entry.rs`.

mod entry;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::build_key::BuildKey;
use crate::model::digest::Digest;
use crate::model::platform::{Floor, Platform};
use crate::model::prefix::Placeholder;
use crate::model::recipe::RecipeName;

/// The version of the package archive format that this program writes.
pub const FORMAT: u32 = 1;

/// The name of the manifest inside an archive; no entry may lie under its folder.
pub const MANIFEST_PATH: &str = ".tagalong/package.json";

/// The folder of a prefix that belongs to the program itself.
pub const OWN_FOLDER: &str = ".tagalong";

/// What a package archive holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackageManifest {
    pub format: u32,
    pub name: RecipeName,
    pub version: String,
    pub license: String,
    pub platform: Platform,
    pub build_key: BuildKey,
    pub placeholder: Placeholder,
    pub needs: Vec<RecipeName>,
    /// The package whose debug information this is; `None` for what a recipe stands for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub debug_of: Option<RecipeName>,
    /// What an install without development files keeps and leaves out beyond its rule (`model/runtime.rs`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub runtime: Vec<String>,
    /// Variables that whoever uses the package needs; `{prefix}` stands for the prefix.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub exports: BTreeMap<String, String>,
    pub floor: Floor,
    #[serde(deserialize_with = "entry::read_all")]
    pub entries: Vec<Entry>,
}

impl PackageManifest {
    /// Reads and checks a manifest that comes from outside.
    ///
    /// # Errors
    /// [`ManifestFault`] when it is no JSON of this format, or its entries are not sorted, unique, below folders
    /// that come before them, and with relocations that are sorted, apart and inside their file.
    pub fn parse(json: &[u8]) -> Result<PackageManifest, ManifestFault> {
        let manifest: PackageManifest =
            serde_json::from_slice(json).map_err(|error| ManifestFault::Json { reason: error.to_string() })?;
        if manifest.format != FORMAT {
            return Err(ManifestFault::Format { found: manifest.format });
        }
        manifest.check()?;
        Ok(manifest)
    }

    fn check(&self) -> Result<(), ManifestFault> {
        if let Some(name) = self.exports.keys().find(|name| !is_exportable(name)) {
            return Err(ManifestFault::Export { name: name.clone() });
        }
        let mut folders = std::collections::HashSet::new();
        let mut last: Option<&EntryPath> = None;
        for entry in &self.entries {
            let fault = |reason| Err(ManifestFault::Entry { path: entry.path.to_string(), reason });
            if last.is_some_and(|last| *last >= entry.path) {
                return fault(EntryFault::Order);
            }
            last = Some(&entry.path);
            if entry.path.parent().is_some_and(|parent| !folders.contains(parent)) {
                return fault(EntryFault::NoFolder);
            }
            match &entry.kind {
                EntryKind::Folder => {
                    folders.insert(entry.path.as_str());
                }
                EntryKind::Link { target } if !entry.path.holds_target(target) => return fault(EntryFault::Escapes),
                EntryKind::Link { .. } => {}
                EntryKind::File(file) => {
                    if file.mode & !0o777 != 0 {
                        return fault(EntryFault::Mode);
                    }
                    if !file.relocations.lie_in(file.size, self.placeholder.as_bytes().len() as u64) {
                        return fault(EntryFault::Relocations);
                    }
                }
            }
        }
        Ok(())
    }

    /// The manifest as bytes: compact JSON, the same for the same manifest.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a manifest holds only strings, numbers and lists")
    }

    /// The sum of the sizes of all files, in bytes.
    pub fn unpacked_size(&self) -> u64 {
        self.files().fold(0, |sum, (_, file)| sum.saturating_add(file.size))
    }

    /// How many files hold the prefix.
    pub fn relocated(&self) -> u64 {
        self.files().filter(|(_, file)| !file.relocations.is_empty()).count() as u64
    }

    /// The files with their paths, in order.
    pub fn files(&self) -> impl Iterator<Item = (&EntryPath, &FileEntry)> {
        self.entries.iter().filter_map(|entry| match &entry.kind {
            EntryKind::File(file) => Some((&entry.path, file)),
            _ => None,
        })
    }
}

/// Variables that no package may set: those that `tagalong env` makes of folders, and those that change what a shell
/// or the loader does.
const NOT_EXPORTED: [&str; 12] = [
    "PATH",
    "PKG_CONFIG_PATH",
    "CMAKE_PREFIX_PATH",
    "MANPATH",
    "ACLOCAL_PATH",
    "XDG_DATA_DIRS",
    "TAGALONG_PREFIX",
    "HOME",
    "IFS",
    "ENV",
    "BASH_ENV",
    "SHELL",
];

/// Whether a package may set a variable: a name of POSIX.1-2017, 8.1, that is nobody else's (ld.so(8): `LD_…`).
pub fn is_exportable(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !name.starts_with("LD_")
        && !NOT_EXPORTED.contains(&name)
}

/// One thing in a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub path: EntryPath,
    pub kind: EntryKind,
}

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryKind {
    Folder,
    File(FileEntry),
    /// A symbolic link; the target is relative and stays inside the tree.
    Link {
        target: String,
    },
}

/// A regular file: permission bits (0 to 0o777), size in bytes, digest of the bytes as built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileEntry {
    pub mode: u32,
    pub size: u64,
    pub digest: Digest,
    pub relocations: Relocations,
}

/// Where a file holds the placeholder: byte offsets from its start, ascending, at least a placeholder apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Relocations {
    /// In text: replaced by the exact prefix, the length may change.
    pub text: Vec<u64>,
    /// In anything else: replaced by the prefix padded to the placeholder's length.
    pub fixed: Vec<u64>,
}

impl Relocations {
    pub fn is_empty(&self) -> bool {
        self.text.is_empty() && self.fixed.is_empty()
    }

    pub fn count(&self) -> usize {
        self.text.len() + self.fixed.len()
    }

    fn lie_in(&self, size: u64, width: u64) -> bool {
        let fits = |offsets: &[u64]| {
            offsets.windows(2).all(|pair| pair[1] >= pair[0].saturating_add(width))
                && offsets.last().is_none_or(|last| last.checked_add(width).is_some_and(|end| end <= size))
        };
        // A file is text or it is not; both lists at once have no meaning.
        (self.text.is_empty() || self.fixed.is_empty()) && fits(&self.text) && fits(&self.fixed)
    }
}

/// A path inside a package: relative, `/` between names, no `.`, `..` or empty names, not in [`OWN_FOLDER`], at most
/// [`EntryPath::DEEPEST`] names.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EntryPath(String);

impl EntryPath {
    /// The most names a path may have: an unpacker holds one folder open for each.
    pub const DEEPEST: usize = 100;

    /// Checks a path that comes from outside.
    ///
    /// # Errors
    /// The path itself, when it could lead out of the tree or into the program's own folder, or is longer than
    /// the system takes (NAME_MAX, PATH_MAX of limits.h).
    pub fn parse(path: &str) -> Result<EntryPath, EntryPathError> {
        let is_name = |name: &str| !matches!(name, "" | "." | "..") && name.len() <= 255 && !name.contains('\0');
        let is_own = path == OWN_FOLDER || path.starts_with(".tagalong/");
        let is_deep = path.split('/').count() > EntryPath::DEEPEST;
        if path.len() > 3000 || is_own || is_deep || !path.split('/').all(is_name) {
            return Err(EntryPathError { given: path.to_owned() });
        }
        Ok(EntryPath(path.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The folder the entry lies in; `None` at the top.
    pub fn parent(&self) -> Option<&str> {
        self.0.rsplit_once('/').map(|(parent, _)| parent)
    }

    /// Whether a link at this path with this target stays inside the tree.
    ///
    /// `..` may only stand in front: the folder a link lies in is never a link itself, so what climbs there climbs
    /// as the text says, while a `..` behind a name could climb out through another link.
    pub fn holds_target(&self, target: &str) -> bool {
        if target.is_empty() || target.starts_with('/') || target.contains('\0') || target.len() > 3000 {
            return false;
        }
        let mut depth = self.0.matches('/').count();
        let mut has_name = false;
        for name in target.split('/') {
            match name {
                "" | "." => {}
                ".." if depth == 0 || has_name => return false,
                ".." => depth -= 1,
                _ => has_name = true,
            }
        }
        true
    }
}

impl fmt::Display for EntryPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for EntryPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, formatter)
    }
}

impl TryFrom<String> for EntryPath {
    type Error = EntryPathError;

    fn try_from(path: String) -> Result<EntryPath, EntryPathError> {
        EntryPath::parse(&path)
    }
}

impl From<EntryPath> for String {
    fn from(path: EntryPath) -> String {
        path.0
    }
}

/// A path that may not stand in a package.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not a path inside a package", given.escape_debug())]
pub struct EntryPathError {
    pub given: String,
}

/// Why a package manifest is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestFault {
    #[error("its manifest cannot be read: {reason}")]
    Json { reason: String },
    #[error("its manifest has format {found}, this program reads {FORMAT}")]
    Format { found: u32 },
    /// A variable that no package may set.
    #[error("it exports `{}`", name.escape_debug())]
    Export { name: String },
    #[error("its entry `{}` {reason}", path.escape_debug())]
    Entry { path: String, reason: EntryFault },
}

/// What is wrong about one entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EntryFault {
    #[error("stands twice or out of order")]
    Order,
    #[error("lies in a folder that the manifest does not name")]
    NoFolder,
    #[error("links out of the tree")]
    Escapes,
    #[error("has mode bits beyond permissions")]
    Mode,
    #[error("has relocations that overlap or lie outside of it")]
    Relocations,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entry_path_refuses_what_leaves_the_tree() {
        let deep = vec!["a"; 101].join("/");
        for wrong in ["", "/a", "a//b", "a/../b", "./a", "a/", "a\0b", ".tagalong", ".tagalong/x", &deep] {
            assert!(EntryPath::parse(wrong).is_err(), "{wrong:?}");
        }
        assert!(EntryPath::parse("lib/libz.so.1").is_ok());
    }

    #[test]
    fn link_targets_stay_inside() {
        let path = EntryPath::parse("lib/a/x.so").unwrap();
        for fine in ["y.so", "../y", "../../bin/z", "./y"] {
            assert!(path.holds_target(fine), "{fine}");
        }
        for wrong in ["", "/etc/passwd", "../../../x", "../../b/../../c", "b/../c", "../b/.."] {
            assert!(!path.holds_target(wrong), "{wrong}");
        }
    }

    #[test]
    fn relocations_lie_apart_and_inside() {
        let fixed = |fixed: &[u64]| Relocations { fixed: fixed.to_vec(), text: vec![] };
        assert!(fixed(&[0, 10, 20]).lie_in(30, 10));
        assert!(!fixed(&[0, 9]).lie_in(30, 10));
        assert!(!fixed(&[21]).lie_in(30, 10));
        assert!(!fixed(&[u64::MAX]).lie_in(30, 10));
    }
}

//! A package for tests: a temporary tree, and the manifest and archive made of it.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tagalong::archive::{self, pack};
use tagalong::model::build_key::Ingredients;
use tagalong::model::digest::Digest;
use tagalong::model::package::{Entry, EntryKind, EntryPath, FORMAT, FileEntry, PackageManifest};
use tagalong::model::platform::{Floor, Platform};
use tagalong::model::prefix::{Placeholder, Prefix};
use tagalong::model::recipe::RecipeName;
use tagalong::relocate::{kind::Kind, scan};

pub struct Package {
    pub folder: tempfile::TempDir,
    pub manifest: PackageManifest,
}

impl Package {
    /// An empty package with the standard placeholder.
    pub fn new() -> Package {
        let manifest = PackageManifest {
            format: FORMAT,
            name: RecipeName::parse("fixture").unwrap(),
            version: "1.0".to_owned(),
            license: "MIT".to_owned(),
            platform: Platform::parse("debian-12-x86_64").unwrap(),
            build_key: Ingredients::new().key(),
            placeholder: Placeholder::standard(),
            needs: Vec::new(),
            debug_of: None,
            runtime: Vec::new(),
            exports: Default::default(),
            floor: Floor::default(),
            entries: Vec::new(),
        };
        Package { folder: tempfile::tempdir().unwrap(), manifest }
    }

    pub fn tree(&self) -> &Path {
        self.folder.path()
    }

    /// Adds a file, with the folders above it; its relocations are found by scanning.
    pub fn file(mut self, path: &str, mode: u32, bytes: &[u8]) -> Package {
        self.add_parents(path);
        let full = self.tree().join(path);
        fs::write(&full, bytes).unwrap();
        fs::set_permissions(&full, fs::Permissions::from_mode(mode)).unwrap();
        let relocations = scan::relocations(bytes, Kind::of(bytes), &self.manifest.placeholder);
        let digest = Digest::of(bytes);
        self.add(path, EntryKind::File(FileEntry { mode, size: bytes.len() as u64, digest, relocations }));
        self
    }

    pub fn link(mut self, path: &str, target: &str) -> Package {
        self.add_parents(path);
        std::os::unix::fs::symlink(target, self.tree().join(path)).unwrap();
        self.add(path, EntryKind::Link { target: target.to_owned() });
        self
    }

    pub fn empty_folder(mut self, path: &str) -> Package {
        self.add_parents(&format!("{path}/x"));
        self
    }

    fn add_parents(&mut self, path: &str) {
        for (place, _) in path.match_indices('/') {
            let folder = &path[..place];
            if fs::create_dir(self.tree().join(folder)).is_ok() {
                self.add(folder, EntryKind::Folder);
            }
        }
    }

    fn add(&mut self, path: &str, kind: EntryKind) {
        self.manifest.entries.push(Entry { path: EntryPath::parse(path).unwrap(), kind });
        self.manifest.entries.sort_by(|a, b| a.path.cmp(&b.path));
    }

    pub fn archive(&self) -> Vec<u8> {
        let mut out = Vec::new();
        pack::pack(&self.manifest, self.tree(), &mut out).unwrap();
        out
    }
}

/// Unpacks into a new folder; gives the folder too.
pub fn unpack(archive: &[u8], prefix: &str) -> (tempfile::TempDir, Result<archive::unpack::Unpacked, archive::Error>) {
    let folder = tempfile::tempdir().unwrap();
    let into = folder.path().join("into");
    fs::create_dir(&into).unwrap();
    let prefix = Prefix::new(Path::new(prefix)).unwrap();
    let result = archive::unpack::unpack(archive, &into, &prefix, &archive::unpack::Limits::default());
    (folder, result)
}

/// Everything below a folder: mode and bytes of files, targets of links, modes of folders.
pub fn contents(folder: &Path) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
    let mut all = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            let metadata = fs::symlink_metadata(&path).unwrap();
            let bytes = if metadata.is_symlink() {
                fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes()
            } else if metadata.is_dir() {
                open.push(path.clone());
                Vec::new()
            } else {
                fs::read(&path).unwrap()
            };
            all.insert(path.strip_prefix(folder).unwrap().to_owned(), (metadata.permissions().mode(), bytes));
        }
    }
    all
}

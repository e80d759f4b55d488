//! Compares an installed prefix with the manifests of its packages: each prefix that was written is read as the
//! placeholder it replaced, and then the digest is the one of the bytes as built.
//!
//! Changes nothing.

use std::collections::BTreeSet;
use std::io::{self, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use fs_err as fs;

use crate::model::digest::Digester;
use crate::model::package::{Entry, EntryKind, FileEntry, OWN_FOLDER};
use crate::model::prefix::{Placeholder, Prefix};
use crate::model::receipt::Receipt;
use crate::prefix_dir::{PrefixDir, PrefixDirError, system};

/// An entry that is not as it was installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// From the prefix.
    pub path: String,
    pub change: Change,
}

/// How an entry differs from what was installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    Missing,
    /// Other bytes, or another link.
    Content,
    /// Another mode than the manifest's.
    Mode,
    /// A folder where a file was, and the like.
    Kind,
}

pub(super) fn changed(dir: &PrefixDir, receipt: &Receipt) -> Result<Vec<Changed>, PrefixDirError> {
    let mut list = Vec::new();
    for package in &receipt.packages {
        let manifest = dir.manifest(package)?;
        for entry in &manifest.entries {
            let change = change(dir.prefix(), entry, &manifest.placeholder)?;
            list.extend(change.map(|change| Changed { path: entry.path.to_string(), change }));
        }
    }
    list.sort_by(|one, other| one.path.cmp(&other.path));
    // Two packages may share a folder.
    list.dedup();
    Ok(list)
}

fn change(prefix: &Prefix, entry: &Entry, placeholder: &Placeholder) -> Result<Option<Change>, PrefixDirError> {
    let path = prefix.as_path().join(entry.path.as_str());
    let found = match fs::symlink_metadata(&path) {
        Ok(found) => found,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Some(Change::Missing));
        }
        Err(error) => return Err(system(error)),
    };
    match &entry.kind {
        EntryKind::Folder if found.is_dir() => Ok(None),
        EntryKind::Link { target } if found.is_symlink() => {
            let same = fs::read_link(&path).map_err(system)? == Path::new(target);
            Ok((!same).then_some(Change::Content))
        }
        EntryKind::File(file) if found.is_file() => {
            if !is_as_built(&path, file, placeholder, prefix).map_err(system)? {
                return Ok(Some(Change::Content));
            }
            // The umask may have taken bits from others; what the owner may do is what matters.
            let same = found.permissions().mode() & 0o700 == file.mode & 0o700;
            Ok((!same).then_some(Change::Mode))
        }
        _ => Ok(Some(Change::Kind)),
    }
}

/// Whether a file is what was built, with the prefix in place of every recorded placeholder.
fn is_as_built(path: &Path, entry: &FileEntry, placeholder: &Placeholder, prefix: &Prefix) -> io::Result<bool> {
    let mut file = BufReader::with_capacity(128 << 10, fs::File::open(path)?);
    let is_text = !entry.relocations.text.is_empty();
    let offsets = if is_text { &entry.relocations.text } else { &entry.relocations.fixed };
    let written = match placeholder.padded(prefix) {
        _ if is_text => prefix.as_bytes().to_owned(),
        Ok(padded) => padded,
        Err(_) if offsets.is_empty() => Vec::new(),
        // A prefix that does not fit was never written.
        Err(_) => return Ok(false),
    };
    let (mut digester, mut at) = (Digester::new(), 0);
    let mut here = vec![0; written.len()];
    for offset in offsets {
        let gap = offset.saturating_sub(at);
        let is_short = io::copy(&mut file.by_ref().take(gap), &mut digester)? != gap;
        if is_short || !is_full(&mut file, &mut here)? || here != written {
            return Ok(false);
        }
        digester.write_all(placeholder.as_bytes())?;
        at = offset + placeholder.as_bytes().len() as u64;
    }
    at += io::copy(&mut file, &mut digester)?;
    Ok(at == entry.size && digester.finish() == entry.digest)
}

fn is_full(file: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match file.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

pub(super) fn strangers(dir: &PrefixDir, receipt: &Receipt) -> Result<Vec<String>, PrefixDirError> {
    let mut known = BTreeSet::new();
    for package in &receipt.packages {
        known.extend(dir.manifest(package)?.entries.into_iter().map(|entry| entry.path.as_str().to_owned()));
    }
    let mut found = Vec::new();
    walk(dir.prefix().as_path(), "", &known, &mut found)?;
    found.sort();
    Ok(found)
}

/// Collects what is not known; of an unknown folder the folder alone, with a slash.
fn walk(root: &Path, folder: &str, known: &BTreeSet<String>, found: &mut Vec<String>) -> Result<(), PrefixDirError> {
    for entry in fs::read_dir(root.join(folder)).map_err(system)? {
        let entry = entry.map_err(system)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if folder.is_empty() { name } else { format!("{folder}/{name}") };
        let is_folder = entry.file_type().map_err(system)?.is_dir();
        match known.contains(&path) {
            _ if path == OWN_FOLDER => {}
            true if is_folder => walk(root, &path, known, found)?,
            true => {}
            false if is_folder => found.push(format!("{path}/")),
            false => found.push(path),
        }
    }
    Ok(())
}

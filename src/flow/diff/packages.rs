//! Two package archives: both are unpacked as built, and what differs is read.
//!
//! Memory is bounded by the largest file that differs, of which at most `MOST` bytes are read.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::archive::unpack::{self, Limits};
use crate::compare::{self, Change, Library, Member, Offer};
use crate::flow::diff::{Difference, Error, Side};
use crate::model::package::PackageManifest;
use crate::model::prefix::Prefix;
use crate::relocate::elf::{Facts, exports};

/// The most bytes of one file that are compared or parsed.
const MOST: u64 = 256 << 20;

/// What two archives do not share; `None` where they are the same.
///
/// # Errors
/// [`Error::Archive`] for one that is not sound, [`Error::System`].
pub fn of_archives(left: &Path, right: &Path, cache: &Path) -> Result<Option<Difference>, Error> {
    let system = |doing| move |error: std::io::Error| Error::System { doing, reason: error.to_string() };
    fs_err::create_dir_all(cache.join("tmp")).map_err(system("making the cache folder"))?;
    let scratch = tempfile::tempdir_in(cache.join("tmp")).map_err(system("making a folder in the cache"))?;
    let (one, other) = (scratch.path().join("left"), scratch.path().join("right"));
    let (ours, theirs) = (open(left, &one)?, open(right, &other)?);
    let mut members = compare::members(&ours, &theirs);
    for member in &mut members {
        let Member { path, change } = member;
        if let Change::Bytes { spot } = change {
            let (left, right) = (bytes(&one.join(&*path))?, bytes(&other.join(&*path))?);
            *spot = compare::first_difference(&left, &right);
        }
    }
    let libraries = libraries(&members, &one, &other)?;
    let side = |manifest: &PackageManifest, archive: &Path| {
        let size = fs_err::metadata(archive).map_or(0, |facts| facts.len());
        Side { version: manifest.version.clone(), license: manifest.license.clone(), size }
    };
    let (left, right) = (side(&ours, left), side(&theirs, right));
    let is_same = members.is_empty() && ours.name == theirs.name && left == right;
    let name = theirs.name.clone();
    Ok((!is_same).then_some(Difference { name, left: Some(left), right: Some(right), members, libraries }))
}

/// Unpacks an archive as it was built.
fn open(archive: &Path, into: &Path) -> Result<PackageManifest, Error> {
    let broken = |source| Error::Archive { path: archive.to_owned(), source };
    let system = |error: std::io::Error| Error::System { doing: "opening an archive", reason: error.to_string() };
    let file = || fs_err::File::open(archive).map(|file| -> File { file.into_file() }).map_err(system);
    fs_err::create_dir(into).map_err(system)?;
    let manifest = unpack::read_manifest(file()?).map_err(broken)?;
    let prefix = Prefix::new(manifest.placeholder.as_path()).map_err(|error| Error::System {
        doing: "using the placeholder as a prefix",
        reason: error.reason.to_string(),
    })?;
    unpack::unpack(file()?, into, &prefix, &Limits::default()).map_err(broken)?;
    Ok(manifest)
}

fn bytes(path: &Path) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let file = fs_err::File::open(path);
    file.and_then(|file| file.take(MOST).read_to_end(&mut bytes))
        .map_err(|error| Error::System { doing: "reading a member", reason: error.to_string() })?;
    Ok(bytes)
}

/// The libraries whose binary interface changed, among the members that did.
fn libraries(members: &[Member], left: &Path, right: &Path) -> Result<Vec<Library>, Error> {
    let mut found = Vec::new();
    for member in members {
        let (is_left, is_right) = match member.change {
            Change::Added => (false, true),
            Change::Removed => (true, false),
            Change::Bytes { .. } => (true, true),
            _ => continue,
        };
        let offer = |is_there, folder: &Path| match is_there {
            true => offer(&folder.join(&member.path)),
            false => Ok(None),
        };
        let (one, other) = (offer(is_left, left)?, offer(is_right, right)?);
        if one.is_some() || other.is_some() {
            found.extend(Library::between(&member.path, &one.unwrap_or_default(), &other.unwrap_or_default()));
        }
    }
    Ok(found)
}

/// What a shared library offers; `None` for any other file.
fn offer(path: &Path) -> Result<Option<Offer>, Error> {
    if !path.symlink_metadata().is_ok_and(|facts| facts.is_file()) {
        return Ok(None);
    }
    let bytes = bytes(path)?;
    // A file that is no sound ELF file offers nothing.
    let Ok(facts) = Facts::read(&bytes) else { return Ok(None) };
    let Some(dynamic) = facts.dynamic.filter(|_| facts.interpreter.is_none()) else { return Ok(None) };
    let symbols = exports::read(&bytes).unwrap_or_default();
    Ok(Some(Offer { soname: dynamic.soname, symbols }))
}

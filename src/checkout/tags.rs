//! The tags of a repository that match the project's pattern: packed and loose, peeled only as far as needed.
//!
//! Reads the ref files itself: listing must not pay for the thousands of refs that do not match, and a name that no
//! ref may have must be seen to be refused. Does not decide between tags; `resolve.rs` does.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read};
use std::path::Path;

use gix::ObjectId;
use gix::bstr::ByteSlice;
use gix::hash::oid;
use gix::objs::{FindHeader as _, Kind};

use crate::checkout::error::Error;
use crate::checkout::history::{Commits, missing};
use crate::model::tag::TagPattern;

/// The folder of tags, from the repository's common folder.
const TAGS: &str = "refs/tags/";

/// A tag as its ref tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagRef {
    /// The name without `refs/tags/`, with replacement characters where it is no UTF-8.
    pub name: String,
    /// The object that the ref names: a commit, or a tag object.
    pub id: ObjectId,
    /// What the tag comes to in the end, where the ref tells it.
    peeled: Option<ObjectId>,
}

/// Lists the tags that match, in order of name.
///
/// # Errors
/// When a ref of a matching name cannot be read.
pub fn list(repository: &gix::Repository, pattern: &TagPattern) -> Result<Vec<TagRef>, Error> {
    let literal = pattern.as_str().split(['*', '?']).next().unwrap_or_default();
    let mut found = BTreeMap::new();
    let mut keep = |tag: TagRef| {
        // For the pattern a slash is a letter like others: a name that could be a path is to be refused, not missed.
        if pattern.matches(&tag.name.replace('/', "_")) || pattern.matches(&tag.name) {
            found.insert(tag.name.clone(), tag);
        }
    };
    let folder = repository.common_dir();
    packed(&folder.join("packed-refs"), literal, &mut keep)?;
    // Loose refs are read last: they are newer than packed ones of the same name.
    loose(repository, &folder.join(TAGS), "", literal, &mut keep)?;
    Ok(found.into_values().collect())
}

/// The id of the commit that a tag comes to, or of anything else that the walk will never meet.
///
/// # Errors
/// When the tag's object is missing or damaged.
pub fn peel(repository: &gix::Repository, commits: &Commits<'_>, tag: &TagRef) -> Result<ObjectId, Error> {
    match tag.peeled {
        Some(peeled) => Ok(peeled),
        None if commits.is_graphed(&tag.id) => Ok(tag.id),
        None => peel_object(repository, tag.id),
    }
}

/// When a tag was made, in seconds since 1970: the tagger's date; `None` for a lightweight one or one without it.
///
/// # Errors
/// When the tag's object is missing or damaged.
pub fn date(repository: &gix::Repository, tag: &TagRef) -> Result<Option<i64>, Error> {
    let damaged = |error: gix::Error| Error::Damaged { id: tag.id.to_string(), reason: error.to_string() };
    let object = repository.try_find_object(tag.id).map_err(damaged)?;
    let Some(object) = object else { return Err(missing(repository, &tag.id)) };
    if object.kind != Kind::Tag {
        return Ok(None);
    }
    let tag = object.into_tag();
    Ok(tag.tagger().ok().flatten().and_then(|tagger| tagger.time().ok()).map(|time| time.seconds))
}

/// Follows tag objects to what they tag.
pub fn peel_object(repository: &gix::Repository, id: ObjectId) -> Result<ObjectId, Error> {
    let damaged = |error: gix::Error| Error::Damaged { id: id.to_string(), reason: error.to_string() };
    let header = repository.objects.try_header(&id).map_err(damaged)?;
    let Some(header) = header else { return Err(missing(repository, &id)) };
    if header.kind != Kind::Tag {
        return Ok(id);
    }
    let object = repository.find_object(id).map_err(damaged)?;
    Ok(object.peel_tags_to_end().map_err(damaged)?.id)
}

/// Reads `packed-refs`: `<id> <ref>` lines, with `^<id>` below an annotated tag (git-pack-refs(1)).
fn packed(path: &Path, literal: &str, keep: &mut impl FnMut(TagRef)) -> Result<(), Error> {
    let bytes = match fs_err::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Error::unreadable(&error)),
    };
    let is_fully_peeled = bytes.lines().next().is_some_and(|head| {
        head.strip_prefix(b"# pack-refs with:").is_some_and(|traits| traits.contains_str(" fully-peeled"))
    });
    let wanted = format!(" {TAGS}{literal}");
    let mut from = 0;
    while let Some(hit) = bytes[from..].find(wanted.as_bytes()) {
        let start = bytes[..from + hit].rfind_byte(b'\n').map_or(0, |end| end + 1);
        let mut lines = bytes[start..].lines();
        let line = lines.next().unwrap_or_default();
        from = start + line.len();
        let Some((id, name)) = line.split_once_str(" ") else { continue };
        let (Ok(id), Some(name)) = (ObjectId::from_hex(id), name.strip_prefix(TAGS.as_bytes())) else { continue };
        let below = lines.next().and_then(|line| ObjectId::from_hex(line.strip_prefix(b"^")?).ok());
        let peeled = below.or(is_fully_peeled.then_some(id));
        keep(TagRef { name: name.to_str_lossy().into_owned(), id, peeled });
    }
    Ok(())
}

/// Reads the loose refs below a folder of tags whose names can still match.
fn loose(
    repository: &gix::Repository,
    folder: &Path,
    before: &str,
    literal: &str,
    keep: &mut impl FnMut(TagRef),
) -> Result<(), Error> {
    let entries = match fs_err::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Error::unreadable(&error)),
    };
    for entry in entries {
        let entry = entry.map_err(|error| Error::unreadable(&error))?;
        let name = format!("{before}{}", entry.file_name().to_string_lossy());
        if !name.starts_with(literal) && !literal.starts_with(&name) {
            continue;
        }
        if entry.file_type().map_err(|error| Error::unreadable(&error))?.is_dir() {
            loose(repository, &entry.path(), &format!("{name}/"), literal, keep)?;
        } else if name.starts_with(literal) && !name.ends_with(".lock") {
            let mut content = [0; 64];
            let id = match ObjectId::from_hex(head(&entry.path(), &mut content)?.trim_ascii()) {
                Ok(id) => id,
                Err(_) => follow(repository, &name)?,
            };
            keep(TagRef { name, id, peeled: None });
        }
    }
    Ok(())
}

/// The first bytes of a ref's file: one read, since there may be thousands of them.
fn head<'a>(path: &Path, content: &'a mut [u8; 64]) -> Result<&'a [u8], Error> {
    let mut file = fs_err::File::open(path).map_err(|error| Error::unreadable(&error))?;
    let length = file.read(content).map_err(|error| Error::unreadable(&error))?;
    Ok(&content[..length])
}

/// The object of a tag whose ref holds no id: a symbolic one, or a damaged one.
fn follow(repository: &gix::Repository, name: &str) -> Result<ObjectId, Error> {
    let broken = |error: gix::Error| Error::git(format!("read the tag `{}`", name.escape_debug()), &error);
    let mut reference = repository.find_reference(&format!("{TAGS}{name}")).map_err(broken)?;
    Ok(reference.follow_to_object().map_err(broken)?.detach())
}

/// The tag of this very name, and what it comes to; `None` where the repository has none.
pub fn named(repository: &gix::Repository, name: &str) -> Result<Option<ObjectId>, Error> {
    let broken = |error: gix::Error| Error::git(format!("read the tag `{}`", name.escape_debug()), &error);
    let found = repository.try_find_reference(&format!("{TAGS}{name}")).map_err(broken)?;
    let Some(mut reference) = found else { return Ok(None) };
    let id = reference.follow_to_object().map_err(broken)?.detach();
    peel_object(repository, id).map(Some)
}

/// Whether this is the id of a commit.
pub fn is_commit(repository: &gix::Repository, id: &oid) -> bool {
    repository.objects.try_header(id).ok().flatten().is_some_and(|header| header.kind == Kind::Commit)
}

//! Adopts a tree that others built: what holds the prefix it was made for is moved to the placeholder.
//!
//! Text and links are rewritten; library paths become relative; what cannot take a longer path is refused. The seal
//! that follows treats the tree like any other.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use memchr::memmem;

use crate::builder::error::BuildError;
use crate::model::prefix::Placeholder;
use crate::model::recipe::Recipe;
use crate::relocate::elf::{self, library_path};
use crate::relocate::kind::Kind;
use crate::relocate::origin::relative_library_path;

/// Moves everything below `tree` from the prefix that the recipe says it was made for.
///
/// # Errors
/// [`BuildError::Prebuilt`] for a file that cannot be moved, [`BuildError::Io`] for one that cannot be read or written.
pub fn adopt(recipe: &Recipe, tree: &Path, placeholder: &Placeholder) -> Result<(), BuildError> {
    let Some(was) = &recipe.build.was else { return Ok(()) };
    let doing = |doing| move |source| BuildError::Io { name: recipe.name.clone(), doing, source };
    let mut open = vec![tree.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs_err::read_dir(&folder).map_err(doing("read the prebuilt tree"))? {
            let entry = entry.map_err(doing("read the prebuilt tree"))?;
            let (path, kind) = (entry.path(), entry.file_type().map_err(doing("read the prebuilt tree"))?);
            if kind.is_dir() {
                open.push(path);
            } else if kind.is_symlink() {
                adopt_link(&path, was, placeholder).map_err(doing("move a link"))?;
            } else if kind.is_file() {
                let below = path.strip_prefix(tree).unwrap_or(&path);
                let bytes = fs_err::read(&path).map_err(doing("read a prebuilt file"))?;
                match adopt_bytes(bytes, below, was, placeholder) {
                    Adopted::Same => {}
                    Adopted::Changed(bytes) => fs_err::write(&path, bytes).map_err(doing("write a prebuilt file"))?,
                    Adopted::Stuck { offset } => {
                        let (name, file) = (recipe.name.clone(), below.to_owned());
                        return Err(BuildError::Prebuilt { name, file, was: was.clone(), offset });
                    }
                }
            }
        }
    }
    Ok(())
}

fn adopt_link(path: &Path, was: &str, placeholder: &Placeholder) -> std::io::Result<()> {
    let aim = fs_err::read_link(path)?;
    let Some(moved) = replaced(aim.as_os_str().as_bytes(), was.as_bytes(), placeholder.as_bytes()) else {
        return Ok(());
    };
    fs_err::remove_file(path)?;
    std::os::unix::fs::symlink(std::ffi::OsStr::from_bytes(&moved), path)
}

enum Adopted {
    Same,
    Changed(Vec<u8>),
    Stuck { offset: u64 },
}

fn adopt_bytes(mut bytes: Vec<u8>, below: &Path, was: &str, placeholder: &Placeholder) -> Adopted {
    let kind = Kind::of(&bytes);
    if kind.is_text() {
        return replaced(&bytes, was.as_bytes(), placeholder.as_bytes()).map_or(Adopted::Same, Adopted::Changed);
    }
    let mut is_changed = false;
    if kind == Kind::Elf {
        is_changed = adopt_library_path(&mut bytes, below, was, placeholder);
    }
    match occurrences(&bytes, was.as_bytes()).first() {
        Some(offset) => Adopted::Stuck { offset: *offset as u64 },
        None if is_changed => Adopted::Changed(bytes),
        None => Adopted::Same,
    }
}

/// Makes the library path relative; what cannot be done shows as an occurrence that is left.
fn adopt_library_path(bytes: &mut [u8], below: &Path, was: &str, placeholder: &Placeholder) -> bool {
    let Ok(facts) = elf::Facts::read(bytes) else { return false };
    let Some(dynamic) = facts.dynamic else { return false };
    let (path, kind) = match (&dynamic.runpath, &dynamic.rpath) {
        (Some(path), _) => (path, crate::model::recipe::RpathKind::Runpath),
        (None, Some(path)) => (path, crate::model::recipe::RpathKind::Rpath),
        (None, None) => return false,
    };
    let folder = below.parent().and_then(Path::to_str).unwrap_or_default();
    let moved = relative_library_path(&path.replace(was, placeholder.as_str()), folder, placeholder);
    matches!(library_path::set(bytes, kind, &moved), Ok(library_path::Outcome::Written))
}

/// The text with every whole occurrence replaced; `None` when there is none.
fn replaced(bytes: &[u8], was: &[u8], now: &[u8]) -> Option<Vec<u8>> {
    let places = occurrences(bytes, was);
    if places.is_empty() {
        return None;
    }
    let mut moved = Vec::with_capacity(bytes.len() + places.len() * now.len());
    let mut from = 0;
    for place in places {
        moved.extend_from_slice(&bytes[from..place]);
        moved.extend_from_slice(now);
        from = place + was.len();
    }
    moved.extend_from_slice(&bytes[from..]);
    Some(moved)
}

/// Where a path stands as a whole: `/p/store` is not in `/p/store-old` nor in `/x/p/store`, but in `-I/p/store`.
fn occurrences(bytes: &[u8], was: &[u8]) -> Vec<usize> {
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-.".contains(byte);
    let is_path = was.first() == Some(&b'/');
    let is_whole = |place: &usize| {
        let word = bytes[..*place].iter().rev().take_while(|byte| is_name(byte)).last();
        let is_start = word.is_none_or(|first| *first == b'-');
        !is_path || (is_start && !bytes.get(place + was.len()).is_some_and(is_name))
    };
    memmem::find_iter(bytes, was).filter(is_whole).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_replaced_only_as_a_whole() {
        let moved =
            |text: &str| replaced(text.as_bytes(), b"/p/store", b"/new").map(|bytes| String::from_utf8(bytes).unwrap());
        assert_eq!(moved("a=/p/store/lib:/p/store").as_deref(), Some("a=/new/lib:/new"));
        assert_eq!(moved("-I/p/store/include").as_deref(), Some("-I/new/include"));
        assert_eq!(moved("/p/store-old /x/p/store /p/storehouse"), None);
    }
}

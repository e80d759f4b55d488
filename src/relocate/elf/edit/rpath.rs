//! Edits of the library path: which text it gets, under which tag.
//!
//! Where the text is put is the business of `strings.rs`.

use crate::relocate::elf::edit::draft::{Draft, Text};
use crate::relocate::elf::edit::{Edit, EditFault, Folders, RpathEdit, RpathTag};
use crate::relocate::elf::layout::tags;

/// Applies the edit of the library path.
pub fn edit(draft: &mut Draft<'_>, edit: &Edit, folders: &dyn Folders) -> Result<(), EditFault> {
    // glibc's asserts that it has none (elf_get_dynamic_info).
    if matches!(edit.rpath, Some(RpathEdit::Set(_) | RpathEdit::Add(_))) && draft.is_loader() {
        return Err(EditFault::Loader);
    }
    let is_path = |tag: u64| tag == tags::RPATH || tag == tags::RUNPATH;
    let paths = || draft.entries.iter().enumerate().filter(|(_, entry)| is_path(entry.tag));
    // The loader ignores an RPATH beside a RUNPATH (ld.so(8)); of two it takes the last.
    let found = paths().rfind(|(_, entry)| entry.tag == tags::RUNPATH).or_else(|| paths().next_back());
    let found = found.map(|(number, entry)| (number, entry.tag));
    let old = match found {
        Some((number, _)) => Some(draft.text(&draft.entries[number])?),
        None => None,
    };
    let new = match &edit.rpath {
        Some(RpathEdit::Remove) => {
            draft.drop_entries(|entry| is_path(entry.tag));
            return Ok(());
        }
        Some(RpathEdit::Set(path)) => path.clone(),
        Some(RpathEdit::Add(path)) => match &old {
            Some(old) if !old.is_empty() => [old.as_slice(), b":", path].concat(),
            _ => path.clone(),
        },
        Some(RpathEdit::Shrink(prefixes)) => match &old {
            Some(old) => shrunk(draft, old, prefixes, folders)?,
            None => return Ok(()),
        },
        None => match (&old, edit.rpath_tag) {
            (Some(old), Some(_)) => old.clone(),
            _ => return Ok(()),
        },
    };
    let tag = match (edit.rpath_tag, found) {
        (Some(RpathTag::Rpath), _) => tags::RPATH,
        (Some(RpathTag::Runpath), _) | (None, None) => tags::RUNPATH,
        (None, Some((_, tag))) => tag,
    };
    let Some((number, old_tag)) = found else {
        draft.add_entry(tag, Text::New(new));
        return Ok(());
    };
    if old.as_ref() != Some(&new) {
        draft.replace(number, Text::New(new));
    } else if old_tag == tag {
        return Ok(());
    }
    draft.entries[number].tag = tag;
    let slot = draft.entries[number].slot;
    draft.drop_entries(|entry| is_path(entry.tag) && entry.slot != slot);
    Ok(())
}

fn shrunk(draft: &Draft<'_>, old: &[u8], prefixes: &[Vec<u8>], folders: &dyn Folders) -> Result<Vec<u8>, EditFault> {
    let mut wanted = draft.texts(tags::NEEDED)?;
    let mut kept: Vec<&[u8]> = Vec::new();
    for part in old.split(|byte| *byte == b':') {
        if part.first() != Some(&b'/') {
            if !part.is_empty() {
                kept.push(part);
            }
            continue;
        }
        if !prefixes.is_empty() && !prefixes.iter().any(|prefix| part.starts_with(prefix)) {
            continue;
        }
        // A library is found in the first folder that has it; the folders after it need not be kept for it.
        let before = wanted.len();
        wanted.retain(|name| !folders.holds(part, name, draft.image.machine));
        if wanted.len() < before {
            kept.push(part);
        }
    }
    Ok(kept.join(&b':'))
}

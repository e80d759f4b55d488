//! Rewrites the library path of an ELF file in place: the file keeps its length, and no byte that another name
//! shares is touched.
//!
//! Linkers merge strings into the tails of others, so `/…/lib` may be the end of the path *and* the name of a symbol.
//! Does not decide what the path should be (`relocate/origin.rs`) and does not make room where there is none.

use std::ops::Range;

use crate::model::recipe::RpathKind;
use crate::relocate::elf::ElfFault;
use crate::relocate::elf::layout::{DynamicEntry, Layout, tags};

/// EM_MIPS: its DT_MIPS_RLD_MAP_REL counts from its own place, so that entries must not move up.
const MIPS: u16 = 8;

/// What was done to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Unchanged,
    Written,
}

/// Makes `path` the one library path of the file, under the tag `kind`; an empty one removes the entry.
///
/// The old string's bytes that nothing else refers to are overwritten, so that nothing of it is left.
///
/// # Errors
/// [`SetFault`]; the bytes are as they were then.
pub fn set(bytes: &mut [u8], kind: RpathKind, path: &str) -> Result<Outcome, SetFault> {
    let (plan, others) = {
        let layout = Layout::read(bytes)?;
        let others = layout.other_strings()?;
        let Some(plan) = plan(&layout, bytes, &others, kind, path)? else { return Ok(Outcome::Unchanged) };
        (plan, strings(&layout, bytes, &others)?)
    };
    let before: Vec<(usize, Vec<u8>)> =
        plan.writes.iter().map(|(at, new)| (*at, bytes[*at..*at + new.len()].to_owned())).collect();
    plan.writes.iter().for_each(|(at, new)| bytes[*at..*at + new.len()].copy_from_slice(new));
    // The proof that nothing else changed: all other names read as before.
    let reread = Layout::read(bytes).and_then(|layout| strings(&layout, bytes, &layout.other_strings()?));
    if reread.as_ref() != Ok(&others) {
        before.iter().rev().for_each(|(at, old)| bytes[*at..*at + old.len()].copy_from_slice(old));
        return Err(SetFault::Damages);
    }
    Ok(Outcome::Written)
}

/// Bytes to write, in order, each with its offset.
struct Plan {
    writes: Vec<(usize, Vec<u8>)>,
}

fn strings(layout: &Layout<'_>, bytes: &[u8], offsets: &[u64]) -> Result<Vec<Vec<u8>>, ElfFault> {
    offsets.iter().map(|offset| layout.string_range(*offset).map(|range| bytes[range].to_owned())).collect()
}

/// What must be written; `None` when the file is already as wanted.
fn plan(
    layout: &Layout<'_>,
    bytes: &[u8],
    others: &[u64],
    kind: RpathKind,
    path: &str,
) -> Result<Option<Plan>, SetFault> {
    let tag = match kind {
        RpathKind::Runpath => tags::RUNPATH,
        RpathKind::Rpath => tags::RPATH,
    };
    let owned: Vec<DynamicEntry> = layout.entries().iter().filter(|entry| entry.is_library_path()).copied().collect();
    // The loader ignores an RPATH beside a RUNPATH (ld.so(8)).
    let effective = owned.iter().rfind(|entry| entry.tag == tags::RUNPATH).or(owned.last());
    let Some(effective) = effective else {
        return if path.is_empty() { Ok(None) } else { Err(SetFault::NoRoom { needed: path.len() + 1, room: 0 }) };
    };
    let mut runs = Vec::new();
    for entry in &owned {
        free_runs(layout, entry.value, others, &mut runs)?;
    }
    let old = &bytes[layout.string_range(effective.value)?];
    let is_alone = owned.len() == 1 && !path.is_empty();
    if is_alone && old == path.as_bytes() {
        let write = || (effective.offset, encode(layout, tag, effective.value));
        return Ok((effective.tag != tag).then(|| Plan { writes: vec![write()] }));
    }
    let mut writes: Vec<(usize, Vec<u8>)> = runs.iter().map(|run| (run.start, vec![0; run.len()])).collect();
    let value = if path.is_empty() {
        0
    } else {
        let holds = |run: &&Range<usize>| {
            // A NUL must follow: one of ours, or the one that ends the old string and stays.
            run.len() > path.len() || (run.len() == path.len() && bytes.get(run.end) == Some(&0))
        };
        let room = runs.iter().map(|run| run.len()).max().unwrap_or(0);
        let no_room = SetFault::NoRoom { needed: path.len() + 1, room };
        let start = runs.iter().find(holds).ok_or(no_room)?.start;
        writes.push((start, path.as_bytes().to_owned()));
        let base = layout.string_range(effective.value)?.start as u64 - effective.value;
        start as u64 - base
    };
    let is_kept =
        |entry: &&DynamicEntry| !entry.is_library_path() || (entry.offset == effective.offset && !path.is_empty());
    if layout.machine() == MIPS {
        for entry in &owned {
            let value = if entry.offset == effective.offset { value } else { 0 };
            writes.push((entry.offset, encode(layout, tag, value)));
        }
        return Ok(Some(Plan { writes }));
    }
    let mut places = layout.entries().iter().map(|entry| entry.offset);
    for (entry, place) in layout.entries().iter().filter(is_kept).zip(places.by_ref()) {
        let (tag, value) = if entry.is_library_path() { (tag, value) } else { (entry.tag, entry.value) };
        writes.push((place, encode(layout, tag, value)));
    }
    let kept = layout.entries().iter().filter(is_kept).count();
    for entry in &layout.entries()[kept..] {
        writes.push((entry.offset, encode(layout, tags::NULL, 0)));
    }
    Ok(Some(Plan { writes }))
}

/// The parts of a string, with its NUL, that no other name refers to.
fn free_runs(layout: &Layout<'_>, value: u64, others: &[u64], runs: &mut Vec<Range<usize>>) -> Result<(), ElfFault> {
    let old = layout.string_range(value)?;
    let whole = old.start..old.end + 1;
    let mut shared = Vec::new();
    for other in others {
        let other = layout.string_range(*other)?;
        // A name that starts before may end in this string; each holds its NUL too.
        if other.start < whole.end && other.end + 1 > whole.start {
            shared.push(other.start.max(whole.start));
        }
    }
    // All of them end where this string ends, so that everything from the first on is shared.
    let end = shared.into_iter().min().unwrap_or(whole.end);
    if whole.start < end && !runs.iter().any(|run| run.start == whole.start) {
        runs.push(whole.start..end);
    }
    Ok(())
}

fn encode(layout: &Layout<'_>, tag: u64, value: u64) -> Vec<u8> {
    let word = |word: u64| {
        let bytes = if layout.is_little_endian() { word.to_le_bytes() } else { word.to_be_bytes() };
        match (layout.entry_size(), layout.is_little_endian()) {
            (16, _) => bytes.to_vec(),
            (_, true) => bytes[..4].to_vec(),
            (_, false) => bytes[4..].to_vec(),
        }
    };
    [word(tag), word(value)].concat()
}

/// Why a library path was not written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetFault {
    #[error(transparent)]
    Elf(#[from] ElfFault),
    /// The new path needs more bytes than the old one leaves.
    #[error("{needed} bytes are needed and {room} are free")]
    NoRoom { needed: usize, room: usize },
    /// Another name would have changed.
    #[error("another name would change")]
    Damages,
}

//! Finds a place for new strings: where the same text already stands, in bytes that nothing uses any more, else at the
//! end.
//!
//! Linkers merge strings into the tails of others, so bytes count as unused only when no name of a library, symbol
//! or version covers them. Does not write into the file (`grow.rs`).

use std::collections::BTreeMap;
use std::ops::Range;

use crate::relocate::elf::ElfFault;
use crate::relocate::elf::edit::draft::{Draft, Text};
use crate::relocate::elf::layout::tags;

/// So many new texts are looked for among the old ones; for more of them (renamed symbols) it would take too long.
const MOST_SEARCHES: usize = 64;

/// The byte that old strings are overwritten with.
const WIPED: u8 = b'X';

/// The table of dynamic strings as it shall be.
pub struct Strings {
    pub bytes: Vec<u8>,
    /// Whether it is longer than the old one.
    pub has_grown: bool,
}

/// Gives every new text of the draft an offset; afterwards all its texts are old ones.
pub fn place(draft: &mut Draft<'_>, keep_old: bool) -> Result<Strings, ElfFault> {
    let mut table = draft.strings().to_vec();
    let mut wanted: BTreeMap<Vec<u8>, Option<u64>> = BTreeMap::new();
    let new_texts = draft.entries.iter().map(|entry| &entry.text).chain(draft.version_files.iter().map(|one| &one.1));
    for text in new_texts {
        if let Text::New(text) = text {
            wanted.insert(text.clone(), None);
        }
    }
    wanted.extend(draft.new_symbols.values().map(|name| (name.clone(), None)));
    if wanted.is_empty() && draft.released.is_empty() {
        return Ok(Strings { bytes: table, has_grown: false });
    }
    if wanted.len() <= MOST_SEARCHES {
        for (text, place) in &mut wanted {
            let ended = [text.as_slice(), b"\0"].concat();
            *place = memchr::memmem::find(&table, &ended).map(|place| place as u64);
        }
    }
    let used = used(draft, &table, wanted.values().flatten().copied())?;
    let mut free = released(draft, &table, &used)?;
    if keep_old || draft.shares_strings {
        free.clear();
    }
    free.iter().for_each(|run| wipe(&mut table[run.clone()]));
    if !draft.shares_strings {
        free.extend(blank(&table, &used));
    }
    free = merged(free);
    let old_size = table.len();
    // The longest first: what is left of their runs may do for the shorter ones.
    let mut open: Vec<(&Vec<u8>, &mut Option<u64>)> = wanted.iter_mut().filter(|(_, place)| place.is_none()).collect();
    open.sort_by_key(|(text, _)| std::cmp::Reverse(text.len()));
    for (text, place) in open {
        let size = text.len() + 1;
        let fitting = free.iter_mut().filter(|run| run.len() >= size).min_by_key(|run| run.len());
        let start = if let Some(run) = fitting {
            let start = run.start;
            run.start += size;
            start
        } else {
            // Unused bytes at the very end are taken along, so that repeated edits do not grow the file each time.
            let last = free.iter().position(|run| run.end == table.len() && !run.is_empty());
            let start = last.map_or(table.len(), |number| free.remove(number).start);
            table.resize(start + size, 0);
            start
        };
        table[start..start + text.len()].copy_from_slice(text);
        table[start + text.len()] = 0;
        *place = Some(start as u64);
    }
    let find = |text: &mut Text| {
        if let Text::New(new) = text
            && let Some(Some(place)) = wanted.get(new)
        {
            *text = Text::Old(*place);
        }
    };
    draft.entries.iter_mut().for_each(|entry| find(&mut entry.text));
    draft.version_files.iter_mut().for_each(|(_, text)| find(text));
    for (number, name) in &draft.new_symbols {
        let place = wanted.get(name).copied().flatten().and_then(|place| u32::try_from(place).ok());
        draft.symbols[*number] = place.ok_or_else(|| ElfFault::new("its strings are too long"))?;
    }
    if !draft.image.form.is_wide && table.len() > i32::MAX as usize {
        return Err(ElfFault::new("its strings are too long"));
    }
    Ok(Strings { has_grown: table.len() > old_size, bytes: table })
}

/// The parts of the table that names refer to, in order, each with its NUL.
fn used(draft: &Draft<'_>, table: &[u8], more: impl Iterator<Item = u64>) -> Result<Vec<Range<usize>>, ElfFault> {
    let of_text = |text: &Text| match text {
        Text::Old(offset) => Some(*offset),
        Text::New(_) => None,
    };
    let named = draft.entries.iter().filter(|entry| tags::STRINGS.contains(&entry.tag));
    let mut offsets: Vec<u64> = named.filter_map(|entry| of_text(&entry.text)).collect();
    offsets.extend(draft.version_files.iter().filter_map(|(_, text)| of_text(text)));
    offsets.extend(&draft.versions);
    let symbols = draft.symbols.iter().enumerate().filter(|(number, _)| !draft.new_symbols.contains_key(number));
    offsets.extend(symbols.map(|(_, name)| u64::from(*name)));
    offsets.extend(more);
    // The empty string at the start belongs to every name that is none.
    offsets.push(0);
    offsets.sort_unstable();
    let mut used: Vec<Range<usize>> = Vec::new();
    for offset in offsets {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        if used.last().is_some_and(|last| start < last.end) {
            continue;
        }
        let end = end_of(table, start)?;
        used.push(start..end);
    }
    Ok(used)
}

fn end_of(table: &[u8], start: usize) -> Result<usize, ElfFault> {
    let rest = table.get(start..).ok_or_else(|| ElfFault::new("a name lies outside of its strings"))?;
    memchr::memchr(0, rest).map(|length| start + length + 1).ok_or_else(|| ElfFault::new("a string has no end"))
}

/// What became unused by the edits: a front part where the tail serves another name.
fn released(draft: &Draft<'_>, table: &[u8], used: &[Range<usize>]) -> Result<Vec<Range<usize>>, ElfFault> {
    let mut free = Vec::new();
    for offset in &draft.released {
        let start = usize::try_from(*offset).unwrap_or(usize::MAX);
        let end = end_of(table, start)?;
        let next = used.partition_point(|part| part.end <= start);
        let stop = used.get(next).map_or(end, |part| part.start.min(end));
        if start < stop {
            free.push(start..stop);
        }
    }
    Ok(merged(free))
}

/// Runs between the names that hold nothing, or what an earlier edit overwrote.
fn blank(table: &[u8], used: &[Range<usize>]) -> Vec<Range<usize>> {
    let mut runs = Vec::new();
    let ends = used.iter().map(|part| part.end);
    let starts = used.iter().skip(1).map(|part| part.start).chain([table.len()]);
    for (start, end) in ends.zip(starts) {
        let mut at = start;
        while at < end {
            let length = table[at..end].iter().take_while(|byte| matches!(**byte, 0 | WIPED)).count();
            // What stands in front must have ended, or it is a string that ends in such bytes.
            if length > 1 && table[at - 1] == 0 {
                runs.push(at..at + length);
            }
            at += length + 1;
        }
    }
    runs
}

fn merged(mut runs: Vec<Range<usize>>) -> Vec<Range<usize>> {
    runs.sort_by_key(|run| run.start);
    let mut merged: Vec<Range<usize>> = Vec::new();
    for run in runs {
        match merged.last_mut() {
            Some(last) if run.start <= last.end => last.end = last.end.max(run.end),
            _ => merged.push(run),
        }
    }
    merged
}

fn wipe(run: &mut [u8]) {
    run.iter_mut().filter(|byte| **byte != 0).for_each(|byte| *byte = WIPED);
}

//! The proof after an edit: the file is read again, and nothing differs from the original but what was asked for.
//!
//! Compares what the loader sees: headers, dynamic entries, names, versions, symbols, relocations and every loaded
//! byte; and the sections that are not loaded. Writes nothing.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::relocate::elf::ElfFault;
use crate::relocate::elf::edit::EditFault;
use crate::relocate::elf::edit::draft::VERSYM;
use crate::relocate::elf::edit::image::{Image, Segment, section, segment};
use crate::relocate::elf::edit::rename;
use crate::relocate::elf::layout::{Layout, tags};

/// Values that say where something lies which may move: also DT_MIPS_RLD_MAP_REL.
const MOVING: [u64; 5] = [tags::STRTAB, tags::STRSZ, tags::HASH, tags::GNU_HASH, 0x7000_0035];

/// What a file says to its loader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    pub os_abi: u8,
    pub interpreter: Option<Vec<u8>>,
    pub execstack: Option<bool>,
    /// Tag, value, and the string where the value names one.
    pub entries: Vec<(u64, u64, Vec<u8>)>,
    version_files: Vec<Vec<u8>>,
    /// Numbers of symbols whose version was cleared, in order.
    cleared: Vec<usize>,
    /// New names of symbols by the old ones.
    pub renamed: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Content {
    pub fn of(image: &Image<'_>, layout: &Layout<'_>) -> Result<Content, ElfFault> {
        let text = |offset: u64| layout.text(offset).map(<[u8]>::to_vec);
        let mut entries = Vec::new();
        for entry in layout.entries().iter().take_while(|entry| entry.tag != tags::NULL) {
            entries.push(if tags::STRINGS.contains(&entry.tag) {
                (entry.tag, 0, text(entry.value)?)
            } else {
                (entry.tag, Content::stable_value(entry.tag, entry.value), Vec::new())
            });
        }
        let interpreter = image.segment(segment::INTERP).and_then(|one| image.part(one.offset, one.in_file));
        let interpreter = interpreter.and_then(|text| text.split(|byte| *byte == 0).next());
        let files = layout.versions_needed()?;
        Ok(Content {
            os_abi: image.bytes[7],
            interpreter: interpreter.map(<[u8]>::to_vec),
            execstack: image.segment(segment::GNU_STACK).map(|one| one.flags & segment::EXECUTE != 0),
            entries,
            version_files: files.iter().map(|file| text(u64::from(file.library))).collect::<Result<_, _>>()?,
            cleared: Vec::new(),
            renamed: BTreeMap::new(),
        })
    }

    /// The value of an entry as far as it may not change.
    pub fn stable_value(tag: u64, value: u64) -> u64 {
        if MOVING.contains(&tag) { 0 } else { value }
    }

    pub fn replace_version_file(&mut self, old: &[u8], new: &[u8]) {
        self.version_files.iter_mut().filter(|name| *name == old).for_each(|name| *name = new.to_vec());
    }

    pub fn clear_version(&mut self, symbol: usize) {
        self.cleared.push(symbol);
    }
}

/// Compares an edited file with its original.
pub fn prove(original: &[u8], edited: &[u8], expected: &Content) -> Result<(), EditFault> {
    let damages = |what: &str| EditFault::Damages { what: what.to_owned() };
    let (old, new) = (Image::read(original)?, Image::read(edited)?);
    let (old_layout, new_layout) = (Layout::read(original)?, Layout::read(edited)?);
    let content = Content::of(&new, &new_layout)?;
    let same = |one: bool, what: &str| if one { Ok(()) } else { Err(damages(what)) };
    same(content.entries == expected.entries, "a dynamic entry")?;
    same(content.version_files == expected.version_files, "a version needed")?;
    same(content.interpreter == expected.interpreter, "the interpreter")?;
    same(content.execstack == expected.execstack && content.os_abi == expected.os_abi, "the header")?;
    same(have_same_segments(&old, &new)?, "a segment")?;
    same(have_same_hashes(&old, &old_layout, &new, &new_layout)?, "a table of hashes")?;
    same(have_same_unloaded_sections(&old, &new), "a section")?;
    same(version_names(&old_layout, original)? == version_names(&new_layout, edited)?, "a version")?;
    let mut loose = loose_ranges(&old, &old_layout, expected, new.segments_end())?;
    if expected.renamed.is_empty() {
        same(have_same_symbols(&old_layout, original, &new_layout, edited)?, "a symbol")?;
    } else {
        let before = rename::symbols(&old, &old_layout, &expected.renamed, &expected.cleared)?;
        same(before == rename::symbols(&new, &new_layout, &BTreeMap::new(), &[])?, "a symbol or a relocation")?;
        loose.extend(rename::places(&old, &old_layout)?);
    }
    loose.sort_by_key(|range| range.start);
    same(have_same_memory(&old, &new, &loose)?, "a loaded byte")
}

fn have_same_segments(old: &Image<'_>, new: &Image<'_>) -> Result<bool, ElfFault> {
    // Whether there is a PT_GNU_STACK, and of which kind, was compared before.
    let is_compared = |one: &&Segment| !matches!(one.kind, segment::GNU_STACK | segment::NULL);
    let before: Vec<&Segment> = old.segments.iter().filter(is_compared).collect();
    let mut after: Vec<&Segment> = new.segments.iter().filter(is_compared).collect();
    if after.len() == before.len() + 1 {
        let Some(number) = after.iter().rposition(|one| one.kind == segment::LOAD) else { return Ok(false) };
        let page = after[number].align.max(1);
        let is_congruent = after[number].address % page == after[number].offset % page;
        if !is_congruent || after.remove(number).address < old.memory_end()? {
            return Ok(false);
        }
    }
    let last = old.last_load().map(|number| old.segments[number]);
    let is_same = |(before, after): (&&Segment, &&Segment)| {
        let kept = |one: &Segment| (one.kind, one.flags, one.align);
        let placed = |one: &Segment| (one.address, one.physical, one.in_file, one.in_memory);
        kept(before) == kept(after)
            && match before.kind {
                segment::DYNAMIC | segment::INTERP => true,
                segment::NOTE | segment::GNU_PROPERTY => {
                    old.part(before.offset, before.in_file) == new.part(after.offset, after.in_file)
                        && before.in_memory == after.in_memory
                }
                segment::PHDR => before.address == after.address && after.in_file >= before.in_file,
                segment::LOAD if Some(**before) == last => {
                    let fixed = |one: &Segment| (one.offset, one.address, one.physical);
                    fixed(before) == fixed(after) && after.in_memory >= before.in_memory
                }
                segment::LOAD => {
                    let page = before.align.max(1);
                    placed(before) == placed(after) && after.offset % page == before.offset % page
                }
                _ => placed(before) == placed(after),
            }
    };
    Ok(before.len() == after.len()
        && before.iter().zip(&after).all(is_same)
        && (old.kind, old.machine, old.form) == (new.kind, new.machine, new.form)
        && old.bytes.get(8..16) == new.bytes.get(8..16)
        && old.form.word(&old.bytes, 24) == new.form.word(&new.bytes, 24))
}

/// Tables of hashes that moved; those that stayed are compared with all loaded bytes.
fn have_same_hashes(
    old: &Image<'_>,
    old_layout: &Layout<'_>,
    new: &Image<'_>,
    new_layout: &Layout<'_>,
) -> Result<bool, ElfFault> {
    for tag in [tags::HASH, tags::GNU_HASH] {
        let (Some(before), Some(after)) = (old_layout.value(tag), new_layout.value(tag)) else { continue };
        if before == after {
            continue;
        }
        let Some(section) = old.sections.iter().find(|one| one.is_loaded() && one.address == before) else {
            return Ok(false);
        };
        let place = new.offset_of(after)? as u64;
        if old.part(section.offset, section.size) != new.part(place, section.size) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn have_same_unloaded_sections(old: &Image<'_>, new: &Image<'_>) -> bool {
    old.sections.len() == new.sections.len()
        && old.sections.iter().zip(&new.sections).all(|(before, after)| {
            let bytes_agree = || {
                // The symbol `_DYNAMIC` and those of sections may have moved.
                before.kind == section::SYMTAB
                    || !before.is_in_file()
                    || old.part(before.offset, before.size) == new.part(after.offset, after.size)
            };
            let fixed = |one: &crate::relocate::elf::edit::image::Section| (one.name, one.flags, one.link, one.detail);
            fixed(before) == fixed(after)
                && (before.is_loaded() || (before.kind, before.size) == (after.kind, after.size) && bytes_agree())
        })
}

fn version_names<'a>(layout: &Layout<'_>, bytes: &'a [u8]) -> Result<Vec<&'a [u8]>, ElfFault> {
    let mut offsets = layout.versions_defined()?;
    offsets.extend(layout.versions_needed()?.into_iter().flat_map(|file| file.names));
    offsets.into_iter().map(|offset| layout.string_range(u64::from(offset)).map(|range| &bytes[range])).collect()
}

fn have_same_symbols(old: &Layout<'_>, old_bytes: &[u8], new: &Layout<'_>, new_bytes: &[u8]) -> Result<bool, ElfFault> {
    let names = old.symbol_names()?;
    // Without section headers their count may be told by where the strings begin, which moved.
    let others = new.symbol_names()?;
    if others.len() < names.len() || others[..names.len()] != names {
        return Ok(false);
    }
    // Only names that reach into what differs between the tables of strings can differ.
    let (before, after) = (&old_bytes[old.strings()], &new_bytes[new.strings()]);
    let touched = touched(before, after);
    let mut offsets: Vec<u64> = names.into_iter().map(u64::from).filter(|name| touched.contains(name)).collect();
    offsets.sort_unstable();
    offsets.dedup();
    for offset in offsets.into_iter().filter(|offset| *offset > 0) {
        if old_bytes[old.string_range(offset)?] != new_bytes[new.string_range(offset)?] {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Where names begin that are perhaps not the same in both tables of strings: from the start of the string in which
/// the first difference lies.
fn touched(before: &[u8], after: &[u8]) -> Range<u64> {
    const PART: usize = 4096;
    let both = before.len().min(after.len());
    let (mut first, mut last) = (None, 0);
    for at in (0..both).step_by(PART) {
        let end = (at + PART).min(both);
        if before[at..end] != after[at..end] {
            first = first.or_else(|| (at..end).find(|place| before[*place] != after[*place]));
            last = end;
        }
    }
    if before.len() != both {
        (first, last) = (first.or(Some(both)), before.len());
    }
    let Some(first) = first else { return 0..0 };
    let start = memchr::memrchr(0, &before[..first]).map_or(0, |end| end + 1);
    start as u64..last as u64
}

/// What was compared by its meaning, or may change: addresses.
fn loose_ranges(
    image: &Image<'_>,
    layout: &Layout<'_>,
    expected: &Content,
    segments_end: u64,
) -> Result<Vec<Range<u64>>, ElfFault> {
    let mut loose = Vec::new();
    for one in image.segments.iter().filter(|one| matches!(one.kind, segment::DYNAMIC | segment::INTERP)) {
        loose.push(one.address..one.address.saturating_add(one.in_memory.max(one.in_file)));
    }
    if let (Some(start), Some(size)) = (layout.value(tags::STRTAB), layout.value(tags::STRSZ)) {
        loose.push(start..start.saturating_add(size));
    }
    let word = image.form.word_size() as u64;
    // The first word of the GOT (DT_PLTGOT) holds the address of the dynamic section.
    loose.extend(layout.value(3).map(|start| start..start.saturating_add(word)));
    let of_file = |from: u64, to: u64| address_of(image, from).map(|start| start..start.saturating_add(to - from));
    loose.extend(of_file(0, image.form.pick(64, 52) as u64));
    loose.extend(of_file(image.segments_at, segments_end.max(image.segments_end())));
    // patchelf puts the section headers where they are loaded.
    loose.extend(of_file(image.sections_at, image.sections_end()));
    for file in layout.versions_needed()? {
        loose.extend(of_file(file.at as u64 + 4, file.at as u64 + 8));
    }
    if let Some(start) = layout.value(VERSYM) {
        let entry = |number: &usize| start.saturating_add(2 * *number as u64);
        loose.extend(expected.cleared.iter().map(|number| entry(number)..entry(number).saturating_add(2)));
    }
    // The values of `_DYNAMIC` and of sections among the symbols.
    let addresses: Vec<u64> = image.segment(segment::DYNAMIC).map(|one| one.address).into_iter().collect();
    if let (Some((at, count)), Some(table)) = (layout.symbols()?, layout.value(tags::SYMTAB)) {
        let size = image.form.pick(24, 16);
        for number in 0..count {
            let value_at = at.saturating_add(number * size + image.form.pick(8, 4));
            let is_section =
                image.bytes.get(at + number * size + image.form.pick(4, 12)).is_some_and(|one| one & 15 == 3);
            if is_section || addresses.contains(&image.form.word(&image.bytes, value_at)?) {
                let start = table.saturating_add((value_at - at) as u64);
                loose.push(start..start.saturating_add(word));
            }
        }
    }
    Ok(loose)
}

/// The address at which a place of the file is loaded, if it is.
fn address_of(image: &Image<'_>, offset: u64) -> Option<u64> {
    let mut loads = image.segments.iter().filter(|one| one.kind == segment::LOAD);
    loads.find_map(|one| {
        let distance = offset.checked_sub(one.offset).filter(|distance| *distance < one.in_file)?;
        one.address.checked_add(distance)
    })
}

/// Whether all loaded bytes but those in `loose` (sorted) are the same, at the same addresses.
fn have_same_memory(old: &Image<'_>, new: &Image<'_>, loose: &[Range<u64>]) -> Result<bool, ElfFault> {
    let fault = || ElfFault::new("a segment lies outside of it");
    for (before, after) in old.segments.iter().zip(&new.segments).filter(|(one, _)| one.kind == segment::LOAD) {
        let bytes = old.part(before.offset, before.in_file).ok_or_else(fault)?;
        let others = new.part(after.offset, after.in_file).ok_or_else(fault)?;
        let mut at = 0;
        let ends = loose.iter().map(|range| {
            let place = |address: u64| address.saturating_sub(before.address).min(before.in_file) as usize;
            place(range.start)..place(range.end)
        });
        for range in ends.chain(std::iter::once(bytes.len()..bytes.len())) {
            if range.start > at && bytes[at..range.start] != *others.get(at..range.start).ok_or_else(fault)? {
                return Ok(false);
            }
            at = at.max(range.end);
        }
        // What the kernel filled with zeros is zero in the file too.
        let end = usize::try_from(before.in_memory).unwrap_or(usize::MAX).min(others.len());
        if others.get(bytes.len()..end).is_some_and(|zeros| !is_blank(zeros)) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether all bytes are zero; looked at in parts, each without a way out, so that the compiler takes many bytes at once.
pub fn is_blank(bytes: &[u8]) -> bool {
    bytes.chunks(4096).all(|part| part.iter().fold(0, |all, byte| all | byte) == 0)
}

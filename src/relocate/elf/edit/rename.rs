//! Renames dynamic symbols: the hash tables follow, and where their order must change, everything that counts them.
//!
//! `.gnu.hash` wants the symbols sorted by bucket (the order in which glibc's `do_lookup_x` walks a chain), so new
//! names mean a new order: symbols, `.gnu.version` and the numbers in relocations are rearranged in place.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::relocate::elf::ElfFault;
use crate::relocate::elf::edit::EditFault;
use crate::relocate::elf::edit::draft::{Draft, VERSYM};
use crate::relocate::elf::edit::image::Image;
use crate::relocate::elf::layout::{Layout, tags};

/// EM_MIPS: its global offset table has the order of the symbols, and 64-bit relocations another shape.
const MIPS: u16 = 8;
/// EM_ALPHA and EM_S390 have hash words of 8 bytes (elf.h, Elf_Symndx).
const WIDE_HASH: [u16; 2] = [0x9026, 22];

/// DT_RELA with its size, DT_REL, DT_JMPREL, and DT_PLTREL that tells the shape of the last.
const RELOCATIONS: [(u64, u64); 3] = [(7, 8), (17, 18), (23, 2)];
const RELA: u64 = 7;
const PLTREL: u64 = 20;

/// Renames symbols in a draft; the new names are placed when it is written.
pub fn rename(draft: &mut Draft<'_>, renames: &[(Vec<u8>, Vec<u8>)]) -> Result<(), EditFault> {
    let refused = |reason: &str| EditFault::Rename { reason: reason.to_owned() };
    let map: BTreeMap<&[u8], &Vec<u8>> =
        renames.iter().filter(|(old, new)| old != new).map(|(old, new)| (old.as_slice(), new)).collect();
    if map.is_empty() {
        return Ok(());
    }
    let mut names: Vec<Vec<u8>> = Vec::with_capacity(draft.symbols.len());
    let mut left = draft.most_text;
    for (number, offset) in draft.symbols.clone().into_iter().enumerate() {
        let name = draft.string(u64::from(offset))?.to_vec();
        left = left.checked_sub(name.len()).ok_or_else(|| refused("they repeat each other too often"))?;
        match map.get(name.as_slice()).filter(|_| number > 0) {
            Some(new) => {
                draft.released.push(u64::from(offset));
                draft.new_symbols.insert(number, (*new).clone());
                draft.expected.renamed.insert(name, (*new).clone());
                names.push((*new).clone());
            }
            None => names.push(name),
        }
    }
    if draft.new_symbols.is_empty() {
        return Ok(());
    }
    if draft.value(0x7000_0036).is_some() || (draft.image.machine == MIPS && draft.value(tags::GNU_HASH).is_some()) {
        return Err(refused("the order of its symbols is fixed by its global offset table"));
    }
    if [0x6000_000f, 0x6000_0011].iter().any(|tag| draft.value(*tag).is_some()) {
        return Err(refused("its relocations are packed"));
    }
    if let Some(table) = draft.value(tags::GNU_HASH) {
        let table = draft.image.offset_of(table)?;
        let order = GnuHash::read(&draft.image, table, names.len())?.order(&names);
        names = order.iter().map(|number| names[*number].clone()).collect();
        reorder(draft, &order)?;
        GnuHash::read(&draft.image, table, names.len())?.write(&mut draft.image, &names)?;
    }
    if let Some(table) = draft.value(tags::HASH) {
        let table = draft.image.offset_of(table)?;
        write_hash(&mut draft.image, table, &names)?;
    }
    Ok(())
}

/// The table of glibc's fast lookup: header, Bloom filter, buckets, chains.
struct GnuHash {
    buckets: usize,
    first: usize,
    filter_words: usize,
    shift: u32,
    filter_at: usize,
    buckets_at: usize,
    chains_at: usize,
}

impl GnuHash {
    fn read(image: &Image<'_>, at: usize, symbols: usize) -> Result<GnuHash, ElfFault> {
        let word =
            |number: usize| image.form.u32(&image.bytes, at.saturating_add(4 * number)).map(|word| word as usize);
        let (buckets, first, filter_words, shift) = (word(0)?, word(1)?, word(2)?, word(3)?);
        let filter_at = at + 16;
        let buckets_at = filter_at.saturating_add(filter_words.saturating_mul(image.form.word_size()));
        let chains_at = buckets_at.saturating_add(buckets.saturating_mul(4));
        let end = chains_at.saturating_add(symbols.saturating_sub(first).saturating_mul(4));
        if buckets == 0 || filter_words == 0 || first > symbols || end > image.bytes.len() {
            return Err(ElfFault::new("its table of hashes contradicts itself"));
        }
        Ok(GnuHash { buckets, first, filter_words, shift: shift as u32, filter_at, buckets_at, chains_at })
    }

    /// The old numbers of the symbols in their new order.
    fn order(&self, names: &[Vec<u8>]) -> Vec<usize> {
        let mut order: Vec<usize> = (0..names.len()).collect();
        order[self.first..].sort_by_key(|number| gnu_hash(&names[*number]) as usize % self.buckets);
        order
    }

    fn write(&self, image: &mut Image<'_>, names: &[Vec<u8>]) -> Result<(), ElfFault> {
        let form = image.form;
        let bits = 8 * form.word_size() as u32;
        let mut filter = vec![0_u64; self.filter_words];
        for bucket in 0..self.buckets {
            form.put_u32(image.bytes.to_mut(), self.buckets_at + 4 * bucket, 0)?;
        }
        let bucket = |number: usize| gnu_hash(&names[number]) as usize % self.buckets;
        for number in self.first..names.len() {
            let hash = gnu_hash(&names[number]);
            let word = &mut filter[(hash / bits) as usize % self.filter_words];
            *word |= 1 << (hash % bits) | 1 << (hash.checked_shr(self.shift).unwrap_or(0) % bits);
            let is_last = number + 1 == names.len() || bucket(number + 1) != bucket(number);
            let chain = hash & !1 | u32::from(is_last);
            form.put_u32(image.bytes.to_mut(), self.chains_at + 4 * (number - self.first), chain)?;
            if number == self.first || bucket(number - 1) != bucket(number) {
                form.put_u32(image.bytes.to_mut(), self.buckets_at + 4 * bucket(number), number as u32)?;
            }
        }
        filter.iter().enumerate().try_for_each(|(number, word)| {
            form.put_word(image.bytes.to_mut(), self.filter_at + number * form.word_size(), *word)
        })
    }
}

fn gnu_hash(name: &[u8]) -> u32 {
    name.iter().fold(5381, |hash: u32, byte| hash.wrapping_mul(33).wrapping_add(u32::from(*byte)))
}

/// The hash of the System V ABI.
fn sysv_hash(name: &[u8]) -> u32 {
    name.iter().fold(0, |hash: u32, byte| {
        let hash = (hash << 4).wrapping_add(u32::from(*byte));
        let high = hash & 0xf000_0000;
        (hash ^ (high >> 24)) & !high
    })
}

fn write_hash(image: &mut Image<'_>, at: usize, names: &[Vec<u8>]) -> Result<(), ElfFault> {
    let form = image.form;
    let is_wide = form.is_wide && WIDE_HASH.contains(&image.machine);
    let size = if is_wide { 8 } else { 4 };
    let read = |image: &Image<'_>, number: usize| {
        let at = at.saturating_add(number.saturating_mul(size));
        if is_wide { form.word(&image.bytes, at) } else { form.u32(&image.bytes, at).map(u64::from) }
    };
    let put = |image: &mut Image<'_>, number: usize, value: usize| {
        let at = at.saturating_add(number.saturating_mul(size));
        if is_wide {
            form.put_word(image.bytes.to_mut(), at, value as u64)
        } else {
            form.put_u32(image.bytes.to_mut(), at, value as u32)
        }
    };
    let (buckets, chains) = (read(image, 0)? as usize, read(image, 1)? as usize);
    if buckets == 0 || chains < names.len() || buckets.max(chains) > image.bytes.len() {
        return Err(ElfFault::new("its table of hashes contradicts itself"));
    }
    // Symbols that no bucket leads to, those without a definition in some files, stay so.
    let listed: BTreeSet<usize> = (2..2 + buckets + chains)
        .map(|number| read(image, number).map(|symbol| symbol as usize))
        .collect::<Result<_, _>>()?;
    let has_gaps = (1..names.len()).any(|number| !listed.contains(&number));
    (2..2 + buckets + chains).try_for_each(|number| put(image, number, 0))?;
    for number in (1..names.len()).rev() {
        if has_gaps && !listed.contains(&number) {
            continue;
        }
        let bucket = 2 + sysv_hash(&names[number]) as usize % buckets;
        let next = read(image, bucket)? as usize;
        put(image, 2 + buckets + number, next)?;
        put(image, bucket, number)?;
    }
    Ok(())
}

/// Puts the symbols into a new order, with everything that counts them.
fn reorder(draft: &mut Draft<'_>, order: &[usize]) -> Result<(), EditFault> {
    if order.iter().enumerate().all(|(new, old)| new == *old) {
        return Ok(());
    }
    let size = draft.image.form.pick(24, 16);
    let symbols = draft.value(tags::SYMTAB).unwrap_or(0);
    let tables = [(Some(symbols), size), (draft.value(VERSYM), 2)];
    for (address, size) in tables {
        let Some(address) = address else { continue };
        let at = draft.image.offset_of(address)?;
        let bytes = draft.image.part(at as u64, (order.len() * size) as u64);
        let old = bytes.ok_or_else(|| ElfFault::new("its symbols lie outside of it"))?.to_vec();
        for (new, number) in order.iter().enumerate() {
            draft.image.bytes.to_mut()[at + new * size..][..size].copy_from_slice(&old[number * size..][..size]);
        }
    }
    let mut new_numbers = vec![0; order.len()];
    order.iter().enumerate().for_each(|(new, old)| new_numbers[*old] = new);
    draft.symbols = order.iter().map(|old| draft.symbols[*old]).collect();
    draft.new_symbols =
        std::mem::take(&mut draft.new_symbols).into_iter().map(|(old, name)| (new_numbers[old], name)).collect();
    let layout = |tag| draft.value(tag);
    for (range, entry) in relocation_tables(&draft.image, layout)? {
        for at in range.step_by(entry) {
            let (number, kind) = symbol_of(&draft.image, at)?;
            let new = *new_numbers.get(number).ok_or_else(|| ElfFault::new("a relocation names no symbol"))?;
            let form = draft.image.form;
            let word = if form.is_wide { (new as u64) << 32 | kind } else { (new as u64) << 8 | kind };
            form.put_word(draft.image.bytes.to_mut(), at + form.word_size(), word)?;
        }
    }
    Ok(())
}

/// The number of a relocation's symbol, and its type.
fn symbol_of(image: &Image<'_>, at: usize) -> Result<(usize, u64), ElfFault> {
    let word = image.form.word(&image.bytes, at.saturating_add(image.form.word_size()))?;
    Ok(if image.form.is_wide {
        ((word >> 32) as usize, word & 0xffff_ffff)
    } else {
        ((word >> 8) as usize, word & 0xff)
    })
}

/// Where relocations lie in the file, and the size of one; parts that two tables share are given once.
fn relocation_tables(
    image: &Image<'_>,
    value: impl Fn(u64) -> Option<u64>,
) -> Result<Vec<(Range<usize>, usize)>, ElfFault> {
    let mut tables: Vec<(Range<usize>, usize)> = Vec::new();
    for (start, size) in RELOCATIONS {
        let (Some(start_address), Some(size)) = (value(start), value(size)) else { continue };
        if size == 0 {
            continue;
        }
        let has_addend = start == RELA || (start == 23 && value(PLTREL) == Some(RELA));
        let entry = image.form.word_size() * if has_addend { 3 } else { 2 };
        let at = image.offset_of(start_address)?;
        let mut end = at.saturating_add(usize::try_from(size).unwrap_or(usize::MAX));
        // The entries for the PLT may be counted among the others too.
        if let Some((other, _)) = tables.iter().find(|(other, _)| other.start < end && at < other.end) {
            if at >= other.start {
                continue;
            }
            end = other.start;
        }
        if end > image.bytes.len() {
            return Err(ElfFault::new("its relocations lie outside of it"));
        }
        let count = (end - at) / entry;
        tables.push((at..at + count * entry, entry));
    }
    Ok(tables)
}

/// Symbols and relocations by the names of the symbols, in an order that does not depend on their numbers.
#[derive(Debug, PartialEq, Eq)]
pub struct Symbols {
    /// Name, everything but the name, version.
    symbols: Vec<(Vec<u8>, Vec<u8>, u16)>,
    /// The place among the symbols, type, and everything else.
    relocations: Vec<(usize, u64, Vec<u8>)>,
}

/// Reads symbols and relocations, with new names for some, and without the versions of others.
pub fn symbols(
    image: &Image<'_>,
    layout: &Layout<'_>,
    renamed: &BTreeMap<Vec<u8>, Vec<u8>>,
    cleared: &[usize],
) -> Result<Symbols, ElfFault> {
    let mut out = Symbols { symbols: Vec::new(), relocations: Vec::new() };
    let Some((at, count)) = layout.symbols()? else { return Ok(out) };
    let size = image.form.pick(24, 16);
    let versions = layout.value(VERSYM).map(|address| image.offset_of(address)).transpose()?;
    for (number, name) in layout.symbol_names()?.into_iter().enumerate().take(count) {
        let name = layout.text(u64::from(name))?;
        let name = renamed.get(name).cloned().unwrap_or_else(|| name.to_vec());
        let rest = image.part((at + number * size + 4) as u64, size as u64 - 4).unwrap_or_default().to_vec();
        let version = versions.map(|at| image.form.u16(&image.bytes, at.saturating_add(2 * number))).transpose()?;
        // VER_NDX_GLOBAL.
        let version = if cleared.binary_search(&number).is_ok() { Some(1) } else { version };
        out.symbols.push((name, rest, version.unwrap_or(0)));
    }
    // Where a symbol stands in this order does not depend on its number.
    let mut order: Vec<usize> = (0..out.symbols.len()).collect();
    order.sort_by_key(|number| &out.symbols[*number]);
    let mut places = vec![0; order.len()];
    for (place, number) in order.iter().enumerate() {
        let is_twin = place > 0 && out.symbols[order[place - 1]] == out.symbols[*number];
        places[*number] = if is_twin { places[order[place - 1]] } else { place };
    }
    for (range, entry) in relocation_tables(image, |tag| layout.value(tag))? {
        for at in range.step_by(entry) {
            let (number, kind) = symbol_of(image, at)?;
            let word = image.form.word_size();
            let rest = [&image.bytes[at..at + word], &image.bytes[at + 2 * word..at + entry]].concat();
            out.relocations.push((places.get(number).copied().unwrap_or(usize::MAX), kind, rest));
        }
    }
    out.symbols.sort();
    Ok(out)
}

/// The addresses of everything that a rename rearranges.
pub fn places(image: &Image<'_>, layout: &Layout<'_>) -> Result<Vec<Range<u64>>, ElfFault> {
    let mut places = Vec::new();
    let count = layout.symbols()?.map_or(0, |(_, count)| count as u64);
    let mut add = |address: Option<u64>, size: u64| {
        places.extend(address.map(|start| start..start.saturating_add(size)));
    };
    add(layout.value(tags::SYMTAB), count * image.form.pick(24, 16) as u64);
    add(layout.value(VERSYM), count * 2);
    for (start, size) in RELOCATIONS {
        add(layout.value(start), layout.value(size).unwrap_or(0));
    }
    if let Some(address) = layout.value(tags::GNU_HASH) {
        let hash = GnuHash::read(image, image.offset_of(address)?, count as usize)?;
        let end = hash.chains_at + 4 * (count as usize - hash.first);
        add(Some(address), (end - (hash.filter_at - 16)) as u64);
    }
    if let Some(address) = layout.value(tags::HASH) {
        let at = image.offset_of(address)?;
        let is_wide = image.form.is_wide && WIDE_HASH.contains(&image.machine);
        let word = |number: usize| {
            if is_wide {
                image.form.word(&image.bytes, at.saturating_add(8 * number))
            } else {
                image.form.u32(&image.bytes, at.saturating_add(4 * number)).map(u64::from)
            }
        };
        let words = word(0)?.saturating_add(word(1)?).saturating_add(2);
        add(Some(address), words.saturating_mul(if is_wide { 8 } else { 4 }));
    }
    Ok(places)
}

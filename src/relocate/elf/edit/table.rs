//! Writes the dynamic section, and moves what leads to things that moved: section headers, segments, symbols.
//!
//! Does not decide what moves where (`grow.rs`).

use crate::relocate::elf::ElfFault;
use crate::relocate::elf::edit::draft::{Draft, Entry, Text};
use crate::relocate::elf::edit::image::{Section, place, section, segment};
use crate::relocate::elf::layout::tags;

/// DT_MIPS_RLD_MAP_REL counts from its own place; DT_PLTGOT leads to a word that holds the place of the table.
const RLD_MAP_REL: u64 = 0x7000_0035;
const PLTGOT: u64 = 3;
/// STT_SECTION.
const OF_SECTION: u8 = 3;

/// The dynamic section: address, offset in the file, entries that fit.
#[derive(Debug, Clone, Copy)]
pub struct Table {
    pub address: u64,
    pub at: usize,
    pub capacity: usize,
}

impl Table {
    /// The one that is there.
    pub fn of(draft: &Draft<'_>) -> Result<Table, ElfFault> {
        let image = &draft.image;
        let found = image.segment(segment::DYNAMIC).ok_or_else(|| ElfFault::new("it has no dynamic section"))?;
        let mut size = found.in_file;
        if let Some(section) = image.sections.iter().find(|one| one.kind == section::DYNAMIC) {
            size = size.min(section.size);
        }
        let at = place(found.offset)?;
        let size = place(size)?.min(image.bytes.len().saturating_sub(at));
        Ok(Table { address: found.address, at, capacity: size / draft.entry_size() })
    }
}

impl Draft<'_> {
    pub fn entry_size(&self) -> usize {
        2 * self.image.form.word_size()
    }

    pub fn set_value(&mut self, tag: u64, value: u64) {
        for entry in self.entries.iter_mut().filter(|entry| entry.tag == tag) {
            entry.text = Text::Old(value);
        }
    }

    pub fn move_segment(&mut self, kind: u32, address: u64, offset: u64, size: u64) {
        for one in self.image.segments.iter_mut().filter(|one| one.kind == kind) {
            (one.offset, one.address, one.physical) = (offset, address, address);
            (one.in_file, one.in_memory) = (size, size);
        }
    }

    /// Moves a section and the symbol of it.
    pub fn move_section(
        &mut self,
        is_it: impl Fn(&Section) -> bool,
        address: u64,
        offset: u64,
        size: u64,
    ) -> Result<(), ElfFault> {
        let Some(number) = self.image.sections.iter().position(is_it) else { return Ok(()) };
        let section = &mut self.image.sections[number];
        let old = section.address;
        (section.address, section.offset, section.size) = (address, offset, size);
        let follow = |info: u8, index: u16, value: u64| {
            (info & 15 == OF_SECTION && usize::from(index) == number && value == old).then_some(address)
        };
        self.move_symbols(&[section::SYMTAB, section::DYNSYM], None, follow)
    }

    /// Moves all static symbols of a section that moved as it is.
    pub fn follow_section(&mut self, number: usize, old: u64, new: u64) -> Result<(), ElfFault> {
        let follow = |_: u8, index: u16, value: u64| {
            let distance = value.checked_sub(old).filter(|_| usize::from(index) == number)?;
            new.checked_add(distance)
        };
        self.move_symbols(&[section::SYMTAB], None, follow)
    }

    /// What else knows where the dynamic section lies: the symbol `_DYNAMIC` and the first word of the GOT.
    pub fn point_at_table(&mut self, old: u64, new: u64) -> Result<(), ElfFault> {
        let follow = |_: u8, _: u16, value: u64| (value == old).then_some(new);
        self.move_symbols(&[section::SYMTAB, section::DYNSYM], Some(b"_DYNAMIC\0"), follow)?;
        if let Some(at) = self.value(PLTGOT).and_then(|address| self.image.offset_of(address).ok())
            && self.image.form.word(&self.image.bytes, at).is_ok_and(|word| word == old)
        {
            self.image.form.put_word(self.image.bytes.to_mut(), at, new)?;
        }
        Ok(())
    }

    /// Gives symbols, or those of one name with its NUL, the value that `follow` has for kind, section and value.
    fn move_symbols(
        &mut self,
        kinds: &[u32],
        name: Option<&[u8]>,
        follow: impl Fn(u8, u16, u64) -> Option<u64>,
    ) -> Result<(), ElfFault> {
        let form = self.image.form;
        let size = form.pick(24, 16);
        let tables: Vec<Section> =
            self.image.sections.iter().filter(|one| kinds.contains(&one.kind)).copied().collect();
        for table in tables {
            let names = self.image.sections.get(table.link as usize).copied();
            let start = place(table.offset)?.min(self.image.bytes.len());
            let count = place(table.size)?.min(self.image.bytes.len() - start) / size;
            for at in (0..count).map(|number| start + number * size) {
                let bytes = &self.image.bytes;
                let value = form.word(bytes, at + form.pick(8, 4))?;
                let (info, index) = (bytes[at + form.pick(4, 12)], form.u16(bytes, at + form.pick(6, 14))?);
                let Some(new) = follow(info, index, value) else { continue };
                let place = u64::from(form.u32(bytes, at)?);
                let is_named = |name: &[u8]| {
                    let place = names.map(|names| names.offset.saturating_add(place));
                    place.and_then(|place| self.image.part(place, name.len() as u64)) == Some(name)
                };
                if name.is_none_or(is_named) {
                    form.put_word(self.image.bytes.to_mut(), at + form.pick(8, 4), new)?;
                }
            }
        }
        Ok(())
    }

    pub fn write_table(&mut self, old: Table, new: Table) -> Result<(), ElfFault> {
        let (form, size) = (self.image.form, self.entry_size());
        for (number, Entry { tag, text, slot }) in self.entries.iter().enumerate() {
            let Text::Old(mut value) = *text else { return Err(ElfFault::new("a new string has no place")) };
            if let (RLD_MAP_REL, Some(slot)) = (*tag, slot) {
                let was = old.address.wrapping_add((slot * size) as u64);
                let is = new.address.wrapping_add((number * size) as u64);
                value = value.wrapping_add(was).wrapping_sub(is);
                value = if form.is_wide { value } else { value & 0xffff_ffff };
            }
            let at = new.at.saturating_add(number * size);
            form.put_word(self.image.bytes.to_mut(), at, *tag)?;
            form.put_word(self.image.bytes.to_mut(), at.saturating_add(size / 2), value)?;
        }
        let end = (self.old_count + 1).max(self.entries.len() + 1).min(new.capacity);
        for number in self.entries.len()..end {
            let at = new.at.saturating_add(number * size);
            form.put_word(self.image.bytes.to_mut(), at, tags::NULL)?;
            form.put_word(self.image.bytes.to_mut(), at.saturating_add(size / 2), 0)?;
        }
        Ok(())
    }
}

//! Writes a draft: in place if everything fits, else behind the last PT_LOAD, which is made longer.
//!
//! Nothing that has an address moves but what the dynamic section and the headers lead to: strings, the dynamic
//! section itself, the interpreter. No header is added. The order of sections stays, so that `strip` follows.

use crate::relocate::elf::ElfFault;
use crate::relocate::elf::edit::draft::{Draft, Entry, Text};
use crate::relocate::elf::edit::image::{Section, place, section, segment};
use crate::relocate::elf::edit::strings::{self, Strings};
use crate::relocate::elf::edit::{Edit, EditFault};
use crate::relocate::elf::layout::tags;

/// Entries that are left free when the dynamic section moves.
const SPARE: usize = 8;
/// Zero bytes that may become part of the file, instead of being made by the kernel: those of `.bss`.
const MOST_ZEROS: u64 = 64 << 20;
/// DT_MIPS_RLD_MAP_REL counts from its own place; DT_PLTGOT leads to a word that holds the place of the table.
const RLD_MAP_REL: u64 = 0x7000_0035;
const PLTGOT: u64 = 3;

/// The bytes that go behind the last segment, and where they will be loaded.
struct Blob {
    start: u64,
    bytes: Vec<u8>,
    dynamic: Option<u64>,
    interpreter: Option<u64>,
    strings: Option<u64>,
}

/// The dynamic section: address, bytes in memory, offset in the file, entries that fit.
#[derive(Clone, Copy)]
struct Table {
    address: u64,
    at: usize,
    capacity: usize,
}

impl Draft {
    /// Writes everything into new bytes.
    pub fn write(mut self, edit: &Edit) -> Result<Vec<u8>, EditFault> {
        let names_before = self.symbols.clone();
        let strings = strings::place(&mut self, edit.keep_old_strings)?;
        self.write_names(&names_before)?;
        let table = self.table()?;
        let moves_table = self.entries.len() + 1 > table.capacity;
        let moves_interpreter = self.write_interpreter(edit)?;
        // Where the strings stand now, what nothing uses is overwritten even if they move.
        let old_part = &strings.bytes[..self.strings_size.min(strings.bytes.len())];
        self.image.bytes[self.strings_at..self.strings_at + old_part.len()].copy_from_slice(old_part);
        if !strings.has_grown && !moves_table && !moves_interpreter {
            self.write_table(table, table)?;
            self.image.write_headers()?;
            return Ok(self.image.bytes);
        }
        let old_strings = self.value(tags::STRTAB).unwrap_or(0);
        let blob = self.blob(&strings, moves_table, moves_interpreter)?;
        if blob.dynamic.is_some() && !self.ends_writable() {
            return Err(EditFault::NoGrowth { reason: "it cannot be written to, which the loader must".to_owned() });
        }
        let old_at = self.image.last_load().map(|number| self.image.segments[number]);
        let old_at = old_at.ok_or_else(|| no_growth("there is none"))?;
        let end = blob.start + blob.bytes.len() as u64;
        self.lengthen(end - old_at.address, edit.page_size)?;
        let at = place(old_at.offset + (blob.start - old_at.address))?;
        self.image.bytes[at..at + blob.bytes.len()].copy_from_slice(&blob.bytes);
        let offset = |address: u64| old_at.offset + (address - old_at.address);
        if let Some(address) = blob.strings {
            let size = strings.bytes.len() as u64;
            let is_strings =
                |one: &Section| one.kind == section::STRTAB && one.is_loaded() && one.address == old_strings;
            self.move_section(is_strings, address, offset(address), Some(size))?;
            self.set_value(tags::STRTAB, address);
            self.set_value(tags::STRSZ, size);
        }
        if let Some(address) = blob.interpreter {
            let size = self.interpreter.as_ref().map_or(0, Vec::len) as u64 + 1;
            let old = self.image.segment(segment::INTERP).map_or(0, |one| one.address);
            self.move_section(
                |one| one.is_loaded() && one.address == old && one.kind == 1,
                address,
                offset(address),
                Some(size),
            )?;
            self.move_segment(segment::INTERP, address, offset(address), size);
        }
        let mut new_table = table;
        // The table may lie behind the bytes that were put in.
        new_table.at = self.image.offset_of(table.address)?;
        if let Some(address) = blob.dynamic {
            let capacity = self.entries.len() + 1 + SPARE;
            let size = (capacity * self.entry_size()) as u64;
            self.move_section(|one| one.kind == section::DYNAMIC, address, offset(address), Some(size))?;
            self.move_segment(segment::DYNAMIC, address, offset(address), size);
            self.point_at_table(table.address, address)?;
            new_table = Table { address, at: place(offset(address))?, capacity };
        }
        self.write_table(table, new_table)?;
        self.image.write_headers()?;
        Ok(self.image.bytes)
    }

    pub fn entry_size(&self) -> usize {
        2 * self.image.form.word_size()
    }

    fn table(&self) -> Result<Table, ElfFault> {
        let found = self.image.segment(segment::DYNAMIC).ok_or_else(|| ElfFault::new("it has no dynamic section"))?;
        let mut size = found.in_file;
        if let Some(section) = self.image.sections.iter().find(|one| one.kind == section::DYNAMIC) {
            size = size.min(section.size);
        }
        let at = place(found.offset)?;
        let size = place(size)?.min(self.image.bytes.len().saturating_sub(at));
        Ok(Table { address: found.address, at, capacity: size / self.entry_size() })
    }

    /// Writes names of symbols and the file names of versions.
    fn write_names(&mut self, before: &[u32]) -> Result<(), ElfFault> {
        let form = self.image.form;
        if self.symbols != before {
            let address = self.value(tags::SYMTAB).unwrap_or(0);
            let at = self.image.offset_of(address)?;
            for number in self.new_symbols.keys() {
                form.put_u32(&mut self.image.bytes, at + number * form.pick(24, 16), self.symbols[*number])?;
            }
        }
        for (at, text) in &self.version_files {
            if let Text::Old(offset) = text {
                form.put_u32(&mut self.image.bytes, *at, *offset as u32)?;
            }
        }
        Ok(())
    }

    /// Writes the interpreter if it fits; whether it does not.
    fn write_interpreter(&mut self, edit: &Edit) -> Result<bool, ElfFault> {
        let (Some(text), Some(old)) = (&self.interpreter, self.image.segment(segment::INTERP)) else {
            return Ok(false);
        };
        let (at, size) = (place(old.offset)?, place(old.in_file)?);
        let end = at.checked_add(size).filter(|end| *end <= self.image.bytes.len());
        let end = end.ok_or_else(|| ElfFault::new("its interpreter lies outside of it"))?;
        let room = &mut self.image.bytes[at..end];
        if text.len() < size {
            room.fill(0);
            room[..text.len()].copy_from_slice(text);
            return Ok(false);
        }
        if !edit.keep_old_strings {
            room.iter_mut().filter(|byte| **byte != 0).for_each(|byte| *byte = b'X');
        }
        Ok(true)
    }

    fn blob(&self, strings: &Strings, moves_table: bool, moves_interpreter: bool) -> Result<Blob, EditFault> {
        let last = self.image.last_load().ok_or_else(|| no_growth("there is none"))?;
        let last = self.image.segments[last];
        let address = self.value(tags::STRTAB).unwrap_or(0);
        // Strings at the very end, where an earlier edit put them, are made longer instead of moved again.
        let are_last = last.in_file == last.in_memory
            && address >= last.address
            && address.checked_add(self.strings_size as u64) == last.address.checked_add(last.in_file);
        let end = last.address.checked_add(last.in_memory).filter(|end| *end < u64::MAX / 2);
        let end = end.ok_or_else(|| no_growth("its address is too high"))?;
        let start = if are_last { address } else { end.next_multiple_of(16) };
        let mut blob = Blob { start, bytes: Vec::new(), dynamic: None, interpreter: None, strings: None };
        let here = |blob: &Blob| blob.start + blob.bytes.len() as u64;
        if moves_table {
            let gap = here(&blob).next_multiple_of(16) - here(&blob);
            blob.bytes.resize(gap as usize, 0);
            blob.dynamic = Some(here(&blob));
            let size = (self.entries.len() + 1 + SPARE) * self.entry_size();
            blob.bytes.resize(blob.bytes.len() + size, 0);
        }
        if let (true, Some(text)) = (moves_interpreter, &self.interpreter) {
            blob.interpreter = Some(here(&blob));
            blob.bytes.extend_from_slice(text);
            blob.bytes.push(0);
        }
        if strings.has_grown || are_last {
            blob.strings = Some(here(&blob));
            blob.bytes.extend_from_slice(&strings.bytes);
        }
        Ok(blob)
    }

    fn ends_writable(&self) -> bool {
        self.image.last_load().is_some_and(|number| self.image.segments[number].flags & segment::WRITE != 0)
    }

    /// Makes the last segment `size` bytes long in file and memory; what lies behind it in the file moves down.
    fn lengthen(&mut self, size: u64, page_size: Option<u64>) -> Result<(), EditFault> {
        let number = self.image.last_load().ok_or_else(|| no_growth("there is none"))?;
        let last = self.image.segments[number];
        if last.in_memory - last.in_file.min(last.in_memory) > MOST_ZEROS {
            return Err(no_growth("it ends in too many zeros that are not in the file"));
        }
        let old_end = last.offset.saturating_add(last.in_file);
        let file_size = self.image.bytes.len() as u64;
        let new_end = last.offset.saturating_add(size);
        let others =
            || self.image.segments.iter().enumerate().filter(|(other, _)| *other != number).map(|(_, one)| one);
        let sections = self.image.sections.iter().filter(|one| one.is_in_file() && one.size > 0);
        let places = sections
            .map(|one| one.offset)
            .chain(others().filter(|one| one.in_file > 0).map(|one| one.offset))
            .chain([self.image.segments_at])
            .chain(Some(self.image.sections_at).filter(|_| !self.image.sections.is_empty()));
        let next = places.filter(|offset| *offset >= old_end).min();
        let next = next.unwrap_or(if file_size > old_end { old_end } else { u64::MAX });
        let overlaps = |one: &&crate::relocate::elf::edit::image::Segment| {
            one.offset < next && one.in_file > 0 && one.offset.saturating_add(one.in_file) > old_end
        };
        if others().any(|one| overlaps(&one)) {
            return Err(no_growth("another one shares its end in the file"));
        }
        let gap = if next == u64::MAX { u64::MAX } else { next - old_end };
        let is_blank =
            next == u64::MAX || self.image.part(old_end, gap).is_some_and(|gap| gap.iter().all(|byte| *byte == 0));
        let (gap, from) = if is_blank { (gap, next) } else { (0, old_end) };
        let extra = new_end.saturating_sub(old_end);
        if extra > gap {
            let unit = self.unit(from, page_size);
            let shift = (extra - gap).next_multiple_of(unit);
            let at = place(from)?;
            if at > self.image.bytes.len() {
                return Err(no_growth("it ends behind the file"));
            }
            self.image.bytes.splice(at..at, std::iter::repeat_n(0, place(shift)?));
            self.shift(number, from, shift);
        } else if new_end > file_size {
            self.image.bytes.resize(place(new_end)?, 0);
        }
        let zeros_from = last.address.saturating_add(last.in_file);
        let zeros_to = last.address.saturating_add(last.in_memory);
        for one in &mut self.image.sections {
            let is_zeros = one.kind == section::NOBITS && one.is_loaded() && one.flags & section::TLS == 0;
            if is_zeros && (zeros_from..=zeros_to).contains(&one.address) {
                one.kind = section::PROGBITS;
                one.offset = last.offset + (one.address - last.address);
            }
        }
        let last = &mut self.image.segments[number];
        last.in_file = size;
        last.in_memory = size;
        Ok(())
    }

    /// What moves must move by a multiple of this, so that segments stay on their pages and sections aligned.
    fn unit(&self, from: u64, page_size: Option<u64>) -> u64 {
        let loads = self.image.segments.iter().filter(|one| one.offset >= from && one.in_file > 0);
        let sections = self.image.sections.iter().filter(|one| one.offset >= from && one.is_in_file());
        let aligns = loads.map(|one| one.align).chain(sections.map(|one| one.align.min(4096)));
        let aligns = aligns.chain(page_size).filter(|align| align.is_power_of_two() && *align <= 1 << 24);
        aligns.max().unwrap_or(16).max(16)
    }

    fn shift(&mut self, last: usize, from: u64, shift: u64) {
        for one in self.image.sections.iter_mut().filter(|one| one.offset >= from && one.kind != section::NULL) {
            one.offset = one.offset.saturating_add(shift);
        }
        for (number, one) in self.image.segments.iter_mut().enumerate() {
            if number != last && one.offset >= from && one.in_file > 0 {
                one.offset = one.offset.saturating_add(shift);
            }
        }
        if self.image.sections_at >= from {
            self.image.sections_at += shift;
        }
        if self.image.segments_at >= from {
            self.image.segments_at += shift;
        }
    }

    fn set_value(&mut self, tag: u64, value: u64) {
        for entry in self.entries.iter_mut().filter(|entry| entry.tag == tag) {
            entry.text = Text::Old(value);
        }
    }

    fn move_segment(&mut self, kind: u32, address: u64, offset: u64, size: u64) {
        for one in self.image.segments.iter_mut().filter(|one| one.kind == kind) {
            (one.offset, one.address, one.physical) = (offset, address, address);
            (one.in_file, one.in_memory) = (size, size);
        }
    }

    /// Moves a section and the symbol of it.
    fn move_section(
        &mut self,
        is_it: impl Fn(&Section) -> bool,
        address: u64,
        offset: u64,
        size: Option<u64>,
    ) -> Result<(), ElfFault> {
        let Some(number) = self.image.sections.iter().position(is_it) else { return Ok(()) };
        let section = &mut self.image.sections[number];
        let old = section.address;
        (section.address, section.offset) = (address, offset);
        section.size = size.unwrap_or(section.size);
        // STT_SECTION.
        self.move_symbols(old, address, |info, index, _| info & 15 == 3 && usize::from(index) == number)
    }

    /// What else knows where the dynamic section lies: the symbol `_DYNAMIC` and the first word of the GOT.
    fn point_at_table(&mut self, old: u64, new: u64) -> Result<(), ElfFault> {
        self.move_symbols(old, new, |_, _, name| name == b"_DYNAMIC")?;
        if let Some(at) = self.value(PLTGOT).and_then(|address| self.image.offset_of(address).ok())
            && self.image.form.word(&self.image.bytes, at)? == old
        {
            self.image.form.put_word(&mut self.image.bytes, at, new)?;
        }
        Ok(())
    }

    fn move_symbols(&mut self, old: u64, new: u64, is_it: impl Fn(u8, u16, &[u8]) -> bool) -> Result<(), ElfFault> {
        let form = self.image.form;
        let is_table = |one: &&Section| one.kind == section::SYMTAB || one.kind == section::DYNSYM;
        let tables: Vec<Section> = self.image.sections.iter().filter(is_table).copied().collect();
        for table in tables {
            let names = self.image.sections.get(table.link as usize).copied();
            let size = form.pick(24, 16);
            for number in 0..place(table.size)? / size {
                let at = place(table.offset)?.saturating_add(number * size);
                let value_at = at + form.pick(8, 4);
                if value_at + 8 > self.image.bytes.len() {
                    break;
                }
                if form.word(&self.image.bytes, value_at)? != old {
                    continue;
                }
                let info = self.image.bytes.get(at + form.pick(4, 12)).copied().unwrap_or(0);
                let index = form.u16(&self.image.bytes, at + form.pick(6, 14))?;
                let name = u64::from(form.u32(&self.image.bytes, at)?);
                let name = names.and_then(|names| self.image.part(names.offset.saturating_add(name), 9));
                if is_it(info, index, name.map_or(b"", |name| &name[..8])) {
                    form.put_word(&mut self.image.bytes, value_at, new)?;
                }
            }
        }
        Ok(())
    }

    fn write_table(&mut self, old: Table, new: Table) -> Result<(), ElfFault> {
        let (form, size) = (self.image.form, self.entry_size());
        for (number, Entry { tag, text, slot }) in self.entries.iter().enumerate() {
            let Text::Old(mut value) = *text else { return Err(ElfFault::new("a new string has no place")) };
            if let (RLD_MAP_REL, Some(slot)) = (*tag, slot) {
                let (was, is) = (old.address + (slot * size) as u64, new.address + (number * size) as u64);
                value = value.wrapping_add(was).wrapping_sub(is);
                value = if form.is_wide { value } else { value & 0xffff_ffff };
            }
            let at = new.at + number * size;
            form.put_word(&mut self.image.bytes, at, *tag)?;
            form.put_word(&mut self.image.bytes, at + size / 2, value)?;
        }
        let end = (self.old_count + 1).max(self.entries.len() + 1).min(new.capacity);
        for number in self.entries.len()..end {
            form.put_word(&mut self.image.bytes, new.at + number * size, tags::NULL)?;
            form.put_word(&mut self.image.bytes, new.at + number * size + size / 2, 0)?;
        }
        Ok(())
    }
}

fn no_growth(reason: &str) -> EditFault {
    EditFault::NoGrowth { reason: reason.to_owned() }
}

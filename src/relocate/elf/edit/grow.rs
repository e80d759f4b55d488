//! Writes a draft: in place if everything fits, else into new bytes behind the last PT_LOAD.
//!
//! Nothing that has an address moves but what the dynamic section and the headers lead to: strings, the dynamic
//! section itself, the interpreter, and what stands where a program header must go (`headers.rs`). The order of
//! sections stays, so that `strip` follows. The file grows by no more than the new strings, a table of dynamic entries,
//! [`MOST_ZEROS`], and the padding of `room.rs`.

use crate::relocate::elf::ElfFault;
use crate::relocate::elf::edit::draft::{Draft, Text};
use crate::relocate::elf::edit::headers::{self, Front};
use crate::relocate::elf::edit::image::{Section, Segment, aligned, place, section, segment, sum};
use crate::relocate::elf::edit::strings::{self, Strings};
use crate::relocate::elf::edit::table::Table;
use crate::relocate::elf::edit::{Edit, EditFault};
use crate::relocate::elf::layout::tags;

/// Entries that are left free when the dynamic section moves.
const SPARE: usize = 8;
/// So many zero bytes, those of `.bss`, become part of the file before a program header of its own is made for the new
/// bytes.
const FEW_ZEROS: u64 = 4 << 20;
/// So many become part of the file where there is no room for a program header.
const MOST_ZEROS: u64 = 64 << 20;
/// Segments begin on pages; those of some machines have 64 KiB.
const LARGEST_PAGE: u64 = 64 << 10;

/// What needs new bytes.
struct Wants {
    table: bool,
    interpreter: bool,
    strings: bool,
    front: Front,
    /// The new bytes get a program header of their own, instead of making the last PT_LOAD longer.
    segment: bool,
}

/// New bytes, and where they will be loaded.
struct Blob {
    start: u64,
    bytes: Vec<u8>,
    /// The new addresses of the blocks of [`Front`].
    blocks: Vec<u64>,
    table: Option<u64>,
    interpreter: Option<u64>,
    strings: Option<u64>,
}

impl Draft<'_> {
    /// Writes everything into new bytes.
    pub fn write(mut self, edit: &Edit) -> Result<Vec<u8>, EditFault> {
        let names_before = self.symbols.clone();
        let strings = strings::place(&mut self, edit.keep_old_strings)?;
        self.write_names(&names_before)?;
        let table = Table::of(&self)?;
        let does_not_fit = self.write_interpreter(edit)?;
        // Where the strings stand now, what nothing uses is overwritten even if they move.
        let old_part = &strings.bytes[..self.strings_size.min(strings.bytes.len())];
        let there = self.strings_at..self.strings_at + old_part.len();
        self.image.bytes.to_mut()[there].copy_from_slice(old_part);
        let needs_table = self.entries.len() + 1 > table.capacity;
        let wants = self.wants(needs_table, does_not_fit, strings.has_grown)?;
        if wants.interpreter && self.interpreter.is_none() {
            self.interpreter = self.old_interpreter()?;
        }
        let new_table = if wants.needs_bytes() { self.grow(&wants, &strings, table, edit)? } else { table };
        if let Some(flags) = self.new_stack {
            let stack = Segment { kind: segment::GNU_STACK, flags, align: 16, ..Segment::default() };
            headers::add(&mut self.image, stack, None);
        }
        self.write_table(table, new_table)?;
        self.image.write_headers()?;
        Ok(self.image.into_bytes())
    }

    /// Decides by which means room is made.
    fn wants(&self, table: bool, interpreter: bool, strings: bool) -> Result<Wants, EditFault> {
        let needs_stack = self.new_stack.is_some();
        let mut wants = Wants { table, interpreter, strings, front: Front::default(), segment: false };
        if !wants.needs_bytes() && !needs_stack {
            return Ok(wants);
        }
        let number = self.image.last_load().ok_or_else(|| no_growth("there is none"))?;
        let last = self.image.segments[number];
        let zeros = last.in_memory.checked_sub(last.in_file).ok_or_else(|| no_growth("its sizes make no sense"))?;
        // The loader writes into the dynamic section of a program (DT_DEBUG), older ones into that of a library too.
        let must_be_new = table && last.flags & segment::WRITE == 0;
        let wants_stack = usize::from(needs_stack);
        if !wants.needs_bytes() && headers::front(self, wants_stack).is_some_and(|front| !front.moves_anything()) {
            return Ok(wants);
        }
        if zeros <= FEW_ZEROS && !must_be_new {
            wants.front = headers::front(self, wants_stack).ok_or(EditFault::NoHeaderRoom)?;
        } else if let Some(front) = headers::front(self, wants_stack + 1) {
            (wants.front, wants.segment) = (front, true);
        } else if must_be_new {
            return Err(no_growth("it cannot be written to, and there is no room for another program header"));
        } else if zeros > MOST_ZEROS {
            return Err(EditFault::TooManyZeros { count: zeros });
        } else {
            wants.front = headers::front(self, wants_stack).ok_or(EditFault::NoHeaderRoom)?;
        }
        wants.interpreter |= wants.front.moves_interpreter;
        Ok(wants)
    }

    /// Makes room for the new bytes, writes them, and lets everything lead to them. The place of the dynamic section.
    fn grow(&mut self, wants: &Wants, strings: &Strings, table: Table, edit: &Edit) -> Result<Table, EditFault> {
        let old_strings = self.value(tags::STRTAB).unwrap_or(0);
        let number = self.image.last_load().ok_or_else(|| no_growth("there is none"))?;
        let last = self.image.segments[number];
        let old_end = sum(last.offset, last.in_file)?;
        let blob = self.blob(wants, strings, old_end)?;
        let size = blob.bytes.len() as u64;
        let base = if wants.segment {
            let at = aligned(old_end, 16)?;
            self.open(number, sum(at, size)? - old_end, edit.page_size)?;
            let align = self.page();
            let new = Segment {
                kind: segment::LOAD,
                flags: segment::READ | segment::WRITE,
                offset: at,
                address: blob.start,
                physical: blob.start,
                in_file: size,
                in_memory: size,
                align,
            };
            headers::add(&mut self.image, new, Some(number));
            at
        } else {
            let length = sum(blob.start, size)? - last.address;
            self.lengthen(number, length, edit.page_size)?;
            sum(last.offset, blob.start - last.address)?
        };
        let at = place(base)?;
        let end = at.checked_add(blob.bytes.len()).filter(|end| *end <= self.image.bytes.len());
        let end = end.ok_or_else(|| no_growth("it ends behind the file"))?;
        self.image.bytes.to_mut()[at..end].copy_from_slice(&blob.bytes);
        let offset = |address: u64| base + (address - blob.start);
        for (block, address) in wants.front.blocks.iter().zip(&blob.blocks) {
            self.move_block(block, *address, offset(*address))?;
        }
        if let Some(address) = blob.strings {
            let is_it = |one: &Section| one.kind == section::STRTAB && one.is_loaded() && one.address == old_strings;
            let size = strings.bytes.len() as u64;
            self.move_section(is_it, address, offset(address), size)?;
            self.set_value(tags::STRTAB, address);
            self.set_value(tags::STRSZ, size);
        }
        if let Some(address) = blob.interpreter {
            let size = self.interpreter.as_ref().map_or(0, Vec::len) as u64 + 1;
            let old = self.image.segment(segment::INTERP).map_or(0, |one| one.address);
            let is_it = |one: &Section| one.is_loaded() && one.address == old && one.kind == section::PROGBITS;
            self.move_section(is_it, address, offset(address), size)?;
            self.move_segment(segment::INTERP, address, offset(address), size);
        }
        let Some(address) = blob.table else {
            // The table may lie behind the bytes that were put in.
            return Ok(Table { at: self.image.offset_of(table.address)?, ..table });
        };
        let capacity = self.entries.len() + 1 + SPARE;
        let size = (capacity * self.entry_size()) as u64;
        self.move_section(|one| one.kind == section::DYNAMIC, address, offset(address), size)?;
        self.move_segment(segment::DYNAMIC, address, offset(address), size);
        self.point_at_table(table.address, address)?;
        Ok(Table { address, at: place(offset(address))?, capacity })
    }

    fn blob(&self, wants: &Wants, strings: &Strings, old_end: u64) -> Result<Blob, EditFault> {
        let last = self.image.last_load().ok_or_else(|| no_growth("there is none"))?;
        let last = self.image.segments[last];
        let address = self.value(tags::STRTAB).unwrap_or(0);
        // Strings at the very end, where an earlier edit put them, are made longer instead of moved again.
        let are_last = !wants.segment
            && last.in_file == last.in_memory
            && address >= last.address
            && address.checked_add(self.strings_size as u64) == last.address.checked_add(last.in_file);
        let end = self.image.memory_end()?;
        if end > if self.image.form.is_wide { i64::MAX as u64 } else { u64::from(u32::MAX) } - LARGEST_PAGE {
            return Err(no_growth("its address is too high"));
        }
        if end != sum(last.address, last.in_memory)? {
            return Err(no_growth("another one reaches over it in memory"));
        }
        let start = if are_last {
            address
        } else if wants.segment {
            // Congruent with the place in the file, as the kernel maps whole pages.
            let page = self.page();
            sum(aligned(end, page)?, aligned(old_end, 16)? % page)?
        } else if self.is_loader() {
            // The loader itself takes memory from behind its last byte to the end of the page (`__minimal_malloc`).
            aligned(end, self.page())?
        } else {
            aligned(end, 16)?
        };
        let mut blob =
            Blob { start, bytes: Vec::new(), blocks: Vec::new(), table: None, interpreter: None, strings: None };
        for block in &wants.front.blocks {
            let part = self.image.part(block.offset, block.size);
            let part = part.ok_or_else(|| ElfFault::new("a note lies outside of it"))?;
            // As far from a multiple of 16 as before, which keeps every alignment in it.
            let here = blob.align(block.address % 16)?;
            blob.blocks.push(here);
            blob.bytes.extend_from_slice(part);
        }
        if wants.table {
            blob.table = Some(blob.align(0)?);
            let size = (self.entries.len() + 1 + SPARE) * self.entry_size();
            blob.bytes.resize(blob.bytes.len() + size, 0);
        }
        if let (true, Some(text)) = (wants.interpreter, &self.interpreter) {
            blob.interpreter = Some(blob.here()?);
            blob.bytes.extend_from_slice(text);
            blob.bytes.push(0);
        }
        if strings.has_grown || are_last {
            blob.strings = Some(blob.here()?);
            blob.bytes.extend_from_slice(&strings.bytes);
        }
        Ok(blob)
    }

    /// The alignment of the file's segments in memory.
    fn page(&self) -> u64 {
        let loads = self.image.segments.iter().filter(|one| one.kind == segment::LOAD);
        let aligns = loads.map(|one| one.align).filter(|align| align.is_power_of_two() && *align <= LARGEST_PAGE);
        aligns.max().unwrap_or(LARGEST_PAGE).max(4096)
    }

    /// Whether it is the system's loader itself.
    pub fn is_loader(&self) -> bool {
        let is_named = |name: &Vec<u8>| name.starts_with(b"ld");
        self.image.segment(segment::INTERP).is_none()
            && self.value(tags::NEEDED).is_none()
            && self.texts(tags::SONAME).is_ok_and(|names| names.iter().any(is_named))
    }

    /// The interpreter as it stands in the file.
    fn old_interpreter(&self) -> Result<Option<Vec<u8>>, ElfFault> {
        let Some(old) = self.image.segment(segment::INTERP) else { return Ok(None) };
        let text = self.image.part(old.offset, old.in_file);
        let text = text.ok_or_else(|| ElfFault::new("its interpreter lies outside of it"))?;
        Ok(text.split(|byte| *byte == 0).next().map(<[u8]>::to_vec))
    }

    /// Writes names of symbols and the file names of versions.
    fn write_names(&mut self, before: &[u32]) -> Result<(), ElfFault> {
        let form = self.image.form;
        if self.symbols != before || !self.new_symbols.is_empty() {
            let address = self.value(tags::SYMTAB).unwrap_or(0);
            let at = self.image.offset_of(address)?;
            for number in self.new_symbols.keys() {
                let at = at.saturating_add(number.saturating_mul(form.pick(24, 16)));
                form.put_u32(self.image.bytes.to_mut(), at, self.symbols[*number])?;
            }
        }
        for (at, text) in &self.version_files {
            if let Text::Old(offset) = text {
                let offset = u32::try_from(*offset).map_err(|_| ElfFault::new("its strings are too long"))?;
                if form.u32(&self.image.bytes, *at)? != offset {
                    form.put_u32(self.image.bytes.to_mut(), *at, offset)?;
                }
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
        let room = &mut self.image.bytes.to_mut()[at..end];
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
}

impl Wants {
    fn needs_bytes(&self) -> bool {
        self.table || self.interpreter || self.strings || self.front.moves_anything()
    }
}

impl Blob {
    fn here(&self) -> Result<u64, ElfFault> {
        sum(self.start, self.bytes.len() as u64)
    }

    /// Pads to an address that has this remainder by 16.
    fn align(&mut self, remainder: u64) -> Result<u64, ElfFault> {
        let here = self.here()?;
        let gap = (remainder + 16 - here % 16) % 16;
        self.bytes.resize(self.bytes.len() + gap as usize, 0);
        sum(here, gap)
    }
}

pub fn no_growth(reason: &str) -> EditFault {
    EditFault::NoGrowth { reason: reason.to_owned() }
}

//! Makes room behind a segment in the file; what lies there moves down, and its headers with it.
//!
//! Addresses stay. Does not know what the room is for (`grow.rs`).

use crate::relocate::elf::ElfFault;
use crate::relocate::elf::edit::EditFault;
use crate::relocate::elf::edit::draft::Draft;
use crate::relocate::elf::edit::grow::no_growth;
use crate::relocate::elf::edit::image::{aligned, place, section, sum};
use crate::relocate::elf::edit::proof::is_blank;

/// What moves in the file moves by multiples of no more than this.
const LARGEST_UNIT: u64 = 1 << 24;

impl Draft<'_> {
    /// Makes the segment `size` bytes long in file and memory.
    pub fn lengthen(&mut self, number: usize, size: u64, page_size: Option<u64>) -> Result<(), EditFault> {
        let last = self.image.segments[number];
        let extra = size.checked_sub(last.in_file).ok_or_else(|| no_growth("its sizes make no sense"))?;
        self.open(number, extra, page_size)?;
        let zeros_from = sum(last.address, last.in_file)?;
        let zeros_to = sum(last.address, last.in_memory)?;
        for one in &mut self.image.sections {
            let is_zeros = one.kind == section::NOBITS && one.is_loaded() && one.flags & section::TLS == 0;
            if is_zeros && (zeros_from..=zeros_to).contains(&one.address) {
                one.kind = section::PROGBITS;
                one.offset = sum(last.offset, one.address - last.address)?;
            }
        }
        let last = &mut self.image.segments[number];
        (last.in_file, last.in_memory) = (size, size);
        Ok(())
    }

    /// Lets `extra` zero bytes follow the segment in the file.
    pub fn open(&mut self, number: usize, extra: u64, page_size: Option<u64>) -> Result<(), EditFault> {
        let last = self.image.segments[number];
        let file_size = self.image.bytes.len() as u64;
        let old_end = sum(last.offset, last.in_file)?;
        if old_end > file_size {
            return Err(no_growth("it ends behind the file"));
        }
        let others = || self.image.segments.iter().enumerate().filter(|(other, _)| *other != number);
        let others = || others().map(|(_, one)| one).filter(|one| one.in_file > 0);
        let sections = self.image.sections.iter().filter(|one| one.is_in_file() && one.size > 0);
        let places = sections
            .map(|one| one.offset)
            .chain(others().map(|one| one.offset))
            .chain([self.image.segments_at])
            .chain((!self.image.sections.is_empty()).then_some(self.image.sections_at));
        let next = places.filter(|offset| *offset >= old_end).min();
        // Without headers nobody knows what the bytes behind it are; they are kept.
        let next = next.unwrap_or(old_end).min(file_size);
        let reaches_over = |one: &crate::relocate::elf::edit::image::Segment| {
            one.offset < next && one.offset.saturating_add(one.in_file) > old_end
        };
        if others().any(reaches_over) {
            return Err(no_growth("another one shares its end in the file"));
        }
        let is_blank = self.image.part(old_end, next - old_end).is_some_and(is_blank);
        let from = if is_blank { next } else { old_end };
        if from == file_size {
            let size = place(sum(old_end, extra)?.max(file_size))?;
            self.image.bytes.to_mut().resize(size, 0);
            return Ok(());
        }
        let Some(shift) = extra.checked_sub(from - old_end).filter(|shift| *shift > 0) else { return Ok(()) };
        let shift = aligned(shift, self.unit(from, page_size))?;
        let at = place(from)?;
        self.image.bytes.to_mut().splice(at..at, std::iter::repeat_n(0, place(shift)?));
        self.shift(number, from, shift)?;
        Ok(())
    }

    /// What moves must move by a multiple of this, so that segments stay on their pages and sections aligned.
    fn unit(&self, from: u64, page_size: Option<u64>) -> u64 {
        let loads = self.image.segments.iter().filter(|one| one.offset >= from && one.in_file > 0);
        let sections = self.image.sections.iter().filter(|one| one.offset >= from && one.is_in_file());
        let aligns = loads.map(|one| one.align).chain(sections.map(|one| one.align.min(4096)));
        let aligns = aligns.chain(page_size).filter(|align| align.is_power_of_two() && *align <= LARGEST_UNIT);
        aligns.max().unwrap_or(16).max(16)
    }

    fn shift(&mut self, last: usize, from: u64, shift: u64) -> Result<(), ElfFault> {
        for one in self.image.sections.iter_mut().filter(|one| one.offset >= from && one.kind != section::NULL) {
            // Zeros that the kernel makes lie nowhere in the file.
            if one.offset > from || one.is_in_file() {
                one.offset = sum(one.offset, shift)?;
            }
        }
        for (number, one) in self.image.segments.iter_mut().enumerate() {
            if number != last && one.offset >= from && one.in_file > 0 {
                one.offset = sum(one.offset, shift)?;
            }
        }
        if self.image.sections_at >= from {
            self.image.sections_at = sum(self.image.sections_at, shift)?;
        }
        if self.image.segments_at >= from {
            self.image.segments_at = sum(self.image.segments_at, shift)?;
        }
        Ok(())
    }
}

//! An ELF file that can be written back: header, segments and sections beside the bytes.
//!
//! Unlike `layout.rs` it keeps every field of the headers. Does not know what a change is for.

use std::borrow::Cow;

use crate::relocate::elf::ElfFault;
use crate::relocate::elf::edit::form::Form;

/// Types of segments (elf.h, `PT_*`).
pub mod segment {
    pub const NULL: u32 = 0;
    pub const LOAD: u32 = 1;
    pub const DYNAMIC: u32 = 2;
    pub const INTERP: u32 = 3;
    pub const NOTE: u32 = 4;
    pub const PHDR: u32 = 6;
    pub const GNU_STACK: u32 = 0x6474_e551;
    pub const GNU_PROPERTY: u32 = 0x6474_e553;
    /// `PF_X`, `PF_W` and `PF_R`.
    pub const EXECUTE: u32 = 1;
    pub const WRITE: u32 = 2;
    pub const READ: u32 = 4;
}

/// Types and flags of sections (elf.h, `SHT_*` and `SHF_*`).
pub mod section {
    pub const NULL: u32 = 0;
    pub const PROGBITS: u32 = 1;
    pub const SYMTAB: u32 = 2;
    pub const STRTAB: u32 = 3;
    pub const HASH: u32 = 5;
    pub const DYNAMIC: u32 = 6;
    pub const NOTE: u32 = 7;
    pub const NOBITS: u32 = 8;
    pub const DYNSYM: u32 = 11;
    pub const GNU_HASH: u32 = 0x6fff_fff6;
    pub const ALLOC: u64 = 2;
    pub const TLS: u64 = 0x400;
}

/// A program header.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Segment {
    pub kind: u32,
    pub flags: u32,
    pub offset: u64,
    pub address: u64,
    pub physical: u64,
    pub in_file: u64,
    pub in_memory: u64,
    pub align: u64,
}

/// A section header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Section {
    pub name: u32,
    pub kind: u32,
    pub flags: u64,
    pub address: u64,
    pub offset: u64,
    pub size: u64,
    pub link: u32,
    pub detail: u32,
    pub align: u64,
    pub entry: u64,
}

impl Section {
    /// Whether it has bytes in the file.
    pub fn is_in_file(&self) -> bool {
        self.kind != section::NOBITS && self.kind != section::NULL
    }

    pub fn is_loaded(&self) -> bool {
        self.flags & section::ALLOC != 0
    }
}

/// The file.
#[derive(Debug, Clone)]
pub struct Image<'a> {
    /// Owned as soon as something is written.
    pub bytes: Cow<'a, [u8]>,
    pub form: Form,
    /// `e_type`.
    pub kind: u16,
    pub machine: u16,
    pub segments: Vec<Segment>,
    pub segments_at: u64,
    pub sections: Vec<Section>,
    pub sections_at: u64,
    pub segment_size: u64,
    section_size: u64,
}

impl<'a> Image<'a> {
    /// Reads the headers.
    ///
    /// # Errors
    /// [`ElfFault`] when a header lies outside of the file. Section headers that do are taken for none.
    pub fn read(bytes: &'a [u8]) -> Result<Image<'a>, ElfFault> {
        if bytes.len() < 52 || &bytes[..4] != b"\x7fELF" {
            return Err(ElfFault::new("its header is cut short"));
        }
        let form = Form { is_wide: bytes[4] == 2, is_little: bytes[5] == 1 };
        if !matches!(bytes[4], 1 | 2) || !matches!(bytes[5], 1 | 2) {
            return Err(ElfFault::new("its class or byte order is unknown"));
        }
        let half = |wide, narrow| form.u16(bytes, form.pick(wide, narrow));
        let segments_at = form.word(bytes, form.pick(32, 28))?;
        let sections_at = form.word(bytes, form.pick(40, 32))?;
        let mut image = Image {
            form,
            kind: form.u16(bytes, 16)?,
            machine: form.u16(bytes, 18)?,
            segments: Vec::new(),
            segments_at,
            sections: Vec::new(),
            sections_at,
            segment_size: u64::from(half(54, 42)?),
            section_size: u64::from(half(58, 46)?),
            bytes: Cow::Borrowed(bytes),
        };
        let (segments, sections) = (half(56, 44)?, half(60, 48)?);
        image.read_segments(u64::from(segments))?;
        // Headers that cannot be read are not used by the loader either.
        if image.read_sections(u64::from(sections)).is_err() {
            image.sections.clear();
        }
        if image.sections.is_empty() {
            image.sections_at = 0;
        }
        Ok(image)
    }

    fn read_segments(&mut self, count: u64) -> Result<(), ElfFault> {
        let form = self.form;
        if count > 0 && self.segment_size < form.pick(56, 32) as u64 {
            return Err(ElfFault::new("its program headers are too short"));
        }
        for number in 0..count {
            let at = place(self.segments_at.saturating_add(number * self.segment_size))?;
            let (bytes, wide) = (&self.bytes, form.is_wide);
            let word = |wide, narrow| form.word(bytes, at.saturating_add(form.pick(wide, narrow)));
            self.segments.push(Segment {
                kind: form.u32(bytes, at)?,
                flags: form.u32(bytes, at.saturating_add(if wide { 4 } else { 24 }))?,
                offset: word(8, 4)?,
                address: word(16, 8)?,
                physical: word(24, 12)?,
                in_file: word(32, 16)?,
                in_memory: word(40, 20)?,
                align: word(48, 28)?,
            });
        }
        Ok(())
    }

    fn read_sections(&mut self, count: u64) -> Result<(), ElfFault> {
        let form = self.form;
        if self.sections_at == 0 {
            return Ok(());
        }
        if self.section_size < form.pick(64, 40) as u64 {
            return Err(ElfFault::new("its section headers are too short"));
        }
        let read = |number: u64| {
            let at = place(self.sections_at.saturating_add(number.saturating_mul(self.section_size)))?;
            let word = |wide, narrow| form.word(&self.bytes, at.saturating_add(form.pick(wide, narrow)));
            let short = |wide, narrow| form.u32(&self.bytes, at.saturating_add(form.pick(wide, narrow)));
            Ok(Section {
                name: short(0, 0)?,
                kind: short(4, 4)?,
                flags: word(8, 8)?,
                address: word(16, 12)?,
                offset: word(24, 16)?,
                size: word(32, 20)?,
                link: short(40, 24)?,
                detail: short(44, 28)?,
                align: word(48, 32)?,
                entry: word(56, 36)?,
            })
        };
        // More sections than the header can count stand in the first one (elf(5), `e_shnum`).
        let count = if count == 0 { read(0)?.size } else { count };
        let sections = (0..count.min(1 << 20)).map(read).collect::<Result<Vec<_>, ElfFault>>()?;
        self.sections = sections;
        Ok(())
    }

    /// Writes the headers into the bytes.
    pub fn write_headers(&mut self) -> Result<(), ElfFault> {
        let form = self.form;
        for (number, segment) in self.segments.iter().enumerate() {
            let at = place(self.segments_at + number as u64 * self.segment_size)?;
            let bytes = self.bytes.to_mut();
            form.put_u32(bytes, at, segment.kind)?;
            form.put_u32(bytes, at + form.pick(4, 24), segment.flags)?;
            let words = [
                (8, 4, segment.offset),
                (16, 8, segment.address),
                (24, 12, segment.physical),
                (32, 16, segment.in_file),
                (40, 20, segment.in_memory),
                (48, 28, segment.align),
            ];
            words
                .iter()
                .try_for_each(|(wide, narrow, word)| form.put_word(bytes, at + form.pick(*wide, *narrow), *word))?;
        }
        form.put_word(self.bytes.to_mut(), form.pick(32, 28), self.segments_at)?;
        if !self.sections.is_empty() {
            form.put_word(self.bytes.to_mut(), form.pick(40, 32), self.sections_at)?;
        }
        for (number, section) in self.sections.iter().enumerate() {
            let at = place(self.sections_at + number as u64 * self.section_size)?;
            let bytes = self.bytes.to_mut();
            form.put_u32(bytes, at, section.name)?;
            form.put_u32(bytes, at + 4, section.kind)?;
            form.put_u32(bytes, at + form.pick(40, 24), section.link)?;
            form.put_u32(bytes, at + form.pick(44, 28), section.detail)?;
            let words = [
                (8, 8, section.flags),
                (16, 12, section.address),
                (24, 16, section.offset),
                (32, 20, section.size),
                (48, 32, section.align),
                (56, 36, section.entry),
            ];
            words
                .iter()
                .try_for_each(|(wide, narrow, word)| form.put_word(bytes, at + form.pick(*wide, *narrow), *word))?;
        }
        // `e_phnum`.
        form.put_u16(self.bytes.to_mut(), form.pick(56, 44), self.segments.len() as u16)?;
        Ok(())
    }

    /// The end of the section headers in the file.
    pub fn sections_end(&self) -> u64 {
        self.sections_at.saturating_add(self.sections.len() as u64 * self.section_size)
    }

    /// The end of the program headers in the file.
    pub fn segments_end(&self) -> u64 {
        self.segments_at.saturating_add(self.segments.len() as u64 * self.segment_size)
    }

    pub fn segment(&self, kind: u32) -> Option<&Segment> {
        self.segments.iter().find(|segment| segment.kind == kind)
    }

    /// The number of the PT_LOAD with the highest address.
    pub fn last_load(&self) -> Option<usize> {
        let loads = self.segments.iter().enumerate().filter(|(_, one)| one.kind == segment::LOAD && one.in_memory > 0);
        loads.max_by_key(|(_, one)| one.address).map(|(number, _)| number)
    }

    /// The end of the highest PT_LOAD in memory.
    pub fn memory_end(&self) -> Result<u64, ElfFault> {
        let loads = self.segments.iter().filter(|one| one.kind == segment::LOAD);
        loads.map(|one| sum(one.address, one.in_memory)).try_fold(0, |end, one| one.map(|one| one.max(end)))
    }

    /// The offset in the file of what is loaded at an address.
    pub fn offset_of(&self, address: u64) -> Result<usize, ElfFault> {
        let holds = |one: &&Segment| {
            one.kind == segment::LOAD && address.checked_sub(one.address).is_some_and(|distance| distance < one.in_file)
        };
        let found = self.segments.iter().find(holds).and_then(|one| one.offset.checked_add(address - one.address));
        place(found.ok_or_else(|| ElfFault::new(format!("the address {address:#x} lies in none of its segments")))?)
    }

    /// The file after all changes.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes.into_owned()
    }

    /// A part of the file.
    pub fn part(&self, offset: u64, size: u64) -> Option<&[u8]> {
        let start = usize::try_from(offset).ok()?;
        self.bytes.get(start..start.checked_add(usize::try_from(size).ok()?)?)
    }
}

/// A number of the file as a place in memory of this program.
pub fn place(number: u64) -> Result<usize, ElfFault> {
    usize::try_from(number).map_err(|_| ElfFault::new("an offset is too large"))
}

/// The sum of two numbers of the file.
pub fn sum(one: u64, other: u64) -> Result<u64, ElfFault> {
    one.checked_add(other).ok_or_else(|| ElfFault::new("an offset is too large"))
}

/// The next multiple of a power of two.
pub fn aligned(number: u64, align: u64) -> Result<u64, ElfFault> {
    number.checked_next_multiple_of(align.max(1)).ok_or_else(|| ElfFault::new("an offset is too large"))
}

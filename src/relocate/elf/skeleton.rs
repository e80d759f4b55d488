//! A small file that says of itself what a large ELF file says: the same header, segments, dynamic section, symbols,
//! versions and notes, without the code and the data.
//!
//! ```text
//! header, program headers -PT_DYNAMIC-> addresses of tables -sections, or the next table: sizes-> ranges
//!      -> header, one PT_LOAD a range, the other segments with their new places, the ranges
//! ```
//! Reads through a closure, so that a file of any size needs little memory. What it makes cannot be loaded or changed.

use std::io;
use std::ops::Range;

use goblin::container::{Container, Ctx};
use goblin::elf::program_header::{PT_DYNAMIC, PT_INTERP, PT_LOAD, PT_NOTE};
use goblin::elf::section_header::{SHF_COMPRESSED, SHT_DYNAMIC, SHT_NOBITS};
use goblin::elf::{Elf, Header, ProgramHeader, SectionHeader};

use crate::relocate::elf::layout::{packing_of, tags};
use crate::relocate::elf::{CompressedSection, ElfFault};

/// The most that is taken of one table, and of all together, in bytes.
const LARGEST_TABLE: u64 = 48 << 20;
const LARGEST: u64 = 96 << 20;

/// DT_VERSYM, and the tags whose values are sizes of tables that are left out: PLTRELSZ, RELASZ, RELSZ, RELRSZ.
const VERSYM: u64 = 0x6fff_fff0;
const SIZES_LEFT_OUT: [u64; 4] = [2, 8, 18, 35];

/// All tags of the gABI and of GNU whose value is an address: where a table without a size ends at the latest.
const ADDRESSES: [u64; 24] = [
    3,
    4,
    5,
    6,
    7,
    12,
    13,
    17,
    23,
    25,
    26,
    32,
    36,
    0x6fff_fef5,
    0x6fff_fff0,
    0x6fff_fffc,
    0x6fff_fffe,
    0x6fff_fef6,
    0x6fff_fef7,
    0x6fff_fef8,
    0x6fff_fef9,
    0x6fff_fefd,
    0x6fff_fefe,
    0x6fff_feff,
];

/// Why there is no skeleton.
#[derive(Debug)]
pub enum Fault {
    Read(io::Error),
    Elf(ElfFault),
}

impl From<ElfFault> for Fault {
    fn from(fault: ElfFault) -> Fault {
        Fault::Elf(fault)
    }
}

impl From<goblin::error::Error> for Fault {
    fn from(error: goblin::error::Error) -> Fault {
        Fault::Elf(error.into())
    }
}

/// Fills the memory from an offset on; an end before that is an error, as of `read_exact_at`.
pub type Read<'a> = &'a mut dyn FnMut(u64, &mut [u8]) -> io::Result<()>;

/// Makes the skeleton of a file of `size` bytes in `body`, whose memory is used again.
///
/// # Errors
/// [`Fault`] when the file cannot be read, or its parts lie outside of it.
pub fn of(size: u64, read: Read<'_>, body: &mut Vec<u8>) -> Result<(), Fault> {
    let mut source = Source { size, read };
    let mut head = source.part(0, 64)?;
    let header = Elf::parse_header(&head)?;
    let context = Ctx::new(header.container()?, header.endianness()?);
    head.truncate(usize::from(header.e_ehsize).clamp(52, 64).min(head.len()));
    let mut file = File { header, context, segments: Vec::new(), sections: Vec::new(), dynamic: Vec::new() };
    file.segments = file.read_segments(&mut source)?;
    file.sections = file.read_sections(&mut source)?;
    let is_debug_file = !file.sections.is_empty() && !file.sections.iter().any(|one| one.sh_type == SHT_DYNAMIC);
    if is_debug_file {
        file.segments.retain(|segment| !matches!(segment.p_type, PT_DYNAMIC | PT_INTERP));
    }
    file.dynamic = file.read_dynamic(&mut source)?;
    file.write(&head, &mut source, body)
}

/// Sections whose content is compressed, with their places in the file.
///
/// # Errors
/// [`Fault`] when the file cannot be read, or has no sound header.
pub fn compressed_sections(size: u64, read: Read<'_>) -> Result<Vec<CompressedSection>, Fault> {
    let mut source = Source { size, read };
    let header = Elf::parse_header(&source.part(0, 64)?)?;
    let context = Ctx::new(header.container()?, header.endianness()?);
    let mut file = File { header, context, segments: Vec::new(), sections: Vec::new(), dynamic: Vec::new() };
    file.sections = file.read_sections(&mut source)?;
    let names = file.sections.get(file.header.e_shstrndx as usize);
    let names = names.and_then(|names| source.part(names.sh_offset, names.sh_size).ok()).unwrap_or_default();
    let mut found = Vec::new();
    for section in file.sections.iter().filter(|one| one.sh_type != SHT_NOBITS) {
        let is_flagged = section.sh_flags & u64::from(SHF_COMPRESSED) != 0;
        let name = names.get(section.sh_name..).and_then(|rest| rest.split(|byte| *byte == 0).next());
        let name =
            name.map_or_else(String::new, |name| String::from_utf8_lossy(&name[..name.len().min(100)]).into_owned());
        if !is_flagged && !name.starts_with(".zdebug") {
            continue;
        }
        let Ok(word) = source.part(section.sh_offset, 4) else { continue };
        let number = file.number(&word);
        let Some((head, packing)) = packing_of(is_flagged, &name, &word, (number, file.is_wide())) else { continue };
        let (start, end) =
            (section.sh_offset.saturating_add(head as u64), section.sh_offset.saturating_add(section.sh_size));
        let place = usize::try_from(start).ok().zip(usize::try_from(end).ok());
        let Some((start, end)) = place.filter(|(start, end)| start <= end && *end as u64 <= size) else { continue };
        found.push(CompressedSection { name, start, end, packing });
    }
    Ok(found)
}

/// The file, with a bound on what is read of it.
struct Source<'a> {
    size: u64,
    read: Read<'a>,
}

impl Source<'_> {
    fn part(&mut self, offset: u64, length: u64) -> Result<Vec<u8>, Fault> {
        let length = self.inside(offset, length)?;
        let mut bytes = vec![0; length];
        (self.read)(offset, &mut bytes).map_err(Fault::Read)?;
        Ok(bytes)
    }

    /// Puts a part behind what is there, at a multiple of 16; gives its place.
    fn append(&mut self, body: &mut Vec<u8>, offset: u64, length: u64) -> Result<usize, Fault> {
        let length = self.inside(offset, length)?;
        let at = body.len();
        body.resize((at + length).next_multiple_of(16), 0);
        (self.read)(offset, &mut body[at..at + length]).map_err(Fault::Read)?;
        Ok(at)
    }

    /// The length of a part that lies in the file and is not too large.
    fn inside(&self, offset: u64, length: u64) -> Result<usize, Fault> {
        let is_inside = offset.checked_add(length).is_some_and(|end| end <= self.size);
        let length = usize::try_from(length).ok().filter(|length| is_inside && *length as u64 <= LARGEST_TABLE);
        Ok(length.ok_or_else(|| ElfFault::new("a part of it lies outside of it, or is too large"))?)
    }
}

struct File {
    header: Header,
    context: Ctx,
    segments: Vec<ProgramHeader>,
    sections: Vec<SectionHeader>,
    /// Tags and values.
    dynamic: Vec<(u64, u64)>,
}

impl File {
    fn is_wide(&self) -> bool {
        self.context.container == Container::Big
    }

    fn read_segments(&self, source: &mut Source<'_>) -> Result<Vec<ProgramHeader>, Fault> {
        let (count, size) = (self.header.e_phnum as usize, ProgramHeader::size(self.context));
        let bytes = source.part(self.header.e_phoff, (count * size) as u64)?;
        Ok(ProgramHeader::parse(&bytes, 0, count, self.context)?)
    }

    fn read_sections(&self, source: &mut Source<'_>) -> Result<Vec<SectionHeader>, Fault> {
        let (count, size) = (self.header.e_shnum as usize, SectionHeader::size(self.context));
        // As everywhere: section headers that lie outside of the file are the same as none.
        let Ok(bytes) = source.part(self.header.e_shoff, (count * size) as u64) else { return Ok(Vec::new()) };
        // goblin takes the offset 0 for a file without sections.
        let bytes = [&[0], &bytes[..]].concat();
        Ok(SectionHeader::parse(&bytes, 1, count, self.context).unwrap_or_default())
    }

    fn read_dynamic(&self, source: &mut Source<'_>) -> Result<Vec<(u64, u64)>, Fault> {
        let Some(segment) = self.segments.iter().find(|segment| segment.p_type == PT_DYNAMIC) else {
            return Ok(Vec::new());
        };
        let bytes = source.part(segment.p_offset, segment.p_filesz)?;
        let word = if self.is_wide() { 8 } else { 4 };
        let words: Vec<u64> = bytes.chunks_exact(word).map(|bytes| self.number(bytes)).collect();
        let pairs = words.as_chunks().0.iter().map(|[tag, value]| (*tag, *value));
        Ok(pairs.take_while(|(tag, _)| *tag != tags::NULL).collect())
    }

    fn number(&self, bytes: &[u8]) -> u64 {
        let little = self.context.is_little_endian();
        let shifted = bytes.iter().enumerate().map(|(place, byte)| {
            let place = if little { place } else { bytes.len() - 1 - place };
            u64::from(*byte) << (8 * place)
        });
        shifted.sum()
    }

    fn encoded(&self, value: u64, width: usize) -> Vec<u8> {
        match self.context.is_little_endian() {
            true => value.to_le_bytes()[..width].to_vec(),
            false => value.to_be_bytes()[8 - width..].to_vec(),
        }
    }

    fn value(&self, tag: u64) -> Option<u64> {
        self.dynamic.iter().rev().find(|(known, _)| *known == tag).map(|(_, value)| *value)
    }

    fn segment_of(&self, address: u64) -> Option<&ProgramHeader> {
        self.segments.iter().find(|segment| {
            let below = address.checked_sub(segment.p_vaddr);
            segment.p_type == PT_LOAD && below.is_some_and(|below| below < segment.p_filesz)
        })
    }

    /// The addresses that a table takes, as far as anything tells.
    fn table(&self, address: u64) -> Option<Range<u64>> {
        let segment = self.segment_of(address)?;
        let last = segment.p_vaddr.checked_add(segment.p_filesz)?;
        let section = self.sections.iter().find(|one| one.sh_addr == address && one.sh_size > 0);
        let of_tag = self.value(tags::STRSZ).filter(|_| self.value(tags::STRTAB) == Some(address));
        let size = of_tag.or_else(|| section.map(|section| section.sh_size));
        let next = self.dynamic.iter().filter(|(tag, value)| ADDRESSES.contains(tag) && *value > address);
        let next = next.map(|(_, value)| *value).min().unwrap_or(last);
        let end = size.and_then(|size| address.checked_add(size)).unwrap_or(next);
        Some(address..end.min(last).min(address.saturating_add(LARGEST_TABLE)))
    }

    fn write(&self, head: &[u8], source: &mut Source<'_>, body: &mut Vec<u8>) -> Result<(), Fault> {
        let wanted = [tags::STRTAB, tags::SYMTAB, tags::HASH, tags::GNU_HASH, VERSYM, tags::VERNEED, tags::VERDEF];
        let tables: Vec<Range<u64>> =
            wanted.iter().filter_map(|tag| self.table(self.value(*tag)?)).filter(|range| !range.is_empty()).collect();
        let is_kept = |segment: &&ProgramHeader| {
            matches!(segment.p_type, PT_DYNAMIC | PT_INTERP | PT_NOTE) && segment.p_filesz > 0
        };
        let size = ProgramHeader::size(self.context);
        let count = self.segments.len() + tables.len();
        if count >= usize::from(u16::MAX) {
            return Err(ElfFault::new("it has too many segments").into());
        }
        let start = (head.len() + count * size).next_multiple_of(16);
        let lengths = tables.iter().map(|range| range.end - range.start);
        let lengths = lengths.chain(self.segments.iter().filter(is_kept).map(|segment| segment.p_filesz));
        let all = lengths.fold(0, |all: u64, length| all.saturating_add(length.next_multiple_of(16)));
        if all > LARGEST {
            return Err(ElfFault::new("its tables are too large").into());
        }
        body.clear();
        body.reserve(start + all as usize);
        body.resize(start, 0);
        let mut records = Vec::new();
        for range in tables {
            let Some(segment) = self.segment_of(range.start) else { continue };
            let length = range.end - range.start;
            let offset = segment.p_offset.saturating_add(range.start - segment.p_vaddr);
            let at = source.append(body, offset, length)?;
            records.push(self.record(segment, at as u64, range.start, length));
        }
        for segment in &self.segments {
            if !is_kept(&segment) {
                records.push(self.record(segment, 0, segment.p_vaddr, 0));
                continue;
            }
            let at = source.append(body, segment.p_offset, segment.p_filesz)?;
            if segment.p_type == PT_DYNAMIC {
                self.forget_sizes(&mut body[at..]);
            }
            records.push(self.record(segment, at as u64, segment.p_vaddr, segment.p_filesz));
        }
        body[..head.len()].copy_from_slice(head);
        let start = head.len();
        for (place, record) in records.iter().enumerate() {
            body[start + place * size..][..size].copy_from_slice(record);
        }
        self.settle_header(body, start as u64, records.len() as u64);
        Ok(())
    }

    /// A program header with another place in the file.
    fn record(&self, segment: &ProgramHeader, offset: u64, address: u64, length: u64) -> Vec<u8> {
        let kind = self.encoded(u64::from(segment.p_type), 4);
        let flags = self.encoded(u64::from(segment.p_flags), 4);
        let word = if self.is_wide() { 8 } else { 4 };
        let numbers = [offset, address, address, length, length];
        let numbers: Vec<u8> = numbers.iter().flat_map(|number| self.encoded(*number, word)).collect();
        let align = self.encoded(segment.p_align, word);
        match self.is_wide() {
            true => [kind, flags, numbers, align].concat(),
            false => [kind, numbers, flags, align].concat(),
        }
    }

    fn forget_sizes(&self, bytes: &mut [u8]) {
        let word = if self.is_wide() { 8 } else { 4 };
        for entry in bytes.chunks_exact_mut(2 * word) {
            if SIZES_LEFT_OUT.contains(&self.number(&entry[..word])) {
                entry[word..].fill(0);
            }
        }
    }

    /// No sections, and the program headers right behind the header (elf(5) has the places).
    fn settle_header(&self, body: &mut [u8], place: u64, count: u64) {
        let (word, first, counts) = if self.is_wide() { (8, 32, 56) } else { (4, 28, 44) };
        let mut set = |at: usize, value, width| body[at..at + width].copy_from_slice(&self.encoded(value, width));
        set(first, place, word);
        set(first + word, 0, word);
        set(counts, count, 2);
        set(counts + 4, 0, 2);
        set(counts + 6, 0, 2);
    }
}

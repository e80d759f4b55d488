//! Where things lie in an ELF file, found through its segments: dynamic entries, strings and who refers to them.
//!
//! Section headers are only asked where nothing else tells (they may be stripped). Changes nothing.

use std::cell::Cell;
use std::ops::Range;

use goblin::container::{Container, Ctx};
use goblin::elf::dynamic::Dynamic;
use goblin::elf::header::Header;
use goblin::elf::program_header::{PT_INTERP, PT_LOAD};
use goblin::elf::section_header::{SHF_COMPRESSED, SHT_DYNAMIC, SHT_DYNSYM, SHT_NOBITS};
use goblin::elf::sym::{Sym, Symtab};
use goblin::elf::{Elf, ProgramHeader, SectionHeader};

use crate::relocate::elf::{Class, CompressedSection, ElfFault, Purpose, SectionPacking};

/// The dynamic tags that are needed here, by their names in elf.h.
pub mod tags {
    pub use goblin::elf::dynamic::{
        DF_1_NODEFLIB, DT_FLAGS_1 as FLAGS_1, DT_GNU_HASH as GNU_HASH, DT_HASH as HASH, DT_NEEDED as NEEDED,
        DT_NULL as NULL, DT_RPATH as RPATH, DT_RUNPATH as RUNPATH, DT_SONAME as SONAME, DT_STRSZ as STRSZ,
        DT_STRTAB as STRTAB, DT_SYMTAB as SYMTAB, DT_VERDEF as VERDEF, DT_VERDEFNUM as VERDEFNUM,
        DT_VERNEED as VERNEED, DT_VERNEEDNUM as VERNEEDNUM,
    };

    /// All tags whose value is an offset into the dynamic strings: also CONFIG, DEPAUDIT, AUDIT, AUXILIARY, FILTER.
    pub const STRINGS: [u64; 9] =
        [NEEDED, SONAME, RPATH, RUNPATH, 0x6fff_fefa, 0x6fff_fefb, 0x6fff_fefc, 0x7fff_fffd, 0x7fff_ffff];
}

/// One entry of the dynamic section: tag, value, and the offset of the entry in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DynamicEntry {
    pub tag: u64,
    pub value: u64,
    pub offset: usize,
}

/// An ELF file with the places of its parts.
pub struct Layout<'a> {
    bytes: &'a [u8],
    header: Header,
    context: Ctx,
    segments: Vec<ProgramHeader>,
    sections: Vec<SectionHeader>,
    entries: Vec<DynamicEntry>,
    has_dynamic: bool,
    /// The dynamic strings in the file.
    strings: Range<usize>,
    /// So many bytes of strings may still be handed out: hostile entries can all name one long string.
    left: Cell<usize>,
    /// Counted once: whole tables are read for it.
    symbol_count: Cell<Option<usize>>,
}

/// Names are handed out until they are so many times as long as all strings together; linkers write each name once, and
/// merge tails.
const MOST_REPEATS: usize = 16;

impl<'a> Layout<'a> {
    /// Finds the parts.
    ///
    /// # Errors
    /// [`ElfFault`] when a part lies outside of the file.
    pub fn read(bytes: &'a [u8]) -> Result<Layout<'a>, ElfFault> {
        let header = Elf::parse_header(bytes)?;
        let context = Ctx::new(header.container()?, header.endianness()?);
        let place = |offset: u64| usize::try_from(offset).map_err(|_| ElfFault::new("an offset is too large"));
        let segments = ProgramHeader::parse(bytes, place(header.e_phoff)?, header.e_phnum as usize, context)?;
        // Section headers that lie outside of the file are the same as none: the loader does not read them.
        let sections = SectionHeader::parse(bytes, place(header.e_shoff)?, header.e_shnum as usize, context);
        let sections = sections.unwrap_or_default();
        let mut layout = Layout {
            bytes,
            header,
            context,
            segments,
            sections,
            entries: Vec::new(),
            has_dynamic: false,
            strings: 0..0,
            left: Cell::new(0),
            symbol_count: Cell::new(None),
        };
        layout.read_dynamic()?;
        layout.left.set(layout.most_text());
        Ok(layout)
    }

    fn read_dynamic(&mut self) -> Result<(), ElfFault> {
        // A file of debug information keeps the segment but not its bytes: the section has none.
        let is_debug_file =
            !self.sections.is_empty() && !self.sections.iter().any(|section| section.sh_type == SHT_DYNAMIC);
        let segment = self.segments.iter().find(|segment| segment.p_type == goblin::elf::program_header::PT_DYNAMIC);
        let (Some(segment), false) = (segment, is_debug_file) else { return Ok(()) };
        let start = usize::try_from(segment.p_offset).map_err(|_| ElfFault::new("an offset is too large"))?;
        let Some(dynamic) = Dynamic::parse(self.bytes, &self.segments, self.context)? else { return Ok(()) };
        let size = self.entry_size();
        self.entries = dynamic
            .dyns
            .iter()
            .enumerate()
            .map(|(place, entry)| DynamicEntry { tag: entry.d_tag, value: entry.d_val, offset: start + place * size })
            .collect();
        self.has_dynamic = true;
        if let (Some(address), Some(size)) = (self.value(tags::STRTAB), self.value(tags::STRSZ)) {
            let start = self.offset_of(address)?;
            let end = usize::try_from(size).ok().and_then(|size| start.checked_add(size));
            let end = end.filter(|end| *end <= self.bytes.len());
            self.strings = start..end.ok_or_else(|| ElfFault::new("its strings lie outside of it"))?;
        }
        Ok(())
    }

    pub fn class(&self) -> Class {
        if self.context.container == Container::Big { Class::Elf64 } else { Class::Elf32 }
    }

    pub fn machine(&self) -> u16 {
        self.header.e_machine
    }

    pub fn is_little_endian(&self) -> bool {
        self.context.is_little_endian()
    }

    pub fn purpose(&self) -> Purpose {
        match self.header.e_type {
            goblin::elf::header::ET_REL => Purpose::Object,
            goblin::elf::header::ET_EXEC => Purpose::Program,
            goblin::elf::header::ET_DYN => Purpose::Shared,
            _ => Purpose::Other,
        }
    }

    /// The headers of segments and sections as goblin has them: what else it would read costs time, and is not asked for.
    pub fn headers(&self) -> Result<Elf<'a>, ElfFault> {
        let mut elf = Elf::lazy_parse(self.header)?;
        elf.program_headers = self.segments.clone();
        elf.section_headers = self.sections.clone();
        Ok(elf)
    }

    pub fn has_dynamic(&self) -> bool {
        self.has_dynamic
    }

    /// The dynamic entries up to the first DT_NULL, which is among them if there is one.
    pub fn entries(&self) -> &[DynamicEntry] {
        &self.entries
    }

    /// The bytes of one dynamic entry.
    pub fn entry_size(&self) -> usize {
        if self.class() == Class::Elf64 { 16 } else { 8 }
    }

    /// The value of the last entry with this tag.
    pub fn value(&self, tag: u64) -> Option<u64> {
        self.entries.iter().rev().find(|entry| entry.tag == tag).map(|entry| entry.value)
    }

    /// The offset in the file of what is loaded at this address.
    pub fn offset_of(&self, address: u64) -> Result<usize, ElfFault> {
        let holds = |segment: &&ProgramHeader| {
            segment.p_type == PT_LOAD
                && address.checked_sub(segment.p_vaddr).is_some_and(|distance| distance < segment.p_filesz)
        };
        let place = self.segments.iter().find(holds).and_then(|segment| {
            let offset = segment.p_offset.checked_add(address - segment.p_vaddr)?;
            usize::try_from(offset).ok().filter(|offset| *offset < self.bytes.len())
        });
        place.ok_or_else(|| ElfFault::new(format!("the address {address:#x} lies in none of its segments")))
    }

    pub fn interpreter(&self) -> Result<Option<String>, ElfFault> {
        let Some(segment) = self.segments.iter().find(|segment| segment.p_type == PT_INTERP) else { return Ok(None) };
        // The segment of a file of debug information has no bytes.
        if segment.p_filesz == 0 || self.sections.iter().any(|one| is_nobits_at(one, segment.p_vaddr)) {
            return Ok(None);
        }
        let range = usize::try_from(segment.p_offset).ok().zip(usize::try_from(segment.p_filesz).ok());
        let bytes = range.and_then(|(start, size)| self.bytes.get(start..start.checked_add(size)?));
        let bytes = bytes.ok_or_else(|| ElfFault::new("its interpreter lies outside of it"))?;
        let text = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
        String::from_utf8(text.to_owned()).map(Some).map_err(|_| ElfFault::new("its interpreter is not UTF-8"))
    }

    /// The range of a dynamic string in the file, without its NUL.
    pub fn string_range(&self, offset: u64) -> Result<Range<usize>, ElfFault> {
        let start = usize::try_from(offset).ok().and_then(|offset| self.strings.start.checked_add(offset));
        let start = start.filter(|start| *start < self.strings.end);
        let start =
            start.ok_or_else(|| ElfFault::new(format!("the string {offset:#x} lies outside of its strings")))?;
        let length = memchr::memchr(0, &self.bytes[start..self.strings.end]);
        Ok(start..start + length.ok_or_else(|| ElfFault::new("a string has no end"))?)
    }

    /// The most bytes that all names of a sound file have together.
    pub fn most_text(&self) -> usize {
        self.strings.len().saturating_mul(MOST_REPEATS).saturating_add(1 << 20)
    }

    /// The bytes of a dynamic string, without its NUL.
    pub fn text(&self, offset: u64) -> Result<&'a [u8], ElfFault> {
        let text = &self.bytes[self.string_range(offset)?];
        let left = self.left.get().checked_sub(text.len());
        self.left.set(left.ok_or_else(|| ElfFault::new("its names repeat each other too often"))?);
        Ok(text)
    }

    /// A dynamic string.
    pub fn string(&self, offset: u64) -> Result<String, ElfFault> {
        String::from_utf8(self.text(offset)?.to_owned()).map_err(|_| ElfFault::new("a name in it is not UTF-8"))
    }

    /// The offsets of all strings that anything but the library path refers to: names of libraries, symbols and
    /// versions. Sorted, each once.
    pub fn other_strings(&self) -> Result<Vec<u64>, ElfFault> {
        let is_string = |entry: &&DynamicEntry| tags::STRINGS.contains(&entry.tag) && !entry.is_library_path();
        let mut offsets: Vec<u64> = self.entries.iter().filter(is_string).map(|entry| entry.value).collect();
        offsets.extend(self.symbol_names()?.into_iter().map(u64::from));
        for need in self.versions_needed()? {
            offsets.push(u64::from(need.library));
            offsets.extend(need.names.iter().map(|name| u64::from(*name)));
        }
        offsets.extend(self.versions_defined()?.iter().map(|name| u64::from(*name)));
        offsets.sort_unstable();
        offsets.dedup();
        Ok(offsets)
    }

    /// The offset of the dynamic symbols in the file and their count; `None` where there are none.
    pub fn symbols(&self) -> Result<Option<(usize, usize)>, ElfFault> {
        let Some(address) = self.value(tags::SYMTAB) else { return Ok(None) };
        let count = self.symbol_count.get().map_or_else(|| self.count_symbols(address), Ok)?;
        self.symbol_count.set(Some(count));
        Ok(Some((self.offset_of(address)?, count)))
    }

    /// The dynamic symbols, read one by one.
    pub fn symbol_table(&self) -> Result<Option<Symtab<'a>>, ElfFault> {
        let Some((place, count)) = self.symbols()? else { return Ok(None) };
        Ok(Some(Symtab::parse(self.bytes, place, count, self.context)?))
    }

    /// The offsets of the names of all dynamic symbols, in their order.
    pub fn symbol_names(&self) -> Result<Vec<u32>, ElfFault> {
        let Some((place, count)) = self.symbols()? else { return Ok(Vec::new()) };
        let size = Sym::size(self.context.container);
        // The name is the first word of a symbol, in both classes.
        (0..count).map(|number| self.u32_at(place.saturating_add(number.saturating_mul(size)))).collect()
    }

    /// The dynamic strings in the file.
    pub fn strings(&self) -> Range<usize> {
        self.strings.clone()
    }

    /// How many dynamic symbols there are: no header tells, so the largest count that anything implies is taken.
    fn count_symbols(&self, table: u64) -> Result<usize, ElfFault> {
        let size = Sym::size(self.context.container);
        let mut count = 0;
        let of_table = |section: &&SectionHeader| section.sh_type == SHT_DYNSYM && section.sh_addr == table;
        if let Some(section) = self.sections.iter().find(of_table) {
            count = usize::try_from(section.sh_size).unwrap_or(0) / size;
        }
        if let Some(address) = self.value(tags::HASH) {
            // Alpha and s390x have words of 8 bytes here (elf.h, Elf_Symndx).
            let is_wide = self.class() == Class::Elf64 && matches!(self.machine(), 22 | 0x9026);
            let place = self.offset_of(address)?;
            let chains = if is_wide {
                self.u64_at(place.saturating_add(8))?
            } else {
                u64::from(self.u32_at(place.saturating_add(4))?)
            };
            count = count.max(usize::try_from(chains).unwrap_or(usize::MAX));
        }
        if let Some(address) = self.value(tags::GNU_HASH) {
            count = count.max(self.symbols_of_gnu_hash(self.offset_of(address)?)?);
        }
        if self.sections.is_empty() && self.value(tags::HASH).is_none() {
            count = self.undefined_symbols(table, count)?;
        }
        let room = (self.bytes.len() - self.offset_of(table)?) / size;
        Ok(count.min(room))
    }

    /// The number after the last symbol, where an empty GNU hash counts none that is not defined: linkers put the strings
    /// behind them, but these may have been moved from there.
    fn undefined_symbols(&self, table: u64, known: usize) -> Result<usize, ElfFault> {
        let is_wide = self.class() == Class::Elf64;
        let size = Sym::size(self.context.container);
        let gap = self.value(tags::STRTAB).and_then(|strings| strings.checked_sub(table)).unwrap_or(0);
        let most = usize::try_from(gap).unwrap_or(0) / size;
        let (start, mut count) = (self.offset_of(table)?, known.max(1));
        while count < most {
            let at = start.saturating_add(count.saturating_mul(size));
            let (Ok(name), Ok(section)) = (self.u32_at(at), self.u16_at(at + if is_wide { 6 } else { 14 })) else {
                break;
            };
            if section != 0 || name as usize >= self.strings.len() {
                break;
            }
            count += 1;
        }
        Ok(count)
    }

    /// The number after the last symbol of the last chain.
    fn symbols_of_gnu_hash(&self, place: usize) -> Result<usize, ElfFault> {
        let word = |number: usize| self.u32_at(place.saturating_add(number.saturating_mul(4)));
        let (buckets, first, filter) = (word(0)? as usize, word(1)? as usize, word(2)? as usize);
        let words_per_filter = if self.class() == Class::Elf64 { 2 } else { 1 };
        let start = 4usize.saturating_add(filter.saturating_mul(words_per_filter));
        let mut last = 0;
        for bucket in 0..buckets {
            last = last.max(word(start.saturating_add(bucket))? as usize);
        }
        if last < first {
            return Ok(first);
        }
        let chain = start.saturating_add(buckets);
        while word(chain.saturating_add(last - first))? & 1 == 0 {
            last += 1;
        }
        Ok(last + 1)
    }

    /// Sections with SHF_COMPRESSED, and those of `.zdebug_*` as older tools made them; what stands in front of the packed
    /// bytes is left out.
    pub fn compressed_sections(&self) -> Vec<CompressedSection> {
        let is_packed = |section: &&SectionHeader| section.sh_type != SHT_NOBITS;
        let names = self.sections.get(self.header.e_shstrndx as usize).map(|section| section.sh_offset);
        let read = |section: &SectionHeader| {
            let start = usize::try_from(section.sh_offset).ok()?;
            let end = start.checked_add(usize::try_from(section.sh_size).ok()?)?;
            let at = usize::try_from(names?).ok()?.checked_add(section.sh_name)?;
            let name = self.bytes.get(at..)?.split(|byte| *byte == 0).next()?;
            let name = String::from_utf8_lossy(&name[..name.len().min(100)]).into_owned();
            let word = self.bytes.get(start..start.checked_add(4)?)?;
            let number = self.u32_at(start).ok()?;
            let is_flagged = section.sh_flags & u64::from(SHF_COMPRESSED) != 0;
            let (head, packing) =
                packing_of(is_flagged, &name, word, (u64::from(number), self.class() == Class::Elf64))?;
            let start = start + head;
            (start <= end && end <= self.bytes.len()).then_some(CompressedSection { name, start, end, packing })
        };
        self.sections.iter().filter(is_packed).filter_map(read).collect()
    }

    fn part<const N: usize>(&self, offset: usize) -> Result<[u8; N], ElfFault> {
        let part = offset.checked_add(N).and_then(|end| self.bytes.get(offset..end));
        let part = part.and_then(|part| part.try_into().ok());
        part.ok_or_else(|| ElfFault::new("it is cut short"))
    }

    pub fn u16_at(&self, offset: usize) -> Result<u16, ElfFault> {
        let bytes = self.part(offset)?;
        Ok(if self.is_little_endian() { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
    }

    pub fn u32_at(&self, offset: usize) -> Result<u32, ElfFault> {
        let bytes = self.part(offset)?;
        Ok(if self.is_little_endian() { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
    }

    fn u64_at(&self, offset: usize) -> Result<u64, ElfFault> {
        let bytes = self.part(offset)?;
        Ok(if self.is_little_endian() { u64::from_le_bytes(bytes) } else { u64::from_be_bytes(bytes) })
    }
}

/// How a section is packed, and how many bytes stand in front: Elf_Chdr, or `ZLIB` and a size. `word` is the first word,
/// also as a number of the file's byte order.
pub(super) fn packing_of(
    is_flagged: bool,
    name: &str,
    word: &[u8],
    (number, is_wide): (u64, bool),
) -> Option<(usize, SectionPacking)> {
    let head = if is_wide { 24 } else { 12 };
    match number {
        _ if name.starts_with(".zdebug") && word == b"ZLIB" => Some((12, SectionPacking::Zlib)),
        1 if is_flagged => Some((head, SectionPacking::Zlib)),
        2 if is_flagged => Some((head, SectionPacking::Zstd)),
        _ => None,
    }
}

impl DynamicEntry {
    pub fn is_library_path(&self) -> bool {
        matches!(self.tag, tags::RPATH | tags::RUNPATH)
    }
}

fn is_nobits_at(section: &SectionHeader, address: u64) -> bool {
    section.sh_type == SHT_NOBITS && section.sh_addr == address && section.sh_size > 0
}

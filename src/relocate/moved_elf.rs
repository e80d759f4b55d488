//! What of an ELF file gets new prefixes with new lengths: what its loader reads. And what of it is never loaded.
//!
//! Does not edit (`elf/edit/`); strings elsewhere in the file keep their length (`splice.rs`).

use std::ops::Range;

use goblin::container::Ctx;
use goblin::elf::Elf;
use goblin::elf::program_header::{PT_LOAD, ProgramHeader};

use crate::relocate::elf::edit::{Edit, Folders, RpathEdit};
use crate::relocate::elf::{ElfFault, Facts};
use crate::relocate::mapping::Mapping;

/// The edit that gives the interpreter, the library path, the name and the needed libraries their new prefixes; `None`
/// when none of them holds one.
///
/// # Errors
/// [`ElfFault`] when the file is unsound.
pub fn edit(bytes: &[u8], mapping: &Mapping) -> Result<Option<Edit>, ElfFault> {
    let facts = Facts::read(bytes)?;
    let replaced = |text: &Option<String>| text.as_ref().and_then(|text| mapping.replaced(text.as_bytes()));
    let mut edit = Edit { interpreter: replaced(&facts.interpreter), ..Edit::default() };
    if let Some(dynamic) = &facts.dynamic {
        edit.soname = replaced(&dynamic.soname);
        edit.rpath =
            replaced(dynamic.runpath.as_ref().map_or(&dynamic.rpath, |_| &dynamic.runpath)).map(RpathEdit::Set);
        for needed in &dynamic.needed {
            let new = mapping.replaced(needed.as_bytes());
            edit.replace_needed.extend(new.map(|new| (needed.clone().into_bytes(), new)));
        }
    }
    Ok((edit != Edit::default()).then_some(edit))
}

/// The library path as it is in force: the RUNPATH if there is one, else the RPATH (ld.so(8)).
///
/// # Errors
/// [`ElfFault`] when the file is unsound.
pub fn library_path(bytes: &[u8]) -> Result<Option<String>, ElfFault> {
    let facts = Facts::read(bytes)?;
    Ok(facts.dynamic.and_then(|dynamic| dynamic.runpath.or(dynamic.rpath)))
}

/// The parts of a program or library that are in memory when it runs; all of it where that is not known, and of what
/// is no program or library.
pub fn loaded(bytes: &[u8]) -> Vec<Range<u64>> {
    let whole = 0..bytes.len() as u64;
    let segments = || -> Option<Vec<Range<u64>>> {
        let header = Elf::parse_header(bytes).ok()?;
        if !matches!(header.e_type, 2 | 3) {
            return None;
        }
        let context = Ctx::new(header.container().ok()?, header.endianness().ok()?);
        let place = usize::try_from(header.e_phoff).ok()?;
        let segments = ProgramHeader::parse(bytes, place, usize::from(header.e_phnum), context).ok()?;
        let loaded = segments.iter().filter(|one| one.p_type == PT_LOAD && one.p_filesz > 0);
        let ranges: Vec<_> = loaded.map(|one| one.p_offset..one.p_offset.saturating_add(one.p_filesz)).collect();
        (!ranges.is_empty()).then_some(ranges)
    };
    segments().unwrap_or_else(|| vec![whole])
}

/// Knows of no folder: nothing is shrunk here.
pub struct NoFolders;

impl Folders for NoFolders {
    fn holds(&self, _: &[u8], _: &[u8], _: u16) -> bool {
        false
    }
}

/// Where the section headers lie, by the first 64 bytes of a file: the offset, how many, and the size of one.
pub fn section_table(head: &[u8]) -> Option<(u64, u64, SectionForm)> {
    let header = Elf::parse_header(head).ok()?;
    let form = SectionForm { is_wide: head.get(4) == Some(&2), is_little: head.get(5) != Some(&2) };
    (u64::from(header.e_shentsize) == form.size()).then_some((header.e_shoff, u64::from(header.e_shnum), form))
}

/// Width and byte order of section headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SectionForm {
    is_wide: bool,
    is_little: bool,
}

impl SectionForm {
    /// Bytes of one section header.
    pub fn size(self) -> u64 {
        if self.is_wide { 64 } else { 40 }
    }

    /// Whether one of the sections is compressed (SHF_COMPRESSED).
    pub fn has_compressed(self, table: &[u8]) -> bool {
        // The flags follow two numbers of four bytes; the bit is in the second byte of the number.
        let (at, width) = if self.is_wide { (8, 8) } else { (8, 4) };
        let place = if self.is_little { at + 1 } else { at + width - 2 };
        table.chunks_exact(if self.is_wide { 64 } else { 40 }).any(|header| header[place] & 0x08 != 0)
    }
}

//! Everything `elf show` and `elf print` tell of a file: headers, dynamic entries, notes, properties.
//!
//! Only facts and their names from elf.h; how they are printed is the business of `cli/`.

use crate::relocate::elf::edit::image::{Image, section, segment};
use crate::relocate::elf::edit::{EditFault, OsAbi};
use crate::relocate::elf::layout::{Layout, tags};
use crate::relocate::elf::{ElfFault, VersionNeed};

/// No note known is a thousandth of it; a bound for hostile counts.
const MOST_NOTES: usize = 10_000;

/// What a file says.
#[derive(Debug, Clone)]
pub struct Report {
    pub is_wide: bool,
    pub is_little_endian: bool,
    pub machine: u16,
    /// `e_type`.
    pub kind: u16,
    pub os_abi: OsAbi,
    pub entry: u64,
    /// `e_flags`.
    pub flags: u32,
    pub sections: usize,
    pub segments: Vec<SegmentLine>,
    pub execstack: Execstack,
    pub interpreter: Option<Vec<u8>>,
    pub is_dynamic: bool,
    pub dynamic: Vec<DynamicLine>,
    pub versions_defined: Vec<String>,
    pub versions_needed: Vec<VersionNeed>,
    pub notes: Vec<Note>,
}

/// A program header.
#[derive(Debug, Clone)]
pub struct SegmentLine {
    /// `PT_LOAD`, or a number.
    pub kind: String,
    /// `rwx`, with `-` for what is not allowed.
    pub flags: String,
    pub offset: u64,
    pub address: u64,
    pub in_file: u64,
    pub in_memory: u64,
    pub align: u64,
}

/// A dynamic entry.
#[derive(Debug, Clone)]
pub struct DynamicLine {
    pub tag: u64,
    /// `NEEDED`, or a number.
    pub name: String,
    pub value: u64,
    /// The string that the value names.
    pub text: Option<Vec<u8>>,
}

/// Whether the stack may be executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Execstack {
    Set,
    Clear,
    Absent,
}

/// A note.
#[derive(Debug, Clone)]
pub struct Note {
    pub owner: String,
    pub kind: u32,
    pub content: Vec<u8>,
}

/// A property of the note `.note.gnu.property`.
#[derive(Debug, Clone)]
pub struct Property {
    pub kind: u32,
    /// What it is called, where it is known.
    pub name: Option<&'static str>,
    pub content: Vec<u8>,
}

impl Report {
    /// Reads a file of any type.
    ///
    /// # Errors
    /// [`EditFault`] when it is no sound ELF file.
    pub fn read(bytes: &[u8]) -> Result<Report, EditFault> {
        let (image, layout) = (Image::read(bytes)?, Layout::read(bytes)?);
        let mut dynamic = Vec::new();
        for entry in layout.entries().iter().take_while(|entry| entry.tag != tags::NULL) {
            let names_text = tags::STRINGS.contains(&entry.tag);
            let text = names_text.then(|| layout.text(entry.value)).transpose()?;
            dynamic.push(DynamicLine {
                tag: entry.tag,
                name: tag_name(entry.tag).map_or_else(|| format!("{:#x}", entry.tag), str::to_owned),
                value: entry.value,
                text: text.map(<[u8]>::to_vec),
            });
        }
        let string = |offset: &u32| Ok(String::from_utf8_lossy(layout.text(u64::from(*offset))?).into_owned());
        let versions_needed = layout.versions_needed()?;
        let needed = versions_needed.iter().map(|file| {
            let versions = file.names.iter().map(string).collect::<Result<_, ElfFault>>()?;
            Ok(VersionNeed { library: string(&file.library)?, versions })
        });
        let is_bare = |one: &crate::relocate::elf::edit::image::Segment| {
            let covers = |other: &crate::relocate::elf::edit::image::Section| {
                other.kind == section::NOBITS && other.address == one.address && other.size > 0
            };
            one.in_file == 0 || image.sections.iter().any(covers)
        };
        let interpreter = image.segment(segment::INTERP).filter(|one| !is_bare(one));
        let interpreter = interpreter.map(|one| {
            let text = image.part(one.offset, one.in_file);
            let text = text.ok_or_else(|| ElfFault::new("its interpreter lies outside of it"))?;
            Ok::<_, ElfFault>(text.split(|byte| *byte == 0).next().unwrap_or_default().to_vec())
        });
        let form = image.form;
        Ok(Report {
            is_wide: form.is_wide,
            is_little_endian: form.is_little,
            machine: image.machine,
            kind: image.kind,
            os_abi: OsAbi(bytes[7]),
            entry: form.word(bytes, 24)?,
            flags: form.u32(bytes, form.pick(48, 36))?,
            sections: image.sections.len(),
            segments: image.segments.iter().map(segment_line).collect(),
            execstack: match image.segment(segment::GNU_STACK) {
                Some(stack) if stack.flags & segment::EXECUTE != 0 => Execstack::Set,
                Some(_) => Execstack::Clear,
                None => Execstack::Absent,
            },
            interpreter: interpreter.transpose()?,
            is_dynamic: layout.has_dynamic(),
            dynamic,
            versions_defined: layout.versions_defined()?.iter().map(string).collect::<Result<_, ElfFault>>()?,
            versions_needed: needed.collect::<Result<_, ElfFault>>()?,
            notes: notes(&image),
        })
    }

    /// The strings of all entries with this name, in file order.
    pub fn texts(&self, name: &str) -> Vec<&[u8]> {
        self.dynamic.iter().filter(|line| line.name == name).filter_map(|line| line.text.as_deref()).collect()
    }

    /// The RUNPATH's text if there is one, else the RPATH's.
    pub fn library_path(&self) -> Option<&[u8]> {
        self.texts("RUNPATH").last().or(self.texts("RPATH").last()).copied()
    }

    /// The build id, as hexadecimal digits (NT_GNU_BUILD_ID).
    pub fn build_id(&self) -> Option<String> {
        let note = self.notes.iter().find(|note| note.owner == "GNU" && note.kind == 3)?;
        Some(note.content.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// The GNU properties (NT_GNU_PROPERTY_TYPE_0).
    pub fn properties(&self) -> Vec<Property> {
        let align = if self.is_wide { 8 } else { 4 };
        let number = |bytes: &[u8]| {
            let bytes = <[u8; 4]>::try_from(bytes).unwrap_or_default();
            if self.is_little_endian { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) }
        };
        let mut found = Vec::new();
        for note in self.notes.iter().filter(|note| note.owner == "GNU" && note.kind == 5) {
            let mut rest = note.content.as_slice();
            while let (Some(kind), Some(size)) = (rest.get(..4), rest.get(4..8)) {
                let (kind, size) = (number(kind), number(size) as usize);
                let Some(content) = rest.get(8..8usize.saturating_add(size)) else { break };
                found.push(Property { kind, name: property_name(self.machine, kind), content: content.to_vec() });
                rest = rest.get(8 + size.next_multiple_of(align)..).unwrap_or_default();
            }
        }
        found
    }
}

fn property_name(machine: u16, kind: u32) -> Option<&'static str> {
    Some(match (machine, kind) {
        (_, 1) => "stack size",
        (_, 2) => "no copy on protected",
        (_, 0xb000_8000) => "1_needed",
        (62 | 3, 0xc000_0002) => "x86 feature",
        (62 | 3, 0xc000_8002) => "x86 ISA needed",
        (62 | 3, 0xc001_0002) => "x86 ISA used",
        (62 | 3, 0xc000_8001) => "x86 feature needed",
        (62 | 3, 0xc001_0001) => "x86 feature used",
        (183, 0xc000_0000) => "AArch64 feature",
        _ => return None,
    })
}

fn segment_line(one: &crate::relocate::elf::edit::image::Segment) -> SegmentLine {
    let kind = match one.kind {
        0 => "PT_NULL",
        1 => "PT_LOAD",
        2 => "PT_DYNAMIC",
        3 => "PT_INTERP",
        4 => "PT_NOTE",
        5 => "PT_SHLIB",
        6 => "PT_PHDR",
        7 => "PT_TLS",
        0x6474_e550 => "PT_GNU_EH_FRAME",
        0x6474_e551 => "PT_GNU_STACK",
        0x6474_e552 => "PT_GNU_RELRO",
        0x6474_e553 => "PT_GNU_PROPERTY",
        _ => "",
    };
    let flag = |bit: u32, letter: char| if one.flags & bit != 0 { letter } else { '-' };
    SegmentLine {
        kind: if kind.is_empty() { format!("{:#x}", one.kind) } else { kind.to_owned() },
        flags: [flag(4, 'r'), flag(2, 'w'), flag(1, 'x')].iter().collect(),
        offset: one.offset,
        address: one.address,
        in_file: one.in_file,
        in_memory: one.in_memory,
        align: one.align,
    }
}

/// The notes of the segments; of the sections where there are no segments.
fn notes(image: &Image<'_>) -> Vec<Note> {
    let mut notes: Vec<Note> = Vec::new();
    // Notes that lie over each other could hold the file many times.
    let mut left = image.bytes.len();
    let has_segments = image.segment(segment::NOTE).is_some();
    let of_segments = image.segments.iter().filter(|one| one.kind == segment::NOTE);
    let of_sections = image.sections.iter().filter(|one| !has_segments && one.kind == 7);
    let places = of_segments
        .map(|one| (one.offset, one.in_file, one.align))
        .chain(of_sections.map(|one| (one.offset, one.size, one.align)));
    for (offset, size, align) in places {
        let Some(bytes) = image.part(offset, size) else { continue };
        let align = if align == 8 { 8 } else { 4 };
        let mut at: usize = 0;
        while at + 12 <= bytes.len() && notes.len() < MOST_NOTES {
            let word = |place| image.form.u32(bytes, place).unwrap_or(0) as usize;
            let (owner_size, size, kind) = (word(at), word(at + 4), word(at + 8) as u32);
            let content_at = (at + 12).saturating_add(owner_size).checked_next_multiple_of(align).unwrap_or(usize::MAX);
            let end = content_at.saturating_add(size);
            let (Some(owner), Some(content)) =
                (bytes.get(at + 12..(at + 12).saturating_add(owner_size)), bytes.get(content_at..end))
            else {
                break;
            };
            let Some(rest) = left.checked_sub(owner.len() + content.len()) else { return notes };
            left = rest;
            let owner = owner.split(|byte| *byte == 0).next().unwrap_or_default();
            let owner = String::from_utf8_lossy(owner).into_owned();
            notes.push(Note { owner, kind, content: content.to_vec() });
            at = end.next_multiple_of(align);
        }
    }
    notes
}

fn tag_name(tag: u64) -> Option<&'static str> {
    const FIRST: [&str; 38] = [
        "NULL",
        "NEEDED",
        "PLTRELSZ",
        "PLTGOT",
        "HASH",
        "STRTAB",
        "SYMTAB",
        "RELA",
        "RELASZ",
        "RELAENT",
        "STRSZ",
        "SYMENT",
        "INIT",
        "FINI",
        "SONAME",
        "RPATH",
        "SYMBOLIC",
        "REL",
        "RELSZ",
        "RELENT",
        "PLTREL",
        "DEBUG",
        "TEXTREL",
        "JMPREL",
        "BIND_NOW",
        "INIT_ARRAY",
        "FINI_ARRAY",
        "INIT_ARRAYSZ",
        "FINI_ARRAYSZ",
        "RUNPATH",
        "FLAGS",
        "0x1f",
        "PREINIT_ARRAY",
        "PREINIT_ARRAYSZ",
        "SYMTAB_SHNDX",
        "RELRSZ",
        "RELR",
        "RELRENT",
    ];
    if let Some(name) = usize::try_from(tag).ok().and_then(|tag| FIRST.get(tag)) {
        return Some(name);
    }
    Some(match tag {
        0x6fff_fef5 => "GNU_HASH",
        0x6fff_fefa => "CONFIG",
        0x6fff_fefb => "DEPAUDIT",
        0x6fff_fefc => "AUDIT",
        0x6fff_fff0 => "VERSYM",
        0x6fff_fff9 => "RELACOUNT",
        0x6fff_fffa => "RELCOUNT",
        0x6fff_fffb => "FLAGS_1",
        0x6fff_fffc => "VERDEF",
        0x6fff_fffd => "VERDEFNUM",
        0x6fff_fffe => "VERNEED",
        0x6fff_ffff => "VERNEEDNUM",
        0x7fff_fffd => "AUXILIARY",
        0x7fff_ffff => "FILTER",
        _ => return None,
    })
}

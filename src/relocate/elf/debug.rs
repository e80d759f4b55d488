//! What an ELF file has of debug information, and the id by which it is found again (gdb manual, "Separate Debug Files").
//!
//! Does not split it off (`builder/debug.rs`) and reads none of it.

use goblin::elf::SectionHeader;
use goblin::elf::note::NT_GNU_BUILD_ID;
use goblin::elf::section_header::{SHF_ALLOC, SHT_NOBITS};

use crate::relocate::elf::layout::Layout;
use crate::relocate::elf::{ElfFault, Purpose};

/// What is known of the debug information of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DebugFacts {
    pub purpose: Purpose,
    /// Whether it holds any itself.
    pub has_sections: bool,
    /// The build id, as hex digits.
    pub build_id: Option<String>,
}

/// The longest build id that is taken, in bytes; linkers write 8 to 20.
const LONGEST: usize = 64;

impl DebugFacts {
    /// Reads the facts of a file that starts with ELF's magic bytes.
    ///
    /// # Errors
    /// [`ElfFault`] when it is cut short or contradicts itself.
    pub fn read(bytes: &[u8]) -> Result<DebugFacts, ElfFault> {
        let layout = Layout::read(bytes)?;
        let elf = layout.headers()?;
        let names = elf.section_headers.get(elf.header.e_shstrndx as usize).map(|section| section.sh_offset);
        let is_debug = |section: &SectionHeader| {
            // A section that is loaded is the program's own, whatever its name.
            let is_loaded = section.sh_type == SHT_NOBITS || section.sh_flags & u64::from(SHF_ALLOC) != 0;
            let place = || usize::try_from(names?).ok()?.checked_add(section.sh_name);
            let name = place().and_then(|place| bytes.get(place..)).unwrap_or_default();
            !is_loaded && (name.starts_with(b".debug_") || name.starts_with(b".zdebug_"))
        };
        let has_sections = elf.section_headers.iter().any(is_debug);
        let of_segments = elf.iter_note_headers(bytes).into_iter().flatten();
        let of_sections = elf.iter_note_sections(bytes, None).into_iter().flatten();
        // A note that cannot be read ends its list.
        let mut notes = of_segments.map_while(Result::ok).chain(of_sections.map_while(Result::ok));
        let id = notes.find(|note| note.n_type == NT_GNU_BUILD_ID && note.name == "GNU");
        let id = id.filter(|note| (2..=LONGEST).contains(&note.desc.len()));
        let build_id = id.map(|note| note.desc.iter().map(|byte| format!("{byte:02x}")).collect());
        Ok(DebugFacts { purpose: layout.purpose(), has_sections, build_id })
    }
}

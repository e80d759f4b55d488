//! What an ELF file asks of memory and processor: stack, writable code, text relocations, build id, x86-64 level.
//!
//! Does not judge; `audit/hygiene.rs` does.

use goblin::elf::dynamic::{DF_TEXTREL, DT_FLAGS, DT_TEXTREL};
use goblin::elf::program_header::{PF_W, PF_X, PT_GNU_STACK, PT_LOAD};

use crate::relocate::elf::layout::Layout;
use crate::relocate::elf::{Class, ElfFault, Facts, Purpose};

/// `NT_GNU_BUILD_ID` and `NT_GNU_PROPERTY_TYPE_0` of elf.h.
const BUILD_ID: u32 = 3;
const PROPERTY: u32 = 5;

/// `GNU_PROPERTY_X86_ISA_1_NEEDED` of the x86-64 psABI.
const ISA_NEEDED: u32 = 0xc000_8002;

/// What a file asks of memory and processor.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Hardening {
    /// Code is written to while it is loaded (DT_TEXTREL, DF_TEXTREL).
    pub has_text_relocations: bool,
    /// PT_GNU_STACK with the executable flag, or none on a machine where that means the same.
    pub has_executable_stack: bool,
    /// A segment that is both writable and executable.
    pub has_writable_code: bool,
    pub has_build_id: bool,
    /// The x86-64 level (1 to 4) that the file says it needs; 0 when it says nothing.
    pub cpu_level: u8,
}

impl Hardening {
    /// Reads the facts.
    ///
    /// # Errors
    /// [`ElfFault`] when the headers lie outside of the file.
    pub fn read(bytes: &[u8], facts: &Facts) -> Result<Hardening, ElfFault> {
        let layout = Layout::read(bytes)?;
        let elf = layout.headers()?;
        let flags = layout.value(DT_FLAGS).unwrap_or(0);
        let stack = elf.program_headers.iter().find(|segment| segment.p_type == PT_GNU_STACK);
        // Without the segment glibc takes the machine's default, which is executable on these (elf/dl-support.c).
        let is_open_by_default = matches!(facts.machine, 3 | 62) && facts.purpose != Purpose::Object;
        let is_loaded = elf.program_headers.iter().any(|segment| segment.p_type == PT_LOAD);
        let mut hardening = Hardening {
            has_text_relocations: layout.value(DT_TEXTREL).is_some() || flags & DF_TEXTREL != 0,
            has_executable_stack: match stack {
                Some(segment) => segment.p_flags & PF_X != 0,
                None => is_open_by_default && is_loaded,
            },
            has_writable_code: elf
                .program_headers
                .iter()
                .any(|segment| segment.p_type == PT_LOAD && segment.p_flags & (PF_W | PF_X) == PF_W | PF_X),
            ..Hardening::default()
        };
        let notes = elf.iter_note_headers(bytes).or_else(|| elf.iter_note_sections(bytes, None));
        for note in notes.into_iter().flatten().take(1000) {
            // What is damaged behind a sound note hides nothing that a loader would see.
            let Ok(note) = note else { break };
            match (note.name, note.n_type) {
                ("GNU", BUILD_ID) => hardening.has_build_id = true,
                ("GNU", PROPERTY) => {
                    hardening.cpu_level = hardening.cpu_level.max(cpu_level(note.desc, facts));
                }
                _ => {}
            }
        }
        Ok(hardening)
    }
}

/// The level in a property note: records of type, size and value, padded to the size of a word.
fn cpu_level(mut bytes: &[u8], facts: &Facts) -> u8 {
    let align = if facts.class == Class::Elf64 { 8 } else { 4 };
    let number = |part: &[u8]| Some(u32::from_le_bytes(part.get(..4)?.try_into().ok()?));
    while let (Some(kind), Some(size)) = (number(bytes), bytes.get(4..).and_then(number)) {
        let value = bytes.get(8..).and_then(number);
        if let (ISA_NEEDED, Some(needed)) = (kind, value) {
            let highest = (1..=4u8).rev().find(|level| needed & (1 << (level - 1)) != 0);
            return highest.unwrap_or(0);
        }
        let step = 8usize.saturating_add((size as usize).next_multiple_of(align));
        let Some(rest) = bytes.get(step..) else { break };
        bytes = rest;
    }
    0
}

//! What an ELF file says of itself: class, machine, and what its dynamic section asks of the loader (elf(5), ld.so(8)).
//!
//! The only room that knows goblin. Does not resolve what a file asks for (`audit/loader.rs`) and changes files
//! only through `library_path.rs`, in place, and `edit/`, which makes room.

pub mod debug;
pub mod edit;
pub mod exports;
pub mod hardening;
mod layout;
pub mod library_path;
pub mod skeleton;
pub mod symbols;
mod versions;

use crate::relocate::elf::layout::{Layout, tags};
pub use crate::relocate::elf::versions::VersionNeed;

/// 32 or 64 bits; a loader passes over libraries of the other class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    Elf32,
    Elf64,
}

/// What the file is for (`e_type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// An object that a linker reads.
    Object,
    /// A program at a fixed address.
    Program,
    /// A shared library, or a program at any address.
    Shared,
    /// A memory image or something else.
    Other,
}

/// What an ELF file says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    pub class: Class,
    /// `e_machine`: 62 is x86-64, 183 is AArch64.
    pub machine: u16,
    pub is_little_endian: bool,
    pub purpose: Purpose,
    /// The loader a program asks for (PT_INTERP).
    pub interpreter: Option<String>,
    /// What the loader is asked; `None` for objects and static programs.
    pub dynamic: Option<Dynamic>,
    /// Sections whose content is compressed (SHF_COMPRESSED): where it lies in the file.
    pub compressed: Vec<CompressedSection>,
}

/// The dynamic section.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dynamic {
    pub soname: Option<String>,
    /// Names of libraries, in order.
    pub needed: Vec<String>,
    pub rpath: Option<String>,
    pub runpath: Option<String>,
    /// DF_1_NODEFLIB: the system's folders are not searched.
    pub has_no_default_folders: bool,
    /// The symbol versions asked of each library.
    pub versions_needed: Vec<VersionNeed>,
    pub versions_defined: Vec<String>,
}

/// A compressed section: its name, and the range of the compressed bytes in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompressedSection {
    pub name: String,
    pub start: usize,
    pub end: usize,
    pub packing: SectionPacking,
}

/// How a section is compressed (`ch_type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SectionPacking {
    Zlib,
    Zstd,
}

impl Facts {
    /// Reads the facts of a file that starts with ELF's magic bytes.
    ///
    /// # Errors
    /// [`ElfFault`] when it is cut short or contradicts itself.
    pub fn read(bytes: &[u8]) -> Result<Facts, ElfFault> {
        Layout::read(bytes)?.facts()
    }

    /// Whether the file belongs to a loader's world: a shared library or a program that is linked dynamically.
    pub fn is_dynamic(&self) -> bool {
        self.dynamic.is_some()
    }
}

impl Layout<'_> {
    fn facts(&self) -> Result<Facts, ElfFault> {
        Ok(Facts {
            class: self.class(),
            machine: self.machine(),
            is_little_endian: self.is_little_endian(),
            purpose: self.purpose(),
            interpreter: self.interpreter()?,
            dynamic: if self.has_dynamic() { Some(self.dynamic_facts()?) } else { None },
            compressed: self.compressed_sections(),
        })
    }

    fn dynamic_facts(&self) -> Result<Dynamic, ElfFault> {
        let mut dynamic = Dynamic::default();
        for entry in self.entries() {
            let text = || self.string(entry.value);
            match entry.tag {
                tags::NEEDED => dynamic.needed.push(text()?),
                tags::SONAME => dynamic.soname = Some(text()?),
                // Where a tag stands twice the loader takes the last one.
                tags::RPATH => dynamic.rpath = Some(text()?),
                tags::RUNPATH => dynamic.runpath = Some(text()?),
                tags::FLAGS_1 => dynamic.has_no_default_folders = entry.value & tags::DF_1_NODEFLIB != 0,
                _ => {}
            }
        }
        let (needed, defined) = (self.versions_needed()?, self.versions_defined()?);
        dynamic.versions_needed = needed
            .iter()
            .map(|file| {
                let names = file.names.iter().map(|name| self.string(u64::from(*name)));
                Ok(VersionNeed {
                    library: self.string(u64::from(file.library))?,
                    versions: names.collect::<Result<_, ElfFault>>()?,
                })
            })
            .collect::<Result<_, ElfFault>>()?;
        dynamic.versions_defined =
            defined.iter().map(|name| self.string(u64::from(*name))).collect::<Result<_, ElfFault>>()?;
        Ok(dynamic)
    }
}

/// Why a file with ELF's magic bytes cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it is no sound ELF file: {reason}")]
pub struct ElfFault {
    pub reason: String,
}

impl ElfFault {
    fn new(reason: impl Into<String>) -> ElfFault {
        ElfFault { reason: reason.into() }
    }
}

impl From<goblin::error::Error> for ElfFault {
    fn from(error: goblin::error::Error) -> ElfFault {
        ElfFault::new(error.to_string())
    }
}

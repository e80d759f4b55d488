//! What an ELF file defines and asks for by name: dynamic symbols with their versions (LSB Core, symbol versioning).
//!
//! Does not say who provides a symbol; `audit/process.rs` does.

use std::collections::BTreeMap;
use std::sync::Arc;

use goblin::elf::section_header::{SHN_ABS, SHN_UNDEF};
use goblin::elf::sym::{STB_GLOBAL, STB_WEAK, STT_FUNC, STT_OBJECT};

use crate::relocate::elf::layout::{Layout, tags};
use crate::relocate::elf::{ElfFault, Facts};

/// DT_VERSYM of elf.h: the version index of each dynamic symbol.
const VERSYM: u64 = 0x6fff_fff0;

/// A bound for hostile counts; no file known has a thousandth of it.
const MOST_RECORDS: u64 = 1 << 20;

/// The dynamic symbols of one file.
#[derive(Debug, Clone, Default)]
pub struct Symbols {
    /// The names below, one after the other: a box for each would cost more than to read them.
    names: String,
    wanted: Vec<(Name, Arc<Version>, bool)>,
    /// Sorted.
    strong: Vec<Name>,
    /// Digests of `name` and of `name@version` of all defined ones, sorted: a tree can hold millions.
    defined: Vec<u64>,
    /// Whether the file gives versions to what it defines.
    has_versions: bool,
}

/// A name with its digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Name {
    digest: u64,
    start: u32,
    length: u32,
}

/// A version, and the library that was to define it when the file was linked.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Version {
    name: String,
    digest: u64,
    library: Arc<str>,
}

/// An undefined symbol with the version and the library it was linked against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted<'a> {
    pub name: &'a str,
    pub version: &'a str,
    pub library: &'a str,
    pub is_weak: bool,
    /// Of the name, and of the version.
    digests: (u64, u64),
}

impl Symbols {
    /// Reads the dynamic symbols; a file without any gives none.
    ///
    /// # Errors
    /// [`ElfFault`] when tables lie outside of the file or contradict each other.
    pub fn read(bytes: &[u8], facts: &Facts) -> Result<Symbols, ElfFault> {
        let Some(dynamic) = &facts.dynamic else { return Ok(Symbols::default()) };
        let layout = Layout::read(bytes)?;
        let versions = Versions::read(&layout)?;
        let mut symbols = Symbols { has_versions: !dynamic.versions_defined.is_empty(), ..Symbols::default() };
        let Some(table) = layout.symbol_table()? else { return Ok(symbols) };
        let defined = versions.defined.iter().map(|(index, version)| (*index, digest(version.as_bytes())));
        let defined: BTreeMap<u16, u64> = defined.collect();
        for (place, symbol) in table.iter().enumerate() {
            let Ok(text) = layout.text(symbol.st_name as u64) else { continue };
            let Some(name) = std::str::from_utf8(text).ok().filter(|name| !name.is_empty()) else { continue };
            let index = versions.index_of(&layout, place)?;
            let is_weak = symbol.st_bind() == STB_WEAK;
            let section = symbol.st_shndx as u32;
            if section == SHN_UNDEF {
                if let Some(version) = versions.needed.get(&(index & 0x7fff)) {
                    let name = symbols.keep(name, digest(text))?;
                    symbols.wanted.push((name, Arc::clone(version), is_weak));
                }
                continue;
            }
            let digest = digest(text);
            symbols.defined.push(digest);
            if let Some(version) = defined.get(&(index & 0x7fff)) {
                symbols.defined.push(joined(digest, *version));
            }
            let is_plain = matches!(symbol.st_type(), STT_FUNC | STT_OBJECT) && symbol.st_visibility() == 0;
            // Names of versions stand among the symbols, in no section.
            if symbol.st_bind() == STB_GLOBAL && is_plain && section != SHN_ABS {
                let name = symbols.keep(name, digest)?;
                symbols.strong.push(name);
            }
        }
        symbols.defined.sort_unstable();
        symbols.defined.dedup();
        symbols.strong.sort_unstable();
        symbols.strong.dedup_by_key(|name| name.digest);
        Ok(symbols)
    }

    fn keep(&mut self, name: &str, digest: u64) -> Result<Name, ElfFault> {
        let too_long = |_| ElfFault::new("its names are too long together");
        let start = u32::try_from(self.names.len()).map_err(too_long)?;
        let length = u32::try_from(name.len()).map_err(too_long)?;
        self.names.push_str(name);
        Ok(Name { digest, start, length })
    }

    fn text(&self, name: &Name) -> &str {
        &self.names[name.start as usize..][..name.length as usize]
    }

    /// The undefined ones that carry a version, in the order of the table.
    pub fn wanted(&self) -> impl Iterator<Item = Wanted<'_>> {
        self.wanted.iter().map(|(name, version, is_weak)| Wanted {
            name: self.text(name),
            version: &version.name,
            library: &version.library,
            is_weak: *is_weak,
            digests: (name.digest, version.digest),
        })
    }

    /// The defined ones that are not weak, each once, with a digest of the name: what interposes, or is interposed.
    pub fn strong(&self) -> impl Iterator<Item = (u64, &str)> {
        self.strong.iter().map(|name| (name.digest, self.text(name)))
    }

    /// Whether a symbol of that name and version is defined; a file without versions answers to every version.
    pub fn define(&self, wanted: &Wanted<'_>) -> bool {
        let (name, version) = wanted.digests;
        let wanted = if self.has_versions { joined(name, version) } else { name };
        self.defined.binary_search(&wanted).is_ok()
    }
}

/// A digest that is made in a moment: who makes two names alike hides nothing but a missing symbol of his own.
fn digest(text: &[u8]) -> u64 {
    let words = text.chunks(8).map(|part| {
        let mut word = [0; 8];
        word[..part.len()].copy_from_slice(part);
        u64::from_le_bytes(word)
    });
    words.fold(text.len() as u64, joined)
}

/// A step of the digest: the constant is the golden ratio's, as in Fibonacci hashing.
fn joined(one: u64, other: u64) -> u64 {
    let mixed = (one.rotate_left(23) ^ other).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^ (mixed >> 32)
}

/// The version indices of a file.
#[derive(Default)]
struct Versions {
    table: Option<usize>,
    /// By index.
    needed: BTreeMap<u16, Arc<Version>>,
    defined: BTreeMap<u16, String>,
}

impl Versions {
    fn read(layout: &Layout<'_>) -> Result<Versions, ElfFault> {
        let mut versions = Versions::default();
        let Some(table) = layout.value(VERSYM) else { return Ok(versions) };
        versions.table = Some(layout.offset_of(table)?);
        versions.read_needed(layout)?;
        versions.read_defined(layout)?;
        Ok(versions)
    }

    fn read_needed(&mut self, layout: &Layout<'_>) -> Result<(), ElfFault> {
        let Some(start) = layout.value(tags::VERNEED) else { return Ok(()) };
        let mut at = layout.offset_of(start)?;
        let mut left = MOST_RECORDS;
        for _ in 0..layout.value(tags::VERNEEDNUM).unwrap_or(0).min(MOST_RECORDS) {
            let library: Arc<str> = Arc::from(layout.string(u64::from(layout.u32_at(at.saturating_add(4))?))?);
            let mut aux = at.saturating_add(layout.u32_at(at.saturating_add(8))? as usize);
            for _ in 0..layout.u16_at(at.saturating_add(2))? {
                left = left.checked_sub(1).ok_or_else(|| ElfFault::new("too many symbol versions"))?;
                let index = layout.u16_at(aux.saturating_add(6))?;
                let name = layout.string(u64::from(layout.u32_at(aux.saturating_add(8))?))?;
                let version = Version { digest: digest(name.as_bytes()), name, library: Arc::clone(&library) };
                self.needed.insert(index & 0x7fff, Arc::new(version));
                match layout.u32_at(aux.saturating_add(12))? {
                    0 => break,
                    next => aux = aux.saturating_add(next as usize),
                }
            }
            match layout.u32_at(at.saturating_add(12))? {
                0 => break,
                next => at = at.saturating_add(next as usize),
            }
        }
        Ok(())
    }

    fn read_defined(&mut self, layout: &Layout<'_>) -> Result<(), ElfFault> {
        let Some(start) = layout.value(tags::VERDEF) else { return Ok(()) };
        let mut at = layout.offset_of(start)?;
        for _ in 0..layout.value(tags::VERDEFNUM).unwrap_or(0).min(MOST_RECORDS) {
            let index = layout.u16_at(at.saturating_add(4))?;
            let aux = at.saturating_add(layout.u32_at(at.saturating_add(12))? as usize);
            self.defined.insert(index & 0x7fff, layout.string(u64::from(layout.u32_at(aux)?))?);
            match layout.u32_at(at.saturating_add(16))? {
                0 => break,
                next => at = at.saturating_add(next as usize),
            }
        }
        Ok(())
    }

    fn index_of(&self, layout: &Layout<'_>, place: usize) -> Result<u16, ElfFault> {
        self.table.map_or(Ok(0), |table| layout.u16_at(table.saturating_add(place.saturating_mul(2))))
    }
}

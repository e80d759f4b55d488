//! Reads the symbol version sections through the dynamic section (LSB Core, symbol versioning): the layout is the
//! same for 32 and 64 bits.
//!
//! Does not compare versions; `model::platform` does.

use crate::relocate::elf::ElfFault;
use crate::relocate::elf::layout::{Layout, tags};

/// The symbol versions that a file asks of one library: `libc.so.6`, `GLIBC_2.34`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionNeed {
    pub library: String,
    pub versions: Vec<String>,
}

/// The same as offsets into the dynamic strings.
pub struct RawNeed {
    /// Where the record lies in the file.
    pub at: usize,
    pub library: u32,
    pub names: Vec<u32>,
}

/// No file known has a thousandth of it; a bound for hostile counts.
const MOST_RECORDS: u64 = 1 << 20;

impl Layout<'_> {
    /// Verneed and Vernaux records.
    pub fn versions_needed(&self) -> Result<Vec<RawNeed>, ElfFault> {
        let mut needs = Vec::new();
        let Some(start) = self.value(tags::VERNEED) else { return Ok(needs) };
        let count = self.value(tags::VERNEEDNUM).unwrap_or(0).min(MOST_RECORDS);
        let mut at = self.offset_of(start)?;
        let mut left = MOST_RECORDS;
        for _ in 0..count {
            let aux_count = self.u16_at(at.saturating_add(2))?;
            let mut need = RawNeed { at, library: self.u32_at(at.saturating_add(4))?, names: Vec::new() };
            let mut aux = at.saturating_add(self.u32_at(at.saturating_add(8))? as usize);
            for _ in 0..aux_count {
                left = left.checked_sub(1).ok_or_else(|| ElfFault::new("too many symbol versions"))?;
                need.names.push(self.u32_at(aux.saturating_add(8))?);
                match self.u32_at(aux.saturating_add(12))? {
                    0 => break,
                    next => aux = aux.saturating_add(next as usize),
                }
            }
            needs.push(need);
            match self.u32_at(at.saturating_add(12))? {
                0 => break,
                next => at = at.saturating_add(next as usize),
            }
        }
        Ok(needs)
    }

    /// The names of all Verdef records, the file's own name among them.
    pub fn versions_defined(&self) -> Result<Vec<u32>, ElfFault> {
        let mut names = Vec::new();
        let Some(start) = self.value(tags::VERDEF) else { return Ok(names) };
        let count = self.value(tags::VERDEFNUM).unwrap_or(0).min(MOST_RECORDS);
        let mut at = self.offset_of(start)?;
        let mut left = MOST_RECORDS;
        for _ in 0..count {
            let aux_count = self.u16_at(at.saturating_add(6))?;
            let mut aux = at.saturating_add(self.u32_at(at.saturating_add(12))? as usize);
            for _ in 0..aux_count {
                left = left.checked_sub(1).ok_or_else(|| ElfFault::new("too many symbol versions"))?;
                names.push(self.u32_at(aux)?);
                match self.u32_at(aux.saturating_add(4))? {
                    0 => break,
                    next => aux = aux.saturating_add(next as usize),
                }
            }
            match self.u32_at(at.saturating_add(16))? {
                0 => break,
                next => at = at.saturating_add(next as usize),
            }
        }
        Ok(names)
    }
}

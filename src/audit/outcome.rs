//! What an audit tells: each ELF file with what it needs, the floor of all, and the findings.
//!
//! Does not judge and does not word; `report/` does.

use std::sync::Arc;

use crate::audit::floor::FileFloor;
use crate::audit::problem::{Level, Remark};
use crate::model::platform::Floor;
use crate::relocate::elf::Facts;

/// The result of one audit.
#[derive(Debug, Clone, Default)]
pub struct Audit {
    /// The ELF files, by path.
    pub files: Vec<Audited>,
    /// What all files together ask of libraries outside the tree.
    pub floor: Floor,
    /// The wheel policy that the floor meets.
    pub manylinux: Option<String>,
    /// The x86-64 level that all files together need; 0 and 1 are the baseline.
    pub cpu_level: u8,
    /// By file, then by level.
    pub remarks: Vec<Remark>,
    /// How many findings the project allows.
    pub allowed: usize,
    /// How many files, folders and links were looked at.
    pub places: usize,
}

/// One ELF file.
#[derive(Debug, Clone)]
pub struct Audited {
    pub path: String,
    pub facts: Arc<Facts>,
    /// What the file itself asks for.
    pub needed: Vec<Link>,
    /// All that is loaded with it, in order.
    pub all: Vec<Link>,
    pub floor: FileFloor,
}

/// A name that a file asks for, and where it leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    pub name: String,
    /// Relative to the tree where it lies in it; `None` when it is missing.
    pub found: Option<String>,
    /// The rule: rpath, runpath, cache, default, loaded, slash or missing.
    pub place: &'static str,
    /// The file that asks, as `found` has paths.
    pub by: String,
}

impl Audit {
    pub fn count(&self, level: Level) -> usize {
        self.remarks.iter().filter(|remark| remark.problem.level() == level).count()
    }
}

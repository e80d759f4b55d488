//! Judges facts about files: does the loader find what they need, what do they ask of the system, what leaks.
//!
//! Pure: facts in, findings out. Does not read files (`builder/seal/`).

pub mod allow;
pub mod cache;
pub mod clashes;
pub mod floor;
pub mod hygiene;
mod joined;
pub mod leaks;
pub mod loader;
pub mod outcome;
pub mod problem;
pub mod process;
pub mod providers;
pub mod system;
mod tokens;
pub mod traces;
pub mod wheel_policy;

use crate::audit::leaks::{Leak, LeakTrace};

/// One thing that a check found in one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The file, relative to the tree.
    pub file: String,
    pub fault: Fault,
}

/// What is wrong about a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// A trace of the place where it was built.
    Leak(Leak),
    /// A library that lies in the tree, at `at`, where no library path of the file leads.
    Unreached { library: String, at: String },
    /// A library that the loader takes from the system, which the recipe does not allow.
    FromHost { library: String, at: String },
    /// A library that is nowhere.
    Missing { library: String },
    /// A version of a library that the one found, at `at`, does not define.
    VersionMissing { version: String, library: String, at: String },
    /// A symbol with its version that nothing in the process defines.
    SymbolMissing { symbol: String, library: String, at: String },
    /// What lies under a library's name is no library; the loader stops there.
    NotALibrary { library: String, at: String },
    /// The program's loader (PT_INTERP) lies neither in the tree nor among those of the system.
    Interpreter { interpreter: String },
    /// The new library path does not fit in place of the old one.
    NoRoom { path: String, needed: usize, room: usize },
    /// An ELF file whose library path cannot be read or changed.
    Unreadable { reason: String },
    /// A link that leads out of the tree.
    LinkOutside { link: String },
    /// Something that is no file, folder or link: a socket, a device.
    Special { kind: &'static str },
    /// A file that would run as another user.
    SetId,
    /// A name that cannot stand in a package: not UTF-8, too long, or the program's own folder.
    Name,
}

/// The check that found something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// No trace of the build is left.
    Residue,
    /// Every library is found the way the loader finds it.
    Loader,
    /// Every versioned symbol has a provider.
    Symbols,
    /// Only what may be packaged is there.
    Content,
}

impl Fault {
    pub fn check(&self) -> Check {
        match self {
            Fault::Leak(_) => Check::Residue,
            Fault::Unreached { .. }
            | Fault::FromHost { .. }
            | Fault::Missing { .. }
            | Fault::NotALibrary { .. }
            | Fault::Interpreter { .. }
            | Fault::NoRoom { .. }
            | Fault::Unreadable { .. } => Check::Loader,
            Fault::VersionMissing { .. } | Fault::SymbolMissing { .. } => Check::Symbols,
            Fault::LinkOutside { .. } | Fault::Special { .. } | Fault::SetId | Fault::Name => Check::Content,
        }
    }
}

impl Check {
    pub fn name(self) -> &'static str {
        match self {
            Check::Residue => "residue",
            Check::Loader => "loader",
            Check::Symbols => "symbols",
            Check::Content => "content",
        }
    }
}

/// All names under which a recipe may allow what the seal finds.
pub const SEAL_CHECKS: [&str; 11] = [
    "residue-folder",
    "residue-unseen",
    "residue-placeholder",
    "loader-luck",
    "loader-system",
    "loader-missing",
    "loader-no-library",
    "loader-interpreter",
    "symbols-version",
    "symbols-missing",
    "elf-malformed",
];

impl Fault {
    /// The name under which a recipe may allow it, as `tagalong audit` calls the same; `None` for what no package can
    /// hold.
    pub fn allowed_as(&self) -> Option<&'static str> {
        Some(match self {
            Fault::Leak(Leak { trace: LeakTrace::Folder(_), .. }) => "residue-folder",
            Fault::Leak(Leak { trace: LeakTrace::Unseen(_), .. }) => "residue-unseen",
            Fault::Leak(_) => "residue-placeholder",
            Fault::Unreached { .. } => "loader-luck",
            Fault::FromHost { .. } => "loader-system",
            Fault::Missing { .. } => "loader-missing",
            Fault::NotALibrary { .. } => "loader-no-library",
            Fault::Interpreter { .. } => "loader-interpreter",
            Fault::VersionMissing { .. } => "symbols-version",
            Fault::SymbolMissing { .. } => "symbols-missing",
            Fault::Unreadable { .. } => "elf-malformed",
            Fault::NoRoom { .. } | Fault::LinkOutside { .. } | Fault::Special { .. } | Fault::SetId | Fault::Name => {
                return None;
            }
        })
    }
}

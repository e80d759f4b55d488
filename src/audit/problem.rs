//! What an audit finds, as facts with a level and the name of the check.
//!
//! Does not word them; `report/audit_words.rs` does.

use crate::audit::traces::{TraceForm, TraceOf};

/// How bad something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Error,
    Warning,
    Note,
}

impl Level {
    pub fn name(self) -> &'static str {
        match self {
            Level::Error => "error",
            Level::Warning => "warning",
            Level::Note => "note",
        }
    }
}

/// One thing that a check found in one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// The file, relative to the tree; `.` for the tree as a whole.
    pub file: String,
    /// The byte, where one is to blame.
    pub offset: Option<u64>,
    pub problem: Problem,
}

impl Remark {
    pub fn new(file: &str, problem: Problem) -> Remark {
        Remark { file: file.to_owned(), offset: None, problem }
    }
}

/// What is wrong, or good to know, about a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// It starts like an ELF file and is none that can be read.
    Malformed {
        reason: String,
    },
    /// It could not be read at all, or is too large to be looked into.
    Unseen {
        member: Option<String>,
        reason: String,
    },
    Missing {
        library: String,
    },
    /// A library that is loaded with it needs one that is nowhere.
    MissingFor {
        library: String,
        by: String,
    },
    /// It is not in this package, but one of the packages that it needs may have it.
    OfNeed {
        library: String,
        needs: Vec<String>,
    },
    /// It lies in the tree, at `at`, where no library path leads.
    Luck {
        library: String,
        at: String,
    },
    /// The system has it, but it is not on the list of what may come from there.
    FromSystem {
        library: String,
        at: String,
    },
    /// A library path leads out of the tree.
    Outside {
        library: String,
        at: String,
    },
    /// It is found only when `by` is the program.
    Inherited {
        library: String,
        by: String,
    },
    /// It is found only in a folder of `glibc-hwcaps`, which older processors pass over.
    OnlyNewer {
        library: String,
        at: String,
    },
    NotALibrary {
        library: String,
        at: String,
    },
    Interpreter {
        interpreter: String,
    },
    VersionMissing {
        version: String,
        library: String,
        at: String,
    },
    SymbolMissing {
        symbol: String,
        library: String,
        at: String,
    },
    /// Two libraries of one process define the same names.
    Interposed {
        other: String,
        example: String,
        count: usize,
    },
    TwoSonames {
        one: String,
        other: String,
    },
    AboveMax {
        set: String,
        version: String,
        max: String,
        symbols: Vec<String>,
    },
    /// It runs only on processors of this x86-64 level.
    CpuLevel {
        level: u8,
    },
    Trace {
        of: TraceOf,
        text: String,
        form: TraceForm,
        member: Option<String>,
        count: usize,
    },
    TextRelocations,
    ExecutableStack,
    WritableCode,
    NoBuildId,
    WorldWritable {
        mode: u32,
    },
    SetId {
        mode: u32,
    },
    AbsoluteLink {
        aim: String,
    },
    DanglingLink {
        aim: String,
    },
    Special {
        kind: &'static str,
    },
    LibraryPathInScript {
        line: usize,
    },
    LibtoolArchive,
    HostHeaders {
        folder: String,
        line: usize,
    },
    DuplicateSoname {
        soname: String,
        other: String,
    },
    CaseCollision {
        other: String,
    },
    NoLicence {
        package: Option<String>,
    },
    /// An allowance of tagalong.toml that nothing matches.
    UnusedAllowance {
        check: String,
        file: String,
    },
}

impl Problem {
    /// The name of the check, as allowances have it.
    pub fn check(&self) -> &'static str {
        match self {
            Problem::Malformed { .. } => "elf-malformed",
            Problem::Unseen { .. } => "residue-unseen",
            Problem::Missing { .. } | Problem::MissingFor { .. } => "loader-missing",
            Problem::OfNeed { .. } => "loader-need",
            Problem::Luck { .. } => "loader-luck",
            Problem::FromSystem { .. } => "loader-system",
            Problem::Outside { .. } => "loader-outside",
            Problem::Inherited { .. } => "loader-inherited",
            Problem::OnlyNewer { .. } => "loader-processor",
            Problem::NotALibrary { .. } => "loader-no-library",
            Problem::Interpreter { .. } => "loader-interpreter",
            Problem::VersionMissing { .. } => "symbols-version",
            Problem::SymbolMissing { .. } => "symbols-missing",
            Problem::Interposed { .. } => "symbols-interposed",
            Problem::TwoSonames { .. } => "symbols-two-sonames",
            Problem::AboveMax { .. } => "floor-max",
            Problem::CpuLevel { .. } => "floor-cpu",
            Problem::Trace { of, .. } => of.check(),
            Problem::TextRelocations => "hardening-textrel",
            Problem::ExecutableStack => "hardening-execstack",
            Problem::WritableCode => "hardening-rwx",
            Problem::NoBuildId => "hygiene-build-id",
            Problem::WorldWritable { .. } => "hygiene-world-writable",
            Problem::SetId { .. } => "hygiene-setid",
            Problem::AbsoluteLink { .. } => "hygiene-absolute-link",
            Problem::DanglingLink { .. } => "hygiene-dangling-link",
            Problem::Special { .. } => "hygiene-special",
            Problem::LibraryPathInScript { .. } => "hygiene-ld-library-path",
            Problem::LibtoolArchive => "hygiene-la",
            Problem::HostHeaders { .. } => "hygiene-host-headers",
            Problem::DuplicateSoname { .. } => "hygiene-duplicate-soname",
            Problem::CaseCollision { .. } => "hygiene-case",
            Problem::NoLicence { .. } => "hygiene-licence",
            Problem::UnusedAllowance { .. } => "allow-unused",
        }
    }

    pub fn level(&self) -> Level {
        match self {
            Problem::Trace { of, .. } => of.level(),
            Problem::OfNeed { .. }
            | Problem::Interposed { .. }
            | Problem::CpuLevel { .. }
            | Problem::NoBuildId
            | Problem::NoLicence { .. } => Level::Note,
            Problem::Unseen { .. }
            | Problem::Inherited { .. }
            | Problem::TwoSonames { .. }
            | Problem::DanglingLink { .. }
            | Problem::LibraryPathInScript { .. }
            | Problem::LibtoolArchive
            | Problem::HostHeaders { .. }
            | Problem::DuplicateSoname { .. }
            | Problem::CaseCollision { .. }
            | Problem::UnusedAllowance { .. } => Level::Warning,
            _ => Level::Error,
        }
    }
}

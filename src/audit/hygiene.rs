//! Judges what a file is and what a text says: modes, links, scripts, names, licences; and how an ELF file is linked.
//!
//! Facts in, findings out. Does not look at a disk.

use std::collections::HashMap;

use memchr::memmem;

use crate::audit::problem::{Problem, Remark};
use crate::relocate::elf::hardening::Hardening;
use crate::relocate::elf::{Facts, Purpose};
use crate::relocate::kind::Kind;

/// What lies at one path of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Relative to the tree.
    pub path: String,
    pub what: What,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    Folder { mode: u32 },
    File { mode: u32, size: u64 },
    Link { aim: String, is_dangling: bool },
    Special { kind: &'static str },
}

impl Place {
    /// The bytes of a file; nothing else has any.
    pub fn size(&self) -> u64 {
        match self.what {
            What::File { size, .. } => size,
            _ => 0,
        }
    }
}

/// Judges modes and links.
pub fn judge_place(place: &Place, remarks: &mut Vec<Remark>) {
    let mut find = |problem| remarks.push(Remark::new(&place.path, problem));
    match &place.what {
        What::Folder { mode } | What::File { mode, .. } => {
            // A sticky folder is open to all by intent, as /tmp is.
            let is_sticky = matches!(place.what, What::Folder { .. }) && mode & 0o1000 != 0;
            if mode & 0o002 != 0 && !is_sticky {
                find(Problem::WorldWritable { mode: mode & 0o7777 });
            }
            if mode & 0o6000 != 0 && matches!(place.what, What::File { .. }) {
                find(Problem::SetId { mode: mode & 0o7777 });
            }
        }
        What::Link { aim, is_dangling } => {
            if aim.starts_with('/') {
                find(Problem::AbsoluteLink { aim: aim.clone() });
            } else if *is_dangling {
                find(Problem::DanglingLink { aim: aim.clone() });
            }
        }
        What::Special { kind } => find(Problem::Special { kind }),
    }
}

/// Judges how an ELF file is linked; one that nothing loads is none of these.
pub fn judge_elf(path: &str, facts: &Facts, hardening: Hardening, remarks: &mut Vec<Remark>) {
    if !matches!(facts.purpose, Purpose::Program | Purpose::Shared) {
        return;
    }
    let mut find = |is_so: bool, problem: Problem| {
        if is_so {
            remarks.push(Remark::new(path, problem));
        }
    };
    find(hardening.has_text_relocations, Problem::TextRelocations);
    find(hardening.has_executable_stack, Problem::ExecutableStack);
    find(hardening.has_writable_code, Problem::WritableCode);
    find(!hardening.has_build_id, Problem::NoBuildId);
    let level = cpu_level(path, hardening);
    find(level > 1, Problem::CpuLevel { level });
}

/// The x86-64 level of a file: its own word, or the folder it lies in (ld.so(8), glibc-hwcaps).
pub fn cpu_level(path: &str, hardening: Hardening) -> u8 {
    let folder = path.split_once("glibc-hwcaps/x86-64-v").and_then(|(_, rest)| rest.bytes().next());
    let of_folder = folder.filter(|digit| (b'2'..=b'4').contains(digit)).map_or(0, |digit| digit - b'0');
    hardening.cpu_level.max(of_folder)
}

/// Judges what a text says.
pub fn judge_text(path: &str, bytes: &[u8], kind: Kind, remarks: &mut Vec<Remark>) {
    let name = path.rsplit('/').next().unwrap_or_default();
    let mut find = |offset: Option<usize>, problem| {
        remarks.push(Remark { file: path.to_owned(), offset: offset.map(|at| at as u64), problem });
    };
    let line_of = |at: usize| 1 + memchr::memchr_iter(b'\n', &bytes[..at]).count();
    if name.ends_with(".la") && memmem::find(bytes, b"libtool library file").is_some() {
        find(None, Problem::LibtoolArchive);
    }
    let is_script = kind == Kind::Script || [".sh", ".bash", ".csh"].iter().any(|end| name.ends_with(end));
    if is_script && let Some(at) = set_in_script(bytes, b"LD_LIBRARY_PATH") {
        find(Some(at), Problem::LibraryPathInScript { line: line_of(at) });
    }
    let tells_compilers = name.ends_with(".pc") || name.ends_with(".cmake") || name.ends_with("-config");
    for folder in ["/usr/local/include", "/usr/include"].iter().filter(|_| tells_compilers) {
        if let Some(at) = memmem::find(bytes, folder.as_bytes()) {
            find(Some(at), Problem::HostHeaders { folder: (*folder).to_owned(), line: line_of(at) });
        }
    }
}

/// Where a variable stands outside of a comment.
fn set_in_script(bytes: &[u8], variable: &[u8]) -> Option<usize> {
    memmem::find_iter(bytes, variable).find(|at| {
        let start = memchr::memrchr(b'\n', &bytes[..*at]).map_or(0, |end| end + 1);
        !bytes[start..*at].trim_ascii_start().starts_with(b"#")
    })
}

/// Names that are one on a system that does not tell upper from lower case.
pub fn judge_case(places: &[Place], remarks: &mut Vec<Remark>) {
    let mut known: HashMap<String, &str> = HashMap::new();
    for place in places {
        let folded = place.path.to_lowercase();
        match known.get(&folded) {
            Some(other) => {
                remarks.push(Remark::new(&place.path, Problem::CaseCollision { other: (*other).to_owned() }));
            }
            None => {
                known.insert(folded, &place.path);
            }
        }
    }
}

/// Whether a file is the text of a licence, by its name.
pub fn is_licence(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default().to_lowercase();
    let folders = path.to_lowercase();
    ["licen", "copying", "copyright", "notice", "unlicense"].iter().any(|start| name.starts_with(start))
        || folders.split('/').any(|folder| folder == "licenses" || folder == "licences")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checks(places: &[Place]) -> Vec<(String, &'static str)> {
        let mut remarks = Vec::new();
        places.iter().for_each(|place| judge_place(place, &mut remarks));
        judge_case(places, &mut remarks);
        remarks.into_iter().map(|one| (one.file, one.problem.check())).collect()
    }

    #[test]
    fn modes_links_and_names_are_judged() {
        let place = |path: &str, what| Place { path: path.to_owned(), what };
        let link = |aim: &str, is_dangling| What::Link { aim: aim.to_owned(), is_dangling };
        let found = checks(&[
            place("a", What::File { mode: 0o644, size: 1 }),
            place("A", What::File { mode: 0o666, size: 1 }),
            place("su", What::File { mode: 0o4755, size: 1 }),
            place("tmp", What::Folder { mode: 0o1777 }),
            place("open", What::Folder { mode: 0o777 }),
            place("abs", link("/etc", false)),
            place("gone", link("x", true)),
        ]);
        let expected = [
            ("A", "hygiene-world-writable"),
            ("su", "hygiene-setid"),
            ("open", "hygiene-world-writable"),
            ("abs", "hygiene-absolute-link"),
            ("gone", "hygiene-dangling-link"),
            ("A", "hygiene-case"),
        ];
        assert_eq!(found, expected.map(|(file, check)| (file.to_owned(), check)));
    }

    #[test]
    fn a_script_that_sets_the_library_path_is_told_with_its_line() {
        let mut remarks = Vec::new();
        let text = b"#!/bin/sh\n# LD_LIBRARY_PATH is bad\nexport LD_LIBRARY_PATH=/x\n";
        judge_text("bin/run", text, Kind::Script, &mut remarks);
        assert_eq!(remarks[0].problem, Problem::LibraryPathInScript { line: 3 });
        assert_eq!(remarks.len(), 1);
    }
}

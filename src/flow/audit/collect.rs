//! Goes through the files of what is audited, several at once: what they are, their ELF facts, what is left in them.
//!
//! Judges no file by another; `audit/process.rs` does. At most [`WHOLE`] bytes of a file are in memory for each
//! thread; larger ones are read a window at a time.

use std::cmp::Reverse;
use std::convert::Infallible;
use std::io::{Read, Seek};
use std::num::NonZeroUsize;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;
use std::sync::Arc;

use crate::at_once;
use crate::audit::hygiene::{self, Place, What};
use crate::audit::problem::{Problem, Remark};
use crate::audit::providers::ElfFile;
use crate::audit::traces::{Sought, TraceFinder};
use crate::flow::audit::Error;
use crate::flow::audit::residue::{Residues, WINDOW};
use crate::flow::audit::subject::Subject;
use crate::host::machine;
use crate::model::package::OWN_FOLDER;
use crate::model::project::Project;
use crate::relocate::elf::Facts;
use crate::relocate::elf::hardening::Hardening;
use crate::relocate::elf::symbols::Symbols;
use crate::relocate::kind::Kind;

/// Up to this size a file is read as a whole by any thread, in bytes: what is larger is copied out of the processor's
/// caches before it is looked at, which costs more than to read its parts one by one.
const WHOLE: u64 = 1 << 20;

/// Enough of a file to know an ELF file, in bytes.
const HEAD: u64 = 512;

/// Memory above this size is given back after a file, in bytes.
const KEPT: usize = 4 << 20;

/// Up to this size a text is read as a whole, in bytes.
const WHOLE_TEXT: u64 = 8 << 20;

/// More threads would need more memory, and wait for the disk.
const MOST_THREADS: usize = 8;

/// An ELF file with how it is linked.
pub struct Elf {
    pub file: ElfFile,
    pub hardening: Hardening,
}

/// What was found in all files.
#[derive(Default)]
pub struct Collected {
    /// By path.
    pub places: Vec<Place>,
    /// By path.
    pub elves: Vec<Elf>,
    pub remarks: Vec<Remark>,
}

/// Looks at every file.
pub fn collect(
    subject: &Subject,
    project: &Project,
    sought: Vec<Sought>,
    jobs: NonZeroUsize,
) -> Result<Collected, Error> {
    let (mut places, mut unlisted) = (Vec::new(), Vec::new());
    match &subject.only {
        Some(name) => places.extend(place_at(subject, name.clone())),
        None => walk(subject, &mut places, &mut unlisted)?,
    }
    let residues = Residues::new(&subject.placeholders(&project.placeholder), TraceFinder::new(sought));
    if let (Some(name), Some(reason)) = (&subject.only, &subject.refused) {
        unlisted.push(Remark::new(name, Problem::Unseen { member: None, reason: reason.clone() }));
    }
    let examiner = Examiner { subject, residues };
    let look = |memory: &mut Memory, place: &&Place| {
        let mut examined = Examined::default();
        examiner.examine(place, memory, &mut examined);
        memory.give_back();
        Ok::<_, Infallible>(examined)
    };
    // The largest first: the last to end would be one that began late.
    let mut ordered: Vec<&Place> = places.iter().collect();
    ordered.sort_by_key(|place| Reverse(place.size()));
    let Ok(all) = at_once::each_with(&ordered, jobs.get().min(MOST_THREADS), look);
    let mut collected = Collected { remarks: unlisted, ..Collected::default() };
    for examined in all {
        collected.elves.extend(examined.elf);
        collected.remarks.extend(examined.remarks);
    }
    collected.elves.sort_by(|one, other| one.file.path.cmp(&other.file.path));
    collected.places = places;
    Ok(collected)
}

fn walk(subject: &Subject, places: &mut Vec<Place>, unlisted: &mut Vec<Remark>) -> Result<(), Error> {
    let mut open = vec![String::new()];
    while let Some(folder) = open.pop() {
        let path = subject.root.join(&folder);
        let listing = |source| Error::Disk { doing: "listing a folder", source };
        let entries = match fs_err::read_dir(&path) {
            // A folder that nobody may list is told as one that could not be looked into.
            Err(error) if !folder.is_empty() && error.kind() == std::io::ErrorKind::PermissionDenied => {
                unlisted.push(Remark::new(&folder, Problem::Unseen { member: None, reason: error.to_string() }));
                continue;
            }
            entries => entries.map_err(listing)?,
        };
        for entry in entries {
            let name = entry.map_err(listing)?.file_name();
            let shown = name.to_string_lossy();
            if folder.is_empty() && shown == OWN_FOLDER {
                continue;
            }
            let relative = if folder.is_empty() { shown.to_string() } else { format!("{folder}/{shown}") };
            // The report is a text, and so are the paths of packages.
            if name.to_str().is_none() {
                let reason = "its name is not UTF-8".to_owned();
                unlisted.push(Remark::new(&relative, Problem::Unseen { member: None, reason }));
                continue;
            }
            let Some(place) = place_at(subject, relative) else { continue };
            if matches!(place.what, What::Folder { .. }) {
                open.push(place.path.clone());
            }
            places.push(place);
        }
    }
    places.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(())
}

/// What lies at a path; `None` where it went away meanwhile.
fn place_at(subject: &Subject, path: String) -> Option<Place> {
    let full = subject.root.join(&path);
    let facts = fs_err::symlink_metadata(&full).ok()?;
    let (mode, kind) = (facts.mode() & 0o7777, facts.file_type());
    let what = if kind.is_dir() {
        What::Folder { mode }
    } else if kind.is_symlink() {
        let aim = fs_err::read_link(&full).ok()?.to_string_lossy().into_owned();
        What::Link { aim, is_dangling: fs_err::metadata(&full).is_err() }
    } else if kind.is_file() {
        What::File { mode, size: facts.len() }
    } else if kind.is_socket() {
        What::Special { kind: "socket" }
    } else if kind.is_fifo() {
        What::Special { kind: "pipe" }
    } else {
        What::Special { kind: "device" }
    };
    Some(Place { path, what })
}

/// What a thread reads files into: new memory for each would cost more than to search it.
#[derive(Default)]
struct Memory {
    whole: Vec<u8>,
    /// What a large ELF file says of itself.
    elf: Vec<u8>,
}

impl Memory {
    fn give_back(&mut self) {
        for memory in [&mut self.whole, &mut self.elf] {
            if memory.capacity() > KEPT {
                *memory = Vec::new();
            }
        }
    }
}

#[derive(Default)]
struct Examined {
    elf: Option<Elf>,
    remarks: Vec<Remark>,
}

impl Examined {
    fn find(&mut self, place: &Place, problem: Problem) {
        self.remarks.push(Remark::new(&place.path, problem));
    }
}

struct Examiner<'a> {
    subject: &'a Subject,
    residues: Residues,
}

impl Examiner<'_> {
    fn examine(&self, place: &Place, memory: &mut Memory, examined: &mut Examined) {
        hygiene::judge_place(place, &mut examined.remarks);
        let What::File { size, .. } = place.what else { return };
        let path = self.subject.root.join(&place.path);
        if let Err(error) = self.look_into(&path, place, (size, memory), examined) {
            let problem = Problem::Unseen { member: None, reason: error.to_string() };
            examined.remarks.push(Remark::new(&place.path, problem));
        }
    }

    fn look_into(
        &self,
        path: &Path,
        place: &Place,
        (size, memory): (u64, &mut Memory),
        examined: &mut Examined,
    ) -> std::io::Result<()> {
        let mut file = fs_err::File::open(path)?;
        // The plain file reads all at once; the one with a path for its errors would read piece by piece.
        let mut read_whole = |file: &fs_err::File| {
            memory.whole.clear();
            file.file().read_to_end(&mut memory.whole)
        };
        if size <= WHOLE {
            read_whole(&file)?;
            self.look_at(&memory.whole, place, examined);
            return Ok(());
        }
        let mut head = Vec::new();
        file.by_ref().take(HEAD).read_to_end(&mut head)?;
        if Kind::of(&head) != Kind::Elf {
            file.by_ref().take(WINDOW as u64 - HEAD).read_to_end(&mut head)?;
        }
        file.rewind()?;
        let kind = Kind::of(&head);
        drop(head);
        if kind.is_text() && size <= WHOLE_TEXT {
            read_whole(&file)?;
            self.look_at(&memory.whole, place, examined);
            return Ok(());
        }
        let mut sections = Vec::new();
        if kind == Kind::Elf {
            match machine::read_elf_into(&mut memory.elf, path) {
                Ok(()) => match Facts::read(&memory.elf) {
                    Ok(facts) => self.look_at_elf(&memory.elf, place, &Arc::new(facts), examined),
                    Err(fault) => examined.find(place, Problem::Malformed { reason: fault.reason }),
                },
                Err(error) => examined.find(place, Problem::Malformed { reason: error.to_string() }),
            }
            sections = machine::compressed_sections(path)?;
        }
        let (whole, recorded) = (self.subject.placeholders_in(&place.path), self.subject.recorded_in(&place.path));
        let remarks = self.residues.search_large(&place.path, file, kind, &sections, (&whole, &recorded))?;
        examined.remarks.extend(remarks);
        Ok(())
    }

    fn look_at(&self, bytes: &[u8], place: &Place, examined: &mut Examined) {
        let kind = Kind::of(bytes);
        let mut facts = None;
        if kind == Kind::Elf {
            match Facts::read(bytes) {
                Ok(read) => facts = Some(Arc::new(read)),
                Err(fault) => {
                    examined.remarks.push(Remark::new(&place.path, Problem::Malformed { reason: fault.reason }));
                }
            }
        }
        if let Some(facts) = &facts {
            self.look_at_elf(bytes, place, facts, examined);
        }
        if kind.is_text() {
            hygiene::judge_text(&place.path, bytes, kind, &mut examined.remarks);
        }
        let (whole, recorded) = (self.subject.placeholders_in(&place.path), self.subject.recorded_in(&place.path));
        let remarks = self.residues.search_file(&place.path, bytes, kind, facts.as_deref(), (&whole, &recorded));
        examined.remarks.extend(remarks);
    }

    fn look_at_elf(&self, bytes: &[u8], place: &Place, facts: &Arc<Facts>, examined: &mut Examined) {
        if !facts.is_dynamic() {
            return;
        }
        let mut malformed = |reason: String| {
            examined.remarks.push(Remark::new(&place.path, Problem::Malformed { reason }));
        };
        let hardening = Hardening::read(bytes, facts).map_err(|fault| malformed(fault.reason)).unwrap_or_default();
        let symbols = Symbols::read(bytes, facts).map_err(|fault| malformed(fault.reason)).unwrap_or_default();
        hygiene::judge_elf(&place.path, facts, hardening, &mut examined.remarks);
        let real = format!("{}/{}", self.subject.place.trim_end_matches('/'), place.path);
        let (facts, symbols) = (Arc::clone(facts), Arc::new(symbols));
        let file = ElfFile { path: place.path.clone(), real, facts, symbols };
        examined.elf = Some(Elf { file, hardening });
    }
}

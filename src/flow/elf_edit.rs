//! `elf set`: files -edit, proved-> files, each replaced whole or left as it was.
//!
//! What an edit does to the bytes knows `relocate/elf/edit/`.

use std::collections::HashSet;
use std::convert::Infallible;
use std::ffi::OsStr;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::at_once;
use crate::model::depth::Depth;
use crate::relocate::elf::edit::{self, Edit, EditFault, Folders};
use crate::rewrite::{self, HardLinks, RewriteError};

/// Each worker holds one file and its copies in memory; disks are busy with fewer.
const MOST_WORKERS: usize = 8;

/// What is asked.
#[derive(Debug, Clone)]
pub struct Options {
    pub files: Vec<PathBuf>,
    pub edit: Edit,
    /// Where the new file goes, instead of in place of the old one; only for one file.
    pub output: Option<PathBuf>,
    pub links: HardLinks,
    pub depth: Depth,
}

/// What came of each file, in the order asked.
#[derive(Debug)]
pub struct Outcome {
    pub files: Vec<(PathBuf, Result<Change, Error>)>,
}

/// What was done to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    Unchanged,
    /// Length before and after, in bytes.
    Written {
        old: usize,
        new: usize,
    },
}

/// Edits files, several at a time. A file that cannot be edited does not keep the others from being edited.
pub fn edit(options: &Options) -> Outcome {
    let processors = std::thread::available_parallelism().map_or(1, usize::from).min(MOST_WORKERS);
    let workers = if names_twice(&options.files) { 1 } else { processors };
    let edit = |path: &PathBuf| Ok::<_, Infallible>((path.clone(), edit_one(path, options)));
    let Ok(files) = at_once::each(&options.files, workers, edit);
    Outcome { files }
}

/// Whether one file stands there under two names, whose edits must follow each other.
fn names_twice(files: &[PathBuf]) -> bool {
    let mut seen = HashSet::new();
    let mut facts = files.iter().filter_map(|file| fs_err::metadata(file).ok());
    facts.any(|facts| !seen.insert((facts.dev(), facts.ino())))
}

fn edit_one(path: &Path, options: &Options) -> Result<Change, Error> {
    let content = rewrite::read(path)?;
    if !content.bytes.starts_with(b"\x7fELF") {
        return Err(Error::NotElf { path: path.to_owned() });
    }
    let edited = edit::apply(&content.bytes, &options.edit, &Disk);
    let edited = edited.map_err(|fault| Error::Edit { path: path.to_owned(), fault })?;
    let change = match &edited {
        None => Change::Unchanged,
        Some(new) => Change::Written { old: content.bytes.len(), new: new.len() },
    };
    if options.depth == Depth::Plan {
        return Ok(change);
    }
    match (&options.output, &edited) {
        (Some(output), _) => content.write_to(output, edited.as_ref().unwrap_or(&content.bytes))?,
        (None, Some(new)) => content.replace(new, options.links)?,
        (None, None) => {}
    }
    Ok(change)
}

/// The folders of this machine.
struct Disk;

impl Folders for Disk {
    fn holds(&self, folder: &[u8], name: &[u8], machine: u16) -> bool {
        let path = Path::new(OsStr::from_bytes(folder)).join(OsStr::from_bytes(name));
        // A pipe must not be opened: it could wait for ever.
        if !fs_err::metadata(&path).is_ok_and(|facts| facts.is_file()) {
            return false;
        }
        let mut head = [0; 20];
        let read = fs_err::File::open(&path).and_then(|mut file| file.read_exact(&mut head));
        let number = [head[18], head[19]];
        let found = if head[5] == 2 { u16::from_be_bytes(number) } else { u16::from_le_bytes(number) };
        read.is_ok() && head.starts_with(b"\x7fELF") && found == machine
    }
}

/// Why a file was not edited.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Rewrite(#[from] RewriteError),
    #[error("{path} is no ELF file")]
    NotElf { path: PathBuf },
    #[error("{path}: {fault}")]
    Edit { path: PathBuf, fault: EditFault },
}

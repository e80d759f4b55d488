//! Would the programs of a tree load at a place where the tree does not lie yet? For trees that are about to move.
//!
//! Only what keeps a program from starting counts here; the whole audit is `mod.rs`.

use std::convert::Infallible;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use crate::at_once;
use crate::audit::hygiene::{Place, What};
use crate::audit::problem::{Problem, Remark};
use crate::audit::process::Rules;
use crate::audit::providers::ElfFile;
use crate::audit::system::SystemLibraries;
use crate::flow::audit::collect::Elf;
use crate::flow::audit::subject::{Kind, Subject};
use crate::flow::audit::view::View;
use crate::flow::audit::{Error, judging};
use crate::host::machine;
use crate::relocate::elf::Facts;
use crate::relocate::elf::hardening::Hardening;
use crate::relocate::elf::symbols::Symbols;

/// A tree, and where a loader would see it.
#[derive(Debug, Clone, Copy)]
pub struct Placed<'a> {
    /// The folder on disk.
    pub root: &'a Path,
    /// Where the tree lies for the loader: an absolute path.
    pub place: &'a str,
    /// All its files and links, relative to it.
    pub paths: &'a [String],
    /// Those of them that are ELF files.
    pub elves: &'a [String],
    pub jobs: NonZeroUsize,
}

impl Placed<'_> {
    /// What keeps its programs and libraries from being loaded there.
    ///
    /// # Errors
    /// [`Error::Root`].
    pub fn stops(&self) -> Result<Vec<Remark>, Error> {
        let Ok(read) = at_once::each(self.elves, self.jobs.get(), |path| Ok::<_, Infallible>(self.read(path)));
        let (mut elves, mut remarks) = (Vec::new(), Vec::new());
        for one in read {
            match one {
                Ok(elf) => elves.extend(elf),
                Err(remark) => remarks.push(remark),
            }
        }
        let subject = Subject::at(Kind::Tree, self.root, self.place);
        let place = |path: &String| Place { path: path.clone(), what: What::File { mode: 0o644, size: 0 } };
        let places: Vec<Place> = self.paths.iter().map(place).collect();
        let view = View::new(&subject, Path::new("/"), &elves, &places)?;
        let rules = Rules { libraries: SystemLibraries { listed: &[] }, may_leave: true };
        let files: Vec<ElfFile> = elves.into_iter().map(|elf| elf.file).collect();
        judging::judge(&files, &view, &rules, self.jobs, &mut remarks);
        remarks.retain(|remark| stops(&remark.problem));
        Ok(remarks)
    }

    /// An ELF file that a loader would look at, if it is one.
    fn read(&self, path: &String) -> Result<Option<Elf>, Remark> {
        let malformed = |reason: String| Remark::new(path, Problem::Malformed { reason });
        let bytes = machine::read_elf(&self.root.join(path)).map_err(|error| malformed(error.to_string()))?;
        let facts = Facts::read(&bytes).map_err(|fault| malformed(fault.reason))?;
        if !facts.is_dynamic() {
            return Ok(None);
        }
        let symbols = Symbols::read(&bytes, &facts).map_err(|fault| malformed(fault.reason))?;
        let real = format!("{}/{path}", self.place.trim_end_matches('/'));
        let file = ElfFile { path: path.clone(), real, facts: Arc::new(facts), symbols: Arc::new(symbols) };
        Ok(Some(Elf { file, hardening: Hardening::default() }))
    }
}

/// Whether a loader would stop there, or take something else.
fn stops(problem: &Problem) -> bool {
    matches!(
        problem,
        Problem::Malformed { .. }
            | Problem::Missing { .. }
            | Problem::Luck { .. }
            | Problem::NotALibrary { .. }
            | Problem::Interpreter { .. }
            | Problem::VersionMissing { .. }
            | Problem::SymbolMissing { .. }
    )
}

//! `elf loads`: file -> what ld.so would load for it, in order, without running anything.
//!
//! The rules stand in `audit/loader/`; the files, the cache and the processor are `host/machine/`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::audit::loader::{Around, Found, Loader, Need, Seen};
use crate::audit::system;
use crate::host::HostError;
use crate::host::machine::Machine;
use crate::host::root::Root;
use crate::relocate::elf::{ElfFault, Facts};
use crate::rewrite::{self, RewriteError};

/// What is asked.
#[derive(Debug, Clone)]
pub struct Options {
    pub file: PathBuf,
    /// The root folder of the machine.
    pub root: PathBuf,
    /// LD_LIBRARY_PATH.
    pub library_path: Option<String>,
    /// The working directory of the process.
    pub directory: String,
}

/// The answer.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The file, by the path that it would have in the process.
    pub file: String,
    pub needs: Vec<Need>,
}

impl Outcome {
    /// Whether something is missing.
    pub fn is_whole(&self) -> bool {
        self.needs.iter().all(|need| matches!(need.found, Found::At { .. }))
    }
}

/// Finds what would be loaded.
pub fn loads(options: &Options) -> Result<Outcome, Error> {
    let root = Root::new(&options.root)?;
    let path = path_in(&root, &options.file);
    let place = root.follow(Path::new(&path)).filter(|place| place.is_file());
    let content = rewrite::read(&place.unwrap_or_else(|| options.file.clone()))?;
    if !content.bytes.starts_with(b"\x7fELF") {
        return Err(Error::NotElf { path: options.file.clone() });
    }
    let fault = |fault| Error::Unsound { path: options.file.clone(), fault };
    let facts = Facts::read(&content.bytes).map_err(fault)?;
    if facts.dynamic.is_none() {
        return Err(Error::NotDynamic { path: options.file.clone() });
    }
    let machine = Machine::new(root);
    let around = Around {
        library_path: options.library_path.clone(),
        directory: Some(options.directory.clone()),
        ..machine.around(&facts)
    };
    let folders = system::default_folders(&facts);
    let loader = Loader {
        files: &machine,
        default_folders: &folders,
        lib: system::lib_word(&folders),
        platform: system::platform_word(&facts),
        around,
    };
    // A program's own path is that of its file after all links (/proc/self/exe).
    let real = machine.real(&path);
    let path = if facts.interpreter.is_some() { real.clone().unwrap_or(path) } else { path };
    let seen = Seen { real: real.unwrap_or_else(|| path.clone()), facts: Arc::new(facts) };
    Ok(Outcome { needs: loader.trace(&path, seen), file: path })
}

/// The path that a file outside has for a process in the root.
fn path_in(root: &Root, file: &Path) -> String {
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let asked = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    if root.path() == Path::new("/") {
        return text(&asked);
    }
    let inside = |path: &Path| path.strip_prefix(root.path()).ok().map(|path| format!("/{}", text(path)));
    let real_folder = || {
        let folder = fs_err::canonicalize(asked.parent()?).ok()?;
        Some(folder.join(asked.file_name()?))
    };
    let by_place = inside(&asked).or_else(|| inside(&real_folder()?));
    by_place.unwrap_or_else(|| text(&asked))
}

/// Why it cannot be said what would be loaded.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Root(#[from] HostError),
    #[error(transparent)]
    Rewrite(#[from] RewriteError),
    #[error("{path} is no ELF file")]
    NotElf { path: PathBuf },
    #[error("{path}: {fault}")]
    Unsound { path: PathBuf, fault: ElfFault },
    #[error("{path} is not linked dynamically")]
    NotDynamic { path: PathBuf },
}

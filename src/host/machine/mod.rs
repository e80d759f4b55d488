//! The files that a loader would find on a machine: a system below its root folder, and a tree laid over it.
//!
//! Knows no rule; `audit/loader/` does. Remembers every file that it has looked at.

mod configured;
mod elf_file;
mod memo;
mod processor;

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use crate::audit::loader::{Around, Files, Look, Seen};
use crate::audit::providers::Providers;
use crate::audit::{cache, system};
use crate::host::machine::memo::Memo;
use crate::host::root::Root;
use crate::relocate::elf::symbols::Symbols;
use crate::relocate::elf::{Class, Facts};

pub use crate::host::machine::elf_file::{compressed_sections, read as read_elf, read_into as read_elf_into};

/// The largest cache that is read, in bytes; that of a machine with ten thousand libraries has one MiB.
const LARGEST_CACHE: u64 = 64 << 20;

/// The largest loader that is read, in bytes; they have a quarter of a MiB.
const LARGEST_LOADER: u64 = 16 << 20;

/// A machine as its loader sees it.
#[derive(Debug)]
pub struct Machine {
    root: Root,
    cache: OnceLock<Vec<u8>>,
    configured: OnceLock<Vec<String>>,
    around: Memo<(u16, Class), Around>,
    /// Paths of folders, with those after all links.
    folders: Memo<String, Option<PathBuf>>,
    looks: Memo<String, Look>,
    /// What lies at a path after all links.
    real: Memo<String, Look>,
    symbols: Memo<String, Option<Arc<Symbols>>>,
    /// Whether loaders, by path, look into the folders that glibc gave up.
    old_loaders: Memo<String, bool>,
}

impl Machine {
    pub fn new(root: Root) -> Machine {
        Machine {
            root,
            cache: OnceLock::new(),
            configured: OnceLock::new(),
            around: Memo::default(),
            folders: Memo::default(),
            looks: Memo::default(),
            real: Memo::default(),
            symbols: Memo::default(),
            old_loaders: Memo::default(),
        }
    }

    /// Tells of a library that has been read already, by its path after all links.
    pub fn know(&self, seen: Seen, symbols: Option<Arc<Symbols>>) {
        if let Some(symbols) = symbols {
            self.symbols.put(seen.real.clone(), Some(symbols));
        }
        self.real.put(seen.real.clone(), Look::Library(seen));
    }

    /// A path after all links, as a process would see it.
    pub fn real(&self, path: &str) -> Option<String> {
        self.root.resolve(Path::new(path))?.to_str().map(str::to_owned)
    }

    /// What a process of this machine has around it that starts with a file: the cache, the processor and the loader.
    pub fn around(&self, facts: &Facts) -> Around {
        let mut around = self.around.get(&(facts.machine, facts.class), || self.around_kind(facts));
        let path = facts.interpreter.as_deref().or_else(|| system::usual_interpreter(facts));
        around.interpreter = path.and_then(|path| match self.look(path) {
            Look::Library(seen) => Some((path.to_owned(), seen)),
            _ => None,
        });
        if around.interpreter.as_ref().is_some_and(|(_, seen)| self.is_old_loader(&seen.real)) {
            around.hardware.extend(processor::old_folders(facts));
        }
        around
    }

    fn is_old_loader(&self, real: &str) -> bool {
        self.old_loaders.get(real, || {
            let bytes = self.root.read(real, LARGEST_LOADER).ok().flatten();
            bytes.is_some_and(|bytes| processor::is_old_loader(&bytes))
        })
    }

    fn around_kind(&self, facts: &Facts) -> Around {
        let hardware = processor::levels(facts);
        // A cache that cannot be read is none for the loader too.
        let bytes = self
            .cache
            .get_or_init(|| self.root.read("/etc/ld.so.cache", LARGEST_CACHE).ok().flatten().unwrap_or_default());
        let paths = cache::read(bytes, facts.is_little_endian, &hardware);
        let configured: &[String] = match paths.is_empty() {
            true => self.configured.get_or_init(|| configured::folders(&self.root)),
            false => &[],
        };
        Around {
            cache: Arc::new(paths),
            configured: configured.to_vec(),
            hardware: hardware.iter().map(|name| format!("glibc-hwcaps/{name}")).collect(),
            ..Around::default()
        }
    }

    /// Links in folders are followed once for each folder: a loader asks for many names in few of them.
    fn resolve(&self, path: &str) -> Option<PathBuf> {
        let (folder, name) = path.rsplit_once('/')?;
        if matches!(name, "" | "." | "..") {
            return self.root.resolve(Path::new(path));
        }
        let real = self.folders.get(folder, || self.root.resolve(Path::new(folder)))?;
        let place = real.join(name);
        match fs_err::read_link(self.root.on_disk(&place)) {
            Ok(_) => self.root.resolve(&place),
            Err(error) if error.kind() == std::io::ErrorKind::InvalidInput => Some(place),
            Err(_) => None,
        }
    }

    fn look_on_disk(&self, path: &str) -> Look {
        let Some(real) = self.resolve(path) else { return Look::Absent };
        let Some(shown) = real.to_str().map(str::to_owned) else { return Look::Absent };
        self.real.get(shown.as_str(), || look_at(&self.root.on_disk(&real), &shown))
    }
}

impl Files for Machine {
    fn look(&self, path: &str) -> Look {
        self.looks.get(path, || self.look_on_disk(path))
    }
}

impl Providers for Machine {
    fn symbols(&self, real: &str) -> Option<Arc<Symbols>> {
        self.symbols.get(real, || {
            let bytes = read_elf(&self.root.on_disk(Path::new(real))).ok()?;
            let facts = Facts::read(&bytes).ok()?;
            Symbols::read(&bytes, &facts).ok().map(Arc::new)
        })
    }
}

fn look_at(place: &Path, shown: &str) -> Look {
    // Whatever cannot be reached or read is passed over, as the loader does; a pipe must not be opened.
    let Ok(about) = fs_err::metadata(place) else { return Look::Absent };
    if !about.is_file() {
        return Look::Other;
    }
    let Ok(bytes) = read_elf(place) else { return Look::Absent };
    match Facts::read(&bytes) {
        Ok(facts) => Look::Library(Seen { real: shown.to_owned(), facts: Arc::new(facts) }),
        Err(_) => Look::Other,
    }
}

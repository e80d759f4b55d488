//! The files that a loader would see: the tree where it lies, the system below its root everywhere else.
//!
//! Knows no rule; `audit/loader.rs` and `audit/process.rs` do.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::audit::hygiene::{Place, What};
use crate::audit::loader::{Files, Look, Seen};
use crate::audit::process::World;
use crate::flow::audit::collect::Elf;
use crate::flow::audit::subject::Subject;
use crate::relocate::elf::Facts;
use crate::relocate::elf::symbols::Symbols;

/// The largest library of a system that is read, in bytes.
const LARGEST: u64 = 1 << 30;

/// The most files of ld.so.conf that are read: a bound on files that include each other.
const MOST_FILES: usize = 200;

pub struct View<'a> {
    root: &'a Path,
    /// The root as text with a slash at its end.
    start: String,
    system: PathBuf,
    folders: Vec<String>,
    /// File names of the tree, with the first path that has each.
    names: HashMap<String, String>,
    looks: RefCell<HashMap<String, Look>>,
    real: RefCell<HashMap<PathBuf, Look>>,
    symbols: RefCell<HashMap<String, Option<Arc<Symbols>>>>,
}

impl<'a> View<'a> {
    pub fn new(subject: &'a Subject, system: &Path, elves: &[Elf], places: &[Place]) -> View<'a> {
        let mut names = HashMap::new();
        for place in places.iter().filter(|place| matches!(place.what, What::File { .. } | What::Link { .. })) {
            let name = place.path.rsplit('/').next().unwrap_or_default();
            names.entry(name.to_owned()).or_insert_with(|| place.path.clone());
        }
        let view = View {
            root: &subject.root,
            start: format!("{}/", subject.root.display().to_string().trim_end_matches('/')),
            system: system.to_owned(),
            folders: configured(system),
            names,
            looks: RefCell::default(),
            real: RefCell::default(),
            symbols: RefCell::default(),
        };
        for elf in elves {
            let file = &elf.file;
            let seen = Seen { real: file.real.clone(), facts: Arc::clone(&file.facts) };
            view.real.borrow_mut().insert(view.root.join(&file.path), Look::Library(seen));
            view.symbols.borrow_mut().insert(file.real.clone(), Some(Arc::clone(&file.symbols)));
        }
        view
    }

    /// A path as the report has it: relative to the tree, or absolute.
    pub fn shown(&self, path: &str) -> String {
        let plain = normal(path);
        plain.strip_prefix(&self.start).unwrap_or(&plain).to_owned()
    }

    /// Where a path that a loader opens lies on disk.
    fn on_disk(&self, path: &str) -> PathBuf {
        match path.starts_with(&self.start) {
            true => PathBuf::from(path),
            false => self.system.join(path.trim_start_matches('/')),
        }
    }

    fn look_on_disk(&self, path: &str) -> Look {
        // Whatever cannot be reached or read is passed over, as the loader does.
        let Ok(real) = fs_err::canonicalize(self.on_disk(path)) else { return Look::Absent };
        if let Some(known) = self.real.borrow().get(&real) {
            return known.clone();
        }
        let in_system = real.strip_prefix(&self.system).ok().filter(|_| !real.starts_with(self.root));
        let shown = match in_system.and_then(Path::to_str) {
            Some(below) => Some(format!("/{below}")),
            None => real.to_str().map(str::to_owned),
        };
        let look = shown.map_or(Look::Absent, |shown| look_at(&real, shown));
        self.real.borrow_mut().insert(real, look.clone());
        look
    }
}

/// A path without `.`, `..` and empty names, as text.
fn normal(path: &str) -> String {
    let mut names: Vec<&str> = Vec::new();
    for name in path.split('/') {
        match name {
            "" | "." => {}
            ".." => {
                names.pop();
            }
            name => names.push(name),
        }
    }
    format!("/{}", names.join("/"))
}

impl Files for View<'_> {
    fn look(&self, path: &str) -> Look {
        if let Some(known) = self.looks.borrow().get(path) {
            return known.clone();
        }
        let look = self.look_on_disk(path);
        self.looks.borrow_mut().insert(path.to_owned(), look.clone());
        look
    }
}

impl World for View<'_> {
    fn symbols(&self, real: &str) -> Option<Arc<Symbols>> {
        if let Some(known) = self.symbols.borrow().get(real) {
            return known.clone();
        }
        let read = || {
            let bytes = read_library(&self.on_disk(real))?;
            let facts = Facts::read(&bytes).ok()?;
            Symbols::read(&bytes, &facts).ok().map(Arc::new)
        };
        let symbols = read();
        self.symbols.borrow_mut().insert(real.to_owned(), symbols.clone());
        symbols
    }

    fn tree_path<'b>(&self, path: &'b str) -> Option<&'b str> {
        path.strip_prefix(self.start.as_str())
    }

    fn elsewhere(&self, name: &str) -> Option<String> {
        self.names.get(name).cloned()
    }

    fn configured_folders(&self) -> &[String] {
        &self.folders
    }
}

fn read_library(path: &Path) -> Option<Vec<u8>> {
    let file = fs_err::File::open(path).ok()?;
    let is_plain = file.metadata().is_ok_and(|facts| facts.is_file() && facts.len() <= LARGEST);
    let mut bytes = Vec::new();
    (is_plain && file.take(LARGEST).read_to_end(&mut bytes).is_ok()).then_some(bytes)
}

fn look_at(real: &Path, shown: String) -> Look {
    if real.is_dir() {
        return Look::Other;
    }
    let Some(bytes) = read_library(real) else { return Look::Absent };
    match Facts::read(&bytes) {
        Ok(facts) => Look::Library(Seen { real: shown, facts: Arc::new(facts) }),
        Err(_) => Look::Other,
    }
}

/// The folders of ld.so.conf (ldconfig(8)), with what it includes, in order, each once.
fn configured(system: &Path) -> Vec<String> {
    let mut folders = Vec::new();
    let (mut open, mut seen) = (vec![PathBuf::from("etc/ld.so.conf")], HashSet::new());
    while let Some(path) = open.pop() {
        if seen.len() >= MOST_FILES || !seen.insert(path.clone()) {
            continue;
        }
        // A system without the file has none of these folders.
        let Ok(text) = fs_err::read_to_string(system.join(&path)) else { continue };
        let mut included = Vec::new();
        for line in text.lines() {
            let line = line.split('#').next().unwrap_or_default().trim();
            if let Some(pattern) = line.strip_prefix("include").filter(|rest| rest.starts_with(char::is_whitespace)) {
                included.extend(pattern.split_whitespace().flat_map(|pattern| matching(system, pattern)));
            } else if line.starts_with('/') {
                let folder = line.trim_end_matches('/').to_owned();
                if !folders.contains(&folder) {
                    folders.push(folder);
                }
            }
        }
        included.reverse();
        open.extend(included);
    }
    folders
}

/// The files of one folder that match `dir/*.conf`, sorted.
fn matching(system: &Path, pattern: &str) -> Vec<PathBuf> {
    let below = pattern.trim_start_matches('/');
    let below = if pattern.starts_with('/') { below.to_owned() } else { format!("etc/{below}") };
    let Some((folder, name)) = below.rsplit_once('/') else { return Vec::new() };
    let Some((start, end)) = name.split_once('*') else { return vec![PathBuf::from(below)] };
    let entries = fs_err::read_dir(system.join(folder)).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut paths: Vec<PathBuf> = names
        .filter(|name| name.starts_with(start) && name.ends_with(end))
        .map(|name| Path::new(folder).join(name))
        .collect();
    paths.sort();
    paths
}

//! The second proof: every library that an ELF file of the package needs is found the way the loader finds it.
//!
//! Shows the loader's rules (`audit/loader.rs`) the tree at the placeholder and the system behind it. Knows no rule.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::audit::loader::{Around, Files, Found, Loader, Look, Need, Seen};
use crate::audit::system::{SystemLibraries, default_folders, is_system_interpreter};
use crate::audit::{Fault, Finding, floor};
use crate::builder::seal::files::Sealed;
use crate::builder::seal::{SealError, Sealing, failed};
use crate::model::platform::Floor;
use crate::relocate::elf::Facts;

/// Traces every ELF file as if it were loaded alone; gives what they ask of the system.
pub fn prove(sealing: &Sealing<'_>, files: &[Sealed], findings: &mut Vec<Finding>) -> Result<Floor, SealError> {
    let view = View::new(sealing, files)?;
    let libraries = SystemLibraries { listed: sealing.system_libraries };
    let mut floor = Floor::default();
    let mut reported = BTreeSet::new();
    for file in files {
        let Some(facts) = file.facts.as_ref().filter(|facts| facts.is_dynamic()) else { continue };
        let path = view.path_of(file.path.as_str());
        if let Some(fault) = interpreter_fault(&view, facts) {
            findings.push(Finding { file: file.path.to_string(), fault });
        }
        let folders = default_folders(facts);
        let lib = folders.first().map_or("lib", |folder| folder.trim_start_matches('/'));
        let loader = Loader { files: &view, default_folders: &folders, lib, around: Around::default() };
        let needs = loader.trace(&path, Seen { real: path.clone(), facts: Arc::clone(facts) });
        floor::raise(&mut floor, facts, |library| {
            needs.iter().any(|need| need.asker == path && need.name == library && view.is_in_tree(&need.found))
        });
        for need in &needs {
            // What the system's own libraries need is the system's matter.
            let Some(asker) = view.tree_path(&need.asker_real) else { continue };
            let Some(fault) = need_fault(&view, &libraries, need)? else { continue };
            if reported.insert((asker.to_owned(), need.name.clone())) {
                findings.push(Finding { file: asker.to_owned(), fault });
            }
        }
    }
    Ok(floor)
}

fn interpreter_fault(view: &View<'_>, facts: &Facts) -> Option<Fault> {
    let interpreter = facts.interpreter.as_ref()?;
    let is_fine = match view.tree_path(interpreter) {
        Some(_) => matches!(view.look(interpreter), Look::Library(_)),
        None => is_system_interpreter(interpreter),
    };
    (!is_fine).then(|| Fault::Interpreter { interpreter: interpreter.clone() })
}

fn need_fault(view: &View<'_>, libraries: &SystemLibraries<'_>, need: &Need) -> Result<Option<Fault>, SealError> {
    let library = need.name.clone();
    let name = need.name.rsplit('/').next().unwrap_or_default();
    Ok(match &need.found {
        found if view.is_in_tree(found) => None,
        Found::NotALibrary { path } => Some(Fault::NotALibrary { library, at: path.clone() }),
        Found::At { .. } if libraries.allows(name) => None,
        found => Some(match (view.elsewhere_in_tree(name)?, found) {
            // Also when the system has one of that name: the file would run with the wrong one.
            (Some(at), _) => Fault::Unreached { library, at },
            (None, Found::At { path, .. }) => Fault::FromHost { library, at: path.clone() },
            (None, _) => Fault::Missing { library },
        }),
    })
}

/// The files as a loader will see them: the tree at the placeholder, the system everywhere else.
struct View<'a> {
    sealing: &'a Sealing<'a>,
    /// The root with all links followed.
    root: PathBuf,
    seen: RefCell<HashMap<String, Look>>,
    /// The facts of files that were read, by path after all links.
    facts: RefCell<HashMap<PathBuf, Look>>,
    /// Every file name in the tree with the first path that has it; read when it is first asked for.
    names: RefCell<Option<HashMap<String, String>>>,
}

impl<'a> View<'a> {
    fn new(sealing: &'a Sealing<'a>, files: &[Sealed]) -> Result<View<'a>, SealError> {
        let root = fs_err::canonicalize(sealing.root).map_err(failed("looking at the tree", sealing.root))?;
        let view =
            View { sealing, root, seen: RefCell::default(), facts: RefCell::default(), names: RefCell::default() };
        for file in files {
            if let Some(facts) = &file.facts {
                let seen = Seen { real: view.path_of(file.path.as_str()), facts: Arc::clone(facts) };
                view.facts.borrow_mut().insert(view.root.join(file.path.as_str()), Look::Library(seen));
            }
        }
        Ok(view)
    }

    /// The absolute path of a file of the tree, as the loader sees it.
    fn path_of(&self, relative: &str) -> String {
        format!("{}/{relative}", self.sealing.placeholder.as_str())
    }

    /// The part of a path below the placeholder.
    fn tree_path<'b>(&self, path: &'b str) -> Option<&'b str> {
        path.strip_prefix(self.sealing.placeholder.as_str())?.strip_prefix('/')
    }

    fn is_in_tree(&self, found: &Found) -> bool {
        matches!(found, Found::At { real, .. } if self.tree_path(real).is_some())
    }

    /// A file of this name anywhere in the tree.
    fn elsewhere_in_tree(&self, name: &str) -> Result<Option<String>, SealError> {
        let mut names = self.names.borrow_mut();
        if names.is_none() {
            *names = Some(file_names(&self.root)?);
        }
        Ok(names.as_ref().and_then(|names| names.get(name)).cloned())
    }

    fn look_on_disk(&self, path: &str) -> Look {
        let place = match self.tree_path(path) {
            Some(relative) => self.root.join(relative),
            None => self.sealing.system_root.join(path.trim_start_matches('/')),
        };
        // Whatever cannot be reached or read is passed over, as the loader does.
        let Ok(real) = fs_err::canonicalize(&place) else { return Look::Absent };
        if let Some(known) = self.facts.borrow().get(&real) {
            return known.clone();
        }
        let shown = match real.strip_prefix(&self.root) {
            Ok(relative) => relative.to_str().map(|relative| self.path_of(relative)),
            Err(_) => real.to_str().map(str::to_owned),
        };
        let look = shown.map_or(Look::Absent, |shown| look_at(&real, shown));
        self.facts.borrow_mut().insert(real, look.clone());
        look
    }
}

impl Files for View<'_> {
    fn look(&self, path: &str) -> Look {
        if let Some(known) = self.seen.borrow().get(path) {
            return known.clone();
        }
        let look = self.look_on_disk(path);
        self.seen.borrow_mut().insert(path.to_owned(), look.clone());
        look
    }
}

fn look_at(real: &Path, shown: String) -> Look {
    if real.is_dir() {
        return Look::Other;
    }
    let Ok(mut file) = fs_err::File::open(real) else { return Look::Absent };
    let mut bytes = Vec::new();
    let magic = file.by_ref().take(4).read_to_end(&mut bytes);
    if magic.is_err() || bytes != *b"\x7fELF" || file.read_to_end(&mut bytes).is_err() {
        return Look::Other;
    }
    match Facts::read(&bytes) {
        Ok(facts) => Look::Library(Seen { real: shown, facts: Arc::new(facts) }),
        Err(_) => Look::Other,
    }
}

fn file_names(root: &Path) -> Result<HashMap<String, String>, SealError> {
    let mut names = HashMap::new();
    let mut open = vec![root.to_owned()];
    while let Some(folder) = open.pop() {
        let reading = || failed("listing a folder of the tree", &folder);
        let mut paths = Vec::new();
        for entry in fs_err::read_dir(&folder).map_err(reading())? {
            paths.push(entry.map_err(reading())?.path());
        }
        paths.sort();
        for path in paths {
            if path.is_dir() && !path.is_symlink() {
                open.push(path);
                continue;
            }
            let name = path.file_name().and_then(|name| name.to_str());
            let relative = path.strip_prefix(root).ok().and_then(Path::to_str);
            if let (Some(name), Some(relative)) = (name, relative) {
                names.entry(name.to_owned()).or_insert_with(|| relative.to_owned());
            }
        }
    }
    Ok(names)
}

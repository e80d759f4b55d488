//! The second proof: every library that an ELF file of the package needs is found the way the loader finds it, and
//! defines what the file asks of it by version.
//!
//! Shows the loader's rules (`audit/loader/`) the tree at the placeholder and the system behind it. Knows no rule.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::audit::loader::{Files, Found, Loader, Look, Need, Seen};
use crate::audit::providers::{self, ElfFile, Lacked, Providers};
use crate::audit::system::{self, SystemLibraries, is_system_interpreter};
use crate::audit::{Fault, Finding, floor};
use crate::builder::seal::files::Sealed;
use crate::builder::seal::{SealError, Sealing, failed};
use crate::host::machine::Machine;
use crate::host::root::Root;
use crate::model::platform::Floor;
use crate::relocate::elf::Facts;

/// Traces every ELF file as if it were loaded alone; gives what they ask of the system, and the libraries of it.
pub fn prove(
    sealing: &Sealing<'_>,
    files: &[Sealed],
    findings: &mut Vec<Finding>,
) -> Result<(Floor, BTreeSet<PathBuf>), SealError> {
    let view = View::new(sealing, files)?;
    let libraries = SystemLibraries { listed: sealing.system_libraries };
    let (mut floor, mut linked) = (Floor::default(), BTreeSet::new());
    let mut reported = BTreeSet::new();
    for file in files {
        let Some(facts) = file.facts.as_ref().filter(|facts| facts.is_dynamic()) else { continue };
        let path = view.path_of(file.path.as_str());
        if let Some(fault) = interpreter_fault(&view, facts) {
            findings.push(Finding { file: file.path.to_string(), fault });
        }
        let needs = view.trace(&path, facts);
        floor::raise(&mut floor, facts, |library| {
            needs.iter().any(|need| need.asker == path && need.name == library && view.is_in_tree(&need.found))
        });
        for need in &needs {
            // What the system's own libraries need is the system's matter.
            let Some(asker) = view.tree_path(&need.asker_real) else { continue };
            if let Found::At { path, .. } = &need.found
                && !view.is_in_tree(&need.found)
            {
                linked.extend(fs_err::canonicalize(path));
            }
            let Some(fault) = need_fault(&view, &libraries, need)? else { continue };
            if reported.insert((asker.to_owned(), need.name.clone())) {
                findings.push(Finding { file: asker.to_owned(), fault });
            }
        }
        for fault in symbol_faults(&view, file, facts, &needs) {
            findings.push(Finding { file: file.path.to_string(), fault });
        }
    }
    Ok((floor, linked))
}

fn symbol_faults(view: &View<'_>, file: &Sealed, facts: &Arc<Facts>, needs: &[Need]) -> Vec<Fault> {
    let real = view.path_of(file.path.as_str());
    let Some(symbols) = view.machine.symbols(&real) else {
        return vec![Fault::Unreadable { reason: "its symbols contradict each other".to_owned() }];
    };
    let elf = ElfFile { path: file.path.to_string(), real, facts: Arc::clone(facts), symbols };
    let needed: Vec<Need> = needs.iter().filter(|need| need.asker == elf.real).cloned().collect();
    let scope = providers::scope(&elf, needs);
    let lacks = providers::missing(&elf, &needed, &scope, &view.machine);
    let fault = |lack: providers::Lack| {
        let (library, at) = (lack.library, view.tree_path(&lack.at).unwrap_or(&lack.at).to_owned());
        match lack.what {
            Lacked::Version(version) => Fault::VersionMissing { version, library, at },
            Lacked::Symbol(symbol) => Fault::SymbolMissing { symbol, library, at },
        }
    };
    lacks.into_iter().map(fault).collect()
}

fn interpreter_fault(view: &View<'_>, facts: &Facts) -> Option<Fault> {
    let interpreter = facts.interpreter.as_ref()?;
    let is_fine = match view.tree_path(interpreter) {
        Some(_) => matches!(view.machine.look(interpreter), Look::Library(_)),
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
    machine: Machine,
    /// Every file name in the tree with the first path that has it; read when it is first asked for.
    names: RefCell<Option<HashMap<String, String>>>,
}

impl<'a> View<'a> {
    fn new(sealing: &'a Sealing<'a>, files: &[Sealed]) -> Result<View<'a>, SealError> {
        let root = fs_err::canonicalize(sealing.root).map_err(failed("looking at the tree", sealing.root))?;
        let of_system = failed("looking at the system", sealing.system_root);
        let system = Root::new(sealing.system_root).map_err(|error| of_system(std::io::Error::other(error)))?;
        let machine = Machine::new(system.with_tree(sealing.placeholder.as_path(), &root));
        let view = View { sealing, root, machine, names: RefCell::default() };
        for file in files {
            if let Some(facts) = &file.facts {
                view.machine.know(Seen { real: view.path_of(file.path.as_str()), facts: Arc::clone(facts) }, None);
            }
        }
        Ok(view)
    }

    /// What is loaded with a file on a processor that is the first of its kind: others only find more.
    fn trace(&self, path: &str, facts: &Arc<Facts>) -> Vec<Need> {
        let folders = system::default_folders(facts);
        let mut around = self.machine.around(facts);
        around.hardware.clear();
        let (lib, platform) = (system::lib_word(&folders), system::platform_word(facts));
        let loader = Loader { files: &self.machine, default_folders: &folders, lib, platform, around };
        loader.trace(path, Seen { real: path.to_owned(), facts: Arc::clone(facts) })
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

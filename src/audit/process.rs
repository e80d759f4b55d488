//! Judges what a loader would do with each ELF file: where its libraries come from, and who provides its symbols.
//!
//! The loader's own rules are `loader.rs`. Knows a disk only through [`World`].

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::audit::floor::FileFloor;
use crate::audit::loader::{Around, Files, Found, Loader, Look, Need, Seen, Way};
use crate::audit::problem::{Problem, Remark};
use crate::audit::system::{SystemLibraries, default_folders, is_system_interpreter};
use crate::relocate::elf::Facts;
use crate::relocate::elf::symbols::Symbols;

/// An ELF file that is audited.
#[derive(Debug, Clone)]
pub struct ElfFile {
    /// Relative to the tree.
    pub path: String,
    /// As the loader opens it.
    pub real: String,
    pub facts: Arc<Facts>,
    pub symbols: Arc<Symbols>,
}

/// What the checks must know about the files around those that are audited.
pub trait World: Files {
    /// The symbols of the file at this path (after all links); `None` when it cannot be read.
    fn symbols(&self, real: &str) -> Option<Arc<Symbols>>;
    /// The path relative to the tree, of a path that lies in it.
    fn tree_path<'a>(&self, path: &'a str) -> Option<&'a str>;
    /// A file of this name anywhere in the tree, relative to it.
    fn elsewhere(&self, name: &str) -> Option<String>;
    /// Folders that the system's configuration adds (ld.so.conf), in order.
    fn configured_folders(&self) -> &[String];
}

/// What is allowed.
#[derive(Debug, Clone)]
pub struct Rules<'a> {
    pub libraries: SystemLibraries<'a>,
    /// Whether a library path may lead out of the tree: where a single file is looked at.
    pub may_leave: bool,
}

/// What a loader would do with one file.
#[derive(Debug, Clone)]
pub struct Process {
    /// What the file itself asks for.
    pub needed: Vec<Need>,
    /// Everything that is loaded with it, in order.
    pub all: Vec<Need>,
    pub floor: FileFloor,
}

/// Judges all files; gives one process a file, in order.
pub fn judge(files: &[ElfFile], world: &dyn World, rules: &Rules<'_>, remarks: &mut Vec<Remark>) -> Vec<Process> {
    let traces: Vec<Vec<Need>> = files.iter().map(|file| trace(file, world)).collect();
    let mut in_process: HashMap<(&str, &str), (usize, &Need)> = HashMap::new();
    for (place, trace) in traces.iter().enumerate().filter(|(place, _)| files[*place].facts.interpreter.is_some()) {
        for need in trace.iter().filter(|need| in_tree(world, &need.found).is_some()) {
            in_process.entry((&need.asker_real, &need.name)).or_insert((place, need));
        }
    }
    let has_programs = files.iter().any(|file| file.facts.interpreter.is_some());
    let mut pairs = BTreeSet::new();
    let mut processes = Vec::new();
    for (file, trace) in files.iter().zip(&traces) {
        let mut find = |problem| remarks.push(Remark::new(&file.path, problem));
        if let Some(interpreter) = &file.facts.interpreter
            && !is_interpreter(world, interpreter)
        {
            find(Problem::Interpreter { interpreter: interpreter.clone() });
        }
        let mut needed: Vec<Need> = Vec::new();
        for need in trace.iter().filter(|need| need.asker == file.real) {
            let mut need = need.clone();
            if let Some(problem) = fault(world, rules, &need) {
                match in_process.get(&(file.real.as_str(), need.name.as_str())) {
                    Some((by, found)) if file.facts.interpreter.is_none() => {
                        need.found = found.found.clone();
                        find(Problem::Inherited { library: need.name.clone(), by: files[*by].path.clone() });
                    }
                    _ => find(problem),
                }
            }
            needed.push(need);
        }
        let scope = scope(file, trace);
        judge_symbols(file, &needed, &scope, world, &mut find);
        judge_sonames(&scope, &mut find);
        if !has_programs || file.facts.interpreter.is_some() {
            judge_interposition(&scope, world, &mut pairs, remarks);
        }
        let floor = FileFloor::of(&file.facts, &file.symbols, |library| {
            let own =
                needed.iter().find(|need| need.name == library).or_else(|| trace.iter().find(|n| n.name == library));
            own.is_some_and(|need| in_tree(world, &need.found).is_some())
        });
        processes.push(Process { needed, all: trace.clone(), floor });
    }
    judge_duplicates(files, remarks);
    processes
}

fn trace(file: &ElfFile, world: &dyn World) -> Vec<Need> {
    let defaults = default_folders(&file.facts);
    let lib = defaults.first().map_or("lib", |folder| folder.trim_start_matches('/')).to_owned();
    let mut folders: Vec<String> = world.configured_folders().to_vec();
    folders.extend(defaults.into_iter().filter(|folder| !world.configured_folders().contains(folder)));
    let loader =
        Loader { files: world_as_files(world), default_folders: &folders, lib: &lib, around: Around::default() };
    loader.trace(&file.real, Seen { real: file.real.clone(), facts: Arc::clone(&file.facts) })
}

fn world_as_files(world: &dyn World) -> &dyn Files {
    world
}

fn in_tree<'a>(world: &dyn World, found: &'a Found) -> Option<&'a str> {
    match found {
        Found::At { real, .. } => world.tree_path(real),
        _ => None,
    }
}

fn is_interpreter(world: &dyn World, interpreter: &str) -> bool {
    match world.tree_path(interpreter) {
        Some(_) => matches!(world.look(interpreter), Look::Library(_)),
        None => is_system_interpreter(interpreter),
    }
}

fn fault(world: &dyn World, rules: &Rules<'_>, need: &Need) -> Option<Problem> {
    let library = need.name.clone();
    let name = need.name.rsplit('/').next().unwrap_or_default();
    let elsewhere = || world.elsewhere(name);
    match &need.found {
        found if in_tree(world, found).is_some() => None,
        Found::NotALibrary { path } => Some(Problem::NotALibrary { library, at: path.clone() }),
        Found::At { path, way, .. } => match way {
            // A path of the file's own that leads out of the tree.
            Way::Rpath | Way::Runpath | Way::Path => {
                (!rules.may_leave).then(|| Problem::Outside { library, at: path.clone() })
            }
            _ if rules.libraries.allows(name) => None,
            // Also when the system has one of that name: the file would run with the wrong one.
            _ => Some(match elsewhere() {
                Some(at) => Problem::Luck { library, at },
                None => Problem::FromSystem { library, at: path.clone() },
            }),
        },
        Found::Missing => Some(match elsewhere() {
            Some(at) => Problem::Luck { library, at },
            None => Problem::Missing { library },
        }),
    }
}

/// One library of a process: its name as asked for, and its path after all links.
struct Member<'a> {
    name: &'a str,
    real: &'a str,
}

/// The libraries of a process, each once, in the order of loading; the file itself first.
fn scope<'a>(file: &'a ElfFile, trace: &'a [Need]) -> Vec<Member<'a>> {
    let mut seen = BTreeSet::from([file.real.as_str()]);
    let mut members = vec![Member { name: file.path.rsplit('/').next().unwrap_or_default(), real: &file.real }];
    for need in trace {
        if let Found::At { real, .. } = &need.found
            && seen.insert(real)
        {
            members.push(Member { name: &need.name, real });
        }
    }
    members
}

fn judge_symbols(
    file: &ElfFile,
    needed: &[Need],
    scope: &[Member<'_>],
    world: &dyn World,
    find: &mut impl FnMut(Problem),
) {
    let mut missing_versions = BTreeSet::new();
    for wanted in &file.symbols.wanted {
        let asked = needed.iter().find(|need| *need.name == *wanted.library);
        let real = match asked.map(|need| &need.found) {
            Some(Found::At { real, .. }) => real.as_str(),
            // The loader has stopped before; that is told already.
            Some(_) => continue,
            None => match scope.iter().find(|member| *member.name == *wanted.library) {
                Some(member) => member.real,
                None => continue,
            },
        };
        let Look::Library(provider) = world.look(real) else { continue };
        let versions = provider.facts.dynamic.as_ref().map_or(&[][..], |dynamic| &dynamic.versions_defined);
        let library = wanted.library.to_string();
        if !versions.is_empty() && !versions.iter().any(|version| **version == *wanted.version) {
            if !wanted.is_weak && missing_versions.insert((wanted.version.clone(), wanted.library.clone())) {
                let version = wanted.version.to_string();
                find(Problem::VersionMissing { version, library, at: shown(world, real) });
            }
            continue;
        }
        let defines = |real: &str| match real == file.real {
            true => file.symbols.define(&wanted.name, &wanted.version),
            false => world.symbols(real).is_none_or(|symbols| symbols.define(&wanted.name, &wanted.version)),
        };
        if !wanted.is_weak && !defines(real) && !scope.iter().any(|member| defines(member.real)) {
            let symbol = format!("{}@{}", wanted.name, wanted.version);
            find(Problem::SymbolMissing { symbol, library, at: shown(world, real) });
        }
    }
}

fn shown(world: &dyn World, real: &str) -> String {
    world.tree_path(real).unwrap_or(real).to_owned()
}

/// Two versions of one library in a process: `libssl.so.1.1` and `libssl.so.3`.
fn judge_sonames(scope: &[Member<'_>], find: &mut impl FnMut(Problem)) {
    let mut stems: BTreeMap<&str, &str> = BTreeMap::new();
    for member in scope {
        let Some((stem, _)) = member.name.split_once(".so") else { continue };
        match stems.get(stem) {
            Some(known) if *known != member.name => {
                find(Problem::TwoSonames { one: (*known).to_owned(), other: member.name.to_owned() });
            }
            Some(_) => {}
            None => {
                stems.insert(stem, member.name);
            }
        }
    }
}

fn judge_interposition(
    scope: &[Member<'_>],
    world: &dyn World,
    pairs: &mut BTreeSet<(String, String)>,
    remarks: &mut Vec<Remark>,
) {
    let members: Vec<(&str, Arc<Symbols>)> =
        scope.iter().filter_map(|member| Some((world.tree_path(member.real)?, world.symbols(member.real)?))).collect();
    let mut first: HashMap<&str, usize> = HashMap::new();
    for (place, (path, symbols)) in members.iter().enumerate() {
        let mut shared: BTreeMap<usize, (usize, &str)> = BTreeMap::new();
        for name in symbols.strong.iter().filter(|name| !is_linkers(name)) {
            match first.get(&**name) {
                Some(known) => shared.entry(*known).or_insert((0, name)).0 += 1,
                None => {
                    first.insert(name, place);
                }
            }
        }
        for (known, (count, example)) in shared {
            let other = members[known].0;
            if pairs.insert(((*path).to_owned(), other.to_owned())) {
                let example = example.to_owned();
                remarks.push(Remark::new(path, Problem::Interposed { other: other.to_owned(), example, count }));
            }
        }
    }
}

/// Names that the linker or the C runtime puts into every file.
fn is_linkers(name: &str) -> bool {
    matches!(
        name,
        "_init"
            | "_fini"
            | "_start"
            | "main"
            | "_end"
            | "end"
            | "_edata"
            | "edata"
            | "__bss_start"
            | "__data_start"
            | "data_start"
            | "_IO_stdin_used"
            | "__dso_handle"
            | "_etext"
            | "etext"
    )
}

/// Two files of the tree that claim the same name.
fn judge_duplicates(files: &[ElfFile], remarks: &mut Vec<Remark>) {
    let mut known: HashMap<(&str, u16), &str> = HashMap::new();
    for file in files.iter().filter(|file| !file.path.contains("glibc-hwcaps/")) {
        let soname = file.facts.dynamic.as_ref().and_then(|dynamic| dynamic.soname.as_deref());
        let Some(soname) = soname.filter(|soname| !soname.is_empty()) else { continue };
        match known.get(&(soname, file.facts.machine)) {
            Some(other) => {
                let (soname, other) = (soname.to_owned(), (*other).to_owned());
                remarks.push(Remark::new(&file.path, Problem::DuplicateSoname { soname, other }));
            }
            None => {
                known.insert((soname, file.facts.machine), &file.path);
            }
        }
    }
}

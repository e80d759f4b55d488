//! Judges what a loader would do with each ELF file: where its libraries come from, and who provides its symbols.
//!
//! The loader's own rules are `loader/`, who provides a symbol is `providers.rs`. Knows a disk only through [`World`];
//! starts no threads, `flow/audit/judging.rs` does.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, OnceLock};

use crate::audit::clashes::{self, Interposed};
use crate::audit::floor::FileFloor;
use crate::audit::loader::{Around, Found, Loaded, Loader, Look, Need, Seen, Way};
use crate::audit::problem::{Problem, Remark};
use crate::audit::providers::{self, ElfFile, Lacked, Providers, scope};
use crate::audit::system::{self, SystemLibraries, is_system_interpreter};
use crate::relocate::elf::{Dynamic, Facts};

/// What the checks must know about the files around those that are audited.
pub trait World: Providers + Sync {
    /// What a process has around it that starts with this file.
    fn around(&self, facts: &Facts) -> Around;
    /// The path relative to the tree, of a path that lies in it.
    fn tree_path<'a>(&self, path: &'a str) -> Option<&'a str>;
    /// A file of this name anywhere in the tree, relative to it.
    fn elsewhere(&self, name: &str) -> Option<String>;
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

/// How many programs are asked whether they find what a plugin needs.
const MOST_OPENERS: usize = 20;

/// Judges files one by one, in any order, from several threads.
pub struct Judge<'a> {
    files: &'a [ElfFile],
    /// What happens when each is the first of a process.
    traces: &'a [Vec<Need>],
    world: &'a dyn World,
    rules: &'a Rules<'a>,
    /// What the programs of the tree find, by who asks (after all links) and for what; with the place of the program.
    in_process: HashMap<(&'a str, &'a str), (usize, &'a Need)>,
    openers: Vec<Opener<'a>>,
    /// The paths after all links.
    audited: HashSet<&'a str>,
}

/// What was found of one file.
pub struct Judged {
    pub needed: Vec<Need>,
    pub floor: FileFloor,
    pub remarks: Vec<Remark>,
    pub interposed: Vec<Interposed>,
}

impl<'a> Judge<'a> {
    /// `traces` has what [`trace`] gives of each file.
    pub fn new(files: &'a [ElfFile], traces: &'a [Vec<Need>], world: &'a dyn World, rules: &'a Rules<'a>) -> Judge<'a> {
        let mut in_process = HashMap::new();
        for (place, trace) in traces.iter().enumerate().filter(|(place, _)| files[*place].facts.interpreter.is_some()) {
            for need in trace.iter().filter(|need| in_tree(world, &need.found).is_some()) {
                in_process.entry((need.asker_real.as_str(), need.name.as_str())).or_insert((place, need));
            }
        }
        let programs = files.iter().filter(|file| file.facts.interpreter.is_some());
        let openers = programs.map(|program| Opener { program, started: OnceLock::new() }).collect();
        let audited = files.iter().map(|file| file.real.as_str()).collect();
        Judge { files, traces, world, rules, in_process, openers, audited }
    }

    /// Judges the file at this place of the list.
    pub fn judge(&self, place: usize) -> Judged {
        let (file, trace, world) = (&self.files[place], &self.traces[place], self.world);
        let mut remarks = Vec::new();
        let mut find = |problem| remarks.push(Remark::new(&file.path, problem));
        if let Some(interpreter) = &file.facts.interpreter
            && !is_interpreter(world, interpreter)
        {
            find(Problem::Interpreter { interpreter: interpreter.clone() });
        }
        let needed = self.needed(file, trace, &mut find);
        // What is audited itself tells it for itself.
        let is_below = |need: &&Need| !self.audited.contains(need.asker_real.as_str());
        for need in trace.iter().filter(|need| need.found == Found::Missing).filter(is_below) {
            find(Problem::MissingFor { library: need.name.clone(), by: shown(world, &need.asker_real) });
        }
        judge_plain_processor(file, &needed, world, &mut find);
        let scope = scope(file, trace);
        for lack in providers::missing(file, &needed, &scope, world) {
            let (library, at) = (lack.library, shown(world, &lack.at));
            find(match lack.what {
                Lacked::Version(version) => Problem::VersionMissing { version, library, at },
                Lacked::Symbol(symbol) => Problem::SymbolMissing { symbol, library, at },
            });
        }
        clashes::judge_sonames(&scope, &mut find);
        let has_process = self.openers.is_empty() || file.facts.interpreter.is_some();
        let interposed = if has_process { clashes::interposed(&scope, world) } else { Vec::new() };
        let floor = FileFloor::of(&file.facts, &file.symbols, |library| {
            let own =
                needed.iter().find(|need| need.name == library).or_else(|| trace.iter().find(|n| n.name == library));
            own.is_some_and(|need| in_tree(world, &need.found).is_some())
        });
        Judged { needed, floor, remarks, interposed }
    }

    /// What the file itself asks for, and where that comes from when a program of the tree has loaded it.
    fn needed(&self, file: &ElfFile, trace: &[Need], find: &mut impl FnMut(Problem)) -> Vec<Need> {
        let mut opened = Opened { openers: &self.openers, library: file, traces: None };
        let mut needed: Vec<Need> = trace.iter().filter(|need| need.asker == file.real).cloned().collect();
        for need in &mut needed {
            let Some(problem) = fault(self.world, self.rules, need) else { continue };
            let by_program = match self.in_process.get(&(file.real.as_str(), need.name.as_str())) {
                Some((by, found)) if file.facts.interpreter.is_none() => {
                    Some((self.files[*by].path.clone(), found.found.clone()))
                }
                _ => opened.opener(need, self.world),
            };
            match by_program {
                Some((by, found)) => {
                    need.found = found;
                    find(Problem::Inherited { library: need.name.clone(), by });
                }
                None => find(problem),
            }
        }
        needed
    }
}

/// What all files come to: a process for each, and what is told once for all.
pub fn together(
    files: &[ElfFile],
    traces: Vec<Vec<Need>>,
    judged: Vec<Judged>,
    remarks: &mut Vec<Remark>,
) -> Vec<Process> {
    let mut pairs = HashSet::new();
    let mut processes = Vec::with_capacity(files.len());
    for (one, all) in judged.into_iter().zip(traces) {
        remarks.extend(one.remarks);
        for Interposed { path, other, example, count } in one.interposed {
            if pairs.insert((path.clone(), other.clone())) {
                remarks.push(Remark::new(&path, Problem::Interposed { other, example, count }));
            }
        }
        processes.push(Process { needed: one.needed, all, floor: one.floor });
    }
    clashes::judge_duplicates(files, remarks);
    processes
}

/// What happens when the file is the first of a process.
pub fn trace(file: &ElfFile, world: &dyn World) -> Vec<Need> {
    with_loader(file, world, false, |loader| loader.trace(&file.real, seen(file)))
}

fn seen(file: &ElfFile) -> Seen {
    Seen { real: file.real.clone(), facts: Arc::clone(&file.facts) }
}

/// `is_plain` for a processor that is the first of its kind.
fn with_loader<T>(file: &ElfFile, world: &dyn World, is_plain: bool, run: impl FnOnce(&Loader<'_>) -> T) -> T {
    let folders = system::default_folders(&file.facts);
    let mut around = world.around(&file.facts);
    if is_plain {
        around.hardware.clear();
    }
    let (lib, platform) = (system::lib_word(&folders), system::platform_word(&file.facts));
    run(&Loader { files: world, default_folders: &folders, lib, platform, around })
}

/// A program of the tree that may open libraries with dlopen(3).
struct Opener<'a> {
    program: &'a ElfFile,
    /// What it has loaded by then; `None` where that finds nothing in the tree that the library would not find alone.
    started: OnceLock<Option<Loaded>>,
}

impl Opener<'_> {
    fn started(&self, world: &dyn World) -> Option<&Loaded> {
        let started = self.started.get_or_init(|| {
            let program = self.program;
            let started = with_loader(program, world, false, |loader| loader.started(&program.real, seen(program)));
            let has_path = |one: &Dynamic| one.soname.is_some() || (one.rpath.is_some() && one.runpath.is_none());
            let is_known = program.facts.dynamic.as_ref().is_some_and(has_path);
            let leads_into_tree = started.reals().skip(1).any(|real| world.tree_path(real).is_some());
            (is_known || leads_into_tree).then_some(started)
        });
        started.as_ref()
    }
}

/// What programs of the tree load when they open a library: traced once for all its needs.
struct Opened<'a> {
    openers: &'a [Opener<'a>],
    library: &'a ElfFile,
    traces: Option<Vec<(&'a str, Vec<Need>)>>,
}

impl Opened<'_> {
    /// The program of the tree, and what it leads to, that finds what the library alone does not: when it is opened as
    /// a plugin, what the program has loaded is there, and the program's DT_RPATH is searched.
    fn opener(&mut self, need: &Need, world: &dyn World) -> Option<(String, Found)> {
        let (library, openers) = (self.library, self.openers);
        if library.facts.interpreter.is_some() {
            return None;
        }
        let traces = self.traces.get_or_insert_with(|| {
            let fits = openers.iter().filter(|opener| opener.program.facts.machine == library.facts.machine);
            let opened = |opener: &'_ Opener<'_>| {
                let started = opener.started(world)?;
                let open = |loader: &Loader<'_>| loader.trace_opened(started, &library.real, seen(library));
                Some(with_loader(opener.program, world, false, open))
            };
            let fits = fits.take(MOST_OPENERS);
            fits.filter_map(|opener| Some((opener.program.path.as_str(), opened(opener)?))).collect()
        });
        traces.iter().find_map(|(program, needs)| {
            let own = needs.iter().find(|one| one.asker_real == library.real && one.name == need.name)?;
            in_tree(world, &own.found).is_some().then(|| ((*program).to_owned(), own.found.clone()))
        })
    }
}

/// What is found only in a folder for newer processors must be there for the others too.
fn judge_plain_processor(file: &ElfFile, needed: &[Need], world: &dyn World, find: &mut impl FnMut(Problem)) {
    let is_special = |need: &&Need| in_tree(world, &need.found).is_some_and(|path| path.contains("glibc-hwcaps/"));
    if !needed.iter().any(|need| is_special(&need)) {
        return;
    }
    let plain = with_loader(file, world, true, |loader| loader.trace(&file.real, seen(file)));
    for need in needed.iter().filter(is_special) {
        let found = plain.iter().find(|one| one.asker == need.asker && one.name == need.name);
        if let (Some(Need { found: Found::Missing, .. }), Some(at)) = (found, in_tree(world, &need.found)) {
            find(Problem::OnlyNewer { library: need.name.clone(), at: at.to_owned() });
        }
    }
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

fn shown(world: &dyn World, real: &str) -> String {
    world.tree_path(real).unwrap_or(real).to_owned()
}

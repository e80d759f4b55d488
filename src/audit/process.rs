//! Judges what a loader would do with each ELF file: where its libraries come from, and who provides its symbols.
//!
//! The loader's own rules are `loader/`, who provides a symbol is `providers.rs`. Knows a disk only through [`World`].

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::audit::floor::FileFloor;
use crate::audit::loader::{Around, Found, Loaded, Loader, Look, Need, Seen, Way};
use crate::audit::problem::{Problem, Remark};
use crate::audit::providers::{self, ElfFile, Lacked, Member, Providers, scope};
use crate::audit::system::{self, SystemLibraries, is_system_interpreter};
use crate::relocate::elf::symbols::Symbols;
use crate::relocate::elf::{Dynamic, Facts};

/// What the checks must know about the files around those that are audited.
pub trait World: Providers {
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

/// Judges all files; gives one process a file, in order.
pub fn judge(files: &[ElfFile], world: &dyn World, rules: &Rules<'_>, remarks: &mut Vec<Remark>) -> Vec<Process> {
    let traces: Vec<Vec<Need>> = files.iter().map(|file| trace(file, world, false)).collect();
    let mut in_process: HashMap<(&str, &str), (usize, &Need)> = HashMap::new();
    for (place, trace) in traces.iter().enumerate().filter(|(place, _)| files[*place].facts.interpreter.is_some()) {
        for need in trace.iter().filter(|need| in_tree(world, &need.found).is_some()) {
            in_process.entry((&need.asker_real, &need.name)).or_insert((place, need));
        }
    }
    let programs = files.iter().filter(|file| file.facts.interpreter.is_some());
    let openers: Vec<Opener<'_>> = programs.map(|program| Opener { program, started: OnceCell::new() }).collect();
    let audited: BTreeSet<&str> = files.iter().map(|file| file.real.as_str()).collect();
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
        let mut opened = Opened { openers: &openers, library: file, traces: None };
        for need in trace.iter().filter(|need| need.asker == file.real) {
            let mut need = need.clone();
            if let Some(problem) = fault(world, rules, &need) {
                match in_process.get(&(file.real.as_str(), need.name.as_str())) {
                    Some((by, found)) if file.facts.interpreter.is_none() => {
                        need.found = found.found.clone();
                        find(Problem::Inherited { library: need.name.clone(), by: files[*by].path.clone() });
                    }
                    _ => match opened.opener(&need, world) {
                        Some((by, found)) => {
                            need.found = found;
                            find(Problem::Inherited { library: need.name.clone(), by });
                        }
                        None => find(problem),
                    },
                }
            }
            needed.push(need);
        }
        // What is audited itself tells it for itself.
        let below =
            trace.iter().filter(|need| need.found == Found::Missing && !audited.contains(need.asker_real.as_str()));
        for need in below {
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
        judge_sonames(&scope, &mut find);
        if openers.is_empty() || file.facts.interpreter.is_some() {
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

/// What happens when the file is the first of a process; `is_plain` for a processor that is the first of its kind.
fn trace(file: &ElfFile, world: &dyn World, is_plain: bool) -> Vec<Need> {
    with_loader(file, world, is_plain, |loader| loader.trace(&file.real, seen(file)))
}

fn seen(file: &ElfFile) -> Seen {
    Seen { real: file.real.clone(), facts: Arc::clone(&file.facts) }
}

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
    started: OnceCell<Option<Loaded>>,
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
    let plain = trace(file, world, true);
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

//! Says who provides the versioned symbols that a file asks for, in the process that the loader makes of it.
//!
//! The loader's rules are `loader/`. Knows a disk only through [`Providers`].

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::audit::loader::{Files, Found, Look, Need};
use crate::relocate::elf::Facts;
use crate::relocate::elf::symbols::Symbols;

/// The files that a loader sees, with what they define.
pub trait Providers: Files {
    /// The symbols of the file at this path (after all links); `None` when it cannot be read.
    fn symbols(&self, real: &str) -> Option<Arc<Symbols>>;
}

/// An ELF file whose process is looked at.
#[derive(Debug, Clone)]
pub struct ElfFile {
    /// Relative to the tree.
    pub path: String,
    /// As the loader opens it.
    pub real: String,
    pub facts: Arc<Facts>,
    pub symbols: Arc<Symbols>,
}

/// Something that a file asks of a library, which the one found does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lack {
    pub what: Lacked,
    /// The name by which the library is asked for.
    pub library: String,
    /// The library found, after all links.
    pub at: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lacked {
    /// A version that the library does not define: the loader refuses to start the program.
    Version(String),
    /// `name@version` without a definition anywhere in the process.
    Symbol(String),
}

/// One library of a process: its name as asked for, and its path after all links.
#[derive(Debug, Clone, Copy)]
pub struct Member<'a> {
    pub name: &'a str,
    pub real: &'a str,
}

/// The libraries of a process, each once, in the order of loading; the file itself first.
pub fn scope<'a>(file: &'a ElfFile, trace: &'a [Need]) -> Vec<Member<'a>> {
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

/// What a file asks for by version and that the libraries found do not define. What leads nowhere is left out: the
/// loader has stopped there, which other checks tell.
pub fn missing(file: &ElfFile, needed: &[Need], scope: &[Member<'_>], world: &dyn Providers) -> Vec<Lack> {
    let mut lacks = Vec::new();
    let mut missing_versions = BTreeSet::new();
    let mut providers: HashMap<&str, Option<Provider<'_>>> = HashMap::new();
    for wanted in file.symbols.wanted() {
        let find = || Provider::find(file, wanted.library, needed, scope, world);
        let Some(provider) = providers.entry(wanted.library).or_insert_with(find) else { continue };
        let lack = |what| Lack { what, library: wanted.library.to_string(), at: provider.real.to_owned() };
        if !provider.has_version(wanted.version) {
            if !wanted.is_weak && missing_versions.insert((wanted.version, wanted.library)) {
                lacks.push(lack(Lacked::Version(wanted.version.to_string())));
            }
            continue;
        }
        let defines = |symbols: &Option<Arc<Symbols>>| symbols.as_ref().is_none_or(|symbols| symbols.define(&wanted));
        let of = |member: &Member<'_>| defines(&symbols_of(file, member.real, world));
        if !wanted.is_weak && !defines(&provider.symbols) && !scope.iter().any(of) {
            lacks.push(lack(Lacked::Symbol(format!("{}@{}", wanted.name, wanted.version))));
        }
    }
    lacks
}

/// The library that a name leads to.
struct Provider<'a> {
    real: &'a str,
    facts: Arc<Facts>,
    symbols: Option<Arc<Symbols>>,
}

impl<'a> Provider<'a> {
    fn find(
        file: &ElfFile,
        library: &str,
        needed: &'a [Need],
        scope: &[Member<'a>],
        world: &dyn Providers,
    ) -> Option<Provider<'a>> {
        let asked = needed.iter().find(|need| need.name == library);
        let real = match asked.map(|need| &need.found) {
            Some(Found::At { real, .. }) => real.as_str(),
            // The loader has stopped before; that is told already.
            Some(_) => return None,
            None => scope.iter().find(|member| member.name == library)?.real,
        };
        let Look::Library(seen) = world.look(real) else { return None };
        Some(Provider { real, facts: seen.facts, symbols: symbols_of(file, real, world) })
    }

    /// A library without versions has each.
    fn has_version(&self, version: &str) -> bool {
        let versions = self.facts.dynamic.as_ref().map_or(&[][..], |dynamic| &dynamic.versions_defined);
        versions.is_empty() || versions.iter().any(|known| known == version)
    }
}

/// The symbols of a file of the process; `None` when it cannot be read.
fn symbols_of(file: &ElfFile, real: &str, world: &dyn Providers) -> Option<Arc<Symbols>> {
    if real == file.real { Some(Arc::clone(&file.symbols)) } else { world.symbols(real) }
}

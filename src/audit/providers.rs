//! Says who provides the versioned symbols that a file asks for, in the process that the loader makes of it.
//!
//! The loader's rules are `loader/`. Knows a disk only through [`Providers`].

use std::collections::BTreeSet;
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
                lacks.push(Lack { what: Lacked::Version(version), library, at: real.to_owned() });
            }
            continue;
        }
        let defines = |real: &str| match real == file.real {
            true => file.symbols.define(&wanted.name, &wanted.version),
            false => world.symbols(real).is_none_or(|symbols| symbols.define(&wanted.name, &wanted.version)),
        };
        if !wanted.is_weak && !defines(real) && !scope.iter().any(|member| defines(member.real)) {
            let symbol = format!("{}@{}", wanted.name, wanted.version);
            lacks.push(Lack { what: Lacked::Symbol(symbol), library, at: real.to_owned() });
        }
    }
    lacks
}

//! Names that two files claim: two versions of a library in one process, a symbol that two define, one DT_SONAME twice.
//!
//! Who is in a process with whom is `process.rs`.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::audit::problem::{Problem, Remark};
use crate::audit::process::World;
use crate::audit::providers::{ElfFile, Member};
use crate::relocate::elf::symbols::Symbols;

/// A library of the tree, some of whose symbols an earlier one of the process defines too.
#[derive(Debug, Clone)]
pub struct Interposed {
    pub path: String,
    pub other: String,
    /// One of the symbols.
    pub example: String,
    pub count: usize,
}

/// Two versions of one library in a process: `libssl.so.1.1` and `libssl.so.3`.
pub fn judge_sonames(scope: &[Member<'_>], find: &mut impl FnMut(Problem)) {
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

/// The pairs of libraries of the tree in one process that define the same symbols.
pub fn interposed(scope: &[Member<'_>], world: &dyn World) -> Vec<Interposed> {
    let of_tree = |member: &Member<'_>| Some((world.tree_path(member.real)?.to_owned(), world.symbols(member.real)?));
    let members: Vec<(String, Arc<Symbols>)> = scope.iter().filter_map(of_tree).collect();
    let mut all = Vec::new();
    if members.len() < 2 {
        return all;
    }
    let mut first: HashMap<u64, usize> = HashMap::new();
    for (place, (path, symbols)) in members.iter().enumerate() {
        let mut shared: BTreeMap<usize, (usize, &str)> = BTreeMap::new();
        for (digest, name) in symbols.strong() {
            match first.get(&digest) {
                Some(_) if is_linkers(name) => {}
                Some(known) => {
                    let (count, example) = shared.entry(*known).or_insert((0, name));
                    (*count, *example) = (*count + 1, name.min(example));
                }
                None => {
                    first.insert(digest, place);
                }
            }
        }
        all.extend(shared.into_iter().map(|(known, (count, example))| {
            let (path, other) = (path.clone(), members[known].0.clone());
            Interposed { path, other, example: example.to_owned(), count }
        }));
    }
    all
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
pub fn judge_duplicates(files: &[ElfFile], remarks: &mut Vec<Remark>) {
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

//! The tree as a loader will see it, with its names and what was read of it already.
//!
//! The system around it is `host/machine/`. Knows no rule; `audit/loader/` and `audit/process.rs` do.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use crate::audit::hygiene::{Place, What};
use crate::audit::loader::{Around, Files, Look, Seen};
use crate::audit::process::World;
use crate::audit::providers::Providers;
use crate::flow::audit::Error;
use crate::flow::audit::collect::Elf;
use crate::flow::audit::subject::Subject;
use crate::host::machine::Machine;
use crate::host::root::Root;
use crate::relocate::elf::Facts;
use crate::relocate::elf::symbols::Symbols;

pub struct View {
    machine: Machine,
    /// The place of the tree, with a slash at its end.
    start: String,
    /// File names of the tree, with the first path that has each.
    names: HashMap<String, String>,
}

impl View {
    pub fn new(subject: &Subject, system: &Path, elves: &[Elf], places: &[Place]) -> Result<View, Error> {
        let mut names = HashMap::new();
        for place in places.iter().filter(|place| matches!(place.what, What::File { .. } | What::Link { .. })) {
            let name = place.path.rsplit('/').next().unwrap_or_default();
            names.entry(name.to_owned()).or_insert_with(|| place.path.clone());
        }
        let root = Root::new(system)?.with_tree(Path::new(&subject.place), &subject.root);
        let machine = Machine::new(root);
        for Elf { file, .. } in elves {
            let seen = Seen { real: file.real.clone(), facts: Arc::clone(&file.facts) };
            machine.know(seen, Some(Arc::clone(&file.symbols)));
        }
        Ok(View { machine, start: format!("{}/", subject.place.trim_end_matches('/')), names })
    }

    /// A path as the report has it: relative to the tree, or absolute.
    pub fn shown(&self, path: &str) -> String {
        let plain = normal(path);
        plain.strip_prefix(&self.start).unwrap_or(&plain).to_owned()
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

impl Files for View {
    fn look(&self, path: &str) -> Look {
        self.machine.look(path)
    }
}

impl Providers for View {
    fn symbols(&self, real: &str) -> Option<Arc<Symbols>> {
        self.machine.symbols(real)
    }
}

impl World for View {
    fn around(&self, facts: &Facts) -> Around {
        self.machine.around(facts)
    }

    fn tree_path<'b>(&self, path: &'b str) -> Option<&'b str> {
        path.strip_prefix(self.start.as_str())
    }

    fn elsewhere(&self, name: &str) -> Option<String> {
        self.names.get(name).cloned()
    }
}

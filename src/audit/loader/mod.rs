//! How ld.so finds libraries (ld.so(8), and measured against glibc 2.36): which file each name leads to, and why.
//!
//! Knows files only through [`Files`]; what a package cannot count on (LD_LIBRARY_PATH, the cache) as [`Around`].

mod found;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::audit::tokens;
use crate::relocate::elf::{Dynamic, Facts};

pub use crate::audit::loader::found::{Found, Need, Way};

/// The files that a loader sees, by absolute path.
pub trait Files {
    /// What lies at a path, links followed.
    fn look(&self, path: &str) -> Look;
}

/// What lies at a path.
#[derive(Debug, Clone)]
pub enum Look {
    /// Nothing, a dangling link, or a file that may not be read: the loader goes on.
    Absent,
    Library(Seen),
    /// A folder or a file that is no ELF file: the loader stops with an error.
    Other,
}

/// An ELF file with its path after all links, which tells one file from another.
#[derive(Debug, Clone)]
pub struct Seen {
    pub real: String,
    pub facts: Arc<Facts>,
}

/// What one process on one machine has around it; the default is nothing.
#[derive(Debug, Clone, Default)]
pub struct Around {
    /// LD_LIBRARY_PATH.
    pub library_path: Option<String>,
    /// The working directory, from which relative parts count.
    pub directory: Option<String>,
    /// Paths by name as ld.so.cache has them, the best first.
    pub cache: Arc<BTreeMap<String, Vec<String>>>,
    /// The folders of ld.so.conf, in order, where there is no cache: what ldconfig would take into one.
    pub configured: Vec<String>,
    /// Sub-folders of each folder that are searched before it, such as `glibc-hwcaps/x86-64-v3`.
    pub hardware: Vec<String>,
    /// The running loader itself, with the path that the program asks for it by.
    pub interpreter: Option<(String, Seen)>,
}

/// A loader that looks into these default folders.
pub struct Loader<'a> {
    pub files: &'a dyn Files,
    pub default_folders: &'a [String],
    /// What `$LIB` stands for, `lib/x86_64-linux-gnu` on Debian.
    pub lib: &'a str,
    /// What `$PLATFORM` stands for: AT_PLATFORM of getauxval(3).
    pub platform: &'a str,
    pub around: Around,
}

/// An object in the order of loading.
#[derive(Debug, Clone)]
struct Object {
    path: Arc<str>,
    real: Arc<str>,
    facts: Arc<Facts>,
    /// Who asked first.
    loader: Option<usize>,
}

impl Object {
    fn dynamic(&self) -> Option<&Dynamic> {
        self.facts.dynamic.as_ref()
    }
}

/// What one process has loaded, in order.
#[derive(Debug, Clone, Default)]
pub struct Loaded {
    objects: Vec<Object>,
    /// The first object that answers to each name: its path, its DT_SONAME, and the names it has been asked for by.
    names: HashMap<Arc<str>, usize>,
    /// The first object with each path after all links.
    reals: HashMap<Arc<str>, usize>,
}

impl Loaded {
    fn push(&mut self, path: &str, seen: Seen, loader: Option<usize>) -> usize {
        let place = self.objects.len();
        let (path, real): (Arc<str>, Arc<str>) = (path.into(), seen.real.into());
        if let Some(soname) = seen.facts.dynamic.as_ref().and_then(|dynamic| dynamic.soname.as_deref()) {
            self.know(soname, place);
        }
        self.names.entry(Arc::clone(&path)).or_insert(place);
        self.reals.entry(Arc::clone(&real)).or_insert(place);
        self.objects.push(Object { path, real, facts: seen.facts, loader });
        place
    }

    fn know(&mut self, name: &str, place: usize) {
        if !self.names.contains_key(name) {
            self.names.insert(name.into(), place);
        }
    }

    /// The paths after all links, in the order of loading; the first is what the process started with.
    pub fn reals(&self) -> impl Iterator<Item = &str> {
        self.objects.iter().map(|object| &*object.real)
    }
}

impl Loader<'_> {
    /// Loads a program or library with everything it needs, breadth first as the loader does, and gives every need
    /// in that order. What is missing does not end the search for the others.
    pub fn trace(&self, path: &str, root: Seen) -> Vec<Need> {
        self.load(&mut self.start(path, root), 0)
    }

    /// What a program has loaded when it has started.
    pub fn started(&self, path: &str, root: Seen) -> Loaded {
        let mut loaded = self.start(path, root);
        self.load(&mut loaded, 0);
        loaded
    }

    /// What a library asks for that a program opens by its path with dlopen(3): after all that the program has loaded,
    /// with the program's RPATH behind the library's own.
    pub fn trace_opened(&self, program: &Loaded, path: &str, library: Seen) -> Vec<Need> {
        let mut loaded = program.clone();
        let opened = match loaded.reals.get(library.real.as_str()) {
            Some(known) => *known,
            None => loaded.push(path, library, Some(0)),
        };
        self.load(&mut loaded, opened)
    }

    fn start(&self, path: &str, root: Seen) -> Loaded {
        let mut loaded = Loaded::default();
        loaded.push(path, root, None);
        // The loader is a library in its own list from the start.
        if let Some((path, seen)) = &self.around.interpreter {
            loaded.push(path, seen.clone(), None);
        }
        loaded
    }

    /// Loads what the objects from `next` on ask for.
    fn load(&self, loaded: &mut Loaded, mut next: usize) -> Vec<Need> {
        let mut needs = Vec::new();
        while next < loaded.objects.len() {
            let Object { path, real, facts, .. } = loaded.objects[next].clone();
            for name in facts.dynamic.iter().flat_map(|dynamic| &dynamic.needed) {
                // Tokens are replaced in names that are paths.
                let name = if name.contains('/') { self.expand(name, &path) } else { name.clone() };
                let found = self.resolve(loaded, next, &name);
                needs.push(Need { asker: path.to_string(), asker_real: real.to_string(), name, found });
            }
            next += 1;
        }
        needs
    }

    fn resolve(&self, loaded: &mut Loaded, asker: usize, name: &str) -> Found {
        let again =
            |known: &Object| Found::At { path: known.path.to_string(), real: known.real.to_string(), way: Way::Loaded };
        if let Some(known) = loaded.names.get(name) {
            return again(&loaded.objects[*known]);
        }
        let (path, seen, way) = match self.search(&loaded.objects, asker, name) {
            Search::Found(path, seen, way) => (path, seen, way),
            Search::Missing => return Found::Missing,
            Search::Stopped(path) => return Found::NotALibrary { path },
        };
        // The same file under another name is the same library.
        if let Some(known) = loaded.reals.get(seen.real.as_str()).copied() {
            loaded.know(name, known);
            return again(&loaded.objects[known]);
        }
        let found = Found::At { path: path.clone(), real: seen.real.clone(), way };
        let place = loaded.push(&path, seen, Some(asker));
        loaded.know(name, place);
        found
    }

    fn search(&self, objects: &[Object], asker: usize, name: &str) -> Search {
        let object = &objects[asker];
        if name.contains('/') {
            let path = name.to_owned();
            return match self.look(&path) {
                Look::Absent => Search::Missing,
                Look::Other => Search::Stopped(path),
                Look::Library(seen) if !is_loadable(&object.facts, &seen.facts) => Search::Stopped(path),
                Look::Library(seen) => Search::Found(path, seen, Way::Path),
            };
        }
        let runpath = object.dynamic().and_then(|dynamic| dynamic.runpath.as_deref());
        if runpath.is_none() {
            let mut link = Some(asker);
            while let Some(place) = link {
                let owner = &objects[place];
                // An object with a RUNPATH has no RPATH, but does not end the chain.
                let own = owner.dynamic().filter(|dynamic| dynamic.runpath.is_none());
                if let Some(rpath) = own.and_then(|dynamic| dynamic.rpath.as_deref())
                    && let found @ (Search::Found(..) | Search::Stopped(_)) =
                        self.search_list(rpath, &owner.path, object, name, Way::Rpath)
                {
                    return found;
                }
                link = owner.loader;
            }
        }
        if let Some(list) = &self.around.library_path
            && let found @ (Search::Found(..) | Search::Stopped(_)) =
                self.search_list(list, &objects[0].path, object, name, Way::LibraryPath)
        {
            return found;
        }
        if let Some(runpath) = runpath
            && let found @ (Search::Found(..) | Search::Stopped(_)) =
                self.search_list(runpath, &object.path, object, name, Way::Runpath)
        {
            return found;
        }
        let has_default_folders = !object.dynamic().is_some_and(|dynamic| dynamic.has_no_default_folders);
        for path in self.around.cache.get(name).into_iter().flatten() {
            if !has_default_folders && self.is_in_default_folder(path) {
                continue;
            }
            match self.look(path) {
                Look::Library(seen) if is_loadable(&object.facts, &seen.facts) => {
                    return Search::Found(path.clone(), seen, Way::Cache);
                }
                Look::Other => return Search::Stopped(path.clone()),
                Look::Absent | Look::Library(_) => {}
            }
        }
        let configured = self.around.configured.iter();
        let configured = configured.filter(|one| has_default_folders || !self.is_in_default_folder(&format!("{one}/")));
        if let found @ (Search::Found(..) | Search::Stopped(_)) =
            self.search_folders(configured.cloned(), object, name, Way::Cache)
        {
            return found;
        }
        if !has_default_folders {
            return Search::Missing;
        }
        self.search_folders(self.default_folders.iter().cloned(), object, name, Way::Default)
    }

    fn is_in_default_folder(&self, path: &str) -> bool {
        let mut folders = self.default_folders.iter();
        folders.any(|folder| path.strip_prefix(folder.as_str()).is_some_and(|rest| rest.starts_with('/')))
    }

    fn search_list(&self, list: &str, owner: &str, asker: &Object, name: &str, way: Way) -> Search {
        if list.is_empty() {
            return Search::Missing;
        }
        // In LD_LIBRARY_PATH a semicolon divides too (ld.so(8)).
        let parts = list.split(|c: char| c == ':' || (c == ';' && way == Way::LibraryPath));
        let parts = parts.map(|part| self.expand(part, owner));
        // An empty part is the working directory, which a package cannot count on.
        let parts = parts.map(|part| if part.is_empty() { ".".to_owned() } else { part });
        let parts = parts.filter(|part| part.starts_with('/') || self.around.directory.is_some());
        self.search_folders(parts, asker, name, way)
    }

    fn search_folders(&self, folders: impl Iterator<Item = String>, asker: &Object, name: &str, way: Way) -> Search {
        for folder in folders {
            let folder = folder.trim_end_matches('/');
            let special = self.around.hardware.iter().map(|below| format!("{folder}/{below}/{name}"));
            for path in special.chain([format!("{folder}/{name}")]) {
                match self.look(&path) {
                    Look::Absent => {}
                    Look::Library(seen) if !is_loadable(&asker.facts, &seen.facts) => {}
                    Look::Library(seen) => return Search::Found(path, seen, way),
                    Look::Other => return Search::Stopped(path),
                }
            }
        }
        Search::Missing
    }

    /// What lies at a path, which counts from the working directory if it is relative.
    fn look(&self, path: &str) -> Look {
        self.absolute(path).map_or(Look::Absent, |path| self.files.look(&path))
    }

    fn absolute(&self, path: &str) -> Option<String> {
        if path.starts_with('/') {
            return Some(path.to_owned());
        }
        self.around.directory.as_ref().map(|folder| format!("{}/{path}", folder.trim_end_matches('/')))
    }

    /// Replaces the tokens in a text of the object that was opened at `owner`.
    fn expand(&self, text: &str, owner: &str) -> String {
        let owner = self.absolute(owner).unwrap_or_default();
        let origin = owner.rsplit_once('/').map_or("", |(folder, _)| folder);
        tokens::expand(text, origin, self.lib, self.platform)
    }
}

enum Search {
    Found(String, Seen, Way),
    Missing,
    Stopped(String),
}

/// A library of another class or machine is passed over.
fn is_loadable(asker: &Facts, library: &Facts) -> bool {
    asker.class == library.class
        && asker.machine == library.machine
        && asker.is_little_endian == library.is_little_endian
}

//! How ld.so finds libraries (ld.so(8), and measured against glibc 2.36): which file each name leads to, and why.
//!
//! Knows files only through [`Files`]; what a package cannot count on (LD_LIBRARY_PATH, the cache) as [`Around`].

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::audit::tokens;
use crate::relocate::elf::{Dynamic, Facts};

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

/// One name that one object asks for, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// The path under which the asking object was opened.
    pub asker: String,
    /// The asking object's path after all links.
    pub asker_real: String,
    pub name: String,
    pub found: Found,
}

/// Where a name led.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    At {
        path: String,
        real: String,
        way: Way,
    },
    Missing,
    /// Something that is no library lies at this path.
    NotALibrary {
        path: String,
    },
}

/// The rule that led to a library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// The name is a path.
    Path,
    /// It was loaded before, under that name or with that DT_SONAME.
    Loaded,
    /// DT_RPATH of the asking object or of one that led to it.
    Rpath,
    /// DT_RUNPATH of the asking object.
    Runpath,
    /// The system's folders.
    Default,
    /// LD_LIBRARY_PATH.
    LibraryPath,
    /// ld.so.cache.
    Cache,
}

/// What one process on one machine has around it; the default is nothing.
#[derive(Debug, Clone, Default)]
pub struct Around {
    /// LD_LIBRARY_PATH.
    pub library_path: Option<String>,
    /// The working directory, from which relative parts count.
    pub directory: Option<String>,
    /// Paths by name as ld.so.cache has them, the best first.
    pub cache: BTreeMap<String, Vec<String>>,
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
    pub around: Around,
}

/// An object in the order of loading.
struct Object {
    path: String,
    real: String,
    facts: Arc<Facts>,
    /// The names under which it has been asked for.
    names: Vec<String>,
    /// Who asked first.
    loader: Option<usize>,
}

impl Object {
    fn dynamic(&self) -> Option<&Dynamic> {
        self.facts.dynamic.as_ref()
    }

    fn answers_to(&self, name: &str) -> bool {
        let soname = self.dynamic().and_then(|dynamic| dynamic.soname.as_deref());
        self.path == name || self.names.iter().any(|known| known == name) || soname == Some(name)
    }
}

impl Loader<'_> {
    /// Loads a program or library with everything it needs, breadth first as the loader does, and gives every need
    /// in that order. What is missing does not end the search for the others.
    pub fn trace(&self, path: &str, root: Seen) -> Vec<Need> {
        let first =
            Object { path: path.to_owned(), real: root.real, facts: root.facts, names: Vec::new(), loader: None };
        let mut objects = vec![first];
        // The loader is a library in its own list from the start.
        objects.extend(self.around.interpreter.iter().map(|(path, seen)| Object {
            path: path.clone(),
            real: seen.real.clone(),
            facts: Arc::clone(&seen.facts),
            names: Vec::new(),
            loader: None,
        }));
        let mut needs = Vec::new();
        let mut next = 0;
        while next < objects.len() {
            let facts = Arc::clone(&objects[next].facts);
            for name in facts.dynamic.iter().flat_map(|dynamic| &dynamic.needed) {
                // Tokens are replaced in names that are paths.
                let name = if name.contains('/') { self.expand(name, &objects[next].path) } else { name.clone() };
                let found = self.resolve(&mut objects, next, &name);
                let Object { path, real, .. } = &objects[next];
                needs.push(Need { asker: path.clone(), asker_real: real.clone(), name, found });
            }
            next += 1;
        }
        needs
    }

    fn resolve(&self, objects: &mut Vec<Object>, asker: usize, name: &str) -> Found {
        if let Some(known) = objects.iter_mut().find(|object| object.answers_to(name)) {
            let found = Found::At { path: known.path.clone(), real: known.real.clone(), way: Way::Loaded };
            known.names.push(name.to_owned());
            return found;
        }
        let (path, seen, way) = match self.search(objects, asker, name) {
            Search::Found(path, seen, way) => (path, seen, way),
            Search::Missing => return Found::Missing,
            Search::Stopped(path) => return Found::NotALibrary { path },
        };
        let found = Found::At { path: path.clone(), real: seen.real.clone(), way };
        // The same file under another name is the same library.
        if let Some(known) = objects.iter_mut().find(|object| object.real == seen.real) {
            known.names.push(name.to_owned());
            return Found::At { path: known.path.clone(), real: seen.real, way: Way::Loaded };
        }
        let names = vec![name.to_owned()];
        objects.push(Object { path, real: seen.real, facts: seen.facts, names, loader: Some(asker) });
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
            let is_default = self
                .default_folders
                .iter()
                .any(|folder| path.strip_prefix(folder.as_str()).is_some_and(|rest| rest.starts_with('/')));
            if is_default && !has_default_folders {
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
        if !has_default_folders {
            return Search::Missing;
        }
        self.search_folders(self.default_folders.iter().cloned(), object, name, Way::Default)
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
        tokens::expand(text, origin, self.lib)
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::relocate::elf::{Class, Purpose};

    /// Files by path; a link is a path with another real path.
    struct Map(BTreeMap<String, Look>);

    impl Files for Map {
        fn look(&self, path: &str) -> Look {
            self.0.get(path).cloned().unwrap_or(Look::Absent)
        }
    }

    fn facts(needed: &[&str], rpath: Option<&str>, runpath: Option<&str>) -> Arc<Facts> {
        let dynamic = Dynamic {
            needed: needed.iter().map(|name| (*name).to_owned()).collect(),
            rpath: rpath.map(str::to_owned),
            runpath: runpath.map(str::to_owned),
            ..Dynamic::default()
        };
        Arc::new(Facts {
            class: Class::Elf64,
            machine: 62,
            is_little_endian: true,
            purpose: Purpose::Shared,
            interpreter: None,
            dynamic: Some(dynamic),
            compressed: Vec::new(),
        })
    }

    fn seen(real: &str, facts: Arc<Facts>) -> Look {
        Look::Library(Seen { real: real.to_owned(), facts })
    }

    fn trace(files: &[(&str, Look)], root: &str) -> Vec<String> {
        let map = Map(files.iter().map(|(path, look)| ((*path).to_owned(), look.clone())).collect());
        let folders = ["/lib".to_owned()];
        let loader = Loader { files: &map, default_folders: &folders, lib: "lib", around: Around::default() };
        let Look::Library(first) = map.look(root) else { panic!("{root}") };
        loader.trace(root, first).iter().map(|need| format!("{} {:?}", need.name, need.found)).collect()
    }

    #[test]
    fn runpath_is_not_inherited_and_rpath_is() {
        for (rpath, runpath, expected) in [
            (Some("$ORIGIN/../l"), None, r#"b At { path: "/p/bin/../l/b", real: "/p/l/b", way: Rpath }"#),
            (None, Some("$ORIGIN/../l"), "b Missing"),
        ] {
            let files = [
                ("/p/bin/x", seen("/p/bin/x", facts(&["a"], rpath, runpath))),
                ("/p/bin/../l/a", seen("/p/l/a", facts(&["b"], None, None))),
                ("/p/bin/../l/b", seen("/p/l/b", facts(&[], None, None))),
            ];
            assert_eq!(trace(&files, "/p/bin/x")[1], expected);
        }
    }

    #[test]
    fn own_runpath_turns_off_the_rpath_of_others_for_its_owner() {
        let files = [
            ("/x", seen("/x", facts(&["a"], Some("/r"), None))),
            ("/r/a", seen("/r/a", facts(&["b"], None, Some("/u")))),
            ("/r/b", seen("/r/b", facts(&[], None, None))),
        ];
        assert_eq!(trace(&files, "/x")[1], "b Missing");
    }

    #[test]
    fn a_text_file_stops_the_loader_and_another_machine_does_not() {
        let other = Facts { machine: 183, ..(*facts(&[], None, None)).clone() };
        let files = [
            ("/x", seen("/x", facts(&["a", "b"], None, Some("/1:/2")))),
            ("/1/a", seen("/1/a", Arc::new(other))),
            ("/2/a", seen("/2/a", facts(&[], None, None))),
            ("/1/b", Look::Other),
            ("/2/b", seen("/2/b", facts(&[], None, None))),
        ];
        let expected = [r#"a At { path: "/2/a", real: "/2/a", way: Runpath }"#, r#"b NotALibrary { path: "/1/b" }"#];
        assert_eq!(trace(&files, "/x"), expected);
    }

    #[test]
    fn tokens_are_replaced_only_as_whole_words() {
        let loader =
            Loader { files: &Map(BTreeMap::new()), default_folders: &[], lib: "lib64", around: Around::default() };
        for (text, expected) in [
            ("$ORIGIN/../lib", "/a/b/../lib"),
            ("${ORIGIN}x", "/a/bx"),
            ("$ORIGINAL/$NOPE", "$ORIGINAL/$NOPE"),
            ("/p/$LIB/${PLATFORM}", "/p/lib64/x86_64"),
        ] {
            assert_eq!(loader.expand(text, "/a/b/x"), expected);
        }
    }
}

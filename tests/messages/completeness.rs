//! Reads the sources: which errors become messages, which variants they have, and whether each is named here.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Enums that errors hold and that change no word of a message.
const SAME_WORDS: [(&str, &str); 5] = [
    ("BundleKind", "a bundle is shown by its tag and platform"),
    ("LinkKind", "hard links and reflinks are refused in their own words, a copy never is"),
    ("Way", "what a refused relocation would have changed is in its plan"),
    ("Deed", "as above"),
    ("Sign", "as above"),
];

/// The variants that no message is made of in `tests/messages/`.
pub fn variants_without_a_message() -> Vec<String> {
    let sources = Sources::read();
    let named = files_of(Path::new("tests/messages")).into_values().collect::<Vec<_>>().join("\n");
    let is_named = |variant: &str| {
        named.match_indices(variant).any(|(start, _)| {
            let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
            !named[start + variant.len()..].starts_with(is_word) && !named[..start].ends_with(is_word)
        })
    };
    let mut missing = Vec::new();
    for found in sources.errors() {
        let known = format!("{}::", found.called());
        let absent = found.variants().into_iter().map(|variant| format!("{known}{variant}"));
        missing.extend(absent.filter(|variant| !is_named(variant)).map(|name| format!("{name} of {}", found.file)));
    }
    missing
}

/// A type as its source has it.
#[derive(PartialEq, Eq, PartialOrd, Ord, Clone)]
struct Type {
    name: String,
    is_enum: bool,
    file: String,
    /// The lines between the braces.
    body: String,
}

impl Type {
    /// The name in tests: the many that are called `Error` go with their module.
    fn called(&self) -> String {
        let stem = self.file.trim_end_matches(".rs").trim_end_matches("/mod").trim_end_matches("/error");
        let module = stem.rsplit('/').next().unwrap_or_default();
        match self.name.as_str() {
            "Error" | "Reason" | "EntryFault" => format!("{module}::{}", self.name),
            name => name.to_owned(),
        }
    }

    /// The variants; those of a struct are none.
    fn variants(&self) -> Vec<String> {
        let lines = self.body.lines().filter(|_| self.is_enum).filter_map(|line| line.strip_prefix("    "));
        let names = lines.filter(|line| line.starts_with(|c: char| c.is_ascii_uppercase()));
        names.map(|line| line.chars().take_while(char::is_ascii_alphanumeric).collect()).collect()
    }
}

struct Sources {
    files: BTreeMap<String, String>,
}

impl Sources {
    fn read() -> Sources {
        Sources { files: files_of(Path::new("src")) }
    }

    /// The events, the errors that become failures, and every enum of ours that they hold.
    fn errors(&self) -> BTreeSet<Type> {
        let mut open: Vec<Type> = self.in_file("src/model/event.rs", "Event").into_iter().collect();
        for (file, text) in self.files.iter().filter(|(file, _)| file.starts_with("src/cli/failure/")) {
            for line in text.lines().filter(|line| line.starts_with("impl From<") && line.ends_with(" for Failure {")) {
                let given = line.trim_start_matches("impl From<").split('>').next().unwrap_or_default();
                let found = self.find(file, given.trim_start_matches('&'));
                open.push(found.unwrap_or_else(|| panic!("{file}: where is {given} defined?")));
            }
        }
        assert!(open.len() >= 25, "only {} errors become failures", open.len());
        let mut seen = BTreeSet::new();
        while let Some(one) = open.pop() {
            let is_same = SAME_WORDS.iter().any(|(name, _)| *name == one.name);
            if !is_same && seen.insert(one.clone()) {
                open.extend(type_names(&one).iter().filter_map(|name| self.find(&one.file, name)));
            }
        }
        seen.into_iter().filter(|one| one.is_enum).collect()
    }

    /// The type that a path means in a file.
    fn find(&self, file: &str, path: &str) -> Option<Type> {
        let (first, rest) = path.split_once("::").map_or((path, None), |(first, rest)| (first, Some(rest)));
        let imported = imports(&self.files[file]).remove(first);
        let whole = match (imported, rest) {
            (Some(import), Some(rest)) => format!("{import}::{rest}"),
            (Some(import), None) => import,
            (None, None) => return self.in_file(file, path),
            (None, Some(_)) => format!("crate::{path}"),
        };
        let (module, name) = whole.strip_prefix("crate::")?.rsplit_once("::")?;
        let module = format!("src/{}", module.replace("::", "/"));
        let room = module.split('/').take(2).collect::<Vec<_>>().join("/");
        let nearest = [format!("{module}.rs"), format!("{module}/mod.rs")];
        let below = |folder: &str| {
            let folder = format!("{folder}/");
            self.files.keys().filter(move |file| file.starts_with(&folder)).cloned().collect::<Vec<_>>()
        };
        // What a module hands on (`pub use`) is defined below it.
        let places = nearest.into_iter().chain(below(&module)).chain(below(&room));
        places.filter(|place| self.files.contains_key(place)).find_map(|place| self.in_file(&place, name))
    }

    fn in_file(&self, file: &str, name: &str) -> Option<Type> {
        let text = &self.files[file];
        for (kind, is_enum) in [("enum", true), ("struct", false)] {
            for end in [" {", "(", ";"] {
                if let Some(start) = text.find(&format!("\npub {kind} {name}{end}")) {
                    let rest = &text[start + 1..];
                    let stop = if end == " {" { rest.find("\n}") } else { rest.find(";\n") };
                    let body = rest[..stop?].split_once(end.trim()).map_or("", |(_, body)| body);
                    return Some(Type { name: name.to_owned(), is_enum, file: file.to_owned(), body: body.to_owned() });
                }
            }
        }
        None
    }
}

/// What the `use` lines of a file bring in: the short name and the whole path.
fn imports(text: &str) -> BTreeMap<&str, String> {
    let mut found = BTreeMap::new();
    for used in text.split("\nuse ").skip(1).chain(text.split("\npub use ").skip(1)) {
        let Some((used, _)) = used.split_once(';') else { continue };
        let (head, names) = match used.split_once('{') {
            Some((head, names)) => (head, names.trim_end_matches('}')),
            None => used.rsplit_once("::").map_or(("", used), |(_, name)| (&used[..used.len() - name.len()], name)),
        };
        for name in names.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            let (short, whole) = match name {
                "self" => {
                    let module = head.trim_end_matches("::");
                    (module.rsplit("::").next().unwrap_or(module), module.to_owned())
                }
                name => (name, format!("{head}{name}")),
            };
            found.insert(short, whole);
        }
    }
    found
}

/// The types that fields have; comments, attributes and the names of variants are none.
fn type_names(one: &Type) -> BTreeSet<String> {
    let is_code = |line: &&str| !line.trim_start().starts_with("//") && !line.trim_start().starts_with("#[error");
    let fields = |line: &str| match line.strip_prefix("    ") {
        Some(variant) if one.is_enum => variant.trim_start_matches(|c: char| c.is_ascii_alphanumeric()).to_owned(),
        _ => line.to_owned(),
    };
    let code: Vec<String> = one.body.lines().filter(is_code).map(fields).collect();
    let code = code.join("\n");
    let words = code.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':'));
    let is_type = |word: &&str| {
        let last = word.rsplit("::").next().unwrap_or_default();
        last.starts_with(|c: char| c.is_ascii_uppercase())
    };
    words.map(|word| word.trim_matches(':')).filter(is_type).map(str::to_owned).collect()
}

fn files_of(folder: &Path) -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = BTreeMap::new();
    let mut open: Vec<PathBuf> = vec![root.join(folder)];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let short = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                found.insert(short, fs::read_to_string(&path).unwrap());
            }
        }
    }
    found
}

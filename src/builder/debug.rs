//! Splits debug information off what a build installed: which files, by which script, and what is there afterwards.
//!
//! ```text
//! lib/libz.so.1.3                              loses it, and names `libz.so.1.3.debug` and its checksum instead
//! lib/debug/.build-id/1f/d183….debug           has it, under the build id of the file
//! lib/.debug/libz.so.1.3.debug                 a link to that: where gdb looks for it, wherever the prefix is
//! ```
//! Does not run the script (`package.rs`), nor seal what it leaves (`seal/`). Objects and static libraries lose theirs.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use memchr::memmem;

use crate::builder::seal::exclude;
use crate::builder::steps::quote;
use crate::model::recipe::RecipeName;
use crate::relocate::elf::Purpose;
use crate::relocate::elf::debug::DebugFacts;

/// What the script starts with: a file is written in its place, so that its other names and its rights stay.
const FUNCTIONS: &str = r#"work="$PWD/split"
mkdir -p "$work"
put() {
    chmod u+w "$1"
    cat "$work/file" > "$1"
    rm -f "$work/file"
}
drop() {
    objcopy -D --strip-debug "$1" "$work/file"
    put "$1"
}
split() {
    mkdir -p "$3"
    if test -e "$3/$4"; then
        cp "$3/$4" "$work/$2"
    else
        objcopy --only-keep-debug --decompress-debug-sections "$1" "$work/$2"
    fi
    objcopy --strip-debug --remove-section=.gnu_debuglink --add-gnu-debuglink="$work/$2" "$1" "$work/file"
    put "$1"
    chmod 644 "$work/$2"
    mv -f "$work/$2" "$3/$4"
}
link() {
    mkdir -p "${2%/*}"
    ln -sfn "$1" "$2"
}
"#;

/// What becomes of the files of one package.
#[derive(Debug, Default)]
pub struct Plan {
    files: Vec<Parting>,
    /// Files that lose what they have, since nothing would find it.
    dropped: Vec<String>,
    /// Programs and libraries among them: they have no build id.
    nameless: Vec<String>,
}

/// One file that is parted from its debug information.
#[derive(Debug)]
struct Parting {
    /// From the prefix: the first of its names.
    path: String,
    build_id: String,
    /// From the prefix.
    links: Vec<String>,
}

/// What was split off.
#[derive(Debug)]
pub struct Split {
    /// From the prefix: files and links.
    pub paths: BTreeSet<PathBuf>,
}

/// Looks at the package's own files.
///
/// # Errors
/// The I/O error of a file that cannot be read.
pub fn plan(tree: &Path, own: &BTreeSet<PathBuf>, dropped: &[String]) -> io::Result<Plan> {
    let mut plan = Plan::default();
    let mut known: BTreeMap<(u64, u64), Option<usize>> = BTreeMap::new();
    for path in own {
        let full = tree.join(path);
        let facts = fs_err::symlink_metadata(&full)?;
        // Names that are no text are refused by the seal.
        let Some(shown) = path.to_str().filter(|_| facts.is_file()) else { continue };
        if exclude::is_dropped(shown, dropped) {
            continue;
        }
        let inode = (facts.dev(), facts.ino());
        let place = match known.get(&inode) {
            Some(place) => *place,
            None => {
                let place = plan.take(shown, &fs_err::read(&full)?);
                known.insert(inode, place);
                place
            }
        };
        if let Some(parting) = place.and_then(|place| plan.files.get_mut(place)) {
            let folder = path.parent().and_then(Path::to_str).filter(|folder| !folder.is_empty());
            let folder = folder.map_or_else(String::new, |folder| format!("{folder}/"));
            let link = format!("{folder}.debug/{}", parting.debug_name());
            let is_free = !own.contains(Path::new(&link)) && !parting.links.contains(&link);
            parting.links.extend(is_free.then_some(link));
        }
    }
    Ok(plan)
}

impl Plan {
    /// Takes in one file; gives its place if it is parted.
    fn take(&mut self, path: &str, bytes: &[u8]) -> Option<usize> {
        if bytes.starts_with(b"!<arch>\n") && memmem::find(bytes, b".debug_").is_some() {
            self.dropped.push(path.to_owned());
        }
        if !bytes.starts_with(b"\x7fELF") {
            return None;
        }
        // What is no sound ELF file is told by the seal.
        let facts = DebugFacts::read(bytes).ok().filter(|facts| facts.has_sections)?;
        let is_loaded = matches!(facts.purpose, Purpose::Program | Purpose::Shared);
        match facts.build_id.filter(|_| is_loaded) {
            Some(build_id) => {
                self.files.push(Parting { path: path.to_owned(), build_id, links: Vec::new() });
                Some(self.files.len() - 1)
            }
            None => {
                self.dropped.push(path.to_owned());
                self.nameless.extend(is_loaded.then(|| path.to_owned()));
                None
            }
        }
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty() && self.dropped.is_empty()
    }

    /// What the user should know of it.
    pub fn notes(&self, name: &RecipeName) -> Vec<String> {
        let nameless = self.nameless.iter();
        let mut notes: Vec<String> = nameless
            .map(|path| format!("{name}: {path} has no build id, so its debug information is dropped"))
            .collect();
        if self.files.is_empty() {
            notes.push(format!("{name} has no debug information to keep: was it stripped, or built without `-g`?"));
        }
        notes
    }

    /// The step that does it, for sh(1), run in a folder that it may write to.
    pub fn script(&self, prefix: &str) -> String {
        let mut script = format!("{FUNCTIONS}cd {}\n", quote(prefix));
        let here = |path: &str| quote(&format!("./{path}"));
        self.dropped.iter().for_each(|path| script.push_str(&format!("drop {}\n", here(path))));
        for parting in &self.files {
            let (folder, file) = parting.place();
            let name = quote(&parting.debug_name());
            script.push_str(&format!("split {} {name} {folder} {file}\n", here(&parting.path)));
            for link in &parting.links {
                let up = "../".repeat(link.matches('/').count());
                script.push_str(&format!("link {up}{folder}/{file} {}\n", here(link)));
            }
        }
        script
    }

    /// What is there when the script has run; `None` if that is nothing.
    pub fn done(&self) -> Option<Split> {
        let files = self.files.iter().map(|parting| {
            let (folder, file) = parting.place();
            PathBuf::from(folder).join(file)
        });
        let links = self.files.iter().flat_map(|parting| &parting.links).map(PathBuf::from);
        let paths: BTreeSet<PathBuf> = files.chain(links).collect();
        (!paths.is_empty()).then_some(Split { paths })
    }
}

impl Parting {
    /// The name by which the file asks for its debug information.
    fn debug_name(&self) -> String {
        format!("{}.debug", self.path.rsplit('/').next().unwrap_or_default())
    }

    /// The folder and the name of the debug information, by the build id (hex digits, so no word needs quotes).
    fn place(&self) -> (String, String) {
        let (head, tail) = self.build_id.split_at(2);
        (format!("lib/debug/.build-id/{head}"), format!("{tail}.debug"))
    }
}

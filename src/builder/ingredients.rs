//! Collects the ingredients of build keys that the machine decides: toolchain, tools, patches, folders beside.
//!
//! What the recipe's text decides is in `plan.rs`. Programs count by the bytes of the file that runs, not by name.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::builder::steps::{PROGRAM_FOLDERS, SOURCE_DATE_EPOCH};
use crate::model::build_key::Ingredients;
use crate::model::digest::{Digest, Digester};
use crate::model::platform::Platform;
use crate::model::prefix::Placeholder;
use crate::model::recipe::Recipe;
use crate::model::source::Place;

/// On x86 gcc turns copies of literals under 256 bytes into moves of pieces (measured with gcc 12, -O0 to -O3): a
/// prefix that is in pieces cannot be replaced. Other compilers refuse the flag and do not do it.
const WHOLE_STRINGS: &str = "-mtune-ctrl=^sse_unaligned_load_optimal";

/// What all packages of one build share.
pub struct Machine {
    toolchain: Vec<(String, String)>,
    /// The first line that the C compiler says of itself; "none" where there is none.
    pub compiler: String,
    /// What the compilers are told beyond the usual, so that the placeholder stays whole; may be empty.
    pub flags: &'static str,
    programs: RefCell<BTreeMap<String, Option<Digest>>>,
}

impl Machine {
    /// Looks at the compiler, the linker, the assembler and the C and C++ libraries they would use.
    pub fn look() -> Machine {
        let mut toolchain = Vec::new();
        let mut add = |name: &str, path: Option<PathBuf>| {
            let digest = path.and_then(|path| digest_of_file(&path).ok());
            let value = digest.map_or_else(|| "none".to_owned(), |digest| digest.hex());
            toolchain.push((format!("toolchain {name}"), value));
        };
        for name in ["cc", "c++", "ld", "as", "ar", "make"] {
            add(name, find_program(name));
        }
        for name in ["cc1", "cc1plus", "collect2"] {
            add(name, said_by_cc(&format!("-print-prog-name={name}")));
        }
        for name in ["libc.so.6", "crt1.o", "libgcc.a", "libstdc++.so", "libstdc++.a"] {
            add(name, said_by_cc(&format!("-print-file-name={name}")));
        }
        let compiler = output_of("cc", &["--version"]).and_then(|text| text.lines().next().map(str::to_owned));
        Machine {
            toolchain,
            compiler: compiler.unwrap_or_else(|| "none".to_owned()),
            flags: if output_of("cc", &[WHOLE_STRINGS, "-E", "-x", "c", "/dev/null"]).is_some() {
                WHOLE_STRINGS
            } else {
                ""
            },
            programs: RefCell::new(BTreeMap::new()),
        }
    }

    /// The digest of a program of the machine; `None` where there is none.
    pub fn program(&self, name: &str) -> Option<Digest> {
        let known = self.programs.borrow().get(name).copied();
        known.unwrap_or_else(|| {
            let digest = find_program(name).and_then(|path| digest_of_file(&path).ok());
            self.programs.borrow_mut().insert(name.to_owned(), digest);
            digest
        })
    }

    /// Adds to a recipe's own ingredients what the machine and the build decide.
    ///
    /// # Errors
    /// The I/O error of a patch or folder beside the recipe.
    pub fn complete(&self, own: &mut Ingredients, recipe: &Recipe, around: &Around) -> io::Result<()> {
        for (name, value) in &self.toolchain {
            own.add(name.clone(), value.clone());
        }
        for tool in recipe.tools.iter().filter(|tool| !around.recipe_tools.contains(tool)) {
            let digest = self.program(tool).map_or_else(|| "none".to_owned(), |digest| digest.hex());
            own.add(format!("tool {tool}"), digest);
        }
        own.add("platform", around.platform.id());
        own.add("image", around.image.unwrap_or("none"));
        own.add("placeholder", around.placeholder.as_str());
        own.add("sandbox", around.sandbox);
        own.add("environment SOURCE_DATE_EPOCH", SOURCE_DATE_EPOCH);
        own.add("environment compiler flags", self.flags);
        for source in &recipe.sources {
            for patch in &source.patches {
                let digest = digest_of_file(&around.folder.join(patch))?;
                own.add(format!("recipe patch {patch}"), digest.hex());
            }
            for place in &source.places {
                if let Place::Path(path) = place {
                    let digest = digest_of_tree(&around.folder.join(path))?;
                    own.add(format!("recipe path {path}"), digest.hex());
                }
            }
        }
        Ok(())
    }
}

/// What lies around one recipe when its key is made.
#[derive(Debug, Clone, Copy)]
pub struct Around<'a> {
    pub platform: &'a Platform,
    /// The builder image with its digest, if the project names one.
    pub image: Option<&'a str>,
    pub placeholder: &'a Placeholder,
    /// The name of the sandbox level.
    pub sandbox: &'a str,
    /// The folder of the recipe.
    pub folder: &'a Path,
    /// The tools that are recipes: their keys count, not a program of the machine.
    pub recipe_tools: &'a [String],
}

/// The file that a program name runs, links followed.
pub fn find_program(name: &str) -> Option<PathBuf> {
    let names = PROGRAM_FOLDERS.split(':').map(|folder| Path::new(folder).join(name));
    names.filter_map(|path| fs_err::canonicalize(path).ok()).find(|path| path.is_file())
}

fn said_by_cc(question: &str) -> Option<PathBuf> {
    let answer = output_of("cc", &[question])?;
    let path = PathBuf::from(answer.trim());
    // What the compiler does not know it gives back as it was asked, without a folder.
    path.is_absolute().then(|| fs_err::canonicalize(&path).ok()).flatten()
}

fn output_of(program: &str, arguments: &[&str]) -> Option<String> {
    let path = find_program(program)?;
    let output = Command::new(path)
        .args(arguments)
        .env("PATH", PROGRAM_FOLDERS)
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

fn digest_of_file(path: &Path) -> io::Result<Digest> {
    let mut digester = Digester::new();
    io::copy(&mut fs_err::File::open(path)?, &mut digester)?;
    Ok(digester.finish())
}

/// The digest of a file, or of all files of a folder with their names, kinds and execute bits.
fn digest_of_tree(path: &Path) -> io::Result<Digest> {
    let mut lines = Vec::new();
    describe(path, "", &mut lines)?;
    lines.sort();
    Ok(Digest::of(lines.join("\n").as_bytes()))
}

fn describe(path: &Path, name: &str, lines: &mut Vec<String>) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let facts = fs_err::symlink_metadata(path)?;
    if facts.is_symlink() {
        lines.push(format!("{name:?} link {:?}", fs_err::read_link(path)?));
    } else if facts.is_dir() {
        for entry in fs_err::read_dir(path)? {
            let entry = entry?;
            describe(&entry.path(), &format!("{name}/{:?}", entry.file_name()), lines)?;
        }
    } else {
        let is_program = facts.permissions().mode() & 0o100 != 0;
        lines.push(format!("{name:?} file {is_program} {}", digest_of_file(path)?));
    }
    Ok(())
}

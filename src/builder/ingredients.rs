//! Collects the ingredients of build keys that the machine decides: toolchain, tools, patches, folders beside.
//!
//! What the recipe's text decides is in `plan.rs`. Programs count by the bytes of the file that runs, not by name.

use std::io;
use std::path::Path;

use crate::builder::remembered::{Facts, Remembered};
use crate::builder::steps::SOURCE_DATE_EPOCH;
use crate::builder::toolchain::{self, digest_of_file};
use crate::model::build_key::Ingredients;
use crate::model::digest::Digest;
use crate::model::platform::Platform;
use crate::model::prefix::Placeholder;
use crate::model::recipe::Recipe;
use crate::model::source::Place;

/// What all packages of one build share.
pub struct Machine {
    remembered: Remembered,
    toolchain: Facts,
    /// The first line that the C compiler says of itself; "none" where there is none.
    pub compiler: String,
    /// What the compilers are told beyond the usual, so that the placeholder stays whole; may be empty.
    pub flags: String,
}

impl Machine {
    /// Looks at the toolchain; what did not change since the last time is remembered in the cache folder.
    pub fn look(cache: &Path) -> Machine {
        let remembered = Remembered::open(cache);
        let mut toolchain = remembered.facts("toolchain", toolchain::look);
        let mut take = |name| toolchain.remove(name).unwrap_or_default();
        let (compiler, flags) = (take(toolchain::COMPILER), take(toolchain::FLAGS));
        Machine { remembered, toolchain, compiler, flags }
    }

    /// Version and digest of a program of the machine; `None` where there is none.
    pub fn program(&self, name: &str) -> Option<String> {
        let facts = self.remembered.facts(&format!("program {name}"), |watch| toolchain::program(name, watch));
        let digest = facts.get("digest")?;
        Some(facts.get("version").map_or_else(|| digest.clone(), |version| format!("{version}, {digest}")))
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
            own.add(format!("tool {tool}"), self.program(tool).unwrap_or_else(|| "none".to_owned()));
        }
        if recipe.build.has_debug() {
            own.add("debug objcopy", self.program("objcopy").unwrap_or_else(|| "none".to_owned()));
        }
        own.add("platform", around.platform.id());
        own.add("image", around.image.map_or("none", image_identity));
        own.add("placeholder", around.placeholder.as_str());
        own.add("sandbox", around.sandbox);
        own.add("environment SOURCE_DATE_EPOCH", SOURCE_DATE_EPOCH);
        own.add("environment compiler flags", self.flags.as_str());
        for source in &recipe.sources {
            for patch in &source.patches {
                let digest = digest_of_file(&around.folder.join(patch))?;
                own.add(format!("recipe patch {patch}"), digest.hex());
            }
            for place in &source.places {
                match place {
                    Place::Path(path) => {
                        let digest = digest_of_tree(&around.folder.join(path))?;
                        own.add(format!("recipe path {path}"), digest.hex());
                    }
                    Place::WorkingCopy(folder) => own.add("recipe working copy", digest_of_tree(folder)?.hex()),
                    _ => {}
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

/// What tells one image from another: its digest where the name has one, since a tag may come to mean another.
fn image_identity(image: &str) -> &str {
    image.rsplit_once('@').map_or(image, |(_, digest)| digest)
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
            // A working copy is what is checked out; how it came there does not count.
            if name.is_empty() && entry.file_name() == ".git" {
                continue;
            }
            describe(&entry.path(), &format!("{name}/{:?}", entry.file_name()), lines)?;
        }
    } else {
        let is_program = facts.permissions().mode() & 0o100 != 0;
        lines.push(format!("{name:?} file {is_program} {}", digest_of_file(path)?));
    }
    Ok(())
}

//! Recipes of other systems, read as far as they can be said here, and told line by line where they cannot.
//!
//! Reads no file and runs nothing: what lies beside a recipe is handed in.

mod assignments;
mod commands;
mod conda;
pub mod found;
mod hashdist;
mod jinja;
mod karabo;
pub mod write;
mod yaml;

use crate::recipe_import::found::Found;

/// The systems whose recipes are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Karabo's `build.config`.
    Karabo,
    /// conda-build's `meta.yaml`.
    Conda,
    /// rattler-build's `recipe.yaml`.
    Rattler,
    /// A HashDist package, `pkgs/NAME.yaml`.
    HashDist,
}

impl Format {
    pub const ALL: [Format; 4] = [Format::Karabo, Format::Conda, Format::Rattler, Format::HashDist];

    pub fn name(self) -> &'static str {
        match self {
            Format::Karabo => "karabo",
            Format::Conda => "conda",
            Format::Rattler => "rattler",
            Format::HashDist => "hashdist",
        }
    }

    /// The format that a file's name tells, or else what is in it.
    pub fn of(file: &str, text: &str) -> Option<Format> {
        let starts = |word: &str| text.lines().any(|line| line.starts_with(word));
        match file {
            "build.config" => return Some(Format::Karabo),
            "meta.yaml" | "meta.yml" => return Some(Format::Conda),
            "recipe.yaml" | "recipe.yml" => return Some(Format::Rattler),
            _ => {}
        }
        if starts("DEP_NAME=") || starts("CUSTOM_BUILD=") {
            return Some(Format::Karabo);
        }
        if !file.ends_with(".yaml") && !file.ends_with(".yml") {
            return None;
        }
        if text.contains("${{") || starts("schema_version:") {
            return Some(Format::Rattler);
        }
        if starts("package:") {
            return Some(Format::Conda);
        }
        let is_hashdist = ["extends:", "build_stages:", "sources:", "dependencies:"].into_iter().any(starts);
        is_hashdist.then_some(Format::HashDist)
    }
}

/// A file to be read, with what lies around it.
#[derive(Debug, Clone)]
pub struct Given<'a> {
    /// The name of the file.
    pub file: &'a str,
    /// The name of its folder, where it has one.
    pub folder: Option<&'a str>,
    pub text: &'a str,
    /// The text of the `build.sh` beside it, which conda builds with.
    pub script: Option<&'a str>,
}

/// Why a file cannot be read at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    #[error("line {line}: {reason}")]
    Yaml { line: usize, reason: String },
}

/// Reads a recipe of another system.
///
/// # Errors
/// [`ImportError`] when it is no YAML where it has to be.
pub fn read(format: Format, given: &Given<'_>) -> Result<Found, ImportError> {
    Ok(match format {
        Format::Karabo => karabo::read(given.file, given.folder, given.text),
        Format::Conda => conda::read_meta(given)?,
        Format::Rattler => conda::read_recipe(given)?,
        Format::HashDist => hashdist::read(given)?,
    })
}

//! A recipe, checked: how one dependency is made.
//!
//! Does not read TOML (`recipe_file/`) and builds nothing (`builder/`).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::project::Allowance;
use crate::model::source::Source;

/// The name of a recipe and of its package: lower-case letters, digits, `-`, `_`, `+`, `.`; starts with a letter
/// or digit; at most 64 bytes; safe as one path component.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RecipeName(String);

impl RecipeName {
    /// Checks a name.
    ///
    /// # Errors
    /// [`RecipeNameError`] when it holds anything else.
    pub fn parse(name: &str) -> Result<RecipeName, RecipeNameError> {
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let is_fine = name.len() <= MOST_BYTES
            && name.starts_with(is_plain)
            && name.chars().all(|c| is_plain(c) || "-_+.".contains(c))
            && !name.contains("..");
        if !is_fine {
            return Err(RecipeNameError { given: name.to_owned() });
        }
        Ok(RecipeName(name.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of the package that holds the debug information of this one's files.
    pub fn of_debug(&self) -> RecipeName {
        RecipeName(format!("{}{DEBUG_END}", self.0))
    }

    /// Whether a recipe may have it: it is no debug package's, and its own debug package can be named.
    pub fn is_for_recipes(&self) -> bool {
        !self.0.ends_with(DEBUG_END) && self.0.len() + DEBUG_END.len() <= MOST_BYTES
    }
}

/// What the names of debug packages end with.
pub const DEBUG_END: &str = "-debug";

/// The most bytes of a name.
const MOST_BYTES: usize = 64;

impl fmt::Display for RecipeName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

impl fmt::Debug for RecipeName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, formatter)
    }
}

impl TryFrom<String> for RecipeName {
    type Error = RecipeNameError;

    fn try_from(name: String) -> Result<RecipeName, RecipeNameError> {
        RecipeName::parse(&name)
    }
}

impl From<RecipeName> for String {
    fn from(name: RecipeName) -> String {
        name.0
    }
}

/// A text that cannot name a recipe.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not a recipe name: lower-case letters, digits, `-`, `_`, `+`, `.`", given.escape_debug())]
pub struct RecipeNameError {
    pub given: String,
}

/// How one dependency is made on one platform; overrides for the platform are already applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe {
    pub name: RecipeName,
    pub version: String,
    /// An SPDX licence expression.
    pub license: String,
    pub homepage: Option<String>,
    pub summary: Option<String>,
    /// Packages it needs at build and at run time.
    pub needs: Vec<RecipeName>,
    /// Programs it needs at build time only: of a recipe, or of the builder.
    pub tools: Vec<String>,
    /// The stacks it belongs to.
    pub stacks: Vec<String>,
    /// Names beside its own under which others may need it: `blas`, of whatever makes one.
    pub provides: Vec<RecipeName>,
    pub sources: Vec<Source>,
    pub build: Build,
    pub tests: Vec<TestStep>,
    pub contents: Contents,
    /// Variables that whoever uses the package needs, in order of name; `{prefix}` stands for the prefix.
    pub exports: Vec<(String, String)>,
    /// Findings of the checks that are taken.
    pub allow: Vec<Allowance>,
    /// What `install --runtime` keeps and leaves out beyond its rule: globs, those with `!` in front leave out.
    pub runtime: Vec<String>,
}

/// What is run to build a recipe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Build {
    pub system: BuildSystem,
    /// Handed to configure, cmake, meson or make.
    pub options: Vec<String>,
    /// The folder that is built, from the unpacked source.
    pub folder: String,
    /// Environment variables set for all steps, in order of name.
    pub env: Vec<(String, String)>,
    /// Shell commands before the system's own steps.
    pub before: Vec<String>,
    /// Shell commands after the system's own steps.
    pub after: Vec<String>,
    /// Targets of `make`, for the build and for the install step (`make` and `autotools`).
    pub targets: Vec<String>,
    pub install_targets: Vec<String>,
    /// The shell commands of `script`.
    pub script: Vec<String>,
    /// `prebuilt`: the prefix, or token, that the tree was made for.
    pub was: Option<String>,
    /// Which dynamic entry holds the library path.
    pub rpath: RpathKind,
    /// Globs of files that are not packaged.
    pub exclude: Vec<String>,
    /// Whether static libraries stay that a shared one of the same name stands beside.
    pub is_static_kept: bool,
    /// Whether debug information is made, and kept as a package of its own; `None` where the project decides.
    pub debug: Option<bool>,
    /// The most jobs it may use; `None` for the budget.
    pub jobs: Option<u32>,
    /// System libraries beyond the standard list that its files may ask for.
    pub system_libraries: Vec<String>,
}

impl Build {
    /// Whether debug information is made and kept.
    pub fn has_debug(&self) -> bool {
        self.debug == Some(true)
    }
}

/// The build systems that a recipe may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BuildSystem {
    Autotools,
    Cmake,
    Meson,
    Make,
    Python,
    Cargo,
    Prebuilt,
    Script,
}

impl BuildSystem {
    /// All of them, in the order of the documentation.
    pub const ALL: [BuildSystem; 8] = [
        BuildSystem::Autotools,
        BuildSystem::Cmake,
        BuildSystem::Meson,
        BuildSystem::Make,
        BuildSystem::Python,
        BuildSystem::Cargo,
        BuildSystem::Prebuilt,
        BuildSystem::Script,
    ];

    pub fn name(self) -> &'static str {
        match self {
            BuildSystem::Autotools => "autotools",
            BuildSystem::Cmake => "cmake",
            BuildSystem::Meson => "meson",
            BuildSystem::Make => "make",
            BuildSystem::Python => "python",
            BuildSystem::Cargo => "cargo",
            BuildSystem::Prebuilt => "prebuilt",
            BuildSystem::Script => "script",
        }
    }
}

/// Which dynamic entry of an ELF file holds the library path (ld.so(8)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RpathKind {
    Runpath,
    Rpath,
}

/// What must work with the finished package installed at another prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TestStep {
    /// A shell command that must succeed.
    Run(String),
    /// A program that is compiled with what `pkg-config` says of this module, and run.
    PkgConfig { module: String, program: Program },
    /// A program that is built by cmake with what `find_package` finds of this package, and run.
    Cmake { package: String, targets: Vec<String>, program: Program },
}

/// A small program of a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    pub text: String,
    pub language: Language,
}

/// What a test's program is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    C,
    Cxx,
}

/// Globs of what a package must hold, and of what it must not, from the prefix.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contents {
    pub has: Vec<String>,
    pub has_not: Vec<String>,
}

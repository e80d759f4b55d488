//! What of a bundle is installed: which stacks, which debug information, and whether development files come along.
//!
//! Does not decide which files are for development (`runtime.rs`).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::model::bundle::BundlePackage;
use crate::model::recipe::RecipeName;

/// What is wished.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Sorted; none means all packages.
    pub stacks: Vec<String>,
    pub debug: DebugWish,
    pub extent: Extent,
}

/// Which packages have their debug information installed too. Written `true`, or as a list of names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "DebugText", into = "DebugText")]
pub enum DebugWish {
    #[default]
    None,
    /// Those that have any.
    All,
    /// Sorted.
    Of(Vec<RecipeName>),
}

impl DebugWish {
    pub fn is_none(&self) -> bool {
        *self == DebugWish::None
    }
}

/// How it is written.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum DebugText {
    Flag(bool),
    Names(Vec<RecipeName>),
}

impl From<DebugText> for DebugWish {
    fn from(text: DebugText) -> DebugWish {
        match text {
            DebugText::Flag(false) => DebugWish::None,
            DebugText::Flag(true) => DebugWish::All,
            DebugText::Names(names) => DebugWish::Of(names),
        }
    }
}

impl From<DebugWish> for DebugText {
    fn from(wish: DebugWish) -> DebugText {
        match wish {
            DebugWish::None => DebugText::Flag(false),
            DebugWish::All => DebugText::Flag(true),
            DebugWish::Of(names) => DebugText::Names(names),
        }
    }
}

/// How much of each package is installed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Extent {
    #[default]
    Full,
    /// Without development files.
    Runtime,
}

impl Extent {
    /// Serde asks with a reference.
    #[allow(clippy::trivially_copy_pass_by_ref)]
    pub fn is_full(&self) -> bool {
        *self == Extent::Full
    }
}

impl Selection {
    /// The packages that are wished, in their order: those of the stacks and all they need, with the debug information
    /// asked for.
    ///
    /// # Errors
    /// [`NotThere`] for a stack that no package belongs to, and for debug information that the bundle does not have.
    pub fn pick<'a>(&self, packages: &'a [BundlePackage]) -> Result<Vec<&'a BundlePackage>, NotThere> {
        let of_stacks = self.of_stacks(packages)?;
        let debugged =
            || packages.iter().filter_map(|one| one.debug_of.as_ref()).filter(|name| of_stacks.contains(name));
        let is_asked = |name: &RecipeName| match &self.debug {
            DebugWish::None => false,
            DebugWish::All => true,
            DebugWish::Of(names) => names.contains(name),
        };
        let unmet = match &self.debug {
            DebugWish::None => None,
            DebugWish::All => debugged().next().is_none().then_some(None),
            DebugWish::Of(names) => names.iter().find(|name| !debugged().any(|one| one == *name)).map(Some),
        };
        if let Some(given) = unmet {
            return Err(NotThere::Debug { given: given.cloned(), known: debugged().cloned().collect() });
        }
        let is_wished = |package: &&BundlePackage| match &package.debug_of {
            None => of_stacks.contains(&package.name),
            Some(name) => of_stacks.contains(name) && is_asked(name),
        };
        Ok(packages.iter().filter(is_wished).collect())
    }

    /// The names of the packages of the stacks and of all they need; debug information aside.
    fn of_stacks<'a>(&self, packages: &'a [BundlePackage]) -> Result<BTreeSet<&'a RecipeName>, NotThere> {
        let of_recipes = || packages.iter().filter(|package| package.debug_of.is_none());
        if self.stacks.is_empty() {
            return Ok(of_recipes().map(|package| &package.name).collect());
        }
        for stack in &self.stacks {
            if !packages.iter().any(|package| package.stacks.contains(stack)) {
                let mut known: Vec<String> = packages.iter().flat_map(|one| one.stacks.clone()).collect();
                known.sort();
                known.dedup();
                return Err(NotThere::Stack { given: stack.clone(), known });
            }
        }
        let mut wanted = BTreeSet::new();
        let is_asked = |package: &&BundlePackage| package.stacks.iter().any(|stack| self.stacks.contains(stack));
        let mut open: Vec<&'a BundlePackage> = of_recipes().filter(is_asked).collect();
        while let Some(package) = open.pop() {
            if wanted.insert(&package.name) {
                open.extend(of_recipes().filter(|other| package.needs.contains(&other.name)));
            }
        }
        Ok(wanted)
    }
}

/// Something that is asked of a bundle and is not in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotThere {
    #[error("no package belongs to the stack `{given}`")]
    Stack { given: String, known: Vec<String> },
    /// Of this package, or of any.
    #[error("there is no debug information")]
    Debug { given: Option<RecipeName>, known: Vec<RecipeName> },
}

//! What was found in a recipe of another system, and what of it could not be carried.
//!
//! Does not know any system; `write.rs` makes the recipe of it.

use std::collections::BTreeSet;

use crate::model::recipe::BuildSystem;

/// What a foreign recipe says, as far as it can be said here.
#[derive(Debug, Clone, Default)]
pub struct Found {
    pub name: Option<String>,
    pub version: Option<String>,
    pub license: Option<String>,
    pub homepage: Option<String>,
    pub summary: Option<String>,
    pub needs: Vec<String>,
    pub tools: Vec<String>,
    pub sources: Vec<FoundSource>,
    /// `None` where it is not known: a script that says so stands there then.
    pub system: Option<BuildSystem>,
    pub options: Vec<String>,
    pub env: Vec<(String, String)>,
    pub before: Vec<String>,
    pub after: Vec<String>,
    pub targets: Vec<String>,
    pub install_targets: Vec<String>,
    pub script: Vec<String>,
    pub tests: Vec<String>,
    pub lost: Vec<Lost>,
}

/// A source as another system names it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FoundSource {
    pub urls: Vec<String>,
    pub sha256: Option<String>,
    pub git: Option<String>,
    pub commit: Option<String>,
    pub path: Option<String>,
    pub patches: Vec<String>,
    pub into: String,
}

/// A line that was not carried, or not as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// The file, by its name.
    pub file: String,
    /// From 1.
    pub line: usize,
    pub text: String,
    pub why: String,
}

/// A text with what was lost of it so far.
pub struct Ledger<'a> {
    file: &'a str,
    lines: Vec<&'a str>,
    told: BTreeSet<usize>,
    pub lost: Vec<Lost>,
}

impl<'a> Ledger<'a> {
    pub fn new(file: &'a str, text: &'a str) -> Ledger<'a> {
        Ledger { file, lines: text.lines().collect(), told: BTreeSet::new(), lost: Vec::new() }
    }

    /// Notes a line, once.
    pub fn lose(&mut self, line: usize, why: impl Into<String>) {
        if !self.told.insert(line) {
            return;
        }
        let text = line.checked_sub(1).and_then(|place| self.lines.get(place)).map_or("", |text| text.trim());
        let text: String = text.chars().filter(|c| !c.is_control()).take(200).collect();
        self.lost.push(Lost { file: self.file.to_owned(), line, text, why: why.into() });
    }

    /// Notes several lines.
    pub fn lose_all(&mut self, lines: impl IntoIterator<Item = usize>, why: &str) {
        lines.into_iter().for_each(|line| self.lose(line, why));
    }
}

/// The tools that a recipe which is built so needs.
pub fn tools_of(system: BuildSystem) -> &'static [&'static str] {
    match system {
        BuildSystem::Autotools | BuildSystem::Make => &["make"],
        BuildSystem::Cmake => &["cmake", "make"],
        BuildSystem::Meson => &["meson", "ninja"],
        BuildSystem::Python => &["python3"],
        BuildSystem::Cargo => &["cargo"],
        BuildSystem::Prebuilt | BuildSystem::Script => &[],
    }
}

/// Adds a word that is not there yet.
pub fn add(list: &mut Vec<String>, word: impl Into<String>) {
    let word = word.into();
    if !list.contains(&word) {
        list.push(word);
    }
}

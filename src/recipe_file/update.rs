//! Puts another version into the text of a recipe: which words change and where the digests stand; every other byte of
//! the text, comments too, stays as it is.
//!
//! Does not fetch what the new digests are made from (`flow/recipe_update.rs`).

use std::ops::Range;

use crate::model::recipe::Recipe;
use crate::recipe_file::fields::TOP;
use crate::recipe_file::{self, Document, values};
use crate::toml_file::fields::Reader;
use crate::toml_file::tree::{self, Placed, Table, Value, part_of};
use crate::toml_file::{Mistakes, Notes};

/// The fields of a source that say where it is.
const PLACES: [&str; 5] = ["url", "debian", "crate", "pypi", "path"];

/// A recipe with another version, whose digests are still the old ones.
#[derive(Debug, Clone)]
pub struct Update {
    text: String,
    /// The version that it had.
    pub from: String,
    /// The recipe itself, then each `[[when]]` with sources of its own.
    pub blocks: Vec<Block>,
    /// The `[[when]]` that have versions of their own, which stay.
    pub kept: Vec<KeptVersion>,
}

/// The recipe as it holds with one of its sets of sources.
#[derive(Debug, Clone)]
pub struct Block {
    /// The globs of the `[[when]]`; none for the recipe itself.
    pub platforms: Vec<String>,
    pub recipe: Recipe,
    /// One for each source of the recipe.
    pub spots: Vec<Spot>,
}

/// What is known about one source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spot {
    /// Whether its places are others with the new version.
    pub is_moved: bool,
    /// Where in the new text the digest or the commit stands, with its quotes.
    identity: Option<Range<usize>>,
    /// Parts of the old version that are written out in its places and were left: `1.2` of 1.2.3.
    pub pinned: Vec<String>,
}

/// A `[[when]]` with a version of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptVersion {
    pub platforms: Vec<String>,
    pub version: String,
}

/// Why a version cannot be put in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UpdateFault {
    /// The recipe has mistakes, before or after.
    #[error(transparent)]
    Mistakes(Mistakes),
    #[error("`{given}` is not a version")]
    Version { given: String },
}

/// Puts a version into the text of a recipe; `name` is how the user knows the file. Where the old version is written
/// out in a place, the new one stands there afterwards, in the same manner.
///
/// # Errors
/// [`UpdateFault`].
pub fn update(name: &str, text: &str, version: &str) -> Result<Update, UpdateFault> {
    let old = recipe_file::parse(name, text, None).map_err(UpdateFault::Mistakes)?;
    if values::version(&Placed::new(&(0..0), version.to_owned()), &mut Notes::default()).is_none() {
        return Err(UpdateFault::Version { given: version.to_owned() });
    }
    let before = sets(text);
    let mut edits: Vec<(Range<usize>, String)> = Vec::new();
    let tree = tree::read(text, &mut Notes::default());
    if let Some(entry) = tree.get("version") {
        edits.push((entry.value.span.clone(), quoted(version)));
    }
    let change = Change { old: &old.version, new: version };
    for place in before.iter().flat_map(|set| set.places()) {
        edits.extend(change.edits(text, &place));
    }
    let text = replaced(text, edits);
    recipe_file::parse(name, &text, None).map_err(UpdateFault::Mistakes)?;
    let after = sets(&text);
    let blocks = before.iter().zip(&after).map(|(before, after)| after.block(before, &change)).collect();
    Ok(Update { kept: kept_versions(&text), text, from: old.version, blocks })
}

impl Update {
    /// The text with new digests or commits: of a block, of one of its sources.
    pub fn text_with(&self, found: &[(usize, usize, String)]) -> String {
        let edit = |(block, source, identity): &(usize, usize, String)| {
            let span = self.blocks.get(*block)?.spots.get(*source)?.identity.clone()?;
            Some((span, quoted(identity)))
        };
        replaced(&self.text, found.iter().filter_map(edit).collect())
    }
}

/// A recipe with one of its sets of sources.
struct Set {
    platforms: Vec<String>,
    tree: Table,
    recipe: Recipe,
}

/// The recipe itself and each `[[when]]` with sources but no version of its own.
fn sets(text: &str) -> Vec<Set> {
    let mut notes = Notes::default();
    let tree = tree::read(text, &mut notes);
    let top = Reader::new(&tree, TOP, &mut notes);
    let mut document = Document { text, notes, mentions: Vec::new() };
    let mut trees = vec![(Vec::new(), tree.clone())];
    for when in top.tables("when") {
        let (globs, changes) = document.override_of(&when);
        if changes.get("source").is_some() && changes.get("version").is_none() {
            trees.push((plain(globs), tree.overlaid(&changes, &["build"])));
        }
    }
    let set = |(platforms, tree): (Vec<String>, Table)| {
        let recipe = document.recipe(&tree)?;
        Some(Set { platforms, tree, recipe })
    };
    trees.into_iter().filter_map(set).collect()
}

fn kept_versions(text: &str) -> Vec<KeptVersion> {
    let tree = tree::read(text, &mut Notes::default());
    let top = Reader::new(&tree, TOP, &mut Notes::default());
    let kept = |when: &Reader<'_>| {
        let version = when.text("version")?.value;
        Some(KeptVersion { platforms: plain(when.texts("platform").unwrap_or_default()), version })
    };
    top.tables("when").iter().filter_map(kept).collect()
}

fn plain(texts: Vec<Placed<String>>) -> Vec<String> {
    texts.into_iter().map(|text| text.value).collect()
}

impl Set {
    fn sources(&self) -> Vec<&Table> {
        let Some(Value::List(list)) = self.tree.get("source").map(|entry| &entry.value.value) else {
            return Vec::new();
        };
        let table = |one: &Placed<Value>| matches!(one.value, Value::Table(_));
        list.iter().filter(|one| table(one)).filter_map(|one| as_table(&one.value)).collect()
    }

    fn places(&self) -> Vec<Placed<String>> {
        self.sources().into_iter().flat_map(places_of).collect()
    }

    fn block(&self, before: &Set, change: &Change<'_>) -> Block {
        let identity = |source: &Table| {
            let entry = source.get("sha256").or_else(|| source.get("commit"))?;
            Some(entry.value.span.clone())
        };
        let spot = |(place, table): (usize, &Table)| {
            let (was, is) = (before.recipe.sources.get(place), self.recipe.sources.get(place));
            let mut pinned: Vec<String> =
                places_of(table).iter().filter_map(|place| change.left(&place.value)).collect();
            pinned.dedup();
            Spot {
                is_moved: was.map(|source| &source.places) != is.map(|source| &source.places),
                identity: identity(table),
                pinned,
            }
        };
        let spots = self.sources().into_iter().enumerate().map(spot).collect();
        Block { platforms: self.platforms.clone(), recipe: self.recipe.clone(), spots }
    }
}

fn as_table(value: &Value) -> Option<&Table> {
    match value {
        Value::Table(table) => Some(table),
        _ => None,
    }
}

fn places_of(source: &Table) -> Vec<Placed<String>> {
    let mut found = Vec::new();
    for entry in PLACES.iter().filter_map(|field| source.get(field)) {
        let single = std::slice::from_ref(&entry.value);
        let values = if let Value::List(list) = &entry.value.value { list.as_slice() } else { single };
        for value in values {
            if let Value::Text(text) = &value.value {
                found.push(Placed::new(&value.span, text.clone()));
            }
        }
    }
    found
}

/// One version in place of another.
struct Change<'a> {
    old: &'a str,
    new: &'a str,
}

impl Change<'_> {
    /// The edits of one place in which the old version is written out: `1.81.0`, `1_81_0` or `1-81-0`.
    fn edits(&self, text: &str, place: &Placed<String>) -> Vec<(Range<usize>, String)> {
        let mut edits: Vec<(Range<usize>, String)> = Vec::new();
        for mark in [".", "_", "-"] {
            let old = self.old.replace('.', mark);
            // A short number stands anywhere by chance.
            if (mark != "." && !self.old.contains('.')) || (old.len() < 4 && !self.old.contains('.')) {
                continue;
            }
            for at in words(&place.value, &old) {
                let span = part_of(text, place, &(at..at + old.len()));
                let is_whole = span == place.span;
                if !is_whole && !edits.iter().any(|(other, _)| other.start < span.end && span.start < other.end) {
                    edits.push((span, self.new.replace('.', mark)));
                }
            }
        }
        edits
    }

    /// A leading part of the old version, of two numbers or more, that a place has written out.
    fn left(&self, place: &str) -> Option<String> {
        let parts: Vec<&str> = self.old.split('.').collect();
        let leading = (2..parts.len()).rev().map(|count| parts[..count].join("."));
        let is_left = |part: &String| !self.new.starts_with(&format!("{part}.")) && !words(place, part).is_empty();
        leading.into_iter().find(is_left)
    }
}

/// Where a version stands in a text as a whole: `1.2` does in `x-1.2.tar`, not in `x-1.2.3` or `x-11.2`.
fn words(text: &str, version: &str) -> Vec<usize> {
    let is_digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_digit);
    let bytes = text.as_bytes();
    let is_whole = |at: &usize| {
        let (before, after) = (&bytes[..*at], &bytes[at + version.len()..]);
        let is_continued = |near: Option<&u8>, next: Option<&u8>| {
            is_digit(near) || (near.is_some_and(|byte| b"._".contains(byte)) && is_digit(next))
        };
        let earlier = before.len().checked_sub(2).and_then(|place| before.get(place));
        // An underscore in front parts name and version: `bzip2_1.0.8`.
        let is_parted = before.last() == Some(&b'_') && version.contains('.');
        (is_parted || !is_continued(before.last(), earlier)) && !is_continued(after.first(), after.get(1))
    };
    text.match_indices(version).map(|(at, _)| at).filter(is_whole).collect()
}

/// A text with parts replaced, which do not overlap.
fn replaced(text: &str, mut edits: Vec<(Range<usize>, String)>) -> String {
    edits.sort_by_key(|(span, _)| std::cmp::Reverse(span.start));
    edits.dedup_by(|a, b| a.0 == b.0);
    let mut text = text.to_owned();
    for (span, new) in edits {
        if text.get(span.clone()).is_some() {
            text.replace_range(span, &new);
        }
    }
    text
}

/// A text without quotes, backslashes and control characters as TOML has it; versions and digests are such.
fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::digest::Digest;

    fn recipe(source: &str, more: &str) -> String {
        let digest = Digest::of(b"old");
        format!(
            "# kept\nname = \"demo\"\nversion = '1.2.3' # the version\nlicense = \"MIT\"\n\n[[source]]\n{source}\n\
             sha256 = \"{digest}\"   # of the file\n\n[build]\nsystem = \"cmake\"\n{more}"
        )
    }

    #[test]
    fn only_the_version_and_the_digest_of_the_text_change() {
        let text = recipe("url = \"https://example.org/demo-{version}.tar\"", "");
        let update = update("recipe.toml", &text, "1.3").unwrap();
        assert!(update.blocks[0].spots[0].is_moved);
        let digest = Digest::of(b"new").hex();
        let expected = text.replace("'1.2.3'", "\"1.3\"").replace(&Digest::of(b"old").hex(), &digest);
        assert_eq!(update.text_with(&[(0, 0, digest)]), expected);
    }

    #[test]
    fn a_version_that_is_written_out_in_a_place_changes_there_too() {
        for (place, expected) in [
            ("debian = \"demo_1.2.3.orig.tar.gz\"", "debian = \"demo_1.4.orig.tar.gz\""),
            ("crate = \"demo@1.2.3\"", "crate = \"demo@1.4\""),
            ("url = \"https://x.org/1.2.3/demo_1_2_3.zip\"", "url = \"https://x.org/1.4/demo_1_4.zip\""),
            ("url = \"https://x.org/demo-11.2.3.zip\"", "url = \"https://x.org/demo-11.2.3.zip\""),
            ("url = \"https://x.org/demo-1.2.3.4.zip\"", "url = \"https://x.org/demo-1.2.3.4.zip\""),
        ] {
            let update = update("recipe.toml", &recipe(place, ""), "1.4").unwrap();
            assert!(update.text_with(&[]).contains(expected), "{place}");
            assert_eq!(update.blocks[0].spots[0].is_moved, place != expected, "{place}");
        }
        let half = recipe("url = \"https://x.org/1.2/demo-{version}.zip\"", "");
        assert_eq!(update("recipe.toml", &half, "1.3.0").unwrap().blocks[0].spots[0].pinned, ["1.2"]);
        assert!(update("recipe.toml", &half, "1.2.4").unwrap().blocks[0].spots[0].pinned.is_empty());
    }

    #[test]
    fn blocks_with_sources_of_their_own_are_updated_and_those_with_a_version_stay() {
        let digest = Digest::of(b"other");
        let more = format!(
            "\n[[when]]\nplatform = \"ubuntu-*\"\n[[when.source]]\nurl = \"https://x.org/{{version}}.tar\"\n\
             sha256 = \"{digest}\"\n\n[[when]]\nplatform = \"centos-*\"\nversion = \"1.0\"\n"
        );
        let text = recipe("url = \"https://example.org/demo-{version}.tar\"", &more);
        let update = update("recipe.toml", &text, "1.3").unwrap();
        assert_eq!(update.blocks.len(), 2);
        assert_eq!(update.blocks[1].platforms, ["ubuntu-*"]);
        assert_eq!(update.kept, [KeptVersion { platforms: vec!["centos-*".to_owned()], version: "1.0".to_owned() }]);
        let new = Digest::of(b"new").hex();
        let written = update.text_with(&[(1, 0, new.clone())]);
        assert!(written.contains(&new) && !written.contains(&digest.hex()));
    }

    #[test]
    fn what_is_no_version_is_refused() {
        let text = recipe("url = \"https://example.org/demo-{version}.tar\"", "");
        for version in ["", "../x", "1 2", "1\"2"] {
            assert!(matches!(update("recipe.toml", &text, version), Err(UpdateFault::Version { .. })), "{version}");
        }
    }
}

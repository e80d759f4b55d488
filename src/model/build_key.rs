//! The build key of a package: the digest of everything that decides its bytes, with the ingredients by name.
//!
//! Does not collect the ingredients (`plan.rs` and `builder/` do) and decides nothing from them.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::digest::Digest;

/// The number of this way of making keys; a change of meaning makes every key new.
const FORMAT: &str = "tagalong build key 1";

/// Equal keys mean: do not build again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BuildKey(Digest);

impl BuildKey {
    /// A key that was written down.
    pub fn of_digest(digest: Digest) -> BuildKey {
        BuildKey(digest)
    }

    pub fn digest(&self) -> Digest {
        self.0
    }

    /// The 64 hex digits.
    pub fn hex(&self) -> String {
        self.0.hex()
    }
}

impl fmt::Display for BuildKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, formatter)
    }
}

impl fmt::Debug for BuildKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, formatter)
    }
}

/// What a build key is made of: name of the ingredient to its value, `tool cmake` to `3.25.1 9f…`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ingredients(BTreeMap<String, String>);

impl Ingredients {
    pub fn new() -> Ingredients {
        Ingredients::default()
    }

    /// Adds one; a second value under the same name replaces the first.
    pub fn add(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.0.insert(name.into(), value.into());
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The key: SHA-256 over the format line and each name and value with its length, sorted by name.
    pub fn key(&self) -> BuildKey {
        let mut text = String::from(FORMAT);
        for (name, value) in &self.0 {
            // Lengths stand in front, so that no two sets of ingredients write the same text.
            text.push_str(&format!("\n{}:{name}\n{}:{value}", name.len(), value.len()));
        }
        BuildKey(Digest::of(text.as_bytes()))
    }

    /// The ingredients whose values differ, by name: (name, mine, the other's); absent ones are `None`.
    pub fn differences<'a>(&'a self, other: &'a Ingredients) -> Vec<Difference<'a>> {
        let mut names: Vec<&str> = self.0.keys().chain(other.0.keys()).map(String::as_str).collect();
        names.sort_unstable();
        names.dedup();
        let pair = |name: &'a str| Difference {
            name,
            mine: self.0.get(name).map(String::as_str),
            theirs: other.0.get(name).map(String::as_str),
        };
        names.into_iter().map(pair).filter(|pair| pair.mine != pair.theirs).collect()
    }
}

/// One ingredient that two builds do not share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference<'a> {
    pub name: &'a str,
    pub mine: Option<&'a str>,
    pub theirs: Option<&'a str>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_changes_with_each_name_and_value_and_not_with_the_order() {
        let make = |pairs: &[(&str, &str)]| {
            let mut ingredients = Ingredients::new();
            pairs.iter().for_each(|(name, value)| ingredients.add(*name, *value));
            ingredients
        };
        let one = make(&[("a", "1"), ("b", "2")]);
        assert_eq!(one.key(), make(&[("b", "2"), ("a", "1")]).key());
        for other in [make(&[("a", "1")]), make(&[("a", "1"), ("b", "3")]), make(&[("a", "1\n1:b\n1:2")])] {
            assert_ne!(one.key(), other.key());
        }
        let changed = make(&[("a", "1"), ("b", "3")]);
        assert_eq!(one.differences(&changed), [Difference { name: "b", mine: Some("2"), theirs: Some("3") }]);
    }
}

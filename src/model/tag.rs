//! Deps tags: checked names, and the glob that says which tags of a repository are deps tags.
//!
//! Does not know git; `checkout.rs` lists tags, `nearest.rs` decides between them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The longest tag name taken: it becomes one component of a path (`NAME_MAX` is 255, limits.h).
const LONGEST_NAME: usize = 200;

/// How many digits of a recipes tree are in the name of its candidate.
const RECIPES_DIGITS: usize = 16;

/// The name of a deps tag or of a candidate, safe as one component of a path and of a URL.
///
/// Letters, digits and `.`, `_`, `+`, `-`; starts with a letter or digit; no `..`; at most 200 bytes. That is
/// a part of what git-check-ref-format(1) allows.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DepsTag(String);

impl DepsTag {
    /// Checks a name that comes from outside.
    ///
    /// # Errors
    /// [`TagError`] with what is wrong about the name.
    pub fn parse(name: &str) -> Result<DepsTag, TagError> {
        let refuse = |reason| Err(TagError { given: name.to_owned(), reason });
        if name.is_empty() {
            return refuse(TagFault::Empty);
        }
        if name.len() > LONGEST_NAME {
            return refuse(TagFault::TooLong { limit: LONGEST_NAME });
        }
        if let Some(wrong) = name.chars().find(|c| !c.is_ascii_alphanumeric() && !"._+-".contains(*c)) {
            return refuse(TagFault::Character(wrong));
        }
        if !name.starts_with(|c: char| c.is_ascii_alphanumeric()) {
            return refuse(TagFault::Start);
        }
        if name.contains("..") {
            return refuse(TagFault::Dots);
        }
        Ok(DepsTag(name.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name that a candidate of these recipes has beside its own, so that a tag on the same recipes finds it;
    /// `None` for what is no id of a git tree.
    pub fn of_recipes(tree: &str) -> Option<DepsTag> {
        DepsTag::parse(&format!("deps-recipes-{}", tree.get(..RECIPES_DIGITS)?)).ok()
    }
}

impl fmt::Display for DepsTag {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for DepsTag {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, formatter)
    }
}

impl TryFrom<String> for DepsTag {
    type Error = TagError;

    fn try_from(name: String) -> Result<DepsTag, TagError> {
        DepsTag::parse(&name)
    }
}

impl From<DepsTag> for String {
    fn from(tag: DepsTag) -> String {
        tag.0
    }
}

/// A name that cannot be a deps tag's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` cannot name a bundle: {reason}", given.escape_debug())]
pub struct TagError {
    pub given: String,
    pub reason: TagFault,
}

/// What is wrong about a tag name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TagFault {
    #[error("it is empty")]
    Empty,
    #[error("it is longer than {limit} bytes")]
    TooLong { limit: usize },
    #[error("it holds `{}`", .0.escape_debug())]
    Character(char),
    #[error("it does not start with a letter or a digit")]
    Start,
    #[error("it holds `..`")]
    Dots,
}

/// The glob that deps tags match: `*` is any run of characters but `/`, `?` is one, all else is literal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagPattern(String);

impl TagPattern {
    /// Takes any text; a pattern without `*` or `?` names one tag.
    pub fn new(pattern: &str) -> TagPattern {
        TagPattern(pattern.to_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a tag's whole name matches.
    pub fn matches(&self, name: &str) -> bool {
        let (pattern, name) = (self.0.as_bytes(), name.as_bytes());
        // Greedy with one point of return: linear in practice, and never exponential.
        let (mut at, mut here) = (0, 0);
        let mut retry: Option<(usize, usize)> = None;
        while here < name.len() {
            match pattern.get(at) {
                Some(b'*') => {
                    retry = Some((at + 1, here));
                    at += 1;
                }
                Some(b'?') if name[here] != b'/' => (at, here) = (at + 1, here + 1),
                Some(&byte) if byte == name[here] => (at, here) = (at + 1, here + 1),
                _ => match retry {
                    Some((star, from)) if name[from] != b'/' => {
                        retry = Some((star, from + 1));
                        (at, here) = (star, from + 1);
                    }
                    _ => return false,
                },
            }
        }
        pattern[at..].iter().all(|byte| *byte == b'*')
    }
}

impl Default for TagPattern {
    fn default() -> TagPattern {
        TagPattern::new("deps-*")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tag_takes_the_names_people_use() {
        for name in ["deps-add-hdf5-1.14", "deps-update-boost_1.81+x", "1"] {
            assert_eq!(DepsTag::parse(name).unwrap().as_str(), name);
        }
    }

    #[test]
    fn tag_refuses_what_could_be_a_path_an_option_or_a_control() {
        let wrong = ["", "deps-../x", "deps-a/b", "..", "-x", ".hidden", "deps-a\nb", "deps-é", "deps-a..b", "deps a"];
        for name in wrong {
            assert!(DepsTag::parse(name).is_err(), "{name:?}");
        }
        assert!(DepsTag::parse(&"d".repeat(201)).is_err());
    }

    #[test]
    fn pattern_matches_as_a_glob_on_whole_names() {
        let deps = TagPattern::default();
        assert!(deps.matches("deps-a") && deps.matches("deps-"));
        assert!(!deps.matches("xdeps-a") && !deps.matches("desp-a") && !deps.matches("deps-a/b"));
        let odd = TagPattern::new("d*s-?-*x");
        assert!(odd.matches("deps-1-abxx") && !odd.matches("deps-1-ab"));
    }
}

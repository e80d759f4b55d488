//! Prefixes and placeholders: where packages live, and the long path they are built in.
//!
//! Does not touch the file system; `prefix_dir.rs` does.

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The length of the standard placeholder, in bytes.
pub const STANDARD_LENGTH: usize = 160;

/// The head of every placeholder; short enough for the shortest one allowed.
const HEAD: &str = "/opt/tagalong-placeholder";

/// The end of every placeholder. Random-looking, so that no other string ends with it and the linker never
/// merges the placeholder into another string's tail.
const TOKEN: &str = "/zQ7vXr3KpW9hTn5y";

/// An absolute folder in which packages live: normal (no `.`, `..`, double `/`), not the root, no NUL or newline.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix(PathBuf);

impl Prefix {
    /// Checks and normalises a path as text; links are not followed.
    ///
    /// # Errors
    /// [`PrefixError`] when the path is relative, the root, climbs with `..`, or holds a NUL or a newline.
    pub fn new(path: &Path) -> Result<Prefix, PrefixError> {
        let refuse = |reason| Err(PrefixError { given: path.to_owned(), reason });
        if !path.is_absolute() {
            return refuse(PrefixFault::Relative);
        }
        if path.as_os_str().as_bytes().iter().any(|byte| matches!(byte, 0 | b'\n' | b'\r')) {
            return refuse(PrefixFault::Control);
        }
        let mut normal = PathBuf::from("/");
        for component in path.components() {
            match component {
                Component::Normal(name) => normal.push(name),
                Component::ParentDir => return refuse(PrefixFault::Climbs),
                _ => {}
            }
        }
        if normal == Path::new("/") {
            return refuse(PrefixFault::Root);
        }
        Ok(Prefix(normal))
    }

    pub fn as_path(&self) -> &Path {
        &self.0
    }

    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_os_str().as_bytes()
    }

    /// Whether the path holds white space, which a `#!` line cannot carry (execve(2)).
    pub fn has_space(&self) -> bool {
        self.as_bytes().iter().any(u8::is_ascii_whitespace)
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.display().fmt(formatter)
    }
}

impl fmt::Debug for Prefix {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, formatter)
    }
}

/// A path that cannot be a prefix.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` cannot be a prefix: {reason}", given.display())]
pub struct PrefixError {
    pub given: PathBuf,
    pub reason: PrefixFault,
}

/// What is wrong about a prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PrefixFault {
    #[error("it is not absolute")]
    Relative,
    #[error("it is the root folder")]
    Root,
    #[error("it holds `..`")]
    Climbs,
    #[error("it holds a NUL byte or a line break")]
    Control,
}

/// The fixed long prefix that a package was built in; ASCII, normal, of at least 64 bytes if made by us.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Placeholder(String);

impl Placeholder {
    /// The shortest placeholder a project may ask for, in bytes.
    pub const SHORTEST: usize = 64;
    /// The longest: a `#!` line with it and a program name stays under the kernel's 255 (fs/binfmt_script.c).
    pub const LONGEST: usize = 220;

    /// The placeholder of 160 bytes.
    pub fn standard() -> Placeholder {
        Placeholder::with_length(STANDARD_LENGTH).expect("the standard length is between the limits")
    }

    /// A placeholder of exactly `length` bytes.
    ///
    /// # Errors
    /// [`PlaceholderError`] outside of [`Placeholder::SHORTEST`] to [`Placeholder::LONGEST`].
    pub fn with_length(length: usize) -> Result<Placeholder, PlaceholderError> {
        if !(Placeholder::SHORTEST..=Placeholder::LONGEST).contains(&length) {
            return Err(PlaceholderError::Length { length });
        }
        let fill = length - HEAD.len() - TOKEN.len();
        Ok(Placeholder(format!("{HEAD}{}{TOKEN}", "_".repeat(fill))))
    }

    /// Takes the placeholder that a manifest records: any absolute normal ASCII path.
    ///
    /// # Errors
    /// [`PlaceholderError`] when it is not, or longer than [`Placeholder::LONGEST`].
    pub fn parse(text: &str) -> Result<Placeholder, PlaceholderError> {
        let wrong = || PlaceholderError::Path { given: text.to_owned() };
        let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic());
        let prefix = Prefix::new(Path::new(text)).map_err(|_| wrong())?;
        if !is_plain || prefix.as_bytes() != text.as_bytes() {
            return Err(wrong());
        }
        if text.len() > Placeholder::LONGEST {
            return Err(PlaceholderError::Length { length: text.len() });
        }
        Ok(Placeholder(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    pub fn as_path(&self) -> &Path {
        Path::new(OsStr::new(&self.0))
    }

    /// The part no other text has: what is searched for to prove that nothing is left.
    pub fn token(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// The prefix, padded in front with `/` to this placeholder's length: the constant that is written at every
    /// `fixed` relocation. Leading slashes are one slash to the kernel (path_resolution(7)).
    ///
    /// # Errors
    /// [`PrefixTooLong`] when the prefix has more bytes than the placeholder.
    pub fn padded(&self, prefix: &Prefix) -> Result<Vec<u8>, PrefixTooLong> {
        let bytes = prefix.as_bytes();
        if bytes.len() > self.0.len() {
            return Err(PrefixTooLong { prefix: prefix.clone(), limit: self.0.len() });
        }
        let mut padded = vec![b'/'; self.0.len() - bytes.len()];
        padded.extend_from_slice(bytes);
        Ok(padded)
    }
}

impl TryFrom<String> for Placeholder {
    type Error = PlaceholderError;

    fn try_from(text: String) -> Result<Placeholder, PlaceholderError> {
        Placeholder::parse(&text)
    }
}

impl From<Placeholder> for String {
    fn from(placeholder: Placeholder) -> String {
        placeholder.0
    }
}

/// A text that cannot be a placeholder.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlaceholderError {
    #[error("a placeholder of {length} bytes is not between 64 and 220")]
    Length { length: usize },
    #[error("`{}` is not a normal absolute path in ASCII", given.escape_debug())]
    Path { given: String },
}

/// A prefix that does not fit into the placeholder of a package.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the prefix `{prefix}` has {} bytes, the package allows {limit}", prefix.as_bytes().len())]
pub struct PrefixTooLong {
    pub prefix: Prefix,
    pub limit: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefix_is_normalised_and_refuses_what_moves() {
        assert_eq!(Prefix::new(Path::new("//a/./b//c/")).unwrap().as_path(), Path::new("/a/b/c"));
        for wrong in ["", "a/b", "/", "/a/../b", "/a\nb"] {
            assert!(Prefix::new(Path::new(wrong)).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn placeholder_has_the_length_asked_for_and_pads_in_front() {
        let placeholder = Placeholder::standard();
        assert_eq!(placeholder.as_str().len(), STANDARD_LENGTH);
        assert_eq!(Placeholder::parse(placeholder.as_str()).unwrap(), placeholder);
        let padded = placeholder.padded(&Prefix::new(Path::new("/a/b")).unwrap()).unwrap();
        assert_eq!(padded.len(), STANDARD_LENGTH);
        assert!(padded.starts_with(b"////") && padded.ends_with(b"//a/b"));
    }

    #[test]
    fn placeholder_refuses_a_longer_prefix_with_both_numbers() {
        let long = Prefix::new(Path::new(&format!("/{}", "x".repeat(160)))).unwrap();
        let refusal = Placeholder::standard().padded(&long).unwrap_err();
        assert_eq!(refusal.limit, 160);
    }
}

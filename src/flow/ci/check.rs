//! `ci check`: the files of a checkout that tagalong made for CI, and whether they are as it would make them now.
//!
//! Does not make them: who asks brings the new text.

use std::io;
use std::path::{Path, PathBuf};

use crate::flow::ci::init::{TEMPLATE, TEMPLATE_PATH};

/// How a generated pipeline begins.
const FIRST_LINE: &str = "# Made by tagalong; what is changed here is lost.";

/// What the line begins with that says how it was made.
const AGAIN: &str = "# again: ";

/// The folders that are looked through, from the root of the checkout; not what is below them.
const FOLDERS: [&str; 3] = ["", "ci", ".gitlab"];

/// The largest file that is read, in bytes.
const LARGEST: u64 = 8 << 20;

/// A file that tagalong made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// From the root of the checkout.
    pub path: PathBuf,
    pub text: String,
    pub by: By,
}

/// How a file was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum By {
    /// It is the template that comes with the program.
    Init,
    /// The command line of `ci generate`, split into words.
    Generate(Vec<String>),
}

/// Why there is nothing to check.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{}: {source}", path.display())]
    Disk { path: PathBuf, source: io::Error },
    /// The file does not say that tagalong made it, or not how.
    #[error("`{}` does not say how it was made", path.display())]
    NotMade { path: PathBuf },
    #[error("no file says that tagalong made it")]
    Nothing { root: PathBuf },
}

/// The files with these names, from `folder`; those that are found in the checkout if none is named.
///
/// # Errors
/// [`Error`].
pub fn find(root: &Path, folder: &Path, named: &[PathBuf]) -> Result<Vec<Made>, Error> {
    if !named.is_empty() {
        let one = |path: &PathBuf| {
            let path = folder.join(path);
            made(root, &path)?.ok_or(Error::NotMade { path })
        };
        return named.iter().map(one).collect();
    }
    let mut found = Vec::new();
    for folder in FOLDERS.map(|name| root.join(name)) {
        let entries = match fs_err::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(source) => return Err(Error::Disk { path: folder, source }),
        };
        for entry in entries {
            let path = entry.map_err(|source| Error::Disk { path: folder.clone(), source })?.path();
            if path.extension().is_some_and(|end| end == "yml" || end == "yaml") && path.is_file() {
                found.extend(made(root, &path)?);
            }
        }
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    if found.is_empty() { Err(Error::Nothing { root: root.to_owned() }) } else { Ok(found) }
}

/// The file, if tagalong made it.
fn made(root: &Path, path: &Path) -> Result<Option<Made>, Error> {
    let disk = |source| Error::Disk { path: path.to_owned(), source };
    if fs_err::metadata(path).map_err(disk)?.len() > LARGEST {
        return Ok(None);
    }
    // What is no text is no pipeline of ours.
    let text = String::from_utf8_lossy(&fs_err::read(path).map_err(disk)?).into_owned();
    let place = path.strip_prefix(root).unwrap_or(path).to_owned();
    let mut lines = text.lines();
    let first = lines.next();
    if first == TEMPLATE.lines().next() || place == Path::new(TEMPLATE_PATH) {
        return Ok(Some(Made { path: place, text, by: By::Init }));
    }
    let command = lines.next().and_then(|line| line.strip_prefix(AGAIN)).and_then(words);
    match command {
        Some(words) if first == Some(FIRST_LINE) => Ok(Some(Made { path: place, text, by: By::Generate(words) })),
        _ => Ok(None),
    }
}

/// The words of a command line in which words with spaces stand in single quotes; `None` if a quote is left open.
fn words(line: &str) -> Option<Vec<String>> {
    let (mut words, mut word, mut is_open, mut is_word) = (Vec::new(), String::new(), false, false);
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match character {
            '\'' => (is_open, is_word) = (!is_open, true),
            '\\' if !is_open => (word.push(characters.next()?), is_word = true).0,
            ' ' if !is_open => {
                if is_word {
                    words.push(std::mem::take(&mut word));
                }
                is_word = false;
            }
            other => {
                word.push(other);
                is_word = true;
            }
        }
    }
    if is_word {
        words.push(word);
    }
    (!is_open).then_some(words)
}

/// The first line that two texts do not share, with its number.
pub fn first_difference(was: &str, is: &str) -> Option<(usize, String, String)> {
    if was == is {
        return None;
    }
    let (mut old, mut new) = (was.lines(), is.lines());
    let mut number = 0;
    loop {
        number += 1;
        match (old.next(), new.next()) {
            (None, None) => return Some((number, String::new(), "the end of the last line".to_owned())),
            (one, other) if one != other => {
                let text = |line: Option<&str>| line.unwrap_or("nothing").trim().to_owned();
                return Some((number, text(one), text(other)));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{first_difference, words};
    use crate::pipeline::quote;

    #[test]
    fn words_are_read_as_they_are_quoted() {
        let line = ["tagalong", "", "a b", "it's", "x=1"].map(quote).join(" ");
        assert_eq!(words(&line).unwrap(), ["tagalong", "", "a b", "it's", "x=1"]);
        assert_eq!(words("a 'b"), None);
    }

    #[test]
    fn first_difference_is_found_at_the_end_too() {
        assert_eq!(first_difference("a\nb\n", "a\nb\n"), None);
        assert_eq!(first_difference("a\nb\n", "a\nc\n"), Some((2, "b".to_owned(), "c".to_owned())));
        assert_eq!(first_difference("a\n", "a\nc\n"), Some((2, "nothing".to_owned(), "c".to_owned())));
        assert!(first_difference("a\n", "a").is_some());
    }
}

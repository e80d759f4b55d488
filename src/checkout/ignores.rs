//! Which files of the work tree git ignores (gitignore(5)): `.gitignore` files, `info/exclude`, `core.excludesFile`.
//!
//! Does not know which files are committed in spite of it; `disk.rs` asks.

use std::io::ErrorKind;
use std::path::Path;

use gix::bstr::{BString, ByteSlice};
use gix::glob::Pattern;
use gix::glob::pattern::Case;
use gix::glob::wildmatch::Mode;

use crate::checkout::error::Error;

/// The largest ignore file that is read, in bytes; git has the same limit for attributes.
const LARGEST: u64 = 100 << 20;

/// The patterns in force at one place of the work tree, the weakest first.
#[derive(Default)]
pub struct Ignores {
    levels: Vec<Level>,
}

/// The patterns of one file, for what is below its folder.
struct Level {
    /// The folder from the root with a slash at its end; empty for the root.
    below: BString,
    patterns: Vec<Pattern>,
}

impl Ignores {
    /// The patterns for the root of a work tree.
    ///
    /// # Errors
    /// When one of the files cannot be read.
    pub fn of_work_tree(repository: &gix::Repository, root: &Path) -> Result<Ignores, Error> {
        let mut ignores = Ignores::default();
        let config = repository.config_snapshot();
        if let Ok(Some(path)) = config.trusted_path("core.excludesFile") {
            ignores.read(&path, "".into())?;
        }
        ignores.read(&repository.common_dir().join("info/exclude"), "".into())?;
        ignores.read(&root.join(".gitignore"), "".into())?;
        Ok(ignores)
    }

    /// Adds the patterns of a folder; `place` is where it is from the root.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn enter(&mut self, folder: &Path, place: &BString) -> Result<(), Error> {
        self.read(&folder.join(".gitignore"), BString::from([place.as_bytes(), b"/"].concat()))
    }

    /// Takes back the patterns of the folder that was entered last.
    pub fn leave(&mut self) {
        self.levels.pop();
    }

    /// Whether what is at a place from the root is ignored by itself; a folder above it is asked on its own.
    pub fn is_ignored(&self, place: &BString, is_folder: bool) -> bool {
        let decide = |level: &Level| {
            let path = place.strip_prefix(level.below.as_bytes())?.as_bstr();
            let name = path.rfind_byte(b'/').map(|slash| slash + 1);
            let matches = |pattern: &&Pattern| {
                let mode = Mode::NO_MATCH_SLASH_LITERAL;
                pattern.matches_repo_relative_path(path, name, Some(is_folder), Case::Sensitive, mode)
            };
            level.patterns.iter().rev().find(matches).map(|pattern| !pattern.is_negative())
        };
        self.levels.iter().rev().find_map(decide).unwrap_or(false)
    }

    fn read(&mut self, path: &Path, below: BString) -> Result<(), Error> {
        let is_small = |path: &Path| fs_err::symlink_metadata(path).map(|facts| facts.len() <= LARGEST);
        let text = match is_small(path).and_then(|is_small| if is_small { fs_err::read(path) } else { Ok(Vec::new()) })
        {
            Ok(text) => text,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Vec::new(),
            Err(error) => return Err(Error::unreadable(&error)),
        };
        let patterns = text.lines().filter(|line| !line.starts_with(b"#")).filter_map(|line| {
            let end = line.trim_end_with(|c| c == ' ').len();
            // A space behind a backslash belongs to the pattern.
            let kept = if line[..end].ends_with(b"\\") && end < line.len() { end + 1 } else { end };
            Pattern::from_bytes(&line[..kept])
        });
        self.levels.push(Level { below, patterns: patterns.collect() });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ignores(levels: &[(&str, &str)]) -> Ignores {
        let folder = tempfile::tempdir().unwrap();
        let mut ignores = Ignores::default();
        for (below, text) in levels {
            let file = folder.path().join("patterns");
            std::fs::write(&file, text).unwrap();
            ignores.read(&file, (*below).into()).unwrap();
        }
        ignores
    }

    #[test]
    fn ignores_follow_the_manual_page() {
        let ignores = ignores(&[("", "# no\n*.swp\n/a/top\nbuild/\nx\\ \n"), ("a/", "!keep.swp\n/here\nb/**/deep\n")]);
        let yes = [("a/f.swp", false), ("a/top", false), ("a/build", true), ("a/here", false), ("a/b/c/deep", false)];
        let no = [("a/keep.swp", false), ("a/c/top", false), ("a/build", false), ("a/c/here", false), ("no", false)];
        for (place, is_folder) in yes {
            assert!(ignores.is_ignored(&place.into(), is_folder), "{place}");
        }
        for (place, is_folder) in no {
            assert!(!ignores.is_ignored(&place.into(), is_folder), "{place}");
        }
        assert!(ignores.is_ignored(&"x ".into(), false) && !ignores.is_ignored(&"x".into(), false));
    }
}

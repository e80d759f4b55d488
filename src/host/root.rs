//! Files below a root folder: links are followed as a process with that root would follow them.
//!
//! Does not know what the files mean.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use crate::host::{HostError, is_absent};

/// As many links are followed as Linux follows (path_resolution(7)).
const MOST_LINKS: usize = 40;

/// A root folder.
pub struct Root {
    path: PathBuf,
}

impl Root {
    pub fn new(path: &Path) -> Result<Root, HostError> {
        let absolute = fs_err::canonicalize(path).ok().filter(|path| path.is_dir());
        let path = absolute.ok_or_else(|| HostError::NoFolder { root: path.to_owned() })?;
        Ok(Root { path })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads a whole file; `None` where there is none, and for one of more than `limit` bytes.
    pub fn read(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>, HostError> {
        let bytes = self.read_head(path, limit + 1)?;
        Ok(bytes.filter(|bytes| bytes.len() as u64 <= limit))
    }

    /// Reads the first bytes of a file, at most `limit`; `None` where there is none.
    pub fn read_head(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>, HostError> {
        let Some(path) = self.follow(Path::new(path)) else { return Ok(None) };
        let unreadable = |error: std::io::Error| HostError::Unreadable { reason: error.to_string() };
        // A pipe or a device below a foreign root must not be opened: it could wait for ever.
        match fs_err::symlink_metadata(&path) {
            Ok(facts) if facts.is_file() => {}
            Ok(_) => return Ok(None),
            Err(error) if is_absent(&error) => return Ok(None),
            Err(error) => return Err(unreadable(error)),
        }
        let file = fs_err::File::open(&path).map_err(unreadable)?;
        let mut bytes = Vec::new();
        file.take(limit).read_to_end(&mut bytes).map_err(unreadable)?;
        Ok(Some(bytes))
    }

    /// The place of a file after all links, which cannot leave the root; `None` for a loop.
    pub fn follow(&self, path: &Path) -> Option<PathBuf> {
        let mut open: VecDeque<OsString> = names(path).collect();
        let mut place: Vec<OsString> = Vec::new();
        let mut links = 0;
        while let Some(name) = open.pop_front() {
            if name == ".." {
                place.pop();
                continue;
            }
            let here = self.path.join(place.iter().collect::<PathBuf>()).join(&name);
            let Ok(aim) = fs_err::read_link(&here) else {
                place.push(name);
                continue;
            };
            links += 1;
            if links > MOST_LINKS {
                return None;
            }
            if aim.is_absolute() {
                place.clear();
            }
            for name in names(&aim).collect::<Vec<_>>().into_iter().rev() {
                open.push_front(name);
            }
        }
        Some(self.path.join(place.iter().collect::<PathBuf>()))
    }
}

/// The parts of a path that lead somewhere; `..` is kept.
fn names(path: &Path) -> impl Iterator<Item = OsString> + '_ {
    path.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_stay_below_the_root() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::create_dir_all(path("usr/lib")).unwrap();
        std::fs::write(path("usr/lib/it"), "here").unwrap();
        for (link, aim) in [("lib", "/usr/lib"), ("up", "../../../usr/lib/it"), ("loop", "loop")] {
            std::os::unix::fs::symlink(aim, path(link)).unwrap();
        }
        let root = Root::new(folder.path()).unwrap();
        assert_eq!(root.read("lib/it", 4).unwrap().as_deref(), Some(&b"here"[..]));
        assert_eq!(root.read("up", 4).unwrap().as_deref(), Some(&b"here"[..]));
        assert_eq!(root.read("up", 3).unwrap(), None);
        assert_eq!((root.read("loop", 9).unwrap(), root.read("none/x", 9).unwrap()), (None, None));
    }
}

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

/// A root folder, with a tree laid over one of its places if it is so wished.
#[derive(Debug)]
pub struct Root {
    path: PathBuf,
    /// Where the tree lies for a process, and where on disk.
    tree: Option<(PathBuf, PathBuf)>,
}

impl Root {
    pub fn new(path: &Path) -> Result<Root, HostError> {
        let absolute = fs_err::canonicalize(path).ok().filter(|path| path.is_dir());
        let path = absolute.ok_or_else(|| HostError::NoFolder { root: path.to_owned() })?;
        Ok(Root { path, tree: None })
    }

    /// Lays the tree in a folder on disk over a place, as a mount would.
    pub fn with_tree(self, place: &Path, folder: &Path) -> Root {
        Root { tree: Some((place.to_owned(), folder.to_owned())), ..self }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether a path is a folder above the tree: it is there even where the root has none.
    fn leads_to_tree(&self, path: &Path) -> bool {
        self.tree.as_ref().is_some_and(|(place, _)| place != path && place.starts_with(path))
    }

    /// Where on disk a path without links lies.
    pub fn on_disk(&self, path: &Path) -> PathBuf {
        if let Some((place, folder)) = &self.tree
            && let Ok(below) = path.strip_prefix(place)
        {
            return if below.as_os_str().is_empty() { folder.clone() } else { folder.join(below) };
        }
        self.path.join(path.strip_prefix("/").unwrap_or(path))
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

    /// The place on disk of a file after all links, which cannot leave the root; `None` for a loop, and where nothing
    /// is.
    pub fn follow(&self, path: &Path) -> Option<PathBuf> {
        self.resolve(path).map(|path| self.on_disk(&path))
    }

    /// The path after all links that a process with that root would see; `None` as above.
    pub fn resolve(&self, path: &Path) -> Option<PathBuf> {
        let mut open: VecDeque<OsString> = names(path).collect();
        let mut place = PathBuf::from("/");
        let mut links = 0;
        while let Some(name) = open.pop_front() {
            if name == ".." {
                place.pop();
                continue;
            }
            place.push(name);
            let aim = match fs_err::read_link(self.on_disk(&place)) {
                Ok(aim) => aim,
                Err(error) if is_absent(&error) && !self.leads_to_tree(&place) => return None,
                // It is no link.
                Err(_) => continue,
            };
            links += 1;
            if links > MOST_LINKS {
                return None;
            }
            place.pop();
            if aim.is_absolute() {
                place = PathBuf::from("/");
            }
            for name in names(&aim).collect::<Vec<_>>().into_iter().rev() {
                open.push_front(name);
            }
        }
        Some(place)
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
        assert_eq!(root.read("none/../usr/lib/it", 4).unwrap(), None);
    }

    #[test]
    fn a_tree_lies_over_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::create_dir_all(path("root/lib")).unwrap();
        std::fs::create_dir_all(path("tree/lib")).unwrap();
        std::fs::write(path("root/lib/it"), "system").unwrap();
        std::os::unix::fs::symlink("/lib/it", path("tree/lib/out")).unwrap();
        std::os::unix::fs::symlink("../../opt/x/lib/out", path("root/lib/in")).unwrap();
        let root = Root::new(&path("root")).unwrap().with_tree(Path::new("/opt/x"), &path("tree"));
        assert_eq!(root.resolve(Path::new("/opt/x/lib/../lib/out")).unwrap(), Path::new("/lib/it"));
        assert_eq!(root.resolve(Path::new("/opt/x/lib/out/../it")).unwrap(), Path::new("/lib/it"));
        assert_eq!(root.read("lib/out", 9).unwrap(), None);
        assert_eq!(root.resolve(Path::new("/opt/x/lib")).map(|path| root.on_disk(&path)).unwrap(), path("tree/lib"));
    }
}

//! The paths of a tree in order, with what the file system says of each.
//!
//! Looks into no file and follows no link.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::Metadata;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::model::digest::{Digest, Digester};
use crate::tree::{TreeError, failed};

/// A folder and all that is in it.
#[derive(Debug)]
pub struct Tree {
    pub root: PathBuf,
    /// By path, so that a folder stands before what is in it; the first is the root itself, with an empty path.
    pub nodes: Vec<Node>,
}

/// One path of a tree.
#[derive(Debug)]
pub struct Node {
    /// Relative to the root; any bytes.
    pub path: Vec<u8>,
    pub kind: NodeKind,
    pub facts: Metadata,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeKind {
    Folder,
    File {
        /// The place of the first name of the same file (hard link), if this is another one.
        same_as: Option<usize>,
    },
    Link {
        target: Vec<u8>,
    },
    /// A pipe, a socket, a device.
    Special,
}

impl Tree {
    /// Walks a folder.
    ///
    /// # Errors
    /// [`TreeError::File`], [`TreeError::OtherDevice`].
    pub fn read(root: &Path) -> Result<Tree, TreeError> {
        let facts = fs_err::metadata(root).map_err(failed("looking at the tree", root))?;
        let device = facts.dev();
        let mut nodes = vec![Node { path: Vec::new(), kind: NodeKind::Folder, facts }];
        let mut open = vec![(root.to_owned(), Vec::new())];
        while let Some((folder, relative)) = open.pop() {
            for entry in fs_err::read_dir(&folder).map_err(failed("listing a folder", &folder))? {
                let entry = entry.map_err(failed("listing a folder", &folder))?;
                let full = entry.path();
                let facts = entry.metadata().map_err(failed("looking at a file", &full))?;
                let name = entry.file_name().into_vec();
                let path = if relative.is_empty() { name } else { [relative.as_slice(), b"/", &name].concat() };
                let kind = if facts.is_dir() {
                    if facts.dev() != device {
                        return Err(TreeError::OtherDevice { path: full });
                    }
                    open.push((full, path.clone()));
                    NodeKind::Folder
                } else if facts.is_symlink() {
                    let target = fs_err::read_link(&full).map_err(failed("reading a link", &full))?;
                    NodeKind::Link { target: target.into_os_string().into_vec() }
                } else if facts.is_file() {
                    NodeKind::File { same_as: None }
                } else {
                    NodeKind::Special
                };
                nodes.push(Node { path, kind, facts });
            }
        }
        nodes.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        let mut tree = Tree { root: root.to_owned(), nodes };
        tree.join_names();
        Ok(tree)
    }

    fn join_names(&mut self) {
        let mut first = HashMap::new();
        for (place, node) in self.nodes.iter_mut().enumerate().filter(|(_, node)| node.facts.nlink() > 1) {
            if let NodeKind::File { same_as } = &mut node.kind {
                match first.get(&node.facts.ino()) {
                    Some(earlier) => *same_as = Some(*earlier),
                    None => drop(first.insert(node.facts.ino(), place)),
                }
            }
        }
    }

    /// The path of a node on disk.
    pub fn full(&self, node: &Node) -> PathBuf {
        self.root.join(OsStr::from_bytes(&node.path))
    }

    /// The place of a path.
    pub fn find(&self, path: &[u8]) -> Option<usize> {
        self.nodes.binary_search_by(|node| node.path.as_slice().cmp(path)).ok()
    }

    /// The digest of all paths, kinds and sizes but those for which `is_out` holds, and how many they are.
    pub fn listing(&self, is_out: impl Fn(&Node) -> bool) -> (u64, Digest) {
        let (mut digester, mut count) = (Digester::new(), 0);
        for node in self.nodes.iter().filter(|node| !is_out(node)) {
            let (letter, size) = match &node.kind {
                NodeKind::Folder => (b'd', 0),
                NodeKind::File { .. } => (b'f', node.facts.size()),
                NodeKind::Link { target } => (b'l', target.len() as u64),
                NodeKind::Special => (b's', 0),
            };
            digester.update(&[letter]);
            digester.update(&size.to_le_bytes());
            digester.update(&node.path);
            digester.update(&[0]);
            count += 1;
        }
        (count, digester.finish())
    }
}

impl Node {
    /// The path as the user reads it.
    pub fn shown(&self) -> String {
        String::from_utf8_lossy(&self.path).into_owned()
    }

    /// Whether it has the bytes of a file of its own.
    pub fn is_first_name(&self) -> bool {
        matches!(self.kind, NodeKind::File { same_as: None })
    }

    /// Whether anyone may run it.
    pub fn is_program(&self) -> bool {
        self.facts.mode() & 0o111 != 0
    }
}

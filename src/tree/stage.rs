//! Puts a changed tree together beside the old one: what is unchanged gets a second name, what changes is written anew.
//!
//! Does not touch the old tree, so that it may be given up at any moment.

use std::ffi::OsStr;
use std::fs::OpenOptions;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::num::NonZeroUsize;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::at_once;
use crate::relocate::mapping::Mapping;
use crate::relocate::splice::{self, Splice};
use crate::tree::scan::extents;
use crate::tree::walk::{Node, NodeKind, Tree};
use crate::tree::{TreeError, attributes, failed};

/// What becomes of a path.
pub enum Content<'a> {
    Same,
    /// Ranges of the file are replaced.
    Spliced(&'a [Splice]),
    Whole(Vec<u8>),
    /// A link with another target.
    Link(&'a [u8]),
    /// It is left out.
    Gone,
}

/// A tree that is put together.
pub struct Stage<'a> {
    pub tree: &'a Tree,
    pub mapping: &'a Mapping,
    /// An empty folder on the same file system.
    pub folder: &'a Path,
    pub jobs: NonZeroUsize,
}

impl Stage<'_> {
    /// Puts the tree together; `content` tells what becomes of the node at a place.
    ///
    /// # Errors
    /// [`TreeError`]; what was put together so far stays and means nothing.
    pub fn build<'a, E: From<TreeError> + Send>(
        &self,
        content: impl Fn(usize) -> Result<Content<'a>, E> + Sync,
    ) -> Result<(), E> {
        let nodes = &self.tree.nodes;
        let folders: Vec<usize> = (0..nodes.len()).filter(|place| nodes[*place].kind == NodeKind::Folder).collect();
        for place in folders.iter().skip(1) {
            let path = self.new_path(&nodes[*place]);
            // Its own mode may not let anything in.
            let made = std::fs::DirBuilder::new().mode(0o700).create(&path);
            made.map_err(failed("making a folder", &path))?;
        }
        let is_later_name = |node: &Node| matches!(node.kind, NodeKind::File { same_as: Some(_) });
        let (later, others): (Vec<usize>, Vec<usize>) = (0..nodes.len())
            .filter(|place| nodes[*place].kind != NodeKind::Folder)
            .partition(|place| is_later_name(&nodes[*place]));
        at_once::each(&others, self.jobs.get(), |place| {
            let content = content(*place)?;
            self.put(&nodes[*place], &content)?;
            Ok::<(), E>(())
        })?;
        for place in later {
            let NodeKind::File { same_as: Some(first) } = nodes[place].kind else { continue };
            let (first, path) = (self.new_path(&nodes[first]), self.new_path(&nodes[place]));
            match std::fs::hard_link(&first, &path) {
                // The file is gone under all its names.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                linked => linked.map_err(failed("linking a file", &path))?,
            }
        }
        for place in folders.iter().rev() {
            let (old, new) = (self.tree.full(&nodes[*place]), self.new_path(&nodes[*place]));
            attributes::carry(&old, &nodes[*place].facts, &new).map_err(failed("finishing a folder", &new))?;
        }
        Ok(())
    }

    /// Where a node is in the new tree.
    pub fn new_path(&self, node: &Node) -> PathBuf {
        self.folder.join(OsStr::from_bytes(&node.path))
    }

    fn put(&self, node: &Node, content: &Content<'_>) -> Result<(), TreeError> {
        let (old, new) = (self.tree.full(node), self.new_path(node));
        let put = match content {
            Content::Gone => Ok(()),
            Content::Same => match std::fs::hard_link(&old, &new) {
                Ok(()) => Ok(()),
                // A file of somebody else, or with as many names as it may have (link(2)).
                Err(_) if node.is_first_name() => self.write(node, &old, &new, &[]),
                Err(error) => Err(error),
            },
            Content::Spliced(splices) => self.write(node, &old, &new, splices),
            Content::Whole(bytes) => create(&new, node).and_then(|mut file| {
                file.write_all(bytes)?;
                attributes::carry_open(&old, &node.facts, &file, &new)
            }),
            Content::Link(target) => std::os::unix::fs::symlink(OsStr::from_bytes(target), &new)
                .and_then(|()| attributes::carry(&old, &node.facts, &new)),
        };
        put.map_err(failed("writing a file", &new))
    }

    fn write(&self, node: &Node, old: &Path, new: &Path, splices: &[Splice]) -> io::Result<()> {
        let mut file = create(new, node)?;
        self.write_spliced(&mut fs_err::File::open(old)?, &mut file, splices)?;
        if file.metadata()?.len() != splice::new_size(node.facts.size(), splices, self.mapping) {
            return Err(io::Error::other("the file has another length than before"));
        }
        attributes::carry_open(old, &node.facts, &file, new)
    }

    fn write_spliced(&self, old: &mut fs_err::File, new: &mut std::fs::File, splices: &[Splice]) -> io::Result<()> {
        let facts = old.metadata()?;
        if splices.iter().all(|one| one.length == one.bytes(self.mapping).len() as u64) {
            // In place in a copy, in which the holes stay holes.
            if facts.blocks() * 512 + 4096 < facts.size() {
                new.set_len(facts.size())?;
                for (start, end) in extents(old, facts.size())? {
                    old.seek(SeekFrom::Start(start))?;
                    new.seek(SeekFrom::Start(start))?;
                    io::copy(&mut old.file().take(end - start), new)?;
                }
            } else {
                io::copy(&mut old.file(), new)?;
            }
            return splices.iter().try_for_each(|one| new.write_all_at(&one.bytes(self.mapping), one.offset));
        }
        let mut out = io::BufWriter::with_capacity(256 << 10, new);
        let mut at = 0;
        let mut reader = io::BufReader::with_capacity(256 << 10, old);
        for one in splices {
            io::copy(&mut reader.by_ref().take(one.offset - at), &mut out)?;
            out.write_all(&one.bytes(self.mapping))?;
            io::copy(&mut reader.by_ref().take(one.length), &mut io::sink())?;
            at = one.offset + one.length;
        }
        io::copy(&mut reader, &mut out)?;
        out.flush()
    }
}

fn create(path: &Path, node: &Node) -> io::Result<std::fs::File> {
    let mode = node.facts.mode() & 0o777 | 0o600;
    OpenOptions::new().read(true).write(true).create_new(true).mode(mode).open(path)
}

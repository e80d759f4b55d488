//! Reads the head of a commit straight from the packs, without the detours that objects of any kind need.
//!
//! What it cannot read (loose objects, deltas, alternates) it leaves to gix's object database.

use std::path::Path;

use gix::hash::{Kind, oid};
use gix::odb::pack::{data, index};
use gix::zlib::{Decompress, FlushDecompress};

/// How much of a commit is inflated: enough for tree, a dozen parents, author and committer.
const HEAD: usize = 2048;

/// The packs of one object folder.
pub struct Packs {
    /// The one that had the last commit is first.
    packs: Vec<Pack>,
    inflate: Decompress,
    head: Box<[u8; HEAD]>,
}

struct Pack {
    index: index::File,
    content: data::File,
}

impl Packs {
    /// Opens the packs of an object folder; those that cannot be opened are left to the object database, which
    /// words what is wrong.
    pub fn open(objects: &Path) -> Packs {
        let paths = fs_err::read_dir(objects.join("pack")).into_iter().flatten().flatten().map(|entry| entry.path());
        let indices = paths.filter(|path| path.extension().is_some_and(|extension| extension == "idx"));
        let open = |path: std::path::PathBuf| {
            let content = data::File::at(path.with_extension("pack"), Kind::Sha1).ok()?;
            Some(Pack { index: index::File::at(path, Kind::Sha1).ok()?, content })
        };
        let mut packs: Vec<Pack> = indices.filter_map(open).collect();
        packs.sort_by_key(|pack| std::cmp::Reverse(pack.index.num_objects()));
        Packs { packs, inflate: Decompress::new(), head: Box::new([0; HEAD]) }
    }

    /// The first bytes of a commit, [`HEAD`] at most; `None` for what is not simply there.
    pub fn commit(&mut self, id: &oid) -> Option<&[u8]> {
        let lookup = |(place, pack): (usize, &Pack)| Some((place, pack.index.lookup(id)?));
        let (place, entry) = self.packs.iter().enumerate().find_map(lookup)?;
        self.packs.swap(0, place);
        let Pack { index, content } = &self.packs[0];
        let entry = content.entry(index.pack_offset_at_index(entry)).ok()?;
        if entry.header != data::entry::Header::Commit {
            return None;
        }
        let packed = content.entry_slice(entry.data_offset..content.pack_end() as u64)?;
        self.inflate.reset();
        self.inflate.decompress(packed, &mut self.head[..], FlushDecompress::Finish).ok()?;
        let length = self.inflate.total_out() as usize;
        Some(&self.head[..length])
    }
}

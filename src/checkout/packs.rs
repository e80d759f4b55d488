//! Reads commits straight from the packs, without the detours that objects of any kind need: one by one at first,
//! many at once when the walk gets long.
//!
//! What it cannot read (loose objects, deltas, alternates) it leaves to gix's object database.

use std::cmp::Reverse;
use std::path::{Path, PathBuf};

use gix::hash::{Kind, oid};
use gix::odb::pack::{data, index};
use gix::zlib::{Decompress, FlushDecompress};

use crate::checkout::bulk::{Bulk, Rows};

/// How much of a commit is inflated: enough for tree, a dozen parents, author and committer.
pub const HEAD: usize = 2048;

/// How many commits are read one by one before many are read at once; a walk to a near tag ends earlier.
const FEW: usize = 4000;

/// The packs of one object folder.
pub struct Packs {
    /// The one that had the last commit is first.
    packs: Vec<Pack>,
    inflate: Decompress,
    head: Box<[u8; HEAD]>,
    /// How many commits were read.
    count: usize,
}

struct Pack {
    index: index::File,
    content: data::File,
    bulk: BulkState,
}

enum BulkState {
    NotYet,
    Open(Bulk),
    Impossible,
}

impl Packs {
    /// Opens the packs of an object folder; those that cannot be opened are left to the object database, which
    /// words what is wrong.
    pub fn open(objects: &Path) -> Packs {
        let paths = fs_err::read_dir(objects.join("pack")).into_iter().flatten().flatten().map(|entry| entry.path());
        let indices = paths.filter(|path| path.extension().is_some_and(|extension| extension == "idx"));
        let open = |path: PathBuf| {
            let content = data::File::at(path.with_extension("pack"), Kind::Sha1).ok()?;
            Some(Pack { index: index::File::at(path, Kind::Sha1).ok()?, content, bulk: BulkState::NotYet })
        };
        let mut packs: Vec<Pack> = indices.filter_map(open).collect();
        packs.sort_by_key(|pack| Reverse(pack.index.num_objects()));
        Packs { packs, inflate: Decompress::new(), head: Box::new([0; HEAD]), count: 0 }
    }

    /// The first bytes of a commit, [`HEAD`] at most; `None` for what is not simply there.
    pub fn commit(&mut self, id: &oid) -> Option<&[u8]> {
        let entry = self.find(id)?;
        self.count += 1;
        let Pack { index, content, .. } = &self.packs[0];
        let entry = content.entry(index.pack_offset_at_index(entry)).ok()?;
        if entry.header != data::entry::Header::Commit {
            return None;
        }
        let packed = content.entry_slice(entry.data_offset..content.pack_end() as u64)?;
        let length = inflate_head(&mut self.inflate, packed, &mut self.head)?;
        Some(&self.head[..length])
    }

    /// Reads the commits that lie around this one in its pack, once a walk has become long; `None` before that, and
    /// where they were read already.
    pub fn many_around(&mut self, id: &oid) -> Option<Rows> {
        if self.count < FEW {
            return None;
        }
        let entry = self.find(id)?;
        let pack = &mut self.packs[0];
        if let BulkState::NotYet = pack.bulk {
            let bulk = Bulk::open(pack.content.path(), &pack.index);
            pack.bulk = bulk.map_or(BulkState::Impossible, BulkState::Open);
        }
        let BulkState::Open(bulk) = &mut pack.bulk else { return None };
        // What is read in vain stays a small part of what was needed.
        let rows = bulk.around(&pack.index, entry, self.count / 4)?;
        self.count += rows.iter().count();
        Some(rows)
    }

    /// The place of an object in the index of the pack that has it, which then is the first.
    fn find(&mut self, id: &oid) -> Option<index::EntryIndex> {
        let lookup = |(place, pack): (usize, &Pack)| Some((place, pack.index.lookup(id)?));
        let (place, entry) = self.packs.iter().enumerate().find_map(lookup)?;
        self.packs.swap(0, place);
        Some(entry)
    }
}

/// Inflates the start of an object; gives the count of bytes.
pub fn inflate_head(inflate: &mut Decompress, packed: &[u8], head: &mut [u8; HEAD]) -> Option<usize> {
    inflate.reset();
    inflate.decompress(packed, head, FlushDecompress::Finish).ok()?;
    usize::try_from(inflate.total_out()).ok()
}

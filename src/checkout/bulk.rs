//! Reads many commits of one pack at once: in the order of the pack, on all processors, without mapping the file.
//!
//! Commits lie together in a pack in about the order in which a walk meets them (git-pack-objects(1)), so what lies
//! around the one that is needed is needed next. Does not look at deltas: a commit may be one, but few are.

use std::ops::Range;
use std::path::Path;

use fs_err::File;
use fs_err::os::unix::fs::FileExt;
use gix::ObjectId;
use gix::hash::oid;
use gix::odb::pack::index::{self, EntryIndex};
use gix::zlib::Decompress;

use crate::checkout::commit_text::parse;
use crate::checkout::packs::{HEAD, inflate_head};

/// How many objects are a block, which is read as a whole or not at all.
const BLOCK: usize = 1024;

/// The most blocks that are read at once.
const MOST_BLOCKS: usize = 32;

/// Larger packed objects are passed over, in bytes; a commit has a few hundred.
const LARGEST: u64 = 16 << 10;

/// How much of the pack is read in one go, in bytes.
const SPAN: u64 = 1 << 20;

/// The number of a commit in the head of a pack entry (gitformat-pack(5)).
const COMMIT: u8 = 1;

/// The state of reading one pack.
pub struct Bulk {
    file: File,
    /// The objects by their place in the pack, as places in the index.
    order: Vec<EntryIndex>,
    /// Where the last object ends, in bytes.
    end: u64,
    /// Whether a block was read.
    done: Vec<bool>,
    last: usize,
}

/// Commits as they say they are.
#[derive(Default)]
pub struct Rows {
    rows: Vec<(ObjectId, i64, u32)>,
    parents: Vec<ObjectId>,
}

impl Rows {
    /// Id, date and parents of each.
    pub fn iter(&self) -> impl Iterator<Item = (&oid, i64, &[ObjectId])> {
        let mut start = 0;
        self.rows.iter().map(move |(id, date, end)| {
            let parents = &self.parents[start..*end as usize];
            start = *end as usize;
            (&**id, *date, parents)
        })
    }
}

impl Bulk {
    /// Prepares to read a pack; `None` for one that cannot be read in this way.
    pub fn open(pack: &Path, index: &index::File) -> Option<Bulk> {
        let file = File::open(pack).ok()?;
        // The pack ends with a digest.
        let end = file.metadata().ok()?.len().checked_sub(20)?;
        let order = reverse_index(&pack.with_extension("rev"), index).unwrap_or_else(|| {
            let mut order: Vec<EntryIndex> = (0..index.num_objects()).collect();
            order.sort_unstable_by_key(|entry| index.pack_offset_at_index(*entry));
            order
        });
        let done = vec![false; order.len().div_ceil(BLOCK)];
        Some(Bulk { file, order, end, done, last: 0 })
    }

    /// Reads the block of an object and the ones next to it, up to `most` objects but one block at least; `None`
    /// where that was done already.
    pub fn around(&mut self, index: &index::File, entry: EntryIndex, most: usize) -> Option<Rows> {
        let offset = index.pack_offset_at_index(entry);
        let rank = self.order.partition_point(|other| index.pack_offset_at_index(*other) < offset);
        let first = rank / BLOCK;
        if *self.done.get(first)? {
            return None;
        }
        // Newest first in packs that git sent; oldest first in those of git fast-import.
        let is_backward = first < self.last;
        let mut blocks = Vec::new();
        for step in 0..(most / BLOCK).clamp(1, MOST_BLOCKS) {
            let block = if is_backward { first.checked_sub(step) } else { Some(first + step) };
            let Some(block) = block.filter(|block| self.done.get(*block) == Some(&false)) else { break };
            self.done[block] = true;
            blocks.push(block);
        }
        self.last = first;
        Some(self.read(index, &blocks))
    }

    fn read(&self, index: &index::File, blocks: &[usize]) -> Rows {
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(blocks.len());
        let share = blocks.len().div_ceil(threads);
        let mut all = Rows::default();
        std::thread::scope(|scope| {
            let work = |blocks: &[usize]| {
                let mut reader = Reader { bulk: self, index, inflate: Decompress::new(), rows: Rows::default() };
                blocks.iter().for_each(|block| reader.block(*block));
                reader.rows
            };
            let mut shares = blocks.chunks(share);
            let mine = shares.next().unwrap_or_default();
            let others: Vec<_> = shares.map(|blocks| scope.spawn(move || work(blocks))).collect();
            all = work(mine);
            for other in others {
                // A thread that panicked reports it itself; what it should have read is then read one by one.
                let Ok(rows) = other.join() else { continue };
                let before = all.parents.len() as u32;
                all.rows.extend(rows.rows.into_iter().map(|(id, date, end)| (id, date, end + before)));
                all.parents.extend(rows.parents);
            }
        });
        all
    }

    fn offset(&self, index: &index::File, rank: usize) -> u64 {
        self.order.get(rank).map_or(self.end, |entry| index.pack_offset_at_index(*entry))
    }
}

/// What one thread needs to read blocks.
struct Reader<'a> {
    bulk: &'a Bulk,
    index: &'a index::File,
    inflate: Decompress,
    rows: Rows,
}

impl Reader<'_> {
    fn block(&mut self, block: usize) {
        let ranks = block * BLOCK..((block + 1) * BLOCK).min(self.bulk.order.len());
        let offsets: Vec<u64> = (ranks.start..=ranks.end).map(|rank| self.bulk.offset(self.index, rank)).collect();
        let length = |place: usize| offsets[place + 1].saturating_sub(offsets[place]);
        let mut from = 0;
        while from < ranks.len() {
            if length(from) > LARGEST {
                from += 1;
                continue;
            }
            let is_near = |to: &usize| length(*to) <= LARGEST && offsets[to + 1] - offsets[from] <= SPAN;
            let to = (from + 1..ranks.len()).find(|to| !is_near(to)).unwrap_or(ranks.len());
            self.span(ranks.start + from, &offsets[from..=to]);
            from = to;
        }
    }

    /// Reads objects that lie together; `offsets` has the end of the last one too.
    fn span(&mut self, rank: usize, offsets: &[u64]) {
        let (start, end) = (offsets[0], offsets[offsets.len() - 1]);
        let mut bytes = vec![0; (end - start) as usize];
        if self.bulk.file.read_exact_at(&mut bytes, start).is_err() {
            return;
        }
        let mut head = [0; HEAD];
        for (place, bounds) in offsets.windows(2).enumerate() {
            let Range { start, end } = (bounds[0] - start) as usize..(bounds[1] - start) as usize;
            let packed = &bytes[start..end];
            let Some(length) = packed.iter().position(|byte| byte & 0x80 == 0) else { continue };
            if packed[0] >> 4 & 7 != COMMIT {
                continue;
            }
            let Some(length) = inflate_head(&mut self.inflate, &packed[length + 1..], &mut head) else { continue };
            let mut parents = std::mem::take(&mut self.rows.parents);
            let before = parents.len();
            match parse(&head[..length], &mut parents) {
                Some(date) => {
                    let id = self.index.oid_at_index(self.bulk.order[rank + place]).to_owned();
                    self.rows.rows.push((id, date, parents.len() as u32));
                }
                None => parents.truncate(before),
            }
            self.rows.parents = parents;
        }
    }
}

/// Reads the order of a pack's objects from its `.rev` file (gitformat-pack(5)); `None` without a right one.
fn reverse_index(path: &Path, index: &index::File) -> Option<Vec<EntryIndex>> {
    let bytes = fs_err::read(path).ok()?;
    let count = index.num_objects() as usize;
    // Signature, version 1, digest 1 (SHA-1); at the end the digests of the pack and of this file.
    let body = bytes.strip_prefix(b"RIDX\0\0\0\x01\0\0\0\x01").filter(|body| body.len() == 4 * count + 40)?;
    let (entries, _) = body[..4 * count].as_chunks();
    let order: Vec<EntryIndex> = entries.iter().map(|bytes| EntryIndex::from_be_bytes(*bytes)).collect();
    order.iter().all(|entry| (*entry as usize) < count).then_some(order)
}

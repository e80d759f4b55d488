//! The commits that were met in a repository without a commit-graph: about 45 bytes each, by number.
//!
//! Does not read them; `history.rs` does.

use gix::ObjectId;
use gix::hash::oid;

/// The length of an object id (SHA-1), in bytes.
const ID: usize = 20;

/// Marks a free place of the table.
const FREE: u32 = u32::MAX;

/// Not read yet, instead of a place in the pool.
const UNREAD: u32 = u32::MAX;
/// Read, and without parents.
const ROOT: u32 = u32::MAX - 1;
/// Read, and its parents are not at hand.
const BORDER: u32 = u32::MAX - 2;

/// Commit ids by number, and number by commit id, with dates and parents of those that were read.
#[derive(Default)]
pub struct Known {
    ids: Vec<[u8; ID]>,
    dates: Vec<i64>,
    /// Where the parents of a commit are in the pool.
    places: Vec<u32>,
    /// For each commit read, the count of its parents and their numbers.
    pool: Vec<u32>,
    /// Open addressing by the first bytes of the id, which are as good as random.
    table: Vec<u32>,
}

impl Known {
    pub fn id(&self, number: u32) -> ObjectId {
        ObjectId::from_bytes_or_panic(&self.ids[number as usize])
    }

    /// The number of a commit, a new one if it was not met before.
    pub fn number(&mut self, id: &oid) -> u32 {
        if self.ids.len() * 2 >= self.table.len() {
            self.grow();
        }
        let bytes: [u8; ID] = id.as_bytes().try_into().expect("only SHA-1 is compiled in, whose ids have 20 bytes");
        let mut place = self.place(&bytes);
        while self.table[place] != FREE {
            if self.ids[self.table[place] as usize] == bytes {
                return self.table[place];
            }
            place = (place + 1) & (self.table.len() - 1);
        }
        let number = u32::try_from(self.ids.len()).expect("git has at most 2^31 objects in a pack");
        self.table[place] = number;
        self.ids.push(bytes);
        self.dates.push(0);
        self.places.push(UNREAD);
        number
    }

    pub fn is_read(&self, number: u32) -> bool {
        self.places[number as usize] != UNREAD
    }

    pub fn date(&self, number: u32) -> i64 {
        self.dates[number as usize]
    }

    pub fn is_border(&self, number: u32) -> bool {
        self.places[number as usize] == BORDER
    }

    pub fn parents(&self, number: u32) -> &[u32] {
        match self.places[number as usize] {
            UNREAD | ROOT | BORDER => &[],
            place => {
                let (place, count) = (place as usize, self.pool[place as usize] as usize);
                &self.pool[place + 1..=place + count]
            }
        }
    }

    /// Keeps what was read of a commit.
    pub fn keep(&mut self, number: u32, date: i64, parents: &[u32]) {
        self.dates[number as usize] = date;
        self.places[number as usize] = ROOT;
        if !parents.is_empty() {
            self.places[number as usize] = u32::try_from(self.pool.len()).expect("fewer than 2^32 parents in all");
            self.pool.push(parents.len() as u32);
            self.pool.extend_from_slice(parents);
        }
    }

    /// Keeps a commit whose parents are not at hand.
    pub fn keep_border(&mut self, number: u32, date: i64) {
        self.dates[number as usize] = date;
        self.places[number as usize] = BORDER;
    }

    fn place(&self, bytes: &[u8; ID]) -> usize {
        let [a, b, c, d, ..] = *bytes;
        u32::from_le_bytes([a, b, c, d]) as usize & (self.table.len() - 1)
    }

    fn grow(&mut self) {
        self.table = vec![FREE; (self.table.len() * 2).max(256)];
        for number in 0..self.ids.len() {
            let mut place = self.place(&self.ids[number]);
            while self.table[place] != FREE {
                place = (place + 1) & (self.table.len() - 1);
            }
            self.table[place] = number as u32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_finds_every_commit_again_and_keeps_its_parents() {
        let id = |n: u32| {
            let mut bytes = [7; ID];
            bytes[2..6].copy_from_slice(&n.to_be_bytes());
            ObjectId::from_bytes_or_panic(&bytes)
        };
        let mut known = Known::default();
        for n in 0..1000 {
            assert_eq!(known.number(&id(n)), n);
        }
        known.keep(7, -3, &[8, 9]);
        known.keep(8, 1, &[]);
        known.keep_border(9, 2);
        assert!((0..1000).all(|n| known.number(&id(n)) == n && known.id(n) == id(n)));
        assert_eq!((known.date(7), known.parents(7)), (-3, &[8, 9][..]));
        assert!(known.parents(8).is_empty() && !known.is_border(8) && known.is_read(8));
        assert!(known.is_border(9) && known.parents(9).is_empty() && !known.is_read(10));
    }
}

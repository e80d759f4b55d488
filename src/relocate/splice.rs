//! What changes in a file: ranges of the old bytes and what stands in their place.
//!
//! Finds nothing (`mapping.rs`) and writes nothing to disk (`tree/`).

use std::borrow::Cow;

use crate::relocate::mapping::{Hit, Mapping};

/// One range of the old bytes that gives way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Splice {
    pub offset: u64,
    /// How many old bytes go.
    pub length: u64,
    pub new: New,
}

/// What comes in place of a range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum New {
    /// The new prefix of a pair.
    Exact(usize),
    /// The new prefix of a pair, with slashes before it up to the length of the range.
    Padded(usize),
    Bytes(Vec<u8>),
}

/// A place whose length may not change and that is too short for the new prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooShort {
    pub offset: u64,
    /// The longest prefix that fits, in bytes.
    pub room: u64,
    pub pair: usize,
}

/// The splices of text: the length of the file may change.
pub fn of_text(hits: &[Hit], mapping: &Mapping) -> Vec<Splice> {
    let exact =
        |hit: &Hit| Splice { offset: hit.offset, length: mapping.old(hit).len() as u64, new: New::Exact(hit.pair) };
    hits.iter().filter(|hit| !hit.is_joined).map(exact).collect()
}

/// The splices of everything else: strings keep their length, so that those with a stored one (Rust, Go,
/// `string_view`, Fortran) and those that share the tail of another one stay right. The new prefix is padded in front:
/// leading slashes are one slash to the kernel (path_resolution(7)).
pub fn of_fixed(hits: &[Hit], mapping: &Mapping) -> (Vec<Splice>, Vec<TooShort>) {
    let (mut splices, mut short) = (Vec::new(), Vec::new());
    for hit in hits {
        let slashes = u64::from(hit.slashes);
        let room = mapping.old(hit).len() as u64 + slashes;
        if mapping.new_of(hit).len() as u64 > room {
            short.push(TooShort { offset: hit.offset, room, pair: hit.pair });
        } else {
            // A token is no path: it has no slash of its own.
            splices.push(Splice { offset: hit.offset - slashes, length: room, new: New::Padded(hit.pair) });
        }
    }
    (splices, short)
}

/// The splices of a file that conda has put its prefix into, which was made with a placeholder of `room` bytes: each
/// string has NUL bytes behind it for what the placeholder was longer, and so may grow up to that. Strings that do not
/// look so are changed as by [`of_fixed`].
pub fn of_conda(bytes: &[u8], hits: &[Hit], mapping: &Mapping, room: usize) -> (Vec<Splice>, Vec<TooShort>) {
    // In memory, so that it fits.
    let end_of = |hit: &Hit| {
        let start = hit.offset as usize + mapping.old(hit).len();
        memchr::memchr(0, bytes.get(start..).unwrap_or_default()).map(|end| start + end)
    };
    let (mut splices, mut short) = (Vec::new(), Vec::new());
    for group in hits.chunk_by(|one, next| end_of(one) == end_of(next)) {
        let spare: usize = group.iter().map(|hit| room.saturating_sub(mapping.old(hit).len())).sum();
        let first = group[0].offset as usize;
        let is_padded = spare > 0 && group.iter().all(|hit| hit.slashes == 0);
        let end = end_of(&group[0]).filter(|_| is_padded);
        let end =
            end.filter(|end| bytes.get(*end..*end + spare + 1).is_some_and(|pad| pad.iter().all(|byte| *byte == 0)));
        let Some(end) = end else {
            let (more, shorter) = of_fixed(group, mapping);
            splices.extend(more);
            short.extend(shorter);
            continue;
        };
        let exact = |hit: &Hit| Splice {
            offset: hit.offset - first as u64,
            length: mapping.old(hit).len() as u64,
            new: New::Exact(hit.pair),
        };
        let mut new = apply(&bytes[first..end], &group.iter().map(exact).collect::<Vec<_>>(), mapping);
        let length = end - first + spare;
        if new.len() > length {
            short.extend(group.iter().map(|hit| TooShort { offset: hit.offset, room: room as u64, pair: hit.pair }));
            continue;
        }
        new.resize(length, 0);
        splices.push(Splice { offset: first as u64, length: length as u64, new: New::Bytes(new) });
    }
    (splices, short)
}

impl Splice {
    /// The bytes that come in.
    pub fn bytes<'a>(&'a self, mapping: &'a Mapping) -> Cow<'a, [u8]> {
        match &self.new {
            New::Exact(pair) => Cow::Borrowed(&mapping.pairs()[*pair].new),
            New::Padded(pair) => {
                let new = &mapping.pairs()[*pair].new;
                // `of_fixed` makes sure that it fits, and a range lies in memory or is as short as a path.
                let room = usize::try_from(self.length).unwrap_or(usize::MAX);
                let mut padded = vec![b'/'; room.saturating_sub(new.len())];
                padded.extend_from_slice(new);
                Cow::Owned(padded)
            }
            New::Bytes(bytes) => Cow::Borrowed(bytes),
        }
    }

    fn added(&self, mapping: &Mapping) -> u64 {
        match &self.new {
            New::Exact(pair) => mapping.pairs()[*pair].new.len() as u64,
            New::Padded(_) => self.length,
            New::Bytes(bytes) => bytes.len() as u64,
        }
    }
}

/// The length of a file after its splices.
pub fn new_size(old: u64, splices: &[Splice], mapping: &Mapping) -> u64 {
    splices.iter().fold(old, |size, one| (size + one.added(mapping)).saturating_sub(one.length))
}

/// The new bytes of a file that is wholly in memory; what lies outside of it is left out.
pub fn apply(old: &[u8], splices: &[Splice], mapping: &Mapping) -> Vec<u8> {
    let place = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX).min(old.len());
    let (mut new, mut at) = (Vec::with_capacity(old.len() + 256), 0);
    for splice in splices {
        let start = place(splice.offset).max(at);
        new.extend_from_slice(&old[at..start]);
        new.extend_from_slice(&splice.bytes(mapping));
        at = place(splice.offset.saturating_add(splice.length)).max(start);
    }
    new.extend_from_slice(&old[at..]);
    new
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::relocate::mapping::{Found, Pair, Window};

    fn moved(bytes: &[u8], from: &str, to: &str, is_text: bool) -> Vec<u8> {
        let mapping = Mapping::new([Pair { old: from.into(), new: to.into() }]).unwrap();
        let mut found = Found::default();
        mapping.search(Window { bytes, base: 0 }, 0..bytes.len(), &mut found);
        let splices = if is_text { of_text(&found.hits, &mapping) } else { of_fixed(&found.hits, &mapping).0 };
        apply(bytes, &splices, &mapping)
    }

    #[test]
    fn fixed_strings_keep_their_length_and_name_the_room_they_have() {
        assert_eq!(moved(b"a\0/old/p/lib\0", "/old/p", "/n", false), b"a\0/////n/lib\0");
        assert_eq!(moved(b"a\0/////n/lib\0", "/n", "/old/p", false), b"a\0/old/p/lib\0");
        let mapping = Mapping::new([Pair { old: "/p".into(), new: "/long".into() }]).unwrap();
        let hits = [Hit { offset: 7, pair: 0, slashes: 1, is_joined: false }];
        assert_eq!(of_fixed(&hits, &mapping), (vec![], vec![TooShort { offset: 7, room: 3, pair: 0 }]));
    }

    #[test]
    fn strings_that_conda_padded_grow_up_to_the_placeholder_and_come_back() {
        let moved = |bytes: &[u8], from: &str, to: &str| {
            let mapping = Mapping::new([Pair { old: from.into(), new: to.into() }]).unwrap();
            let mut found = Found::default();
            mapping.search(Window { bytes, base: 0 }, 0..bytes.len(), &mut found);
            let (splices, short) = of_conda(bytes, &found.hits, &mapping, 10);
            (apply(bytes, &splices, &mapping), short)
        };
        let old = b"x\0/e/lib:/e\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0y\0/e\0z";
        let (new, short) = moved(old, "/e", "/other");
        assert_eq!(new, b"x\0/other/lib:/other\0\0\0\0\0\0\0\0\0y\0/e\0z");
        assert_eq!(short, [TooShort { offset: 30, room: 2, pair: 0 }]);
        assert_eq!(moved(&new, "/other", "/e").0, old);
        assert_eq!(moved(old, "/e", "/longer-than").1[0].room, 10);
    }

    proptest! {
        /// The law: where the second prefix is not in the data before, going there and back gives the same bytes;
        /// in what is not text it must fit into the first.
        #[test]
        fn there_and_back_gives_the_same_bytes(
            words in prop::collection::vec(prop_oneof![
                Just("/old/prefix"), Just("/lib"), Just("-old"), Just("x"), Just(" "), Just("\0"), Just("//"),
                Just(":"), Just("."), Just("\n"), Just("-L"), Just("é"), Just("\\"),
            ], 0..40),
            other in prop_oneof![Just("/n"), Just("/new/place"), Just("/new/pr.fix"), Just("/new/place/that/is/long")],
        ) {
            let bytes = words.concat().into_bytes();
            let text = bytes.iter().copied().filter(|byte| *byte != 0).collect::<Vec<u8>>();
            prop_assert_eq!(&moved(&moved(&text, "/old/prefix", other, true), other, "/old/prefix", true), &text);
            if other.len() <= "/old/prefix".len() {
                let there = moved(&bytes, "/old/prefix", other, false);
                prop_assert_eq!(there.len(), bytes.len());
                prop_assert_eq!(moved(&there, other, "/old/prefix", false), bytes);
            }
        }
    }
}

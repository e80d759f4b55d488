//! Replaces placeholders at recorded offsets while a file streams by, piece by piece.
//!
//! Does not search: an offset at which there is no placeholder is an error, never a guess.

use crate::model::package::Relocations;
use crate::model::prefix::{Placeholder, Prefix, PrefixTooLong};

/// What is written in place of one placeholder, for one prefix.
#[derive(Debug, Clone)]
pub struct Replacement {
    placeholder: Vec<u8>,
    exact: Vec<u8>,
    padded: Vec<u8>,
}

impl Replacement {
    /// Prepares both forms of the prefix.
    ///
    /// # Errors
    /// [`PrefixTooLong`] when the prefix has more bytes than the placeholder.
    pub fn new(placeholder: &Placeholder, prefix: &Prefix) -> Result<Replacement, PrefixTooLong> {
        Ok(Replacement {
            placeholder: placeholder.as_bytes().to_owned(),
            exact: prefix.as_bytes().to_owned(),
            padded: placeholder.padded(prefix)?,
        })
    }

    /// Starts on the first byte of a file with these relocations.
    pub fn start<'a>(&'a self, relocations: &'a Relocations) -> Patcher<'a> {
        let may_grow = !relocations.text.is_empty();
        Patcher {
            offsets: if may_grow { &relocations.text } else { &relocations.fixed },
            replacement: self,
            may_grow,
            position: 0,
        }
    }
}

/// Patches one file. Feed it all pieces in order, then ask [`Patcher::is_done`].
#[derive(Debug)]
pub struct Patcher<'a> {
    /// The offsets whose placeholder has not gone by completely.
    offsets: &'a [u64],
    replacement: &'a Replacement,
    may_grow: bool,
    /// How many bytes have gone by.
    position: u64,
}

impl Patcher<'_> {
    /// Takes the next piece of the file and gives what stands in its place: the piece itself, patched where it is,
    /// or `spare` with the piece rewritten where the length changes.
    ///
    /// # Errors
    /// [`NoPlaceholder`] when other bytes than the placeholder's lie at a recorded offset.
    pub fn feed<'b>(&mut self, piece: &'b mut [u8], spare: &'b mut Vec<u8>) -> Result<&'b [u8], NoPlaceholder> {
        if self.may_grow {
            spare.clear();
            self.rewrite(piece, spare)?;
            Ok(spare)
        } else {
            self.overwrite(piece)?;
            Ok(piece)
        }
    }

    /// Whether every recorded placeholder went by completely.
    pub fn is_done(&self) -> bool {
        self.offsets.is_empty()
    }

    fn overwrite(&mut self, piece: &mut [u8]) -> Result<(), NoPlaceholder> {
        let whole: &Replacement = self.replacement;
        let mut at = 0;
        while let Some(part) = self.next_part(piece, at)? {
            piece[part.from..part.to].copy_from_slice(&whole.padded[part.done..part.done + (part.to - part.from)]);
            at = part.to;
        }
        self.position += piece.len() as u64;
        Ok(())
    }

    fn rewrite(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Result<(), NoPlaceholder> {
        let whole: &Replacement = self.replacement;
        let mut at = 0;
        while let Some(part) = self.next_part(piece, at)? {
            out.extend_from_slice(&piece[at..part.from]);
            if part.is_last {
                out.extend_from_slice(&whole.exact);
            }
            at = part.to;
        }
        out.extend_from_slice(&piece[at..]);
        self.position += piece.len() as u64;
        Ok(())
    }

    /// The next placeholder, or part of one, in the piece from `at` on; checked byte by byte.
    fn next_part(&mut self, piece: &[u8], at: usize) -> Result<Option<Part>, NoPlaceholder> {
        let Some(&offset) = self.offsets.first() else { return Ok(None) };
        let here = self.position + at as u64;
        let end = self.position + piece.len() as u64;
        if offset >= end || at == piece.len() {
            return Ok(None);
        }
        // Offsets are apart by at least a placeholder, so `here` is never past the start of a new one.
        let from = offset.max(here);
        let done = fits(from - offset);
        let left = self.replacement.placeholder.len() - done;
        let from = fits(from - self.position);
        let to = piece.len().min(from + left);
        if piece[from..to] != self.replacement.placeholder[done..done + (to - from)] {
            return Err(NoPlaceholder { offset });
        }
        let is_last = to - from == left;
        if is_last {
            self.offsets = &self.offsets[1..];
        }
        Ok(Some(Part { from, to, done, is_last }))
    }
}

/// A distance inside one piece or one placeholder, both of which lie in memory.
fn fits(distance: u64) -> usize {
    usize::try_from(distance).unwrap_or(usize::MAX)
}

/// A placeholder, or part of one, in a piece: its range there, and how many of its bytes came before.
struct Part {
    from: usize,
    to: usize,
    done: usize,
    is_last: bool,
}

/// At a recorded offset lies something else than the placeholder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no placeholder at offset {offset}")]
pub struct NoPlaceholder {
    pub offset: u64,
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;

    fn patched(bytes: &[u8], pieces: &[usize], relocations: &Relocations, prefix: &str) -> Vec<u8> {
        let placeholder = Placeholder::with_length(64).unwrap();
        let replacement = Replacement::new(&placeholder, &Prefix::new(Path::new(prefix)).unwrap()).unwrap();
        let mut patcher = replacement.start(relocations);
        let (mut out, mut spare, mut rest) = (Vec::new(), Vec::new(), bytes.to_owned());
        let mut sizes = pieces.iter().cycle();
        while !rest.is_empty() {
            let tail = rest.split_off(rest.len().min(*sizes.next().unwrap()));
            out.extend_from_slice(patcher.feed(&mut rest, &mut spare).unwrap());
            rest = tail;
        }
        assert!(patcher.is_done());
        out
    }

    proptest! {
        #[test]
        fn patching_at_offsets_is_the_same_as_replacing_by_search(
            gaps in prop::collection::vec(0usize..90, 0..8),
            tail in 0usize..90,
            pieces in prop::collection::vec(1usize..200, 1..6),
            is_text: bool,
        ) {
            let placeholder = Placeholder::with_length(64).unwrap();
            let mut bytes = Vec::new();
            let mut offsets = Vec::new();
            for gap in gaps {
                bytes.extend((0..gap).map(|n| b'a' + (n % 26) as u8));
                offsets.push(bytes.len() as u64);
                bytes.extend_from_slice(placeholder.as_bytes());
            }
            bytes.extend((0..tail).map(|_| b'.'));
            let text = String::from_utf8(bytes.clone()).unwrap();
            let prefix = Prefix::new(Path::new("/p/q")).unwrap();
            let (relocations, expected) = if is_text {
                (Relocations { text: offsets, fixed: vec![] }, text.replace(placeholder.as_str(), "/p/q"))
            } else {
                let padded = String::from_utf8(placeholder.padded(&prefix).unwrap()).unwrap();
                (Relocations { text: vec![], fixed: offsets }, text.replace(placeholder.as_str(), &padded))
            };
            prop_assert_eq!(patched(&bytes, &pieces, &relocations, "/p/q"), expected.into_bytes());
        }
    }

    #[test]
    fn offset_without_a_placeholder_is_an_error_even_when_only_a_part_has_come() {
        let placeholder = Placeholder::with_length(64).unwrap();
        let replacement = Replacement::new(&placeholder, &Prefix::new(Path::new("/p")).unwrap()).unwrap();
        for relocations in [Relocations { text: vec![3], fixed: vec![] }, Relocations { text: vec![], fixed: vec![3] }]
        {
            let mut patcher = replacement.start(&relocations);
            let mut piece = *b"abc/opt!";
            assert_eq!(patcher.feed(&mut piece, &mut Vec::new()), Err(NoPlaceholder { offset: 3 }));
        }
    }
}

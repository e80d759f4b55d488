//! Decides what becomes of prefixes whose slashes are escaped: in texts they are replaced, elsewhere they are told.
//!
//! Finding them is `relocate/escaped.rs`.

use crate::flow::relocate::plan::File;
use crate::flow::relocate::{Aim, Error, Left, Why};
use crate::relocate::escaped::Escaped;
use crate::relocate::splice::{New, Splice};
use crate::tree::Scanned;

impl File<'_> {
    /// What comes in place of the escaped prefixes of a text, and the first one if they stay: a record has no way to
    /// name them, and nothing relative stands for them. Hits within them are dropped.
    pub fn escaped(&self, one: &mut Scanned, is_text: bool) -> Result<(Vec<Splice>, Option<Left>), Error> {
        let Some(first) = one.escaped else { return Ok((Vec::new(), None)) };
        let tell = |offset| Ok((Vec::new(), Some(self.left(Some(offset), Why::Escaped))));
        let Some(bytes) = self.bytes(&one.kept)? else { return tell(first) };
        let places = Escaped::new(self.mapping).places(&bytes);
        let Some(first) = places.first() else { return Ok((Vec::new(), None)) };
        let may_change = is_text && !matches!(self.options.aim, Aim::Relative(_)) && self.options.record.is_none();
        if !may_change {
            return tell(first.offset as u64);
        }
        one.found.hits.retain(|hit| {
            let next = places.partition_point(|place| (place.offset + place.length) as u64 <= hit.offset);
            places.get(next).is_none_or(|place| hit.offset < place.offset as u64)
        });
        let splice = |place: crate::relocate::escaped::Place| Splice {
            offset: place.offset as u64,
            length: place.length as u64,
            new: New::Bytes(place.new),
        };
        Ok((places.into_iter().map(splice).collect(), None))
    }
}

//! Finds texts that a source splits over strings side by side (`"/home" "/ada"`, `"/home" + "/ada"`) or over lines that
//! go on.
//!
//! Does not find what stands in one piece; `traces.rs` does.

use std::ops::Range;

use memchr::memmem::Finder;

use crate::audit::traces::{Sought, TraceForm, TraceHit, is_whole};

/// So much of a text is put together at once, in bytes: a bound on memory.
const CHUNK: usize = 256 << 10;

/// The most white space between two strings that are put together, in bytes.
const WIDEST: usize = 200;

/// Searches texts as they read when their strings are put together.
pub struct JoinedFinder {
    needles: Vec<(Finder<'static>, Sought)>,
    longest: usize,
}

/// What is put together around the gaps of one chunk.
#[derive(Default)]
struct Joined {
    bytes: Vec<u8>,
    /// Where parts start: here, and in the text.
    parts: Vec<(usize, usize)>,
}

impl JoinedFinder {
    pub fn new<'a>(texts: impl Iterator<Item = (&'a [u8], Sought)>) -> JoinedFinder {
        let mut finder = JoinedFinder { needles: Vec::new(), longest: 0 };
        finder.add(texts);
        finder
    }

    /// Takes more texts, each with what is told when it is found; those of fewer than three bytes are passed over.
    pub fn add<'a>(&mut self, texts: impl Iterator<Item = (&'a [u8], Sought)>) {
        for (text, told) in texts.filter(|(text, _)| text.len() >= 3) {
            self.longest = self.longest.max(text.len());
            self.needles.push((Finder::new(text).into_owned(), told));
        }
    }

    /// So much do pieces of a stream overlap that a text split once is whole in one of them, in bytes.
    pub fn overlap(&self) -> usize {
        self.longest + WIDEST + 3
    }

    /// Adds what is split in these bytes, each text once.
    pub fn search(&self, bytes: &[u8], hits: &mut Vec<TraceHit>) {
        for start in (0..bytes.len()).step_by(CHUNK) {
            let own = start..(start + CHUNK).min(bytes.len());
            let from = start.saturating_sub(self.overlap());
            let part = &bytes[from..(own.end + self.overlap()).min(bytes.len())];
            let joined = Joined::of(part, self.longest + 3);
            for (finder, told) in self.needles.iter().filter(|_| !joined.bytes.is_empty()) {
                for found in joined.find(finder, told) {
                    let at = from + found;
                    if own.contains(&at) {
                        add(hits, told, at as u64);
                    }
                }
            }
        }
    }
}

fn add(hits: &mut Vec<TraceHit>, told: &Sought, offset: u64) {
    let is_same = |hit: &&mut TraceHit| hit.form == TraceForm::Split && (hit.of, &hit.text) == (told.of, &told.text);
    match hits.iter_mut().find(is_same) {
        Some(known) => known.count += 1,
        None => {
            let text = told.text.clone();
            hits.push(TraceHit { of: told.of, text, form: TraceForm::Split, offset, count: 1 });
        }
    }
}

impl Joined {
    /// Puts together what stands around gaps, `reach` bytes to both sides; a NUL lies between what is far apart.
    fn of(bytes: &[u8], reach: usize) -> Joined {
        let mut joined = Joined::default();
        // What is taken so far, if anything.
        let mut taken: Option<usize> = None;
        for gap in gaps(bytes) {
            let near = gap.start.saturating_sub(reach);
            match taken {
                Some(end) if end + reach >= near => joined.take(bytes, end..gap.start),
                Some(end) => {
                    joined.take(bytes, end..end + reach);
                    joined.bytes.push(0);
                    joined.take(bytes, near..gap.start);
                }
                None => joined.take(bytes, near..gap.start),
            }
            taken = Some(gap.end);
        }
        if let Some(end) = taken {
            joined.take(bytes, end..(end + reach).min(bytes.len()));
        }
        joined
    }

    fn take(&mut self, bytes: &[u8], range: Range<usize>) {
        self.parts.push((self.bytes.len(), range.start));
        self.bytes.extend_from_slice(&bytes[range]);
    }

    /// The places of a text that lies over a gap.
    fn find<'a>(&'a self, finder: &'a Finder<'static>, told: &'a Sought) -> impl Iterator<Item = usize> + 'a {
        let length = finder.needle().len();
        finder.find_iter(&self.bytes).filter_map(move |at| {
            let (start, end) = (self.place(at), self.place(at + length - 1));
            (end - start >= length && is_whole(&self.bytes, at, length, told.of)).then_some(start)
        })
    }

    fn place(&self, at: usize) -> usize {
        let (here, there) = self.parts[self.parts.partition_point(|(start, _)| *start <= at) - 1];
        there + at - here
    }
}

/// What stands between two strings, quotes and all, or ends a line that goes on; ascending.
fn gaps(bytes: &[u8]) -> impl Iterator<Item = Range<usize>> + '_ {
    let mut end = 0;
    memchr::memchr3_iter(b'"', b'\'', b'\\', bytes).filter_map(move |at| {
        // The second quote of a gap starts none.
        if at < end {
            return None;
        }
        let length = gap_at(&bytes[at..])?;
        end = at + length;
        Some(at..end)
    })
}

/// How long the gap is that starts with these bytes.
fn gap_at(bytes: &[u8]) -> Option<usize> {
    match bytes {
        [b'\\', b'\n', ..] => Some(2),
        [quote @ (b'"' | b'\''), rest @ ..] => {
            let between = rest.iter().take(WIDEST).take_while(|byte| byte.is_ascii_whitespace() || **byte == b'+');
            let length = between.count();
            (length > 0 && rest.get(length) == Some(quote)).then_some(length + 2)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::audit::traces::TraceOf;

    fn found(text: &str, bytes: &[u8]) -> Vec<(u64, usize)> {
        let told = Sought { of: TraceOf::Folder, text: text.to_owned() };
        let finder = JoinedFinder::new([(text.as_bytes(), told)].into_iter());
        let mut hits = Vec::new();
        finder.search(bytes, &mut hits);
        hits.into_iter().map(|hit| (hit.offset, hit.count)).collect()
    }

    #[test]
    fn what_is_split_is_found_and_what_is_whole_is_not() {
        for (text, expected) in [
            ("p = \"/home\" \"/ada\"", Some(5)),
            ("p = '/home' + '/ada'", Some(5)),
            ("/ho\\\nme/ada", Some(0)),
            ("\"/h\" \"ome\"\n   \"/ad\" \"a/x\"", Some(1)),
            ("\"/home/ada\" \"x\"", None),
            ("\"/home\", \"/ada\"", None),
            ("\"/home\" '/ada'", None),
            ("\"/home\" \"/adam\"", None),
        ] {
            assert_eq!(found("/home/ada", text.as_bytes()).first().map(|one| one.0), expected, "{text}");
        }
    }

    #[test]
    fn a_text_over_the_end_of_a_chunk_is_found_once() {
        for before in CHUNK - 12..CHUNK + 2 {
            let text = [&vec![b' '; before][..], b"\"/home\" \"/ada\"", &vec![b' '; CHUNK][..]].concat();
            assert_eq!(found("/home/ada", &text), [(before as u64 + 1, 1)], "{before}");
        }
    }

    proptest! {
        #[test]
        fn places_are_those_of_the_text(
            parts in prop::collection::vec("[ab/]{0,30}", 2..6),
            rest in "[ab/\" +]{0,200}",
        ) {
            let text = format!("\"x/c{}d\";{rest}", parts.join("\" \""));
            let wanted = format!("x/c{}d", parts.concat());
            let at = found(&wanted, text.as_bytes()).first().map(|one| one.0);
            prop_assert_eq!(at, Some(1));
        }
    }
}

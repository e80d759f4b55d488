//! Finds prefixes in bytes by whole names, several at once, and says what stands in the place of each.
//!
//! A prefix is a path (`/p/store`) or a token (`__TREE__`), which may stand anywhere. What may stand around a path:
//!
//! | | is the path | is another one |
//! |---|---|---|
//! | behind | the end, `/`, a control byte, white space, punctuation, a dot at the end of a word | a letter, a digit, `_ - + ~ @`, a byte above 127, a dot before one of them, `%20`, `\ ` |
//! | before | the start, a control byte, white space, punctuation, more slashes, `-L` and its like, `\n` | a letter, a digit, `_ - + ~ @ .`, a byte above 127, `://` of a host |
//!
//! Quotation marks and the no-break space above 127 are punctuation. In data that is not text, strings with a stored
//! length lie side by side: there a word without a slash, or a path that is one of ours, may stand before the path
//! ([`Hit::is_joined`]), and what is taken for another path is told ([`Found::doubts`]).

use std::ops::Range;

use memchr::memmem::Finder;

use crate::relocate::scheme::Scheme;

/// How many bytes before a place decide whether a prefix starts there.
pub const BEFORE: usize = 4096 + 256;

/// How many bytes behind a prefix decide whether it ends there.
pub const BEHIND: usize = 16;

/// How many doubts are kept of a file; the others are counted.
const DOUBTS: usize = 16;

/// An old prefix, and what stands in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    pub old: Vec<u8>,
    pub new: Vec<u8>,
}

/// Pairs of prefixes, the longest old one first.
#[derive(Debug, Clone)]
pub struct Mapping {
    pairs: Vec<Pair>,
    finders: Vec<Finder<'static>>,
}

/// One place that holds a prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hit {
    /// Where the prefix starts, in bytes from the start of the file.
    pub offset: u64,
    /// Which pair.
    pub pair: usize,
    /// The slashes directly before it that mean no more than one: room for a longer prefix.
    pub slashes: u32,
    /// A word stands directly before it: it counts only in what is not text.
    pub is_joined: bool,
}

/// What was found in the bytes that went by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// By offset; none lies in another one.
    pub hits: Vec<Hit>,
    /// The offsets of the first prefixes that go on as another name.
    pub doubts: Vec<u64>,
    pub doubt_count: u64,
    free_from: u64,
}

impl Found {
    /// Places that are known.
    pub fn at(hits: Vec<Hit>) -> Found {
        Found { hits, ..Found::default() }
    }
}

/// Bytes of a file in memory, with as much around the places searched as there is or as is needed.
#[derive(Debug, Clone, Copy)]
pub struct Window<'a> {
    pub bytes: &'a [u8],
    /// The offset of the first byte in the file.
    pub base: u64,
}

impl Mapping {
    /// Takes pairs; an old prefix may be named once, and needs more than a slash.
    ///
    /// # Errors
    /// [`MappingFault`].
    pub fn new(pairs: impl IntoIterator<Item = Pair>) -> Result<Mapping, MappingFault> {
        let mut kept: Vec<Pair> = Vec::new();
        for mut pair in pairs {
            for side in [&mut pair.old, &mut pair.new] {
                while side.len() > 1 && side.ends_with(b"/") {
                    side.pop();
                }
            }
            let wrong = |fault: fn(Vec<u8>) -> MappingFault, side: &[u8]| Err(fault(side.to_owned()));
            if pair.old.len() < 2 || pair.old.iter().any(u8::is_ascii_control) {
                return wrong(MappingFault::Old, &pair.old);
            }
            if pair.new.len() < 2 || pair.new.iter().any(u8::is_ascii_control) {
                return wrong(MappingFault::New, &pair.new);
            }
            if kept.iter().any(|one| one.old == pair.old) {
                return wrong(MappingFault::Twice, &pair.old);
            }
            kept.push(pair);
        }
        kept.sort_by(|a, b| b.old.len().cmp(&a.old.len()).then_with(|| a.old.cmp(&b.old)));
        let finders = kept.iter().map(|pair| Finder::new(&pair.old).into_owned()).collect();
        Ok(Mapping { pairs: kept, finders })
    }

    pub fn pairs(&self) -> &[Pair] {
        &self.pairs
    }

    pub fn old(&self, hit: &Hit) -> &[u8] {
        &self.pairs[hit.pair].old
    }

    pub fn new_of(&self, hit: &Hit) -> &[u8] {
        &self.pairs[hit.pair].new
    }

    /// The length of the longest old prefix.
    pub fn longest(&self) -> usize {
        self.pairs.iter().map(|pair| pair.old.len()).max().unwrap_or(0)
    }

    /// Finds the prefixes that start in a part of a window, all of them in one pass, the longest first.
    pub fn search(&self, window: Window<'_>, starts: Range<usize>, found: &mut Found) {
        let mut all: Vec<(usize, usize)> = Vec::new();
        for (pair, finder) in self.finders.iter().enumerate() {
            let end = window.bytes.len().min(starts.end + self.pairs[pair].old.len() - 1);
            let part = window.bytes.get(starts.start..end).unwrap_or_default();
            all.extend(finder.find_iter(part).map(|place| (starts.start + place, pair)));
        }
        if self.finders.len() > 1 {
            // Pairs stand by length, so that the longest comes first where two start at one place.
            all.sort_unstable();
        }
        for (place, pair) in all {
            let offset = window.base + place as u64;
            if offset < found.free_from {
                continue;
            }
            let old = &self.pairs[pair].old;
            let (before, behind) = (&window.bytes[..place], &window.bytes[place + old.len()..]);
            let start = match old.first() {
                Some(b'/') => start_of(before),
                _ => Start::Clean { slashes: 0 },
            };
            let start = if start == Start::Other { self.behind_another(window.base, before, found) } else { start };
            let (slashes, is_joined) = match start {
                Start::Clean { slashes } => (slashes, false),
                Start::Joined { slashes } => (slashes, true),
                Start::Other => (0, false),
            };
            if start == Start::Other || goes_on(behind) {
                found.doubt_count += 1;
                if found.doubts.len() < DOUBTS {
                    found.doubts.push(offset);
                }
                continue;
            }
            found.hits.push(Hit { offset, pair, slashes, is_joined });
            found.free_from = offset + old.len() as u64;
        }
    }

    /// Whether the path directly before is one of ours: two strings with a stored length, side by side.
    fn behind_another(&self, base: u64, before: &[u8], found: &Found) -> Start {
        let end = found.hits.last().map(|hit| hit.offset + self.old(hit).len() as u64);
        let between = end.and_then(|end| before.get(usize::try_from(end.checked_sub(base)?).ok()?..));
        match between {
            Some(between) if between.iter().all(|byte| is_in_word(*byte)) => {
                let slashes = between.iter().rev().take_while(|byte| **byte == b'/').count();
                Start::Joined { slashes: u32::try_from(slashes).unwrap_or(0) }
            }
            _ => Start::Other,
        }
    }

    /// The prefixes in a text that is wholly in memory.
    pub fn in_text(&self, text: &[u8]) -> Vec<Hit> {
        let mut found = Found::default();
        self.search(Window { bytes: text, base: 0 }, 0..text.len(), &mut found);
        found.hits.retain(|hit| !hit.is_joined);
        found.hits
    }

    /// A text with every prefix replaced; `None` when it holds none.
    pub fn replaced(&self, text: &[u8]) -> Option<Vec<u8>> {
        let hits = self.in_text(text);
        if hits.is_empty() {
            return None;
        }
        let (mut new, mut at) = (Vec::with_capacity(text.len()), 0);
        for hit in &hits {
            // In memory, so that it fits.
            let start = hit.offset as usize;
            new.extend_from_slice(&text[at..start]);
            new.extend_from_slice(self.new_of(hit));
            at = start + self.old(hit).len();
        }
        new.extend_from_slice(&text[at..]);
        Some(new)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Start {
    Clean { slashes: u32 },
    Joined { slashes: u32 },
    Other,
}

/// Whether a path starts behind these bytes, and no word does.
pub(super) fn is_clean_start(before: &[u8]) -> bool {
    matches!(start_of(before), Start::Clean { .. })
}

fn start_of(before: &[u8]) -> Start {
    let run = before.iter().rev().take_while(|byte| **byte == b'/').count();
    let head = &before[..before.len() - run];
    let clean = |kept: usize| Start::Clean { slashes: u32::try_from(run.saturating_sub(kept)).unwrap_or(0) };
    match head {
        [] => clean(0),
        [.., b':'] if run > 0 => match Scheme::before(head) {
            // `http:/` and the path's own slash: its first name is a host. `file:///p` has none.
            Scheme::Known if run == 1 => Start::Other,
            Scheme::Known => clean(2),
            Scheme::Possible if run == 1 => Start::Joined { slashes: 1 },
            Scheme::Possible | Scheme::Path => clean(0),
        },
        [.., b'\\', b'n' | b't' | b'r'] => clean(0),
        [.., last] if !is_name(*last, head) => clean(0),
        _ if is_option(head) || is_default(head) => clean(0),
        _ => {
            let mut word = head.iter().rev().take(BEFORE).take_while(|byte| is_in_word(**byte));
            if word.any(|byte| *byte == b'/') {
                return Start::Other;
            }
            // A padded prefix behind a word is still one.
            Start::Joined { slashes: u32::try_from(run).unwrap_or(0) }
        }
    }
}

pub(super) fn is_in_word(byte: u8) -> bool {
    byte == b'/' || byte == b'.' || is_plain_name(byte)
}

fn is_plain_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'+' | b'~' | b'@' | 0x80..=0xff)
}

/// Whether the last byte before a path belongs to a name.
fn is_name(byte: u8, until: &[u8]) -> bool {
    match until {
        // Typographic quotation marks and dashes, guillemets, the no-break space, the mark at the start of a text.
        [.., 0xe2, 0x80, 0x80..=0xff] | [.., 0xc2, 0xa0 | 0xab | 0xbb] | [.., 0xef, 0xbb, 0xbf] => false,
        _ => byte == b'.' || is_plain_name(byte),
    }
}

/// An option that its value follows without a space, as compilers take them.
fn is_option(head: &[u8]) -> bool {
    const OPTIONS: [&[u8]; 9] = [b"-L", b"-I", b"-F", b"-R", b"-B", b"-isystem", b"-iquote", b"-idirafter", b"-rpath"];
    OPTIONS
        .iter()
        .filter_map(|option| head.strip_suffix(*option))
        .any(|rest| rest.last().is_none_or(|byte| !is_plain_name(*byte) && *byte != b'/' && *byte != b'.'))
}

/// The value that the shell takes for a variable without one (`${x:-/p}`, `${x-/p}`), or a file of options (`@/p`).
fn is_default(head: &[u8]) -> bool {
    let Some((b'-' | b'+' | b'@', rest)) = head.split_last() else { return false };
    if rest.ends_with(b":") || head.ends_with(b"@") && rest.last().is_none_or(|byte| !is_plain_name(*byte)) {
        return true;
    }
    let name = rest.iter().rev().take(BEFORE).take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
    name > 0 && rest[..rest.len() - name].ends_with(b"${")
}

/// Whether what follows makes the last name of a prefix longer.
pub(super) fn goes_on(behind: &[u8]) -> bool {
    match behind {
        [] | [0xe2, 0x80, 0x80..=0xff, ..] | [0xc2, 0xa0 | 0xab | 0xbb, ..] => false,
        [b'%', b'2', b'F' | b'f', ..] => false,
        [b'%', first, second, ..] => first.is_ascii_hexdigit() && second.is_ascii_hexdigit(),
        [b'\\', b' ', ..] => true,
        [b'.', ..] => {
            let dots = behind.iter().take(BEHIND).take_while(|byte| **byte == b'.').count();
            behind.get(dots).is_some_and(|byte| *byte == b'/' || is_plain_name(*byte))
        }
        [byte, ..] => is_plain_name(*byte),
    }
}

/// Why pairs of prefixes cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MappingFault {
    #[error("{0:?} cannot be searched for")]
    Old(Vec<u8>),
    #[error("{0:?} cannot be a prefix")]
    New(Vec<u8>),
    #[error("{0:?} stands twice")]
    Twice(Vec<u8>),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapping(pairs: &[(&str, &str)]) -> Mapping {
        let pair = |(old, new): &(&str, &str)| Pair { old: old.as_bytes().into(), new: new.as_bytes().into() };
        Mapping::new(pairs.iter().map(pair)).unwrap()
    }

    #[test]
    fn path_is_replaced_only_as_whole_names() {
        let mapping = mapping(&[("/p/store", "/n")]);
        let table: [(&str, &str); 30] = [
            ("/p/store", "/n"),
            ("/p/store/lib", "/n/lib"),
            ("/p/store-old /p/store_1 /p/stores", "/p/store-old /p/store_1 /p/stores"),
            ("/p/store.old and /p/store.", "/p/store.old and /n."),
            ("/x/p/store", "/x/p/store"),
            ("x/p/store ./p/store ~/p/store", "x/p/store ./p/store ~/p/store"),
            ("-L/p/store/lib -I/p/store", "-L/n/lib -I/n"),
            ("a-L/p/store", "a-L/p/store"),
            ("-Wl,-rpath,/p/store:/p/store", "-Wl,-rpath,/n:/n"),
            ("file:///p/store http://p/store", "file:///n http://p/store"),
            ("git+ssh://p/store vfs://p/store", "git+ssh://p/store vfs://p/store"),
            ("a/b://p/store:///p/store", "a/b://n:///n"),
            ("${x:-/p/store} ${x_1-/p/store} ${x:+/p/store}", "${x:-/n} ${x_1-/n} ${x:+/n}"),
            ("ar @/p/store/args a-/p/store", "ar @/n/args a-/p/store"),
            ("//p/store", "//n"),
            ("$(DESTDIR)/p/store", "$(DESTDIR)/n"),
            ("%2F /p/store%2Flib /p/store%20x", "%2F /n%2Flib /p/store%20x"),
            ("\"/p/store\" '/p/store' (/p/store)", "\"/n\" '/n' (/n)"),
            ("“/p/store”", "“/n”"),
            ("é/p/store /p/storeé", "é/p/store /p/storeé"),
            ("a\\n/p/store\\n", "a\\n/n\\n"),
            ("/p/store\\ old", "/p/store\\ old"),
            ("/p/store/p/store", "/n/p/store"),
            ("/p/store=/p/store", "/n=/n"),
            ("/p/store/../store-x", "/n/../store-x"),
            ("/p/store./x", "/p/store./x"),
            ("/p/store,", "/n,"),
            ("[/p/store]", "[/n]"),
            ("$/p/store", "$/n"),
            ("", ""),
        ];
        for (text, expected) in table {
            let replaced = mapping.replaced(text.as_bytes()).unwrap_or_else(|| text.into());
            assert_eq!(String::from_utf8(replaced).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn longest_prefix_comes_first_and_nothing_is_replaced_twice() {
        let mapping = mapping(&[("/p", "/p/q"), ("/p/q", "/r"), ("__T__", "/t")]);
        let replaced = mapping.replaced(b"/p/q/x /p/x /p/qq -I__T__/x__T__").unwrap();
        assert_eq!(String::from_utf8(replaced).unwrap(), "/r/x /p/q/x /p/q/qq -I/t/x/t");
    }

    #[test]
    fn strings_side_by_side_count_in_what_is_not_text_and_the_rest_is_doubt() {
        let mapping = mapping(&[("/p/store", "/n")]);
        let mut found = Found::default();
        let bytes = b"saying/p/store/lib\0/etc/x/p/store\0/p/storefoo\0////p/store";
        mapping.search(Window { bytes, base: 0 }, 0..bytes.len(), &mut found);
        let joined = Hit { offset: 6, pair: 0, slashes: 0, is_joined: true };
        let padded = Hit { offset: 49, pair: 0, slashes: 3, is_joined: false };
        assert_eq!(found.hits, [joined, padded]);
        assert_eq!((found.doubts.as_slice(), found.doubt_count), (&[25, 34][..], 2));
    }

    #[test]
    fn pairs_that_cannot_be_meant_are_refused() {
        let pair = |old: &str, new: &str| Pair { old: old.into(), new: new.into() };
        assert!(Mapping::new([pair("/", "/n")]).is_err());
        assert!(Mapping::new([pair("/p", "")]).is_err());
        assert!(Mapping::new([pair("/p/", "/n"), pair("/p", "/m")]).is_err());
    }
}

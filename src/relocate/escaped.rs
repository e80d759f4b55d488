//! Finds prefixes whose slashes are escaped (`\/p\/store`), as in JSON and in patterns of sed, and says what stands in
//! the place of each.
//!
//! The rules for what stands around a path are those of `mapping.rs`.

use memchr::memmem::Finder;

use crate::relocate::mapping::{self, Mapping};

/// How many bytes before a place are looked at: a scheme and a host.
const BEFORE: usize = 256;

/// Searches for escaped prefixes.
#[derive(Debug)]
pub struct Escaped<'a> {
    mapping: &'a Mapping,
    /// Each with the number of its pair, the longest first.
    finders: Vec<(Finder<'static>, usize)>,
}

/// One place, and what shall stand there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub offset: usize,
    pub length: usize,
    pub new: Vec<u8>,
}

impl<'a> Escaped<'a> {
    pub fn new(mapping: &'a Mapping) -> Escaped<'a> {
        let paths = mapping.pairs().iter().enumerate().filter(|(_, pair)| pair.old.starts_with(b"/"));
        let finders = paths.map(|(number, pair)| (Finder::new(&escaped(&pair.old)).into_owned(), number)).collect();
        Escaped { mapping, finders }
    }

    /// The length of the longest text that is searched for, in bytes.
    pub fn longest(&self) -> usize {
        self.finders.iter().map(|(finder, _)| finder.needle().len()).max().unwrap_or(0)
    }

    /// Where the first one stands that may be a prefix.
    pub fn first(&self, bytes: &[u8]) -> Option<usize> {
        self.finders.iter().filter_map(|(finder, _)| finder.find(bytes)).min()
    }

    /// All places of a text, in order; none lies in another one.
    pub fn places(&self, text: &[u8]) -> Vec<Place> {
        let mut all: Vec<(usize, usize)> = Vec::new();
        for (order, (finder, _)) in self.finders.iter().enumerate() {
            all.extend(finder.find_iter(text).map(|offset| (offset, order)));
        }
        all.sort_unstable();
        let (mut places, mut free_from) = (Vec::new(), 0);
        for (offset, order) in all.into_iter().filter(|(offset, _)| is_start(&text[..*offset])) {
            let (finder, pair) = &self.finders[order];
            let length = finder.needle().len();
            if offset >= free_from && !mapping::goes_on(&text[offset + length..]) {
                free_from = offset + length;
                places.push(Place { offset, length, new: escaped(&self.mapping.pairs()[*pair].new) });
            }
        }
        places
    }
}

/// A text with a backslash before each slash.
fn escaped(text: &[u8]) -> Vec<u8> {
    let mut escaped = Vec::with_capacity(2 * text.len());
    for byte in text {
        if *byte == b'/' {
            escaped.push(b'\\');
        }
        escaped.push(*byte);
    }
    escaped
}

/// Whether a path may start behind these bytes.
fn is_start(before: &[u8]) -> bool {
    // A slash without a backslash is the start of a pattern: `s/\/p\/store/x/`.
    if matches!(before, [.., other, b'/'] if *other != b'\\') {
        return true;
    }
    let near = &before[before.len().saturating_sub(BEFORE)..];
    let mut plain = Vec::with_capacity(near.len());
    for (place, byte) in near.iter().enumerate() {
        if *byte != b'\\' || near.get(place + 1) != Some(&b'/') {
            plain.push(*byte);
        }
    }
    mapping::is_clean_start(&plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relocate::mapping::Pair;

    #[test]
    fn escaped_paths_are_found_as_whole_names() {
        let pair = |old: &str, new: &str| Pair { old: old.into(), new: new.into() };
        let mapping = Mapping::new([pair("/p/store", "/n/m"), pair("/p", "/q"), pair("__T__", "/t")]).unwrap();
        let table = [
            (r#"{"a": "\/p\/store\/lib"}"#, r#"{"a": "\/n\/m\/lib"}"#),
            (r#""\/p\/store" "\/p\/x" \/p"#, r#""\/n\/m" "\/q\/x" \/q"#),
            (
                r"\/p\/store-old \/p\/stores x\/p\/store \/x\/p\/store",
                r"\/q\/store-old \/q\/stores x\/p\/store \/x\/p\/store",
            ),
            (r"file:\/\/\/p\/store http:\/\/p\/store", r"file:\/\/\/n\/m http:\/\/p\/store"),
            (r"s/\/p\/store\//x/", r"s/\/n\/m\//x/"),
            ("/p/store", "/p/store"),
        ];
        for (text, expected) in table {
            let mut new = text.as_bytes().to_vec();
            for place in Escaped::new(&mapping).places(text.as_bytes()).into_iter().rev() {
                new.splice(place.offset..place.offset + place.length, place.new);
            }
            assert_eq!(String::from_utf8(new).unwrap(), expected, "{text}");
        }
    }
}

//! Finds what names the builder's machine in any byte: build folders, home, CI folders, user and host names.
//!
//! The placeholder is searched for by `relocate/residue.rs`. Does not read files and does not unpack.

use std::ops::Range;

use memchr::memmem::Finder;

use crate::audit::joined::JoinedFinder;
use crate::audit::problem::Level;
use crate::relocate::sieve::Sieve;

/// What a trace is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TraceOf {
    Placeholder,
    Folder,
    Home,
    Ci,
    User,
    Host,
}

impl TraceOf {
    pub fn check(self) -> &'static str {
        match self {
            TraceOf::Placeholder => "residue-placeholder",
            TraceOf::Folder => "residue-folder",
            TraceOf::Home => "residue-home",
            TraceOf::Ci => "residue-ci",
            TraceOf::User => "residue-user",
            TraceOf::Host => "residue-host",
        }
    }

    pub fn level(self) -> Level {
        match self {
            TraceOf::User | TraceOf::Host => Level::Warning,
            _ => Level::Error,
        }
    }
}

/// How the letters lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TraceForm {
    Bytes,
    Wide16,
    Wide32,
    /// As in a URL (RFC 3986).
    Percent,
    /// With `\/`, as JSON may have it.
    Escaped,
    /// Split over strings that stand side by side, or over lines.
    Split,
}

/// One text that no file may hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sought {
    pub of: TraceOf,
    pub text: String,
}

/// Where a text was found first, and how often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceHit {
    pub of: TraceOf,
    pub text: String,
    pub form: TraceForm,
    pub offset: u64,
    pub count: usize,
}

/// Searches any number of files for the same texts.
pub struct TraceFinder {
    sought: Vec<Sought>,
    needles: Vec<(usize, TraceForm, Finder<'static>)>,
    /// What is looked for in strings that are put together.
    joined: JoinedFinder,
    sieve: Sieve,
}

impl TraceFinder {
    /// Prepares the search; texts of fewer than three bytes are passed over, since they would be found everywhere.
    pub fn new(sought: Vec<Sought>) -> TraceFinder {
        let mut needles = Vec::new();
        for (place, one) in sought.iter().enumerate().filter(|(_, one)| one.text.len() >= 3) {
            let text = one.text.as_bytes();
            let mut add = |form, bytes: &[u8]| needles.push((place, form, Finder::new(bytes).into_owned()));
            add(TraceForm::Bytes, text);
            add(TraceForm::Wide16, &wide(text, 2));
            add(TraceForm::Wide32, &wide(text, 4));
            let mut encoded = vec![percent(text, true, true), percent(text, true, false), percent(text, false, true)];
            encoded.sort();
            encoded.dedup();
            encoded.iter().filter(|bytes| *bytes != text).for_each(|bytes| add(TraceForm::Percent, bytes));
            if text.contains(&b'/') {
                add(TraceForm::Escaped, one.text.replace('/', "\\/").as_bytes());
            }
        }
        let sieve =
            Sieve::new(needles.iter().map(|(_, _, finder): &(usize, TraceForm, Finder<'static>)| finder.needle()));
        let joined = JoinedFinder::new(sought.iter().map(|one| (one.text.as_bytes(), one.clone())));
        TraceFinder { sought, needles, joined, sieve }
    }

    /// Looks for more texts in strings that are put together, and tells of each by another one.
    pub fn with_split(mut self, texts: Vec<(Vec<u8>, Sought)>) -> TraceFinder {
        self.joined.add(texts.iter().map(|(text, told)| (text.as_slice(), told.clone())));
        self
    }

    /// What is split in a text.
    pub fn search_joined(&self, bytes: &[u8]) -> Vec<TraceHit> {
        let mut hits = Vec::new();
        self.joined.search(bytes, &mut hits);
        hits
    }

    /// The longest text searched for, in bytes: windows of a stream must overlap by as much.
    pub fn longest(&self) -> usize {
        let longest = self.needles.iter().map(|(_, _, finder)| finder.needle().len()).max().unwrap_or(0);
        (longest + 2).max(self.joined.overlap())
    }

    /// Every text found in one piece, each form once; what lies in one of the `recorded` ranges (sorted) is none.
    pub fn search(&self, bytes: &[u8], recorded: &[Range<u64>], is_text: bool) -> Vec<TraceHit> {
        let mut hits: Vec<TraceHit> = Vec::new();
        let there = self.sieve.search(bytes);
        for (number, (place, form, finder)) in self.needles.iter().enumerate() {
            if !there.has(number) || is_text && matches!(form, TraceForm::Wide16 | TraceForm::Wide32) {
                continue;
            }
            let sought = &self.sought[*place];
            let length = finder.needle().len();
            let is_known = |at: usize| {
                let before = recorded.partition_point(|range| range.start <= at as u64);
                before > 0 && (at as u64) < recorded[before - 1].end
            };
            let is_hit = |at: &usize| (!is_plain(*form) || is_whole(bytes, *at, length, sought.of)) && !is_known(*at);
            let mut places = finder.find_iter(bytes).filter(is_hit);
            if let Some(first) = places.next() {
                let count = 1 + places.count();
                let text = sought.text.clone();
                hits.push(TraceHit { of: sought.of, text, form: *form, offset: first as u64, count });
            }
        }
        hits
    }
}

fn is_plain(form: TraceForm) -> bool {
    matches!(form, TraceForm::Bytes | TraceForm::Escaped | TraceForm::Split)
}

/// Whether a match is a whole path or word, not a part of a longer name.
pub(super) fn is_whole(bytes: &[u8], at: usize, length: usize, of: TraceOf) -> bool {
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'+');
    let after = bytes.get(at + length);
    // A dot goes on with a name only before a letter: a sentence may end here.
    let goes_on = match after {
        Some(b'.') => bytes.get(at + length + 1).is_some_and(is_name),
        after => after.is_some_and(is_name),
    };
    if goes_on {
        return false;
    }
    // `/root` alone is every system's; what lies in it is a trace.
    if of == TraceOf::Home && length < 6 && !matches!(after, Some(b'/' | b'\\')) {
        return false;
    }
    let before = &bytes[..at];
    // A compiler's option stands right before its folder: `-I/home/ada`.
    let is_option = matches!(before, [.., b'-', letter] if letter.is_ascii_alphabetic());
    is_option || !before.last().is_some_and(|byte| is_name(byte) || *byte == b'.')
}

fn wide(text: &[u8], width: usize) -> Vec<u8> {
    let mut wide = vec![0; (text.len().max(1) - 1) * width + 1];
    wide.iter_mut().step_by(width).zip(text).for_each(|(place, letter)| *place = *letter);
    wide
}

/// RFC 3986: everything but letters, digits and `-._~` is encoded; `/` may stay.
fn percent(text: &[u8], has_slashes: bool, is_upper: bool) -> Vec<u8> {
    let mut encoded = Vec::new();
    for byte in text {
        let is_kept = byte.is_ascii_alphanumeric() || b"-._~".contains(byte) || (*byte == b'/' && !has_slashes);
        match (is_kept, is_upper) {
            (true, _) => encoded.push(*byte),
            (false, true) => encoded.extend(format!("%{byte:02X}").bytes()),
            (false, false) => encoded.extend(format!("%{byte:02x}").bytes()),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(of: TraceOf, text: &str, bytes: &[u8]) -> Vec<(TraceForm, u64, usize)> {
        let finder = TraceFinder::new(vec![Sought { of, text: text.to_owned() }]);
        let is_text = memchr::memchr(0, bytes).is_none();
        let mut hits = finder.search(bytes, &[], is_text);
        hits.extend(finder.search_joined(bytes).into_iter().filter(|_| is_text));
        hits.into_iter().map(|hit| (hit.form, hit.offset, hit.count)).collect()
    }

    #[test]
    fn whole_names_are_found_and_longer_ones_are_not() {
        for (text, count) in [
            ("see /home/ada/x", 1),
            ("-I/home/ada -L/home/ada", 2),
            ("/home/ada.", 1),
            ("/home/ada2", 0),
            ("/home/ada-old", 0),
            ("/home/ada.d", 0),
            ("/mnt/home/ada", 0),
        ] {
            let sum: usize = found(TraceOf::Home, "/home/ada", text.as_bytes()).iter().map(|one| one.2).sum();
            assert_eq!(sum, count, "{text}");
        }
        assert!(found(TraceOf::Home, "/ada", b"cd /ada").is_empty());
        assert_eq!(found(TraceOf::Home, "/ada", b"cd /ada/x").len(), 1);
    }

    #[test]
    fn every_form_is_found() {
        let text = "/home/ada";
        let utf16: Vec<u8> = text.bytes().flat_map(|letter| [letter, 0]).collect();
        for (bytes, form) in [
            (utf16, TraceForm::Wide16),
            (b"file:%2Fhome%2Fada".to_vec(), TraceForm::Percent),
            (b"file:%2fhome%2fada".to_vec(), TraceForm::Percent),
            (b"\"\\/home\\/ada\"".to_vec(), TraceForm::Escaped),
            (b"x = \"/home\" \"/ada\"".to_vec(), TraceForm::Split),
            (b"/ho\\\nme/ada".to_vec(), TraceForm::Split),
        ] {
            let forms: Vec<TraceForm> = found(TraceOf::Home, text, &bytes).iter().map(|one| one.0).collect();
            assert_eq!(forms, [form], "{bytes:?}");
        }
    }

    #[test]
    fn recorded_places_are_no_traces() {
        let finder = TraceFinder::new(vec![Sought { of: TraceOf::Home, text: "/home/ada".to_owned() }]);
        let bytes = b"a=/home/ada/p b=/home/ada/q";
        assert!(finder.search(bytes, &[2..13, 16..27], true).is_empty());
        assert_eq!(finder.search(bytes, &[2..13, 20..21], true)[0].offset, 16);
    }
}

//! Tells at the speed of memory which of many short texts stand in some bytes: one pass for all of them.
//!
//! Says only that a text is there, not where; whoever asks searches for that one alone then. The only file that knows
//! aho-corasick.

use aho_corasick::packed::{Config, MatchKind, Searcher};

/// As many texts as the search with vector instructions takes at once.
const MOST: usize = 64;

/// A text is looked for by this many of its bytes.
const PROBE: usize = 6;

/// Which of some texts may stand in bytes.
pub struct Sieve {
    /// `None` where there are too many texts: then each may be there.
    searcher: Option<Searcher>,
    /// For each text the place of its probe.
    probes: Vec<usize>,
    count: usize,
}

/// Which texts may be there.
pub struct Hits<'a> {
    sieve: &'a Sieve,
    is_hit: Option<Vec<bool>>,
}

impl Sieve {
    /// Prepares the search; each text is found if its rarest bytes are.
    pub fn new<'a>(texts: impl Iterator<Item = &'a [u8]>) -> Sieve {
        let wanted: Vec<&[u8]> = texts.map(rarest).collect();
        let mut distinct: Vec<&[u8]> = Vec::new();
        let mut sorted = wanted.clone();
        sorted.sort_unstable();
        // Of two that start alike the shorter one stands for both: at one place only one is reported.
        for probe in sorted {
            if !distinct.last().is_some_and(|last| probe.starts_with(last)) {
                distinct.push(probe);
            }
        }
        let place = |probe: &&[u8]| distinct.partition_point(|one| one <= probe).saturating_sub(1);
        let probes = wanted.iter().map(place).collect();
        let is_fit = !distinct.is_empty() && distinct.len() <= MOST && distinct.iter().all(|probe| !probe.is_empty());
        let searcher =
            is_fit.then(|| Config::new().match_kind(MatchKind::LeftmostFirst).builder().extend(&distinct).build());
        Sieve { searcher: searcher.flatten(), probes, count: distinct.len() }
    }

    /// Looks through bytes once.
    pub fn search(&self, bytes: &[u8]) -> Hits<'_> {
        let Some(searcher) = &self.searcher else { return Hits { sieve: self, is_hit: None } };
        let mut is_hit = vec![false; self.count];
        let mut start = 0;
        while let Some(found) = searcher.find_in(bytes, (start..bytes.len()).into()) {
            is_hit[found.pattern().as_usize()] = true;
            // The next one may overlap with this one.
            start = found.start() + 1;
        }
        Hits { sieve: self, is_hit: Some(is_hit) }
    }
}

impl Hits<'_> {
    /// Whether the text of this number may be there.
    pub fn has(&self, text: usize) -> bool {
        self.is_hit.as_ref().is_none_or(|is_hit| is_hit[self.sieve.probes[text]])
    }

    /// Whether any may be there.
    pub fn is_any(&self) -> bool {
        self.sieve.count > 0 && self.is_hit.as_ref().is_none_or(|is_hit| is_hit.contains(&true))
    }
}

/// The part of a text that stands in the fewest files by the look of its bytes.
fn rarest(text: &[u8]) -> &[u8] {
    let length = text.len().min(PROBE);
    let cost = |part: &&[u8]| part.iter().map(|byte| frequency(*byte)).sum::<u32>();
    text.windows(length.max(1)).min_by_key(cost).unwrap_or(text)
}

/// How often a byte stands in the files of packages, roughly; the same text in other encodings shares letters.
fn frequency(byte: u8) -> u32 {
    match byte {
        0 => 40,
        b'/' | b'%' | b'\\' => 30,
        b' ' | b'e' | b't' | b'a' | b'o' | b'i' | b'n' | b's' | b'r' => 12,
        b'a'..=b'z' | b'_' | b'-' | b'.' => 8,
        b'0'..=b'9' | b'A'..=b'Z' => 4,
        _ => 3,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_there_is_never_missed(
            texts in prop::collection::vec("[ab/]{3,9}", 1..40),
            before in "[ab/c]{0,70}",
            after in "[ab/c]{0,70}",
        ) {
            let sieve = Sieve::new(texts.iter().map(|text| text.as_bytes()));
            for (number, text) in texts.iter().enumerate() {
                let bytes = [before.as_bytes(), text.as_bytes(), after.as_bytes()].concat();
                prop_assert!(sieve.search(&bytes).has(number));
            }
        }
    }

    #[test]
    fn what_is_not_there_is_not_told() {
        let sieve = Sieve::new([&b"/home/ada"[..], b"/build/x-1"].into_iter());
        let hits = sieve.search(&b"nothing of it, only /home/bob here ".repeat(100));
        assert!(!hits.is_any());
        let hits = sieve.search(b"see /build/x-1");
        assert_eq!((hits.has(0), hits.has(1)), (false, true));
    }
}

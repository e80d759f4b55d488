//! Finds what is left of the placeholder or of a build folder: unrecorded, cut short, in pieces, or in wide letters.
//!
//! Does not open archives inside files (`archive/members.rs`) and does not judge (`audit/leaks.rs`).

use memchr::memmem::Finder;

use crate::model::prefix::Placeholder;
use crate::relocate::sieve::Sieve;

/// A piece of the token counts from this length on: the width of the constants into which compilers cut strings.
const PIECE: usize = 8;

/// The head of a placeholder that was cut short is this long at least.
const HEAD: usize = 25;

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trace {
    /// A whole placeholder that is not recorded.
    Placeholder,
    /// The placeholder's last name without what comes before it.
    Token,
    /// The start of a placeholder that was cut short.
    Head,
    /// A part of the token: the compiler has cut the string into constants.
    Piece,
    /// A folder of the build: its place in the list given.
    Folder(usize),
}

/// How the letters lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    Bytes,
    /// UTF-16 of either byte order.
    Wide16,
    /// UTF-32 of either byte order.
    Wide32,
}

/// One kind of trace in a file: where it is first, and how often.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Residue {
    pub trace: Trace,
    pub form: Form,
    pub offset: u64,
    pub count: usize,
}

/// Searches any number of files for the traces of one placeholder and of some folders.
pub struct Searcher {
    width: usize,
    token: Vec<u8>,
    whole: Finder<'static>,
    head: Option<Finder<'static>>,
    /// Parts of the token with their places in it: every run of [`PIECE`] bytes of the token holds one of them.
    probes: Vec<(usize, Finder<'static>)>,
    texts: Vec<(Trace, Form, Finder<'static>)>,
    longest: usize,
    /// All of the above: most files hold none of them.
    sieve: Sieve,
}

impl Searcher {
    /// Prepares the search; folders shorter than three bytes are passed over, since they would be found everywhere.
    pub fn new(placeholder: &Placeholder, folders: &[Vec<u8>]) -> Searcher {
        let (whole, token) = (placeholder.as_bytes(), placeholder.token().as_bytes());
        let before_token = whole.len() - token.len();
        let probes = if token.len() < 2 * PIECE {
            Vec::new()
        } else {
            // A run from `i` holds the four bytes at `k` for every `i` in `k-4..=k`.
            (4..=token.len() - 4).step_by(5).map(|k| (k, finder(&token[k..k + 4]))).collect()
        };
        let mut texts = Vec::new();
        let mut add_wide = |trace: Trace, text: &[u8]| {
            texts.push((trace.clone(), Form::Wide16, finder(&wide(text, 2))));
            texts.push((trace, Form::Wide32, finder(&wide(text, 4))));
        };
        if !probes.is_empty() {
            add_wide(Trace::Token, token);
        }
        let long: Vec<_> = folders.iter().enumerate().filter(|(_, folder)| folder.len() >= 3).collect();
        long.iter().for_each(|(place, folder)| add_wide(Trace::Folder(*place), folder));
        for (place, folder) in &long {
            texts.push((Trace::Folder(*place), Form::Bytes, finder(folder)));
        }
        let head = (before_token > HEAD).then(|| finder(&whole[..HEAD]));
        let longest = texts.iter().map(|(_, _, text)| text.needle().len()).max().unwrap_or(0);
        let mut searcher = Searcher {
            width: whole.len(),
            token: token.to_owned(),
            whole: finder(whole),
            head,
            probes,
            texts,
            longest: longest.max(whole.len()),
            sieve: Sieve::new([].into_iter()),
        };
        searcher.sieve = Sieve::new(searcher.texts());
        searcher
    }

    /// Texts of which every trace holds one.
    fn texts(&self) -> impl Iterator<Item = &[u8]> {
        // Every whole placeholder holds the probes.
        let of_token = self.probes.iter().map(|(_, probe)| probe);
        let plain = [&self.whole].into_iter().filter(|_| self.probes.is_empty());
        let texts = self.texts.iter().map(|(_, _, text)| text);
        of_token.chain(plain).chain(&self.head).chain(texts).map(Finder::needle)
    }

    /// The longest text searched for, in bytes: pieces of a stream must overlap by one less.
    pub fn longest(&self) -> usize {
        self.longest
    }

    /// All traces but the placeholders at the recorded offsets, one [`Residue`] a kind. In text no letters are wide
    /// and no string is cut into constants.
    pub fn search(&self, bytes: &[u8], recorded: &[u64], is_text: bool) -> Vec<Residue> {
        if !self.sieve.search(bytes).is_any() {
            return Vec::new();
        }
        let mut found = Collected::default();
        let whole: Vec<u64> = self.whole.find_iter(bytes).map(|offset| offset as u64).collect();
        for offset in whole.iter().filter(|offset| recorded.binary_search(offset).is_err()) {
            found.add(Trace::Placeholder, Form::Bytes, *offset);
        }
        let is_part_of_whole = |offset: u64| {
            let before = whole.partition_point(|start| *start <= offset);
            before > 0 && offset < whole[before - 1] + self.width as u64
        };
        if let Some(head) = &self.head {
            let cut = head.find_iter(bytes).map(|offset| offset as u64).filter(|offset| !is_part_of_whole(*offset));
            cut.for_each(|offset| found.add(Trace::Head, Form::Bytes, offset));
        }
        self.search_token(bytes, is_text, &is_part_of_whole, &mut found);
        for (trace, form, text) in &self.texts {
            if !is_text || *form == Form::Bytes {
                text.find_iter(bytes).for_each(|offset| found.add(trace.clone(), *form, offset as u64));
            }
        }
        found.0.sort();
        found.0
    }

    fn search_token(&self, bytes: &[u8], is_text: bool, is_known: &dyn Fn(u64) -> bool, found: &mut Collected) {
        let mut last = None;
        for (place, probe) in &self.probes {
            for hit in probe.find_iter(bytes) {
                let left = bytes[..hit].iter().rev().zip(self.token[..*place].iter().rev());
                let left = left.take_while(|(a, b)| a == b).count();
                let right = bytes[hit..].iter().zip(&self.token[*place..]).take_while(|(a, b)| a == b).count();
                let start = (hit - left) as u64;
                let trace = match left + right {
                    run if run == self.token.len() => Trace::Token,
                    run if run >= PIECE && !is_text => Trace::Piece,
                    _ => continue,
                };
                // Two probes may lie in one run.
                if !is_known(start) && last != Some(start) && !found.has(&trace, start) {
                    found.add(trace, Form::Bytes, start);
                    last = Some(start);
                }
            }
        }
    }
}

/// A finder that owns its text.
fn finder(text: &[u8]) -> Finder<'static> {
    Finder::new(text).into_owned()
}

/// The letters `width` bytes apart, from the first to the last: what both byte orders have in common.
fn wide(text: &[u8], width: usize) -> Vec<u8> {
    let mut wide = vec![0; (text.len().max(1) - 1) * width + 1];
    wide.iter_mut().step_by(width).zip(text).for_each(|(place, letter)| *place = *letter);
    wide
}

#[derive(Default)]
struct Collected(Vec<Residue>);

impl Collected {
    fn add(&mut self, trace: Trace, form: Form, offset: u64) {
        match self.0.iter_mut().find(|one| one.trace == trace && one.form == form) {
            Some(one) => {
                one.count += 1;
                one.offset = one.offset.min(offset);
            }
            None => self.0.push(Residue { trace, form, offset, count: 1 }),
        }
    }

    fn has(&self, trace: &Trace, offset: u64) -> bool {
        self.0.iter().any(|one| one.trace == *trace && one.offset == offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(trace: Trace, form: Form, offset: u64, count: usize) -> Residue {
        Residue { trace, form, offset, count }
    }

    #[test]
    fn recorded_placeholders_are_no_residue_and_all_other_traces_are() {
        let placeholder = Placeholder::standard();
        let (text, token) = (placeholder.as_str(), placeholder.token());
        let searcher = Searcher::new(&placeholder, &[b"/build/zlib-1.3".to_vec()]);
        let search = |bytes: &[u8], recorded: &[u64]| searcher.search(bytes, recorded, false);
        let plain = format!("ab{text}/lib\0{text}");
        assert_eq!(search(plain.as_bytes(), &[2, 167]), []);
        assert_eq!(search(plain.as_bytes(), &[2]), [one(Trace::Placeholder, Form::Bytes, 167, 1)]);
        let cut = format!("x{}\0", &text[..100]);
        assert_eq!(search(cut.as_bytes(), &[]), [one(Trace::Head, Form::Bytes, 1, 1)]);
        let tail = format!("abc/{token}/lib and {token}");
        assert_eq!(search(tail.as_bytes(), &[]), [one(Trace::Token, Form::Bytes, 4, 2)]);
        let folder = b"..../build/zlib-1.3/inflate.c";
        assert_eq!(search(folder, &[]), [one(Trace::Folder(0), Form::Bytes, 4, 1)]);
    }

    #[test]
    fn every_piece_of_eight_bytes_of_the_token_is_found_in_binaries() {
        let placeholder = Placeholder::standard();
        let token = placeholder.token().as_bytes();
        let searcher = Searcher::new(&placeholder, &[]);
        for start in 0..=token.len() - PIECE {
            let bytes = [b"\x48\xb8", &token[start..start + PIECE], b"\0\0"].concat();
            assert_eq!(searcher.search(&bytes, &[], false), [one(Trace::Piece, Form::Bytes, 2, 1)], "{start}");
            assert_eq!(searcher.search(&bytes, &[], true), []);
            let short = [b"\x48\xb8", &token[start..start + PIECE - 1], b"\0\0"].concat();
            assert_eq!(searcher.search(&short, &[], false), []);
        }
    }

    #[test]
    fn wide_letters_of_both_byte_orders_are_found() {
        let placeholder = Placeholder::standard();
        let searcher = Searcher::new(&placeholder, &[b"/build/x".to_vec()]);
        let encode = |text: &str, width: usize, place: usize| {
            let mut bytes = vec![0; text.len() * width];
            bytes.iter_mut().skip(place).step_by(width).zip(text.bytes()).for_each(|(to, letter)| *to = letter);
            bytes
        };
        for (width, place, form) in
            [(2, 0, Form::Wide16), (2, 1, Form::Wide16), (4, 0, Form::Wide32), (4, 3, Form::Wide32)]
        {
            let bytes = encode("/build/x", width, place);
            assert_eq!(searcher.search(&bytes, &[], false), [one(Trace::Folder(0), form, place as u64, 1)]);
            let bytes = encode(placeholder.as_str(), width, place);
            assert_eq!(searcher.search(&bytes, &[], false)[0].trace, Trace::Token);
        }
    }
}

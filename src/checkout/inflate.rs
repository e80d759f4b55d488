//! Inflates the head of a commit, up to the line of its committer, and stops there (RFC 1950, RFC 1951).
//!
//! A walk of a million commits is a million streams of some 200 bytes: a decoder made for long ones spends most of
//! its time on building large tables and on the messages, which nobody reads here. Checks no digest. What is not as
//! expected is `None`: the object database reads it again, and words what is wrong.

/// How much of a commit is looked at: enough for tree, two dozen parents, author and committer.
pub const HEAD: usize = 2048;

/// Codes up to this length are found in one look, in bits.
const FAST: usize = 9;

/// The longest code there is, in bits.
const LONGEST: usize = 15;

/// The order in which the lengths of the code length codes come (RFC 1951, 3.2.7).
const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// Length and extra bits of the length symbols from 257 on (RFC 1951, 3.2.5).
const LENGTHS: [(u16, u8); 29] = [
    (3, 0),
    (4, 0),
    (5, 0),
    (6, 0),
    (7, 0),
    (8, 0),
    (9, 0),
    (10, 0),
    (11, 1),
    (13, 1),
    (15, 1),
    (17, 1),
    (19, 2),
    (23, 2),
    (27, 2),
    (31, 2),
    (35, 3),
    (43, 3),
    (51, 3),
    (59, 3),
    (67, 4),
    (83, 4),
    (99, 4),
    (115, 4),
    (131, 5),
    (163, 5),
    (195, 5),
    (227, 5),
    (258, 0),
];

/// Distance and extra bits of the distance symbols.
const DISTANCES: [(u16, u8); 30] = [
    (1, 0),
    (2, 0),
    (3, 0),
    (4, 0),
    (5, 1),
    (7, 1),
    (9, 2),
    (13, 2),
    (17, 3),
    (25, 3),
    (33, 4),
    (49, 4),
    (65, 5),
    (97, 5),
    (129, 6),
    (193, 6),
    (257, 7),
    (385, 7),
    (513, 8),
    (769, 8),
    (1025, 9),
    (1537, 9),
    (2049, 10),
    (3073, 10),
    (4097, 11),
    (6145, 11),
    (8193, 12),
    (12289, 12),
    (16385, 13),
    (24577, 13),
];

/// Inflates one head after another.
pub struct Inflater {
    literals: Codes,
    distances: Codes,
    head: [u8; HEAD],
}

impl Default for Inflater {
    fn default() -> Inflater {
        Inflater { literals: Codes::default(), distances: Codes::default(), head: [0; HEAD] }
    }
}

impl Inflater {
    /// The first bytes of a commit, up to the end of the committer's line; `None` for what has no such line, and
    /// for what is not simply a zlib stream.
    pub fn head(&mut self, packed: &[u8]) -> Option<&[u8]> {
        let [method, flags, rest @ ..] = packed else { return None };
        let is_plain = method & 15 == 8 && flags & 0x20 == 0 && u16::from_be_bytes([*method, *flags]) % 31 == 0;
        if !is_plain {
            return None;
        }
        let mut bits = Bits { input: rest, at: 0, hold: 0, count: 0 };
        let mut out = Out { head: &mut self.head, length: 0, line: 0 };
        loop {
            bits.refill();
            let is_last = bits.take(1)? == 1;
            let is_done = match bits.take(2)? {
                0 => stored(&mut bits, &mut out)?,
                1 => {
                    fixed(&mut self.literals, &mut self.distances)?;
                    compressed(&mut bits, &self.literals, &self.distances, &mut out)?
                }
                2 => {
                    dynamic(&mut bits, &mut self.literals, &mut self.distances)?;
                    compressed(&mut bits, &self.literals, &self.distances, &mut out)?
                }
                _ => return None,
            };
            if is_done {
                let length = out.length;
                return Some(&self.head[..length]);
            }
            if is_last {
                return None;
            }
        }
    }
}

/// The bits of a stream, the lowest of a byte first.
struct Bits<'a> {
    input: &'a [u8],
    at: usize,
    hold: u64,
    count: u32,
}

impl Bits<'_> {
    /// Holds 56 bits at least, or all that are left.
    fn refill(&mut self) {
        if let Some(word) = self.input.get(self.at..self.at + 8) {
            let word = u64::from_le_bytes(word.try_into().expect("the slice has eight bytes"));
            self.hold |= word << self.count;
            self.at += (63 - self.count as usize) >> 3;
            self.count |= 56;
            return;
        }
        while self.count <= 56 && self.at < self.input.len() {
            self.hold |= u64::from(self.input[self.at]) << self.count;
            self.at += 1;
            self.count += 8;
        }
    }

    fn take(&mut self, count: u32) -> Option<usize> {
        let value = self.hold & ((1 << count) - 1);
        self.drop(count)?;
        Some(value as usize)
    }

    fn drop(&mut self, count: u32) -> Option<()> {
        self.count = self.count.checked_sub(count)?;
        self.hold >>= count;
        Some(())
    }
}

/// What was inflated so far.
struct Out<'a> {
    head: &'a mut [u8; HEAD],
    length: usize,
    /// Where the current line starts.
    line: usize,
}

impl Out<'_> {
    /// Adds a byte; whether the committer's line is complete.
    #[inline]
    fn push(&mut self, byte: u8) -> Option<bool> {
        *self.head.get_mut(self.length)? = byte;
        self.length += 1;
        if byte != b'\n' {
            return Some(false);
        }
        let is_committer = self.head[self.line..self.length].starts_with(b"committer ");
        // An empty line ends the head: then there is no committer.
        if self.length - self.line == 1 {
            return None;
        }
        self.line = self.length;
        Some(is_committer)
    }

    /// Repeats what was there `distance` bytes before.
    fn copy(&mut self, length: usize, distance: usize) -> Option<bool> {
        for _ in 0..length {
            let byte = self.head[self.length.checked_sub(distance)?];
            if self.push(byte)? {
                return Some(true);
            }
        }
        Some(false)
    }
}

/// A prefix code: the short codes by a look at the next bits, the long ones bit by bit.
struct Codes {
    /// Symbol and length in the lowest four bits; 0 where the code is longer.
    fast: [u16; 1 << FAST],
    /// How many codes have each length.
    counts: [u16; LONGEST + 1],
    /// The symbols in order of their codes.
    symbols: [u16; 288],
}

impl Default for Codes {
    fn default() -> Codes {
        Codes { fast: [0; 1 << FAST], counts: [0; LONGEST + 1], symbols: [0; 288] }
    }
}

impl Codes {
    /// Sets the code with these lengths of its symbols' codes.
    fn set(&mut self, lengths: &[u8]) -> Option<()> {
        self.counts = [0; LONGEST + 1];
        for length in lengths {
            self.counts[usize::from(*length)] += 1;
        }
        self.counts[0] = 0;
        let (mut next, mut place) = ([0_u16; LONGEST + 1], [0_u16; LONGEST + 2]);
        let mut code = 0_u32;
        for length in 1..=LONGEST {
            code = (code + u32::from(self.counts[length - 1])) << 1;
            if code + u32::from(self.counts[length]) > 1 << length {
                return None;
            }
            next[length] = code as u16;
            place[length + 1] = place[length] + self.counts[length];
        }
        self.fast.fill(0);
        for (symbol, length) in lengths.iter().enumerate().filter(|(_, length)| **length > 0) {
            let length = usize::from(*length);
            self.symbols[usize::from(place[length])] = symbol as u16;
            place[length] += 1;
            let code = next[length];
            next[length] += 1;
            if length <= FAST {
                let reversed = usize::from(code.reverse_bits() >> (16 - length));
                let entry = (symbol as u16) << 4 | length as u16;
                self.fast[reversed..].iter_mut().step_by(1 << length).for_each(|place| *place = entry);
            }
        }
        Some(())
    }

    #[inline]
    fn symbol(&self, bits: &mut Bits<'_>) -> Option<usize> {
        let entry = self.fast[bits.hold as usize & ((1 << FAST) - 1)];
        if entry != 0 {
            bits.drop(u32::from(entry & 15))?;
            return Some(usize::from(entry >> 4));
        }
        let (mut code, mut first, mut place) = (0_u32, 0_u32, 0_u32);
        for length in 1..=LONGEST {
            code |= (bits.hold >> (length - 1)) as u32 & 1;
            let count = u32::from(self.counts[length]);
            if code < first + count {
                bits.drop(length as u32)?;
                return self.symbols.get((place + code - first) as usize).map(|symbol| usize::from(*symbol));
            }
            place += count;
            first = (first + count) << 1;
            code <<= 1;
        }
        None
    }
}

fn stored(bits: &mut Bits<'_>, out: &mut Out<'_>) -> Option<bool> {
    bits.drop(bits.count & 7)?;
    // Back to the first byte that is only held.
    let at = bits.at - bits.count as usize / 8;
    let length = usize::from(u16::from_le_bytes([*bits.input.get(at)?, *bits.input.get(at + 1)?]));
    for byte in bits.input.get(at + 4..at + 4 + length)? {
        if out.push(*byte)? {
            return Some(true);
        }
    }
    *bits = Bits { input: bits.input, at: at + 4 + length, hold: 0, count: 0 };
    Some(false)
}

/// The codes that need no table in the stream (RFC 1951, 3.2.6).
fn fixed(literals: &mut Codes, distances: &mut Codes) -> Option<()> {
    let mut lengths = [8; 288];
    lengths[144..256].fill(9);
    lengths[256..280].fill(7);
    literals.set(&lengths)?;
    distances.set(&[5; 30])
}

/// Reads the codes of a block (RFC 1951, 3.2.7).
fn dynamic(bits: &mut Bits<'_>, literals: &mut Codes, distances: &mut Codes) -> Option<()> {
    let (literal_count, distance_count) = (bits.take(5)? + 257, bits.take(5)? + 1);
    let count = bits.take(4)? + 4;
    if literal_count > 286 || distance_count > 30 {
        return None;
    }
    let mut lengths = [0; 19];
    for place in &ORDER[..count] {
        bits.refill();
        lengths[*place] = bits.take(3)? as u8;
    }
    // The lengths' own code is short and used at once: the place of the distances' serves for it.
    distances.set(&lengths)?;
    let mut lengths = [0_u8; 286 + 30];
    let (mut at, end) = (0, literal_count + distance_count);
    while at < end {
        bits.refill();
        let (length, times) = match distances.symbol(bits)? {
            symbol @ 0..16 => (symbol as u8, 1),
            16 => (*lengths.get(at.checked_sub(1)?)?, 3 + bits.take(2)?),
            17 => (0, 3 + bits.take(3)?),
            _ => (0, 11 + bits.take(7)?),
        };
        lengths.get_mut(at..at + times).filter(|_| at + times <= end)?.fill(length);
        at += times;
    }
    literals.set(&lengths[..literal_count])?;
    distances.set(&lengths[literal_count..end])
}

fn compressed(bits: &mut Bits<'_>, literals: &Codes, distances: &Codes, out: &mut Out<'_>) -> Option<bool> {
    loop {
        // At most 15 + 5 + 15 + 13 bits are taken until the next time.
        bits.refill();
        match literals.symbol(bits)? {
            byte @ 0..256 => {
                if out.push(byte as u8)? {
                    return Some(true);
                }
            }
            256 => return Some(false),
            symbol => {
                let (length, extra) = *LENGTHS.get(symbol - 257)?;
                let length = usize::from(length) + bits.take(u32::from(extra))?;
                let (distance, extra) = *DISTANCES.get(distances.symbol(bits)?)?;
                let distance = usize::from(distance) + bits.take(u32::from(extra))?;
                if out.copy(length, distance)? {
                    return Some(true);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use gix::zlib::{Compression, stream::deflate};
    use proptest::prelude::*;

    use super::*;

    fn packed(text: &[u8], level: i32) -> Vec<u8> {
        let mut writer = deflate::Write::new(Vec::new(), Compression::new(level).unwrap());
        writer.write_all(text).unwrap();
        writer.flush().unwrap();
        writer.into_inner()
    }

    /// What must come out: all up to the first line of a committer in the head.
    fn head(text: &str) -> Option<&str> {
        let mut at = 0;
        for line in text.split_inclusive('\n') {
            at += line.len();
            match line.strip_prefix("committer ").filter(|rest| rest.ends_with('\n')) {
                Some(_) => return (at <= HEAD).then(|| &text[..at]),
                None if line == "\n" => return None,
                None => {}
            }
        }
        None
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

        #[test]
        fn head_of_any_text_is_what_zlib_packed(
            lines in prop::collection::vec("(tree|parent|author|committer|x)? [ -~é]{0,60}|[a-f0-9]{40}", 0..40),
            message in "[ -~\n]{0,4000}",
            level in 0..10,
        ) {
            let text = lines.join("\n") + "\ncommitter c <c@d> 1 +0000\n\n" + &message;
            let packed = packed(text.as_bytes(), level);
            let mut inflater = Inflater::default();
            for _ in 0..2 {
                prop_assert_eq!(inflater.head(&packed), head(&text).map(str::as_bytes));
            }
        }

        #[test]
        fn damaged_stream_never_panics(mut bytes in prop::collection::vec(any::<u8>(), 0..300), is_zlib in any::<bool>()) {
            if is_zlib && bytes.len() > 2 {
                bytes[..2].copy_from_slice(&[0x78, 0x9c]);
            }
            let _nothing_or_something = Inflater::default().head(&bytes);
        }

        #[test]
        fn stream_that_is_cut_has_no_head(cut in 2_usize..90) {
            let text = format!("tree {}\nauthor a <a@b> 1 +0000\ncommitter c <c@d> 17 +0000\n", "0a1b2c3d4e".repeat(4));
            let packed = packed(text.as_bytes(), 9);
            let mut inflater = Inflater::default();
            prop_assert_eq!(inflater.head(&packed), Some(text.as_bytes()));
            let cut = cut.min(packed.len() - 8);
            prop_assert_eq!(inflater.head(&packed[..cut]), None);
        }
    }
}

//! Compiled Python (`.pyc`): its header, and the strings of its marshalled code with their lengths.
//!
//! ```text
//! magic, CR LF | flags (from 3.7 on) | mtime and size of the source, or its hash (PEP 552) | one marshalled code
//! ```
//! Written for the marshal format of CPython 3.6 to 3.14 (Python/marshal.c). References count objects, not bytes, so
//! that strings may become longer. Any bytes may come in; nothing is run and nothing nests on the stack.

use crate::relocate::mapping::Mapping;

/// As deep as CPython itself goes (MAX_MARSHAL_STACK_DEPTH), for each level at most four parts that wait.
const DEEPEST: usize = 4 * 2000;

/// The first bytes of a `.pyc` file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    layout: CodeLayout,
    /// Bytes before the code.
    pub length: usize,
    pub source: Source,
}

/// How Python tells whether the file still belongs to its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// By its modification time and size; `at` is where the size stands, of four bytes.
    Size { at: usize, size: u32 },
    /// By a hash that Python compares.
    Hash,
    /// Not at all.
    Unchecked,
}

/// What a code object consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct CodeLayout {
    /// Numbers of four bytes at its start.
    numbers: usize,
    /// Objects behind the number of the first line.
    tail: usize,
}

impl Header {
    /// Reads the header.
    ///
    /// # Errors
    /// [`PycFault`] when it is of no Python from 3.6 to 3.14, or cut short.
    pub fn read(bytes: &[u8]) -> Result<Header, PycFault> {
        let [low, high, b'\r', b'\n', ..] = bytes else { return Err(PycFault::Magic) };
        let (numbers, tail, is_long) = match u16::from_le_bytes([*low, *high]) {
            3360..=3379 => (5, 1, false),
            3390..=3399 => (5, 1, true),
            3400..=3449 => (6, 1, true),
            3450..=3649 => (5, 2, true),
            _ => return Err(PycFault::Magic),
        };
        let number = |at: usize| {
            let part = bytes.get(at..at + 4).and_then(|part| part.try_into().ok());
            part.map(u32::from_le_bytes).ok_or(PycFault::Cut)
        };
        let layout = CodeLayout { numbers, tail };
        if !is_long {
            return Ok(Header { layout, length: 12, source: Source::Size { at: 8, size: number(8)? } });
        }
        let source = match number(4)? {
            flags if flags & 1 == 0 => Source::Size { at: 12, size: number(12)? },
            flags if flags & 2 != 0 => Source::Hash,
            _ => Source::Unchecked,
        };
        number(12)?;
        Ok(Header { layout, length: 16, source })
    }
}

/// What strings become.
pub trait Strings {
    /// The new bytes of a string, or none if it stays.
    fn change(&mut self, string: &[u8]) -> Option<Vec<u8>>;
}

impl Strings for &Mapping {
    fn change(&mut self, string: &[u8]) -> Option<Vec<u8>> {
        self.replaced(string)
    }
}

/// Counts the strings that hold a prefix, and changes nothing.
pub struct Count<'a> {
    pub mapping: &'a Mapping,
    pub count: u64,
}

impl Strings for Count<'_> {
    fn change(&mut self, string: &[u8]) -> Option<Vec<u8>> {
        self.count += self.mapping.in_text(string).len() as u64;
        None
    }
}

/// Goes through the code and changes its strings; `None` when none changed.
///
/// # Errors
/// [`PycFault`] when it is no sound marshalled code.
pub fn change(bytes: &[u8], strings: &mut dyn Strings) -> Result<Option<Vec<u8>>, PycFault> {
    let header = Header::read(bytes)?;
    let mut walk = Walk { bytes, at: header.length, layout: header.layout, copied: 0, out: Vec::new(), changed: false };
    walk.run(strings)?;
    if !walk.changed {
        return Ok(None);
    }
    walk.out.extend_from_slice(&bytes[walk.copied..]);
    Ok(Some(walk.out))
}

struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
    layout: CodeLayout,
    /// How much of the old bytes is in `out` already.
    copied: usize,
    out: Vec<u8>,
    changed: bool,
}

/// What is still to come.
enum Rest {
    Objects(u32),
    /// Pairs until the null object.
    Pairs,
    Skip(usize),
}

impl Walk<'_> {
    fn run(&mut self, strings: &mut dyn Strings) -> Result<(), PycFault> {
        let mut open = vec![Rest::Objects(1)];
        while let Some(top) = open.last_mut() {
            match top {
                Rest::Objects(0) => drop(open.pop()),
                Rest::Objects(count) => {
                    *count -= 1;
                    self.object(&mut open, strings)?;
                }
                Rest::Pairs => {
                    if self.bytes.get(self.at) == Some(&b'0') {
                        self.at += 1;
                        open.pop();
                    } else {
                        open.push(Rest::Objects(2));
                    }
                }
                Rest::Skip(count) => {
                    let count = *count;
                    open.pop();
                    self.skip(count)?;
                }
            }
            if open.len() > DEEPEST {
                return Err(PycFault::Deep);
            }
        }
        Ok(())
    }

    fn object(&mut self, open: &mut Vec<Rest>, strings: &mut dyn Strings) -> Result<(), PycFault> {
        let start = self.at;
        let byte = self.byte()?;
        // The high bit says that later references mean this object.
        match byte & 0x7f {
            b'0' | b'N' | b'F' | b'T' | b'S' | b'.' => {}
            b'i' | b'r' => self.skip(4)?,
            b'I' | b'g' => self.skip(8)?,
            b'y' => self.skip(16)?,
            b'f' => self.skip_short()?,
            b'x' => {
                self.skip_short()?;
                self.skip_short()?;
            }
            b'l' => {
                let digits = i32::from_le_bytes(self.number()?.to_le_bytes());
                self.skip(usize::try_from(digits.unsigned_abs()).map_err(|_| PycFault::Cut)?.saturating_mul(2))?;
            }
            b's' | b'u' | b't' | b'a' | b'A' => {
                let length = self.number()?;
                self.string(start, byte, usize::try_from(length).map_err(|_| PycFault::Cut)?, strings)?;
            }
            b'z' | b'Z' => {
                let length = self.byte()?;
                self.string(start, byte, usize::from(length), strings)?;
            }
            b')' => {
                let count = self.byte()?;
                open.push(Rest::Objects(u32::from(count)));
            }
            b'(' | b'[' | b'<' | b'>' => {
                let count = self.number()?;
                // Each takes a byte at least.
                if count as usize > self.bytes.len() - self.at {
                    return Err(PycFault::Cut);
                }
                open.push(Rest::Objects(count));
            }
            b'{' => open.push(Rest::Pairs),
            b':' => open.push(Rest::Objects(3)),
            b'c' => {
                open.push(Rest::Objects(self.layout.tail as u32));
                open.push(Rest::Skip(4));
                open.push(Rest::Objects(8));
                open.push(Rest::Skip(4 * self.layout.numbers));
            }
            kind => return Err(PycFault::Kind { kind, offset: start as u64 }),
        }
        Ok(())
    }

    fn string(&mut self, start: usize, kind: u8, length: usize, strings: &mut dyn Strings) -> Result<(), PycFault> {
        let from = self.at;
        self.skip(length)?;
        let Some(new) = strings.change(&self.bytes[from..self.at]) else { return Ok(()) };
        let flag = kind & 0x80;
        let is_text = kind & 0x7f != b's';
        if is_text && std::str::from_utf8(&new).is_err() {
            return Err(PycFault::Encoding);
        }
        let is_interned = matches!(kind & 0x7f, b't' | b'A' | b'Z');
        // As marshal.c writes it: short where it can be, ASCII where it is.
        let letter = match (is_text, new.is_ascii(), new.len() < 256, is_interned) {
            (false, ..) => b's',
            (true, false, _, true) => b't',
            (true, false, _, false) => b'u',
            (true, true, true, true) => b'Z',
            (true, true, true, false) => b'z',
            (true, true, false, true) => b'A',
            (true, true, false, false) => b'a',
        };
        self.out.extend_from_slice(&self.bytes[self.copied..start]);
        self.out.push(letter | flag);
        match letter {
            b'z' | b'Z' => self.out.push(u8::try_from(new.len()).map_err(|_| PycFault::Cut)?),
            _ => self.out.extend_from_slice(&u32::try_from(new.len()).map_err(|_| PycFault::Cut)?.to_le_bytes()),
        }
        self.out.extend_from_slice(&new);
        self.copied = self.at;
        self.changed = true;
        Ok(())
    }

    fn skip(&mut self, count: usize) -> Result<(), PycFault> {
        let end = self.at.checked_add(count).filter(|end| *end <= self.bytes.len());
        self.at = end.ok_or(PycFault::Cut)?;
        Ok(())
    }

    fn byte(&mut self) -> Result<u8, PycFault> {
        let byte = self.bytes.get(self.at).copied().ok_or(PycFault::Cut)?;
        self.at += 1;
        Ok(byte)
    }

    fn number(&mut self) -> Result<u32, PycFault> {
        let from = self.at;
        self.skip(4)?;
        let part = self.bytes[from..self.at].try_into().map_err(|_| PycFault::Cut)?;
        Ok(u32::from_le_bytes(part))
    }

    fn skip_short(&mut self) -> Result<(), PycFault> {
        let length = self.byte()?;
        self.skip(usize::from(length))
    }
}

/// Why compiled Python cannot be gone through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PycFault {
    #[error("it is of no Python from 3.6 to 3.14")]
    Magic,
    #[error("it is cut short")]
    Cut,
    #[error("it nests too deep")]
    Deep,
    #[error("byte {offset} starts an object of the unknown kind {kind:#04x}")]
    Kind { kind: u8, offset: u64 },
    #[error("the new prefix is not UTF-8")]
    Encoding,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::relocate::mapping::Pair;

    fn mapping(old: &str, new: &str) -> Mapping {
        Mapping::new([Pair { old: old.into(), new: new.into() }]).unwrap()
    }

    /// A list of strings under the header of Python 3.11.
    fn file(strings: &[&[u8]]) -> Vec<u8> {
        let mut bytes = vec![0xa7, 0x0d, b'\r', b'\n', 0, 0, 0, 0, 1, 2, 3, 4, 9, 0, 0, 0, b'[' | 0x80];
        bytes.extend((strings.len() as u32).to_le_bytes());
        for string in strings {
            match string.len() {
                0..256 if string.is_ascii() => bytes.extend([b'Z' | 0x80, string.len() as u8]),
                length => {
                    bytes.push(if string.is_ascii() { b'a' } else { b'u' });
                    bytes.extend((length as u32).to_le_bytes());
                }
            }
            bytes.extend_from_slice(string);
        }
        bytes
    }

    #[test]
    fn strings_get_new_lengths_and_the_kind_that_python_would_write() {
        let long = "x".repeat(250);
        let there = mapping("/p", &format!("/{long}"));
        let old = file(&[b"/p/mod.py", b"no", b"a /p", b"/pp"]);
        let new = change(&old, &mut &there).unwrap().unwrap();
        let changed = [format!("/{long}/mod.py"), "no".into(), format!("a /{long}"), "/pp".into()];
        assert_eq!(Header::read(&new).unwrap().source, Source::Size { at: 12, size: 9 });
        let mut count = Count { mapping: &mapping(&format!("/{long}"), "/p"), count: 0 };
        assert_eq!(change(&new, &mut count).unwrap(), None);
        assert_eq!(count.count, 2);
        assert!(changed.iter().all(|text| memchr::memmem::find(&new, text.as_bytes()).is_some()));
        assert_eq!(change(&new, &mut &mapping(&format!("/{long}"), "/p")).unwrap().unwrap(), old);
        let accent = mapping("/p", "/é");
        let new = change(&old, &mut &accent).unwrap().unwrap();
        assert_eq!(change(&new, &mut &mapping("/é", "/p")).unwrap().unwrap(), old);
    }

    #[test]
    fn what_is_no_code_is_said_to_be_none() {
        assert_eq!(Header::read(b"\x16\x0d\r\n\0\0\0\0\0\0\0\0\x01\0\0\0"), Err(PycFault::Magic));
        assert_eq!(Header::read(b"PK"), Err(PycFault::Magic));
        assert_eq!(Header::read(b"\xa7\x0d\r\n\0\0"), Err(PycFault::Cut));
        let head = b"\xa7\x0d\r\n\0\0\0\0\0\0\0\0\0\0\0\0";
        let deep = [head.as_slice(), &[b')', 1].repeat(20_000)].concat();
        assert_eq!(change(&deep, &mut &mapping("/p", "/q")), Err(PycFault::Deep));
        let many = [head.as_slice(), b"(\xff\xff\xff\xff"].concat();
        assert_eq!(change(&many, &mut &mapping("/p", "/q")), Err(PycFault::Cut));
        let odd = [head.as_slice(), b"?"].concat();
        assert_eq!(change(&odd, &mut &mapping("/p", "/q")), Err(PycFault::Kind { kind: b'?', offset: 16 }));
    }

    proptest! {
        #[test]
        fn any_bytes_are_gone_through_without_a_panic(
            body in prop::collection::vec(prop_oneof![any::<u8>(), prop::sample::select(&b"zZaAsut()[]{}<>cirlgyfx:0N"[..])], 0..300),
        ) {
            let bytes = [b"\xa7\x0d\r\n\0\0\0\0\0\0\0\0\0\0\0\0".as_slice(), &body].concat();
            // Only a panic would be wrong.
            let _ = change(&bytes, &mut &mapping("/p", "/q"));
        }
    }
}

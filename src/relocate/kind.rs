//! Tells by its bytes what kind of file one is, as far as relocation must know.
//!
//! Does not look into it; `elf/` and `archive/` do.

use memchr::memchr;

/// What relocation must know about a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Programs, shared libraries, objects (elf(5)).
    Elf,
    /// Static libraries (ar(5)).
    Archive,
    /// Packed data, in which a path cannot be replaced.
    Compressed(Packing),
    /// Text that starts with `#!` (execve(2)).
    Script,
    Text,
    Opaque,
}

/// How data is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    Gzip,
    Xz,
    Zstd,
    Bzip2,
    Zip,
}

impl Kind {
    /// Looks at all bytes of a file: text has no NUL byte, whatever its encoding.
    pub fn of(bytes: &[u8]) -> Kind {
        match bytes {
            [0x7f, b'E', b'L', b'F', ..] => Kind::Elf,
            [b'!', b'<', b'a' | b't', b'r' | b'h', b'c' | b'i', b'h' | b'n', b'>', b'\n', ..] => Kind::Archive,
            [0x1f, 0x8b, 8, ..] => Kind::Compressed(Packing::Gzip),
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Kind::Compressed(Packing::Xz),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Kind::Compressed(Packing::Zstd),
            [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, ..] => Kind::Compressed(Packing::Bzip2),
            [b'P', b'K', 3, 4, ..] => Kind::Compressed(Packing::Zip),
            // PDF holds the byte offsets of its own parts (ISO 32000, cross-reference table).
            [b'%', b'P', b'D', b'F', b'-', ..] => Kind::Opaque,
            _ if memchr(0, bytes).is_some() => Kind::Opaque,
            [b'#', b'!', ..] => Kind::Script,
            _ => Kind::Text,
        }
    }

    /// Whether a replaced path may change the length of the file.
    pub fn is_text(self) -> bool {
        matches!(self, Kind::Script | Kind::Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kind_is_told_by_the_first_bytes_and_by_a_nul_anywhere() {
        let table: [(&[u8], Kind); 10] = [
            (b"\x7fELF\x02", Kind::Elf),
            (b"!<arch>\nx", Kind::Archive),
            (b"!<thin>\nx", Kind::Archive),
            (b"\x1f\x8b\x08rest", Kind::Compressed(Packing::Gzip)),
            (b"PK\x03\x04", Kind::Compressed(Packing::Zip)),
            (b"%PDF-1.4", Kind::Opaque),
            (b"#!/bin/sh\n", Kind::Script),
            (b"#!/bin/sh\n\0", Kind::Opaque),
            (b"", Kind::Text),
            (b"caf\xe9 /usr", Kind::Text),
        ];
        for (bytes, kind) in table {
            assert_eq!(Kind::of(bytes), kind, "{bytes:?}");
        }
    }
}

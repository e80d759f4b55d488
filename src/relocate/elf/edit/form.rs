//! Numbers in the bytes of an ELF file: width and byte order as the file's own.
//!
//! Knows no structure but the word; every access is checked against the end of the bytes.

use crate::relocate::elf::ElfFault;

/// Width and byte order of a file (`EI_CLASS`, `EI_DATA`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Form {
    pub is_wide: bool,
    pub is_little: bool,
}

impl Form {
    /// Bytes of an address.
    pub fn word_size(self) -> usize {
        if self.is_wide { 8 } else { 4 }
    }

    /// One of two numbers: that of ELF64, or that of ELF32.
    pub fn pick(self, wide: usize, narrow: usize) -> usize {
        if self.is_wide { wide } else { narrow }
    }

    fn number(self, bytes: &[u8], at: usize, size: usize) -> Result<u64, ElfFault> {
        let part = at.checked_add(size).and_then(|end| bytes.get(at..end)).ok_or_else(outside)?;
        let join = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        Ok(if self.is_little { part.iter().rev().fold(0, join) } else { part.iter().fold(0, join) })
    }

    pub fn u16(self, bytes: &[u8], at: usize) -> Result<u16, ElfFault> {
        self.number(bytes, at, 2).map(|number| number as u16)
    }

    pub fn u32(self, bytes: &[u8], at: usize) -> Result<u32, ElfFault> {
        self.number(bytes, at, 4).map(|number| number as u32)
    }

    /// An address, an offset or a size.
    pub fn word(self, bytes: &[u8], at: usize) -> Result<u64, ElfFault> {
        self.number(bytes, at, self.word_size())
    }

    fn put(self, bytes: &mut [u8], at: usize, size: usize, number: u64) -> Result<(), ElfFault> {
        let part = at.checked_add(size).and_then(|end| bytes.get_mut(at..end)).ok_or_else(outside)?;
        let little = number.to_le_bytes();
        part.copy_from_slice(&little[..size]);
        if !self.is_little {
            part.reverse();
        }
        Ok(())
    }

    pub fn put_u16(self, bytes: &mut [u8], at: usize, number: u16) -> Result<(), ElfFault> {
        self.put(bytes, at, 2, u64::from(number))
    }

    pub fn put_u32(self, bytes: &mut [u8], at: usize, number: u32) -> Result<(), ElfFault> {
        self.put(bytes, at, 4, u64::from(number))
    }

    /// Writes an address, an offset or a size, which must fit into the width of the file.
    pub fn put_word(self, bytes: &mut [u8], at: usize, number: u64) -> Result<(), ElfFault> {
        if !self.is_wide && number > u64::from(u32::MAX) {
            return Err(ElfFault::new(format!("{number:#x} does not fit into 32 bits")));
        }
        self.put(bytes, at, self.word_size(), number)
    }
}

fn outside() -> ElfFault {
    ElfFault::new("a part of it lies outside of the file")
}

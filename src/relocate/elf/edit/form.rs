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

    pub fn u16(self, bytes: &[u8], at: usize) -> Result<u16, ElfFault> {
        let part = part(bytes, at)?;
        Ok(if self.is_little { u16::from_le_bytes(part) } else { u16::from_be_bytes(part) })
    }

    pub fn u32(self, bytes: &[u8], at: usize) -> Result<u32, ElfFault> {
        let part = part(bytes, at)?;
        Ok(if self.is_little { u32::from_le_bytes(part) } else { u32::from_be_bytes(part) })
    }

    /// An address, an offset or a size.
    pub fn word(self, bytes: &[u8], at: usize) -> Result<u64, ElfFault> {
        if !self.is_wide {
            return self.u32(bytes, at).map(u64::from);
        }
        let part = part(bytes, at)?;
        Ok(if self.is_little { u64::from_le_bytes(part) } else { u64::from_be_bytes(part) })
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

fn part<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N], ElfFault> {
    let part = bytes.get(at..).and_then(|rest| rest.first_chunk::<N>());
    part.copied().ok_or_else(outside)
}

fn outside() -> ElfFault {
    ElfFault::new("a part of it lies outside of the file")
}

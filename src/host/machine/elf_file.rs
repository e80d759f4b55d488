//! Reads an ELF file: a small one whole, of a large one only the parts that its facts and symbols stand in.
//!
//! Which parts those are is `relocate/elf/skeleton.rs`.

use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::relocate::elf::{CompressedSection, skeleton};

/// Up to this size a file is read whole, in bytes.
const WHOLE: u64 = 1 << 20;

/// The bytes of a file, or of a file that says the same of itself and is small.
///
/// # Errors
/// When it cannot be read, or is damaged so that its parts are not found.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    read_into(&mut bytes, path)?;
    Ok(bytes)
}

/// The same, into memory that is used again: new memory for each of many files costs more than to look at them.
///
/// # Errors
/// As [`read`].
pub fn read_into(bytes: &mut Vec<u8>, path: &Path) -> io::Result<()> {
    let mut file = fs_err::File::open(path)?;
    let size = file.metadata()?.len();
    if size <= WHOLE {
        bytes.clear();
        file.file_mut().read_to_end(bytes)?;
        return Ok(());
    }
    let mut read = |offset: u64, part: &mut [u8]| file.file().read_exact_at(part, offset);
    skeleton::of(size, &mut read, bytes).map_err(|fault| match fault {
        skeleton::Fault::Read(error) => error,
        skeleton::Fault::Elf(fault) => io::Error::other(fault.reason),
    })
}

/// The compressed sections of a file of any size; none where its section headers are damaged.
///
/// # Errors
/// When it cannot be opened.
pub fn compressed_sections(path: &Path) -> io::Result<Vec<CompressedSection>> {
    let file = fs_err::File::open(path)?;
    let size = file.metadata()?.len();
    let mut read = |offset: u64, part: &mut [u8]| file.file().read_exact_at(part, offset);
    Ok(skeleton::compressed_sections(size, &mut read).unwrap_or_default())
}

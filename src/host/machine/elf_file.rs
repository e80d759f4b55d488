//! Reads an ELF file: a small one whole, of a large one only the parts that its facts and symbols stand in.
//!
//! Which parts those are is `relocate/elf/skeleton.rs`.

use std::io;
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
    let file = fs_err::File::open(path)?;
    let size = file.metadata()?.len();
    if size <= WHOLE {
        return fs_err::read(path);
    }
    skeleton::of(size, &mut |offset, length| part(&file, size, offset, length)).map_err(|fault| match fault {
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
    Ok(skeleton::compressed_sections(size, &mut |offset, length| part(&file, size, offset, length)).unwrap_or_default())
}

fn part(file: &fs_err::File, size: u64, offset: u64, length: usize) -> io::Result<Vec<u8>> {
    let mut part = vec![0; size.saturating_sub(offset).min(length as u64) as usize];
    file.file().read_exact_at(&mut part, offset)?;
    Ok(part)
}

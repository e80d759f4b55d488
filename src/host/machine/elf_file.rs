//! Reads an ELF file: a small one whole, of a large one only the parts that its facts and symbols stand in.
//!
//! Which parts those are is `relocate/elf/skeleton.rs`.

use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::relocate::elf::skeleton;

/// Up to this size a file is read whole, in bytes.
const WHOLE: u64 = 16 << 20;

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
    let file = file.into_parts().0;
    let mut read = |offset: u64, length: usize| {
        let mut part = vec![0; length];
        let end = size.saturating_sub(offset).min(length as u64) as usize;
        part.truncate(end);
        file.read_exact_at(&mut part, offset)?;
        Ok(part)
    };
    skeleton::of(size, &mut read).map_err(|fault| match fault {
        skeleton::Fault::Read(error) => error,
        skeleton::Fault::Elf(fault) => io::Error::other(fault.reason),
    })
}

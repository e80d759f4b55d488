//! Packs a sealed tree into a package archive: the same manifest and tree give the same bytes everywhere.
//!
//! Does not decide what is in a package (`builder/seal/`). Each file is digested again while it is packed.

use std::io::{Read, Write};
use std::path::Path;

use crate::archive::frames::FrameWriter;
use crate::archive::unpack::Limits;
use crate::archive::{Error, PIECE, header};
use crate::model::digest::Digester;
use crate::model::package::{EntryKind, FileEntry, MANIFEST_PATH, PackageManifest};

/// Writes the archive of the files that the manifest names below `tree`.
///
/// # Errors
/// [`Error::TooManyFiles`], [`Error::Changed`] when a file, link or folder is not what the manifest says, else what
/// could not be read or written; the output is of no use then.
pub fn pack(manifest: &PackageManifest, tree: &Path, out: &mut dyn Write) -> Result<(), Error> {
    let write = |source| Error::Write { source };
    let mut out = FrameWriter::new(out);
    let mut spare = Vec::new();
    let json = manifest.to_json();
    let (size, limit) = (json.len() as u64, Limits::default().manifest);
    if size > limit {
        return Err(Error::TooManyFiles { size, limit });
    }
    header::write_file(&mut spare, MANIFEST_PATH, size);
    spare.extend_from_slice(&json);
    spare.resize(spare.len() + header::padding(size), 0);
    out.write_all(&spare).map_err(write)?;
    // A frame of its own: whoever wants only the manifest decodes only that.
    out.cut().map_err(write)?;
    let mut buffer = vec![0; PIECE];
    for entry in &manifest.entries {
        let path = tree.join(entry.path.as_str());
        let changed = || Error::Changed { path: entry.path.to_string() };
        header::write_entry(&mut spare, entry);
        out.write_all(&spare).map_err(write)?;
        let found = fs_err::symlink_metadata(&path).map_err(|source| Error::File {
            doing: "looking at a file to pack",
            path: path.clone(),
            source,
        })?;
        match &entry.kind {
            EntryKind::Folder if found.is_dir() => {}
            EntryKind::Link { target } if found.is_symlink() => {
                let is_same = fs_err::read_link(&path).is_ok_and(|found| found == Path::new(target));
                if !is_same {
                    return Err(changed());
                }
            }
            EntryKind::File(file) if found.is_file() && found.len() == file.size => {
                pack_file(&path, file, &mut buffer, &mut out)?.then_some(()).ok_or_else(changed)?;
            }
            _ => return Err(changed()),
        }
        out.cut_if_full().map_err(write)?;
    }
    out.write_all(&[0; header::END]).map_err(write)?;
    out.cut().map_err(write)
}

/// Copies one file; whether it was the one of the manifest.
fn pack_file(path: &Path, file: &FileEntry, buffer: &mut [u8], out: &mut FrameWriter<'_>) -> Result<bool, Error> {
    let reading = |source| Error::File { doing: "reading a file to pack", path: path.to_owned(), source };
    let mut from = fs_err::File::open(path).map_err(reading)?;
    let mut digester = Digester::new();
    let mut left = file.size;
    while left > 0 {
        let wanted = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        // Whole pieces, whatever the kernel gives: the compressor's output may depend on the pieces it gets.
        let count = fill(&mut from, &mut buffer[..wanted]).map_err(reading)?;
        if count < wanted {
            return Ok(false);
        }
        digester.update(&buffer[..count]);
        out.write_all(&buffer[..count]).map_err(|source| Error::Write { source })?;
        left -= count as u64;
    }
    out.write_all(&[0; header::BLOCK][..header::padding(file.size)]).map_err(|source| Error::Write { source })?;
    Ok(digester.finish() == file.digest)
}

/// Reads until the buffer is full or the file ends.
fn fill(from: &mut impl Read, buffer: &mut [u8]) -> std::io::Result<usize> {
    let mut count = 0;
    while count < buffer.len() {
        match from.read(&mut buffer[count..]) {
            Ok(0) => break,
            Ok(more) => count += more,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(count)
}

//! The one tar header that an entry has: ustar (POSIX.1-1988) with pax records (POSIX.1-2001) for what does not fit.
//!
//! ```text
//! path of at most 100 bytes      one block of 512 bytes: name, mode, uid 0, gid 0, size, time 1, sum, kind, target
//! longer path, target, or size   before it a block of kind `x` named `.tagalong/pax`, and its records, padded:
//! of 8 GiB and more              "NN path=…\n" "NN linkpath=…\n" "NN size=…\n"
//! ```
//! Does not read headers: what stands in an archive must be equal.

use crate::model::package::{Entry, EntryKind};

/// The size of a tar block, in bytes.
pub const BLOCK: usize = 512;

/// Two empty blocks end a tar archive.
pub const END: usize = 2 * BLOCK;

/// The largest size that eleven octal digits hold.
const LARGEST_OCTAL: u64 = (1 << 33) - 1;

const PAX_NAME: &str = ".tagalong/pax";

/// Writes the header of an entry over `out`.
pub fn write_entry(out: &mut Vec<u8>, entry: &Entry) {
    let path = entry.path.as_str();
    match &entry.kind {
        EntryKind::Folder => write(out, &format!("{path}/"), b'5', 0o755, 0, ""),
        EntryKind::File(file) => write(out, path, b'0', file.mode, file.size, ""),
        EntryKind::Link { target } => write(out, path, b'2', 0o777, 0, target),
    }
}

/// Writes the header of a plain file over `out`.
pub fn write_file(out: &mut Vec<u8>, path: &str, size: u64) {
    write(out, path, b'0', 0o644, size, "");
}

/// How many bytes fill the last block of a file of this size.
pub fn padding(size: u64) -> usize {
    (BLOCK - (size % BLOCK as u64) as usize) % BLOCK
}

/// The name, and the size of what follows, of a header that comes from outside; for the manifest, and for messages.
/// `None` for an empty block.
pub fn peek(block: &[u8]) -> Option<(String, Option<u64>)> {
    if block.iter().all(|byte| *byte == 0) {
        return None;
    }
    let text = |field: &[u8]| {
        let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
        String::from_utf8_lossy(&field[..end]).into_owned()
    };
    let size = text(&block[124..136]);
    Some((text(&block[..100]), u64::from_str_radix(size.trim(), 8).ok()))
}

fn write(out: &mut Vec<u8>, path: &str, kind: u8, mode: u32, size: u64, target: &str) {
    out.clear();
    let mut records = Vec::new();
    if path.len() > 100 {
        record(&mut records, "path", path);
    }
    if target.len() > 100 {
        record(&mut records, "linkpath", target);
    }
    if size > LARGEST_OCTAL {
        record(&mut records, "size", &size.to_string());
    }
    if !records.is_empty() {
        block(out, PAX_NAME, b'x', 0o644, records.len() as u64, "");
        records.resize(records.len() + padding(records.len() as u64), 0);
        out.append(&mut records);
    }
    block(out, path, kind, mode, if size > LARGEST_OCTAL { 0 } else { size }, target);
}

/// A pax record: its own length in decimal, a space, `key=value`, a line break.
fn record(out: &mut Vec<u8>, key: &str, value: &str) {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + 1;
    while length != rest + length.to_string().len() {
        length = rest + length.to_string().len();
    }
    out.extend_from_slice(format!("{length} {key}={value}\n").as_bytes());
}

fn block(out: &mut Vec<u8>, path: &str, kind: u8, mode: u32, size: u64, target: &str) {
    let start = out.len();
    out.resize(start + BLOCK, 0);
    let block = &mut out[start..];
    let mut put = |at: usize, text: &[u8]| block[at..at + text.len()].copy_from_slice(text);
    put(0, &path.as_bytes()[..path.len().min(100)]);
    put(100, format!("{mode:07o}").as_bytes());
    put(108, b"0000000");
    put(116, b"0000000");
    put(124, format!("{size:011o}").as_bytes());
    // One second after 1970: some programs warn about zero.
    put(136, b"00000000001");
    put(156, &[kind]);
    put(157, &target.as_bytes()[..target.len().min(100)]);
    put(257, b"ustar\x0000");
    put(329, b"0000000");
    put(337, b"0000000");
    // The sum is taken with its own field full of spaces.
    put(148, b"        ");
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use crate::model::digest::Digest;
    use crate::model::package::{EntryPath, FileEntry, Relocations};

    /// The tar crate as judge: path, kind, mode, size, target.
    fn read(entry: &Entry) -> (String, tar::EntryType, u32, u64, Option<String>) {
        let mut bytes = Vec::new();
        write_entry(&mut bytes, entry);
        bytes.resize(bytes.len() + END, 0);
        let mut archive = tar::Archive::new(&bytes[..]);
        let mut entries = archive.entries().unwrap();
        let read = entries.next().unwrap().unwrap();
        let header = read.header();
        let target = read.link_name().unwrap().map(|target| target.to_str().unwrap().to_owned());
        let path = read.path().unwrap().to_str().unwrap().to_owned();
        (path, header.entry_type(), header.mode().unwrap(), read.size(), target)
    }

    #[test]
    fn headers_read_back_by_another_reader_short_and_long() {
        for length in [1, 99, 100, 101, 250, 255] {
            let path = EntryPath::parse(&format!("d/{}", "x".repeat(length))).unwrap();
            let target = format!("../{}", "y".repeat(length));
            let file = FileEntry { mode: 0o755, size: 0, digest: Digest::of(b""), relocations: Relocations::default() };
            let entry = |kind| Entry { path: path.clone(), kind };
            let name = path.to_string();
            assert_eq!(read(&entry(EntryKind::Folder)).0.trim_end_matches('/'), name);
            let file = read(&entry(EntryKind::File(file)));
            assert_eq!(file, (name.clone(), tar::EntryType::Regular, 0o755, 0, None));
            let link = read(&entry(EntryKind::Link { target: target.clone() }));
            assert_eq!(link, (name, tar::EntryType::Symlink, 0o777, 0, Some(target)));
        }
    }

    #[test]
    fn sizes_beyond_eleven_octal_digits_stand_in_a_record() {
        let mut bytes = Vec::new();
        write_file(&mut bytes, "a", LARGEST_OCTAL + 1);
        let mut text = String::new();
        bytes[BLOCK..2 * BLOCK].take(19).read_to_string(&mut text).unwrap();
        assert_eq!(text, "19 size=8589934592\n");
    }
}

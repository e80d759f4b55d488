//! Reads the entries of a foreign tar: ustar, GNU long names, pax paths and times.
//!
//! Does not decide what may be written (`foreign_tree.rs`). The long names are read here, with limits, since the tar
//! crate would take as many bytes as the archive says.

use std::io::Read;
use std::time::Duration;

use tar::EntryType;

use crate::archive::foreign::{EntryFault, Fault};
use crate::archive::foreign_tree::{Traits, Tree};

/// The most bytes of one pax header or long name.
const LONGEST_EXTENSION: u64 = 1 << 20;

/// What stands in front of an entry and holds for it alone.
#[derive(Default)]
struct Extension {
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    modified: Option<Duration>,
    size: Option<u64>,
    is_sparse: bool,
}

/// Reads a tar to its end into a tree.
pub(super) fn read(reader: impl Read, tree: &mut Tree) -> Result<(), Fault> {
    let mut archive = tar::Archive::new(reader);
    let mut extension = Extension::default();
    let mut count = 0_u64;
    for entry in archive.entries().map_err(Fault::read)?.raw(true) {
        let mut entry = entry.map_err(Fault::read)?;
        count += 1;
        match entry.header().entry_type() {
            EntryType::XGlobalHeader => {}
            EntryType::XHeader => read_pax(&read_extension(&mut entry)?, &mut extension)?,
            EntryType::GNULongName => extension.path = Some(long_name(&mut entry)?),
            EntryType::GNULongLink => extension.link = Some(long_name(&mut entry)?),
            _ => add(&mut entry, &std::mem::take(&mut extension), tree)?,
        }
    }
    if count == 0 {
        return Err(Fault::Unreadable("there is no tar archive inside, or an empty one".to_owned()));
    }
    Ok(())
}

fn add(entry: &mut tar::Entry<'_, impl Read>, extension: &Extension, tree: &mut Tree) -> Result<(), Fault> {
    let header = entry.header().clone();
    let name = extension.path.clone().unwrap_or_else(|| header.path_bytes().into_owned());
    let size = header.entry_size().map_err(Fault::read)?;
    let refuse = |fault| Err(Fault::entry(&name, fault));
    if extension.is_sparse || extension.size.is_some_and(|other| other != size) {
        return refuse(EntryFault::Kind { kind: "a sparse file, or one of more than 8 GiB".to_owned() });
    }
    let target = || {
        let target = extension.link.clone();
        target.or_else(|| header.link_name_bytes().map(std::borrow::Cow::into_owned)).unwrap_or_default()
    };
    match header.entry_type() {
        EntryType::Directory => tree.folder(&name),
        // Tars from before POSIX mark folders by a slash alone.
        EntryType::Regular if name.ends_with(b"/") => tree.folder(&name),
        EntryType::Regular | EntryType::Continuous => {
            let modified = extension.modified.unwrap_or_else(|| Duration::from_secs(header.mtime().unwrap_or(0)));
            let is_executable = header.mode().unwrap_or(0) & 0o111 != 0;
            tree.file(&name, Traits { is_executable, modified }, entry)
        }
        EntryType::Symlink => tree.link(&name, &target()),
        EntryType::Link => tree.hard_link(&name, &target()),
        EntryType::Char | EntryType::Block | EntryType::Fifo => refuse(EntryFault::Device),
        EntryType::GNUSparse => refuse(EntryFault::Kind { kind: "a sparse file".to_owned() }),
        other => refuse(EntryFault::Kind { kind: format!("tar's type {:?}", char::from(other.as_byte())) }),
    }
}

fn read_extension(entry: &mut tar::Entry<'_, impl Read>) -> Result<Vec<u8>, Fault> {
    let mut bytes = Vec::new();
    entry.take(LONGEST_EXTENSION + 1).read_to_end(&mut bytes).map_err(Fault::read)?;
    if bytes.len() as u64 > LONGEST_EXTENSION {
        return Err(Fault::Unreadable(format!("an extended header has more than {LONGEST_EXTENSION} bytes")));
    }
    Ok(bytes)
}

fn long_name(entry: &mut tar::Entry<'_, impl Read>) -> Result<Vec<u8>, Fault> {
    let mut name = read_extension(entry)?;
    while name.last() == Some(&0) {
        name.pop();
    }
    Ok(name)
}

/// Reads the records of a pax header, each `<length> <key>=<value>\n` (POSIX.1-2017, pax).
fn read_pax(bytes: &[u8], extension: &mut Extension) -> Result<(), Fault> {
    let broken = || Fault::Unreadable("a pax header is broken".to_owned());
    let mut rest = bytes;
    while !rest.is_empty() && rest[0] != 0 {
        let space = rest.iter().position(|byte| *byte == b' ').ok_or_else(broken)?;
        let length = std::str::from_utf8(&rest[..space]).ok().and_then(|text| text.parse::<usize>().ok());
        let length = length.filter(|length| (space + 2..=rest.len()).contains(length)).ok_or_else(broken)?;
        let record = &rest[space + 1..length - 1];
        let equals = record.iter().position(|byte| *byte == b'=').ok_or_else(broken)?;
        let (key, value) = (&record[..equals], &record[equals + 1..]);
        match key {
            b"path" => extension.path = Some(value.to_vec()),
            b"linkpath" => extension.link = Some(value.to_vec()),
            b"size" => extension.size = Some(number(value).ok_or_else(broken)?),
            b"mtime" => extension.modified = Some(time(value)),
            key if key.starts_with(b"GNU.sparse") => extension.is_sparse = true,
            _ => {}
        }
        rest = &rest[length..];
    }
    Ok(())
}

fn number(text: &[u8]) -> Option<u64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Seconds with a fraction; what is before 1970 or no number is 1970.
fn time(text: &[u8]) -> Duration {
    let dot = text.iter().position(|byte| *byte == b'.').unwrap_or(text.len());
    let seconds = number(&text[..dot]).unwrap_or(0);
    let mut digits = text.get(dot + 1..).unwrap_or_default().to_vec();
    digits.resize(9, b'0');
    let nanoseconds = number(&digits).and_then(|nanoseconds| u32::try_from(nanoseconds).ok()).unwrap_or(0);
    Duration::new(seconds, nanoseconds.min(999_999_999))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pax_records_are_read_and_broken_ones_refused() {
        let mut extension = Extension::default();
        read_pax(b"12 path=a/b\n20 mtime=1600000000.5\n", &mut extension).unwrap_err();
        read_pax(b"12 path=a/b\n22 mtime=1600000000.5\n", &mut extension).unwrap();
        assert_eq!(extension.path.as_deref(), Some(b"a/b".as_slice()));
        assert_eq!(extension.modified, Some(Duration::new(1_600_000_000, 500_000_000)));
        for broken in ["path=a", "99 path=a\n", "5 x\n", "0 a=b\n", "18446744073709551616 a=b\n"] {
            assert!(read_pax(broken.as_bytes(), &mut Extension::default()).is_err(), "{broken}");
        }
    }
}

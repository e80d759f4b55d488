//! Reads the entries of a foreign zip.
//!
//! Does not decide what may be written (`foreign_tree.rs`).

use std::fs::File;
use std::io::{BufReader, Read};
use std::time::Duration;

use zip::ZipArchive;

use crate::archive::foreign::{EntryFault, Fault};
use crate::archive::foreign_tree::{Traits, Tree};

/// The longest target of a link, in bytes (`PATH_MAX`).
const LONGEST_TARGET: u64 = 4096;

/// Reads a zip into a tree.
pub(super) fn read(file: File, tree: &mut Tree) -> Result<(), Fault> {
    let broken = |error: zip::result::ZipError| Fault::Unreadable(error.to_string());
    let mut archive = ZipArchive::new(BufReader::new(file)).map_err(broken)?;
    for place in 0..archive.len() {
        let mut entry = archive.by_index(place).map_err(broken)?;
        let name = entry.name_raw().to_vec();
        let mode = entry.unix_mode().unwrap_or(0o644);
        if entry.is_dir() {
            tree.folder(&name)?;
        } else if entry.is_symlink() {
            let mut target = Vec::new();
            (&mut entry).take(LONGEST_TARGET + 1).read_to_end(&mut target).map_err(Fault::read)?;
            if target.len() as u64 > LONGEST_TARGET {
                return Err(Fault::entry(&name, EntryFault::TooLong));
            }
            tree.link(&name, &target)?;
        } else if !matches!(mode & 0o170_000, 0 | 0o100_000) {
            return Err(Fault::entry(&name, EntryFault::Device));
        } else {
            let modified = entry.last_modified().map(since_1970).unwrap_or_default();
            tree.file(&name, Traits { is_executable: mode & 0o111 != 0, modified }, &mut entry)?;
        }
    }
    Ok(())
}

/// A zip's time, which has no zone, as if it were UTC.
fn since_1970(time: zip::DateTime) -> Duration {
    let (year, month, day) = (i64::from(time.year()), i64::from(time.month()), i64::from(time.day()));
    // Days since 1970-01-01 in the Gregorian calendar; years are counted from March, so that leap days come last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1 - 719_468;
    let seconds = i64::from(time.hour()) * 3600 + i64::from(time.minute()) * 60 + i64::from(time.second());
    Duration::from_secs(u64::try_from(days * 86_400 + seconds).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zip_times_count_from_1970() {
        let time = zip::DateTime::from_date_and_time(2024, 2, 29, 12, 30, 2).unwrap();
        assert_eq!(since_1970(time).as_secs(), 1_709_209_802);
        let time = zip::DateTime::from_date_and_time(1980, 1, 1, 0, 0, 0).unwrap();
        assert_eq!(since_1970(time).as_secs(), 315_532_800);
    }
}

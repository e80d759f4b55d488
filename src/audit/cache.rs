//! Reads `/etc/ld.so.cache` (glibc's `dl-cache.h`, the format "glibc-ld.so.cache1.1"): paths of libraries by name.
//!
//! Does not look whether the files are there; the loader's rules do.

use std::cell::Cell;
use std::collections::BTreeMap;

const MAGIC: &[u8] = b"glibc-ld.so.cache1.1";
/// Header and entry in bytes.
const HEADER: usize = 48;
const ENTRY: usize = 24;
/// All names together are no longer than so many times the cache.
const MOST_REPEATS: usize = 4;
/// The bit of `hwcap` that says that its lower half counts names of `glibc-hwcaps` folders.
const IS_EXTENSION: u64 = 1 << 62;

/// Paths by name, the best first: those for `hardware` (`x86-64-v3`, the best first), then those for every processor.
/// Empty when the bytes are no such cache.
pub fn read(bytes: &[u8], is_little_endian: bool, hardware: &[String]) -> BTreeMap<String, Vec<String>> {
    // The old format may stand in front; offsets count from the new one.
    let Some(start) = memchr::memmem::find(bytes, MAGIC) else { return BTreeMap::new() };
    let left = Cell::new(MOST_REPEATS * bytes.len());
    let cache = Cache { bytes: &bytes[start..], is_little_endian, left };
    cache.paths(hardware).unwrap_or_default()
}

struct Cache<'a> {
    bytes: &'a [u8],
    is_little_endian: bool,
    /// So many bytes of names may still be handed out: hostile entries can all name one long string.
    left: Cell<usize>,
}

impl Cache<'_> {
    fn number(&self, at: usize) -> Option<u32> {
        let bytes: [u8; 4] = self.bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
        Some(if self.is_little_endian { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
    }

    fn text(&self, at: u32) -> Option<String> {
        let rest = self.bytes.get(at as usize..)?;
        let end = memchr::memchr(0, rest)?;
        self.left.set(self.left.get().checked_sub(end)?);
        String::from_utf8(rest[..end].to_vec()).ok()
    }

    fn paths(&self, hardware: &[String]) -> Option<BTreeMap<String, Vec<String>>> {
        let count = self.number(20)? as usize;
        let names = self.hardware_names();
        let mut found: BTreeMap<String, Vec<(usize, String)>> = BTreeMap::new();
        for number in 0..count.min(self.bytes.len() / ENTRY) {
            let at = HEADER + number * ENTRY;
            let (name, path) = (self.text(self.number(at + 4)?)?, self.text(self.number(at + 8)?)?);
            let (first, second) = (u64::from(self.number(at + 16)?), u64::from(self.number(at + 20)?));
            let capability = if self.is_little_endian { second << 32 | first } else { first << 32 | second };
            let rank = if capability & IS_EXTENSION != 0 {
                let own = names.get((capability & 0xffff_ffff) as usize);
                // What this processor cannot run is passed over.
                match own.and_then(|own| hardware.iter().position(|name| name == own)) {
                    Some(rank) => rank,
                    None => continue,
                }
            } else if capability == 0 {
                hardware.len()
            } else {
                continue;
            };
            found.entry(name).or_default().push((rank, path));
        }
        let best_first = |mut paths: Vec<(usize, String)>| {
            paths.sort_by_key(|(rank, _)| *rank);
            paths.into_iter().map(|(_, path)| path).collect()
        };
        Some(found.into_iter().map(|(name, paths)| (name, best_first(paths))).collect())
    }

    /// The names of the `glibc-hwcaps` folders, from the extensions behind the strings.
    fn hardware_names(&self) -> Vec<String> {
        let read = || -> Option<Vec<String>> {
            let at = self.number(32).filter(|at| *at != 0)? as usize;
            // `cache_extension_magic`.
            self.number(at).filter(|magic| *magic == 0xeaa4_2174)?;
            let sections = self.number(at.checked_add(4)?)?.min(64) as usize;
            let section = (0..sections).map(|number| at + 8 + 16 * number).find(|at| self.number(*at) == Some(1))?;
            let (offset, size) = (self.number(section + 8)? as usize, self.number(section + 12)? as usize);
            (0..(size / 4).min(1024)).map(|number| self.text(self.number(offset.checked_add(4 * number)?)?)).collect()
        };
        read().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_cache_has_no_paths() {
        assert!(read(b"", true, &[]).is_empty());
        assert!(read(MAGIC, true, &[]).is_empty());
        assert!(read(&[MAGIC, &[0xff; 100]].concat(), true, &[]).is_empty());
    }
}

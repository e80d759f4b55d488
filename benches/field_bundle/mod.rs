//! The bundle of field measurements: 40 packages, one of them half of all bytes; 20,000 files, 542 MB, 1,225 of them
//! with the prefix, in 328 MB. Always the same bytes.
//!
//! Does not measure anything.

use crate::world::bundle::Package;
use crate::world::random::Random;

const PACKAGES: usize = 40;
const FILES: usize = 20_000;
const RELOCATED: usize = 1_225;
const RELOCATED_BYTES: usize = 328_000_000;
const OTHER_BYTES: usize = 214_000_000;

/// Bytes that compress to about a third, as libraries and headers do.
fn noise(random: &mut Random, count: usize) -> Vec<u8> {
    let words: Vec<[u8; 8]> = (0..512).map(|_| random.number().to_le_bytes()).collect();
    let mut bytes = Vec::with_capacity(count + 16);
    while bytes.len() < count {
        let number = random.number();
        bytes.extend(words[usize::try_from(number % 512).unwrap()]);
        if number & (1 << 20) != 0 {
            bytes.extend(&number.to_le_bytes()[3..6]);
        }
    }
    bytes.truncate(count);
    bytes
}

/// The packages; `version` of the last two makes them another tag's.
pub fn packages(version: &str, scale: usize) -> Vec<Package> {
    (0..PACKAGES)
        .map(|place| {
            // The first package has half of all bytes, in larger files.
            let (share, of) = if place == 0 { (1, 2) } else { (1, 2 * (PACKAGES - 1)) };
            let is_new = place >= PACKAGES - 2;
            let version = if is_new { version } else { "1" };
            let mut random = Random::new(place as u64 + if is_new { version.len() as u64 * 99 } else { 0 });
            let name = format!("p{place:02}");
            let mut package = Package::new(&name).version(version);
            let files = if place == 0 { FILES / 8 } else { FILES * 7 / 8 / (PACKAGES - 1) } / scale;
            let relocated = (if place == 0 { RELOCATED / 2 } else { RELOCATED / 2 / (PACKAGES - 1) } / scale).max(1);
            for number in 0..files {
                let is_relocated = number < relocated;
                let (bytes, count) =
                    if is_relocated { (RELOCATED_BYTES, relocated) } else { (OTHER_BYTES, files - relocated) };
                let size = bytes / scale * share / of / count;
                let path =
                    format!("{}/{name}/d{}/f{number}", if is_relocated { "lib" } else { "include" }, number % 50);
                let mut content = noise(&mut random, size);
                if is_relocated {
                    let middle = content.len() / 2;
                    content.splice(middle..middle, b"@PREFIX@/share\0".iter().copied());
                }
                package = package.binary(&path, &content);
            }
            package
        })
        .collect()
}

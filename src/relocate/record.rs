//! The record of a relocation: where a tree holds its prefix, so that the next move needs no search.
//!
//! ```json
//! {"format": 1, "prefixes": ["/opt/new"], "listing": {"paths": 1204, "digest": "…"},
//!  "files": [{"path": "lib/libz.so", "way": "fixed", "size": 98304, "digest": "…", "places": [[4096, 0, 12]]},
//!            {"path": "lib64", "way": "link", "size": 12, "digest": "…", "places": []}]}
//! ```
//! `places`: the offset, which prefix, and how many slashes of padding stand before it. `digest` is that of the file, or
//! of the text of a link; `listing` is that of all paths and sizes. In paths `%` and what is no UTF-8 are `%XX`.

use serde::{Deserialize, Serialize};

use crate::model::digest::Digest;

/// The version of the format.
pub const FORMAT: u32 = 1;

/// The largest record that is read, in bytes.
pub const LARGEST: u64 = 256 << 20;

/// How a file is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    /// The length may change.
    Text,
    /// Text whose first line names its interpreter.
    Script,
    /// The length may not change.
    Fixed,
    /// As fixed, but what the loader reads may become longer.
    Elf,
    /// Compiled Python, whose strings have a length each.
    Pyc,
    /// The text of a symbolic link.
    Link,
}

/// Where a tree holds its prefix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    pub format: u32,
    pub prefixes: Vec<String>,
    pub listing: Listing,
    pub files: Vec<RecordedFile>,
}

/// What the whole tree consists of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listing {
    pub paths: u64,
    pub digest: Digest,
}

/// A file or link that holds a prefix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedFile {
    pub path: String,
    pub way: Way,
    pub size: u64,
    pub digest: Digest,
    pub places: Vec<(u64, usize, u32)>,
}

impl Record {
    /// Reads a record.
    ///
    /// # Errors
    /// What is wrong about it.
    pub fn parse(json: &[u8]) -> Result<Record, String> {
        let record: Record = serde_json::from_slice(json).map_err(|error| error.to_string())?;
        if record.format != FORMAT {
            return Err(format!("its format is {}, this program knows {FORMAT}", record.format));
        }
        for file in &record.files {
            let mut least = 0;
            for (offset, prefix, _) in &file.places {
                let end = record.prefixes.get(*prefix).map(|prefix| prefix.len() as u64);
                let Some(end) = end.and_then(|length| offset.checked_add(length)).filter(|_| *offset >= least) else {
                    return Err(format!("the places of {} do not follow each other", file.path));
                };
                least = end;
            }
        }
        Ok(record)
    }

    /// The record as it is written to disk.
    pub fn to_json(&self) -> Vec<u8> {
        // Strings, numbers and lists: nothing that JSON cannot hold.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

/// Bytes as text that can be turned back.
pub fn escape(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '%' => text.push_str("%25"),
                one if one.is_control() => {
                    one.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| text.push_str(&format!("%{byte:02X}")));
                }
                one => text.push(one),
            }
        }
        chunk.invalid().iter().for_each(|byte| text.push_str(&format!("%{byte:02X}")));
    }
    text
}

/// The bytes of an escaped text; `None` when it is none.
pub fn unescape(text: &str) -> Option<Vec<u8>> {
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = &rest[2..];
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_name_is_written_as_text_and_read_back() {
        for name in [&b"a b"[..], b"50%", b"a\nb", b"\xff\xc3\xa9", "é".as_bytes(), b""] {
            assert_eq!(unescape(&escape(name)).unwrap(), name);
        }
        assert_eq!(escape(b"a\n\xff%"), "a%0A%FF%25");
        assert_eq!(unescape("%2"), None);
        assert_eq!(unescape("%zz"), None);
    }

    #[test]
    fn record_whose_places_cannot_be_is_refused() {
        let digest = Digest::of(b"");
        let file = |places| RecordedFile { path: "a".into(), way: Way::Text, size: 9, digest, places };
        let record = |places| Record {
            format: FORMAT,
            prefixes: vec!["/p".into()],
            listing: Listing { paths: 1, digest },
            files: vec![file(places)],
        };
        let sound = record(vec![(0, 0, 0), (2, 0, 1)]);
        assert_eq!(Record::parse(&sound.to_json()), Ok(sound));
        for places in [vec![(0, 1, 0)], vec![(4, 0, 0), (2, 0, 0)], vec![(u64::MAX, 0, 0)]] {
            assert!(Record::parse(&record(places).to_json()).is_err());
        }
    }
}

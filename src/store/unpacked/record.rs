//! What the files of an unpacked tree were when it was made, by which a later change is seen without reading them.
//!
//! ```json
//! {"format": 1, "manifest": "9c56…", "files": [[420, 7164, 1796148000, 120000000], …]}
//! ```
//! `manifest` is the digest of the manifest beside it; `files` has one row for each of the manifest's files, in its
//! order: mode, size in bytes, time of change in seconds since 1970 and nanoseconds. Does not look at the disk.

use serde::{Deserialize, Serialize};

use crate::archive::beneath::Facts;
use crate::model::digest::Digest;

/// The version of the record.
const FORMAT: u32 = 1;

/// The record of one tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    format: u32,
    pub manifest: Digest,
    pub files: Vec<Facts>,
}

impl Record {
    pub fn new(manifest: Digest, files: Vec<Facts>) -> Record {
        Record { format: FORMAT, manifest, files }
    }

    /// Reads a record; `None` for one that is damaged, or of another version.
    pub fn parse(json: &[u8]) -> Option<Record> {
        serde_json::from_slice(json).ok().filter(|record: &Record| record.format == FORMAT)
    }

    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a record holds only strings, numbers and lists")
    }

    /// The sum of the sizes of all files, in bytes.
    pub fn size(&self) -> u64 {
        self.files.iter().fold(0, |sum, file| sum.saturating_add(file.1))
    }
}

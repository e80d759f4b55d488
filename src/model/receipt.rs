//! The receipt: the record of what a prefix holds, at `<prefix>/.tagalong/receipt.json`.
//!
//! ```json
//! {"format": 1, "tag": "deps-add-hdf5", "candidate": false, "platform": "debian-12-x86_64",
//!  "prefix": "/home/ada/demo/extern/debian-12-x86_64", "channel": "main", "manifest": "…", "sequence": 1,
//!  "commit": "9f2c…", "recipes": "4b82…", "stacks": [], "tool": "tagalong 0.1.0",
//!  "packages": [{"name": "zlib", "version": "1.3.1", "archive": "…", "files": 14, "relocated": 3}]}
//! ```
//! An install that was partly built here has `"built": "77ab…"` (the recipes tree on disk), and `"built": true` at the
//! packages that were. One that leaves out development files has `"extent": "runtime"`, and `"left_out": 12` at the
//! packages that had some; one with debug information `"debug": true`, or the names of packages. One whose files are
//! links to the store's has `"link": "hard"` or `"reflink"`, and `"linked": 11` at each package. Written last into the staging folder: a prefix without a whole receipt is no install.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::digest::Digest;
use crate::model::link::LinkKind;
use crate::model::platform::Platform;
use crate::model::prefix::Prefix;
use crate::model::recipe::RecipeName;
use crate::model::selection::{DebugWish, Extent, Selection};
use crate::model::tag::DepsTag;

/// The version of the receipt.
pub const FORMAT: u32 = 1;

/// Where the receipt lies, from the prefix.
pub const RECEIPT_PATH: &str = ".tagalong/receipt.json";

/// What a prefix holds, where it came from and for which path it was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    pub format: u32,
    pub tag: DepsTag,
    pub candidate: bool,
    pub platform: Platform,
    /// The path that was written into the files; lossless only for UTF-8 prefixes, others are escaped.
    pub prefix: String,
    /// The name of the channel it came from.
    pub channel: String,
    /// The digest of the bundle manifest.
    pub manifest: Digest,
    pub sequence: u64,
    pub commit: Option<String>,
    pub recipes: String,
    /// The id of the recipes tree on disk, where packages were built from it because it differs from the tag's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub built: Option<String>,
    /// The stacks asked for; none means all.
    pub stacks: Vec<String>,
    /// The debug information asked for.
    #[serde(default, skip_serializing_if = "DebugWish::is_none")]
    pub debug: DebugWish,
    /// Whether development files were left out.
    #[serde(default, skip_serializing_if = "Extent::is_full")]
    pub extent: Extent,
    pub tool: String,
    /// How the files came from the store.
    #[serde(default, skip_serializing_if = "is_copy")]
    pub link: LinkKind,
    pub packages: Vec<InstalledPackage>,
}

/// One package in a prefix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InstalledPackage {
    pub name: RecipeName,
    pub version: String,
    pub archive: Digest,
    /// Whether it was built for this very work tree; else it is the bundle's.
    #[serde(default, skip_serializing_if = "is_false")]
    pub built: bool,
    /// Variables that whoever uses the package needs; `{prefix}` stands for the prefix.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub exports: BTreeMap<String, String>,
    pub files: u64,
    /// How many of the files hold the prefix.
    pub relocated: u64,
    /// How many are hard links to the store's, or share its blocks.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub linked: u64,
    /// How many files and links of the package were left out.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub left_out: u64,
}

/// Serde asks with a reference.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_zero(value: &u64) -> bool {
    *value == 0
}

/// The same.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_copy(value: &LinkKind) -> bool {
    *value == LinkKind::Copy
}

/// Serde asks with a reference.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_false(value: &bool) -> bool {
    !value
}

impl Receipt {
    /// Reads a receipt.
    ///
    /// # Errors
    /// A sentence about what is wrong: no JSON of this format.
    pub fn parse(json: &[u8]) -> Result<Receipt, String> {
        let receipt: Receipt = serde_json::from_slice(json).map_err(|error| error.to_string())?;
        if receipt.format != FORMAT {
            return Err(format!("it has format {}, this program reads {FORMAT}", receipt.format));
        }
        Ok(receipt)
    }

    /// Whether it is of the bundle of this tag, for one of these platforms; a candidate of that name will do where the
    /// repository has no such tag.
    pub fn is_of(&self, tag: &DepsTag, may_be_candidate: bool, platforms: &[Platform]) -> bool {
        self.tag == *tag && self.candidate <= may_be_candidate && platforms.contains(&self.platform)
    }

    /// What of the bundle was asked for.
    pub fn selection(&self) -> Selection {
        Selection { stacks: self.stacks.clone(), debug: self.debug.clone(), extent: self.extent }
    }

    /// Whether the files were written for this path: a prefix that was moved is to be installed anew.
    pub fn was_made_for(&self, prefix: &Prefix) -> bool {
        self.prefix == Receipt::prefix_text(prefix)
    }

    /// How many files the packages have, and how many of them hold the prefix.
    pub fn files(&self) -> (u64, u64) {
        self.packages.iter().fold((0, 0), |(files, relocated), one| (files + one.files, relocated + one.relocated))
    }

    /// The receipt as indented JSON with a line break at its end.
    pub fn to_json(&self) -> Vec<u8> {
        let mut json = serde_json::to_vec_pretty(self).expect("a receipt holds only strings, numbers and lists");
        json.push(b'\n');
        json
    }

    /// How a prefix is written into a receipt.
    pub fn prefix_text(prefix: &Prefix) -> String {
        prefix.as_bytes().utf8_chunks().fold(String::new(), |mut text, chunk| {
            text.push_str(chunk.valid());
            chunk.invalid().iter().for_each(|byte| text.push_str(&format!("\\x{byte:02x}")));
            text
        })
    }
}

//! What a bundle is made of, in the formats that other programs read: one file a format.
//!
//! Everything comes from the signed manifest and the time of the run; nothing is looked up.

pub mod cyclonedx;
pub mod slsa;
pub mod spdx;

use crate::model::bundle::{BundleManifest, BundlePackage, SourceRef};
use crate::model::digest::Digest;
use crate::percent;

/// What a document is about.
pub struct Subject<'a> {
    pub manifest: &'a BundleManifest,
    /// The digest of the manifest as it lies on the channel.
    pub digest: Digest,
    /// When the document is made: RFC 3339, UTC, whole seconds.
    pub created: &'a str,
    /// This program, `tagalong 0.1.0`.
    pub tool: &'a str,
}

impl Subject<'_> {
    /// What the bundle is called in a document.
    fn name(&self) -> String {
        format!("{}-{}", self.manifest.tag, self.manifest.platform)
    }
}

/// The package URL (purl-spec, type `generic`): name and version percent-encoded, the archive's digest as checksum.
fn purl(package: &BundlePackage) -> String {
    let (name, version) = (percent::encoded(package.name.as_str()), percent::encoded(&package.version));
    format!("pkg:generic/{name}@{version}?checksum=sha256:{}", package.archive)
}

/// The source's address, where it has one that others can use.
fn address(source: &SourceRef) -> Option<&str> {
    let is_address = |start: &&str| source.from.starts_with(start);
    ["https://", "http://", "ftp://", "git+https://", "git+ssh://"].iter().find(|start| is_address(start))?;
    Some(&source.from)
}

/// The digest of the source's file, as hex.
fn sha256(source: &SourceRef) -> Option<&str> {
    source.id.strip_prefix("sha256:")
}

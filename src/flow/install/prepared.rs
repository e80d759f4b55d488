//! A manifest that is not signed yet, taken from a file: what it names is installed to be tested before it is signed.
//!
//! The packages are fetched by digest as always. Nobody's signature is looked for: who names the file vouches for it.

use std::path::Path;

use crate::channel::Channel;
use crate::checkout::Forced;
use crate::flow::install::Error;
use crate::model::bundle::BundleManifest;
use crate::model::digest::Digest;
use crate::search::Found;
use crate::store::handed;

/// A manifest and its bytes.
pub(super) type Prepared = (BundleManifest, Vec<u8>);

/// Reads the file.
///
/// # Errors
/// [`Error::Prepared`].
pub(super) fn read(path: &Path) -> Result<Prepared, Error> {
    let wrong = |fault| Error::Prepared { path: path.to_owned(), fault };
    handed::manifest(path).map_err(wrong)
}

/// Its name is in force, whatever the history says.
pub(super) fn forced(manifest: &BundleManifest) -> Forced {
    Forced { tag: manifest.tag.to_string(), by: "--prepared" }
}

/// The manifest as if the channel had it.
pub(super) fn found((manifest, bytes): Prepared, channel: &Channel) -> Found<'_> {
    let digest = Digest::of(&bytes);
    Found { channel, manifest, bytes, digest, signature: None, scope: None }
}

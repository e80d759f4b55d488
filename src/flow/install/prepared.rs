//! A manifest that is not signed yet, taken from a file: what it names is installed to be tested before it is signed.
//!
//! The packages are fetched by digest as always. Nobody's signature is looked for: who names the file vouches for it.

use std::io::Read;
use std::path::Path;

use crate::channel::Channel;
use crate::checkout::Forced;
use crate::flow::install::Error;
use crate::model::bundle::{BundleManifest, LARGEST_MANIFEST};
use crate::model::digest::Digest;
use crate::search::Found;

/// What stands in the place of the keys' name.
const SCOPE: &str = "prepared";

/// A manifest and its bytes.
pub(super) type Prepared = (BundleManifest, Vec<u8>);

/// Reads the file.
///
/// # Errors
/// [`Error::Prepared`].
pub(super) fn read(path: &Path) -> Result<Prepared, Error> {
    let wrong = |reason: String| Error::Prepared { path: path.to_owned(), reason };
    let mut bytes = Vec::new();
    let file = fs_err::File::open(path).map_err(|error| wrong(error.to_string()))?;
    file.take(LARGEST_MANIFEST + 1).read_to_end(&mut bytes).map_err(|error| wrong(error.to_string()))?;
    let manifest = BundleManifest::parse(&bytes).map_err(|fault| wrong(fault.to_string()))?;
    Ok((manifest, bytes))
}

/// Its name is in force, whatever the history says.
pub(super) fn forced(manifest: &BundleManifest) -> Forced {
    Forced { tag: manifest.tag.to_string(), by: "--prepared" }
}

/// The manifest as if the channel had it.
pub(super) fn found((manifest, bytes): Prepared, channel: &Channel) -> Found<'_> {
    let digest = Digest::of(&bytes);
    Found { channel, manifest, bytes, digest, signature: None, scope: SCOPE.to_owned() }
}

pub(super) fn is_it(found: &Found<'_>) -> bool {
    found.scope == SCOPE
}

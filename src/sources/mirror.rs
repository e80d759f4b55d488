//! Source mirrors of the user's: folders, local or on a web server, that hold files named by their digest.
//!
//! Does not verify; whoever brings the bytes, the digest decides.

use std::path::Path;

use crate::http::Client;
use crate::model::digest::Digest;
use crate::sources::{Reason, beside, web};

/// Writes the file with this digest to a file: `<mirror>/<sha256>`, or in a folder also `<mirror>/<aa>/<sha256>`, as
/// the cache itself is laid out.
pub(super) fn bring(client: &Client, mirror: &str, digest: &Digest, into: &Path) -> Result<(), Reason> {
    let hex = digest.hex();
    if let Some(folder) = web::file_path(mirror) {
        return match beside::copy(&folder.join(&hex), into) {
            Err(Reason::Absent) => beside::copy(&folder.join(&hex[..2]).join(&hex), into),
            brought => brought,
        };
    }
    web::bring(client, &format!("{}/{hex}", mirror.trim_end_matches('/')), into)
}

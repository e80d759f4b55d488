//! Finds the bundle manifest that a bill of materials is made of: in a file, else on the channels, verified.
//!
//! Does not render; `report/sbom/` does.

use std::path::PathBuf;

use crate::channel::ChannelError;
use crate::checkout::{self, Checkout, Forced, Wanted};
use crate::host::HostError;
use crate::model::bundle::BundleManifest;
use crate::model::digest::Digest;
use crate::model::event::Tell;
use crate::model::platform::Platform;
use crate::place;
use crate::search::{self, Network, NotTaken, Search};
use crate::store::handed::{self, NoManifest};
use crate::store::{Store, StoreError};

/// What is asked.
pub struct Options {
    /// The folder the run works in, absolute.
    pub folder: PathBuf,
    pub cache: PathBuf,
    pub forced: Option<Forced>,
    /// This machine's by default.
    pub platform: Option<Platform>,
    /// A manifest that is taken as it is, in place of one from a channel.
    pub file: Option<PathBuf>,
    pub network: Network,
}

/// The manifest, and the digest of its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    pub manifest: BundleManifest,
    pub digest: Digest,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Checkout(#[from] checkout::Error),
    #[error(transparent)]
    Host(#[from] HostError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Channel(#[from] ChannelError),
    #[error(transparent)]
    NotTaken(#[from] NotTaken),
    #[error("{}: {fault}", path.display())]
    File { path: PathBuf, fault: NoManifest },
}

/// Gives the manifest of the nearest tag's bundle, of the forced tag's or candidate's, or of a file.
///
/// # Errors
/// [`Error`].
pub fn manifest(options: &Options, tell: Tell) -> Result<Outcome, Error> {
    if let Some(path) = &options.file {
        let wrong = |fault| Error::File { path: path.clone(), fault };
        let (manifest, json) = handed::manifest(path).map_err(wrong)?;
        return Ok(Outcome { manifest, digest: Digest::of(&json) });
    }
    let checkout = Checkout::open(&options.folder)?;
    let tag = checkout.resolve(&Wanted { commit: None, forced: options.forced.clone() })?.tag;
    let channels = search::open_channels(&checkout)?;
    let store = Store::open(&options.cache)?;
    let platform = place::own_platform(options.platform.as_ref())?;
    let search = Search { channels: &channels, store: &store, network: options.network, tell };
    let found = search.find_by_name(&tag, &platform)?;
    Ok(Outcome { manifest: found.manifest, digest: found.digest })
}

//! Brings package archives into the store: from the channel of their bundle, else from the others.
//!
//! The digest decides, not the place. Does not unpack.

use std::fs::File;
use std::io::Seek;
use std::path::PathBuf;

use crate::at_once;
use crate::channel::{Channel, ChannelError};
use crate::model::bundle::BundlePackage;
use crate::model::event::Event;
use crate::model::recipe::RecipeName;
use crate::search::{Network, Search};
use crate::store::StoreError;

/// How many packages are fetched at once.
pub const AT_ONCE: usize = 4;

/// Why an archive cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveFault {
    /// The manifest names it, and no channel has it.
    #[error("no channel has its archive")]
    Missing,
    #[error("channel `{channel}`: {error}")]
    Channel { channel: String, error: ChannelError },
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{reason}")]
    System { reason: String },
}

impl Search<'_> {
    /// The archive of a package in the store, its bytes checked; fetched if it is not there. `first` is the channel
    /// that is asked before the others.
    ///
    /// # Errors
    /// [`ArchiveFault`].
    pub fn archive(&self, package: &BundlePackage, first: &Channel) -> Result<PathBuf, ArchiveFault> {
        match self.store.verified_archive(package.archive)? {
            Some(path) => Ok(path),
            None => match self.store.add(package.archive, |file| self.fetch(package, first, file)) {
                // A bit that flipped on the way does not flip again; what the channel holds wrong stays wrong.
                Err(ArchiveFault::Store(StoreError::Digest { .. })) => {
                    self.store.add(package.archive, |file| self.fetch(package, first, file))
                }
                other => other,
            },
        }
    }

    /// Brings archives into the store, several at once; the first failure stops the others.
    ///
    /// # Errors
    /// The first [`ArchiveFault`] with the name of its package.
    pub fn obtain(&self, wanted: &[(&BundlePackage, &Channel)]) -> Result<(), (RecipeName, ArchiveFault)> {
        let mut ordered: Vec<_> = wanted.iter().collect();
        // The largest first: the last to end would be one that began late.
        ordered.sort_by_key(|(package, _)| std::cmp::Reverse(package.size));
        let bring = |(package, channel): &&(&BundlePackage, &Channel)| {
            self.archive(package, channel).map(drop).map_err(|fault| (package.name.clone(), fault))
        };
        at_once::each(&ordered, AT_ONCE, bring).map(drop)
    }

    fn fetch(&self, package: &BundlePackage, first: &Channel, file: &mut File) -> Result<(), ArchiveFault> {
        let others = self.channels.iter().filter(|other| other.name() != first.name());
        let mut fault = ArchiveFault::Missing;
        for channel in std::iter::once(first).chain(others) {
            if self.network == Network::Offline && !channel.is_local() {
                continue;
            }
            match self.fetch_from(channel, package, file) {
                Ok(true) => return Ok(()),
                Ok(false) => {}
                Err(error) => fault = ArchiveFault::Channel { channel: channel.name().to_owned(), error },
            }
            // What half came must not stand before what the next one gives.
            file.set_len(0)
                .and_then(|()| file.rewind())
                .map_err(|error| ArchiveFault::System { reason: error.to_string() })?;
        }
        Err(fault)
    }

    fn fetch_from(&self, channel: &Channel, package: &BundlePackage, file: &mut File) -> Result<bool, ChannelError> {
        let tell_bytes = |bytes| {
            let (name, size) = (package.name.clone(), package.size);
            (self.tell)(Event::Fetching { name, bytes, size });
        };
        Ok(channel.archive(package.archive, package.size, file, &mut { tell_bytes })?.is_some())
    }
}

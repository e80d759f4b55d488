//! Where bundles are published and fetched: one channel of the project, whatever keeps its files.
//!
//! Does not verify signatures (`signing.rs`) and decides nothing: flows do. One file per kind of place.
//! ```text
//! channel.json                                {"format": 1}
//! bundles/<tag>/<platform>.json  .minisig     bundle manifest and its signature
//! candidates/<name>/<platform>.json  .minisig
//! packages/<aa>/<digest>.tar.zst              package archive
//! keys/<platform>/<build key>.json            build record
//! ```

mod connection;
mod directory;
mod error;
mod gitlab;
mod http;
mod oci;
mod s3;
mod writable;

use std::fs::File;
use std::path::{Path, PathBuf};

use crate::channel::directory::Directory;
pub use crate::channel::error::{Act, AddressFault, ChannelError, Kind};
use crate::channel::gitlab::Project;
use crate::channel::http::Remote;
use crate::channel::oci::Repository;
use crate::channel::s3::Bucket;
use crate::channel::writable::{ArchiveFile, BundleWrite, Version};
pub use crate::channel::writable::{Listed, ManifestWriter, Put, Writable};
use crate::lock::Lock;
use crate::model::build_key::BuildKey;
use crate::model::bundle::{BundleKind, BundleRef, LARGEST_MANIFEST, archive_path, record_path};
use crate::model::digest::Digest;
use crate::model::event::Tell;
use crate::model::platform::Platform;
use crate::model::project::{ChannelConfig, Trust};
use crate::model::tag::DepsTag;

/// The first file of every channel: which format it has.
const FORMAT_PATH: &str = "channel.json";

/// What [`FORMAT_PATH`] says.
const FORMAT_TEXT: &[u8] = b"{\"format\": 1}\n";

/// The largest signature taken, in bytes; a real one has less than 400 and a comment.
const LARGEST_SIGNATURE: u64 = 16 << 10;

/// A place that holds the files of a channel.
trait Objects: Send + Sync {
    /// The bytes of a small object; `None` where there is none.
    fn read(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>, ChannelError>;

    /// Appends an object to a file, at most `limit` bytes; `None` where there is none.
    fn fetch(
        &self,
        path: &str,
        into: &mut File,
        limit: u64,
        on_bytes: &mut dyn FnMut(u64),
    ) -> Result<Option<u64>, ChannelError>;

    /// Which platforms have an object at `folder/<platform>.json`: all of them where the place can list its objects,
    /// else those of `likely` that are asked for and found.
    fn platforms(&self, folder: &str, likely: &[Platform]) -> Result<Vec<Platform>, ChannelError>;

    /// Whether it can be asked without a network.
    fn is_local(&self) -> bool {
        false
    }

    /// A bundle's manifest and, where it is asked for, its signature.
    fn read_bundle(&self, wanted: &BundleRef, is_signed: bool) -> Result<Option<Unchecked>, ChannelError> {
        let Some(manifest) = self.read(&wanted.path(), LARGEST_MANIFEST)? else { return Ok(None) };
        let signature = if is_signed { self.read(&wanted.signature_path(), LARGEST_SIGNATURE)? } else { None };
        let signature = signature.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        Ok(Some(Unchecked { manifest, signature }))
    }

    /// Writes a small object unless there is one; what is there afterwards was read back.
    fn put(&self, path: &str, bytes: &[u8]) -> Result<Put, ChannelError>;

    /// Copies a file to an object unless it is there; what is there afterwards has the digest.
    fn put_file(&self, path: &str, archive: &ArchiveFile) -> Result<Put, ChannelError>;

    /// Writes a small object in one step, over the one that may be there.
    fn replace(&self, path: &str, bytes: &[u8]) -> Result<(), ChannelError>;

    /// Removes an object; whether there was one.
    fn delete(&self, path: &str) -> Result<bool, ChannelError>;

    /// The objects whose paths begin so.
    fn list(&self, prefix: &str) -> Result<Vec<Listed>, ChannelError>;

    /// Takes the lock of an object, where the place has locks.
    fn lock(&self, _path: &str, _tell: Tell) -> Result<Option<Lock>, ChannelError> {
        Ok(None)
    }

    /// What lies under a name now.
    fn version(&self, path: &str, limit: u64) -> Result<Version, ChannelError> {
        let found = self.read(path, limit)?;
        Ok(found.map_or(Version::Absent, |bytes| Version::Here { bytes, etag: None }))
    }

    /// Writes a small object if what lies there is still what was seen.
    fn swap(&self, path: &str, bytes: &[u8], before: &Version) -> Result<Put, ChannelError>;

    /// Writes a manifest and its signature, if the manifest that lies there is still the one that was seen.
    fn write_bundle(&self, write: &BundleWrite) -> Result<Put, ChannelError>;

    /// Replaces the signature of a manifest that stays.
    fn replace_signature(&self, bundle: &BundleRef, signature: &str) -> Result<(), ChannelError> {
        self.replace(&bundle.signature_path(), signature.as_bytes())
    }
}

/// A channel of the project, opened.
pub struct Channel {
    name: String,
    trust: Trust,
    objects: Box<dyn Objects>,
}

impl Channel {
    /// Opens what the project declares; `root` is the checkout that a relative `file:` path counts from. Nothing is
    /// asked of the channel yet.
    ///
    /// # Errors
    /// [`ChannelError::Address`] when the address is of no kind that is known, or has no meaning here.
    pub fn open(config: &ChannelConfig, root: Option<&Path>) -> Result<Channel, ChannelError> {
        let objects: Box<dyn Objects> = match config.url.split_once(':') {
            Some(("file", path)) => Box::new(Directory::new(&folder(config, path, root)?)),
            Some(("http" | "https", _)) => Box::new(Remote::new(config)),
            Some(("s3", _)) => Box::new(Bucket::new(config).map_err(|fault| address(config, fault))?),
            Some(("oci" | "oci+http", _)) => Box::new(Repository::new(config).map_err(|fault| address(config, fault))?),
            Some(("gitlab" | "gitlab+http", _)) => {
                Box::new(Project::new(config).map_err(|fault| address(config, fault))?)
            }
            _ => return Err(address(config, AddressFault::Scheme)),
        };
        Ok(Channel { name: config.name.clone(), trust: config.trust.clone(), objects })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn trust(&self) -> &Trust {
        &self.trust
    }

    /// Whether it can be asked without a network.
    pub fn is_local(&self) -> bool {
        self.objects.is_local()
    }

    /// Whether there is a channel at its address: it has a `channel.json`.
    ///
    /// # Errors
    /// [`ChannelError`] when it cannot be asked.
    pub fn is_there(&self) -> Result<bool, ChannelError> {
        Ok(self.objects.read(FORMAT_PATH, 1 << 10)?.is_some())
    }

    /// The manifest of a bundle and its signature, unchecked; `None` where there is none.
    ///
    /// # Errors
    /// [`ChannelError`].
    pub fn manifest(&self, wanted: &BundleRef) -> Result<Option<Unchecked>, ChannelError> {
        self.objects.read_bundle(wanted, self.trust != Trust::Unsigned)
    }

    /// The build record of a key, unchecked: nobody signs them. Fails as [`Channel::manifest`] does.
    pub fn record(&self, platform: &Platform, key: BuildKey) -> Result<Option<Vec<u8>>, ChannelError> {
        self.objects.read(&record_path(platform, key), LARGEST_MANIFEST)
    }

    /// Appends the archive with this digest to a file, at most `size` bytes, unchecked; `None` where there is none.
    ///
    /// # Errors
    /// [`ChannelError`].
    pub fn archive(
        &self,
        digest: Digest,
        size: u64,
        into: &mut File,
        on_bytes: &mut dyn FnMut(u64),
    ) -> Result<Option<u64>, ChannelError> {
        self.objects.fetch(&archive_path(digest), into, size, on_bytes)
    }

    /// The platforms that the channel has a bundle for; where it cannot be listed, of those in `likely`.
    ///
    /// # Errors
    /// [`ChannelError`].
    pub fn platforms(
        &self,
        kind: BundleKind,
        tag: &DepsTag,
        likely: &[Platform],
    ) -> Result<Vec<Platform>, ChannelError> {
        let Some(some) = likely.first() else { return Ok(Vec::new()) };
        let path = BundleRef { kind, tag: tag.clone(), platform: some.clone() }.path();
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        self.objects.platforms(folder, likely)
    }

    /// The channel as one that can be published to. Whether the place lets us is only known when it is asked.
    pub fn writable(&self) -> Writable<'_> {
        Writable { objects: &*self.objects }
    }
}

/// A manifest as it came; nobody has looked at its signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unchecked {
    pub manifest: Vec<u8>,
    pub signature: Option<String>,
}

/// The folder that a `file:` address names (RFC 8089); a relative path counts from the checkout.
fn folder(config: &ChannelConfig, path: &str, root: Option<&Path>) -> Result<PathBuf, ChannelError> {
    let path = match path.strip_prefix("//") {
        None => path,
        Some(rest) => match rest.find('/').map(|slash| rest.split_at(slash)) {
            Some(("" | "localhost", path)) => path,
            _ => return Err(address(config, AddressFault::Host)),
        },
    };
    let path = PathBuf::from(crate::percent::decoded(path));
    if path.as_os_str().is_empty() {
        return Err(address(config, AddressFault::Empty));
    }
    match root {
        _ if path.is_absolute() => Ok(path),
        Some(root) => Ok(root.join(path)),
        None => Err(address(config, AddressFault::NoCheckout)),
    }
}

fn address(config: &ChannelConfig, reason: AddressFault) -> ChannelError {
    let url = crate::http::redact(&config.url);
    ChannelError::Address { channel: config.name.clone(), url, reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(url: &str) -> ChannelConfig {
        ChannelConfig { name: "main".to_owned(), url: url.to_owned(), trust: Trust::Unsigned }
    }

    #[test]
    fn file_addresses_name_folders() {
        let root = Path::new("/checkout");
        for (url, expected) in [
            ("file:///srv/deps", "/srv/deps"),
            ("file://localhost/srv/deps", "/srv/deps"),
            ("file:/srv/my%20deps", "/srv/my deps"),
            ("file:/srv/100%", "/srv/100%"),
            ("file:../deps", "/checkout/../deps"),
        ] {
            let config = config(url);
            let found = folder(&config, url.strip_prefix("file:").unwrap(), Some(root));
            assert_eq!(found, Ok(PathBuf::from(expected)), "{url}");
        }
    }

    #[test]
    fn addresses_without_meaning_are_refused() {
        for (url, fault) in [
            ("file://server/deps", AddressFault::Host),
            ("file:", AddressFault::Empty),
            ("file:deps", AddressFault::NoCheckout),
            ("ftp://host/deps", AddressFault::Scheme),
            ("/srv/deps", AddressFault::Scheme),
        ] {
            let refused = Channel::open(&config(url), None).err();
            assert_eq!(refused, Some(address(&config(url), fault)), "{url}");
        }
    }
}

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

mod directory;
mod http;

use std::fs::File;
use std::path::{Path, PathBuf};

use crate::channel::directory::Directory;
use crate::channel::http::Remote;
use crate::http::HttpError;
use crate::model::build_key::BuildKey;
use crate::model::bundle::{BuildRecord, BundleKind, BundleRef, LARGEST_MANIFEST, archive_path, record_path};
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
trait Objects: Sync {
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

    /// The place as one that can be written to.
    fn writable(&self) -> Option<&Directory>;
}

/// A channel of the project, opened.
pub struct Channel {
    name: String,
    trust: Trust,
    objects: Box<dyn Objects + Send>,
}

impl Channel {
    /// Opens what the project declares; `root` is the checkout that a relative `file:` path counts from. Nothing is
    /// asked of the channel yet.
    ///
    /// # Errors
    /// [`ChannelError::Address`] when the address is of no kind that is known, or has no meaning here.
    pub fn open(config: &ChannelConfig, root: Option<&Path>) -> Result<Channel, ChannelError> {
        let objects: Box<dyn Objects + Send> = match config.url.split_once(':') {
            Some(("file", path)) => Box::new(Directory::new(&folder(config, path, root)?)),
            Some(("http" | "https", _)) => Box::new(Remote::new(&config.url)),
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
        self.objects.writable().is_some()
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
        let Some(manifest) = self.objects.read(&wanted.path(), LARGEST_MANIFEST)? else { return Ok(None) };
        let signature = match self.trust {
            Trust::Unsigned => None,
            Trust::Keys(_) => self.objects.read(&wanted.signature_path(), LARGEST_SIGNATURE)?,
        };
        let signature = signature.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        Ok(Some(Unchecked { manifest, signature }))
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

    /// The channel as one that can be published to.
    ///
    /// # Errors
    /// [`ChannelError::ReadOnly`] for a place that takes nothing.
    pub fn writable(&self) -> Result<Writable<'_>, ChannelError> {
        match self.objects.writable() {
            Some(directory) => Ok(Writable { directory }),
            None => Err(ChannelError::ReadOnly { channel: self.name.clone() }),
        }
    }
}

/// A manifest as it came; nobody has looked at its signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unchecked {
    pub manifest: Vec<u8>,
    pub signature: Option<String>,
}

/// What became of an object that should be there for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    Written,
    /// The same bytes were there.
    WasThere,
    /// Other bytes are there, and stay.
    Differs,
}

/// A channel that can be published to. What is written is read back and compared.
pub struct Writable<'a> {
    directory: &'a Directory,
}

impl Writable<'_> {
    /// Makes the folder a channel, or checks that it is one that this program can write to.
    ///
    /// # Errors
    /// [`ChannelError::Format`] for a channel of another format, [`ChannelError::System`].
    pub fn prepare(&self) -> Result<(), ChannelError> {
        match self.directory.put(FORMAT_PATH, FORMAT_TEXT)? {
            Put::Written | Put::WasThere => Ok(()),
            Put::Differs => {
                let found: Option<Format> = self
                    .directory
                    .read(FORMAT_PATH, LARGEST_SIGNATURE)?
                    .and_then(|bytes| serde_json::from_slice(&bytes).ok());
                match found {
                    Some(Format { format: 1 }) => Ok(()),
                    other => Err(ChannelError::Format { found: other.map(|format| format.format) }),
                }
            }
        }
    }

    /// Puts an archive that is in a file; the bytes that are there afterwards have the digest.
    ///
    /// # Errors
    /// [`ChannelError::Damaged`] when other bytes lie under the digest, [`ChannelError::System`].
    pub fn put_archive(&self, digest: Digest, from: &Path) -> Result<Put, ChannelError> {
        self.directory.put_file(&archive_path(digest), digest, from)
    }

    /// Puts a build record, unless the key has one.
    ///
    /// # Errors
    /// [`ChannelError::System`].
    pub fn put_record(&self, record: &BuildRecord) -> Result<Put, ChannelError> {
        let path = record.path();
        match self.directory.put(&path, &record.to_json())? {
            // How long it took and where it was built is no difference; what came out is.
            Put::Differs => {
                let found = self.directory.read(&path, LARGEST_MANIFEST)?.unwrap_or_default();
                let is_same = BuildRecord::parse(&found).is_ok_and(|found| found.archive == record.archive);
                Ok(if is_same { Put::WasThere } else { Put::Differs })
            }
            put => Ok(put),
        }
    }

    /// Runs `write` while nobody else writes this bundle's manifest.
    ///
    /// # Errors
    /// [`ChannelError::System`], and what `write` says.
    pub fn exclusively<T, E: From<ChannelError>>(
        &self,
        bundle: &BundleRef,
        tell: Tell,
        write: impl FnOnce(&ManifestWriter) -> Result<T, E>,
    ) -> Result<T, E> {
        let _lock = self.directory.lock(&bundle.path(), tell)?;
        write(&ManifestWriter { directory: self.directory, bundle })
    }
}

/// Writes the manifest of one bundle; nobody else does meanwhile.
pub struct ManifestWriter<'a> {
    directory: &'a Directory,
    bundle: &'a BundleRef,
}

impl ManifestWriter<'_> {
    /// Writes the signature, then the manifest: who finds a manifest finds its signature.
    ///
    /// # Errors
    /// [`ChannelError::System`], [`ChannelError::Damaged`] when other bytes are there afterwards.
    pub fn write(&self, manifest: &[u8], signature: Option<&str>) -> Result<(), ChannelError> {
        if let Some(signature) = signature {
            self.write_signature(signature)?;
        }
        self.directory.replace(&self.bundle.path(), manifest)
    }

    /// Replaces the signature alone: for a manifest whose signer is no longer trusted.
    ///
    /// # Errors
    /// As [`ManifestWriter::write`].
    pub fn write_signature(&self, signature: &str) -> Result<(), ChannelError> {
        self.directory.replace(&self.bundle.signature_path(), signature.as_bytes())
    }
}

#[derive(serde::Deserialize)]
struct Format {
    format: u32,
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
    let path = PathBuf::from(decoded(path));
    if path.as_os_str().is_empty() {
        return Err(address(config, AddressFault::Empty));
    }
    match root {
        _ if path.is_absolute() => Ok(path),
        Some(root) => Ok(root.join(path)),
        None => Err(address(config, AddressFault::NoCheckout)),
    }
}

/// The text with `%20` and the like replaced; what is no such code stays.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let code = (first == b'%').then(|| after.get(..2)).flatten().and_then(|code| std::str::from_utf8(code).ok());
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(byte) if byte != 0 => {
                bytes.push(byte);
                rest = &after[2..];
            }
            _ => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn address(config: &ChannelConfig, reason: AddressFault) -> ChannelError {
    let url = crate::http::redact(&config.url);
    ChannelError::Address { channel: config.name.clone(), url, reason }
}

/// Why a channel cannot do what it is asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChannelError {
    #[error("`{url}` is no address of a channel: {reason}")]
    Address { channel: String, url: String, reason: AddressFault },
    #[error("{0}")]
    Http(HttpError),
    /// The system's own words, with the path.
    #[error("{reason}")]
    System { reason: String },
    /// The folder of a `file:` channel is not there: not mounted, or never published to.
    #[error("there is no folder {}", folder.display())]
    NoFolder { folder: PathBuf },
    #[error("{path} is larger than {limit} bytes")]
    TooLarge { path: String, limit: u64 },
    #[error("nothing can be published to `{channel}`")]
    ReadOnly { channel: String },
    #[error("it is a channel of another format")]
    Format { found: Option<u32> },
    /// What lies there is not what was written.
    #[error("{path} holds other bytes than were written")]
    Damaged { path: String },
}

/// What is wrong about the address of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressFault {
    #[error("it begins with none of `file:`, `https:` and `http:`")]
    Scheme,
    #[error("a `file:` address names a folder of this machine, no host")]
    Host,
    #[error("it names no folder")]
    Empty,
    #[error("it counts from a checkout, and there is none")]
    NoCheckout,
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

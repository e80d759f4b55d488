//! A channel in a registry: `oci://registry.example.org/team/deps`, or `oci+http://…` for one without TLS.
//!
//! Each object is an artifact of its own tag whose config is the object; packages are blobs, and layers of the bundles
//! and records that name them, so that the registry keeps them (`names.rs`, `manifest.rs`). A bundle is read with two
//! requests: the artifact, which holds the signature too, and the manifest. Any client copies and shows it.
//!
//! A registry knows no conditions: who writes looks before and after. Two that publish the same new bundle within the
//! same second may both succeed; a registry that is set to refuse the change of tags excludes that as well.

mod login;
mod manifest;
mod names;
mod session;

use std::collections::BTreeMap;
use std::fs::File;

use crate::channel::oci::manifest::{Held, INDEX_TYPE, Index, MANIFEST_TYPE};
use crate::channel::oci::names::{Place, Spot, index_of};
use crate::channel::oci::session::{Ask, Session};
use crate::channel::writable::{ArchiveFile, BundleWrite, Version, swap_by_looking};
use crate::channel::{Act, AddressFault, ChannelError, Listed, Objects, Put, Unchecked};
use crate::host::now;
use crate::http::{Body, Method};
use crate::model::bundle::{BundleRef, LARGEST_MANIFEST, archive_path, platform_of};
use crate::model::digest::Digest;
use crate::model::platform::Platform;
use crate::model::project::ChannelConfig;
use crate::moment;

/// How often an index is written anew that another publisher wrote at the same time.
const TRIES: u32 = 5;

/// A repository of a registry.
pub(super) struct Repository {
    session: Session,
}

impl Repository {
    /// Reads the address of a channel.
    ///
    /// # Errors
    /// What is wrong about it.
    pub(super) fn new(config: &ChannelConfig) -> Result<Repository, AddressFault> {
        Ok(Repository { session: Session::new(&config.name, Place::parse(&config.url)?) })
    }

    /// The artifact at a tag; one that is another path's is an error.
    fn held(&self, tag: &str, path: &str) -> Result<Option<Held>, ChannelError> {
        let Some(bytes) = self.session.manifest(tag, MANIFEST_TYPE)? else { return Ok(None) };
        let nonsense = |reason: String| self.session.connection.nonsense(path, reason);
        let held: Held = serde_json::from_slice(&bytes).map_err(|error| nonsense(error.to_string()))?;
        match held.path() {
            Some(found) if found == path => Ok(Some(held)),
            _ => Err(nonsense(format!("the tag `{tag}` is another object's"))),
        }
    }

    /// The object that an artifact is about.
    fn content(&self, held: &Held, path: &str, limit: u64) -> Result<Vec<u8>, ChannelError> {
        let nonsense = |reason: &str| self.session.connection.nonsense(path, reason);
        if held.config.size > limit {
            return Err(ChannelError::TooLarge { path: path.to_owned(), limit });
        }
        let digest = held.config.digest().ok_or_else(|| nonsense("its config has no SHA-256"))?;
        self.session.blob(digest, limit)?.ok_or_else(|| nonsense("its config is not there"))
    }

    /// Puts an object at its tag, whatever was there, and gives the bytes of its artifact.
    fn put_held(&self, tag: &str, path: &str, bytes: &[u8], signature: Option<&str>) -> Result<Vec<u8>, ChannelError> {
        self.session.push_blob(Body::Bytes(bytes))?;
        let held = Held::new(path, bytes, signature, &moment::rfc3339(now())).to_json();
        self.session.put_manifest(tag, MANIFEST_TYPE, &held)?;
        Ok(held)
    }

    /// Says in the index of a bundle which artifact is that of a platform; none for one that is gone.
    fn put_index(&self, path: &str, artifact: Option<&[u8]>) -> Result<(), ChannelError> {
        let Some((folder, name)) = path.rsplit_once('/') else { return Ok(()) };
        let Some(platform) = platform_of(name) else { return Ok(()) };
        let tag = index_of(folder);
        for _ in 0..TRIES {
            let found = self.session.manifest(&tag, INDEX_TYPE)?;
            let index = found.and_then(|bytes| serde_json::from_slice::<Index>(&bytes).ok());
            if index.is_none() && artifact.is_none() {
                return Ok(());
            }
            let index = index.unwrap_or_else(Index::new);
            let wanted = index.clone().with(&platform, artifact);
            if index == wanted {
                return Ok(());
            }
            // Whoever writes at the same time looks afterwards as well.
            match self.session.put_manifest(&tag, INDEX_TYPE, &wanted.to_json()) {
                Ok(()) | Err(ChannelError::Damaged { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Err(ChannelError::Lost { path: format!("{folder}/") })
    }

    fn tags(&self) -> Result<Vec<String>, ChannelError> {
        #[derive(serde::Deserialize)]
        struct Tags {
            tags: Option<Vec<String>>,
        }
        let (mut found, mut to) = (Vec::new(), "tags/list?n=1000".to_owned());
        loop {
            let answer = self.session.send(&Ask::new(Act::List, Method::Get, &to))?;
            match answer.status {
                404 => return Ok(found),
                200 => {}
                _ => return Err(self.session.refused(Act::List, "tags", &answer)),
            }
            let nonsense = |error: serde_json::Error| self.session.connection.nonsense("tags", error);
            let page: Tags = serde_json::from_slice(&answer.body).map_err(nonsense)?;
            found.extend(page.tags.unwrap_or_default());
            // `</v2/…>; rel="next"` (RFC 8288).
            let next = answer.header("link").and_then(|link| link.strip_prefix('<')?.split_once('>'));
            match next {
                Some((next, _)) if next != to => to = next.to_owned(),
                _ => return Ok(found),
            }
        }
    }

    fn remove(&self, to: &str, path: &str) -> Result<bool, ChannelError> {
        let answer = self.session.send(&Ask::new(Act::Delete, Method::Delete, to))?;
        match () {
            () if answer.is_success() => Ok(true),
            () if answer.is_absent() => Ok(false),
            () => Err(self.session.refused(Act::Delete, path, &answer)),
        }
    }
}

impl Objects for Repository {
    fn read(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>, ChannelError> {
        match Spot::of(path) {
            Spot::Blob(digest) => self.session.blob(digest, limit),
            Spot::Tag(tag) => match self.held(&tag, path)? {
                Some(held) => self.content(&held, path, limit).map(Some),
                None => Ok(None),
            },
            Spot::SignatureOf(bundle) => {
                let Spot::Tag(tag) = Spot::of(&bundle) else { return Ok(None) };
                Ok(self.held(&tag, &bundle)?.and_then(|held| Some(held.signature()?.as_bytes().to_vec())))
            }
        }
    }

    fn read_bundle(&self, wanted: &BundleRef, _is_signed: bool) -> Result<Option<Unchecked>, ChannelError> {
        let path = wanted.path();
        let Spot::Tag(tag) = Spot::of(&path) else { return Ok(None) };
        let Some(held) = self.held(&tag, &path)? else { return Ok(None) };
        let manifest = self.content(&held, &path, LARGEST_MANIFEST)?;
        Ok(Some(Unchecked { manifest, signature: held.signature().map(str::to_owned) }))
    }

    fn fetch(
        &self,
        path: &str,
        into: &mut File,
        limit: u64,
        on_bytes: &mut dyn FnMut(u64),
    ) -> Result<Option<u64>, ChannelError> {
        match Spot::of(path) {
            Spot::Blob(digest) => self.session.fetch(digest, into, limit, on_bytes),
            _ => Ok(None),
        }
    }

    fn platforms(&self, folder: &str, _likely: &[Platform]) -> Result<Vec<Platform>, ChannelError> {
        let index = self.session.manifest(&index_of(folder), INDEX_TYPE)?;
        let index = index.and_then(|bytes| serde_json::from_slice::<Index>(&bytes).ok());
        Ok(index.map(|index| index.platforms()).unwrap_or_default())
    }

    fn put(&self, path: &str, bytes: &[u8]) -> Result<Put, ChannelError> {
        let Spot::Tag(tag) = Spot::of(path) else {
            return Err(self.session.connection.nonsense(path, "it has no tag of its own"));
        };
        match self.read(path, LARGEST_MANIFEST)? {
            Some(found) if found == bytes => return Ok(Put::WasThere),
            Some(_) => return Ok(Put::Differs),
            None => {}
        }
        self.put_held(&tag, path, bytes, None)?;
        match self.read(path, LARGEST_MANIFEST)? {
            Some(found) if found == bytes => Ok(Put::Written),
            _ => Ok(Put::Differs),
        }
    }

    fn put_file(&self, path: &str, archive: &ArchiveFile) -> Result<Put, ChannelError> {
        // The registry took the blob for its digest; a wrong size is one that it has damaged since.
        match self.session.blob_size(archive.digest)? {
            Some(size) if size == archive.size => return Ok(Put::WasThere),
            Some(_) => return Err(ChannelError::Damaged { path: path.to_owned() }),
            None => {}
        }
        self.session.push_blob(Body::File { path: archive.path, size: archive.size, digest: archive.digest })?;
        match self.session.blob_size(archive.digest)? {
            Some(size) if size == archive.size => Ok(Put::Written),
            _ => Err(ChannelError::Damaged { path: path.to_owned() }),
        }
    }

    fn replace(&self, path: &str, bytes: &[u8]) -> Result<(), ChannelError> {
        match Spot::of(path) {
            Spot::Tag(tag) => self.put_held(&tag, path, bytes, None).map(drop),
            _ => Err(self.session.connection.nonsense(path, "it has no tag of its own")),
        }
    }

    fn delete(&self, path: &str) -> Result<bool, ChannelError> {
        match Spot::of(path) {
            Spot::Blob(digest) => self.remove(&format!("blobs/sha256:{digest}"), path),
            // It goes with its bundle.
            Spot::SignatureOf(_) => Ok(false),
            Spot::Tag(tag) => {
                let Some(bytes) = self.session.manifest(&tag, MANIFEST_TYPE)? else { return Ok(false) };
                if path.starts_with("bundles/") || path.starts_with("candidates/") {
                    self.put_index(path, None)?;
                }
                let digest = Digest::of(&bytes);
                self.remove(&format!("manifests/sha256:{digest}"), path)
            }
        }
    }

    /// What the artifacts say of themselves; a blob that none names is not seen.
    fn list(&self, prefix: &str) -> Result<Vec<Listed>, ChannelError> {
        let mut found: BTreeMap<String, Listed> = BTreeMap::new();
        let mut add = |path: String, size: u64, modified: u64| {
            let listed = found.entry(path.clone()).or_insert(Listed { path, size, modified });
            listed.modified = listed.modified.max(modified);
        };
        for tag in self.tags()? {
            let Some(bytes) = self.session.manifest(&tag, &format!("{MANIFEST_TYPE}, {INDEX_TYPE}"))? else { continue };
            // An index is no object of the channel.
            let Ok(held) = serde_json::from_slice::<Held>(&bytes) else { continue };
            let Some(path) = held.path() else { continue };
            let modified = held.created().and_then(moment::parse).unwrap_or(0);
            add(path.to_owned(), held.config.size, modified);
            if let Some(signature) = held.signature() {
                add(format!("{path}.minisig"), signature.len() as u64, modified);
            }
            held.archives().for_each(|(digest, size)| add(archive_path(digest), size, modified));
        }
        Ok(found.into_values().filter(|listed| listed.path.starts_with(prefix)).collect())
    }

    fn swap(&self, path: &str, bytes: &[u8], before: &Version) -> Result<Put, ChannelError> {
        swap_by_looking(self, path, bytes, before)
    }

    fn write_bundle(&self, write: &BundleWrite) -> Result<Put, ChannelError> {
        let path = write.bundle.path();
        let Spot::Tag(tag) = Spot::of(&path) else { return Ok(Put::Differs) };
        if self.version(&path, LARGEST_MANIFEST)? != *write.before {
            return Ok(Put::Differs);
        }
        let held = match self.put_held(&tag, &path, write.manifest, write.signature) {
            // Another publisher was later.
            Err(ChannelError::Damaged { .. }) => return Ok(Put::Differs),
            other => other?,
        };
        self.put_index(&path, Some(&held))?;
        Ok(Put::Written)
    }

    fn replace_signature(&self, bundle: &BundleRef, signature: &str) -> Result<(), ChannelError> {
        let path = bundle.path();
        let Spot::Tag(tag) = Spot::of(&path) else { return Ok(()) };
        let gone = || ChannelError::Lost { path: path.clone() };
        let held = self.held(&tag, &path)?.ok_or_else(gone)?.signed(signature).to_json();
        self.session.put_manifest(&tag, MANIFEST_TYPE, &held)?;
        self.put_index(&path, Some(&held))
    }
}

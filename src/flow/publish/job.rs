//! One publication on its way: packages and records, then the manifest; each compared with what is there.
//!
//! Does not know where the manifest came from.

use crate::at_once;
use crate::channel::{Channel, ChannelError, ManifestWriter, Put, Unchecked, Writable};
use crate::flow::publish::{Done, Error, Outcome};

use crate::model::bundle::{BuildRecord, BundleManifest, BundlePackage, BundleRef, archive_path};
use crate::model::depth::Depth;
use crate::model::event::{Event, Tell};
use crate::model::project::ChannelConfig;
use crate::signing::SecretKey;
use crate::signing::ring::Ring;
use crate::store::Store;

/// How many archives are put at once.
const AT_ONCE: usize = 4;

/// How the channel's manifests are signed.
pub(super) struct Seal<'a> {
    /// `None` for a channel that is unsigned.
    ring: Option<Ring>,
    /// `None` where nothing is signed now.
    key: Option<&'a SecretKey>,
}

impl<'a> Seal<'a> {
    /// For a run that signs what it publishes.
    ///
    /// # Errors
    /// [`Error::NoKey`], [`Error::StrangeKey`] where nobody would take what is published.
    pub(super) fn with_key(config: &ChannelConfig, key: Option<&'a SecretKey>) -> Result<Seal<'a>, Error> {
        let mut seal = Seal::without_key(config)?;
        let Some(ring) = &seal.ring else { return Ok(seal) };
        let channel = config.name.clone();
        let Some(key) = key else { return Err(Error::NoKey { channel }) };
        if !ring.trusts(key.public()) {
            return Err(Error::StrangeKey { channel, key: key.public().line().to_owned() });
        }
        seal.key = Some(key);
        Ok(seal)
    }

    /// For a run that signs nothing.
    ///
    /// # Errors
    /// [`Error::Signing`] when a key of tagalong.toml is none.
    pub(super) fn without_key(config: &ChannelConfig) -> Result<Seal<'a>, Error> {
        Ok(Seal { ring: Ring::of(&config.trust)?, key: None })
    }

    fn sign(&self, manifest: &BundleManifest, bytes: &[u8]) -> Result<Option<String>, Error> {
        let comment = format!("tag:{} platform:{} sequence:{}", manifest.tag, manifest.platform, manifest.sequence);
        Ok(self.key.map(|key| key.sign(bytes, &comment)).transpose()?)
    }

    fn trusts(&self, bytes: &[u8], signature: Option<&str>) -> bool {
        let Some(ring) = &self.ring else { return true };
        signature.is_some_and(|text| ring.verify(bytes, text).is_ok())
    }
}

/// What the channel has under the bundle's name.
pub(super) struct Standing {
    /// The manifest that is there, as it is.
    bytes: Option<Vec<u8>>,
    pub(super) is_same: bool,
    pub(super) is_trusted: bool,
    /// Of the manifest that is there, or of the one that would be written.
    pub(super) sequence: u64,
}

/// What was written under the bundle's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    New,
    Signature,
    Nothing,
}

impl From<Written> for Done {
    fn from(written: Written) -> Done {
        match written {
            Written::Signature => Done::SignedAnew,
            Written::New | Written::Nothing => Done::WasThere,
        }
    }
}

/// One publication on its way.
pub(super) struct Job<'a> {
    pub(super) channel: &'a Channel,
    pub(super) writable: &'a Writable<'a>,
    pub(super) store: &'a Store,
    pub(super) seal: &'a Seal<'a>,
    /// The time of the run, in seconds since 1970.
    pub(super) now: u64,
    pub(super) tell: Tell<'a>,
}

impl Job<'_> {
    /// Compares with what is there; a tag that stands for other packages is an error.
    pub(super) fn standing(&self, manifest: &BundleManifest) -> Result<Standing, Error> {
        let reference = manifest.reference();
        let Some(there) = self.there(&reference)? else {
            return Ok(Standing { bytes: None, is_same: false, is_trusted: false, sequence: manifest.sequence });
        };
        let path = reference.path();
        let found = BundleManifest::parse(&there.manifest).map_err(|fault| Error::Existing { path, fault })?;
        let differing = found.differences(manifest);
        // A candidate that is published again lives on.
        let is_old =
            found.expires.is_some_and(|end| manifest.expires.is_some_and(|new| is_past_half(self.now, end, new)));
        let is_same = differing.is_empty() && found.recipes == manifest.recipes && !is_old;
        if !is_same && !manifest.candidate {
            return Err(Error::Taken {
                bundle: Box::new(reference),
                channel: self.channel.name().to_owned(),
                differing,
            });
        }
        let is_trusted = self.seal.trusts(&there.manifest, there.signature.as_deref());
        let sequence = if is_same { found.sequence } else { manifest.sequence.max(found.sequence + 1) };
        Ok(Standing { bytes: Some(there.manifest), is_same, is_trusted, sequence })
    }

    /// How a publication of this manifest ended.
    pub(super) fn outcome(&self, manifest: &BundleManifest, sequence: u64, done: Done) -> Outcome {
        Outcome {
            channel: self.channel.name().to_owned(),
            bundle: manifest.reference(),
            sequence,
            packages: manifest.packages.clone(),
            done,
        }
    }

    /// Does all of it; `manifest` is what would be there afterwards, but for its sequence.
    pub(super) fn publish(&self, manifest: &BundleManifest, depth: Depth) -> Result<Outcome, Error> {
        let outcome = |done, sequence| self.outcome(manifest, sequence, done);
        // What is there for ever is compared before anything is written.
        let standing = self.standing(manifest)?;
        if depth == Depth::Plan {
            let done = if standing.is_same && standing.is_trusted { Done::WasThere } else { Done::Planned };
            return Ok(outcome(done, standing.sequence));
        }
        if standing.is_same && standing.is_trusted {
            // Whoever wrote that manifest put records and packages before it; a package may have been lost since.
            self.put_archives(&manifest.packages)?;
            return Ok(outcome(Done::WasThere, standing.sequence));
        }
        self.writable.prepare()?;
        let (archives, bytes) = self.put_packages(manifest)?;
        let write = |writer: &ManifestWriter| self.put_manifest(manifest, writer);
        let (done, sequence) = self.writable.exclusively(&manifest.reference(), self.tell, write)?;
        let done = if done == Written::New { Done::Published { archives, bytes } } else { done.into() };
        Ok(outcome(done, sequence))
    }

    /// The manifest that is there; none on a channel that is made with the first publication.
    pub(super) fn there(&self, bundle: &BundleRef) -> Result<Option<Unchecked>, Error> {
        match self.channel.manifest(bundle) {
            Err(ChannelError::NoFolder { .. }) => Ok(None),
            there => Ok(there?),
        }
    }

    /// Puts archives and records; gives how many archives were new, and their bytes.
    pub(super) fn put_packages(&self, manifest: &BundleManifest) -> Result<(usize, u64), Error> {
        let new = self.put_archives(&manifest.packages)?;
        for package in manifest.of_recipes() {
            if let Some(record) = self.store.record(&manifest.platform, package.build_key)? {
                self.put_record(&record)?;
            }
        }
        Ok(new)
    }

    /// Puts archives of the store, several at once, the largest first; gives how many were new, and their bytes.
    pub(super) fn put_archives(&self, packages: &[BundlePackage]) -> Result<(usize, u64), Error> {
        let mut ordered: Vec<&BundlePackage> = packages.iter().collect();
        ordered.sort_by_key(|package| std::cmp::Reverse(package.size));
        let put = at_once::each(&ordered, AT_ONCE, |package| self.put_archive(package))?;
        let new = ordered.iter().zip(put).filter(|(_, put)| *put == Put::Written).map(|(package, _)| package.size);
        Ok(new.fold((0, 0), |(count, bytes), size| (count + 1, bytes + size)))
    }

    fn put_archive(&self, package: &BundlePackage) -> Result<Put, Error> {
        let gone = || Error::Gone { name: package.name.clone() };
        let from = self.store.verified_archive(package.archive)?.ok_or_else(gone)?;
        let put = self.writable.put_archive(package.archive, &from)?;
        let path = archive_path(package.archive);
        (self.tell)(Event::Published { path, was_there: put != Put::Written });
        Ok(put)
    }

    /// Puts a record; a key that gave other bytes elsewhere is told.
    pub(super) fn put_record(&self, record: &BuildRecord) -> Result<(), Error> {
        if self.writable.put_record(record)? == Put::Differs {
            (self.tell)(Event::KeyBuiltOtherwise { name: record.name.clone(), path: record.path() });
        }
        Ok(())
    }

    /// Puts the manifest; nobody else does meanwhile.
    fn put_manifest(&self, manifest: &BundleManifest, writer: &ManifestWriter) -> Result<(Written, u64), Error> {
        let standing = self.standing(manifest)?;
        let sequence = standing.sequence;
        let manifest = BundleManifest { sequence, ..manifest.clone() };
        let bytes = match standing.bytes {
            Some(_) if standing.is_same && standing.is_trusted => return Ok((Written::Nothing, sequence)),
            Some(bytes) if standing.is_same => {
                if let Some(signature) = self.seal.sign(&manifest, &bytes)? {
                    writer.write_signature(&signature)?;
                }
                return Ok((Written::Signature, sequence));
            }
            _ => manifest.to_json(),
        };
        writer.write(&bytes, self.seal.sign(&manifest, &bytes)?.as_deref())?;
        (self.tell)(Event::Published { path: manifest.reference().path(), was_there: false });
        Ok((Written::New, sequence))
    }
}

/// Whether less than half of a life is left that would now last until `new`.
fn is_past_half(now: u64, end: u64, new: u64) -> bool {
    end.saturating_sub(now) < new.saturating_sub(now) / 2
}

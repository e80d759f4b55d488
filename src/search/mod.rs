//! Which bundle is taken: the first that a channel has, if its manifest can be trusted; and its archives, into the store.
//!
//! Does not unpack. Archives are fetched by `archives.rs`.

mod archives;

use std::thread;
use std::time::Duration;

use crate::channel::{Channel, ChannelError, Unchecked};
use crate::checkout::Checkout;
use crate::host;
use crate::model::bundle::{BundleFault, BundleKind, BundleManifest, BundleRef};
use crate::model::digest::Digest;
use crate::model::event::{Event, Tell};
use crate::model::platform::Platform;
use crate::model::project::Trust;
use crate::model::receipt::Receipt;
use crate::model::tag::DepsTag;
use crate::signing::SigningError;
use crate::signing::ring::Ring;
use crate::store::{SeenBundle, Store, StoreError};

pub use crate::search::archives::ArchiveFault;

/// How often the two files of a candidate are read again when they do not fit: its publisher replaces one after the
/// other.
const TORN_RETRIES: u32 = 3;

/// How long is waited before that.
const TORN_WAIT: Duration = Duration::from_millis(200);

/// Whether channels may be asked that need a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    Allowed,
    Offline,
}

/// Opens the channels of a project, in its order; asks none.
///
/// # Errors
/// [`ChannelError::Address`] for the first whose address has no meaning.
pub fn open_channels(checkout: &Checkout) -> Result<Vec<Channel>, ChannelError> {
    checkout.project().channels.iter().map(|config| Channel::open(config, checkout.root())).collect()
}

/// The places that are searched, in order.
pub struct Search<'a> {
    pub channels: &'a [Channel],
    pub store: &'a Store,
    pub network: Network,
    pub tell: Tell<'a>,
}

/// A bundle whose manifest is trusted, and where it was found.
pub struct Found<'a> {
    pub channel: &'a Channel,
    pub manifest: BundleManifest,
    /// The manifest as it came, and its digest.
    pub bytes: Vec<u8>,
    pub digest: Digest,
    pub signature: Option<String>,
    /// Whose sequence numbers it is compared with; `None` for one that no channel has.
    pub scope: Option<String>,
}

impl<'a> Search<'a> {
    /// Finds the first of the bundles that a channel has.
    ///
    /// # Errors
    /// [`NotTaken`]: no channel has one, or what a channel has cannot be trusted.
    pub fn find(&self, references: &[BundleRef]) -> Result<Found<'a>, NotTaken> {
        let mut misses = Vec::new();
        let mut unreachable: Vec<&str> = Vec::new();
        for reference in references {
            for channel in self.channels.iter() {
                if unreachable.contains(&channel.name()) {
                    continue;
                }
                let reason = match self.ask(channel, reference) {
                    Ok(Some(found)) => return Ok(found),
                    Ok(None) if self.is_out_of_reach(channel) => MissReason::Offline,
                    Ok(None) => MissReason::HasNot { platforms: Vec::new() },
                    Err(NotTaken::Channel { error, .. }) => {
                        unreachable.push(channel.name());
                        let (name, reason) = (channel.name().to_owned(), error.to_string());
                        if self.channels.len() > 1 {
                            (self.tell)(Event::ChannelSkipped { channel: name, reason });
                        }
                        MissReason::Unreachable(error)
                    }
                    Err(other) => return Err(other),
                };
                if !misses.iter().any(|miss: &Miss| miss.channel == channel.name()) {
                    misses.push(Miss { channel: channel.name().to_owned(), reason });
                }
            }
        }
        // With nobody to ask it is not known whether there is such a bundle.
        if misses.iter().all(|miss| matches!(miss.reason, MissReason::Unreachable(_)))
            && let Some(Miss { channel, reason: MissReason::Unreachable(error) }) = misses.first().cloned()
        {
            return Err(NotTaken::Channel { channel, error });
        }
        Err(NotTaken::Missing(misses))
    }

    /// Finds the bundle of a tag; where no channel has it, the candidate of that name.
    ///
    /// # Errors
    /// As [`Search::find`].
    pub fn find_by_name(&self, tag: &DepsTag, platform: &Platform) -> Result<Found<'a>, NotTaken> {
        let kinds = [BundleKind::Tagged, BundleKind::Candidate];
        self.find(&kinds.map(|kind| BundleRef { kind, tag: tag.clone(), platform: platform.clone() }))
    }

    /// Offline, what needs a network is, and a disk that is not mounted.
    fn is_out_of_reach(&self, channel: &Channel) -> bool {
        let is_unmounted = || matches!(channel.is_there(), Err(ChannelError::NoFolder { .. }));
        self.network == Network::Offline && (!channel.is_local() || is_unmounted())
    }

    fn ask(&self, channel: &'a Channel, wanted: &BundleRef) -> Result<Option<Found<'a>>, NotTaken> {
        let judge = Judge::new(channel, wanted)?;
        let seen = self.store.seen(&judge.scope, wanted)?;
        let mut retries = if wanted.kind == BundleKind::Candidate { TORN_RETRIES } else { 0 };
        loop {
            let unchecked = if self.is_out_of_reach(channel) {
                seen.clone().map(|SeenBundle { manifest, signature }| Unchecked { manifest, signature })
            } else {
                let faulty = |error| NotTaken::Channel { channel: channel.name().to_owned(), error };
                channel.manifest(wanted).map_err(faulty)?
            };
            let Some(unchecked) = unchecked else { return Ok(None) };
            match judge.verdict(unchecked) {
                Err(Distrust::Signature(SigningError::Wrong { .. }) | Distrust::Unsigned) if retries > 0 => {
                    thread::sleep(TORN_WAIT);
                    retries -= 1;
                }
                Err(distrust) => return Err(judge.refuse(distrust)),
                Ok(found) => {
                    if let Some(seen) = seen.and_then(|seen| BundleManifest::parse(&seen.manifest).ok()) {
                        found.refuse_before(seen.sequence)?;
                    }
                    if *channel.trust() == Trust::Unsigned {
                        (self.tell)(Event::Unsigned { channel: channel.name().to_owned() });
                    }
                    return Ok(Some(found));
                }
            }
        }
    }
}

/// Decides whether what a channel gave is the bundle that was asked for.
struct Judge<'a, 'b> {
    channel: &'a Channel,
    wanted: &'b BundleRef,
    /// `None` for an unsigned channel.
    ring: Option<Ring>,
    scope: String,
}

impl<'a, 'b> Judge<'a, 'b> {
    fn new(channel: &'a Channel, wanted: &'b BundleRef) -> Result<Judge<'a, 'b>, NotTaken> {
        let faulty = |error| NotTaken::Keys { channel: channel.name().to_owned(), error };
        let ring = Ring::of(channel.trust()).map_err(faulty)?;
        let unsigned = || format!("unsigned-{}", Digest::of(channel.name().as_bytes()).short(16));
        let scope = ring.as_ref().map_or_else(unsigned, Ring::name);
        Ok(Judge { channel, wanted, ring, scope })
    }

    fn verdict(&self, unchecked: Unchecked) -> Result<Found<'a>, Distrust> {
        let Unchecked { manifest: bytes, signature } = unchecked;
        if let Some(ring) = &self.ring {
            let signature = signature.as_deref().ok_or(Distrust::Unsigned)?;
            ring.verify(&bytes, signature).map_err(Distrust::Signature)?;
        }
        // Only now are the bytes looked at.
        let manifest = BundleManifest::parse(&bytes).map_err(Distrust::Fault)?;
        if manifest.reference() != *self.wanted {
            return Err(Distrust::Another { path: manifest.reference().path() });
        }
        if let Some(at) = manifest.expires.filter(|at| *at <= host::now()) {
            return Err(Distrust::Expired { at });
        }
        let (channel, scope, digest) = (self.channel, Some(self.scope.clone()), Digest::of(&bytes));
        Ok(Found { channel, manifest, bytes, digest, signature, scope })
    }

    fn refuse(&self, distrust: Distrust) -> NotTaken {
        NotTaken::Untrusted { channel: self.channel.name().to_owned(), path: self.wanted.path(), distrust }
    }
}

impl Found<'_> {
    /// Refuses a bundle that is older than an installed one of the same name.
    ///
    /// # Errors
    /// [`NotTaken::Untrusted`] with [`Distrust::Older`].
    pub fn refuse_older_than(&self, installed: Option<&Receipt>) -> Result<(), NotTaken> {
        let manifest = &self.manifest;
        let is_same = |receipt: &&Receipt| {
            receipt.tag == manifest.tag
                && receipt.platform == manifest.platform
                && receipt.candidate == manifest.candidate
                && receipt.channel == self.channel.name()
        };
        installed.filter(is_same).map_or(Ok(()), |receipt| self.refuse_before(receipt.sequence))
    }

    fn refuse_before(&self, sequence: u64) -> Result<(), NotTaken> {
        let found = self.manifest.sequence;
        if found >= sequence {
            return Ok(());
        }
        let (channel, path) = (self.channel.name().to_owned(), self.manifest.reference().path());
        Err(NotTaken::Untrusted { channel, path, distrust: Distrust::Older { found, seen: sequence } })
    }
}

/// A channel that does not have the bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Miss {
    pub channel: String,
    pub reason: MissReason,
}

/// What is known about a channel that does not have the bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MissReason {
    /// It has the bundle for other platforms.
    HasNot {
        platforms: Vec<Platform>,
    },
    Unreachable(ChannelError),
    /// It was not asked, and nothing is known from before.
    Offline,
}

impl Miss {
    /// Asks the channel for which platforms it has the tag's bundle.
    pub fn with_platforms(self, checkout: &Checkout, tag: &DepsTag, likely: &[Platform]) -> Miss {
        let config = checkout.project().channels.iter().find(|config| config.name == self.channel);
        let (MissReason::HasNot { .. }, Some(config)) = (&self.reason, config) else { return self };
        // Only advice: a channel that does not answer now has nothing to add.
        let platforms = Channel::open(config, checkout.root())
            .and_then(|channel| channel.platforms(BundleKind::Tagged, tag, likely))
            .unwrap_or_default();
        Miss { reason: MissReason::HasNot { platforms }, ..self }
    }
}

/// Why no bundle was taken.
#[derive(Debug, thiserror::Error)]
pub enum NotTaken {
    #[error("no channel has it")]
    Missing(Vec<Miss>),
    #[error("channel `{channel}`: {error}")]
    Channel { channel: String, error: ChannelError },
    #[error("the keys of channel `{channel}`: {error}")]
    Keys { channel: String, error: SigningError },
    #[error("{path} of channel `{channel}`: {distrust}")]
    Untrusted { channel: String, path: String, distrust: Distrust },
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a manifest is not trusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Distrust {
    #[error("it is not signed")]
    Unsigned,
    #[error(transparent)]
    Signature(SigningError),
    #[error("{0}")]
    Fault(BundleFault),
    /// It is a good manifest of another bundle.
    #[error("it is the manifest of {path}")]
    Another { path: String },
    #[error("its sequence is {found}, and {seen} was seen")]
    Older { found: u64, seen: u64 },
    /// It is no longer taken; the time is in seconds since 1970.
    #[error("it expired at {at}")]
    Expired { at: u64 },
}

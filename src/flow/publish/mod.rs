//! Publishes bundles: packages, records, then the signed manifest.
//!
//! Does not build. What is published is the last build of the checkout (here), what another job prepared (`sign.rs`), a
//! candidate under a tag's name (`promote.rs`), or what another channel has (`copy.rs`).

mod copy;
mod job;
mod named;
mod promote;
mod sign;

use std::path::{Path, PathBuf};

use crate::builder::sandbox::Level;
use crate::channel::{Channel, ChannelError, Writable};
use crate::checkout::{self, Checkout, Forced};
use crate::flow::publish::job::{Job, Seal};
use crate::flow::publish::named::Named;
use crate::host::HostError;
use crate::model::bundle::{BuildRecord, BundleFault, BundleManifest, BundlePackage, BundleRef};
use crate::model::depth::Depth;
use crate::model::event::Tell;
use crate::model::platform::Platform;
use crate::model::project::{ChannelConfig, NoSuchChannel, SandboxDemand};
use crate::model::recipe::RecipeName;
use crate::model::tag::DepsTag;
use crate::place::{self, PlaceError};
use crate::search::{ArchiveFault, Network, NotTaken, Search};
use crate::signing::{SecretKey, SigningError};
use crate::store::{Store, StoreError, handed};

pub use crate::flow::publish::copy::{Copied, CopyOptions, copy};
pub use crate::flow::publish::promote::promote;
pub use crate::flow::publish::sign::{PreparedFault, sign};

/// What is asked.
#[derive(Debug)]
pub struct Options {
    /// The folder the run works in, absolute.
    pub folder: PathBuf,
    pub cache: PathBuf,
    pub forced: Option<Forced>,
    /// Publishes under this name, which is no tag, and may do so again and again.
    pub candidate: Option<DepsTag>,
    /// How long a candidate is taken, in seconds; `None` for ever.
    pub lifetime: Option<u64>,
    /// The name of the channel; the project's first by default.
    pub channel: Option<String>,
    pub key: Option<SecretKey>,
    /// The time of the run, in seconds since 1970: a candidate's sequence is at least that, so that one that was
    /// removed from the channel and is published again does not count as an old one.
    pub now: u64,
    pub depth: Depth,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    pub channel: String,
    pub bundle: BundleRef,
    pub sequence: u64,
    pub packages: Vec<BundlePackage>,
    pub done: Done,
}

/// What was done to the channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// The channel has this very bundle, signed by a key that the project trusts.
    WasThere,
    /// It had it, with a signature that is no longer trusted; that was replaced.
    SignedAnew,
    /// It would be published.
    Planned,
    /// Its packages are there, so many of them new with so many bytes; the manifest waits for its signature.
    Prepared { archives: usize, bytes: u64 },
    /// It was published; so many archives were new to the channel, with so many bytes.
    Published { archives: usize, bytes: u64 },
}

/// Publishes the last build of the checkout.
///
/// # Errors
/// [`Error`]; before the manifest is written nobody finds anything new on the channel.
pub fn publish(options: &Options, tell: Tell) -> Result<Outcome, Error> {
    let desk = Desk::open(options)?;
    let seal = Seal::with_key(desk.config(), options.key.as_ref())?;
    let writable = desk.channel.writable();
    let manifest = desk.last_build(options, tell)?;
    desk.job(&writable, &seal, options.now, tell).publish(&manifest, options.depth)
}

/// Publishes the packages and records of the last build and writes its manifest to a file, unsigned: for a job that
/// must not hold the key.
///
/// # Errors
/// [`Error`].
pub fn prepare(options: &Options, file: &Path, tell: Tell) -> Result<Outcome, Error> {
    let desk = Desk::open(options)?;
    let seal = Seal::without_key(desk.config())?;
    let writable = desk.channel.writable();
    let manifest = desk.last_build(options, tell)?;
    let job = desk.job(&writable, &seal, options.now, tell);
    let standing = job.standing(&manifest)?;
    let mut done = Done::Planned;
    if options.depth == Depth::Act {
        writable.prepare()?;
        let (archives, bytes) = job.put_packages(&manifest)?;
        fs_err::write(file, manifest.to_json()).map_err(|error| Error::File { reason: error.to_string() })?;
        done = Done::Prepared { archives, bytes };
    }
    Ok(job.outcome(&manifest, standing.sequence, done))
}

/// The packages that records named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handed {
    pub channel: String,
    pub packages: Vec<RecipeName>,
    /// How many were new to the channel, and their bytes.
    pub archives: usize,
    pub bytes: u64,
}

/// Publishes the packages of build records that lie in a folder, and the records: for a job that builds some of many.
///
/// # Errors
/// [`Error`].
pub fn packages(options: &Options, folder: &Path, tell: Tell) -> Result<Handed, Error> {
    let desk = Desk::open(options)?;
    let seal = Seal::without_key(desk.config())?;
    let writable = desk.channel.writable();
    let platform = place::own_platform(None)?;
    // What came from the channel, and was only handed on, is not in the store of this job.
    let records: Vec<BuildRecord> = handed::read(folder, &platform)?
        .into_iter()
        .filter(|record| desk.store.archive(record.archive).is_some())
        .collect();
    let job = desk.job(&writable, &seal, options.now, tell);
    let (mut archives, mut bytes) = (0, 0);
    if options.depth == Depth::Act {
        writable.prepare()?;
        (archives, bytes) = job.put_archives(&records.iter().flat_map(BuildRecord::packages).collect::<Vec<_>>())?;
        for record in &records {
            job.put_record(record)?;
        }
    }
    let packages = records.into_iter().map(|record| record.name).collect();
    Ok(Handed { channel: desk.channel.name().to_owned(), packages, archives, bytes })
}

/// What every way of publishing works with.
struct Desk {
    checkout: Checkout,
    /// The place of the channel in the project's list.
    place: usize,
    channel: Channel,
    store: Store,
}

impl Desk {
    fn open(options: &Options) -> Result<Desk, Error> {
        let checkout = Checkout::open(&options.folder)?;
        let root = place::root_of(&checkout)?;
        let place = checkout.project().channel_place(options.channel.as_deref())?;
        let channel = Channel::open(&checkout.project().channels[place], Some(root))?;
        Ok(Desk { place, channel, store: Store::open(&options.cache)?, checkout })
    }

    fn config(&self) -> &ChannelConfig {
        &self.checkout.project().channels[self.place]
    }

    fn job<'a>(&'a self, writable: &'a Writable<'a>, seal: &'a Seal<'a>, now: u64, tell: Tell<'a>) -> Job<'a> {
        Job { channel: &self.channel, writable, store: &self.store, seal, now, tell }
    }

    /// A search of the one channel.
    fn search<'a>(&'a self, tell: Tell<'a>) -> Search<'a> {
        let channels = std::slice::from_ref(&self.channel);
        Search { channels, store: &self.store, network: Network::Allowed, tell }
    }

    /// As [`obtain`], from the desk's channel.
    fn obtain(&self, manifest: &BundleManifest, tell: Tell) -> Result<(), Error> {
        obtain(&self.search(tell), manifest, &self.channel)
    }

    /// The manifest of the last build, which must be of the recipes that the name stands for.
    fn last_build(&self, options: &Options, tell: Tell) -> Result<BundleManifest, Error> {
        let named = Named::new(&self.checkout, options, tell)?;
        let platform = place::own_platform(None)?;
        let root = place::root_of(&self.checkout)?;
        let built = self.store.last_build(root, &platform).ok_or(Error::NothingBuilt { platform })?;
        let demand = self.checkout.project().sandbox;
        if demand == Some(SandboxDemand::Full) && built.builder.sandbox != Level::Namespaces.name() {
            return Err(Error::Sandbox { level: built.builder.sandbox });
        }
        named.refuse_other_recipes(&built, self.checkout.recipes_tree_on_disk()?)?;
        if built.state.is_some() && built.state != self.checkout.recipes_state_on_disk()? {
            return Err(Error::BuiltOther { tag: named.tag });
        }
        Ok(named.manifest(built, options))
    }
}

/// Brings all packages of a manifest into the store, from the channel if they are not there; digests are checked.
fn obtain(search: &Search, manifest: &BundleManifest, channel: &Channel) -> Result<(), Error> {
    let wanted: Vec<_> = manifest.packages.iter().map(|package| (package, channel)).collect();
    search.obtain(&wanted).map_err(|(name, fault)| Error::Archive { name, fault: Box::new(fault) })
}

/// Why nothing was published.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Place(#[from] PlaceError),
    #[error(transparent)]
    Checkout(#[from] checkout::Error),
    #[error(transparent)]
    Host(#[from] HostError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Channel(#[from] ChannelError),
    #[error(transparent)]
    Signing(#[from] SigningError),
    #[error(transparent)]
    NoSuchChannel(#[from] NoSuchChannel),
    #[error("channel `{channel}` is signed, and there is no key")]
    NoKey { channel: String },
    #[error("channel `{channel}` does not name the key {key}")]
    StrangeKey { channel: String, key: String },
    #[error("{tag} is no tag of the repository")]
    NoSuchTag { tag: DepsTag },
    #[error("nothing was built for {platform}")]
    NothingBuilt { platform: Platform },
    /// The recipes on disk are not those of the tag.
    #[error("the recipes on disk are not those of {tag}")]
    Drifted { tag: DepsTag, recipes: Vec<String> },
    /// The last build was of other recipes than those on disk.
    #[error("the last build was of other recipes")]
    BuiltOther { tag: DepsTag },
    /// The project publishes only what was built in a full sandbox.
    #[error("it was built at level {level}")]
    Sandbox { level: String },
    /// The tag has been published with other packages, or from other recipes.
    #[error("{} is taken", bundle.path())]
    Taken { bundle: Box<BundleRef>, channel: String, differing: Vec<RecipeName> },
    #[error("{path}: {fault}")]
    Existing { path: String, fault: BundleFault },
    /// An archive of the last build is no longer in the store.
    #[error("the package {name} is not in the store")]
    Gone { name: RecipeName },
    /// The manifest of a channel cannot be taken.
    #[error(transparent)]
    NotTaken(#[from] NotTaken),
    /// An archive that a manifest names cannot be had from the channel.
    #[error("{name}: {fault}")]
    Archive { name: RecipeName, fault: Box<ArchiveFault> },
    #[error("{reason}")]
    File { reason: String },
    /// A manifest that waits for its signature is not what it should be.
    #[error("{}: {fault}", file.display())]
    Prepared { file: PathBuf, fault: PreparedFault },
    #[error("there is no candidate {candidate}")]
    NoCandidate { candidate: DepsTag, channel: String },
    /// The candidate was built from other recipes than the tag's.
    #[error("{candidate} is of other recipes than {tag}")]
    CandidateDiffers { candidate: DepsTag, tag: DepsTag },
    #[error("channel `{from}` has no bundle {tag}")]
    NothingToCopy { tag: DepsTag, from: String },
}

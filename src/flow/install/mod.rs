//! Installs the bundle that belongs to a checkout: find, verify, unpack into staging, exchange.
//!
//! Which bundle is taken is in `find.rs`, how its packages get into the staging folder in `packages.rs`.

mod find;
mod packages;

use std::path::{Path, PathBuf};

use crate::channel::{Channel, ChannelError};
use crate::checkout::{self, Checkout, Forced, Resolution, Wanted};
use crate::flow::Depth;
use crate::flow::install::find::{Found, Search};
use crate::flow::place::{self, PlaceError};
use crate::host::{self, HostError};
use crate::model::bundle::{BundleKind, BundleManifest, BundlePackage, BundleRef, UnknownStack};
use crate::model::event::{Event, Tell};
use crate::model::platform::{Platform, SymbolVersion};
use crate::model::prefix::Prefix;
use crate::model::project::DriftPolicy;
use crate::model::receipt::{self, InstalledPackage, Receipt};
use crate::prefix_dir::{PrefixDir, PrefixDirError, State};
use crate::store::{SeenBundle, Store, StoreError};

pub use crate::flow::install::find::{Distrust, Miss, MissReason, NotTaken};
pub use crate::flow::install::packages::PackageFault;

/// What is asked.
#[derive(Debug, Clone)]
pub struct Options {
    /// The folder the run works in, absolute.
    pub folder: PathBuf,
    pub cache: PathBuf,
    pub forced: Option<Forced>,
    pub prefix: Option<PathBuf>,
    pub platform: Option<Platform>,
    /// None means all packages.
    pub stacks: Vec<String>,
    pub network: Network,
    pub existing: Existing,
    pub depth: Depth,
}

/// Whether channels may be asked that need a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    Allowed,
    Offline,
}

/// What becomes of what is in the prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// An install is replaced; anything else is kept and refused.
    Respect,
    /// Whatever is there is replaced, also the same bundle; a platform's floor is not looked at.
    Replace,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Already { prefix: Prefix, receipt: Box<Receipt> },
    Planned { prefix: Prefix, channel: String, manifest: Box<BundleManifest>, packages: Vec<Planned> },
    Installed { prefix: Prefix, receipt: Box<Receipt> },
}

/// A package that would be installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    pub package: BundlePackage,
    pub is_in_store: bool,
}

/// Installs the bundle of the nearest tag, or of the forced one, unless it is installed already.
///
/// # Errors
/// [`Error`]; the prefix is then what it was before.
pub fn install(options: &Options, tell: Tell) -> Result<Outcome, Error> {
    let checkout = Checkout::open(&options.folder)?;
    let root = place::root_of(&checkout)?;
    let project = checkout.project();
    let wanted = Wanted { commit: None, forced: options.forced.clone() };
    let resolution = checkout.resolve(&wanted)?;
    tell_of(&resolution, tell);
    refuse_drift(&resolution, project.drift, tell)?;

    let own = place::own_platform(options.platform.as_ref())?;
    let platforms = match &options.platform {
        Some(asked) => vec![asked.clone()],
        None => project.serving(&own),
    };
    let dir = match &options.prefix {
        Some(prefix) => PrefixDir::new(&options.folder.join(prefix))?,
        None => PrefixDir::of(root, project, &own, Some(&resolution.tag))?,
    };
    let mut stacks = options.stacks.clone();
    stacks.sort();
    stacks.dedup();
    let wish = Wish { resolution: &resolution, platforms: &platforms, stacks: &stacks, prefix: dir.prefix() };

    // A tagged bundle never changes, so the receipt alone decides; a candidate may, so its channel is asked.
    let installed = installed(&dir, options.existing)?;
    if let Some(receipt) = installed.clone().filter(|receipt| wish.is_met_for_good(receipt, options.network)) {
        return Ok(Outcome::Already { prefix: dir.prefix().clone(), receipt });
    }
    let channels = open_channels(project, root)?;
    let store = Store::open(&options.cache)?;
    let search = Search { channels: &channels, store: &store, network: options.network, tell };
    let found = match search.find(&wish.references()) {
        Ok(found) => found,
        Err(NotTaken::Missing(miss)) => return Err(missing(&checkout, &resolution, own, miss)),
        Err(other) => return Err(Error::NotTaken(other)),
    };
    found.refuse_older_than(installed.as_deref())?;
    if let Some(receipt) = installed.filter(|receipt| wish.is_met_by(receipt, &found)) {
        return Ok(Outcome::Already { prefix: dir.prefix().clone(), receipt });
    }
    tell_of_bundle(&found, &resolution, &own, tell);
    refuse_unmet_floor(&found.manifest, options, tell)?;
    let packages: Vec<BundlePackage> = found.manifest.select(&stacks)?.into_iter().cloned().collect();
    if options.depth == Depth::Plan {
        let planned =
            |package: BundlePackage| Planned { is_in_store: store.archive(package.archive).is_some(), package };
        return Ok(Outcome::Planned {
            prefix: dir.prefix().clone(),
            channel: found.channel.name().to_owned(),
            packages: packages.into_iter().map(planned).collect(),
            manifest: Box::new(found.manifest),
        });
    }

    let locked = dir.lock(tell)?;
    // Whoever held the lock may have done it.
    if let Some(receipt) = self::installed(&dir, options.existing)?.filter(|receipt| wish.is_met_by(receipt, &found)) {
        return Ok(Outcome::Already { prefix: dir.prefix().clone(), receipt });
    }
    let staging = locked.stage()?;
    let unpacker = packages::Unpacker { search: &search, staging: &staging, prefix: dir.prefix(), bundle: &found };
    let installed = unpacker.place_all(&packages)?;
    let receipt = receipt_of(&found, &stacks, dir.prefix(), installed);
    staging.finish(&receipt)?;
    let seen = SeenBundle { manifest: found.bytes, signature: found.signature };
    store.set_seen(&found.scope, &found.manifest.reference(), &seen)?;
    Ok(Outcome::Installed { prefix: dir.prefix().clone(), receipt: Box::new(receipt) })
}

/// What the prefix should hold.
struct Wish<'a> {
    resolution: &'a Resolution,
    /// In order of preference.
    platforms: &'a [Platform],
    stacks: &'a [String],
    prefix: &'a Prefix,
}

impl Wish<'_> {
    /// The bundles that would do, best first: of each platform the tag's, then the candidate of that name if the
    /// repository has no such tag.
    fn references(&self) -> Vec<BundleRef> {
        let kinds: &[BundleKind] = match self.resolution.tagged_commit {
            Some(_) => &[BundleKind::Tagged],
            None => &[BundleKind::Tagged, BundleKind::Candidate],
        };
        let reference = |platform: &Platform, kind: &BundleKind| BundleRef {
            kind: *kind,
            tag: self.resolution.tag.clone(),
            platform: platform.clone(),
        };
        self.platforms.iter().flat_map(|platform| kinds.iter().map(move |kind| reference(platform, kind))).collect()
    }

    /// Whether an install is of a bundle that would do, with these stacks, for this very path.
    fn is_met(&self, receipt: &Receipt) -> bool {
        receipt.is_of(&self.resolution.tag, self.resolution.tagged_commit.is_none(), self.platforms)
            && receipt.stacks == self.stacks
            && receipt.was_made_for(self.prefix)
    }

    fn is_met_for_good(&self, receipt: &Receipt, network: Network) -> bool {
        self.is_met(receipt) && (!receipt.candidate || network == Network::Offline)
    }

    fn is_met_by(&self, receipt: &Receipt, found: &Found) -> bool {
        self.is_met(receipt) && receipt.manifest == found.digest
    }
}

/// The receipt of what is in the prefix, unless it is to be replaced in any case.
fn installed(dir: &PrefixDir, existing: Existing) -> Result<Option<Box<Receipt>>, Error> {
    match (dir.state()?, existing) {
        (State::Installed(receipt), Existing::Respect) => Ok(Some(receipt)),
        (State::Foreign, Existing::Respect) => Err(Error::Foreign { prefix: dir.prefix().clone() }),
        (State::Unreadable { reason }, Existing::Respect) => {
            Err(Error::Unreadable { prefix: dir.prefix().clone(), reason })
        }
        _ => Ok(None),
    }
}

fn tell_of(resolution: &Resolution, tell: Tell) {
    if let Some(forced) = &resolution.forced {
        tell(Event::TagForced { tag: forced.tag.clone(), by: forced.by });
    }
    if resolution.shallow {
        tell(Event::ShallowHistory);
    }
}

/// A forced tag is somebody's will, so that its drift is only told.
fn refuse_drift(resolution: &Resolution, policy: DriftPolicy, tell: Tell) -> Result<(), Error> {
    let recipes: Vec<String> = resolution.drift.iter().map(|drift| drift.recipe.clone()).collect();
    let tag = resolution.tag.to_string();
    if recipes.is_empty() {
        Ok(())
    } else if policy == DriftPolicy::Warn || resolution.forced.is_some() {
        tell(Event::Drifted { tag, recipes });
        Ok(())
    } else {
        Err(Error::Drifted { tag, recipes, policy })
    }
}

fn tell_of_bundle(found: &Found, resolution: &Resolution, own: &Platform, tell: Tell) {
    let (tag, channel) = (found.manifest.tag.to_string(), found.channel.name().to_owned());
    if found.manifest.candidate {
        tell(Event::Candidate { tag: tag.clone(), channel: channel.clone() });
    }
    if found.manifest.platform != *own {
        tell(Event::Served { own: own.id(), by: found.manifest.platform.id() });
    }
    if resolution.recipes_of_tag.as_ref().is_some_and(|recipes| *recipes != found.manifest.recipes) {
        tell(Event::OtherRecipes { tag, channel });
    }
}

/// A bundle of another platform may need more than this system has.
fn refuse_unmet_floor(manifest: &BundleManifest, options: &Options, tell: Tell) -> Result<(), Error> {
    let host = match host::platform(Path::new("/")) {
        Ok(host) => host,
        // Installed for another machine from one that cannot be told: nothing to compare with.
        Err(_) if options.platform.is_some() => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    if manifest.platform == host.platform {
        return Ok(());
    }
    let unmet = manifest.floor.unmet_by(&host.system);
    if unmet.is_empty() {
        return Ok(());
    }
    if options.existing == Existing::Replace {
        tell(Event::Note { text: format!("{} does not meet the floor of the bundle", host.platform) });
        return Ok(());
    }
    Err(Error::Floor { platform: manifest.platform.clone(), host: host.platform, unmet })
}

fn open_channels(project: &crate::model::project::Project, root: &Path) -> Result<Vec<Channel>, Error> {
    if project.channels.is_empty() {
        return Err(Error::NoChannel);
    }
    Ok(project.channels.iter().map(|config| Channel::open(config, Some(root))).collect::<Result<_, _>>()?)
}

/// Adds what helps: the platforms that channels have the bundle for, and the tag before it.
fn missing(checkout: &Checkout, resolution: &Resolution, own: Platform, misses: Vec<Miss>) -> Error {
    let before = resolution.tagged_commit.as_ref().filter(|_| resolution.forced.is_none()).and_then(|tagged| {
        let wanted = Wanted { commit: Some(format!("{tagged}^")), forced: None };
        // Only advice: a history without an earlier tag, or an ambiguous one, gives none.
        checkout.resolve(&wanted).ok().map(|earlier| earlier.tag)
    });
    let project = checkout.project();
    let mut likely: Vec<Platform> = project.platforms.iter().map(|config| config.id.clone()).collect();
    likely.extend(project.serving(&own));
    likely.sort();
    likely.dedup();
    let with_platforms = |miss: Miss| miss.with_platforms(checkout, &resolution.tag, &likely);
    Error::Missing {
        tag: resolution.tag.to_string(),
        is_tag: resolution.tagged_commit.is_some(),
        platform: own,
        misses: misses.into_iter().map(with_platforms).collect(),
        before: before.map(|tag| tag.to_string()),
    }
}

fn receipt_of(found: &Found, stacks: &[String], prefix: &Prefix, packages: Vec<InstalledPackage>) -> Receipt {
    Receipt {
        format: receipt::FORMAT,
        tag: found.manifest.tag.clone(),
        candidate: found.manifest.candidate,
        platform: found.manifest.platform.clone(),
        prefix: Receipt::prefix_text(prefix),
        channel: found.channel.name().to_owned(),
        manifest: found.digest,
        sequence: found.manifest.sequence,
        commit: found.manifest.commit.clone(),
        recipes: found.manifest.recipes.clone(),
        stacks: stacks.to_vec(),
        tool: concat!("tagalong ", env!("CARGO_PKG_VERSION")).to_owned(),
        packages,
    }
}

/// Why nothing was installed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Place(#[from] PlaceError),
    #[error(transparent)]
    Checkout(#[from] checkout::Error),
    #[error(transparent)]
    Host(#[from] HostError),
    #[error(transparent)]
    PrefixDir(#[from] PrefixDirError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Channel(#[from] ChannelError),
    #[error("the project names no channel")]
    NoChannel,
    /// The recipes at hand are not the tag's, and the project does not take that.
    #[error("the recipes have drifted from {tag}")]
    Drifted { tag: String, recipes: Vec<String>, policy: DriftPolicy },
    /// No channel has the bundle.
    #[error("there is no bundle {tag} for {platform}")]
    Missing { tag: String, is_tag: bool, platform: Platform, misses: Vec<Miss>, before: Option<String> },
    #[error(transparent)]
    NotTaken(#[from] NotTaken),
    #[error("{host} does not meet the floor of {platform}")]
    Floor { platform: Platform, host: Platform, unmet: Vec<(String, SymbolVersion, SymbolVersion)> },
    #[error(transparent)]
    Stack(#[from] UnknownStack),
    #[error("{prefix} holds something else")]
    Foreign { prefix: Prefix },
    #[error("the receipt of {prefix} cannot be read: {reason}")]
    Unreadable { prefix: Prefix, reason: String },
    #[error("the package {name}: {fault}")]
    Package { name: String, fault: PackageFault },
}

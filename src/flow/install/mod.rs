//! Installs the bundle that belongs to a checkout: find, verify, unpack into staging, exchange.
//!
//! What the prefix should hold is in `wish.rs`, which bundle is taken in `search/`, how its packages get into the
//! staging folder in `packages.rs`.

mod deepen;
mod kept;
mod link;
mod packages;
mod prepared;
mod union;
mod wish;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::channel::ChannelError;
use crate::checkout::{self, Checkout, Forced, Resolution, Wanted};
use crate::flow::build;
use crate::flow::install::kept::Before;
use crate::flow::install::packages::Unpacker;
use crate::flow::install::union::{Drift, Union};
use crate::flow::install::wish::Wish;
use crate::host::{self, HostError};
use crate::model::bundle::{BundleManifest, BundlePackage, TOOL};
use crate::model::depth::Depth;
use crate::model::event::{Event, Tell};
use crate::model::link::{LinkKind, LinkWish};
use crate::model::platform::{Platform, SymbolVersion};
use crate::model::prefix::Prefix;
use crate::model::project::DriftPolicy;
use crate::model::receipt::{self, InstalledPackage, Receipt};
use crate::model::recipe::RecipeName;
use crate::model::selection::{NotThere, Selection};
use crate::model::tag::DepsTag;
use crate::place::PlaceError;
use crate::prefix_dir::PrefixDirError;
use crate::search::{self, Found, Search};
use crate::store::handed::NoManifest;
use crate::store::{Refused, SeenBundle, Store, StoreError};

pub use crate::flow::install::packages::PackageFault;
pub use crate::search::{ArchiveFault, Distrust, Miss, MissReason, Network, NotTaken};

/// What is asked.
pub struct Options<'a> {
    /// The folder the run works in, absolute.
    pub folder: PathBuf,
    pub cache: PathBuf,
    pub forced: Option<Forced>,
    pub prefix: Option<PathBuf>,
    pub platform: Option<Platform>,
    pub selection: Selection,
    pub network: Network,
    /// Whether a candidate is taken: not in a job of a protected branch or tag, unless it is asked for.
    pub takes_candidates: bool,
    pub existing: Existing,
    pub depth: Depth,
    /// How the files come from the store.
    pub link: LinkWish,
    /// A manifest that is not signed yet, and is installed all the same: to test what it names.
    pub prepared: Option<PathBuf>,
    /// Fetches the rest of a shallow history where it could change the answer.
    pub is_deepened: bool,
    /// Builds what differs from the tag, also where the project does not say `drift = "build"`.
    pub is_built: bool,
    /// How it is built then.
    pub build: build::Options<'a>,
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
pub fn install(options: &Options<'_>, tell: Tell) -> Result<Outcome, Error> {
    let prepared = options.prepared.as_deref().map(prepared::read).transpose()?;
    let forced = prepared.as_ref().map(|one| prepared::forced(&one.0)).or_else(|| options.forced.clone());
    let (checkout, resolution) = deepen::resolve(options, forced, tell)?;
    tell_of(&resolution, tell);
    let drift = union::decide(&resolution, &checkout, options, tell)?;
    let wish = Wish::new(&checkout, &resolution, options, drift)?;
    if options.depth == Depth::Act {
        wish.dir.settle(tell)?;
    }
    let installed = wish.installed()?;
    if let Some(receipt) =
        installed.clone().filter(|receipt| prepared.is_none() && wish.is_met_for_good(receipt, options.network))
    {
        return Ok(wish.already(receipt));
    }

    if checkout.project().channels.is_empty() {
        return Err(Error::NoChannel);
    }
    let channels = search::open_channels(&checkout)?;
    let store = Store::open(&options.cache)?;
    let search = Search { channels: &channels, store: &store, network: options.network, tell };
    let is_prepared = prepared.is_some();
    let found = match prepared {
        Some(prepared) => prepared::found(prepared, &channels[0]),
        None => search.find(&wish.references()).map_err(|error| explained(error, &checkout, &wish))?,
    };
    if found.manifest.candidate && !options.takes_candidates && !is_prepared {
        return Err(Error::Protected { candidate: found.manifest.tag.clone() });
    }
    found.refuse_older_than(installed.as_deref())?;
    if let Some(receipt) = installed.filter(|receipt| wish.is_met_by(receipt, &found)) {
        return Ok(wish.already(receipt));
    }
    tell_of_bundle(&found, &wish, tell);
    refuse_unmet_floor(&found.manifest, options, tell)?;
    let union = match (drift, options.depth) {
        // What a dry run would build, `build --dry-run` tells.
        (Drift::Built, Depth::Act) => Union::build(&found, &resolution, options)?,
        _ => Union::of_bundle(&found),
    };
    let packages: Vec<BundlePackage> = wish.selection.pick(&union.packages)?.into_iter().cloned().collect();
    match options.depth {
        Depth::Plan => Ok(planned(&wish, found, packages, &store)),
        Depth::Act => place(&wish, found, &packages, &union.built, &search),
    }
}

/// Unpacks beside the prefix and exchanges the two.
fn place(
    wish: &Wish,
    found: Found,
    packages: &[BundlePackage],
    built: &BTreeSet<RecipeName>,
    search: &Search,
) -> Result<Outcome, Error> {
    let prefix = wish.dir.prefix();
    let locked = wish.dir.lock(search.tell)?;
    // Whoever held the lock may have done it.
    let installed = wish.installed()?;
    if let Some(receipt) = installed.clone().filter(|receipt| wish.is_met_by(receipt, &found)) {
        return Ok(wish.already(receipt));
    }
    let staging = locked.stage()?;
    let link = link::decide(wish.link, search.store, &staging, prefix)?;
    let before = Before::of(&wish.dir, installed, &staging);
    let extent = wish.selection.extent;
    let unpacker = Unpacker { search, staging: &staging, prefix, bundle: &found, built, link, extent, before };
    let receipt = receipt_of(&found, wish, link, unpacker.place_all(packages)?);
    staging.finish(&receipt)?;
    // What lay in a file is not remembered as what the channel has.
    if let Some(scope) = &found.scope {
        let reference = found.manifest.reference();
        let seen = SeenBundle { manifest: found.bytes, signature: found.signature };
        search.store.set_seen(scope, &reference, &seen)?;
    }
    Ok(Outcome::Installed { prefix: prefix.clone(), receipt: Box::new(receipt) })
}

fn planned(wish: &Wish, found: Found, packages: Vec<BundlePackage>, store: &Store) -> Outcome {
    let planned = |package: BundlePackage| Planned { is_in_store: store.archive(package.archive).is_some(), package };
    Outcome::Planned {
        prefix: wish.dir.prefix().clone(),
        channel: found.channel.name().to_owned(),
        packages: packages.into_iter().map(planned).collect(),
        manifest: Box::new(found.manifest),
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

fn tell_of_bundle(found: &Found, wish: &Wish, tell: Tell) {
    let (tag, channel) = (found.manifest.tag.to_string(), found.channel.name().to_owned());
    if found.manifest.candidate {
        tell(Event::Candidate { tag: tag.clone(), channel: channel.clone() });
    }
    if found.manifest.platform != wish.own {
        tell(Event::Served { own: wish.own.id(), by: found.manifest.platform.id() });
    }
    let recipes = &wish.resolution.recipes_of_tag;
    if recipes.as_ref().is_some_and(|recipes| *recipes != found.manifest.recipes) {
        tell(Event::OtherRecipes { tag, channel });
    }
}

/// A bundle of another platform may need more than this system has.
fn refuse_unmet_floor(manifest: &BundleManifest, options: &Options<'_>, tell: Tell) -> Result<(), Error> {
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
    Err(Error::Floor(Box::new(Lack { platform: manifest.platform.clone(), host: host.platform, unmet })))
}

/// Adds to a miss what helps: the platforms that channels have the bundle for, and the tag before it.
fn explained(error: NotTaken, checkout: &Checkout, wish: &Wish) -> Error {
    let NotTaken::Missing(misses) = error else { return Error::NotTaken(error) };
    let resolution = wish.resolution;
    let before = resolution.tagged_commit.as_ref().filter(|_| resolution.forced.is_none()).and_then(|tagged| {
        let wanted = Wanted { commit: Some(format!("{tagged}^")), forced: None };
        // Only advice: a history without an earlier tag, or an ambiguous one, gives none.
        checkout.resolve(&wanted).ok().map(|earlier| earlier.tag.to_string())
    });
    let mut likely: Vec<Platform> = checkout.project().platforms.iter().map(|config| config.id.clone()).collect();
    likely.extend(wish.platforms.iter().cloned());
    likely.sort();
    likely.dedup();
    Error::Missing(Box::new(Missing {
        tag: resolution.tag.to_string(),
        is_tag: resolution.tagged_commit.is_some(),
        platform: wish.own.clone(),
        misses: misses.into_iter().map(|miss| miss.with_platforms(checkout, &resolution.tag, &likely)).collect(),
        before,
    }))
}

fn receipt_of(found: &Found, wish: &Wish, link: LinkKind, packages: Vec<InstalledPackage>) -> Receipt {
    Receipt {
        format: receipt::FORMAT,
        tag: found.manifest.tag.clone(),
        candidate: found.manifest.candidate,
        platform: found.manifest.platform.clone(),
        prefix: Receipt::prefix_text(wish.dir.prefix()),
        channel: found.channel.name().to_owned(),
        manifest: found.digest,
        sequence: found.manifest.sequence,
        commit: found.manifest.commit.clone(),
        recipes: found.manifest.recipes.clone(),
        built: wish.built.clone(),
        stacks: wish.selection.stacks.clone(),
        debug: wish.selection.debug.clone(),
        extent: wish.selection.extent,
        tool: TOOL.to_owned(),
        link,
        packages,
    }
}

/// A bundle that no channel has, and what is known about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    pub tag: String,
    /// Whether it is a tag of the repository, or a name that could only be a candidate's.
    pub is_tag: bool,
    pub platform: Platform,
    pub misses: Vec<Miss>,
    /// The tag before it in the history.
    pub before: Option<String>,
}

/// What a system lacks for the bundle of another platform: symbol set, version needed, version offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lack {
    pub platform: Platform,
    pub host: Platform,
    pub unmet: Vec<(String, SymbolVersion, SymbolVersion)>,
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
    #[error("there is no bundle {} for {}", .0.tag, .0.platform)]
    Missing(Box<Missing>),
    #[error(transparent)]
    NotTaken(#[from] NotTaken),
    #[error("{} does not meet the floor of {}", .0.host, .0.platform)]
    Floor(Box<Lack>),
    #[error(transparent)]
    NotThere(#[from] NotThere),
    /// A manifest that should be installed before it is signed.
    #[error("{}: {fault}", path.display())]
    Prepared { path: PathBuf, fault: NoManifest },
    /// The links that are asked for cannot be made between the store and the prefix.
    #[error(transparent)]
    NotShared(Refused),
    #[error("{prefix} holds something else")]
    Foreign { prefix: Prefix },
    #[error("the receipt of {prefix} cannot be read: {reason}")]
    Unreadable { prefix: Prefix, reason: String },
    #[error("the package {name}: {fault}")]
    Package { name: String, fault: Box<PackageFault> },
    /// A candidate is offered to a job of a protected branch or tag.
    #[error("{candidate} is a candidate, and this job is protected")]
    Protected { candidate: DepsTag },
    /// What differs from the tag could not be built.
    #[error(transparent)]
    Build(#[from] build::Error),
}

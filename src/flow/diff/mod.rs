//! Tells what two packages, or two bundles, do not share.
//!
//! Two archives are compared in `packages.rs`; here it is found out which.

mod packages;

use std::path::{Path, PathBuf};

use crate::archive;
use crate::channel::ChannelError;
use crate::checkout::{self, Checkout};
use crate::compare::{Library, Member};
use crate::host::HostError;
use crate::model::bundle::{BundleManifest, BundlePackage};
use crate::model::event::Tell;
use crate::model::platform::Platform;
use crate::model::recipe::RecipeName;
use crate::model::tag::DepsTag;
use crate::place::{self, PlaceError};
use crate::search::{self, ArchiveFault, Network, NotTaken, Search};
use crate::store::{Store, StoreError};

pub use crate::flow::diff::packages::of_archives;

/// What is asked. A side is the path of a package archive, or the name of a deps tag or a candidate.
pub struct Options<'a> {
    /// The folder the run works in, absolute.
    pub folder: &'a Path,
    pub cache: &'a Path,
    pub left: &'a str,
    pub right: &'a str,
    pub platform: Option<&'a Platform>,
    pub network: Network,
    pub tell: Tell<'a>,
}

/// What the two sides do not share.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// Packages that differ, by name.
    pub packages: Vec<Difference>,
    /// How many are the same on both sides.
    pub same: usize,
    /// Packages of the right side that need one whose binary interface lost something.
    pub rebuild: Vec<RecipeName>,
}

/// One package that differs.
#[derive(Debug, Clone)]
pub struct Difference {
    pub name: RecipeName,
    /// `None` where that side has no such package.
    pub left: Option<Side>,
    pub right: Option<Side>,
    pub members: Vec<Member>,
    pub libraries: Vec<Library>,
}

/// One side of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Side {
    pub version: String,
    pub license: String,
    /// The size of the archive, in bytes.
    pub size: u64,
}

/// Why it cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Place(#[from] PlaceError),
    #[error(transparent)]
    Host(#[from] HostError),
    #[error(transparent)]
    Checkout(#[from] checkout::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Channel(#[from] ChannelError),
    #[error("the project names no channel")]
    NoChannel,
    /// Neither a file, nor a name that a tag may have.
    #[error("`{given}` is neither a package archive nor a deps tag")]
    NoSubject { given: String },
    /// An archive cannot be compared with a bundle.
    #[error("one side is an archive, the other a bundle")]
    Mixed,
    #[error("bundle {tag}: {reason}")]
    Bundle { tag: DepsTag, reason: NotTaken },
    #[error("{name}: {fault}")]
    Fetch { name: RecipeName, fault: Box<ArchiveFault> },
    #[error("{}: {source}", path.display())]
    Archive { path: PathBuf, source: archive::Error },
    #[error("{doing}: {reason}")]
    System { doing: &'static str, reason: String },
}

/// What one side of the question is.
enum Subject {
    Archive(PathBuf),
    Bundle(DepsTag),
}

impl Subject {
    fn of(given: &str, folder: &Path) -> Result<Subject, Error> {
        let path = folder.join(given);
        if path.is_file() {
            return Ok(Subject::Archive(path));
        }
        DepsTag::parse(given).map(Subject::Bundle).map_err(|_| Error::NoSubject { given: given.to_owned() })
    }
}

/// Compares the two sides.
///
/// # Errors
/// [`Error`].
pub fn diff(options: &Options<'_>) -> Result<Outcome, Error> {
    match (Subject::of(options.left, options.folder)?, Subject::of(options.right, options.folder)?) {
        (Subject::Archive(left), Subject::Archive(right)) => {
            let difference = of_archives(&left, &right, options.cache)?;
            let (packages, same) = difference.map_or((Vec::new(), 1), |difference| (vec![difference], 0));
            Ok(Outcome { packages, same, rebuild: Vec::new() })
        }
        (Subject::Bundle(left), Subject::Bundle(right)) => of_bundles(&left, &right, options),
        _ => Err(Error::Mixed),
    }
}

fn of_bundles(left: &DepsTag, right: &DepsTag, options: &Options<'_>) -> Result<Outcome, Error> {
    let checkout = Checkout::open(options.folder)?;
    let channels = search::open_channels(&checkout)?;
    if channels.is_empty() {
        return Err(Error::NoChannel);
    }
    let store = Store::open(options.cache)?;
    let platform = place::own_platform(options.platform)?;
    let search = Search { channels: &channels, store: &store, network: options.network, tell: options.tell };
    let bundle = |tag: &DepsTag| {
        search.find_by_name(tag, &platform).map_err(|reason| Error::Bundle { tag: tag.clone(), reason })
    };
    let (left, right) = (bundle(left)?, bundle(right)?);
    let mut outcome = Outcome::default();
    for (ours, theirs) in pairs(&left.manifest, &right.manifest) {
        let (Some(ours), Some(theirs)) = (ours, theirs) else {
            outcome.packages.extend(one_sided(ours, theirs));
            continue;
        };
        if ours.archive == theirs.archive {
            outcome.same += 1;
            continue;
        }
        let fetch = |package: &BundlePackage, channel| {
            search
                .archive(package, channel)
                .map_err(|fault| Error::Fetch { name: package.name.clone(), fault: Box::new(fault) })
        };
        let (one, other) = (fetch(ours, left.channel)?, fetch(theirs, right.channel)?);
        outcome.packages.extend(of_archives(&one, &other, options.cache)?);
    }
    let broken: Vec<&RecipeName> = outcome
        .packages
        .iter()
        .filter(|one| one.right.is_none() || one.libraries.iter().any(Library::breaks_users))
        .map(|one| &one.name)
        .collect();
    let users = right.manifest.packages.iter().filter(|package| {
        // One with another archive was built anew already.
        let was_built = outcome.packages.iter().any(|one| one.name == package.name);
        !was_built && package.needs.iter().any(|need| broken.contains(&need))
    });
    outcome.rebuild = users.map(|package| package.name.clone()).collect();
    Ok(outcome)
}

type Pair<'a> = (Option<&'a BundlePackage>, Option<&'a BundlePackage>);

/// The packages of both sides by name.
fn pairs<'a>(left: &'a BundleManifest, right: &'a BundleManifest) -> Vec<Pair<'a>> {
    let mut names: Vec<&RecipeName> = left.packages.iter().chain(&right.packages).map(|one| &one.name).collect();
    names.sort();
    names.dedup();
    let named =
        |manifest: &'a BundleManifest, name: &RecipeName| manifest.packages.iter().find(|one| one.name == *name);
    names.into_iter().map(|name| (named(left, name), named(right, name))).collect()
}

fn one_sided(left: Option<&BundlePackage>, right: Option<&BundlePackage>) -> Option<Difference> {
    let side = |package: &BundlePackage| Side {
        version: package.version.clone(),
        license: package.license.clone(),
        size: package.size,
    };
    let name = left.or(right)?.name.clone();
    let (left, right) = (left.map(side), right.map(side));
    Some(Difference { name, left, right, members: Vec::new(), libraries: Vec::new() })
}

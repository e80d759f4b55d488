//! `list`: the deps tags of a repository, with their bundles and what each changed.
//!
//! Resolves nothing: which tag is the nearest, `resolve` says.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::checkout::{self, Checkout, Drift};
use crate::model::bundle::{BundleKind, BundleRef};
use crate::model::digest::Digest;
use crate::model::event::{Event, Tell};
use crate::model::platform::Platform;
use crate::model::tag::DepsTag;
use crate::place;
use crate::search::{self, Network, NotTaken, Search};
use crate::store::{Store, StoreError};

/// What is asked.
pub struct Options<'a> {
    /// The folder the run works in, absolute.
    pub folder: PathBuf,
    pub cache: PathBuf,
    /// How many tags are told, the newest first.
    pub most: usize,
    pub network: Network,
    pub tell: Tell<'a>,
}

/// One deps tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    pub name: String,
    pub commit: String,
    /// In seconds since 1970.
    pub date: i64,
    /// The commits from HEAD that it does not reach; `None` where HEAD does not reach it.
    pub distance: Option<u64>,
    /// The platforms that have a bundle, and the size of its archives, in bytes.
    pub bundles: BTreeMap<Platform, u64>,
    /// The recipes that are not as in the tag before it; `None` where that cannot be told.
    pub changes: Option<Vec<Drift>>,
}

/// The tags that are told, and how many there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    pub tags: Vec<Listed>,
    pub all: usize,
}

/// Why there is no list.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Checkout(#[from] checkout::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Channel(#[from] crate::channel::ChannelError),
}

/// Lists the tags, the newest first. A channel that does not answer is told, and asked no more.
///
/// # Errors
/// [`Error`].
pub fn list(options: &Options<'_>) -> Result<Outcome, Error> {
    let checkout = Checkout::open(&options.folder)?;
    let states = checkout.deps_tags()?;
    let channels = search::open_channels(&checkout)?;
    let store = Store::open(&options.cache)?;
    let search = Search { channels: &channels, store: &store, network: options.network, tell: options.tell };
    let mut platforms: Vec<Platform> = checkout.project().platforms.iter().map(|config| config.id.clone()).collect();
    // A machine that is no known platform has no bundles.
    platforms.extend(place::own_platform(None).ok());
    let mut is_answering = !channels.is_empty();
    let mut tags = Vec::new();
    for (place, state) in states.iter().enumerate().take(options.most) {
        let mut bundles = BTreeMap::new();
        // A name that cannot be a bundle's has none.
        let name = DepsTag::parse(&state.name).ok();
        for platform in name.iter().flat_map(|name| platforms_of(name, &channels, &platforms)) {
            let Some(tag) = name.clone().filter(|_| is_answering) else { break };
            let reference = BundleRef { kind: BundleKind::Tagged, tag, platform: platform.clone() };
            match search.find(&[reference]) {
                Ok(found) => {
                    let archives: BTreeMap<Digest, u64> =
                        found.manifest.packages.iter().map(|package| (package.archive, package.size)).collect();
                    bundles.insert(platform, archives.values().sum());
                }
                Err(NotTaken::Missing(_)) => {}
                Err(NotTaken::Channel { channel, error }) => {
                    (options.tell)(Event::ChannelSkipped { channel, reason: error.to_string() });
                    is_answering = false;
                }
                Err(other) => (options.tell)(Event::Note { text: format!("{}: {other}", state.name) }),
            }
        }
        let before = states.get(place + 1).map(|before| before.recipes.as_deref());
        tags.push(Listed {
            name: state.name.clone(),
            commit: state.commit.clone(),
            date: state.date,
            distance: state.distance,
            bundles,
            changes: checkout.drift_between(before.flatten(), state.recipes.as_deref()),
        });
    }
    Ok(Outcome { tags, all: states.len() })
}

/// The platforms that may have a bundle: the project's, and those that a channel lists.
fn platforms_of(tag: &DepsTag, channels: &[crate::channel::Channel], likely: &[Platform]) -> Vec<Platform> {
    let mut found: Vec<Platform> = likely.to_vec();
    for channel in channels.iter().filter(|channel| channel.is_local()) {
        // A folder that cannot be read is told when its bundles are asked for.
        found.extend(channel.platforms(BundleKind::Tagged, tag, likely).unwrap_or_default());
    }
    found.sort();
    found.dedup();
    found
}

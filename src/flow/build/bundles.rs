//! What the bundles of the nearest tags hold, so that it need not be built: signed manifests, looked up by build key.
//!
//! Build records on a channel are not believed: nobody signed them.

use std::collections::{BTreeMap, BTreeSet};

use crate::channel::Channel;
use crate::checkout::{Checkout, Wanted};
use crate::flow::build::site::Site;
use crate::flow::build::{Base, Error};
use crate::model::build_key::BuildKey;
use crate::model::bundle::{BundleKind, BundleManifest, BundlePackage, BundleRef};
use crate::model::digest::Digest;
use crate::model::event::{Event, Tell};
use crate::model::recipe::RecipeName;
use crate::model::tag::DepsTag;
use crate::plan::{Given, Origin};
use crate::search::{Network, NotTaken, Search};
use crate::store::Store;

/// How many tags back packages are looked for. What is older was seldom built from the same recipes.
const MOST_TAGS: usize = 4;

/// The bundles that were looked at.
pub struct Bundles<'a> {
    channels: Vec<Channel>,
    network: Network,
    tell: Tell<'a>,
    packages: BTreeMap<BuildKey, Holding>,
}

/// One package of a bundle on a channel.
struct Holding {
    package: BundlePackage,
    tag: DepsTag,
    /// The place of the channel in the list.
    channel: usize,
}

impl<'a> Bundles<'a> {
    /// Opens the channels of the project; asks none.
    ///
    /// # Errors
    /// When a channel is not well described.
    pub fn new(checkout: &Checkout, network: Network, tell: Tell<'a>) -> Result<Bundles<'a>, Error> {
        let open = |config| Channel::open(config, checkout.root());
        let channels = checkout.project().channels.iter().map(open).collect::<Result<_, _>>()?;
        Ok(Bundles { channels, network, tell, packages: BTreeMap::new() })
    }

    /// The archive of a key, and which bundle it is in.
    pub fn package_of(&self, key: BuildKey) -> Option<(Digest, Origin)> {
        let holding = self.packages.get(&key)?;
        let channel = self.channels[holding.channel].name().to_owned();
        Some((holding.package.archive, Origin::Bundle { tag: holding.tag.clone(), channel }))
    }

    /// Takes in packages of a bundle that was found before.
    pub fn know(&mut self, base: &Base<'_>, given: &BTreeMap<RecipeName, Given>) {
        let channel = self.channels.iter().position(|channel| channel.name() == base.channel).unwrap_or_default();
        for package in base.packages.iter().filter(|package| given.contains_key(&package.name)) {
            let holding = Holding { package: package.clone(), tag: base.tag.clone(), channel };
            self.packages.insert(package.build_key, holding);
        }
    }

    /// Looks for keys in the bundles of the nearest tag and of those before it; gives whether any was found. A
    /// bundle that is missing or not trusted is told and passed over: then the package is built.
    pub fn look_for(&mut self, mut wanted: BTreeSet<BuildKey>, site: &Site) -> Result<bool, Error> {
        let mut commit = None;
        let count = self.packages.len();
        for _ in 0..MOST_TAGS {
            if wanted.is_empty() || self.channels.is_empty() {
                break;
            }
            // Without a tag, or with several nearest ones, there is nothing to take.
            let Ok(resolution) = site.checkout.resolve(&Wanted { commit: commit.take(), forced: None }) else { break };
            let Some(tagged) = &resolution.tagged_commit else { break };
            let bundle =
                BundleRef { kind: BundleKind::Tagged, tag: resolution.tag.clone(), platform: site.platform.clone() };
            match self.manifest(&bundle, &site.store) {
                Ok((channel, manifest)) => {
                    for package in manifest.packages {
                        if wanted.remove(&package.build_key) {
                            let holding = Holding { tag: manifest.tag.clone(), channel, package };
                            self.packages.insert(holding.package.build_key, holding);
                        }
                    }
                }
                Err(NotTaken::Missing(_)) => {}
                Err(NotTaken::Channel { channel, error }) => {
                    (self.tell)(Event::ChannelSkipped { channel, reason: error.to_string() });
                    break;
                }
                Err(other) => (self.tell)(Event::Note { text: format!("its packages are not taken: {other}") }),
            }
            commit = Some(format!("{tagged}^"));
        }
        Ok(self.packages.len() > count)
    }

    fn manifest(&self, bundle: &BundleRef, store: &Store) -> Result<(usize, BundleManifest), NotTaken> {
        let search = Search { channels: &self.channels, store, network: self.network, tell: self.tell };
        let found = search.find(std::slice::from_ref(bundle))?;
        let channel = self.channels.iter().position(|channel| channel.name() == found.channel.name());
        Ok((channel.unwrap_or_default(), found.manifest))
    }

    /// Brings the packages of these keys into the store.
    ///
    /// # Errors
    /// [`Error::Archive`] for the first that cannot be had.
    pub fn fetch(&self, keys: &[BuildKey], store: &Store) -> Result<Vec<BundlePackage>, Error> {
        let search = Search { channels: &self.channels, store, network: self.network, tell: self.tell };
        let held: Vec<&Holding> = keys.iter().filter_map(|key| self.packages.get(key)).collect();
        let wanted: Vec<_> = held.iter().map(|one| (&one.package, &self.channels[one.channel])).collect();
        search.obtain(&wanted).map_err(|(name, fault)| Error::Archive { name, fault: Box::new(fault) })?;
        Ok(held.iter().map(|one| one.package.clone()).collect())
    }
}

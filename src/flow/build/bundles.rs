//! What need not be built: packages of the nearest tags' bundles, which are signed, and of records that were handed on;
//! looked up by build key.
//!
//! Build records on a channel are not believed: nobody signed them.

use std::collections::{BTreeMap, BTreeSet};

use crate::channel::Channel;
use crate::checkout::Checkout;
use crate::flow::build::site::Site;
use crate::flow::build::{Base, Error};
use crate::model::build_key::BuildKey;
use crate::model::bundle::{BuildRecord, BundleKind, BundleManifest, BundlePackage, BundleRef};
use crate::model::digest::Digest;
use crate::model::event::{Event, Tell};
use crate::model::recipe::RecipeName;
use crate::model::tag::DepsTag;
use crate::plan::{Given, Origin};
use crate::search::{self, Network, NotTaken, Search};
use crate::store::Store;

/// The bundles that were looked at.
pub struct Bundles<'a> {
    channels: Vec<Channel>,
    network: Network,
    tell: Tell<'a>,
    packages: BTreeMap<BuildKey, Holding>,
    believed: BTreeMap<BuildKey, BuildRecord>,
}

/// A package that was fetched, and its debug information.
pub type Fetched = (BundlePackage, Option<BundlePackage>);

/// One package on a channel.
struct Holding {
    package: BundlePackage,
    /// Its debug information, which a build takes along and an install fetches for itself.
    debug: Option<BundlePackage>,
    /// The bundle that it is in; `None` where a record says so.
    tag: Option<DepsTag>,
    /// The place of the channel in the list.
    channel: usize,
}

impl<'a> Bundles<'a> {
    /// Opens the channels of the project; asks none.
    ///
    /// # Errors
    /// When a channel is not well described.
    pub fn new(checkout: &Checkout, network: Network, tell: Tell<'a>) -> Result<Bundles<'a>, Error> {
        Ok(Bundles {
            channels: search::open_channels(checkout)?,
            network,
            tell,
            packages: BTreeMap::new(),
            believed: BTreeMap::new(),
        })
    }

    /// A search over the channels.
    pub fn search<'b>(&'b self, store: &'b Store) -> Search<'b> {
        Search { channels: &self.channels, store, network: self.network, tell: self.tell }
    }

    /// The archive of a key, and which bundle it is in.
    pub fn package_of(&self, key: BuildKey) -> Option<(Digest, Origin)> {
        let holding = self.packages.get(&key)?;
        let channel = || self.channels[holding.channel].name().to_owned();
        let in_bundle = |tag: &DepsTag| Origin::Bundle { tag: tag.clone(), channel: channel() };
        Some((holding.package.archive, holding.tag.as_ref().map_or(Origin::Record, in_bundle)))
    }

    /// Takes in records that whoever runs the build vouches for; without a channel there is no place for archives.
    pub fn believe(&mut self, records: Vec<BuildRecord>) {
        for record in records {
            let package = BundlePackage::of_record(&record);
            let debug = record.debug.map(|debug| package.debug(debug));
            let holding = Holding { package, debug, tag: None, channel: 0 };
            if !self.channels.is_empty() {
                self.packages.insert(record.build_key, holding);
            }
            self.believed.insert(record.build_key, record);
        }
    }

    /// The record of a key that was handed on.
    pub fn believed(&self, key: BuildKey) -> Option<&BuildRecord> {
        self.believed.get(&key)
    }

    /// Takes in packages of a bundle that was found before.
    pub fn know(&mut self, base: &Base<'_>, given: &BTreeMap<RecipeName, Given>) {
        let channel = self.channels.iter().position(|channel| channel.name() == base.channel).unwrap_or_default();
        for package in base.packages.iter().filter(|package| given.contains_key(&package.name)) {
            let holding = Holding { package: package.clone(), debug: None, tag: Some(base.tag.clone()), channel };
            self.packages.insert(package.build_key, holding);
        }
    }

    /// Looks for keys in the bundles of the nearest tag and of those before it; gives whether any was found. A
    /// bundle that is missing or not trusted is told and passed over: then the package is built.
    pub fn look_for(&mut self, mut wanted: BTreeSet<BuildKey>, site: &Site) -> Result<bool, Error> {
        let count = self.packages.len();
        if self.channels.is_empty() {
            return Ok(false);
        }
        for resolution in site.checkout.tags_back() {
            if wanted.is_empty() {
                break;
            }
            let bundle = BundleRef { kind: BundleKind::Tagged, tag: resolution.tag, platform: site.platform.clone() };
            match self.manifest(&bundle, &site.store) {
                Ok((channel, manifest)) => {
                    for package in manifest.of_recipes().filter(|package| wanted.remove(&package.build_key)) {
                        let is_its = |one: &&BundlePackage| one.debug_of.as_ref() == Some(&package.name);
                        let debug = manifest.packages.iter().find(is_its).cloned();
                        let (tag, package) = (Some(manifest.tag.clone()), package.clone());
                        self.packages.insert(package.build_key, Holding { package, debug, tag, channel });
                    }
                }
                Err(NotTaken::Missing(_)) => {}
                Err(NotTaken::Channel { channel, error }) => {
                    (self.tell)(Event::ChannelSkipped { channel, reason: error.to_string() });
                    break;
                }
                Err(other) => (self.tell)(Event::Note { text: format!("its packages are not taken: {other}") }),
            }
        }
        Ok(self.packages.len() > count)
    }

    fn manifest(&self, bundle: &BundleRef, store: &Store) -> Result<(usize, BundleManifest), NotTaken> {
        let found = self.search(store).find(std::slice::from_ref(bundle))?;
        let channel = self.channels.iter().position(|channel| channel.name() == found.channel.name());
        Ok((channel.unwrap_or_default(), found.manifest))
    }

    /// Brings the packages of these keys into the store; gives each with its debug information.
    ///
    /// # Errors
    /// [`Error::Archive`] for the first that cannot be had.
    pub fn fetch(&self, keys: &[BuildKey], store: &Store) -> Result<Vec<Fetched>, Error> {
        let held: Vec<&Holding> = keys.iter().filter_map(|key| self.packages.get(key)).collect();
        let wanted: Vec<_> = held
            .iter()
            .flat_map(|one| std::iter::once(&one.package).chain(&one.debug).map(|package| (package, one.channel)))
            .map(|(package, channel)| (package, &self.channels[channel]))
            .collect();
        self.search(store).obtain(&wanted).map_err(|(name, fault)| Error::Archive { name, fault: Box::new(fault) })?;
        Ok(held.iter().map(|one| (one.package.clone(), one.debug.clone())).collect())
    }
}

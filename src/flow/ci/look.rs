//! What is known of one platform: its recipes, the bundles that channels have for it, and how long builds took.

use std::collections::BTreeMap;
use std::convert::Infallible;

use crate::at_once;
use crate::channel::{Channel, ChannelError};
use crate::flow::ci::generate::Error;
use crate::model::build_key::BuildKey;
use crate::model::bundle::{BuildRecord, BundleKind, BundleManifest, BundleRef, TOOL};
use crate::model::event::{Event, Tell};
use crate::model::platform::Platform;
use crate::model::project::{PlatformConfig, Project};
use crate::model::recipe::RecipeName;
use crate::model::tag::DepsTag;
use crate::pipeline::verdicts::{Reason, Subject, Verdict, unfit};
use crate::recipe_folder::RecipeFolder;
use crate::recipe_folder::layout::Layout;
use crate::search::{Network, NotTaken, Search};
use crate::store::Store;

/// How many records are read at once.
const READERS: usize = 8;

/// What all platforms share.
pub struct Around<'a> {
    pub project: &'a Project,
    pub layout: &'a Layout,
    /// The project's own folder of recipes.
    pub recipes: &'a std::path::Path,
    pub channels: &'a [Channel],
    pub store: &'a Store,
    /// The bundles to keep packages from, the likeliest first.
    pub before: &'a [(BundleKind, DepsTag)],
    /// What the commit's own bundle is called, and what a candidate of the same recipes is.
    pub own: Option<(BundleKind, DepsTag)>,
    pub of_recipes: Option<DepsTag>,
    pub network: Network,
    pub tell: Tell<'a>,
}

/// What is known of one platform.
pub struct Seen {
    pub config: PlatformConfig,
    pub subjects: Vec<Subject>,
    /// The commit's own bundle, if it is published.
    pub own: Option<BundleManifest>,
    /// The candidate of the same recipes.
    pub candidate: Option<BundleManifest>,
    /// The nearest bundle that there is, and the place of its channel.
    pub nearest: Option<(BundleManifest, usize)>,
    /// Why no package of it is kept.
    pub unfit: Option<Reason>,
}

/// Looks at one platform.
///
/// # Errors
/// When its recipes have mistakes, or a channel does not answer.
pub fn look(config: &PlatformConfig, around: &Around<'_>) -> Result<Seen, Error> {
    let folder = RecipeFolder::load(around.layout, Some(&config.id))?;
    let subjects = folder.recipes().iter().map(|recipe| Subject {
        name: recipe.name.clone(),
        version: recipe.version.clone(),
        needs: recipe.needs.clone(),
        before: folder.before(recipe),
        is_elsewhere: !folder.folder_of(&recipe.name).starts_with(around.recipes),
    });
    let subjects = subjects.collect();
    let find = |kind: BundleKind, tag: &DepsTag| around.find(&config.id, kind, tag);
    let own = match &around.own {
        Some((kind, tag)) => find(*kind, tag)?.map(|(manifest, _)| manifest),
        None => None,
    };
    let candidate = match &around.of_recipes {
        Some(name) if own.is_none() => find(BundleKind::Candidate, name)?.map(|(manifest, _)| manifest),
        _ => None,
    };
    let mut nearest = None;
    for (kind, tag) in around.before {
        nearest = find(*kind, tag)?;
        if nearest.is_some() {
            break;
        }
    }
    let unfit = match &nearest {
        Some((manifest, channel)) => around.unfit(config, manifest, &around.channels[*channel])?,
        None => None,
    };
    Ok(Seen { config: config.clone(), subjects, own, candidate, nearest, unfit })
}

impl Around<'_> {
    /// The manifest of a bundle, if a channel has one that can be trusted; and the place of the channel.
    fn find(
        &self,
        platform: &Platform,
        kind: BundleKind,
        tag: &DepsTag,
    ) -> Result<Option<(BundleManifest, usize)>, Error> {
        if self.channels.is_empty() {
            return Ok(None);
        }
        let Around { channels, store, network, tell, .. } = *self;
        let search = Search { channels, store, network, tell };
        let reference = BundleRef { kind, tag: tag.clone(), platform: platform.clone() };
        match search.find(&[reference]) {
            Ok(found) => {
                let place = channels.iter().position(|channel| channel.name() == found.channel.name());
                Ok(Some((found.manifest, place.unwrap_or_default())))
            }
            Err(NotTaken::Missing(_)) => Ok(None),
            // A folder that nothing was ever published to.
            Err(NotTaken::Channel { error: ChannelError::NoFolder { .. }, .. }) => Ok(None),
            Err(NotTaken::Untrusted { channel, path, distrust }) => {
                tell(Event::Note { text: format!("{path} of channel `{channel}` is passed over: {distrust}") });
                Ok(None)
            }
            Err(other) => Err(Error::NotTaken(other)),
        }
    }

    /// Why no package of a bundle would be the same if it were built now.
    fn unfit(
        &self,
        config: &PlatformConfig,
        manifest: &BundleManifest,
        channel: &Channel,
    ) -> Result<Option<Reason>, Error> {
        if config.image_digest().is_none() {
            return Ok(Some(Reason::Unpinned));
        }
        let digest = |image: Option<&String>| image.map(|image| image.rsplit('@').next().unwrap_or(image).to_owned());
        let (was, is) = (digest(manifest.builder.image.as_ref()), digest(config.image.as_ref()));
        let other = unfit("image", was.as_deref(), is.as_deref())
            .or_else(|| unfit("program", Some(&manifest.tool), Some(TOOL)));
        let (None, Some(package)) = (&other, manifest.packages.first()) else { return Ok(other) };
        // One record stands for all: they were built with one placeholder.
        let Some(record) = record(channel, &config.id, package.build_key) else { return Ok(Some(Reason::NoRecord)) };
        let was = record.ingredients.iter().find(|(name, _)| *name == "placeholder").map(|(_, value)| value);
        Ok(unfit("placeholder", was, Some(self.project.placeholder.as_str())))
    }
}

/// The record of a key. Nobody signs them: they say how long builds took, and what was common to all of them.
fn record(channel: &Channel, platform: &Platform, key: BuildKey) -> Option<BuildRecord> {
    let bytes = channel.record(platform, key).ok().flatten()?;
    BuildRecord::parse(&bytes).ok().filter(|record| record.build_key == key && record.platform == *platform)
}

/// Notes how long packages took the last time they were built, on this platform or else on another.
pub fn add_times(seen: &[Seen], channels: &[Channel], verdicts: &mut [Vec<Verdict>]) {
    let mut elsewhere: BTreeMap<RecipeName, u64> = BTreeMap::new();
    for (seen, verdicts) in seen.iter().zip(verdicts.iter_mut()) {
        let Some((manifest, channel)) = &seen.nearest else { continue };
        let keys: BTreeMap<&RecipeName, BuildKey> =
            manifest.of_recipes().map(|package| (&package.name, package.build_key)).collect();
        let seconds_of = |verdict: &Verdict| {
            let key = keys.get(&verdict.subject.name).filter(|_| verdict.reason.is_some());
            Some(record(&channels[*channel], &seen.config.id, *key?)?.seconds)
        };
        let Ok(found) = at_once::each(verdicts, READERS, |verdict| Ok::<_, Infallible>(seconds_of(verdict)));
        for (verdict, found) in verdicts.iter_mut().zip(found) {
            verdict.seconds = found;
            if let Some(seconds) = found {
                let known = elsewhere.entry(verdict.subject.name.clone()).or_default();
                *known = seconds.max(*known);
            }
        }
    }
    for verdict in verdicts.iter_mut().flatten().filter(|one| one.reason.is_some() && one.seconds.is_none()) {
        verdict.seconds = elsewhere.get(&verdict.subject.name).copied();
    }
}

//! `ci generate`: the pipeline that makes what is missing of a commit's bundles.
//!
//! Builds and publishes nothing.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::at_once;
use crate::channel::ChannelError;
use crate::checkout::{self, Checkout, Wanted};
use crate::flow::ci::history;
use crate::flow::ci::look::{self, Around, Seen};
use crate::flow::ci::pin;
use crate::model::bundle::{BundleKind, BundleManifest};
use crate::model::event::{Event, Tell};
use crate::model::platform::Platform;
use crate::model::project::{NoSuchChannel, PlatformConfig, Project, RECIPES_FOLDER, Trust};
use crate::model::tag::DepsTag;
use crate::pipeline::verdicts::{self, Base, Reason};
use crate::pipeline::{self, Deed, Limits, PlatformPlan, Purpose, Setting};
use crate::recipe_folder;
use crate::recipe_folder::layout::Layout;
use crate::search::{self, Network, NotTaken};
use crate::store::{Store, StoreError};

/// What is asked.
pub struct Options<'a> {
    /// The folder the run works in, absolute.
    pub folder: PathBuf,
    pub cache: PathBuf,
    /// Those of tagalong.toml if none is named.
    pub platforms: Vec<Platform>,
    pub asked: Asked,
    /// The name of the channel that is published to; the project's first by default.
    pub channel: Option<String>,
    /// A revision; nothing is built where the recipes are those of its common ancestor with HEAD.
    pub since: Option<String>,
    /// Builds every package anew.
    pub is_everything: bool,
    /// Asks for the digests of images that tagalong.toml does not pin.
    pub is_pinned: bool,
    /// How the jobs call this program.
    pub program: String,
    pub test: Option<String>,
    pub made_by: Option<String>,
    pub limits: Limits,
    pub network: Network,
    pub tell: Tell<'a>,
}

/// What the pipeline is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// The bundles of a tag; of the nearest one by default.
    Tag(Option<DepsTag>),
    Candidate(DepsTag),
    /// Builds, and publishes nothing.
    Trial,
}

/// The pipeline, and why it is so.
#[derive(Debug)]
pub struct Outcome {
    pub purpose: Purpose,
    pub plans: Vec<PlatformPlan>,
    pub jobs: usize,
    pub yaml: String,
}

/// Why there is no pipeline.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Checkout(#[from] checkout::Error),
    #[error("a bare repository has no recipes on disk")]
    NoWorkTree,
    #[error(transparent)]
    Recipes(#[from] recipe_folder::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Channel(#[from] ChannelError),
    #[error(transparent)]
    NotTaken(NotTaken),
    #[error(transparent)]
    NoSuchChannel(#[from] NoSuchChannel),
    #[error("the project names no platform")]
    NoPlatform,
    #[error("{given} is no platform of the project")]
    UnknownPlatform { given: Platform, known: Vec<Platform> },
    #[error("there are no recipes")]
    NoRecipes,
    /// The digest of an image cannot be had.
    #[error("{image}: {reason}")]
    Pin { image: String, reason: String },
}

/// Makes the pipeline.
///
/// # Errors
/// [`Error`]; a channel that does not answer is one, since what it has would be built again.
pub fn generate(options: &Options<'_>) -> Result<Outcome, Error> {
    let checkout = Checkout::open(&options.folder)?;
    let root = checkout.root().ok_or(Error::NoWorkTree)?;
    let project = checkout.project();
    let platforms = chosen(project, &options.platforms)?;
    let place = project.channel_place(options.channel.as_deref())?;
    let state = checkout.recipes_state()?;
    let tree = state.id.clone().ok_or(Error::NoRecipes)?;
    let purpose = purpose(&checkout, &options.asked, &tree)?;
    // The tree of the project's own folder does not tell those of other folders.
    let whole = project.overlays.is_empty().then_some(tree.as_str());
    let unchanged = unchanged_since(&checkout, options.since.as_deref(), whole)?;
    let before = history::bundles_before(&checkout, &purpose);
    let channels = search::open_channels(&checkout)?;
    let layout = Layout::of_project(root, project, &options.cache, options.tell)?;
    let store = Store::open(&options.cache)?;
    let around = Around {
        project,
        layout: &layout,
        recipes: &root.join(RECIPES_FOLDER),
        channels: &channels,
        store: &store,
        before: &before,
        own: match &purpose {
            Purpose::Tag(tag) => Some((BundleKind::Tagged, tag.clone())),
            Purpose::Candidate { name, .. } => Some((BundleKind::Candidate, name.clone())),
            Purpose::Trial => None,
        },
        of_recipes: if matches!(purpose, Purpose::Tag(_)) { DepsTag::of_recipes(&tree) } else { None },
        network: options.network,
        tell: options.tell,
    };
    let seen = at_once::each(&platforms, platforms.len(), |config| look::look(config, &around))?;
    let before = seen.iter().find_map(|seen| seen.nearest.as_ref()).map(|(manifest, _)| manifest.clone());
    let mut all = Vec::new();
    for seen in &seen {
        let base = seen.nearest.as_ref().map(|(manifest, channel)| Base {
            tag: manifest.tag.clone(),
            channel: channels[*channel].name().to_owned(),
            packages: manifest.of_recipes().map(|one| (one.name.clone(), one.needs.clone())).collect(),
            changed: changed(&checkout, &state, manifest, seen),
            unfit: seen.unfit.clone(),
        });
        let everything = options.is_everything.then_some(&Reason::Asked);
        all.push(verdicts::decide(seen.subjects.clone(), base.as_ref(), everything));
    }
    look::add_times(&seen, &channels, &mut all);
    let plan = |(seen, verdicts): (Seen, Vec<verdicts::Verdict>)| {
        tell_of(&seen, &tree, options.tell);
        let deed = deed(&seen, whole, unchanged.as_deref(), options.is_everything);
        let PlatformConfig { id, image, tags, .. } = seen.config;
        PlatformPlan { platform: id, image, tags, deed, verdicts }
    };
    let mut plans: Vec<PlatformPlan> = seen.into_iter().zip(all).map(plan).collect();
    for plan in plans.iter_mut().filter(|plan| options.is_pinned && plan.deed == Deed::Build) {
        if let Some(image) = plan.image.as_mut().filter(|image| !image.contains("@sha256:")) {
            *image = pin::pinned(image)?;
        }
    }
    let config = &project.channels[place];
    let setting = Setting {
        purpose: purpose.clone(),
        channel: config.name.clone(),
        is_signed: config.trust != Trust::Unsigned,
        program: options.program.clone(),
        test: options.test.clone(),
        before: before.as_ref().filter(|before| !is_named(&purpose, &before.tag)).map(|before| before.tag.clone()),
        recipes_before: before.map(|before| before.recipes).filter(|recipes| *recipes != tree),
        recipes: tree,
        made_by: options.made_by.clone(),
        limits: options.limits.clone(),
    };
    let pipeline = pipeline::render(&plans, &setting);
    Ok(Outcome { purpose, plans, jobs: pipeline.jobs.len(), yaml: pipeline.to_yaml() })
}

fn is_named(purpose: &Purpose, name: &DepsTag) -> bool {
    matches!(purpose, Purpose::Tag(tag) | Purpose::Candidate { name: tag, .. } if tag == name)
}

/// The platforms that are asked for, as the project describes them.
fn chosen(project: &Project, asked: &[Platform]) -> Result<Vec<PlatformConfig>, Error> {
    if project.platforms.is_empty() {
        return Err(Error::NoPlatform);
    }
    let known = || project.platforms.iter().map(|config| config.id.clone()).collect();
    if let Some(given) = asked.iter().find(|id| project.platform(id).is_none()) {
        return Err(Error::UnknownPlatform { given: given.clone(), known: known() });
    }
    let is_asked = |config: &&PlatformConfig| asked.is_empty() || asked.contains(&config.id);
    Ok(project.platforms.iter().filter(is_asked).cloned().collect())
}

fn purpose(checkout: &Checkout, asked: &Asked, tree: &str) -> Result<Purpose, Error> {
    Ok(match asked {
        Asked::Tag(Some(tag)) => Purpose::Tag(tag.clone()),
        Asked::Tag(None) => Purpose::Tag(checkout.resolve(&Wanted::default())?.tag),
        Asked::Candidate(name) => {
            let of_recipes = DepsTag::of_recipes(tree).unwrap_or_else(|| name.clone());
            Purpose::Candidate { name: name.clone(), of_recipes }
        }
        Asked::Trial => Purpose::Trial,
    })
}

/// The commit that the recipes are the same as at, if they are those of the common ancestor.
fn unchanged_since(checkout: &Checkout, since: Option<&str>, tree: Option<&str>) -> Result<Option<String>, Error> {
    let (Some(since), Some(tree)) = (since, tree) else { return Ok(None) };
    let base = checkout.merge_base(since)?;
    let is_same = checkout.recipes_at(&base)?.as_deref() == Some(tree);
    Ok(is_same.then_some(base))
}

/// The recipes that are not as they were for a bundle; all of them where that cannot be told.
fn changed(
    checkout: &Checkout,
    state: &checkout::RecipesState,
    manifest: &BundleManifest,
    seen: &Seen,
) -> BTreeSet<String> {
    match checkout.drift_from(&manifest.recipes, state) {
        Some(drift) => {
            // Those of other folders: a job that has nothing to build takes them by their keys.
            let others = seen.subjects.iter().map(|subject| subject.name.to_string()).filter(|name| !state.has(name));
            drift.into_iter().map(|drift| drift.recipe).chain(others).collect()
        }
        None => seen.subjects.iter().map(|subject| subject.name.to_string()).collect(),
    }
}

fn deed(seen: &Seen, tree: Option<&str>, unchanged: Option<&str>, is_everything: bool) -> Deed {
    if is_everything {
        return Deed::Build;
    }
    if let Some(since) = unchanged {
        return Deed::Unchanged { since: since.to_owned() };
    }
    match (&seen.own, &seen.candidate) {
        // What a tag's bundle was made of stays; a candidate follows its branch.
        (Some(own), _) if !own.candidate || Some(own.recipes.as_str()) == tree => {
            Deed::Nothing { published: own.tag.clone() }
        }
        (_, Some(candidate)) if Some(candidate.recipes.as_str()) == tree => {
            Deed::Promote { candidate: candidate.tag.clone() }
        }
        _ => Deed::Build,
    }
}

fn tell_of(seen: &Seen, tree: &str, tell: Tell<'_>) {
    if let Some(own) = seen.own.as_ref().filter(|own| !own.candidate && own.recipes != tree) {
        let text = format!(
            "{} for {} was built from other recipes than are here; what a tag's bundle was made of stays",
            own.tag, own.platform
        );
        tell(Event::Note { text });
    }
    if seen.config.image_digest().is_none() {
        let image =
            seen.config.image.as_deref().map_or("it names none".to_owned(), |image| format!("`{image}` is not"));
        let id = &seen.config.id;
        tell(Event::Note { text: format!("the image of {id} should be pinned by digest in tagalong.toml; {image}") });
    }
}

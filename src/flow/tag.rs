//! `tag`: puts a deps tag on HEAD, after a look at all that went wrong with such tags before.
//!
//! Builds and publishes nothing: CI does, when the tag is pushed.

use std::path::PathBuf;

use crate::checkout::{self, Change, Checkout, Drift, Wanted};
use crate::model::bundle::{BundleKind, BundleRef};
use crate::model::depth::Depth;
use crate::model::event::Tell;
use crate::model::platform::Platform;
use crate::model::tag::{DepsTag, TagError, TagPattern};
use crate::search::{self, Network, NotTaken, Search};
use crate::store::{Store, StoreError};

/// What the convention has behind `deps-`, before the name of a recipe.
const DEEDS: [&str; 3] = ["add-", "update-", "remove-"];

/// What is asked.
pub struct Options<'a> {
    /// The folder the run works in, absolute.
    pub folder: PathBuf,
    pub cache: PathBuf,
    pub name: String,
    /// Whether the tag is pushed.
    pub is_pushed: bool,
    /// Makes the tag although something speaks against it.
    pub is_forced: bool,
    pub depth: Depth,
    pub network: Network,
    pub tell: Tell<'a>,
}

/// The tag that was made, or would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    pub tag: DepsTag,
    pub commit: String,
    /// The nearest tag before it, and how many commits lie between.
    pub before: Option<(String, u64)>,
    pub changes: Vec<Changed>,
    /// The platforms of the project, and where their bundles come from.
    pub platforms: Vec<(Platform, Future)>,
    /// What speaks against the tag, and was overruled.
    pub doubts: Vec<Doubt>,
}

/// A recipe that is not as in the tag before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    pub recipe: String,
    pub change: Change,
    pub was: Option<String>,
    pub is: Option<String>,
}

/// Where the bundle of a platform comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Future {
    /// The channel has it already.
    Published,
    /// A candidate of the same recipes becomes it.
    Promoted { candidate: DepsTag },
    /// The tag's pipeline builds it.
    Built,
    /// The channel does not answer.
    Unknown { reason: String },
}

/// What speaks against a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Doubt {
    /// It is not named after what it does.
    Convention,
    /// HEAD is on no branch, or on one that deps tags are not made on.
    Branch { on: Option<String>, wanted: String },
    /// Recipes differ from the commit that would be tagged.
    NotCommitted,
    /// No branch of a remote holds the commit.
    NotPushed,
    /// The recipes are those of the tag before.
    NothingChanged { since: String },
}

/// Why there is no tag.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Checkout(#[from] checkout::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Name(#[from] TagError),
    /// No walk would ever find it.
    #[error("`{tag}` does not match `{pattern}`")]
    Pattern { tag: DepsTag, pattern: String },
    #[error("there is a tag `{tag}`")]
    Taken { tag: DepsTag, is_remote: bool },
    #[error("the commit has no recipes")]
    NoRecipes,
    #[error("{} things speak against `{tag}`", doubts.len())]
    Doubtful { tag: DepsTag, doubts: Vec<Doubt>, changes: Vec<Changed> },
}

/// Checks, and makes the tag.
///
/// # Errors
/// [`Error`]; then there is no tag, unless it could not be pushed.
pub fn tag(options: &Options<'_>) -> Result<Outcome, Error> {
    let checkout = Checkout::open(&options.folder)?;
    let project = checkout.project();
    let tag = DepsTag::parse(&options.name)?;
    if !project.tags.matches(tag.as_str()) {
        return Err(Error::Pattern { tag, pattern: project.tags.as_str().to_owned() });
    }
    if checkout.has_tag(tag.as_str())? {
        return Err(Error::Taken { tag, is_remote: false });
    }
    let before = match checkout.resolve(&Wanted::default()) {
        Ok(resolution) => Some(resolution),
        Err(checkout::Error::NoTag { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    let commit = match checkout.head()? {
        Some(commit) => commit,
        None => return Err(checkout::Error::Unborn { branch: checkout.branch()?.unwrap_or_default() }.into()),
    };
    let recipes = checkout.committed_recipes()?.ok_or(Error::NoRecipes)?;
    let of_tag = before.as_ref().and_then(|before| before.recipes_of_tag.clone());
    let drift = checkout.drift_between(of_tag.as_deref(), Some(&recipes)).unwrap_or_default();
    let changes: Vec<Changed> = drift
        .into_iter()
        .filter(|drift| is_recipe(&checkout, drift, of_tag.as_deref(), &recipes))
        .map(|Drift { recipe, change }| Changed {
            was: of_tag.as_ref().and_then(|tree| version(&checkout, tree, &recipe)),
            is: version(&checkout, &recipes, &recipe),
            recipe,
            change,
        })
        .collect();
    let since = before.as_ref().map(|before| before.tag.to_string());
    let doubts = doubts(&checkout, &tag, &changes, since, &recipes)?;
    if options.is_pushed && checkout.remote_has_tag(&tag)? {
        return Err(Error::Taken { tag, is_remote: true });
    }
    if !doubts.is_empty() && !options.is_forced {
        return Err(Error::Doubtful { tag, doubts, changes });
    }
    let platforms = futures(&checkout, &tag, &recipes, options)?;
    let before = before.map(|before| (before.tag.to_string(), before.distance.unwrap_or_default()));
    if options.depth == Depth::Act {
        checkout.make_tag(&tag, &message(&tag, &changes))?;
        if options.is_pushed {
            checkout.push_tag(&tag)?;
        }
    }
    Ok(Outcome { tag, commit, before, changes, platforms, doubts })
}

/// Whether what changed is a recipe in one of the two trees, not a file beside them.
fn is_recipe(checkout: &Checkout, drift: &Drift, was: Option<&str>, is: &str) -> bool {
    let has = |tree: &str| checkout.file_in(tree, &drift.recipe, "recipe.toml").is_some();
    was.is_some_and(has) || has(is)
}

/// The version that a recipe says in a recipes tree; nothing more of it is read.
fn version(checkout: &Checkout, tree: &str, recipe: &str) -> Option<String> {
    let text = String::from_utf8(checkout.file_in(tree, recipe, "recipe.toml")?).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("version")?.trim_start().strip_prefix('='))?;
    line.split('"').nth(1).map(str::to_owned)
}

fn doubts(
    checkout: &Checkout,
    tag: &DepsTag,
    changes: &[Changed],
    since: Option<String>,
    recipes: &str,
) -> Result<Vec<Doubt>, Error> {
    let mut doubts = Vec::new();
    if !follows_convention(tag, changes) {
        doubts.push(Doubt::Convention);
    }
    let wanted = checkout.project().branches.clone();
    let wanted = wanted.or_else(|| checkout.main_branch().map(|branch| TagPattern::new(&branch)));
    if let Some(wanted) = wanted {
        let on = checkout.branch()?;
        // In a glob of branches a slash is a letter like others.
        let is_there = on.as_ref().is_some_and(|on| wanted.matches(on) || wanted.matches(&on.replace('/', "_")));
        if !is_there {
            doubts.push(Doubt::Branch { on, wanted: wanted.as_str().to_owned() });
        }
    }
    if checkout.recipes_tree_on_disk()?.as_deref() != Some(recipes) {
        doubts.push(Doubt::NotCommitted);
    }
    if !checkout.is_pushed()? {
        doubts.push(Doubt::NotPushed);
    }
    if let (Some(since), []) = (since, changes) {
        doubts.push(Doubt::NothingChanged { since });
    }
    Ok(doubts)
}

/// `deps-<add/update/remove>-<package><version>`, of a recipe that changed.
fn follows_convention(tag: &DepsTag, changes: &[Changed]) -> bool {
    let rest = tag.as_str().strip_prefix("deps-").unwrap_or(tag.as_str());
    let Some(subject) = DEEDS.iter().find_map(|deed| rest.strip_prefix(deed)) else { return false };
    changes.is_empty() || changes.iter().any(|change| subject.starts_with(&change.recipe))
}

/// Where the bundles will come from; a channel that does not answer is no reason against the tag.
fn futures(
    checkout: &Checkout,
    tag: &DepsTag,
    recipes: &str,
    options: &Options<'_>,
) -> Result<Vec<(Platform, Future)>, Error> {
    let platforms: Vec<Platform> = checkout.project().platforms.iter().map(|config| config.id.clone()).collect();
    let channels = match search::open_channels(checkout) {
        Ok(channels) => channels,
        Err(error) => {
            let reason = error.to_string();
            return Ok(platforms.into_iter().map(|id| (id, Future::Unknown { reason: reason.clone() })).collect());
        }
    };
    let store = Store::open(&options.cache)?;
    let search = Search { channels: &channels, store: &store, network: options.network, tell: options.tell };
    let of_recipes = DepsTag::of_recipes(recipes);
    let future = |platform: Platform| {
        let reference = |kind, tag: &DepsTag| BundleRef { kind, tag: tag.clone(), platform: platform.clone() };
        let found = |reference: BundleRef| match search.find(&[reference]) {
            Ok(found) => Ok(Some(found.manifest.recipes)),
            Err(NotTaken::Missing(_)) => Ok(None),
            Err(error) => Err(Future::Unknown { reason: error.to_string() }),
        };
        let future = match found(reference(BundleKind::Tagged, tag)) {
            Err(unknown) => unknown,
            Ok(Some(_)) => Future::Published,
            Ok(None) => match of_recipes.as_ref().map(|name| (name, found(reference(BundleKind::Candidate, name)))) {
                Some((name, Ok(Some(tree)))) if tree == recipes => Future::Promoted { candidate: name.clone() },
                Some((_, Err(unknown))) => unknown,
                _ => Future::Built,
            },
        };
        (platform, future)
    };
    if channels.is_empty() {
        return Ok(Vec::new());
    }
    Ok(platforms.into_iter().map(future).collect())
}

/// The message of the tag: its name, and what changed.
fn message(tag: &DepsTag, changes: &[Changed]) -> String {
    let lines: String = changes.iter().map(|change| line(change) + "\n").collect();
    if lines.is_empty() { format!("{tag}\n") } else { format!("{tag}\n\n{lines}") }
}

/// One change in words: `update hdf5 1.12.2 -> 1.14.0`.
pub fn line(changed: &Changed) -> String {
    let Changed { recipe, change, was, is } = changed;
    let version = |version: &Option<String>| version.as_ref().map(|text| format!(" {text}")).unwrap_or_default();
    match change {
        Change::Added => format!("add {recipe}{}", version(is)),
        Change::Removed => format!("remove {recipe}{}", version(was)),
        Change::Changed if was == is => format!("change {recipe}{}", version(is)),
        Change::Changed => format!("update {recipe}{} ->{}", version(was), version(is)),
    }
}

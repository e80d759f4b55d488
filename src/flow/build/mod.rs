//! Builds packages from the recipes of a checkout: plan, fetch, make, remember.
//!
//! Does not publish; what was built is noted in the store, where `publish` finds it. The plan is made in `site.rs`,
//! what bundles already hold is in `bundles.rs`, the plan is carried out in `making.rs`.

mod bundles;
mod check;
mod making;
mod reproduce;
mod site;
mod why;

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use crate::builder::error::BuildError;
use crate::builder::package::{Made, Workshop};
use crate::builder::running::Runner;
use crate::channel::ChannelError;
use crate::checkout;
use crate::flow::build::bundles::Bundles;
use crate::flow::build::making::Yard;
use crate::flow::build::site::Site;
use crate::flow::diff;
use crate::host;
use crate::http;
use crate::model::bundle::{Builder, BuiltBundle, BundlePackage, SourceRef};
use crate::model::depth::Depth;
use crate::model::event::{Event, Tell};
use crate::model::platform::{Floor, Platform};
use crate::model::recipe::{Recipe, RecipeName};
use crate::model::tag::DepsTag;
use crate::plan::{self, Action, BuildPlan, Given, Orders, Origin, PlannedPackage};
use crate::recipe_folder;
use crate::recipe_folder::layout::Overrides;
use crate::search::{ArchiveFault, Network, NotTaken};
use crate::store::{StoreError, handed};

pub use crate::flow::build::check::{Checked, check};
pub use crate::flow::build::reproduce::{RecordFault, Subject, reproduce};
pub use crate::flow::build::why::{Why, path, why};

/// Where a build happens.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    /// A folder of the checkout.
    pub directory: &'a Path,
    pub cache: &'a Path,
    /// This program's own file.
    pub program: &'a Path,
    /// Builds without namespaces, though the kernel allows them.
    pub is_on_host: bool,
    /// What the user changes of recipes.
    pub overrides: &'a Overrides,
    pub tell: Tell<'a>,
}

/// What is built, and how.
#[derive(Clone)]
pub struct Options<'a> {
    pub place: Place<'a>,
    /// The recipes to build with all they need; none means all.
    pub names: Vec<RecipeName>,
    /// Recipes that are built although nothing changed.
    pub forced: Vec<RecipeName>,
    /// Whether it stops after the plan.
    pub depth: Depth,
    /// Whether packages may be fetched from channels that need a network; sources always may.
    pub network: Network,
    /// Keeps the work folder of a package that failed.
    pub is_kept: bool,
    /// Opens a shell where this recipe would be built, before a step of it or at the first.
    pub shell: Option<(RecipeName, Option<String>)>,
    pub extent: Extent,
    /// Whether the store learns what came out; `build --check` only compares.
    pub is_recorded: bool,
    /// A folder of build records that is believed, and that gets the records of this build.
    pub records: Option<PathBuf>,
    /// The address of the CI job that this is.
    pub ci_job: Option<&'a str>,
    pub jobs: NonZeroUsize,
    pub mirrors: &'a [String],
    /// Set when the user wants to stop.
    pub stop: &'a AtomicBool,
    pub tell: Tell<'a>,
}

/// How far a build goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// What is asked for and all that it needs.
    Whole,
    /// What is asked for alone: what it needs must be there.
    Alone,
    /// Sources and needs are fetched, and the sources unpacked and patched; nothing is built.
    Sources,
}

/// What was planned and made.
#[derive(Debug)]
pub struct Outcome {
    pub platform: Platform,
    pub plan: BuildPlan,
    /// What was made; empty after a dry run.
    pub made: Vec<Made>,
    /// Whether all recipes are built, so that a bundle can be published.
    pub is_bundle: bool,
    /// Where the sources were put, if no more was asked for.
    pub sources: Vec<PathBuf>,
    pub sandbox: &'static str,
}

/// Why a build did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Checkout(#[from] checkout::Error),
    #[error("a bare repository has no recipes on disk")]
    NoWorkTree,
    #[error(transparent)]
    Host(#[from] host::HostError),
    #[error(transparent)]
    Recipes(#[from] recipe_folder::Error),
    #[error(transparent)]
    UnknownRecipe(#[from] recipe_folder::UnknownRecipe),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Http(#[from] http::HttpError),
    #[error(transparent)]
    Channel(#[from] ChannelError),
    /// A package that a bundle holds cannot be fetched.
    #[error("{name}: {fault}")]
    Archive { name: RecipeName, fault: Box<ArchiveFault> },
    /// Two archives of one package cannot be compared.
    #[error(transparent)]
    Diff(#[from] diff::Error),
    /// What was published cannot be built again.
    #[error("{fault}")]
    Record { fault: RecordFault },
    /// The bundle that is built again cannot be had.
    #[error("{error}")]
    Bundle { error: NotTaken },
    /// Only what is named was to be built, and these needs of it are not.
    #[error("{} needs are not built", missing.len())]
    NeedsNotBuilt { missing: Vec<RecipeName> },
    #[error(transparent)]
    Build(#[from] BuildError),
}

/// Builds what the options ask for.
///
/// # Errors
/// [`Error`]; packages that were finished before stay in the store.
pub fn build(options: &Options<'_>) -> Result<Outcome, Error> {
    let site = Site::open(&options.place)?;
    let shell = options.shell.as_ref().map(|(name, _)| name);
    let wanted: Vec<RecipeName> = options.names.iter().chain(shell).cloned().collect();
    let recipes = site.recipes(&wanted)?;
    site.folder.closure(&options.forced)?;
    let mut orders = Orders::default();
    orders.forced.extend(options.forced.iter().chain(shell).cloned());
    let mut bundles = Bundles::new(&site.checkout, options.network, options.tell)?;
    if let Some(folder) = &options.records {
        bundles.believe(handed::read(folder, &site.platform)?);
    }
    let plan = site.plan_with_bundles(&recipes, &orders, &mut bundles)?;
    if options.extent == Extent::Alone {
        refuse_to_build_needs(&plan, options)?;
    }
    // What the user changed for this build alone stands for no commit.
    let is_bundle = recipes.len() == site.folder.recipes().len() && options.place.overrides.is_empty();
    let sandbox = site.sandbox.level.name();
    if options.extent == Extent::Sources && options.depth == Depth::Act {
        let sources = making::lay_out_sources(&site, &recipes, &plan, &bundles, options)?;
        let platform = site.platform;
        return Ok(Outcome { platform, plan, made: Vec::new(), is_bundle: false, sources, sandbox });
    }
    let made = match options.depth {
        Depth::Plan => BTreeMap::new(),
        Depth::Act => carry_out(&site, &recipes, &plan, &bundles, options)?,
    };
    if is_bundle && options.shell.is_none() && options.is_recorded && options.depth == Depth::Act {
        remember(&site, &recipes, &plan, &made, options)?;
    }
    if let Some(folder) = options.records.as_ref().filter(|_| options.depth == Depth::Act) {
        for step in &plan.steps {
            if let Some(record) = site.store.record(&site.platform, step.key)? {
                handed::write(folder, &record)?;
            }
        }
    }
    let made = plan.steps.iter().filter_map(|step| made.get(&step.name).cloned()).collect();
    Ok(Outcome { platform: site.platform, plan, made, is_bundle, sources: Vec::new(), sandbox })
}

/// With `--only`, a need that would have to be built is missing.
fn refuse_to_build_needs(plan: &BuildPlan, options: &Options<'_>) -> Result<(), Error> {
    let is_named = |name: &RecipeName| options.names.contains(name) || options.forced.contains(name);
    let is_missing =
        |step: &&plan::PlannedPackage| matches!(step.action, Action::Build { .. }) && !is_named(&step.name);
    let missing: Vec<RecipeName> = plan.steps.iter().filter(is_missing).map(|step| step.name.clone()).collect();
    if missing.is_empty() { Ok(()) } else { Err(Error::NeedsNotBuilt { missing }) }
}

/// A bundle that is taken as far as the recipes are those that it was built from.
pub struct Base<'a> {
    pub tag: &'a DepsTag,
    /// The name of the channel it is on.
    pub channel: String,
    pub packages: &'a [BundlePackage],
    /// The recipes that are not the bundle's.
    pub drifted: BTreeSet<&'a str>,
}

/// Makes the packages of all recipes: those of the base where neither the recipe nor what it needs has drifted, the
/// rest built. What was built is in the store then.
///
/// # Errors
/// [`Error`].
pub fn union(options: &Options<'_>, base: Base<'_>) -> Result<Vec<BundlePackage>, Error> {
    let site = Site::open(&options.place)?;
    let recipes = site.recipes(&[])?;
    let mut changed: BTreeSet<&RecipeName> = BTreeSet::new();
    // What lies elsewhere is told apart by its key, whatever the history says.
    let is_under_history = |recipe: &Recipe| {
        fs_err::canonicalize(site.folder.folder_of(&recipe.name)).is_ok_and(|folder| folder.starts_with(&site.root))
    };
    let mut orders = Orders::default();
    // In dependency order, so that what is needed was looked at before.
    for recipe in &recipes {
        let needs_changed = site.folder.before(recipe).iter().any(|need| changed.contains(need));
        match base.packages.iter().find(|package| package.name == recipe.name) {
            Some(package)
                if !needs_changed
                    && is_under_history(recipe)
                    && !base.drifted.contains(recipe.name.as_str())
                    && !options.place.overrides.names().any(|name| *name == recipe.name) =>
            {
                let from = Origin::Tag { tag: base.tag.clone(), channel: base.channel.clone() };
                let given = Given { key: package.build_key, archive: package.archive, from };
                orders.given.insert(recipe.name.clone(), given);
            }
            _ => {
                changed.insert(&recipe.name);
            }
        }
    }
    let mut bundles = Bundles::new(&site.checkout, options.network, options.tell)?;
    bundles.know(&base, &orders.given);
    let plan = site.plan_with_bundles(&recipes, &orders, &mut bundles)?;
    let made = carry_out(&site, &recipes, &plan, &bundles, options)?;
    let mut packages = Vec::with_capacity(recipes.len());
    for (recipe, step) in recipes.iter().zip(&plan.steps) {
        let is_given = orders.given.contains_key(&step.name);
        let is_of_step =
            |package: &&BundlePackage| package.name == step.name || package.debug_of.as_ref() == Some(&step.name);
        if is_given {
            packages.extend(base.packages.iter().filter(is_of_step).cloned());
        } else {
            packages.extend(packages_of(&site, recipe, step, &made)?);
        }
    }
    Ok(packages)
}

/// Fetches what the plan takes, and makes the rest; all of it is in the store then.
fn carry_out(
    site: &Site,
    recipes: &[&Recipe],
    plan: &BuildPlan,
    bundles: &Bundles<'_>,
    options: &Options<'_>,
) -> Result<BTreeMap<RecipeName, Made>, Error> {
    making::check_tools(recipes, plan, &site.machine)?;
    let level = site.sandbox.level.name();
    if plan.steps.iter().any(|step| matches!(step.action, Action::Build { .. })) {
        (options.tell)(Event::SandboxLevel { level, reason: site.sandbox.reason.clone() });
    }
    let builder = builder(site, options);
    making::fetch_packages(site, plan, bundles, &builder)?;
    let fetched = making::fetch_sources(options, &site.folder, recipes, plan)?;
    let runner = Runner::new(&site.sandbox, options.jobs.get(), options.stop, options.tell)
        .map_err(|source| no_name(recipes, "make the job budget", source))?;
    let workshop = Workshop {
        cache: options.place.cache,
        store: &site.store,
        sandbox: &site.sandbox,
        placeholder: &site.checkout.project().placeholder,
        platform: &site.platform,
        runner: &runner,
        jobs: u32::try_from(options.jobs.get()).unwrap_or(u32::MAX),
        flags: &site.machine.flags,
        is_kept: options.is_kept,
        shell: options.shell.as_ref().map(|(name, step)| (name, step.as_deref())),
        tell: options.tell,
    };
    let yard = Yard {
        folder: &site.folder,
        records: &site.records,
        workshop,
        recipes,
        plan,
        fetched: &fetched,
        builder: &builder,
    };
    making::make_all(&yard, options)
}

fn builder(site: &Site, options: &Options<'_>) -> Builder {
    Builder {
        image: site.image.clone(),
        compiler: site.machine.compiler.clone(),
        sandbox: site.sandbox.level.name().to_owned(),
        job: options.ci_job.map(str::to_owned),
    }
}

/// Notes the whole bundle in the store, where publish finds it.
fn remember(
    site: &Site,
    recipes: &[&Recipe],
    plan: &BuildPlan,
    made: &BTreeMap<RecipeName, Made>,
    options: &Options<'_>,
) -> Result<(), Error> {
    let mut floor = Floor::default();
    let mut packages = Vec::with_capacity(recipes.len());
    for (recipe, step) in recipes.iter().zip(&plan.steps) {
        if let Some(record) = site.store.record(&site.platform, step.key)? {
            floor.merge(&record.floor);
        }
        packages.extend(packages_of(site, recipe, step, made)?);
    }
    let recipes = site.checkout.recipes_tree_on_disk()?.unwrap_or_default();
    let builder = builder(site, options);
    let has_overlays = !site.checkout.project().overlays.is_empty();
    let state = if has_overlays { site.checkout.recipes_state_on_disk()? } else { None };
    let bundle = BuiltBundle { recipes, state, platform: site.platform.clone(), builder, packages, floor };
    Ok(site.store.set_last_build(&site.root, &bundle)?)
}

/// What a step of the plan gave, as it was made now, or else as its record says: the package, and its debug information.
fn packages_of(
    site: &Site,
    recipe: &Recipe,
    step: &PlannedPackage,
    made: &BTreeMap<RecipeName, Made>,
) -> Result<Vec<BundlePackage>, Error> {
    let (archive, size, debug) = match made.get(&step.name) {
        Some(made) => (made.archive, made.size, made.debug),
        None => match site.store.record(&site.platform, step.key)? {
            Some(record) => (record.archive, record.size, record.debug),
            None => return Ok(Vec::new()),
        },
    };
    let package = BundlePackage {
        name: recipe.name.clone(),
        version: recipe.version.clone(),
        license: recipe.license.clone(),
        stacks: recipe.stacks.clone(),
        needs: recipe.needs.clone(),
        build_key: step.key,
        archive,
        size,
        sources: recipe.sources.iter().map(SourceRef::from).collect(),
        debug_of: None,
    };
    let debug = debug.map(|debug| package.debug(debug));
    Ok(std::iter::once(package).chain(debug).collect())
}

fn no_name(recipes: &[&Recipe], doing: &'static str, source: std::io::Error) -> BuildError {
    // The budget belongs to all packages; the first stands for them.
    let name = recipes
        .first()
        .map_or_else(|| RecipeName::parse("recipes").expect("the word is a recipe name"), |recipe| recipe.name.clone());
    BuildError::Io { name, doing, source }
}

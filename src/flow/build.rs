//! Builds packages from the recipes of a checkout: plan, fetch, make, remember.
//!
//! Does not publish; what was built is noted in the store, where `publish` finds it.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use crate::builder::crew::{self, Task};
use crate::builder::error::BuildError;
use crate::builder::ingredients::{Around, Machine};
use crate::builder::package::{Job, Made, Workshop};
use crate::builder::running::Runner;
use crate::builder::sandbox::Sandbox;
use crate::checkout::{self, Checkout};
use crate::host;
use crate::http;
use crate::model::build_key::{BuildKey, Ingredients};
use crate::model::bundle::{self, BuildRecord, Builder, BuiltBundle, BundlePackage};
use crate::model::digest::Digest;
use crate::model::event::{Event, Tell};
use crate::model::platform::{Floor, Platform};
use crate::model::project::RECIPES_FOLDER;
use crate::model::recipe::{BuildSystem, Recipe, RecipeName};
use crate::plan::{self, Action, BuildPlan, Known};
use crate::recipe_folder::{self, RecipeFolder};
use crate::sources::{Fetched, Fetcher};
use crate::store::{Store, StoreError};

/// What is built, and how.
pub struct Options<'a> {
    pub directory: &'a Path,
    pub cache: &'a Path,
    /// The recipes to build with all they need; none means all.
    pub names: Vec<RecipeName>,
    /// Recipes that are built although nothing changed.
    pub forced: Vec<RecipeName>,
    /// Stops after the plan.
    pub is_dry_run: bool,
    /// Keeps the work folder of a package that failed.
    pub is_kept: bool,
    /// Opens a shell where this recipe would be built.
    pub shell: Option<RecipeName>,
    /// Builds without namespaces, though the kernel allows them.
    pub is_on_host: bool,
    pub jobs: NonZeroUsize,
    pub mirrors: &'a [String],
    /// This program's own file.
    pub program: PathBuf,
    /// Set when the user wants to stop.
    pub stop: &'a AtomicBool,
    pub tell: Tell<'a>,
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
    Build(#[from] BuildError),
}

/// Builds what the options ask for.
///
/// # Errors
/// [`Error`]; packages that were finished before stay in the store.
pub fn build(options: &Options<'_>) -> Result<Outcome, Error> {
    let checkout = Checkout::open(options.directory)?;
    let root = checkout.root().ok_or(Error::NoWorkTree)?;
    let platform = host::platform(Path::new("/"))?.platform;
    let folder = RecipeFolder::load(&root.join(RECIPES_FOLDER), Some(&platform))?;
    let wanted: Vec<RecipeName> = options.names.iter().chain(&options.shell).cloned().collect();
    let recipes = if wanted.is_empty() { folder.recipes().iter().collect() } else { folder.closure(&wanted)? };
    folder.closure(&options.forced)?;
    let store = Store::open(options.cache)?;
    let project = checkout.project();
    let sandbox = pick_sandbox(options)?;
    let machine = Machine::look(options.cache);
    let image = project.platform(&platform).and_then(|config| config.image.clone());
    let pairs = recipes
        .iter()
        .map(|recipe| {
            let recipe_tools: Vec<String> =
                recipe.tools.iter().filter(|tool| is_recipe(tool, &recipes)).cloned().collect();
            let around = Around {
                platform: &platform,
                image: image.as_deref(),
                placeholder: &project.placeholder,
                sandbox: sandbox.level.name(),
                folder: &folder.folder_of(&recipe.name),
                recipe_tools: &recipe_tools,
            };
            let mut own = plan::of_recipe(recipe);
            machine.complete(&mut own, recipe, &around).map_err(|source| BuildError::Io {
                name: recipe.name.clone(),
                doing: "read its patches",
                source,
            })?;
            Ok((*recipe, own))
        })
        .collect::<Result<Vec<_>, BuildError>>()?;
    let mut forced: BTreeSet<RecipeName> = options.forced.iter().cloned().collect();
    forced.extend(options.shell.clone());
    let records = store.records(&platform)?;
    let plan = plan::plan(&pairs, &forced, &Earlier { records: &records, store: &store });
    let is_bundle = recipes.len() == folder.recipes().len();
    let level = sandbox.level.name();
    if options.is_dry_run {
        return Ok(Outcome { platform, plan, made: Vec::new(), is_bundle, sandbox: level });
    }
    check_tools(&recipes, &plan, &machine)?;
    if plan.steps.iter().any(|step| matches!(step.action, Action::Build { .. })) {
        (options.tell)(Event::SandboxLevel { level, reason: sandbox.reason.clone() });
    }
    let fetched = fetch(options, &recipes, &plan, &folder)?;
    let runner = Runner::new(&sandbox, options.jobs.get(), options.stop, options.tell)
        .map_err(|source| no_name(&recipes, "make the job budget", source))?;
    let workshop = Workshop {
        cache: options.cache,
        store: &store,
        sandbox: &sandbox,
        placeholder: &project.placeholder,
        platform: &platform,
        runner: &runner,
        jobs: u32::try_from(options.jobs.get()).unwrap_or(u32::MAX),
        flags: &machine.flags,
        is_kept: options.is_kept,
        shell: options.shell.as_ref(),
        tell: options.tell,
    };
    let builder = Builder { image, compiler: machine.compiler.clone(), sandbox: level.to_owned() };
    let made = make_all(
        &Yard { workshop, recipes: &recipes, plan: &plan, folder: &folder, fetched: &fetched, builder: &builder },
        options,
    )?;
    if is_bundle && options.shell.is_none() {
        remember(&checkout, root, &store, &recipes, &plan, &made, builder)?;
    }
    let made = plan.steps.iter().filter_map(|step| made.get(&step.name).cloned()).collect();
    Ok(Outcome { platform, plan, made, is_bundle, sandbox: level })
}

/// All that the making of packages looks at.
struct Yard<'a> {
    workshop: Workshop<'a>,
    recipes: &'a [&'a Recipe],
    plan: &'a BuildPlan,
    folder: &'a RecipeFolder,
    fetched: &'a BTreeMap<RecipeName, Vec<Fetched>>,
    builder: &'a Builder,
}

struct Earlier<'a> {
    records: &'a [BuildRecord],
    store: &'a Store,
}

impl Known for Earlier<'_> {
    fn record(&self, key: BuildKey) -> Option<BuildRecord> {
        self.records.iter().find(|record| record.build_key == key).cloned()
    }

    fn has(&self, archive: Digest) -> bool {
        self.store.archive(archive).is_some()
    }

    fn earlier(&self, name: &RecipeName) -> Vec<Ingredients> {
        self.records.iter().filter(|record| record.name == *name).map(|record| record.ingredients.clone()).collect()
    }
}

fn is_recipe(tool: &str, recipes: &[&Recipe]) -> bool {
    recipes.iter().any(|recipe| recipe.name.as_str() == tool)
}

fn pick_sandbox(options: &Options<'_>) -> Result<Sandbox, Error> {
    if options.is_on_host {
        return Ok(Sandbox::host(&options.program));
    }
    let scratch = options.cache.join("probe");
    let sandbox = Sandbox::probe(&options.program, &scratch);
    // Left-overs of the probe are an empty folder and a small file; the next probe uses them again.
    let _ = fs_err::remove_dir_all(&scratch);
    Ok(sandbox)
}

/// Checks that all programs are there before anything is fetched or built.
fn check_tools(recipes: &[&Recipe], plan: &BuildPlan, machine: &Machine) -> Result<(), BuildError> {
    let mut missing: BTreeMap<String, Vec<RecipeName>> = BTreeMap::new();
    for (recipe, step) in recipes.iter().zip(&plan.steps) {
        if matches!(step.action, Action::Take { .. }) {
            continue;
        }
        let implied: &[&str] = match recipe.build.system {
            BuildSystem::Autotools | BuildSystem::Make => &["cc", "make"],
            BuildSystem::Cmake => &["cc", "cmake", "make"],
            BuildSystem::Meson => &["cc", "meson", "ninja"],
            BuildSystem::Python => &["python3"],
            BuildSystem::Cargo => &["cargo"],
            BuildSystem::Prebuilt | BuildSystem::Script => &[],
        };
        let named = recipe.tools.iter().map(String::as_str).filter(|tool| !is_recipe(tool, recipes));
        for tool in named.chain(implied.iter().copied()) {
            if machine.program(tool).is_none() {
                let users = missing.entry(tool.to_owned()).or_default();
                if users.last() != Some(&recipe.name) {
                    users.push(recipe.name.clone());
                }
            }
        }
    }
    if missing.is_empty() { Ok(()) } else { Err(BuildError::MissingTools { missing: missing.into_iter().collect() }) }
}

/// Fetches the sources of all that is built, four at a time.
fn fetch(
    options: &Options<'_>,
    recipes: &[&Recipe],
    plan: &BuildPlan,
    folder: &RecipeFolder,
) -> Result<BTreeMap<RecipeName, Vec<Fetched>>, Error> {
    let client = http::Client::new()?;
    let fetcher = Fetcher::new(options.cache, options.mirrors, &client);
    let is_built = |name: &RecipeName| {
        plan.steps.iter().any(|step| step.name == *name && matches!(step.action, Action::Build { .. }))
    };
    let tasks: Vec<(&Recipe, Task)> = recipes
        .iter()
        .filter(|recipe| is_built(&recipe.name))
        .map(|recipe| (*recipe, Task { name: recipe.name.clone(), after: Vec::new() }))
        .collect();
    let (wanted, tasks): (Vec<&Recipe>, Vec<Task>) = tasks.into_iter().unzip();
    let fetched = crew::run(&tasks, 4, &|place, _| {
        let recipe = wanted[place];
        let beside = folder.folder_of(&recipe.name);
        let all = recipe.sources.iter().map(|source| fetcher.fetch(recipe, source, &beside, options.tell));
        all.collect::<Result<Vec<_>, _>>().map_err(|source| BuildError::Sources { name: recipe.name.clone(), source })
    })?;
    Ok(fetched)
}

fn make_all(yard: &Yard<'_>, options: &Options<'_>) -> Result<BTreeMap<RecipeName, Made>, Error> {
    let built: Vec<usize> = (0..yard.plan.steps.len())
        .filter(|place| matches!(yard.plan.steps[*place].action, Action::Build { .. }))
        .collect();
    let is_built: BTreeSet<&RecipeName> = built.iter().map(|place| &yard.plan.steps[*place].name).collect();
    let tasks: Vec<Task> = built
        .iter()
        .map(|place| {
            let after = closure_of(yard.recipes[*place], yard.recipes);
            let after = after.iter().map(|recipe| recipe.name.clone()).filter(|name| is_built.contains(name));
            Task { name: yard.plan.steps[*place].name.clone(), after: after.collect() }
        })
        .collect();
    // At level `host` there is one placeholder for all; a shell wants the terminal for itself.
    let workers =
        if yard.workshop.sandbox.level.has_own_root() && options.shell.is_none() { options.jobs.get() } else { 1 };
    let none = Vec::new();
    let made = crew::run(&tasks, workers, &|place, done: &BTreeMap<RecipeName, Made>| {
        let place = built[place];
        let (recipe, planned) = (yard.recipes[place], &yard.plan.steps[place]);
        if yard.workshop.runner.is_stopped() {
            return Err(BuildError::Interrupted);
        }
        let needs = closure_of(recipe, yard.recipes);
        let archive_of = |name: &RecipeName| match done.get(name) {
            Some(made) => Some(made.archive),
            None => yard.plan.steps.iter().find(|step| step.name == *name).and_then(|step| match step.action {
                Action::Take { archive } => Some(archive),
                Action::Build { .. } => None,
            }),
        };
        let needs: Vec<Digest> = needs.iter().filter_map(|need| archive_of(&need.name)).collect();
        let fetched = yard.fetched.get(&recipe.name).unwrap_or(&none);
        let folder = yard.folder.folder_of(&recipe.name);
        let made = yard.workshop.make(&Job { recipe, folder: &folder, planned, fetched, needs })?;
        let record = BuildRecord {
            format: bundle::FORMAT,
            name: recipe.name.clone(),
            version: recipe.version.clone(),
            platform: yard.workshop.platform.clone(),
            build_key: planned.key,
            ingredients: planned.ingredients.clone(),
            archive: made.archive,
            size: made.size,
            floor: made.manifest.floor.clone(),
            builder: yard.builder.clone(),
            seconds: made.seconds,
        };
        let store = yard.workshop.store;
        store.add_record(&record).map_err(|source| BuildError::Store { name: recipe.name.clone(), source })?;
        Ok(made)
    })?;
    Ok(made)
}

/// All that a recipe needs at build time: needs and tools that are recipes, directly or not; in the list's order.
fn closure_of<'a>(recipe: &Recipe, recipes: &[&'a Recipe]) -> Vec<&'a Recipe> {
    let mut names: BTreeSet<&str> = BTreeSet::new();
    let mut open = vec![recipe];
    while let Some(one) = open.pop() {
        // Tools of needs are not there when their user is built.
        let tools: &[String] = if one.name == recipe.name { &one.tools } else { &[] };
        let wanted = one.needs.iter().map(RecipeName::as_str).chain(tools.iter().map(String::as_str));
        for name in wanted {
            if let Some(other) = recipes.iter().find(|other| other.name.as_str() == name)
                && names.insert(other.name.as_str())
            {
                open.push(other);
            }
        }
    }
    recipes.iter().filter(|other| names.contains(other.name.as_str())).copied().collect()
}

/// Notes the whole bundle in the store, where publish finds it.
fn remember(
    checkout: &Checkout,
    root: &Path,
    store: &Store,
    recipes: &[&Recipe],
    plan: &BuildPlan,
    made: &BTreeMap<RecipeName, Made>,
    builder: Builder,
) -> Result<(), Error> {
    let platform = host::platform(Path::new("/"))?.platform;
    let mut floor = Floor::default();
    let mut packages = Vec::with_capacity(recipes.len());
    for (recipe, step) in recipes.iter().zip(&plan.steps) {
        let record = store.record(&platform, step.key)?;
        let (archive, size) = match (made.get(&step.name), &record) {
            (Some(made), _) => (made.archive, made.size),
            (None, Some(record)) => (record.archive, record.size),
            (None, None) => continue,
        };
        if let Some(record) = record {
            floor.merge(&record.floor);
        }
        packages.push(BundlePackage {
            name: recipe.name.clone(),
            version: recipe.version.clone(),
            license: recipe.license.clone(),
            stacks: recipe.stacks.clone(),
            needs: recipe.needs.clone(),
            build_key: step.key,
            archive,
            size,
        });
    }
    let recipes = checkout.recipes_tree_on_disk()?.unwrap_or_default();
    let bundle = BuiltBundle { recipes, platform, builder, packages, floor };
    Ok(store.set_last_build(root, &bundle)?)
}

fn no_name(recipes: &[&Recipe], doing: &'static str, source: std::io::Error) -> BuildError {
    // The budget belongs to all packages; the first stands for them.
    let name = recipes
        .first()
        .map_or_else(|| RecipeName::parse("recipes").expect("the word is a recipe name"), |recipe| recipe.name.clone());
    BuildError::Io { name, doing, source }
}

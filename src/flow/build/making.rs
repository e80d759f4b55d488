//! Carries out a plan: sources and packages are fetched, the rest is made, longest path first.
//!
//! Does not decide what is made.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::archive::unpack;
use crate::builder::crew::{self, Task};
use crate::builder::error::BuildError;
use crate::builder::ingredients::Machine;
use crate::builder::package::{Job, Made, Workshop};
use crate::builder::{probes, work};
use crate::flow::build::bundles::Bundles;
use crate::flow::build::site::Site;
use crate::flow::build::{Error, Options};
use crate::http;
use crate::model::build_key::BuildKey;
use crate::model::bundle::{self, BuildRecord, Builder, DebugArchive};
use crate::model::digest::Digest;
use crate::model::recipe::{BuildSystem, Recipe, RecipeName};
use crate::model::recipe_text::RecipeText;
use crate::plan::{Action, BuildPlan, Origin, Reason};
use crate::recipe_folder::{RecipeFolder, text};
use crate::sources::{self, Fetched, Fetcher};

/// How long a package is taken to need that was never built here, in seconds.
const UNKNOWN_SECONDS: u64 = 30;

/// All that the making of packages looks at.
pub(super) struct Yard<'a> {
    pub(super) folder: &'a RecipeFolder,
    pub(super) records: &'a [BuildRecord],
    pub(super) workshop: Workshop<'a>,
    pub(super) recipes: &'a [&'a Recipe],
    pub(super) plan: &'a BuildPlan,
    pub(super) fetched: &'a BTreeMap<RecipeName, Vec<Fetched>>,
    pub(super) builder: &'a Builder,
}

/// Checks that all programs are there before anything is fetched or built.
pub(super) fn check_tools(recipes: &[&Recipe], plan: &BuildPlan, machine: &Machine) -> Result<(), BuildError> {
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
        let implied = implied.iter().copied().chain(recipe.build.has_debug().then_some("objcopy"));
        let is_recipe = |tool: &&str| recipes.iter().any(|recipe| recipe.name.as_str() == *tool);
        let named = recipe.tools.iter().map(String::as_str).filter(|tool| !is_recipe(tool));
        let of_tests = recipe.tests.iter().flat_map(|test| probes::programs(test).iter().copied());
        for tool in named.chain(implied).chain(of_tests) {
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
pub(super) fn fetch_sources(
    options: &Options<'_>,
    folder: &RecipeFolder,
    recipes: &[&Recipe],
    plan: &BuildPlan,
) -> Result<BTreeMap<RecipeName, Vec<Fetched>>, Error> {
    let client = http::Client::new()?;
    let fetcher = Fetcher::new(options.place.cache, options.mirrors, &client);
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
        let all = recipe.sources.iter().map(|source| fetcher.fetch(recipe, source, beside, options.tell));
        all.collect::<Result<Vec<_>, _>>().map_err(|source| BuildError::Sources { name: recipe.name.clone(), source })
    })?;
    Ok(fetched)
}

/// Puts the sources of recipes, unpacked and patched, into folders of the cache; gives those folders.
pub(super) fn lay_out_sources(
    site: &Site,
    recipes: &[&Recipe],
    plan: &BuildPlan,
    bundles: &Bundles<'_>,
    options: &Options<'_>,
) -> Result<Vec<PathBuf>, Error> {
    let builder = super::builder(site, options);
    fetch_packages(site, plan, bundles, &builder)?;
    // What is built already is looked at too, if it is named.
    let mut all = plan.clone();
    let is_named = |name: &RecipeName| options.names.is_empty() || options.names.contains(name);
    for step in all.steps.iter_mut().filter(|step| is_named(&step.name)) {
        step.action = Action::Build { reason: Reason::Forced };
    }
    let fetched = fetch_sources(options, &site.folder, recipes, &all)?;
    let mut folders = Vec::new();
    for recipe in recipes.iter().filter(|recipe| is_named(&recipe.name)) {
        let name = &recipe.name;
        let doing = |doing| move |source| BuildError::Io { name: name.clone(), doing, source };
        let parent = options.place.cache.join("prepared");
        let folder = parent.join(format!("{name}-{}", recipe.version));
        fs_err::create_dir_all(&parent).map_err(doing("make the folder of its sources"))?;
        let staging = tempfile::tempdir_in(&parent).map_err(doing("make the folder of its sources"))?;
        let new = staging.path().join("src");
        let none = Vec::new();
        let own = fetched.get(name).unwrap_or(&none);
        sources::prepare(recipe, site.folder.folder_of(name), own, &new)
            .map_err(|source| BuildError::Sources { name: name.clone(), source })?;
        work::remove_tree(&folder).map_err(doing("replace its sources of before"))?;
        fs_err::rename(&new, &folder).map_err(doing("put its sources in place"))?;
        folders.push(folder);
    }
    Ok(folders)
}

/// Fetches the packages that the plan takes from bundles, and notes them in the store as if they were built here.
pub(super) fn fetch_packages(
    site: &Site,
    plan: &BuildPlan,
    bundles: &Bundles<'_>,
    builder: &Builder,
) -> Result<(), Error> {
    let of_bundles = |action: &Action| matches!(action, Action::Take { from, .. } if *from != Origin::Store);
    let steps: Vec<_> = plan.steps.iter().filter(|step| of_bundles(&step.action)).collect();
    let keys: Vec<BuildKey> = steps.iter().map(|step| step.key).collect();
    for ((package, debug), step) in bundles.fetch(&keys, &site.store)?.iter().zip(steps) {
        // What the tag's package was made of is not known here, so that no key of ours may lead to it.
        if matches!(step.action, Action::Take { from: Origin::Tag { .. }, .. }) {
            continue;
        }
        if let Some(record) = bundles.believed(step.key) {
            site.store.add_record(record)?;
            continue;
        }
        let broken = |source| BuildError::Archive { name: package.name.clone(), source };
        let path = site
            .store
            .archive(package.archive)
            .ok_or_else(|| BuildError::NeedGone { name: package.name.clone(), archive: package.archive })?;
        let opened = fs_err::File::open(path).map_err(|source| BuildError::Io {
            name: package.name.clone(),
            doing: "read its archive",
            source,
        })?;
        let manifest = unpack::read_manifest(opened).map_err(broken)?;
        site.store.add_record(&BuildRecord {
            format: bundle::FORMAT,
            name: package.name.clone(),
            version: package.version.clone(),
            platform: site.platform.clone(),
            build_key: step.key,
            ingredients: step.ingredients.clone(),
            archive: package.archive,
            size: package.size,
            debug: debug.as_ref().map(|debug| DebugArchive { archive: debug.archive, size: debug.size }),
            floor: manifest.floor,
            builder: builder.clone(),
            recipe: None,
            host: Vec::new(),
            seconds: 0,
            steps: Vec::new(),
        })?;
    }
    Ok(())
}

/// Makes all that the plan says; gives what was made, by name.
pub(super) fn make_all(yard: &Yard<'_>, options: &Options<'_>) -> Result<BTreeMap<RecipeName, Made>, Error> {
    let (built, tasks) = tasks(yard);
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
                Action::Take { archive, .. } => Some(archive),
                Action::Build { .. } => None,
            }),
        };
        let needs: Vec<Digest> = needs.iter().filter_map(|need| archive_of(&need.name)).collect();
        let fetched = yard.fetched.get(&recipe.name).unwrap_or(&none);
        let folder = yard.folder.folder_of(&recipe.name);
        let made = yard.workshop.make(&Job { recipe, folder, planned, fetched, needs })?;
        if !options.is_recorded {
            return Ok(made);
        }
        let record = BuildRecord {
            format: bundle::FORMAT,
            name: recipe.name.clone(),
            version: recipe.version.clone(),
            platform: yard.workshop.platform.clone(),
            build_key: planned.key,
            ingredients: planned.ingredients.clone(),
            archive: made.archive,
            size: made.size,
            debug: made.debug,
            floor: made.manifest.floor.clone(),
            builder: yard.builder.clone(),
            recipe: text_of(options, recipe, folder)?,
            host: made.host.clone(),
            seconds: made.seconds,
            steps: made.steps.clone(),
        };
        let store = yard.workshop.store;
        store.add_record(&record).map_err(|source| BuildError::Store { name: recipe.name.clone(), source })?;
        Ok(made)
    })?;
    Ok(made)
}

/// The files of the recipe for its record, unless the user changes it for this build.
fn text_of(options: &Options<'_>, recipe: &Recipe, folder: &Path) -> Result<Option<RecipeText>, BuildError> {
    if options.place.overrides.names().any(|name| *name == recipe.name) {
        return Ok(None);
    }
    let name = recipe.name.clone();
    text::gather(folder).map_err(|source| BuildError::Io { name, doing: "read the files of its recipe", source })
}

/// The places of the plan's steps that are built and the tasks for them, those first that most time depends on.
fn tasks(yard: &Yard<'_>) -> (Vec<usize>, Vec<Task>) {
    let places = 0..yard.plan.steps.len();
    let built: Vec<usize> =
        places.filter(|place| matches!(yard.plan.steps[*place].action, Action::Build { .. })).collect();
    let is_built: BTreeSet<&RecipeName> = built.iter().map(|place| &yard.plan.steps[*place].name).collect();
    let mut tasks: Vec<(usize, Task)> = built
        .iter()
        .map(|place| {
            let after = closure_of(yard.recipes[*place], yard.recipes);
            let after = after.iter().map(|recipe| recipe.name.clone()).filter(|name| is_built.contains(name));
            (*place, Task { name: yard.plan.steps[*place].name.clone(), after: after.collect() })
        })
        .collect();
    let seconds = |name: &RecipeName| {
        let of_name = yard.records.iter().filter(|record| record.name == *name && record.seconds > 0);
        of_name.map(|record| record.seconds).max().unwrap_or(UNKNOWN_SECONDS)
    };
    // From each to the end of the build: its own time and that of the longest chain behind it. Those that need it
    // stand after it in the list.
    let mut to_the_end: BTreeMap<RecipeName, u64> = BTreeMap::new();
    for (_, task) in tasks.iter().rev() {
        let behind = tasks.iter().filter(|(_, other)| other.after.contains(&task.name));
        let longest = behind.filter_map(|(_, other)| to_the_end.get(&other.name)).max().copied().unwrap_or_default();
        to_the_end.insert(task.name.clone(), seconds(&task.name) + longest);
    }
    tasks.sort_by_key(|(_, task)| std::cmp::Reverse(to_the_end[&task.name]));
    tasks.into_iter().unzip()
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

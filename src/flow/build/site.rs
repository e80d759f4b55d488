//! What a build looks at: the recipes of a checkout, this machine, the store; and the plan that is made of them.
//!
//! Changes nothing.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::builder::error::BuildError;
use crate::builder::ingredients::{Around, Machine};
use crate::builder::sandbox::Sandbox;
use crate::checkout::Checkout;
use crate::flow::build::bundles::Bundles;
use crate::flow::build::{Error, Place};
use crate::host;
use crate::model::build_key::{BuildKey, Ingredients};
use crate::model::bundle::BuildRecord;
use crate::model::digest::Digest;
use crate::model::event::Event;
use crate::model::platform::Platform;
use crate::model::recipe::{Recipe, RecipeName};
use crate::plan::{self, Action, BuildPlan, Known, Orders, Origin};
use crate::recipe_folder::RecipeFolder;
use crate::recipe_folder::layout::Layout;
use crate::store::Store;

/// A checkout on this machine.
pub struct Site {
    pub checkout: Checkout,
    pub root: PathBuf,
    pub platform: Platform,
    pub folder: RecipeFolder,
    pub store: Store,
    pub machine: Machine,
    pub sandbox: Sandbox,
    /// The builder image, if the project names one for the platform.
    pub image: Option<String>,
    /// What was built here before, on this platform.
    pub records: Vec<BuildRecord>,
}

impl Site {
    /// Looks at everything that plans are made of.
    ///
    /// # Errors
    /// [`Error`] when there is no work tree, recipes have mistakes, or the store cannot be read.
    pub fn open(place: &Place<'_>) -> Result<Site, Error> {
        let checkout = Checkout::open(place.directory)?;
        let mut site = Site::without_recipes(place, checkout)?;
        let layout = Layout::of_project(&site.root, site.checkout.project(), place.cache, place.tell)?;
        site.folder = RecipeFolder::load(&layout.with(place.overrides.clone()), Some(&site.platform))?;
        for (name, folder) in site.folder.shadowed() {
            (place.tell)(Event::Shadowed { name: name.clone(), folder: folder.display().to_string() });
        }
        Ok(site)
    }

    /// All but the recipes.
    pub(super) fn without_recipes(place: &Place<'_>, checkout: Checkout) -> Result<Site, Error> {
        let root = checkout.root().ok_or(Error::NoWorkTree)?.to_owned();
        let platform = host::platform(Path::new("/"))?.platform;
        let folder = RecipeFolder::default();
        let store = Store::open(place.cache)?;
        let records = store.records(&platform)?;
        let image = checkout.project().platform(&platform).and_then(|config| config.image.clone());
        let (machine, sandbox) = (Machine::look(place.cache), pick_sandbox(place));
        Ok(Site { checkout, root, platform, folder, store, machine, sandbox, image, records })
    }

    /// The recipes of these names with all they need; all recipes if none is named.
    ///
    /// # Errors
    /// [`Error::UnknownRecipe`].
    pub fn recipes(&self, names: &[RecipeName]) -> Result<Vec<&Recipe>, Error> {
        if names.is_empty() { Ok(self.folder.recipes().iter().collect()) } else { Ok(self.folder.closure(names)?) }
    }

    /// Plans what is done about recipes, which come in dependency order.
    ///
    /// # Errors
    /// [`BuildError::Io`] when a patch or a folder beside a recipe cannot be read.
    pub fn plan(&self, recipes: &[&Recipe], orders: &Orders, bundles: &Bundles<'_>) -> Result<BuildPlan, Error> {
        let names: BTreeSet<&str> = recipes.iter().map(|recipe| recipe.name.as_str()).collect();
        let pairs = recipes
            .iter()
            .map(|recipe| Ok((*recipe, self.ingredients(recipe, &names)?)))
            .collect::<Result<Vec<_>, BuildError>>()?;
        Ok(plan::plan(&pairs, orders, &Earlier { site: self, bundles }))
    }

    /// Plans, and asks the bundles on the channels about what would have to be built.
    ///
    /// # Errors
    /// As [`Site::plan`], and when the project's channels are not well described.
    pub fn plan_with_bundles(
        &self,
        recipes: &[&Recipe],
        orders: &Orders,
        bundles: &mut Bundles<'_>,
    ) -> Result<BuildPlan, Error> {
        let plan = self.plan(recipes, orders, bundles)?;
        let is_unknown =
            |action: &Action| matches!(action, Action::Build { reason } if *reason != plan::Reason::Forced);
        let wanted = plan.steps.iter().filter(|step| is_unknown(&step.action)).map(|step| step.key).collect();
        if !bundles.look_for(wanted, self)? {
            return Ok(plan);
        }
        self.plan(recipes, orders, bundles)
    }

    fn ingredients(&self, recipe: &Recipe, names: &BTreeSet<&str>) -> Result<Ingredients, BuildError> {
        let is_recipe = |tool: &&String| names.contains(tool.as_str());
        let recipe_tools: Vec<String> = recipe.tools.iter().filter(is_recipe).cloned().collect();
        let around = Around {
            platform: &self.platform,
            image: self.image.as_deref(),
            placeholder: &self.checkout.project().placeholder,
            sandbox: self.sandbox.level.name(),
            folder: self.folder.folder_of(&recipe.name),
            recipe_tools: &recipe_tools,
        };
        let mut own = plan::of_recipe(recipe);
        self.machine.complete(&mut own, recipe, &around).map_err(|source| BuildError::Io {
            name: recipe.name.clone(),
            doing: "read its patches",
            source,
        })?;
        Ok(own)
    }
}

struct Earlier<'a> {
    site: &'a Site,
    bundles: &'a Bundles<'a>,
}

impl Known for Earlier<'_> {
    fn record(&self, key: BuildKey) -> Option<BuildRecord> {
        self.site.records.iter().find(|record| record.build_key == key).cloned()
    }

    fn has(&self, archive: Digest) -> bool {
        self.site.store.archive(archive).is_some()
    }

    fn earlier(&self, name: &RecipeName) -> Vec<Ingredients> {
        let records = self.site.records.iter().filter(|record| record.name == *name);
        records.map(|record| record.ingredients.clone()).collect()
    }

    fn in_a_bundle(&self, key: BuildKey) -> Option<(Digest, Origin)> {
        self.bundles.package_of(key)
    }
}

fn pick_sandbox(place: &Place<'_>) -> Sandbox {
    if place.is_on_host {
        return Sandbox::host(place.program);
    }
    Sandbox::probe(place.program, place.cache)
}

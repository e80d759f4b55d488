//! `recipe show`: one recipe as it holds on a platform, and what it is built after.
//!
//! Does not word it (`cli/recipe/show.rs`).

use std::path::PathBuf;

use crate::model::event::Tell;
use crate::model::platform::Platform;
use crate::model::recipe::{Recipe, RecipeName};
use crate::recipe_folder::layout::Layout;
use crate::recipe_folder::{self, RecipeFolder, UnknownRecipe};

/// What is shown.
#[derive(Clone)]
pub struct Options<'a> {
    /// A folder of the project.
    pub directory: PathBuf,
    pub cache: PathBuf,
    pub tell: Tell<'a>,
    pub name: RecipeName,
    /// Without one no `[[when]]` is applied.
    pub platform: Option<Platform>,
}

/// The recipe, and all that is built before it, in order.
#[derive(Debug, Clone)]
pub struct Outcome {
    pub recipe: Recipe,
    pub before: Vec<RecipeName>,
    pub folder: PathBuf,
}

/// Why it cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Folder(#[from] recipe_folder::Error),
    #[error(transparent)]
    Unknown(#[from] UnknownRecipe),
}

/// Finds the recipe.
///
/// # Errors
/// When the recipes have mistakes or there is none of this name.
pub fn recipe_show(options: &Options<'_>) -> Result<Outcome, Error> {
    let root = recipe_folder::root_above(&options.directory);
    let layout = Layout::of_root(&root, &options.cache, options.tell)?;
    let recipes = RecipeFolder::load(&layout, options.platform.as_ref())?;
    let mut closure = recipes.closure(std::slice::from_ref(&options.name))?;
    // What a recipe is built after stands before it, so it is the last one itself.
    closure.retain(|recipe| recipe.name != options.name);
    let before = closure.iter().map(|recipe| recipe.name.clone()).collect();
    let unknown = || UnknownRecipe { given: options.name.clone(), suggestion: None };
    let recipe = recipes.get(&options.name).ok_or_else(unknown)?.clone();
    Ok(Outcome { recipe, before, folder: recipes.folder_of(&options.name).to_owned() })
}

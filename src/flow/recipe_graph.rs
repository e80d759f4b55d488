//! `recipe graph`: recipes -closure-> graph.
//!
//! Does not draw (`report/graph.rs`).

use std::path::PathBuf;

use crate::model::event::Tell;
use crate::model::platform::Platform;
use crate::model::recipe::{Recipe, RecipeName};
use crate::recipe_folder::layout::Layout;
use crate::recipe_folder::{self, RecipeFolder, UnknownRecipe};
use crate::report::graph::Graph;

/// Which recipes; none for all.
#[derive(Clone)]
pub struct Options<'a> {
    /// A folder of the project.
    pub directory: PathBuf,
    pub cache: PathBuf,
    pub tell: Tell<'a>,
    pub names: Vec<RecipeName>,
    pub platform: Option<Platform>,
}

/// Why there is no graph.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Folder(#[from] recipe_folder::Error),
    #[error(transparent)]
    Unknown(#[from] UnknownRecipe),
}

/// Makes the graph of recipes and all they are built after.
///
/// # Errors
/// When the recipes have mistakes or there is none of a name.
pub fn recipe_graph(options: &Options<'_>) -> Result<Graph, Error> {
    let root = recipe_folder::root_above(&options.directory);
    let layout = Layout::of_root(&root, &options.cache, options.tell)?;
    let recipes = RecipeFolder::load(&layout, options.platform.as_ref())?;
    let wanted: Vec<&Recipe> = match options.names.as_slice() {
        [] => recipes.recipes().iter().collect(),
        names => recipes.closure(names)?,
    };
    Ok(Graph::new(&wanted))
}

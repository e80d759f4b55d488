//! `recipe check`: recipes -read, as on every platform of the project-> all mistakes.
//!
//! Does not show them (`cli/mistakes.rs`).

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use crate::checkout;
use crate::model::event::Tell;
use crate::model::project::{PROJECT_FILE, Project, RECIPES_FOLDER};
use crate::model::recipe::RecipeName;
use crate::recipe_folder::layout::Layout;
use crate::recipe_folder::{self, RecipeFolder, UnknownRecipe};
use crate::toml_file::Mistakes;
use crate::toml_file::nearest_word::nearest_word;

/// What is checked.
#[derive(Clone)]
pub struct Options<'a> {
    /// A folder of the project.
    pub directory: PathBuf,
    pub cache: PathBuf,
    pub tell: Tell<'a>,
    /// The recipes whose mistakes are told; none for all.
    pub names: Vec<RecipeName>,
}

/// What was found.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The recipes that were checked.
    pub checked: Vec<String>,
    /// By file.
    pub mistakes: Vec<Mistakes>,
}

/// Why nothing was checked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Folder(#[from] recipe_folder::Error),
    #[error(transparent)]
    Unknown(#[from] UnknownRecipe),
    #[error("{0}")]
    Read(#[source] io::Error),
}

/// Checks the recipes, and `tagalong.toml` with them, since the platforms stand there.
///
/// # Errors
/// When there are no recipes, when one is named that does not exist, when a file cannot be read.
pub fn recipe_check(options: &Options<'_>) -> Result<Outcome, Error> {
    let root = recipe_folder::root_above(&options.directory);
    let folder = root.join(RECIPES_FOLDER);
    let known = recipe_folder::names(&folder)?;
    if let Some(given) = options.names.iter().find(|name| !known.iter().any(|known| known == name.as_str())) {
        let suggestion = nearest_word(given.as_str(), known.iter().map(String::as_str)).map(str::to_owned);
        return Err(Error::Unknown(UnknownRecipe { given: given.clone(), suggestion }));
    }
    let is_asked = |name: &str| options.names.is_empty() || options.names.iter().any(|asked| asked.as_str() == name);
    let (mut mistakes, project) = project(&root)?;
    let layout = match &project {
        Some(project) => Layout::of_project(&root, project, &options.cache, options.tell)?,
        None => Layout::of_folder(&folder),
    };
    let mut found = Vec::new();
    let platforms = project.iter().flat_map(|project| &project.platforms).map(|config| &config.id);
    for platform in std::iter::once(None).chain(platforms.map(Some)) {
        match RecipeFolder::load(&layout, platform) {
            Ok(_) => {}
            Err(recipe_folder::Error::Mistakes(list)) => list.into_iter().for_each(|one| join(&mut found, one)),
            Err(error) => return Err(Error::Folder(error)),
        }
    }
    found.sort_by(|a: &Mistakes, b| a.name.cmp(&b.name));
    mistakes.extend(found.into_iter().filter(|one| owner(&one.name).is_none_or(is_asked)));
    Ok(Outcome { checked: known.into_iter().filter(|name| is_asked(name)).collect(), mistakes })
}

/// The project with the mistakes of its file; without a project file the default one.
fn project(root: &Path) -> Result<(Vec<Mistakes>, Option<Project>), Error> {
    match checkout::read_project(&root.join(PROJECT_FILE)) {
        Ok(project) => Ok((Vec::new(), Some(project))),
        Err(checkout::Error::Project(mistakes)) => Ok((vec![*mistakes], None)),
        Err(error) => Err(Error::Read(io::Error::other(error.to_string()))),
    }
}

/// The recipe that `extern-recipes/<name>/recipe.toml` is of.
fn owner(file: &str) -> Option<&str> {
    Path::new(file).parent()?.file_name()?.to_str()
}

/// Adds the mistakes of a file that are not known yet.
fn join(found: &mut Vec<Mistakes>, new: Mistakes) {
    let Some(old) = found.iter_mut().find(|old| old.name == new.name) else {
        found.push(new);
        return;
    };
    let known: BTreeSet<(usize, String)> = old.list.iter().map(|one| (one.span.start, one.what.clone())).collect();
    old.list.extend(new.list.into_iter().filter(|one| !known.contains(&(one.span.start, one.what.clone()))));
    old.list.sort_by_key(|one| (one.span.start, one.span.end));
}

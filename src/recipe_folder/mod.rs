//! The folders of recipes: reads them all, checks them against each other and the files beside them, and orders them.
//!
//! Does not know the fields of a recipe (`recipe_file/`) and builds nothing.

mod file;
pub mod layout;
mod order;
mod providers;
pub mod text;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::at_once;
use crate::model::platform::Platform;
use crate::model::project::PROJECT_FILE;
use crate::model::recipe::{Recipe, RecipeName};
use crate::model::source::{Identity, Place, Source, Unpack};
use crate::recipe_folder::file::File;
use crate::recipe_folder::layout::{Layout, Overrides};
use crate::recipe_folder::providers::Providers;
use crate::toml_file::Mistakes;
use crate::toml_file::nearest_word::nearest_word;

/// The file that makes a folder a recipe.
pub const RECIPE_FILE: &str = "recipe.toml";

/// How many recipes are read at once.
const AT_ONCE: usize = 4;

/// Why the recipes cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no folder of recipes.
    #[error("{} is no folder", folder.display())]
    NoFolder { folder: PathBuf },
    #[error("reading recipes: {0}")]
    Read(#[source] io::Error),
    /// All mistakes of all files, in order of name.
    #[error("{} recipes have mistakes", .0.len())]
    Mistakes(Vec<Mistakes>),
    /// A folder of recipes beside the project's own cannot be had.
    #[error("{place}: {reason}")]
    Overlay { place: String, reason: String },
    /// The project chooses a recipe for a name that this one does not provide.
    #[error("{chosen} does not provide {name}")]
    Choice { name: String, chosen: RecipeName, known: Vec<String> },
    /// A stack of the project, or the user, names a recipe that there is not.
    #[error("{by} names {}", unknown.given)]
    Named { by: String, unknown: UnknownRecipe },
}

/// A name that no recipe has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no recipe `{given}`")]
pub struct UnknownRecipe {
    pub given: RecipeName,
    pub suggestion: Option<String>,
}

/// All recipes of a checkout, as they hold on one platform.
#[derive(Debug, Clone, Default)]
pub struct RecipeFolder {
    /// In dependency order, each with its folder.
    recipes: Vec<Recipe>,
    folders: BTreeMap<RecipeName, PathBuf>,
    shadowed: Vec<(String, PathBuf)>,
}

impl RecipeFolder {
    /// Reads `<folder>/<name>/recipe.toml` of every sub-folder of every folder; without a platform no `[[when]]` is
    /// applied.
    ///
    /// # Errors
    /// All mistakes of all recipes at once: those of each file, needs that do not exist, needs that go round in a
    /// circle, patches and folders that are not there or lead out of the recipe's folder. Then what the project says of
    /// recipes that are not there.
    pub fn load(layout: &Layout, platform: Option<&Platform>) -> Result<RecipeFolder, Error> {
        let (mut wanted, mut shadowed) = (Vec::new(), Vec::new());
        let mut names: BTreeSet<String> = BTreeSet::new();
        for folder in &layout.folders {
            for name in self::names(folder)? {
                if !names.insert(name.clone()) {
                    shadowed.push((name.clone(), folder.join(&name)));
                    continue;
                }
                wanted.push((folder.join(&name), name));
            }
        }
        let read = |(own, name): &(PathBuf, String)| file::read_one(own, name, &layout.more_text(name), platform);
        let mut files = at_once::each(&wanted, AT_ONCE, read)?;
        files.sort_by(|a: &File, b| a.name.cmp(&b.name));
        let recipes = files.iter().filter_map(|file| file.reading.recipe.as_ref());
        let providers = Providers::of_recipes(recipes, &layout.providers);
        for file in &mut files {
            let found = file.check_mentions(&names, &providers);
            file.reading.mistakes.extend(found);
            if let Some(recipe) = &mut file.reading.recipe {
                providers.settle(recipe, |name| names.contains(name));
            }
        }
        order::note_circles(&mut files);
        let wrong: Vec<Mistakes> = files.iter().filter_map(File::mistakes).collect();
        if !wrong.is_empty() {
            return Err(Error::Mistakes(wrong));
        }
        if let Some((name, chosen, known)) = providers.wrong_choice() {
            return Err(Error::Choice { name, chosen, known });
        }
        let (mut recipes, mut folders) = (Vec::new(), BTreeMap::new());
        for file in files {
            let Some(mut recipe) = file.reading.recipe else { continue };
            recipe.build.debug.get_or_insert(layout.debug);
            folders.insert(recipe.name.clone(), file.own);
            recipes.push(recipe);
        }
        let mut folder = RecipeFolder { recipes: order::in_order(recipes), folders, shadowed };
        folder.add_stacks(&layout.stacks)?;
        folder.apply(&layout.overrides)?;
        Ok(folder)
    }

    fn add_stacks(&mut self, stacks: &[(String, Vec<RecipeName>)]) -> Result<(), Error> {
        for (stack, names) in stacks {
            for name in names {
                let unknown = self.unknown(name);
                let recipe = self.recipes.iter_mut().find(|recipe| recipe.name == *name);
                let by = format!("the stack `{stack}` of tagalong.toml");
                let recipe = recipe.ok_or(Error::Named { by, unknown })?;
                if !recipe.stacks.contains(stack) {
                    recipe.stacks.push(stack.clone());
                }
            }
        }
        Ok(())
    }

    /// Settings are in the text already; a working copy takes the place of all sources.
    fn apply(&mut self, overrides: &Overrides) -> Result<(), Error> {
        if let Some(name) = overrides.names().find(|name| self.get(name).is_none()) {
            return Err(Error::Named { by: "the command line".to_owned(), unknown: self.unknown(name) });
        }
        for (name, folder) in &overrides.copies {
            let source = Source {
                places: vec![Place::WorkingCopy(folder.clone())],
                identity: Identity::Beside,
                patches: Vec::new(),
                folder: String::new(),
                into: String::new(),
                unpack: Unpack::Archive,
            };
            self.recipes.iter_mut().filter(|recipe| recipe.name == *name).for_each(|recipe| {
                recipe.sources = vec![source.clone()];
            });
        }
        Ok(())
    }

    /// Recipes that are not used because a nearer one has their name, with their folders.
    pub fn shadowed(&self) -> &[(String, PathBuf)] {
        &self.shadowed
    }

    /// All recipes in the order in which they can be built: what is needed first, then by name.
    pub fn recipes(&self) -> &[Recipe] {
        &self.recipes
    }

    pub fn get(&self, name: &RecipeName) -> Option<&Recipe> {
        self.recipes.iter().find(|recipe| recipe.name == *name)
    }

    /// The recipes that a recipe is built after: its needs, and those of its tools that are recipes.
    pub fn before(&self, recipe: &Recipe) -> Vec<RecipeName> {
        order::before(recipe, |name| RecipeName::parse(name).is_ok_and(|name| self.folders.contains_key(&name)))
    }

    /// These recipes and all that they are built after, in the order in which they can be built.
    ///
    /// # Errors
    /// [`UnknownRecipe`] for the first name that no recipe has.
    pub fn closure(&self, names: &[RecipeName]) -> Result<Vec<&Recipe>, UnknownRecipe> {
        let mut wanted = BTreeSet::new();
        let mut open = Vec::new();
        for name in names {
            open.push(self.get(name).ok_or_else(|| self.unknown(name))?);
        }
        while let Some(recipe) = open.pop() {
            if wanted.insert(recipe.name.clone()) {
                open.extend(self.before(recipe).iter().filter_map(|name| self.get(name)));
            }
        }
        Ok(self.recipes.iter().filter(|recipe| wanted.contains(&recipe.name)).collect())
    }

    /// The folder of one recipe, where its patches are.
    pub fn folder_of(&self, name: &RecipeName) -> &Path {
        self.folders.get(name).map_or(Path::new(""), PathBuf::as_path)
    }

    fn unknown(&self, given: &RecipeName) -> UnknownRecipe {
        let known = self.recipes.iter().map(|recipe| recipe.name.as_str());
        let suggestion = nearest_word(given.as_str(), known).map(str::to_owned);
        UnknownRecipe { given: given.clone(), suggestion }
    }
}

/// The names of all sub-folders, which recipes are in; sorted.
///
/// # Errors
/// [`Error::NoFolder`], [`Error::Read`].
pub fn names(folder: &Path) -> Result<Vec<String>, Error> {
    if !folder.is_dir() {
        return Err(Error::NoFolder { folder: folder.to_owned() });
    }
    let mut names = Vec::new();
    for entry in fs_err::read_dir(folder).map_err(Error::Read)? {
        let entry = entry.map_err(Error::Read)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().is_dir() && !name.starts_with('.') {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// The root of the project that a folder is in: the nearest folder upwards with a `tagalong.toml`, else with a `.git`,
/// else the folder itself.
pub fn root_above(folder: &Path) -> PathBuf {
    let has = |name: &'static str| folder.ancestors().find(move |folder| folder.join(name).exists());
    has(PROJECT_FILE).or_else(|| has(".git")).unwrap_or(folder).to_owned()
}

/// Writes a file of a recipe in one step, with its folder; what stood there is replaced.
///
/// # Errors
/// The I/O error; what stood there stays then.
pub fn write_file(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    fs_err::create_dir_all(folder)?;
    let mut file = tempfile::Builder::new().prefix(".recipe-").tempfile_in(folder)?;
    file.write_all(bytes)?;
    let permissions = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    fs_err::set_permissions(file.path(), permissions)?;
    file.persist(folder.join(name)).map_err(|error| error.error)?;
    Ok(())
}

//! The folder of recipes: reads them all, checks them against each other and the files beside them, and orders them.
//!
//! Does not know the fields of a recipe (`recipe_file/`) and builds nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::model::platform::Platform;
use crate::model::project::PROJECT_FILE;
use crate::model::recipe::{Recipe, RecipeName};
use crate::recipe_file::{self, Mention, Mentioned, Reading};
use crate::toml_file::nearest_word::{did_you_mean, nearest_word};
use crate::toml_file::{Mistake, Mistakes};

/// The file that makes a folder a recipe.
pub const RECIPE_FILE: &str = "recipe.toml";

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
}

/// A name that no recipe has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no recipe `{given}`")]
pub struct UnknownRecipe {
    pub given: RecipeName,
    pub suggestion: Option<String>,
}

/// All recipes of a checkout, as they hold on one platform.
#[derive(Debug, Clone)]
pub struct RecipeFolder {
    folder: PathBuf,
    /// In dependency order.
    recipes: Vec<Recipe>,
}

impl RecipeFolder {
    /// Reads `<folder>/<name>/recipe.toml` of every sub-folder; without a platform no `[[when]]` is applied.
    ///
    /// # Errors
    /// All mistakes of all recipes at once: those of each file, needs that do not exist, needs that go round in a
    /// circle, patches and folders that are not there or lead out of the recipe's folder.
    pub fn load(folder: &Path, platform: Option<&Platform>) -> Result<RecipeFolder, Error> {
        let mut files = read_all(folder, platform)?;
        let names: BTreeSet<String> = files.iter().map(|file| file.name.clone()).collect();
        for file in &mut files {
            let found = file.check_mentions(folder, &names);
            file.reading.mistakes.extend(found);
        }
        note_circles(&mut files);
        let wrong: Vec<Mistakes> = files.iter().filter_map(|file| file.mistakes(folder)).collect();
        if !wrong.is_empty() {
            return Err(Error::Mistakes(wrong));
        }
        let recipes = files.into_iter().filter_map(|file| file.reading.recipe).collect();
        Ok(RecipeFolder { folder: folder.to_owned(), recipes: in_order(recipes) })
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
        before(recipe, |name| self.recipes.iter().any(|known| known.name.as_str() == name))
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
    pub fn folder_of(&self, name: &RecipeName) -> PathBuf {
        self.folder.join(name.as_str())
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

/// One recipe file that was read.
struct File {
    /// The name of its folder.
    name: String,
    text: String,
    reading: Reading,
}

impl File {
    fn mistakes(&self, folder: &Path) -> Option<Mistakes> {
        let mut list = self.reading.mistakes.clone();
        list.sort_by_key(|mistake| (mistake.span.start, mistake.span.end));
        let shown = Path::new(folder.file_name().unwrap_or(folder.as_os_str())).join(&self.name).join(RECIPE_FILE);
        let name = shown.display().to_string();
        (!list.is_empty()).then(|| Mistakes { name, text: self.text.clone(), list })
    }

    fn check_mentions(&self, folder: &Path, names: &BTreeSet<String>) -> Vec<Mistake> {
        let own = folder.join(&self.name);
        self.reading.mentions.iter().filter_map(|mention| self.check_mention(mention, &own, names)).collect()
    }

    fn check_mention(&self, mention: &Mention, own: &Path, names: &BTreeSet<String>) -> Option<Mistake> {
        let mistake = |what: String, hint: Option<String>| Some(Mistake { span: mention.span.clone(), what, hint });
        let name = mention.name.escape_debug();
        match mention.kind {
            Mentioned::Itself if mention.name != self.name => {
                let hint = "the folder and the recipe have the same name".to_owned();
                mistake(format!("the recipe is named `{name}`, its folder `{}`", self.name), Some(hint))
            }
            Mentioned::Need if !names.contains(&mention.name) => {
                let hint = did_you_mean(&mention.name, names.iter().map(String::as_str));
                let hint = hint.unwrap_or_else(|| format!("`tagalong recipe new {name} --url URL` makes one"));
                mistake(format!("there is no recipe `{name}`"), Some(hint))
            }
            Mentioned::Patch | Mentioned::Path => match beside(own, &mention.name) {
                Beside::Inside => None,
                Beside::Absent => {
                    mistake(format!("there is no `{name}` beside the recipe"), nearest_file(own, &mention.name))
                }
                Beside::Outside => {
                    mistake(format!("`{name}` leads out of the recipe's folder"), Some("copy it there".to_owned()))
                }
            },
            _ => None,
        }
    }
}

enum Beside {
    Inside,
    Outside,
    Absent,
}

fn beside(own: &Path, name: &str) -> Beside {
    let found = fs_err::canonicalize(own).and_then(|own| Ok((fs_err::canonicalize(own.join(name))?, own)));
    match found {
        Ok((path, own)) if path.starts_with(&own) && path != own => Beside::Inside,
        Ok(_) => Beside::Outside,
        Err(_) => Beside::Absent,
    }
}

fn nearest_file(own: &Path, name: &str) -> Option<String> {
    let entries = fs_err::read_dir(own).ok()?;
    let names: Vec<String> = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
    did_you_mean(name, names.iter().map(String::as_str).filter(|name| *name != RECIPE_FILE))
}

/// Every recipe file below a folder, by name.
fn read_all(folder: &Path, platform: Option<&Platform>) -> Result<Vec<File>, Error> {
    names(folder)?.into_iter().map(|name| read_one(&folder.join(&name), name, platform)).collect()
}

fn read_one(folder: &Path, name: String, platform: Option<&Platform>) -> Result<File, Error> {
    let unreadable = |what: &str, hint: Option<String>| Reading {
        recipe: None,
        mentions: Vec::new(),
        mistakes: vec![Mistake { span: 0..0, what: what.to_owned(), hint }],
    };
    let bytes = match fs_err::read(folder.join(RECIPE_FILE)) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let hint = "every folder among the recipes is a recipe: write one, or move the folder elsewhere";
            let reading = unreadable("there is no `recipe.toml` in this folder", Some(hint.to_owned()));
            return Ok(File { name, text: String::new(), reading });
        }
        Err(error) => return Err(Error::Read(error)),
    };
    Ok(match String::from_utf8(bytes) {
        Ok(text) => File { name, reading: recipe_file::read(&text, platform), text },
        Err(error) => {
            let line = 1 + error.as_bytes()[..error.utf8_error().valid_up_to()].iter().filter(|b| **b == b'\n').count();
            let reading = unreadable(&format!("line {line} is not UTF-8, which TOML is written in"), None);
            File { name, text: String::new(), reading }
        }
    })
}

fn before(recipe: &Recipe, is_recipe: impl Fn(&str) -> bool) -> Vec<RecipeName> {
    let tools = recipe.tools.iter().filter(|tool| is_recipe(tool) && **tool != recipe.name.as_str());
    let mut names = recipe.needs.clone();
    names.extend(tools.filter_map(|tool| RecipeName::parse(tool).ok()));
    names.sort();
    names.dedup();
    names
}

/// Notes each circle of needs once, at the first of its recipes by name.
fn note_circles(files: &mut [File]) {
    let names: BTreeSet<String> = files.iter().map(|file| file.name.clone()).collect();
    let edges: BTreeMap<String, Vec<String>> = files
        .iter()
        .filter_map(|file| Some((file.name.clone(), file.reading.recipe.as_ref()?)))
        .map(|(name, recipe)| {
            let before = before(recipe, |name| names.contains(name));
            (name, before.iter().map(|name| name.as_str().to_owned()).collect())
        })
        .collect();
    let mut told: BTreeSet<BTreeSet<String>> = BTreeSet::new();
    for file in files {
        let Some(circle) = circle_from(&file.name, &edges) else { continue };
        if !told.insert(circle.iter().cloned().collect()) {
            continue;
        }
        let next = circle.get(1).unwrap_or(&file.name);
        let is_edge =
            |mention: &&Mention| matches!(mention.kind, Mentioned::Need | Mentioned::Tool) && mention.name == *next;
        let span = file.reading.mentions.iter().find(is_edge).map_or(0..0, |mention| mention.span.clone());
        let what = format!("`{}` needs itself: {}", file.name, circle.join(" -> "));
        file.reading.mistakes.push(Mistake { span, what, hint: Some("one of these needs must go".to_owned()) });
    }
}

/// The shortest way from a recipe back to itself, if there is one: `a, b, a`.
fn circle_from(start: &str, edges: &BTreeMap<String, Vec<String>>) -> Option<Vec<String>> {
    let mut came_from: BTreeMap<&str, &str> = BTreeMap::new();
    let mut open = std::collections::VecDeque::from([start]);
    while let Some(here) = open.pop_front() {
        for next in edges.get(here).into_iter().flatten() {
            if next == start {
                let mut way = vec![start.to_owned()];
                let mut at = here;
                while at != start {
                    way.push(at.to_owned());
                    at = came_from.get(at)?;
                }
                way.push(start.to_owned());
                way.reverse();
                return Some(way);
            }
            if !came_from.contains_key(next.as_str()) {
                came_from.insert(next, here);
                open.push_back(next);
            }
        }
    }
    None
}

/// Orders recipes without circles: of those whose needs all stand before, the first by name comes next.
fn in_order(recipes: Vec<Recipe>) -> Vec<Recipe> {
    let names: BTreeSet<String> = recipes.iter().map(|recipe| recipe.name.as_str().to_owned()).collect();
    let mut left: BTreeMap<RecipeName, Recipe> =
        recipes.into_iter().map(|recipe| (recipe.name.clone(), recipe)).collect();
    let mut done: Vec<Recipe> = Vec::new();
    let mut ready_names: BTreeSet<RecipeName> = BTreeSet::new();
    while !left.is_empty() {
        let is_ready =
            |recipe: &Recipe| before(recipe, |name| names.contains(name)).iter().all(|name| ready_names.contains(name));
        let next = left.values().find(|recipe| is_ready(recipe)).map(|recipe| recipe.name.clone());
        // Without a circle one is always ready; were there one, the rest would follow by name.
        let Some(recipe) = next.or_else(|| left.keys().next().cloned()).and_then(|name| left.remove(&name)) else {
            break;
        };
        ready_names.insert(recipe.name.clone());
        done.push(recipe);
    }
    done
}

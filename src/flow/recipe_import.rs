//! `recipe import`: a recipe of another system -read, told line by line-> recipe and patches in the project.
//!
//! Does not know the other systems (`recipe_import/`) and fetches nothing.

use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use crate::model::project::RECIPES_FOLDER;
use crate::model::recipe::RecipeName;
use crate::recipe_file;
use crate::recipe_folder::{self, RECIPE_FILE};
use crate::recipe_import::found::{Found, Lost};
use crate::recipe_import::{self, Format, Given, ImportError, write};
use crate::toml_file::Mistakes;

/// The most of a file that is read, in bytes: recipes are written by hand, patches sometimes by machines.
const LARGEST_RECIPE: u64 = 256 << 10;
const LARGEST_PATCH: u64 = 16 << 20;

/// What is to be imported.
#[derive(Debug, Clone)]
pub struct Options {
    /// A folder of the project.
    pub directory: PathBuf,
    /// The file of the other system, absolute.
    pub file: PathBuf,
    /// `None` where the file tells it.
    pub format: Option<Format>,
    /// The recipe's name and version, where the file does not tell them, or tells them wrong.
    pub name: Option<RecipeName>,
    pub version: Option<String>,
    pub overwrite: Overwrite,
}

/// What happens to a recipe that is there already, or to the disk at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overwrite {
    Never,
    Always,
    /// Nothing is written.
    DryRun,
}

/// What was made.
#[derive(Debug, Clone)]
pub struct Outcome {
    pub name: RecipeName,
    pub version: String,
    pub format: Format,
    /// The recipe file, from the root of the project.
    pub path: PathBuf,
    pub text: String,
    /// The patches that were copied beside it.
    pub patches: Vec<String>,
    /// The needs that the project has no recipe for.
    pub missing_needs: Vec<String>,
    /// What was not carried, in the order of the files.
    pub lost: Vec<Lost>,
}

/// Why nothing was made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{} exists", path.display())]
    Exists { path: PathBuf },
    #[error("{} is not there", path.display())]
    NoFile { path: PathBuf },
    #[error("{}: {reason}", path.display())]
    Unreadable { path: PathBuf, reason: String },
    #[error("{} is of no known format", path.display())]
    UnknownFormat { path: PathBuf },
    #[error("{}: {source}", path.display())]
    Import { path: PathBuf, source: ImportError },
    /// The file tells no name that a recipe may have.
    #[error("{} names nothing", path.display())]
    NoName { path: PathBuf, given: Option<String> },
    #[error("{} tells no version", path.display())]
    NoVersion { path: PathBuf },
    /// What was read makes no right recipe.
    #[error(transparent)]
    Mistakes(Mistakes),
    #[error("{0}")]
    Disk(#[source] io::Error),
}

/// Makes a recipe of another system's one.
///
/// # Errors
/// [`Error`]; nothing is written then.
pub fn recipe_import(options: &Options) -> Result<Outcome, Error> {
    let path = &options.file;
    let text = read(path, LARGEST_RECIPE)?;
    let (file, folder) = (name_of(Some(path)), name_of(path.parent()));
    let format = options.format.or_else(|| Format::of(&file, &text));
    let format = format.ok_or_else(|| Error::UnknownFormat { path: path.clone() })?;
    let script = path.parent().map(|folder| folder.join("build.sh"));
    let script = script.filter(|script| script.is_file()).map(|script| read(&script, LARGEST_RECIPE)).transpose()?;
    let given = Given { file: &file, folder: Some(&folder), text: &text, script: script.as_deref() };
    let mut found =
        recipe_import::read(format, &given).map_err(|source| Error::Import { path: path.clone(), source })?;
    let name = match &options.name {
        Some(name) => name.clone(),
        None => {
            let parsed = found.name.as_deref().and_then(|name| RecipeName::parse(name).ok());
            parsed.ok_or_else(|| Error::NoName { path: path.clone(), given: found.name.clone() })?
        }
    };
    let version = options.version.clone().or_else(|| found.version.clone());
    let version = version.ok_or_else(|| Error::NoVersion { path: path.clone() })?;
    let root = recipe_folder::root_above(&options.directory);
    let own = root.join(RECIPES_FOLDER).join(name.as_str());
    if options.overwrite == Overwrite::Never && own.join(RECIPE_FILE).exists() {
        return Err(Error::Exists { path: own.join(RECIPE_FILE) });
    }
    let patches = patches_beside(&mut found, path, &text)?;
    found.lost.sort_by(|a, b| (a.file != file, &a.file, a.line).cmp(&(b.file != file, &b.file, b.line)));
    let written = write::write(&found, name.as_str(), &version, &file);
    let shown = Path::new(RECIPES_FOLDER).join(name.as_str()).join(RECIPE_FILE);
    recipe_file::parse(&shown.display().to_string(), &written, None).map_err(Error::Mistakes)?;
    if options.overwrite != Overwrite::DryRun {
        for (patch, bytes) in &patches {
            let beside = own.join(patch);
            let folder = beside.parent().unwrap_or(&own);
            recipe_folder::write_file(folder, &name_of(Some(&beside)), bytes).map_err(Error::Disk)?;
        }
        recipe_folder::write_file(&own, RECIPE_FILE, written.as_bytes()).map_err(Error::Disk)?;
    }
    let is_missing = |need: &&String| !root.join(RECIPES_FOLDER).join(need.as_str()).join(RECIPE_FILE).exists();
    let missing_needs = found.needs.iter().filter(is_missing).cloned().collect();
    let patches = patches.into_iter().map(|(patch, _)| patch).collect();
    Ok(Outcome { name, version, format, path: shown, text: written, patches, missing_needs, lost: found.lost })
}

fn name_of(path: Option<&Path>) -> String {
    path.and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn read(path: &Path, limit: u64) -> Result<String, Error> {
    let unreadable = |reason: String| Error::Unreadable { path: path.to_owned(), reason };
    let bytes = match read_bytes(path, limit) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(Error::NoFile { path: path.to_owned() });
        }
        Err(error) => return Err(unreadable(error.to_string())),
    };
    if bytes.len() as u64 > limit {
        return Err(unreadable(format!("it has more than {limit} bytes")));
    }
    String::from_utf8(bytes).map_err(|_| unreadable("it is not UTF-8".to_owned()))
}

/// The bytes of a file, one more than `limit` at the most.
fn read_bytes(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    fs_err::File::open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The patches that lie beside the file; those that do not are taken out of the recipe, and told.
fn patches_beside(found: &mut Found, path: &Path, text: &str) -> Result<Vec<(String, Vec<u8>)>, Error> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut patches: Vec<(String, Vec<u8>)> = Vec::new();
    let mut lost = Vec::new();
    for source in &mut found.sources {
        source.patches.retain(|patch| {
            if patches.iter().any(|(known, _)| known == patch) {
                return true;
            }
            let bytes = patch_bytes(folder, patch);
            match bytes {
                Ok(bytes) => {
                    patches.push((patch.clone(), bytes));
                    true
                }
                Err(reason) => {
                    lost.push((patch.clone(), reason));
                    false
                }
            }
        });
    }
    for (patch, reason) in lost {
        let place = text.lines().position(|line| line.contains(&patch));
        let line = place.map_or(1, |place| place + 1);
        let text = text.lines().nth(line - 1).unwrap_or_default().trim().to_owned();
        let why = format!("the patch cannot be taken over: {reason}");
        found.lost.push(Lost { file: name_of(Some(path)), line, text, why });
    }
    Ok(patches)
}

fn patch_bytes(folder: &Path, patch: &str) -> Result<Vec<u8>, String> {
    let is_inside = Path::new(patch).components().all(|part| matches!(part, Component::Normal(_)));
    if !is_inside || patch.chars().any(char::is_control) || patch == RECIPE_FILE {
        return Err("it does not lie below the folder of the file".to_owned());
    }
    let real = |path: &Path| fs_err::canonicalize(path).map_err(|_| "it is not there".to_owned());
    let path = real(&folder.join(patch))?;
    if !path.starts_with(real(folder)?) || !path.is_file() {
        return Err("it leads out of the folder of the file".to_owned());
    }
    let bytes = read_bytes(&path, LARGEST_PATCH).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > LARGEST_PATCH { Err("it is too large".to_owned()) } else { Ok(bytes) }
}

//! `recipe new`: place -fetch, digest, look inside, guess-> the first version of a recipe.
//!
//! Does not know the format (`recipe_file/draft.rs`) and does not guess (`recipe_file/guess.rs`).

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::archive::foreign::{self, ForeignError};
use crate::http::{Client, HttpError};
use crate::model::event::Tell;
use crate::model::project::RECIPES_FOLDER;
use crate::model::recipe::RecipeName;
use crate::model::source::Place;
use crate::recipe_file::draft::{Draft, Guess};
use crate::recipe_file::{self, guess};
use crate::recipe_folder::{self, RECIPE_FILE};
use crate::sources::{self, Fetcher};
use crate::toml_file::Mistakes;

/// How much of a file is looked at, in bytes.
const LOOKED_AT: u64 = 2 << 20;

/// What is to be made.
#[derive(Debug, Clone)]
pub struct Options {
    /// A folder of the project.
    pub directory: PathBuf,
    pub name: RecipeName,
    pub origin: Origin,
    /// What the version is, if its origin does not tell, or tells it wrong.
    pub version: Option<String>,
    pub overwrite: Overwrite,
    pub cache: PathBuf,
    pub mirrors: Vec<String>,
}

/// Where a new recipe's source comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    Url(String),
    Debian(String),
    Crate(String),
    Pypi(String),
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
    /// The recipe file, from the root of the project.
    pub path: PathBuf,
    pub text: String,
    pub version: String,
    pub license: Option<String>,
    pub system: Option<&'static str>,
}

/// Why none was made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{} exists", path.display())]
    Exists { path: PathBuf },
    /// The origin's text does not name one release.
    #[error("`{given}` does not name one release")]
    Release { given: String, example: &'static str },
    /// The version can be told neither from the address nor otherwise.
    #[error("no version in `{given}`")]
    NoVersion { given: String },
    #[error(transparent)]
    Source(#[from] sources::Error),
    #[error(transparent)]
    Unpack(#[from] ForeignError),
    #[error(transparent)]
    Http(#[from] HttpError),
    /// What was given makes no right recipe.
    #[error(transparent)]
    Mistakes(Mistakes),
    #[error("{0}")]
    Disk(#[source] io::Error),
}

/// Makes a recipe for a source that is fetched now.
///
/// # Errors
/// When there is one already, the source cannot be fetched or unpacked, or its version is not known.
pub fn recipe_new(options: &Options, tell: Tell) -> Result<Outcome, Error> {
    let root = recipe_folder::root_above(&options.directory);
    let folder = root.join(RECIPES_FOLDER).join(options.name.as_str());
    let path = folder.join(RECIPE_FILE);
    if options.overwrite == Overwrite::Never && path.exists() {
        return Err(Error::Exists { path });
    }
    let origin = Release::of(&options.origin, options.version.as_deref())?;
    let client = Client::new()?;
    let fetcher = Fetcher::new(&options.cache, &options.mirrors, &client);
    let (archive, digest) = fetcher.discover(&options.name, &origin.place, &root, tell)?;
    let scratch = tempfile::tempdir().map_err(Error::Disk)?;
    let tree = scratch.path().join("source");
    foreign::unpack(&archive, &tree)?;
    let is_python = matches!(options.origin, Origin::Pypi(_));
    let Look { license, build } = look(&tree, is_python).map_err(Error::Disk)?;
    let draft = Draft {
        name: options.name.clone(),
        version: origin.version.clone(),
        license,
        place: origin.written,
        digest,
        build,
    };
    let text = draft.write();
    let shown = Path::new(RECIPES_FOLDER).join(options.name.as_str()).join(RECIPE_FILE);
    recipe_file::parse(&shown.display().to_string(), &text, None).map_err(Error::Mistakes)?;
    if options.overwrite != Overwrite::DryRun {
        recipe_folder::write_file(&folder, RECIPE_FILE, text.as_bytes()).map_err(Error::Disk)?;
    }
    Ok(Outcome {
        path: shown,
        text,
        version: draft.version,
        license: draft.license.map(|(license, _)| license),
        system: draft.build.map(|guess| guess.system.name()),
    })
}

/// An origin with its version, and how the recipe writes it.
struct Release {
    place: Place,
    version: String,
    written: (&'static str, String),
}

impl Release {
    fn of(origin: &Origin, asked: Option<&str>) -> Result<Release, Error> {
        let named = |text: &str, mark: &str, example: &'static str| {
            let pair = text.split_once(mark).filter(|(name, version)| !name.is_empty() && !version.is_empty());
            let pair = pair.map(|(name, version)| (name.to_owned(), version.to_owned()));
            pair.ok_or_else(|| Error::Release { given: text.to_owned(), example })
        };
        let (place, found, field, text) = match origin {
            Origin::Url(url) => {
                let file = url.split(['?', '#']).next().unwrap_or(url).rsplit('/').next().unwrap_or(url);
                (Place::Url(url.clone()), guess::version(file), "url", url.clone())
            }
            Origin::Debian(file) => (Place::Debian(file.clone()), guess::version(file), "debian", file.clone()),
            Origin::Crate(text) => {
                let (name, version) = named(text, "@", "libz-sys@1.1.20")?;
                (Place::Crate { name, version: version.clone() }, Some(version), "crate", text.clone())
            }
            Origin::Pypi(text) => {
                let (name, version) = named(text, "==", "numpy==1.26.4")?;
                (Place::Pypi { name, version: version.clone() }, Some(version), "pypi", text.clone())
            }
        };
        let version = asked.map(str::to_owned).or(found).ok_or_else(|| Error::NoVersion { given: text.clone() })?;
        // A short version is in the address by chance: only one that looks like one is put in its place.
        let is_telling = field == "url" && version.contains('.');
        let written = if is_telling { text.replace(&version, "{version}") } else { text };
        Ok(Release { place, version, written: (field, written) })
    }
}

/// What a tree looks like.
struct Look {
    /// An SPDX id and the file it was guessed from.
    license: Option<(String, String)>,
    build: Option<Guess>,
}

/// Looks at a tree; a Python package is built by pip, whatever else lies in it.
fn look(tree: &Path, is_python: bool) -> io::Result<Look> {
    let mut files = Vec::new();
    list(tree, "", 2, &mut files)?;
    let mut license = None;
    for file in files.iter().filter(|file| !file.contains('/') && guess::is_licence_file(file)) {
        let found = guess::licence(&head(&tree.join(file))?);
        license = license.or(found.map(|found| (found.to_owned(), file.clone())));
    }
    let mut names: Vec<&str> = files.iter().map(String::as_str).collect();
    if is_python {
        names.retain(|name| ["pyproject.toml", "setup.py"].contains(name));
    }
    let build = match guess::build_system(&names) {
        Some((system, folder, file)) => {
            let text = head(&tree.join(folder).join(file))?;
            Some(Guess { system, folder: folder.to_owned(), file: file.to_owned(), text })
        }
        None => None,
    };
    Ok(Look { license, build })
}

/// The files of a tree, so many folders deep.
fn list(folder: &Path, prefix: &str, depth: usize, files: &mut Vec<String>) -> io::Result<()> {
    for entry in fs_err::read_dir(folder)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let path = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
        let kind = entry.file_type()?;
        if kind.is_file() {
            files.push(path);
        } else if kind.is_dir() && depth > 0 {
            list(&entry.path(), &path, depth - 1, files)?;
        }
    }
    files.sort();
    Ok(())
}

fn head(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    fs_err::File::open(path)?.take(LOOKED_AT).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

//! `recipe update`: recipe -put the version in-> places -fetch, digest-> patches tried -> the recipe written anew.
//!
//! Does not know which words of the text change (`recipe_file/update.rs`).

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use crate::http::{Client, HttpError};
use crate::model::digest::Digest;
use crate::model::event::{Event, Tell};
use crate::model::project::RECIPES_FOLDER;
use crate::model::recipe::{Recipe, RecipeName};
use crate::model::source::{Identity, Place, Source};
use crate::recipe_file::update::{self, Block, KeptVersion, Update, UpdateFault};
use crate::recipe_folder::{self, RECIPE_FILE, UnknownRecipe};
use crate::sources::discover::{commits_of_tags, tags_of};
use crate::sources::trial::{Trial, try_patches};
use crate::sources::{self, Fetched, Fetcher, describe};
use crate::toml_file::nearest_word::nearest_word;

/// What is to be updated.
#[derive(Debug, Clone)]
pub struct Options {
    /// A folder of the project.
    pub directory: PathBuf,
    pub name: RecipeName,
    pub version: String,
    pub writing: Writing,
    pub cache: PathBuf,
    pub mirrors: Vec<String>,
}

/// Whether the recipe is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writing {
    Done,
    /// All is fetched and tried, nothing is written.
    DryRun,
}

/// What was found and written.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The recipe file, from the root of the project.
    pub path: PathBuf,
    pub from: String,
    /// The sources that are others now; none when the recipe was at this version already.
    pub sources: Vec<NewSource>,
    pub patches: Vec<Trial>,
    /// The `[[when]]` whose own versions stay.
    pub kept: Vec<KeptVersion>,
    pub text: String,
}

/// A source of the new version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSource {
    /// The globs of the `[[when]]` that it is of; none for the recipe itself.
    pub platforms: Vec<String>,
    /// The place that gave it.
    pub place: String,
    /// A digest or a commit.
    pub was: String,
    pub is: String,
}

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Unknown(UnknownRecipe),
    #[error(transparent)]
    Folder(recipe_folder::Error),
    #[error(transparent)]
    Update(#[from] UpdateFault),
    /// No source is another one with the new version.
    #[error("no source of {name} names its version")]
    Unmoved { name: RecipeName, places: Vec<String> },
    /// A source of the new version cannot be had; parts of the old version are written out in its places.
    #[error("{source}")]
    Fetch { source: sources::Error, pinned: Vec<String> },
    /// The repository has no tag of the new version.
    #[error("{place} has no tag for {version}")]
    NoTag { place: String, version: String, tags: Vec<String> },
    #[error(transparent)]
    Source(sources::Error),
    #[error(transparent)]
    Http(#[from] HttpError),
    #[error("{0}")]
    Disk(#[source] io::Error),
}

/// Puts a version into a recipe, with the digests of its sources.
///
/// # Errors
/// [`Error`]; nothing is written then. Patches that no longer apply are no error: they are told.
pub fn recipe_update(options: &Options, tell: Tell) -> Result<Outcome, Error> {
    let root = recipe_folder::root_above(&options.directory);
    let folder = root.join(RECIPES_FOLDER).join(options.name.as_str());
    let path = Path::new(RECIPES_FOLDER).join(options.name.as_str()).join(RECIPE_FILE);
    let text = read(&root, &options.name)?;
    let update = update::update(&path.display().to_string(), &text, &options.version)?;
    let client = Client::new()?;
    let fetcher = Fetcher::new(&options.cache, &options.mirrors, &client);
    let work = Work { options, folder: &folder, update: &update, fetcher: &fetcher, tell };
    let mut found = BTreeMap::new();
    for (place, block) in update.blocks.iter().enumerate() {
        for (source, fresh) in work.sources_of(block)? {
            found.insert((place, source), fresh);
        }
    }
    if found.is_empty() && update.from != options.version {
        work.refuse_unmoved()?;
    }
    let patches = work.try_patches(&found)?;
    let changes = |((block, source), fresh): (&(usize, usize), &Fresh)| (*block, *source, fresh.identity.clone());
    let text = update.text_with(&found.iter().map(changes).collect::<Vec<_>>());
    if options.writing == Writing::Done && (!found.is_empty() || update.from != options.version) {
        recipe_folder::write_file(&folder, RECIPE_FILE, text.as_bytes()).map_err(Error::Disk)?;
    }
    let sources = found.into_iter().map(|((block, _), fresh)| NewSource {
        platforms: update.blocks[block].platforms.clone(),
        place: fresh.place,
        was: fresh.was,
        is: fresh.identity,
    });
    let sources = sources.collect();
    Ok(Outcome { path, from: update.from.clone(), sources, patches, kept: update.kept.clone(), text })
}

fn read(root: &Path, name: &RecipeName) -> Result<String, Error> {
    let folder = root.join(RECIPES_FOLDER);
    let path = folder.join(name.as_str()).join(RECIPE_FILE);
    match fs_err::read_to_string(path) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let names = recipe_folder::names(&folder).map_err(Error::Folder)?;
            let suggestion = nearest_word(name.as_str(), names.iter().map(String::as_str)).map(str::to_owned);
            Err(Error::Unknown(UnknownRecipe { given: name.clone(), suggestion }))
        }
        Err(error) => Err(Error::Folder(recipe_folder::Error::Read(error))),
    }
}

/// A source of the new version, fetched or found.
struct Fresh {
    /// `None` for what comes from git: it is fetched by its commit.
    file: Option<PathBuf>,
    place: String,
    was: String,
    identity: String,
}

struct Work<'a> {
    options: &'a Options,
    folder: &'a Path,
    update: &'a Update,
    fetcher: &'a Fetcher<'a>,
    tell: Tell<'a>,
}

impl Work<'_> {
    /// The sources of a block that are others with the new version.
    fn sources_of(&self, block: &Block) -> Result<Vec<(usize, Fresh)>, Error> {
        let mut found = Vec::new();
        for (place, (source, spot)) in block.recipe.sources.iter().zip(&block.spots).enumerate() {
            let is_new = self.update.from != self.options.version;
            let fresh = match &source.identity {
                Identity::Sha256(digest) if spot.is_moved || is_unknown(digest) => {
                    Some(self.fetch(block, place, digest)?)
                }
                Identity::Commit(commit) if is_new => self.commit(block, source, commit)?,
                _ => None,
            };
            found.extend(fresh.map(|fresh| (place, fresh)));
        }
        Ok(found)
    }

    fn fetch(&self, block: &Block, place: usize, was: &Digest) -> Result<Fresh, Error> {
        let (source, pinned) = (&block.recipe.sources[place], &block.spots[place].pinned);
        let found = self.fetcher.discover_any(&block.recipe.name, source, self.folder, self.tell);
        let found = found.map_err(|source| Error::Fetch { source, pinned: pinned.clone() })?;
        if found.digest == *was {
            let text = format!("{} gives the bytes of the version before", found.place);
            (self.tell)(Event::Note { text });
        }
        for part in pinned.iter().filter(|_| !found.tries.is_empty()) {
            let text = format!("`{part}`, a part of the version before, is written out in a place of the source");
            (self.tell)(Event::Note { text });
        }
        let was = if is_unknown(was) { "not known".to_owned() } else { was.hex() };
        Ok(Fresh { file: Some(found.file), place: found.place, was, identity: found.digest.hex() })
    }

    /// The commit of the new version's tag; `None` for a repository whose commit does not go with the version.
    fn commit(&self, block: &Block, source: &Source, was: &str) -> Result<Option<Fresh>, Error> {
        let Some(place) = source.places.iter().find(|place| matches!(place, Place::Git { .. })) else {
            return Ok(None);
        };
        let name = &block.recipe.name;
        let tags = tags_of(name, &self.options.version);
        let mut asked = tags.clone();
        asked.extend(tags_of(name, &self.update.from));
        (self.tell)(Event::SourceFetching { name: name.clone(), place: describe(place) });
        let there = commits_of_tags(name, place, &asked).map_err(Error::Source)?;
        let place = describe(place);
        if let Some((_, commit)) = there.iter().find(|(tag, _)| tags.contains(tag)) {
            return Ok(Some(Fresh { file: None, place, was: was.to_owned(), identity: commit.clone() }));
        }
        let goes_with_version = there.iter().any(|(_, commit)| commit == was) || block.recipe.sources.len() == 1;
        if goes_with_version {
            return Err(Error::NoTag { place, version: self.options.version.clone(), tags });
        }
        (self.tell)(Event::Note { text: format!("{place} has no tag of either version; its commit stays") });
        Ok(None)
    }

    fn refuse_unmoved(&self) -> Result<(), Error> {
        let sources = self.update.blocks.iter().flat_map(|block| &block.recipe.sources);
        let is_beside = |source: &&Source| source.identity == Identity::Beside;
        let places: Vec<String> =
            sources.filter(|source| !is_beside(source)).flat_map(|source| &source.places).map(describe).collect();
        if places.is_empty() {
            return Ok(());
        }
        Err(Error::Unmoved { name: self.options.name.clone(), places })
    }

    /// Lays out what is new, and tries its patches.
    fn try_patches(&self, found: &BTreeMap<(usize, usize), Fresh>) -> Result<Vec<Trial>, Error> {
        let mut trials: Vec<Trial> = Vec::new();
        for (number, block) in self.update.blocks.iter().enumerate() {
            let mut recipe = Recipe { sources: Vec::new(), ..block.recipe.clone() };
            let mut fetched = Vec::new();
            for ((_, place), fresh) in found.range((number, 0)..(number + 1, 0)) {
                let mut source = block.recipe.sources[*place].clone();
                match &fresh.file {
                    Some(file) => fetched.push(Fetched::File(file.clone())),
                    None => {
                        source.identity = Identity::Commit(fresh.identity.clone());
                        let got = self.fetcher.fetch(&recipe, &source, self.folder, self.tell);
                        fetched.push(got.map_err(Error::Source)?);
                    }
                }
                recipe.sources.push(source);
            }
            let scratch = tempfile::tempdir().map_err(Error::Disk)?;
            let tried = try_patches(&recipe, self.folder, &fetched, &scratch.path().join("build"));
            for trial in tried.map_err(Error::Source)? {
                // The same patch on the same source, once for each `[[when]]`.
                if !trials.contains(&trial) {
                    trials.push(trial);
                }
            }
        }
        Ok(trials)
    }
}

/// Sixty-four zeros stand where nobody knew the digest, as `recipe import` writes it.
fn is_unknown(digest: &Digest) -> bool {
    digest.hex().bytes().all(|byte| byte == b'0')
}

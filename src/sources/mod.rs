//! Fetches sources: from the first place that has the right bytes, into a cache named by digest.
//!
//! One file per kind of place. Does not build (`builder/`); `prepare.rs` unpacks and patches.
//!
//! ```text
//! <cache>/sources/<aa>/<sha256>         a file, read-only, verified whenever it is used
//! <cache>/sources/git/<digest of url>/  a bare repository per address, and a tar of each commit
//! ```

mod beside;
mod cargo_registry;
mod debian;
pub mod discover;
mod git;
mod kept;
mod mirror;
mod patch;
pub mod prepare;
mod program;
mod pypi;
pub mod trial;
mod web;

use std::io;
use std::path::{Path, PathBuf};

use crate::archive::foreign::ForeignError;
use crate::http::Client;
use crate::model::digest::Digest;
use crate::model::event::{Event, Tell};
use crate::model::recipe::{Recipe, RecipeName};
use crate::model::source::{Identity, Place, Source};
use crate::sources::kept::Kept;
pub use crate::sources::prepare::prepare;

/// The largest source file that is fetched, in bytes.
const LARGEST_SOURCE: u64 = 8 << 30;

/// What was fetched; its bytes are the right ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fetched {
    /// An archive, or a single file.
    File(PathBuf),
    /// A folder beside the recipe.
    Folder(PathBuf),
}

/// Why a source cannot be had, or cannot be made ready for a build.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No place gave the right bytes.
    #[error("{recipe}: no place gave the source")]
    Unavailable { recipe: RecipeName, wanted: Wanted, tries: Vec<Try> },
    /// What the recipe says lies beside it does not, or leads elsewhere.
    #[error("{recipe}: {} is not there", path.display())]
    Beside { recipe: RecipeName, path: PathBuf, reason: String },
    #[error("{recipe}: {source}")]
    Unpack { recipe: RecipeName, source: ForeignError },
    /// A patch does not apply; `output` is what `patch` said.
    #[error("{recipe}: {patch} does not apply")]
    Patch { recipe: RecipeName, patch: String, output: String },
    /// A patch applies a second time, so it cannot be told whether it was applied.
    #[error("{recipe}: {patch} applies twice")]
    PatchTwice { recipe: RecipeName, patch: String },
    /// The folder that the source is said to have is not in it.
    #[error("{recipe}: no folder {folder} in the source")]
    NoFolder { recipe: RecipeName, folder: String, there: Vec<String> },
    /// Two sources hold the same file.
    #[error("{recipe}: two sources hold {path}")]
    Twice { recipe: RecipeName, path: String },
    #[error("`{program}` cannot be run: {reason}")]
    Program { program: &'static str, reason: String },
    #[error("{0}")]
    Disk(#[source] io::Error),
}

/// What decides which bytes are right, or that none does yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    Digest(Digest),
    Commit(String),
    /// A source that is looked at for the first time, by `recipe new`.
    Anything,
}

/// A place that was asked, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Try {
    pub place: String,
    pub reason: Reason,
}

/// Why a place did not give a source.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    #[error("it has no such file")]
    Absent,
    #[error("its bytes are others: SHA-256 {found}")]
    WrongDigest { found: Digest },
    #[error("{0}")]
    Unreachable(String),
    /// The place cannot be asked on this machine: a program is missing, or knows no registry.
    #[error("{0}")]
    Unusable(String),
}

/// Fetches sources into the cache.
pub struct Fetcher<'a> {
    kept: Kept,
    mirrors: &'a [String],
    client: &'a Client,
}

impl<'a> Fetcher<'a> {
    /// `cache` is the program's cache folder; `mirrors` are folders or addresses that hold files named by digest,
    /// asked before anything else.
    pub fn new(cache: &Path, mirrors: &'a [String], client: &'a Client) -> Fetcher<'a> {
        Fetcher { kept: Kept::new(cache), mirrors, client }
    }

    /// Gives a source of a recipe, from the cache if it is there. `recipe_folder` is the folder of the recipe.
    ///
    /// # Errors
    /// [`Error::Unavailable`] with every place that was asked and what it said, [`Error::Beside`], [`Error::Disk`].
    pub fn fetch(&self, recipe: &Recipe, source: &Source, recipe_folder: &Path, tell: Tell) -> Result<Fetched, Error> {
        let asking = Asking { name: &recipe.name, recipe_folder, tell };
        match &source.identity {
            Identity::Beside => beside::find(&recipe.name, source, recipe_folder),
            Identity::Sha256(digest) => self.by_digest(&asking, source, digest).map(Fetched::File),
            Identity::Commit(commit) => self.by_commit(&asking, source, commit).map(Fetched::File),
        }
    }

    /// Fetches what has no digest yet from one place, and tells its digest.
    ///
    /// # Errors
    /// As [`Fetcher::fetch`].
    pub fn discover(
        &self,
        name: &RecipeName,
        place: &Place,
        recipe_folder: &Path,
        tell: Tell,
    ) -> Result<(PathBuf, Digest), Error> {
        let asking = Asking { name, recipe_folder, tell };
        asking.told(place);
        let file = self.kept.temporary().map_err(Error::Disk)?;
        match self.bring(&asking, place, None, file.path()) {
            Ok(()) => self.kept.keep_any(file).map_err(Error::Disk),
            Err(reason) => {
                let tries = vec![Try { place: describe(place), reason }];
                Err(Error::Unavailable { recipe: name.clone(), wanted: Wanted::Anything, tries })
            }
        }
    }

    /// A tar of the tree of a commit, which is in no recipe.
    ///
    /// # Errors
    /// Why the repository did not give it.
    pub fn tree_of_commit(&self, url: &str, commit: &str, tell: Tell) -> Result<PathBuf, Reason> {
        let place = Place::Git { url: url.to_owned() };
        let told = || tell(Event::Note { text: format!("fetching recipes from {}", describe(&place)) });
        git::bring(&self.kept, url, commit, &told).map_err(|fault| match fault {
            git::Fault::Disk(error) => Reason::Unusable(error.to_string()),
            git::Fault::Place(reason) => reason,
        })
    }

    fn by_digest(&self, asking: &Asking<'_>, source: &Source, digest: &Digest) -> Result<PathBuf, Error> {
        if let Some(path) = self.kept.find(digest, asking.tell).map_err(Error::Disk)? {
            return Ok(path);
        }
        let mut tries = Vec::new();
        for mirror in self.mirrors {
            let file = self.kept.temporary().map_err(Error::Disk)?;
            let brought = mirror::bring(self.client, mirror, digest, file.path());
            match self.accept(brought, file, digest)? {
                Ok(path) => return Ok(path),
                // A mirror need not have everything: that it has not is no news.
                Err(reason) => asking.failed(&mut tries, web::without_secrets(mirror), reason),
            }
        }
        for place in in_order(&source.places) {
            asking.told(place);
            let file = self.kept.temporary().map_err(Error::Disk)?;
            let brought = self.bring(asking, place, Some(digest), file.path());
            match self.accept(brought, file, digest)? {
                Ok(path) => return Ok(path),
                Err(reason) => asking.failed(&mut tries, describe(place), reason),
            }
        }
        Err(Error::Unavailable { recipe: asking.name.clone(), wanted: Wanted::Digest(*digest), tries })
    }

    fn by_commit(&self, asking: &Asking<'_>, source: &Source, commit: &str) -> Result<PathBuf, Error> {
        let mut tries = Vec::new();
        for place in &source.places {
            let Place::Git { url } = place else { continue };
            match git::bring(&self.kept, url, commit, &|| asking.told(place)) {
                Ok(path) => return Ok(path),
                Err(git::Fault::Disk(error)) => return Err(Error::Disk(error)),
                Err(git::Fault::Place(reason)) => asking.failed(&mut tries, describe(place), reason),
            }
        }
        Err(Error::Unavailable { recipe: asking.name.clone(), wanted: Wanted::Commit(commit.to_owned()), tries })
    }

    /// Keeps a brought file if its bytes are the right ones.
    fn accept(
        &self,
        brought: Result<(), Reason>,
        file: tempfile::NamedTempFile,
        digest: &Digest,
    ) -> Result<Result<PathBuf, Reason>, Error> {
        match brought {
            Ok(()) => self.kept.keep(file, digest).map_err(Error::Disk),
            Err(reason) => Ok(Err(reason)),
        }
    }

    /// Writes the bytes of a place to a file, unverified.
    fn bring(&self, asking: &Asking<'_>, place: &Place, digest: Option<&Digest>, into: &Path) -> Result<(), Reason> {
        match place {
            Place::Path(path) => beside::copy(&asking.recipe_folder.join(path), into),
            Place::Debian(file) => debian::bring(file, into),
            Place::Crate { name, version } => cargo_registry::bring(name, version, asking.recipe_folder, into),
            Place::Pypi { name, version } => pypi::bring(self.client, &pypi::Release { name, version, digest }, into),
            Place::Url(url) => web::bring(self.client, url, into),
            Place::Git { .. } => Err(Reason::Unusable("git has commits, not files".to_owned())),
            Place::WorkingCopy(_) => Err(Reason::Unusable("a working copy is no file".to_owned())),
        }
    }
}

/// For which recipe places are asked.
struct Asking<'a> {
    name: &'a RecipeName,
    recipe_folder: &'a Path,
    tell: Tell<'a>,
}

impl Asking<'_> {
    fn told(&self, place: &Place) {
        (self.tell)(Event::SourceFetching { name: self.name.clone(), place: describe(place) });
    }

    fn failed(&self, tries: &mut Vec<Try>, place: String, reason: Reason) {
        let told = reason.to_string();
        (self.tell)(Event::SourcePlaceFailed { name: self.name.clone(), place: place.clone(), reason: told });
        tries.push(Try { place, reason });
    }
}

/// The places in the order in which they are asked: what is at hand, the registries, the addresses as they stand.
fn in_order(places: &[Place]) -> Vec<&Place> {
    let rank = |place: &&Place| match place {
        Place::Path(_) | Place::WorkingCopy(_) => 0,
        Place::Debian(_) | Place::Crate { .. } | Place::Pypi { .. } => 1,
        Place::Url(_) => 2,
        Place::Git { .. } => 3,
    };
    let mut ordered: Vec<&Place> = places.iter().collect();
    ordered.sort_by_key(rank);
    ordered
}

/// A place as the user knows it, without secrets.
pub fn describe(place: &Place) -> String {
    match place {
        Place::Url(url) => web::without_secrets(url),
        Place::Debian(file) => format!("debian {file}"),
        Place::Crate { name, version } => format!("crate {name}@{version}"),
        Place::Pypi { name, version } => format!("pypi {name}=={version}"),
        Place::Git { url } => format!("git {}", web::without_secrets(url)),
        Place::Path(path) => path.clone(),
        Place::WorkingCopy(folder) => format!("the working copy {}", folder.display()),
    }
}

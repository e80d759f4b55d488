//! The git checkout: where its root is, which project it is, which deps tag is its nearest, how its recipes drifted.
//!
//! The only room that knows gix. The law itself is `nearest.rs`; this room gives it git's history.

mod bulk;
mod commit_text;
mod disk;
mod error;
mod history;
mod ignores;
mod known;
mod overlays;
mod packs;
mod program;
mod recipes;
mod resolve;
mod states;
mod tags;

use std::path::{Path, PathBuf};

use gix::discover::upwards;
use gix::sec::Trust;

pub use crate::checkout::error::Error;
pub use crate::checkout::recipes::{Change, Drift};
pub use crate::checkout::resolve::{Candidate, Forced, Resolution, Wanted};
pub use crate::checkout::states::{RecipesState, TagState};
use crate::model::project::{PROJECT_FILE, Project};
use crate::project_file;

/// The longest `tagalong.toml` that is read, in bytes.
const LONGEST_PROJECT_FILE: u64 = 1 << 20;

/// A git repository with the project in it; a bare one too, with the default project.
pub struct Checkout {
    repository: gix::Repository,
    root: Option<PathBuf>,
    project: Project,
}

impl Checkout {
    /// Finds the repository that a folder lies in, as git does: work tree, folder below it, linked work tree,
    /// submodule, bare repository.
    ///
    /// # Errors
    /// [`Error::NotARepository`], [`Error::ForeignOwner`] where git would refuse for safe.directory,
    /// [`Error::Reftable`], [`Error::Open`], and for the project file [`Error::Unreadable`] and [`Error::Project`].
    pub fn open(folder: &Path) -> Result<Checkout, Error> {
        let found = gix::ThreadSafeRepository::discover_opts(folder, upwards::Options::default(), Default::default());
        let mut repository = found.map_err(|error| Error::of_opening(folder, &error))?.to_thread_local();
        let root = repository.workdir().map(|path| fs_err::canonicalize(path).unwrap_or_else(|_| path.to_owned()));
        if repository.git_dir_trust() != Trust::Full {
            let place = root.unwrap_or_else(|| repository.git_dir().to_owned());
            return Err(Error::ForeignOwner { folder: place });
        }
        let storage = repository.config_snapshot().string("extensions.refStorage").map(|value| value.to_string());
        if storage.is_some_and(|storage| storage != "files") {
            return Err(Error::Reftable { folder: folder.to_owned() });
        }
        // Trees and tags are read a few times each: a cache costs more than it saves.
        repository.object_cache_size(None);
        let project = match &root {
            Some(root) => read_project(&root.join(PROJECT_FILE))?,
            None => Project::default(),
        };
        Ok(Checkout { repository, root, project })
    }

    /// The root of the work tree; `None` for a bare repository.
    pub fn root(&self) -> Option<&Path> {
        self.root.as_deref()
    }

    /// What `tagalong.toml` at the root says; the defaults where there is none.
    pub fn project(&self) -> &Project {
        &self.project
    }

    /// The commit id of HEAD; `None` on an unborn branch.
    ///
    /// # Errors
    /// [`Error::Git`] when HEAD cannot be read.
    pub fn head(&self) -> Result<Option<String>, Error> {
        Ok(self.head_id()?.map(|id| id.to_string()))
    }

    fn head_id(&self) -> Result<Option<gix::ObjectId>, Error> {
        let broken = |error: gix::Error| Error::git("read HEAD", &error);
        let mut head = self.repository.head().map_err(broken)?;
        if head.is_unborn() {
            return Ok(None);
        }
        Ok(head.try_peel_to_id().map_err(broken)?.map(gix::Id::detach))
    }
}

/// What a `tagalong.toml` says; the defaults where there is none.
///
/// # Errors
/// [`Error::Unreadable`] and [`Error::Project`].
pub fn read_project(path: &Path) -> Result<Project, Error> {
    let unreadable = |error: std::io::Error| Error::Unreadable { reason: error.to_string() };
    let length = match fs_err::metadata(path) {
        Ok(facts) => facts.len(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Project::default()),
        Err(error) => return Err(unreadable(error)),
    };
    if length > LONGEST_PROJECT_FILE {
        return Err(Error::Unreadable { reason: format!("`{}` has {length} bytes", path.display()) });
    }
    let text = fs_err::read_to_string(path).map_err(unreadable)?;
    project_file::parse(PROJECT_FILE, &text).map_err(|mistakes| Error::Project(Box::new(mistakes)))
}

//! Where a project's recipes lie and what is said of them from outside: overlays, choices, stacks, the user's settings.
//!
//! Fetches overlays that are in git repositories, by commit, into the cache; changes no recipe.

use std::io;
use std::path::{Path, PathBuf};

use crate::archive::foreign;
use crate::checkout;
use crate::http;
use crate::model::event::Tell;
use crate::model::project::{Overlay, PROJECT_FILE, Project, RECIPES_FOLDER};
use crate::model::recipe::RecipeName;
use crate::recipe_folder::Error;
use crate::sources::Fetcher;

/// What the user changes for one build.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides {
    pub settings: Vec<Setting>,
    /// Recipes that are built from a folder of the user's instead of their sources.
    pub copies: Vec<(RecipeName, PathBuf)>,
}

impl Overrides {
    pub fn is_empty(&self) -> bool {
        self.settings.is_empty() && self.copies.is_empty()
    }

    /// The recipes that are not as they are written.
    pub fn names(&self) -> impl Iterator<Item = &RecipeName> {
        let settings = self.settings.iter().map(|setting| &setting.recipe);
        settings.chain(self.copies.iter().map(|(name, _)| name))
    }
}

/// A field of a recipe, set by the user: `build.options` to `["-DX=1"]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    pub recipe: RecipeName,
    /// The field, with dots.
    pub field: String,
    /// TOML on one line.
    pub value: String,
}

/// Where the recipes are, and what is said of all of them.
#[derive(Debug, Clone)]
pub struct Layout {
    /// The project's own folder, then the overlays: the first that has a recipe has it.
    pub(super) folders: Vec<PathBuf>,
    pub(super) providers: Vec<(RecipeName, RecipeName)>,
    pub(super) stacks: Vec<(String, Vec<RecipeName>)>,
    /// Whether recipes keep debug information that do not say it themselves.
    pub(super) debug: bool,
    pub(super) overrides: Overrides,
}

impl Layout {
    /// A folder by itself.
    pub fn of_folder(folder: &Path) -> Layout {
        Layout {
            folders: vec![folder.to_owned()],
            providers: Vec::new(),
            stacks: Vec::new(),
            debug: false,
            overrides: Overrides::default(),
        }
    }

    /// The layout of the project at a root, as its `tagalong.toml` says.
    ///
    /// # Errors
    /// [`Error::Mistakes`] of that file, [`Error::Overlay`] when an overlay is not there or cannot be fetched.
    pub fn of_root(root: &Path, cache: &Path, tell: Tell<'_>) -> Result<Layout, Error> {
        let project = checkout::read_project(&root.join(PROJECT_FILE)).map_err(|error| match error {
            checkout::Error::Project(mistakes) => Error::Mistakes(vec![*mistakes]),
            other => Error::Read(io::Error::other(other.to_string())),
        })?;
        Layout::of_project(root, &project, cache, tell)
    }

    /// The layout of a project whose file was read.
    ///
    /// # Errors
    /// [`Error::Overlay`] when an overlay is not there or cannot be fetched.
    pub fn of_project(root: &Path, project: &Project, cache: &Path, tell: Tell<'_>) -> Result<Layout, Error> {
        let mut folders = vec![root.join(RECIPES_FOLDER)];
        for overlay in &project.overlays {
            folders.push(match overlay {
                Overlay::Path(path) => root.join(path),
                Overlay::Git { url, commit, folder } => bring(url, commit, cache, tell)?.join(folder),
            });
        }
        for folder in &folders[1..] {
            if !folder.is_dir() {
                let (place, reason) = (folder.display().to_string(), "there is no such folder".to_owned());
                return Err(Error::Overlay { place, reason });
            }
        }
        let (providers, stacks) = (project.providers.clone(), project.stacks.clone());
        Ok(Layout { folders, providers, stacks, debug: project.debug, overrides: Overrides::default() })
    }

    /// With what holds for recipes that do not say themselves whether they keep debug information.
    #[must_use]
    pub fn with_debug(mut self, debug: bool) -> Layout {
        self.debug = debug;
        self
    }

    /// With what the user changes.
    #[must_use]
    pub fn with(mut self, overrides: Overrides) -> Layout {
        self.overrides = overrides;
        self
    }

    /// What stands behind the text of a recipe: a `[[when]]` per setting, which is for every platform.
    pub(super) fn more_text(&self, name: &str) -> String {
        let own = self.overrides.settings.iter().filter(|setting| setting.recipe.as_str() == name);
        own.map(|setting| format!("\n[[when]] # --set\nplatform = \"*\"\n{} = {}\n", setting.field, setting.value))
            .collect()
    }
}

/// The tree of a commit in the cache, which is fetched and unpacked once.
fn bring(url: &str, commit: &str, cache: &Path, tell: Tell<'_>) -> Result<PathBuf, Error> {
    let all = cache.join("overlays");
    let folder = all.join(commit);
    if folder.is_dir() {
        return Ok(folder);
    }
    let failed = |reason: String| Error::Overlay { place: format!("{url} at {commit}"), reason };
    let client = http::Client::new().map_err(|error| failed(error.to_string()))?;
    let tar = Fetcher::new(cache, &[], &client)
        .tree_of_commit(url, commit, tell)
        .map_err(|error| failed(error.to_string()))?;
    fs_err::create_dir_all(&all).map_err(Error::Read)?;
    let staging = tempfile::tempdir_in(&all).map_err(Error::Read)?;
    let new = staging.path().join("tree");
    foreign::unpack(&tar, &new).map_err(|error| failed(error.to_string()))?;
    match fs_err::rename(&new, &folder) {
        // Another run was faster; a commit is a commit.
        Err(_) if folder.is_dir() => Ok(folder),
        Err(error) => Err(Error::Read(error)),
        Ok(()) => Ok(folder),
    }
}

//! Where the prefix is that a verb is about: the one that is named, else the one of the checkout.
//!
//! Does not look into the prefix.

use std::path::{Path, PathBuf};

use crate::checkout::{self, Checkout, Forced, Wanted};
use crate::host::{self, HostError};
use crate::model::platform::Platform;
use crate::model::project::Project;
use crate::prefix_dir::{PrefixDir, PrefixDirError};

/// What the user says about the prefix; nothing means the one of the checkout and of this machine.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The folder the run works in, absolute.
    pub folder: PathBuf,
    pub prefix: Option<PathBuf>,
    pub platform: Option<Platform>,
    /// Matters where each tag has its own prefix.
    pub forced: Option<Forced>,
}

/// Finds the prefix; with one that is named no checkout is needed.
///
/// # Errors
/// [`PlaceError`].
pub fn find(asked: &Asked) -> Result<PrefixDir, PlaceError> {
    if let Some(prefix) = &asked.prefix {
        return Ok(PrefixDir::new(&asked.folder.join(prefix))?);
    }
    let checkout = Checkout::open(&asked.folder)?;
    let tag = match checkout.project().has_prefix_by_tag() {
        true => Some(checkout.resolve(&Wanted { commit: None, forced: asked.forced.clone() })?.tag),
        false => None,
    };
    let platform = own_platform(asked.platform.as_ref())?;
    let root = root_of(&checkout)?;
    Ok(PrefixDir::of(root, checkout.project(), &platform, tag.as_ref())?)
}

/// The platform asked for, else the one of this machine.
///
/// # Errors
/// [`HostError`].
pub fn own_platform(asked: Option<&Platform>) -> Result<Platform, HostError> {
    match asked {
        Some(platform) => Ok(platform.clone()),
        None => host::platform_id(Path::new("/")),
    }
}

/// The platforms that a bundle of a project may be for: those of tagalong.toml, and this machine's.
pub fn likely_platforms(project: &Project) -> Vec<Platform> {
    let mut likely: Vec<Platform> = project.platforms.iter().map(|config| config.id.clone()).collect();
    likely.extend(own_platform(None).ok().filter(|own| !likely.contains(own)));
    likely
}

/// The root of the work tree.
///
/// # Errors
/// [`PlaceError::Bare`].
pub fn root_of(checkout: &Checkout) -> Result<&Path, PlaceError> {
    checkout.root().ok_or(PlaceError::Bare)
}

/// Why there is no prefix.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    #[error(transparent)]
    Checkout(#[from] checkout::Error),
    #[error(transparent)]
    Host(#[from] HostError),
    #[error(transparent)]
    PrefixDir(#[from] PrefixDirError),
    /// A bare repository has no work tree that a prefix could lie in.
    #[error("the repository is bare")]
    Bare,
}

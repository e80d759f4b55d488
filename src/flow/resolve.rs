//! `resolve`: commit -> nearest deps tag, with the drift of its recipes.
//!
//! The law is `nearest.rs`, git is `checkout/`; here they are put together and told.

use std::path::PathBuf;

use crate::checkout::{self, Checkout, Resolution, Wanted};
use crate::host::{self, HostError};
use crate::model::event::Tell;
use crate::model::platform::Platform;
use crate::model::project::{Project, Walk};

/// What is asked.
#[derive(Debug, Clone)]
pub struct Options {
    /// A folder of the repository.
    pub folder: PathBuf,
    pub wanted: Wanted,
    /// The root folder of the machine whose platform is told too, if it is.
    pub host: Option<PathBuf>,
}

/// The answer, and by which law.
#[derive(Debug, Clone)]
pub struct Outcome {
    pub resolution: Resolution,
    pub walk: Walk,
    pub pattern: String,
    pub platform: Option<Platform>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Checkout(#[from] checkout::Error),
    #[error(transparent)]
    Host(#[from] HostError),
}

/// Finds the deps tag that belongs to a commit.
///
/// # Errors
/// What the repository or the machine lacks.
pub fn resolve(options: &Options, tell: Tell<'_>) -> Result<Outcome, Error> {
    let checkout = Checkout::open(&options.folder)?;
    let resolution = checkout.resolve(&options.wanted)?;
    let platform = options.host.as_deref().map(host::platform_id).transpose()?;
    resolution.tell(tell);
    let Project { walk, tags, .. } = checkout.project();
    Ok(Outcome { resolution, walk: *walk, pattern: tags.as_str().to_owned(), platform })
}

//! Tells what belongs to a checkout, what is installed, and whether the two are the same.
//!
//! Asks no channel and changes nothing.

use std::path::PathBuf;

use crate::checkout::{self, Checkout, Forced, Resolution, Wanted};
use crate::host::HostError;
use crate::model::platform::Platform;
use crate::model::prefix::Prefix;
use crate::model::project::DriftPolicy;
use crate::place::{self, PlaceError};
use crate::prefix_dir::{Changed, PrefixDir, PrefixDirError, State};

/// What is asked.
#[derive(Debug, Clone)]
pub struct Options {
    /// The folder the run works in, absolute.
    pub folder: PathBuf,
    pub forced: Option<Forced>,
    pub prefix: Option<PathBuf>,
    pub platform: Option<Platform>,
    pub reading: Reading,
}

/// How much of the prefix is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    Receipt,
    /// Every file too, to compare it with what was installed.
    Files,
}

/// How things stand.
#[derive(Debug, Clone)]
pub struct Outcome {
    pub resolution: Resolution,
    pub platform: Platform,
    pub prefix: Prefix,
    pub state: State,
    pub verdict: Verdict,
    /// The files that are not as they were installed, where they were read.
    pub changed: Option<Vec<Changed>>,
}

/// Whether what is installed is what belongs to the checkout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Current,
    /// Nothing is installed.
    Absent,
    /// Another bundle is installed.
    Other,
    /// The right bundle, written for another path.
    Moved,
    /// An install was broken off.
    Interrupted,
    /// The prefix holds something that no install made, or whose receipt cannot be read.
    Foreign,
}

/// Looks at the checkout and at its prefix.
///
/// # Errors
/// [`Error`].
pub fn status(options: &Options) -> Result<Outcome, Error> {
    let checkout = Checkout::open(&options.folder)?;
    let root = place::root_of(&checkout)?;
    let project = checkout.project();
    let resolution = checkout.resolve(&Wanted { commit: None, forced: options.forced.clone() })?;
    let platform = place::own_platform(options.platform.as_ref())?;
    let platforms = match &options.platform {
        Some(asked) => vec![asked.clone()],
        None => project.serving(&platform),
    };
    let dir = match &options.prefix {
        Some(prefix) => PrefixDir::new(&options.folder.join(prefix))?,
        None => PrefixDir::of(root, project, &platform, Some(&resolution.tag))?,
    };
    let state = dir.state()?;
    let changed = match (&state, options.reading) {
        (State::Installed(receipt), Reading::Files) => Some(dir.verify(receipt)?),
        _ => None,
    };
    let mut verdict = verdict(&state, &resolution, &platforms, dir.prefix());
    if let (Verdict::Current, State::Installed(receipt)) = (verdict, &state) {
        // An install that was partly built belongs to the recipes that it was built from.
        let asks_to_build = project.drift == DriftPolicy::Build && resolution.forced.is_none();
        let is_drifted = !resolution.drift.is_empty();
        let wanted = if is_drifted && (receipt.built.is_some() || asks_to_build) {
            checkout.recipes_state_on_disk()?
        } else {
            None
        };
        if receipt.built != wanted {
            verdict = Verdict::Other;
        }
    }
    Ok(Outcome { resolution, platform, prefix: dir.prefix().clone(), state, verdict, changed })
}

fn verdict(state: &State, resolution: &Resolution, platforms: &[Platform], prefix: &Prefix) -> Verdict {
    let receipt = match state {
        State::Empty => return Verdict::Absent,
        State::Interrupted => return Verdict::Interrupted,
        State::Foreign | State::Unreadable { .. } => return Verdict::Foreign,
        State::Installed(receipt) => receipt,
    };
    if !receipt.is_of(&resolution.tag, resolution.tagged_commit.is_none(), platforms) {
        Verdict::Other
    } else if !receipt.was_made_for(prefix) {
        Verdict::Moved
    } else {
        Verdict::Current
    }
}

/// Why it cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Place(#[from] PlaceError),
    #[error(transparent)]
    Checkout(#[from] checkout::Error),
    #[error(transparent)]
    Host(#[from] HostError),
    #[error(transparent)]
    PrefixDir(#[from] PrefixDirError),
}

//! Removes an installed bundle, and nothing that no install made.
//!
//! Leaves the store as it is: the packages can be installed again without a network.

use crate::model::depth::Depth;
use crate::model::event::Tell;
use crate::model::prefix::Prefix;
use crate::model::receipt::Receipt;
use crate::place::{self, Asked, PlaceError};
use crate::prefix_dir::{PrefixDir, PrefixDirError, State};

/// What is asked.
#[derive(Debug, Clone)]
pub struct Options {
    pub asked: Asked,
    pub strangers: Strangers,
    pub depth: Depth,
}

/// What becomes of files in the prefix that no package brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strangers {
    /// They are kept, and so is everything else.
    Keep,
    Remove,
}

/// What was removed, or would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    pub prefix: Prefix,
    pub receipt: Receipt,
    /// Files that no package brought.
    pub strangers: Vec<String>,
}

/// Removes the bundle in the prefix.
///
/// # Errors
/// [`Error`]; but for a failure of the system while files go, the prefix is then what it was.
pub fn uninstall(options: &Options, tell: Tell) -> Result<Outcome, Error> {
    let dir = place::find(&options.asked)?;
    let outcome = what_goes(&dir, options.strangers)?;
    if options.depth == Depth::Plan {
        return Ok(outcome);
    }
    let locked = dir.lock(tell)?;
    // Somebody else may have changed it while this run waited.
    let outcome = what_goes(&dir, options.strangers)?;
    locked.remove()?;
    Ok(outcome)
}

fn what_goes(dir: &PrefixDir, policy: Strangers) -> Result<Outcome, Error> {
    let prefix = dir.prefix().clone();
    let receipt = match dir.state()? {
        State::Installed(receipt) => *receipt,
        State::Empty => return Err(Error::Absent { prefix }),
        State::Interrupted => return Err(Error::Interrupted { prefix }),
        State::Foreign | State::Unreadable { .. } => return Err(Error::Foreign { prefix }),
    };
    let strangers = match (dir.strangers(&receipt), policy) {
        (Ok(strangers), _) => strangers,
        // Who wants all of it gone need not know what there was.
        (Err(_), Strangers::Remove) => Vec::new(),
        (Err(error), Strangers::Keep) => return Err(error.into()),
    };
    if policy == Strangers::Keep && !strangers.is_empty() {
        return Err(Error::Strangers { prefix, strangers });
    }
    Ok(Outcome { prefix, receipt, strangers })
}

/// Why nothing was removed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Place(#[from] PlaceError),
    #[error(transparent)]
    PrefixDir(#[from] PrefixDirError),
    #[error("nothing is installed in {prefix}")]
    Absent { prefix: Prefix },
    #[error("an install in {prefix} was broken off")]
    Interrupted { prefix: Prefix },
    #[error("no install made {prefix}")]
    Foreign { prefix: Prefix },
    #[error("{prefix} holds files that no package brought")]
    Strangers { prefix: Prefix, strangers: Vec<String> },
}

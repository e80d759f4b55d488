//! What can go wrong with a checkout, as facts.
//!
//! The words are in `cli/failure/checkout.rs`.

use std::error::Error as _;
use std::path::{Path, PathBuf};

use crate::checkout::resolve::Candidate;
use crate::model::tag::TagError;
use crate::toml_file::Mistakes;

/// Why a checkout has no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("`{}` is in no git repository", folder.display())]
    NotARepository { folder: PathBuf },
    /// git would refuse it as well: someone else owns it and safe.directory does not list it.
    #[error("`{}` belongs to someone else", folder.display())]
    ForeignOwner { folder: PathBuf },
    #[error("the refs of the repository at `{}` are kept as reftable", folder.display())]
    Reftable { folder: PathBuf },
    #[error("the git repository at `{}` cannot be opened: {reason}", folder.display())]
    Open { folder: PathBuf, reason: String },
    /// A file of the work tree or of the repository, named in the reason.
    #[error("{reason}")]
    Unreadable { reason: String },
    #[error(transparent)]
    Project(Box<Mistakes>),
    /// git could not do something.
    #[error("cannot {doing}: {reason}")]
    Git { doing: String, reason: String },
    /// The `git` program could not do something; the reason is its own words.
    #[error("git cannot {doing}: {reason}")]
    Program { doing: &'static str, reason: String },
    #[error("`{}` names no commit", given.escape_debug())]
    NoCommit { given: String, reason: String },
    #[error("the branch `{branch}` has no commit yet")]
    Unborn { branch: String },
    /// No tag that matches is reachable; `elsewhere` of them are in the repository.
    #[error("no deps tag is reachable from {commit}")]
    NoTag { commit: String, pattern: String, walk: &'static str, elsewhere: usize },
    /// The same, but the history at hand ends before its beginning.
    #[error("the shallow history of {commit} ends before a deps tag")]
    ShallowNoTag { commit: String, pattern: String, elsewhere: usize },
    #[error("{} deps tags are nearest to {commit}", candidates.len())]
    Ambiguous { commit: String, candidates: Vec<Candidate>, shallow: bool },
    /// The tag that would be the answer has a name that could be a path or worse.
    #[error("the nearest tag of {commit} has a name that is not taken: {error}")]
    HostileTag { commit: String, error: TagError },
    #[error("{by} is refused: {error}")]
    ForcedName { by: &'static str, error: TagError },
    /// An object that others name is not in the repository.
    #[error("object {id} is missing")]
    Missing { id: String, is_partial: bool },
    #[error("object {id} is damaged: {reason}")]
    Damaged { id: String, reason: String },
}

impl Error {
    pub(crate) fn git(doing: impl Into<String>, error: &gix::Error) -> Error {
        Error::Git { doing: doing.into(), reason: chain(error) }
    }

    pub(crate) fn unreadable(error: &std::io::Error) -> Error {
        Error::Unreadable { reason: error.to_string() }
    }

    pub(crate) fn of_opening(folder: &Path, error: &gix::Error) -> Error {
        let folder = folder.to_owned();
        let nothing_found = |error: &gix::discover::upwards::Error| {
            use gix::discover::upwards::Error as Upwards;
            matches!(error, Upwards::NoGitRepository { .. } | Upwards::NoGitRepositoryWithinCeiling { .. })
                || matches!(error, Upwards::NoGitRepositoryWithinFs { .. })
        };
        let mut causes = error.iter_errors();
        if causes.any(|cause| cause.downcast_ref().is_some_and(nothing_found)) {
            return Error::NotARepository { folder };
        }
        Error::Open { folder, reason: chain(error) }
    }
}

/// An error with its causes, in one line.
fn chain(error: &gix::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let words = inner.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        cause = inner.source();
    }
    text.replace('\n', " ")
}

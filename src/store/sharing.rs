//! Whether the files of a folder can be links to the store's: tried with one file, since only the system knows.
//!
//! Does not decide what follows from it.

use std::io::Write;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, ioctl_ficlone};
use rustix::io::Errno;

use crate::model::link::LinkKind;
use crate::store::{Store, StoreError, system};

impl Store {
    /// Tries whether a file of `folder` can be a link of this kind to a file of the store; nothing of it stays.
    ///
    /// # Errors
    /// [`NotShared::Refused`] with the reason, [`NotShared::Store`] when the trial itself fails.
    pub fn try_link(&self, folder: &Path, kind: LinkKind) -> Result<(), NotShared> {
        let mut ours = self.unfinished()?;
        ours.write_all(b"tagalong").map_err(system)?;
        let trial = match kind {
            LinkKind::Copy => Ok(()),
            LinkKind::Hard => {
                let theirs = folder.join(".tagalong-trial");
                let linked = rustix::fs::linkat(CWD, ours.path(), CWD, &theirs, rustix::fs::AtFlags::empty());
                linked.map(|()| {
                    // It lies in a staging folder of this process; one that stays would be in nobody's way there.
                    let _ = fs_err::remove_file(&theirs);
                })
            }
            LinkKind::Reflink => {
                let theirs = tempfile::NamedTempFile::new_in(folder).map_err(system)?;
                ioctl_ficlone(theirs.as_file(), ours.as_file())
            }
        };
        let (store, folder) = (self.cache.clone(), folder.to_owned());
        trial.map_err(|error| {
            let reason = match error {
                Errno::XDEV => Refusal::OtherFileSystem,
                other => Refusal::Unable { reason: std::io::Error::from(other).to_string() },
            };
            NotShared::Refused(Refused { kind, store, folder, reason })
        })
    }
}

/// Why there are no links to the store.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotShared {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Refused(Refused),
}

/// The two folders between which there are none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no links ({kind}) from {} to {}: {reason}", folder.display(), store.display())]
pub struct Refused {
    pub kind: LinkKind,
    pub store: PathBuf,
    pub folder: PathBuf,
    pub reason: Refusal,
}

/// What the system says about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("they are on different file systems")]
    OtherFileSystem,
    #[error("{reason}")]
    Unable { reason: String },
}

//! Replaces a prefix where two folders cannot be exchanged in one step: what is intended is written down before, so
//! that the next run finishes or undoes it.
//!
//! ```json
//! {"format": 1, "step": "aside", "staging": "/…/.p.tagalong-staging-7", "old": "/…/.p.tagalong-old-7"}
//! ```
//! `aside`: the prefix is renamed to `old`, then the staging to the prefix. Where a folder cannot even be renamed (of
//! a lower overlay layer) the prefix is emptied in place, `clear`, and the staged entries are moved into it, `move`.
//! The staging is whole before the journal is written.

use std::path::{Path, PathBuf};

use fs_err as fs;
use serde::{Deserialize, Serialize};

use crate::durable;
use crate::model::package::OWN_FOLDER;
use crate::prefix_dir::{PrefixDir, PrefixDirError, staging, system};

/// The version of the journal.
const FORMAT: u32 = 1;

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Journal {
    format: u32,
    step: Step,
    staging: PathBuf,
    old: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Step {
    Aside,
    Clear,
    Move,
}

/// Replaces the prefix by a whole staging folder.
pub(super) fn replace(dir: &PrefixDir, staging: &Path) -> Result<(), PrefixDirError> {
    let old = dir.beside(&format!("old-{}", std::process::id()));
    let mut journal = Journal { format: FORMAT, step: Step::Aside, staging: staging.to_owned(), old };
    journal.write(dir)?;
    if fs::rename(dir.prefix().as_path(), &journal.old).is_err() {
        journal.step = Step::Clear;
        journal.write(dir)?;
    }
    settle(dir)?;
    // What cannot be removed now, the next run sweeps.
    let _ = fs::remove_dir_all(&journal.old);
    Ok(())
}

/// Finishes or undoes what a journal says; without one there is nothing to do.
pub(super) fn settle(dir: &PrefixDir) -> Result<(), PrefixDirError> {
    let Some(mut journal) = Journal::read(dir)? else { return Ok(()) };
    let prefix = dir.prefix().as_path();
    if journal.step == Step::Aside {
        match (prefix.exists(), journal.staging.exists()) {
            // The old one has not been touched, or the new one is in place.
            (true, _) => {}
            (false, true) => fs::rename(&journal.staging, prefix).map_err(system)?,
            (false, false) => fs::rename(&journal.old, prefix).map_err(system)?,
        }
        durable::names(&dir.parent).map_err(system)?;
    }
    if journal.step == Step::Clear {
        staging::clear(prefix)?;
        durable::names(prefix).map_err(system)?;
        journal.step = Step::Move;
        journal.write(dir)?;
    }
    if journal.step == Step::Move {
        move_entries(&journal.staging, prefix)?;
        durable::names(prefix).map_err(system)?;
    }
    fs::remove_file(dir.beside("journal")).map_err(system)
}

/// Moves what is left in the staging folder; the folder with the receipt comes last.
fn move_entries(staging: &Path, prefix: &Path) -> Result<(), PrefixDirError> {
    let mut names = Vec::new();
    for entry in fs::read_dir(staging).map_err(system)? {
        names.push(entry.map_err(system)?.file_name());
    }
    names.sort_by_key(|name| name == OWN_FOLDER);
    names.iter().try_for_each(|name| fs::rename(staging.join(name), prefix.join(name)).map_err(system))
}

impl Journal {
    fn read(dir: &PrefixDir) -> Result<Option<Journal>, PrefixDirError> {
        let path = dir.beside("journal");
        let json = match fs::read(&path) {
            Ok(json) => json,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(system(error)),
        };
        let wrong = |reason: String| PrefixDirError::Journal { path: path.clone(), reason };
        let journal: Journal = serde_json::from_slice(&json).map_err(|error| wrong(error.to_string()))?;
        // It lies where others may write: it may name only what this program makes beside the prefix.
        let is_ours = |path: &Path, kind: &str| {
            let head = dir.beside(kind).into_os_string();
            path.parent() == Some(&dir.parent)
                && path.as_os_str().as_encoded_bytes().starts_with(head.as_encoded_bytes())
        };
        if journal.format != FORMAT || !is_ours(&journal.staging, "staging-") || !is_ours(&journal.old, "old-") {
            return Err(wrong("it is of another program".to_owned()));
        }
        Ok(Some(journal))
    }

    /// Written whole or not at all, and on the disk before anything follows from it.
    fn write(&self, dir: &PrefixDir) -> Result<(), PrefixDirError> {
        let (path, unfinished) = (dir.beside("journal"), dir.beside("journal-unfinished"));
        let json = serde_json::to_vec(self)
            .map_err(|error| PrefixDirError::Journal { path: path.clone(), reason: error.to_string() })?;
        fs::write(&unfinished, json).map_err(system)?;
        fs::File::open(&unfinished).and_then(|file| file.sync_all()).map_err(system)?;
        fs::rename(&unfinished, &path).map_err(system)?;
        durable::names(&dir.parent).map_err(system)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prefix_dir::State;

    /// A prefix in an own folder, as it stands when a process dies at some moment of the replacement.
    struct Moment {
        folder: tempfile::TempDir,
        dir: PrefixDir,
        journal: Journal,
    }

    impl Moment {
        fn new(step: Step) -> Moment {
            let folder = tempfile::tempdir().unwrap();
            let dir = PrefixDir::new(&folder.path().canonicalize().unwrap().join("p")).unwrap();
            let (staging, old) = (dir.beside("staging-1"), dir.beside("old-1"));
            let journal = Journal { format: FORMAT, step, staging, old };
            journal.write(&dir).unwrap();
            Moment { folder, dir, journal }
        }

        /// Puts one of the two trees somewhere.
        fn with(self, place: impl Fn(&Moment) -> PathBuf, tree: &str) -> Moment {
            let place = place(&self);
            fs::create_dir_all(place.join(OWN_FOLDER)).unwrap();
            fs::create_dir_all(place.join("lib")).unwrap();
            fs::write(place.join("lib").join(tree), "").unwrap();
            self
        }

        /// The tree that is in the prefix when a later run has taken the lock; nothing else may be left.
        fn settled(self) -> String {
            drop(self.dir.lock(&|_| ()).unwrap());
            let names = |path: &Path| {
                let mut names: Vec<String> = fs::read_dir(path)
                    .unwrap()
                    .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                    .collect();
                names.sort();
                names
            };
            assert_eq!(names(self.folder.path()), ["p"]);
            assert_eq!(names(&self.folder.path().join("p")), [OWN_FOLDER, "lib"]);
            names(&self.folder.path().join("p/lib")).join(" ")
        }
    }

    fn prefix(moment: &Moment) -> PathBuf {
        moment.dir.prefix().as_path().to_owned()
    }

    fn staging(moment: &Moment) -> PathBuf {
        moment.journal.staging.clone()
    }

    fn old(moment: &Moment) -> PathBuf {
        moment.journal.old.clone()
    }

    #[test]
    fn replacement_that_was_broken_off_is_finished_or_undone_whole() {
        let before_anything = Moment::new(Step::Aside).with(prefix, "old").with(staging, "new");
        assert_eq!(before_anything.settled(), "old");
        let between_the_renames = Moment::new(Step::Aside).with(old, "old").with(staging, "new");
        assert_eq!(between_the_renames.dir.state().unwrap(), State::Interrupted);
        assert_eq!(between_the_renames.settled(), "new");
        let after_the_renames = Moment::new(Step::Aside).with(old, "old").with(prefix, "new");
        assert_eq!(after_the_renames.settled(), "new");
        let staging_was_lost = Moment::new(Step::Aside).with(old, "old");
        assert_eq!(staging_was_lost.settled(), "old");
        let while_clearing = Moment::new(Step::Clear).with(prefix, "old").with(staging, "new");
        assert_eq!(while_clearing.settled(), "new");
        let while_moving = Moment::new(Step::Move).with(staging, "new");
        fs::create_dir(prefix(&while_moving)).unwrap();
        fs::rename(staging(&while_moving).join("lib"), prefix(&while_moving).join("lib")).unwrap();
        assert_eq!(while_moving.settled(), "new");
    }

    #[test]
    fn whole_replacement_by_journal_leaves_the_new_tree_alone() {
        let moment = Moment::new(Step::Aside).with(prefix, "old").with(staging, "new");
        replace(&moment.dir, &moment.journal.staging).unwrap();
        assert_eq!(moment.settled(), "new");
    }

    #[test]
    fn journal_that_names_other_folders_is_refused() {
        let moment = Moment::new(Step::Aside);
        let wrong = Journal { staging: PathBuf::from("/etc"), ..moment.journal.clone() };
        wrong.write(&moment.dir).unwrap();
        assert!(matches!(moment.dir.lock(&|_| ()), Err(PrefixDirError::Journal { .. })));
    }
}

//! Facts that were computed from files of the machine, kept as long as those files stay as they are.
//!
//! A file stays when size, inode and both times do (ctime cannot be set back, stat(2)). Does not know what is computed.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The number of this format; another one is computed anew.
const FORMAT: u32 = 1;

/// What one computation found: names to values.
pub type Facts = BTreeMap<String, String>;

/// The facts of one cache folder.
pub struct Remembered {
    path: PathBuf,
    entries: RefCell<BTreeMap<String, Entry>>,
    /// The entries that were compared with the files in this run: asked for every recipe, they are looked at once.
    is_sure: RefCell<BTreeSet<String>>,
    is_changed: Cell<bool>,
}

#[derive(Serialize, Deserialize)]
struct Document {
    format: u32,
    entries: BTreeMap<String, Entry>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Entry {
    /// The files and folders that were looked at; `None` where nothing was.
    stamps: BTreeMap<PathBuf, Option<Stamp>>,
    facts: Facts,
}

/// What tells that a file is still the one that was read.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Stamp(u64, u64, i64, i64, i64, i64);

impl Stamp {
    fn of(path: &Path) -> Option<Stamp> {
        let facts = fs_err::metadata(path).ok()?;
        let (changed, created) = ((facts.mtime(), facts.mtime_nsec()), (facts.ctime(), facts.ctime_nsec()));
        Some(Stamp(facts.size(), facts.ino(), changed.0, changed.1, created.0, created.1))
    }
}

/// The files that one computation looks at.
#[derive(Default)]
pub struct Watch {
    stamps: BTreeMap<PathBuf, Option<Stamp>>,
}

impl Watch {
    /// Notes a file or folder, before it is read: a change in between then shows the next time.
    pub fn look_at(&mut self, path: &Path) {
        self.stamps.entry(path.to_owned()).or_insert_with(|| Stamp::of(path));
    }
}

impl Remembered {
    /// Reads what a cache folder remembers. What cannot be read is computed anew.
    pub fn open(cache: &Path) -> Remembered {
        let path = cache.join("machine.json");
        let text = fs_err::read(&path).unwrap_or_default();
        let document: Option<Document> = serde_json::from_slice(&text).ok();
        let entries = document.filter(|document| document.format == FORMAT).map(|document| document.entries);
        Remembered {
            path,
            entries: RefCell::new(entries.unwrap_or_default()),
            is_sure: RefCell::default(),
            is_changed: Cell::new(false),
        }
    }

    /// The facts under a name: those remembered while no file that they came from has changed, else computed.
    pub fn facts(&self, name: &str, compute: impl FnOnce(&mut Watch) -> Facts) -> Facts {
        if let Some(entry) = self.entries.borrow().get(name)
            && (self.is_sure.borrow().contains(name)
                || entry.stamps.iter().all(|(path, stamp)| Stamp::of(path) == *stamp))
        {
            self.is_sure.borrow_mut().insert(name.to_owned());
            return entry.facts.clone();
        }
        let mut watch = Watch::default();
        let facts = compute(&mut watch);
        let entry = Entry { stamps: watch.stamps, facts: facts.clone() };
        self.is_sure.borrow_mut().insert(name.to_owned());
        self.entries.borrow_mut().insert(name.to_owned(), entry);
        self.is_changed.set(true);
        facts
    }
}

impl Drop for Remembered {
    /// Writes what is new. It saves time only, so a folder that cannot be written is no error.
    fn drop(&mut self) {
        if !self.is_changed.get() {
            return;
        }
        let document = Document { format: FORMAT, entries: self.entries.take() };
        let write = || -> Option<()> {
            let json = serde_json::to_vec(&document).ok()?;
            let mut file = tempfile::NamedTempFile::new_in(self.path.parent()?).ok()?;
            file.write_all(&json).ok()?;
            file.persist(&self.path).ok().map(drop)
        };
        // Without it nothing is lost but the time to compute it again.
        write().unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_computed_again_when_a_file_they_came_from_changes_or_appears() {
        let folder = tempfile::tempdir().unwrap();
        let (file, absent) = (folder.path().join("cc"), folder.path().join("earlier-cc"));
        fs_err::write(&file, "one").unwrap();
        let ask = || {
            let mut is_computed = false;
            let remembered = Remembered::open(folder.path());
            remembered.facts("cc", |watch| {
                is_computed = true;
                watch.look_at(&absent);
                watch.look_at(&file);
                Facts::new()
            });
            is_computed
        };
        assert!(ask());
        assert!(!ask());
        fs_err::write(&file, "two").unwrap();
        assert!(ask());
        assert!(!ask());
        fs_err::write(&absent, "three").unwrap();
        assert!(ask());
    }
}

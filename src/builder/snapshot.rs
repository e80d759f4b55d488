//! What lies in a tree at one moment, so that it can be told later what came and what was touched.
//!
//! Reads no file's bytes.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What tells that a file was touched: its inode and the time of its last change, which nobody can set back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    inode: u64,
    changed: (i64, i64),
}

/// All files and links below a folder, and the folders that hold nothing, by relative path.
pub fn snapshot(tree: &Path) -> std::io::Result<BTreeMap<PathBuf, Stamp>> {
    let mut found = BTreeMap::new();
    let mut open = vec![PathBuf::new()];
    while let Some(folder) = open.pop() {
        let mut is_empty = true;
        for entry in fs_err::read_dir(tree.join(&folder))? {
            let entry = entry?;
            is_empty = false;
            let path = folder.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                open.push(path);
            } else {
                found.insert(path, Stamp::of(&entry.metadata()?));
            }
        }
        if is_empty && folder != Path::new("") {
            found.insert(folder, Stamp::FOLDER);
        }
    }
    Ok(found)
}

impl Stamp {
    /// The stamp of a folder: things come and go in it, that it exists is all that counts.
    pub const FOLDER: Stamp = Stamp { inode: 0, changed: (0, 0) };

    fn of(facts: &std::fs::Metadata) -> Stamp {
        Stamp { inode: facts.ino(), changed: (facts.ctime(), facts.ctime_nsec()) }
    }
}

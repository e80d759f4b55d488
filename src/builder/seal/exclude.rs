//! Which installed paths are not packaged: those of the recipe's globs, and those that no package wants.
//!
//! What matches a folder drops all below it. Does not look at files.

use std::collections::BTreeSet;

use crate::model::glob;

/// Dropped from every package: libtool's archives name absolute paths that only libtool reads, compiled Python is
/// made again and holds times, and the index of info pages belongs to no single package.
const ALWAYS: [&str; 5] = ["*.la", "*.pyc", "*.pyo", "__pycache__", "share/info/dir"];

/// Whether a path from the prefix is dropped.
pub fn is_dropped(path: &str, globs: &[String]) -> bool {
    let mut globs = ALWAYS.iter().copied().chain(globs.iter().map(String::as_str));
    globs.any(|glob| glob::matches_part(glob, path))
}

/// Whether a path is a static library that a shared one of the same name stands beside.
pub fn is_static_twin(path: &str, all: &BTreeSet<std::path::PathBuf>) -> bool {
    path.strip_suffix(".a").is_some_and(|stem| all.contains(std::path::Path::new(&format!("{stem}.so"))))
}

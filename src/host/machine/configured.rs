//! The folders that a system's configuration adds to its loader's (`/etc/ld.so.conf`, ldconfig(8)).
//!
//! Needed only where ldconfig has made no cache of them, as in an image that was never started.

use std::collections::HashSet;
use std::path::Path;

use crate::host::root::Root;

/// The most files that are read: a bound on files that include each other.
const MOST_FILES: usize = 200;

/// The largest file that is read, in bytes.
const LARGEST: u64 = 1 << 20;

/// The folders of ld.so.conf (ldconfig(8)), with what it includes, in order, each once.
pub fn folders(root: &Root) -> Vec<String> {
    let mut folders = Vec::new();
    let (mut open, mut seen) = (vec!["/etc/ld.so.conf".to_owned()], HashSet::new());
    while let Some(path) = open.pop() {
        if seen.len() >= MOST_FILES || !seen.insert(path.clone()) {
            continue;
        }
        // A system without the file has none of these folders.
        let Ok(Some(bytes)) = root.read(&path, LARGEST) else { continue };
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let mut included = Vec::new();
        for line in text.lines() {
            let line = line.split('#').next().unwrap_or_default().trim();
            if let Some(pattern) = line.strip_prefix("include").filter(|rest| rest.starts_with(char::is_whitespace)) {
                included.extend(pattern.split_whitespace().flat_map(|pattern| matching(root, pattern)));
            } else if line.starts_with('/') {
                let folder = line.trim_end_matches('/').to_owned();
                if !folders.contains(&folder) {
                    folders.push(folder);
                }
            }
        }
        included.reverse();
        open.extend(included);
    }
    folders
}

/// The files of one folder that match `dir/*.conf`, sorted.
fn matching(root: &Root, pattern: &str) -> Vec<String> {
    let pattern = if pattern.starts_with('/') { pattern.to_owned() } else { format!("/etc/{pattern}") };
    let Some((folder, name)) = pattern.rsplit_once('/') else { return Vec::new() };
    let Some((start, end)) = name.split_once('*') else { return vec![pattern] };
    let place = root.follow(Path::new(folder));
    let entries = place.and_then(|place| fs_err::read_dir(place).ok()).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let fits = |name: &String| name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end);
    let mut paths: Vec<String> = names.filter(fits).map(|name| format!("{folder}/{name}")).collect();
    paths.sort();
    paths
}

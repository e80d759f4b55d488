//! What an install without development files leaves out: one rule, and what a recipe says beyond it.
//!
//! ```text
//! include/   *.a   *.la   lib/pkgconfig   share/pkgconfig   lib/cmake   share/cmake*   share/aclocal
//! man pages of section 3   links lib*.so to lib*.so.N
//! ```
//! A recipe's globs come after the rule, and the last that matches decides: `include/foo/data` keeps, `!share/doc`
//! leaves out. Links to what is left out go too, and folders in which nothing stays. Knows one package at a time.

use std::collections::BTreeSet;

use crate::model::glob;
use crate::model::package::{Entry, EntryKind, EntryPath, PackageManifest};

/// What only those need who compile against a package.
const DEVELOPMENT: [&str; 11] = [
    "include/**",
    "*.a",
    "*.la",
    "lib/pkgconfig/**",
    "share/pkgconfig/**",
    "lib/cmake/**",
    "share/cmake*/**",
    "share/aclocal/**",
    "share/man/man3*/**",
    "share/man/*/man3*/**",
    "man/man3*/**",
];

/// The manifest without development files, and how many files and links it has less.
pub fn without_development(manifest: &PackageManifest) -> (PackageManifest, u64) {
    let entries = &manifest.entries;
    let all: BTreeSet<&str> = entries.iter().map(|entry| entry.path.as_str()).collect();
    let parents: BTreeSet<&str> = entries.iter().filter_map(|entry| entry.path.parent()).collect();
    let is_end = |entry: &&Entry| !parents.contains(entry.path.as_str());
    let mut kept: Vec<&Entry> =
        entries.iter().filter(is_end).filter(|entry| is_kept(entry, &manifest.runtime)).collect();
    let mut there = with_folders(&kept);
    loop {
        let count = kept.len();
        // What leads into another package cannot be told here.
        kept.retain(|entry| aim(entry).is_none_or(|aim| !all.contains(aim.as_str()) || there.contains(aim.as_str())));
        if kept.len() == count {
            break;
        }
        there = with_folders(&kept);
    }
    let entries: Vec<Entry> = entries.iter().filter(|entry| there.contains(entry.path.as_str())).cloned().collect();
    let things = |entries: &[Entry]| entries.iter().filter(|entry| entry.kind != EntryKind::Folder).count() as u64;
    let left_out = things(&manifest.entries) - things(&entries);
    (PackageManifest { entries, ..manifest.clone() }, left_out)
}

/// The paths and all folders above them.
fn with_folders<'a>(kept: &[&'a Entry]) -> BTreeSet<&'a str> {
    let mut there = BTreeSet::new();
    for entry in kept {
        let mut path = Some(entry.path.as_str());
        while let Some(here) = path.filter(|here| there.insert(*here)) {
            path = here.rsplit_once('/').map(|(above, _)| above);
        }
    }
    there
}

fn is_kept(entry: &Entry, more: &[String]) -> bool {
    let path = entry.path.as_str();
    let by_rule = !is_of_linker(entry) && !DEVELOPMENT.iter().any(|glob| glob::matches_part(glob, path));
    more.iter().fold(by_rule, |is_kept, glob| match glob.strip_prefix('!') {
        Some(glob) => is_kept && !glob::matches_part(glob, path),
        None => is_kept || glob::matches_part(glob, path),
    })
}

/// Whether it is the link by which a linker finds a library: `libz.so` to `libz.so.1`.
fn is_of_linker(entry: &Entry) -> bool {
    let EntryKind::Link { target } = &entry.kind else { return false };
    let last = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
    let (name, aim) = (last(entry.path.as_str()), last(target));
    let version = aim.strip_prefix(&name).and_then(|rest| rest.strip_prefix('.'));
    name.starts_with("lib")
        && name.ends_with(".so")
        && version.is_some_and(|version| version.starts_with(|c: char| c.is_ascii_digit()))
}

/// Where a link leads, from the prefix; `None` for what is no link, or leads to the prefix itself.
fn aim(entry: &Entry) -> Option<String> {
    let EntryKind::Link { target } = &entry.kind else { return None };
    let mut names: Vec<&str> = entry.path.parent().map(|parent| parent.split('/').collect()).unwrap_or_default();
    for name in target.split('/') {
        match name {
            "" | "." => {}
            ".." => drop(names.pop()),
            name => names.push(name),
        }
    }
    (!names.is_empty()).then(|| names.join("/"))
}

/// Whether a text is a glob of the kind that a recipe may give: not empty, below the prefix.
pub fn is_glob(text: &str) -> bool {
    EntryPath::parse(text.strip_prefix('!').unwrap_or(text).trim_matches('/')).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::build_key::Ingredients;
    use crate::model::digest::Digest;
    use crate::model::package::{FORMAT, FileEntry, Relocations};
    use crate::model::platform::{Floor, Platform};
    use crate::model::prefix::Placeholder;
    use crate::model::recipe::RecipeName;

    /// A package with these files, folders (`/` at the end) and links (`path > target`).
    fn package(things: &[&str], runtime: &[&str]) -> PackageManifest {
        let file = || {
            let relocations = Relocations::default();
            EntryKind::File(FileEntry { mode: 0o644, size: 0, digest: Digest::of(b""), relocations })
        };
        let mut entries = std::collections::BTreeMap::new();
        for thing in things {
            let (path, kind) = match (thing.split_once(" > "), thing.strip_suffix('/')) {
                (Some((path, target)), _) => (path, EntryKind::Link { target: target.to_owned() }),
                (None, Some(path)) => (path, EntryKind::Folder),
                (None, None) => (*thing, file()),
            };
            for (place, _) in path.match_indices('/') {
                entries.insert(EntryPath::parse(&path[..place]).unwrap(), EntryKind::Folder);
            }
            entries.insert(EntryPath::parse(path).unwrap(), kind);
        }
        PackageManifest {
            format: FORMAT,
            name: RecipeName::parse("demo").unwrap(),
            version: "1".to_owned(),
            license: "MIT".to_owned(),
            platform: Platform::parse("debian-12-x86_64").unwrap(),
            build_key: Ingredients::new().key(),
            placeholder: Placeholder::standard(),
            needs: Vec::new(),
            debug_of: None,
            runtime: runtime.iter().map(|&glob| glob.to_owned()).collect(),
            exports: Default::default(),
            floor: Floor::default(),
            entries: entries.into_iter().map(|(path, kind)| Entry { path, kind }).collect(),
        }
    }

    fn left(things: &[&str], runtime: &[&str]) -> (Vec<String>, u64) {
        let (manifest, left_out) = without_development(&package(things, runtime));
        (manifest.entries.into_iter().map(|entry| entry.path.to_string()).collect(), left_out)
    }

    #[test]
    fn what_compilers_alone_ask_for_goes_with_its_folders() {
        let development = [
            "include/zlib.h",
            "include/sub/deep.h",
            "lib/libz.a",
            "lib/libz.la",
            "lib/libz.so > libz.so.1",
            "lib/pkgconfig/zlib.pc",
            "share/pkgconfig/x.pc",
            "lib/cmake/z/z-config.cmake",
            "share/cmake-3.1/x.cmake",
            "share/aclocal/z.m4",
            "share/man/man3/zlib.3",
            "share/man/de/man3/zlib.3",
        ];
        assert_eq!(left(&development, &[]), (vec![], 12));
    }

    #[test]
    fn what_programs_ask_for_stays() {
        let kept = [
            "bin/",
            "bin/z",
            "lib/",
            "lib/libplugin.so",
            "lib/libz.so.1 > libz.so.1.3",
            "lib/libz.so.1.3",
            "lib/python3/",
            "lib/python3/numpy/",
            "lib/python3/numpy/include/",
            "lib/python3/numpy/include/array.h",
            "lib/x.so > x.so.1",
            "lib/libcurrent.so > libother.so.2",
            "share/",
            "share/man/",
            "share/man/man1/",
            "share/man/man1/z.1",
            "var/",
            "var/empty/",
        ];
        let names: Vec<&str> = kept.iter().map(|one| one.split(" > ").next().unwrap().trim_end_matches('/')).collect();
        assert_eq!(left(&kept, &[]).0, {
            let mut names: Vec<String> = names.into_iter().map(str::to_owned).collect();
            names.sort();
            names
        });
    }

    #[test]
    fn links_to_what_goes_go_too_and_those_to_other_packages_stay() {
        let things = ["include/a.h", "inc > include", "again > inc", "lib/x.h > ../include/a.h", "other > share/away"];
        assert_eq!(left(&things, &[]), (vec!["other".to_owned()], 4));
    }

    #[test]
    fn globs_of_the_recipe_keep_and_leave_out() {
        let things =
            ["include/foo/data/table", "include/foo/foo.h", "share/doc/foo/README", "lib/libfoo.so > libfoo.so.1"];
        let kept = ["include/foo/data/**", "lib/libfoo.so", "!share/doc"];
        let expected = ["include", "include/foo", "include/foo/data", "include/foo/data/table", "lib", "lib/libfoo.so"];
        assert_eq!(left(&things, &kept), (expected.map(str::to_owned).to_vec(), 2));
    }
}

//! What is right after something broke: the tree of one of two tags, whole.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Output;

use tagalong::model::digest::Digest;

use crate::world::World;
use crate::world::bundle::Package;
use crate::world::random::Random;

/// The generator of this run.
pub fn random() -> Random {
    Random::new(std::env::var("TAGALONG_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1))
}

/// The first count in a usual run, the second with `TAGALONG_TORTURE=1`.
pub fn rounds(few: usize, many: usize) -> usize {
    if std::env::var_os("TAGALONG_TORTURE").is_some() { many } else { few }
}

/// Two tags with a shared package and one that differs; each has text, binaries, links and folders.
pub fn two_tags() -> World {
    let world = World::with_key();
    let png = |version: &str| {
        (0..40).fold(Package::new("libpng").version(version).needs("zlib"), |package, n| {
            package.text(&format!("share/{version}/{n}"), &format!("{version} of @PREFIX@\n").repeat(20))
        })
    };
    let zlib = || {
        let binary = [vec![0; 3000], b"@PREFIX@/lib\0".to_vec(), vec![7; 3000]].concat();
        Package::new("zlib")
            .binary("lib/libz.so.1", &binary)
            .link("lib/libz.so", "libz.so.1")
            .program("bin/z", "echo z")
    };
    world.published("deps-1", &[zlib(), png("1")]);
    world.write("extern-recipes/zlib/recipe.toml", "name = \"zlib\" # 2\n");
    world.published("deps-2", &[zlib(), png("2")]);
    world
}

/// All of a tree but what tagalong keeps there for itself: kind, mode and digest of each path.
pub fn tree(folder: &Path) -> Option<BTreeMap<PathBuf, String>> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(here) = open.pop() {
        for entry in fs::read_dir(&here).ok()? {
            let path = entry.unwrap().path();
            let facts = fs::symlink_metadata(&path).unwrap();
            let name = path.strip_prefix(folder).unwrap().to_owned();
            if name == Path::new(".tagalong") {
                continue;
            }
            let what = if facts.is_symlink() {
                format!("link to {}", fs::read_link(&path).unwrap().display())
            } else if facts.is_dir() {
                open.push(path);
                "folder".to_owned()
            } else {
                format!("{:o} {}", facts.permissions().mode() & 0o7777, Digest::of(&fs::read(&path).unwrap()))
            };
            found.insert(name, what);
        }
    }
    Some(found)
}

/// The trees of both tags, as undisturbed installs make them.
pub struct Right {
    pub prefix: PathBuf,
    pub trees: [BTreeMap<PathBuf, String>; 2],
}

impl Right {
    pub fn of(world: &World) -> Right {
        let prefix = world.checkout().join("extern/p");
        let trees = ["deps-1", "deps-2"].map(|tag| {
            world.run(&format!("install --tag {tag}")).succeeds();
            tree(&prefix).unwrap()
        });
        Right { prefix, trees }
    }

    /// Whose tree lies at the prefix: 0 for `deps-1`, 1 for `deps-2`, `None` for nothing.
    #[track_caller]
    pub fn state(&self, after: &str) -> Option<usize> {
        let found = tree(&self.prefix)?;
        let state = self.trees.iter().position(|tree| *tree == found);
        assert!(state.is_some(), "after {after} the tree is neither the old nor the new one: {found:#?}");
        state
    }
}

/// What lies beside the prefix.
pub fn left_beside(prefix: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(prefix.parent().unwrap()) else { return Vec::new() };
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).filter(|name| name != "p").collect()
}

#[track_caller]
pub fn refuse_panic(output: &Output, after: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() != Some(101) && !said.contains("panicked"), "{after}: {said}");
}

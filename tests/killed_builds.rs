//! Builds and publications that are killed: the store and the channel hold nothing that is not whole, the next run
//! works, and nothing is left of the one that was killed.
//!
//! `TAGALONG_SEED=N` starts with another seed; `TAGALONG_TORTURE=1` runs the long way (`scripts/torture`).

mod whole;
mod world;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use tagalong::model::digest::Digest;
use whole::{random, rounds, tree};
use world::{World, files_below};

/// Two packages, of which one needs the other; their steps run for a moment.
fn world() -> World {
    let world = World::with_key();
    let recipe = |name: &str, needs: &str| {
        let script = "mkdir -p {prefix}/share/{name}\n\
                      for n in 1 2 3 4 5 6 7 8; do seq 20000 | sed \"s|^|{prefix} |\" > {prefix}/share/{name}/$n; done";
        let text = format!(
            "name = \"{name}\"\nversion = \"1\"\nlicense = \"MIT\"\nneeds = [{needs}]\n\n[build]\nsystem = \"script\"\n\
             script = '''\n{}\n'''\n",
            script.replace("{name}", name)
        );
        world.write(&format!("extern-recipes/{name}/recipe.toml"), text);
    };
    fs::remove_dir_all(world.checkout().join("extern-recipes")).unwrap();
    recipe("one", "");
    recipe("two", "\"one\"");
    world.commit().tag("deps-1");
    world
}

/// All files below a folder with their digests, but those of the bundle, which say when they were published.
fn packages(channel: &Path) -> BTreeMap<PathBuf, Digest> {
    let packages = channel.join("packages");
    if !packages.exists() {
        return BTreeMap::new();
    }
    files_below(&packages).into_iter().map(|path| (path.clone(), Digest::of(&fs::read(path).unwrap()))).collect()
}

/// The names of all files of a channel. The file of a lock may stay: nobody holds it, and the next who asks for it
/// removes it.
fn names(channel: &Path) -> Vec<PathBuf> {
    let mut names = if channel.exists() { files_below(channel) } else { Vec::new() };
    names.retain(|path| path.extension().is_none_or(|end| end != "lock"));
    names
}

/// Starts the program and kills it after a random part of `whole`, which is set so that about every third run ends
/// before. Gives whether it was killed.
fn killed(world: &World, verb: &str, whole: &mut Duration, percent: usize) -> bool {
    let mut child =
        world.tagalong(world.checkout()).arg(verb).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    thread::sleep(*whole * u32::try_from(percent).unwrap() / 100);
    let is_running = child.try_wait().unwrap().is_none();
    *whole = if is_running { *whole * 21 / 20 } else { *whole * 9 / 10 };
    child.kill().unwrap();
    child.wait().unwrap();
    is_running
}

#[test]
fn builds_and_publications_that_are_killed_leave_nothing_half_done() {
    let world = world();
    let (channel, prefix, work) = (world.channel(), world.checkout().join("extern/p"), world.cache().join("work"));
    let mut times = ["build", "publish"].map(|verb| {
        let begin = Instant::now();
        world.run(verb).succeeds();
        begin.elapsed()
    });
    world.run("install").succeeds();
    let (right, all, tree_of_right) = (packages(&channel), names(&channel), tree(&prefix).unwrap());
    assert_eq!(right.len(), 2);
    let mut random = random();
    let mut kills = [0, 0];
    for round in 0..rounds(12, 450) {
        let which = random.below(2);
        let verb = ["build", "publish"][which];
        let begins_anew = random.below(4) > 0;
        if begins_anew {
            fs::remove_dir_all(&channel).unwrap();
        }
        // Neither the store nor the channel has anything to take then.
        if begins_anew && which == 0 {
            fs::remove_dir_all(world.cache()).unwrap();
        }
        kills[which] += usize::from(killed(&world, verb, &mut times[which], random.below(120)));
        let after = format!("round {round}, {verb} killed");

        // Whatever has a name in the channel is whole.
        for (path, digest) in packages(&channel) {
            assert!(right.get(&path).is_none_or(|known| *known == digest), "{after}: {}", path.display());
        }
        world.run("cache verify").succeeds();
        // A bundle that can be seen can be installed.
        let installed = world.run("install");
        if names(&channel).iter().any(|path| path.to_string_lossy().contains("/bundles/")) {
            installed.succeeds();
            assert_eq!(tree(&prefix).unwrap(), tree_of_right, "{after}");
        }
        world.run("build").succeeds();
        world.run("publish").succeeds();
        world.run("install").succeeds();
        assert_eq!(tree(&prefix).unwrap(), tree_of_right, "{after}");
        assert_eq!(packages(&channel), right, "{after}");
        assert_eq!(names(&channel), all, "{after}");
        let left: Vec<_> = fs::read_dir(&work).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!(left, Vec::<PathBuf>::new(), "{after}");
    }
    println!("{} builds and {} publications were killed", kills[0], kills[1]);
    assert!(kills.iter().all(|count| *count > 0), "{kills:?}");
}

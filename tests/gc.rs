//! What may go from a channel: bundles without a tag, expired candidates, and what only they name.

mod world;

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use world::bundle::{Package, own};
use world::{World, files_below};

fn package(name: &str, version: &str) -> Package {
    Package::new(name).version(version).text(&format!("share/{name}"), &format!("{version} at @PREFIX@\n"))
}

fn files(world: &World) -> Vec<PathBuf> {
    files_below(&world.channel())
}

/// Makes everything on the channel older than it is.
fn age(world: &World) {
    let then = SystemTime::now() - Duration::from_secs(5 * 86_400);
    files(world).iter().for_each(|path| fs::File::open(path).unwrap().set_modified(then).unwrap());
}

/// `deps-1` and `deps-2` share zlib; there is an expired candidate with a package of its own, and one that lives.
fn world() -> World {
    let world = World::with_key();
    world.published("deps-1", &[package("zlib", "1"), package("libpng", "1")]);
    world.write("extern-recipes/zlib/recipe.toml", "name = \"zlib\" # 2\n");
    world.published("deps-2", &[package("zlib", "1"), package("libpng", "2")]);
    world.built(&[package("zlib", "3")]);
    world.run("publish --candidate deps-mr-old --expires 0s").succeeds();
    world.built(&[package("zlib", "4")]);
    world.run("publish --candidate deps-mr-new").succeeds();
    world
}

#[test]
fn nothing_goes_that_is_young_or_that_a_bundle_names() {
    let world = world();
    let before = files(&world);
    let run = world.run("gc --channel main").succeeds();
    let paths: Vec<&str> = run.stdout.lines().filter_map(|line| line.trim_start().split("  ").nth(1)).collect();
    assert!(paths.iter().all(|path| path.starts_with("candidates/deps-mr-old/")), "{}", run.stdout);
    age(&world);
    world.git(&["tag", "-d", "deps-1"]);
    let run = world.run("gc --channel main --json").succeeds();
    let going = run.json()["going"].clone();
    let reasons: Vec<String> = going
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            let path = one["path"].as_str().unwrap();
            format!("{}: {}", path.split('/').next().unwrap(), &one["reason"].as_str().unwrap()[..12])
        })
        .collect();
    let expected = [
        "bundles: the reposito",
        "bundles: the reposito",
        "candidates: it expired a",
        "candidates: it expired a",
        "keys: no bundle na",
        "keys: no bundle na",
        "packages: no bundle na",
        "packages: no bundle na",
    ];
    assert_eq!(reasons, expected, "libpng 1 and zlib 3, with their records");
    assert_eq!(files(&world), before, "only --apply changes anything");
}

#[test]
fn what_is_left_is_whole() {
    let world = world();
    age(&world);
    world.git(&["tag", "-d", "deps-1"]);
    let run = world.run("gc --channel main --apply").succeeds();
    let last = run.stderr.lines().last().unwrap();
    assert!(last.starts_with("removed 8 objects of channel `main`, ") && last.contains("; 2 bundles and "), "{last}");
    world.forget_cache();
    world.run("install").succeeds();
    world.forget_cache();
    world.run("install --tag deps-mr-new").succeeds();
    world.run("install --tag deps-mr-old").exits(3);
    let run = world.run("gc --channel main").succeeds();
    assert_eq!(run.stdout, "");
    let bytes: u64 = files(&world).iter().map(|path| path.metadata().unwrap().len()).sum();
    let left = world.run("gc --channel main --json").succeeds().json()["left"].as_u64().unwrap();
    assert_eq!(bytes - left, "{\"format\": 1}\n".len() as u64, "all but channel.json");
}

#[test]
fn a_candidate_that_is_taken_as_expired_goes_at_once() {
    let world = world();
    let there = || world.channel().join("candidates/deps-mr-new").read_dir().unwrap().count();
    let run = world.run("gc --channel main --expire deps-mr-new").succeeds();
    assert!(run.stdout.contains("a candidate that is taken as expired"), "{}", run.stdout);
    assert_eq!(there(), 2);
    world.run("gc --channel main --expire deps-mr-new --apply").succeeds();
    assert_eq!(there(), 0);
    world.run("install").succeeds();
    world.run("gc --channel main --expire ../x").exits(2);
}

#[test]
fn a_repository_that_does_not_know_its_tags_removes_nothing() {
    let world = world();
    age(&world);
    let before = files(&world);
    world.git(&["tag", "-d", "deps-1", "deps-2"]);
    let run = world.run("gc --channel main --apply").exits(2);
    assert!(run.stderr.contains("nothing is removed: the repository has no deps tags"), "{}", run.stderr);
    world.git(&["tag", "deps-1"]);
    let url = format!("file://{}", world.checkout().display());
    world.git_in(&world.root(), &["clone", "-q", "--depth", "1", &url, "shallow"]);
    let run = world.run_in(&world.root().join("shallow"), &["gc", "--channel", "main", "--apply"]).exits(2);
    assert!(run.stderr.contains("shallow clone"), "{}", run.stderr);
    fs::write(world.channel().join(format!("bundles/deps-1/{}.json", own())), "{").unwrap();
    world.run("gc --channel main --apply").exits(4);
    world.run("gc --channel other").exits(2);
    assert_eq!(files(&world), before);
}

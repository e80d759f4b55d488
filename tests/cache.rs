//! The store: listed, verified, and cleaned up.

mod world;

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use world::World;
use world::bundle::Package;

fn archives(world: &World) -> Vec<PathBuf> {
    let folders = fs::read_dir(world.cache().join("packages")).unwrap();
    let mut all: Vec<PathBuf> = folders
        .flat_map(|folder| fs::read_dir(folder.unwrap().path()).unwrap())
        .map(|one| one.unwrap().path())
        .collect();
    all.sort();
    all
}

fn age(path: &PathBuf, days: u64) {
    let then = SystemTime::now() - Duration::from_secs(days * 86_400);
    fs::File::open(path).unwrap().set_modified(then).unwrap();
}

fn world() -> World {
    let world = World::with_key();
    let package = |name: &str| Package::new(name).text(&format!("share/{name}"), "at @PREFIX@\n");
    world.published("deps-1", &[package("zlib"), package("libpng")]);
    world
}

#[test]
fn packages_are_listed_with_name_and_size() {
    let world = world();
    let run = world.run("cache list").succeeds();
    let names: Vec<&str> = run.stdout.lines().map(|line| line.rsplit("UTC  ").next().unwrap()).collect();
    assert_eq!(names, ["libpng 1.0", "zlib 1.0"]);
    let sizes: u64 = archives(&world).iter().map(|path| path.metadata().unwrap().len()).sum();
    let listed = world.run("cache list --json").succeeds().json();
    let listed: u64 = listed.as_array().unwrap().iter().map(|one| one["size"].as_u64().unwrap()).sum();
    assert_eq!(listed, sizes);
    world.forget_cache();
    world.run("cache list").prints("");
}

#[test]
fn package_that_has_gone_bad_is_found_and_taken_out() {
    let world = world();
    let said = world.run("cache verify").prints("").stderr;
    assert!(said.starts_with("verified 2 packages, ") && said.ends_with(" bytes: all whole\n"), "{said}");
    let bad = archives(&world).remove(0);
    let mut bytes = fs::read(&bad).unwrap();
    bytes[40] ^= 1;
    fs::remove_file(&bad).unwrap();
    fs::write(&bad, bytes).unwrap();
    let run = world.run("cache verify --dry-run").exits(7);
    assert!(run.stderr.ends_with("bytes: 1 with other bytes than their digest\n"), "{}", run.stderr);
    assert!(bad.exists());
    let broken = world.run("cache verify --json").exits(7).json();
    assert_eq!(broken["broken"].as_array().unwrap().len(), 1);
    assert!(!bad.exists());
    world.run("cache verify").succeeds();
    world.run("install").succeeds();
}

#[test]
fn what_was_not_used_for_long_goes_and_what_is_installed_stays_fetched() {
    let world = world();
    let all = archives(&world);
    all.iter().for_each(|path| age(path, 40));
    let unfinished = world.cache().join("tmp/.tmpabc");
    fs::write(&unfinished, "half").unwrap();
    age(&unfinished, 2);
    fs::write(world.cache().join("tmp/.tmpnew"), "in use").unwrap();

    let run = world.run("cache gc --keep 60d").succeeds();
    assert!(run.stderr.starts_with("took out 0 packages and 1 unfinished files, 4 bytes"), "{}", run.stderr);
    assert!(world.cache().join("tmp/.tmpnew").exists() && !unfinished.exists());
    let run = world.run("cache gc --dry-run").succeeds();
    assert!(run.stderr.starts_with("would take out 2 packages"), "{}", run.stderr);
    // An install uses both.
    world.run("install").succeeds();
    let run = world.run("cache gc").succeeds();
    assert!(run.stderr.starts_with("took out 0 packages"), "{}", run.stderr);

    // Two are kept by their size together, the older one goes when there is room for one.
    age(&all[0], 90);
    age(&all[1], 40);
    let size = all[1].metadata().unwrap().len();
    assert!(size < 1_000_000);
    assert!(world.run("cache gc --keep-size 1").succeeds().stderr.starts_with("took out 0 packages"));
    let run = world.run("cache gc --keep 60d --json").succeeds().json();
    assert_eq!((&run["packages"].as_array().unwrap().len(), &run["left"]), (&1, &size.into()));
    assert_eq!(archives(&world), [all[1].clone()]);
    // Even `--keep 0s` leaves what another process may be about to read.
    world.run("cache verify").succeeds();
    fs::File::open(&all[1]).unwrap().set_modified(SystemTime::now()).unwrap();
    assert!(world.run("cache gc --keep 0s").succeeds().stderr.starts_with("took out 0 packages"));
}

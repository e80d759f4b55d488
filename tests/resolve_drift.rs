//! Drift: which recipes differ from the tag's, in the commit and in the work tree.

mod world;

use std::os::unix::fs::{PermissionsExt, symlink};

use serde_json::{Value, json};
use tagalong::checkout::Checkout;
use world::World;

fn recipe(name: &str) -> String {
    format!("extern-recipes/{name}/recipe.toml")
}

/// A tagged commit with three recipes.
fn tagged() -> World {
    let world = World::new();
    for name in ["hdf5", "zlib", "zmq"] {
        world.write(&recipe(name), format!("name = \"{name}\"\n"));
    }
    world.commit().tag("deps-1");
    world
}

fn drift(world: &World, arguments: &str) -> Value {
    world.run(&format!("resolve --json {arguments}")).succeeds().json()["drift"].clone()
}

fn three_changes(world: &World) {
    world.write(&recipe("zlib"), "name = \"zlib\"\nversion = \"2\"\n").write(&recipe("boost"), "new");
    std::fs::remove_dir_all(world.checkout().join("extern-recipes/zmq")).unwrap();
}

fn three_drifts() -> Value {
    json!([
        { "recipe": "boost", "change": "added" },
        { "recipe": "zlib", "change": "changed" },
        { "recipe": "zmq", "change": "removed" },
    ])
}

#[test]
fn committed_changes_are_told_by_name() {
    let world = tagged();
    three_changes(&world);
    world.commit();
    assert_eq!(drift(&world, ""), three_drifts());
    assert_eq!(drift(&world, "main"), three_drifts());
    let run = world.run("resolve").prints("deps-1\n");
    let expected = "warning: the recipes differ from those of deps-1: boost (added), zlib (changed), zmq (removed)\n";
    assert_eq!(run.stderr, expected);
}

#[test]
fn changes_of_the_work_tree_count_for_head_and_for_no_other_commit() {
    let world = tagged();
    three_changes(&world);
    assert_eq!(drift(&world, ""), three_drifts());
    assert_eq!(drift(&world, "HEAD"), three_drifts());
    assert_eq!(drift(&world, "main"), json!([]));
}

#[test]
fn without_a_change_there_is_no_drift_and_no_word() {
    let world = tagged();
    let run = world.write("src/main.cpp", "int main() {}").commit().run("resolve").prints("deps-1\n");
    assert_eq!(run.stderr, "");
}

#[test]
fn changes_that_were_taken_back_in_the_work_tree_are_still_the_commit_s() {
    let world = tagged();
    world.write(&recipe("zlib"), "2").commit().write(&recipe("zlib"), "name = \"zlib\"\n");
    assert_eq!(drift(&world, ""), json!([{ "recipe": "zlib", "change": "changed" }]));
}

#[test]
fn mode_and_kind_of_a_file_count() {
    let world = tagged();
    let path = world.checkout().join(recipe("hdf5"));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    let changed = json!([{ "recipe": "hdf5", "change": "changed" }]);
    assert_eq!(drift(&world, ""), changed);
    std::fs::remove_file(&path).unwrap();
    symlink("name = \"hdf5\"\n", &path).unwrap();
    assert_eq!(drift(&world, ""), changed);
}

#[test]
fn ignored_files_empty_folders_and_sockets_do_not_count() {
    let world = tagged();
    world.write(".gitignore", "*.swp\n/extern-recipes/*/build/\n").write("extern-recipes/zlib/.recipe.swp", "x");
    world.write("extern-recipes/zlib/build/out", "x");
    std::fs::create_dir_all(world.checkout().join("extern-recipes/empty/deep")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(world.checkout().join("extern-recipes/socket")).unwrap();
    assert_eq!(drift(&world, ""), json!([]));
    world.write("extern-recipes/zlib/new.patch", "x");
    assert_eq!(drift(&world, ""), json!([{ "recipe": "zlib", "change": "changed" }]));
}

#[test]
fn committed_file_counts_even_if_it_is_ignored() {
    let world = tagged();
    world.write("extern-recipes/zlib/fix.swp", "1").commit().tag("deps-2").write(".gitignore", "*.swp\n");
    assert_eq!(drift(&world, ""), json!([]));
    world.write("extern-recipes/zlib/fix.swp", "2");
    assert_eq!(drift(&world, ""), json!([{ "recipe": "zlib", "change": "changed" }]));
}

#[test]
fn project_without_recipes_has_no_drift() {
    let world = World::new();
    let run = world.commit().tag("deps-1").commit().run("resolve").prints("deps-1\n");
    assert_eq!(run.stderr, "");
}

#[test]
fn recipes_that_were_all_removed_are_drift() {
    let world = tagged();
    std::fs::remove_dir_all(world.checkout().join("extern-recipes")).unwrap();
    let removed = |name: &str| json!({ "recipe": name, "change": "removed" });
    assert_eq!(drift(&world, ""), json!([removed("hdf5"), removed("zlib"), removed("zmq")]));
}

#[test]
fn forced_tag_of_the_repository_is_compared_too() {
    let world = tagged();
    world.write(&recipe("zlib"), "2").commit().tag("deps-2");
    assert_eq!(drift(&world, ""), json!([]));
    assert_eq!(drift(&world, "--tag deps-1"), json!([{ "recipe": "zlib", "change": "changed" }]));
}

#[test]
fn tree_on_disk_has_the_id_that_git_gives_it() {
    let world = tagged();
    let on_disk = || Checkout::open(world.checkout()).unwrap().recipes_tree_on_disk().unwrap();
    assert_eq!(on_disk(), Some(world.git(&["rev-parse", "HEAD:extern-recipes"])));
    // Names that git orders in its own way: a folder as if it ended with a slash.
    for path in ["a.b", "a/x", "a-b", "a0", "a/y/z", "\u{e9}"] {
        world.write(&format!("extern-recipes/{path}"), path);
    }
    world.write("extern-recipes/run", "#!/bin/sh\n");
    let run = world.checkout().join("extern-recipes/run");
    std::fs::set_permissions(run, std::fs::Permissions::from_mode(0o755)).unwrap();
    symlink("../nowhere", world.checkout().join("extern-recipes/link")).unwrap();
    let before = on_disk();
    world.commit();
    assert_eq!(before, Some(world.git(&["rev-parse", "HEAD:extern-recipes"])));
    std::fs::remove_dir_all(world.checkout().join("extern-recipes")).unwrap();
    assert_eq!(on_disk(), None);
}

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

/// A tagged commit with a recipe of its own, and two in a folder beside it that tagalong.toml names.
fn with_overlay() -> World {
    let world = World::new();
    world.write("tagalong.toml", "[[recipes]]\npath = \"shared/recipes\"\n").write(&recipe("zlib"), "own");
    world.write("shared/recipes/zlib/recipe.toml", "shadowed").write("shared/recipes/hdf5/recipe.toml", "1");
    world.write("shared/recipes/README.md", "words");
    world.commit().tag("deps-1");
    world
}

#[test]
fn overlay_in_the_checkout_counts_as_the_recipes_folder_does() {
    let world = with_overlay();
    assert_eq!(drift(&world, ""), json!([]));
    // A recipe that a nearer one hides, and what is no recipe, decide nothing.
    world.write("shared/recipes/zlib/recipe.toml", "other").write("shared/recipes/README.md", "other");
    world.write(".gitignore", "*.swp\n").write("shared/recipes/hdf5/x.swp", "x");
    assert_eq!(drift(&world, ""), json!([]));
    world.write("shared/recipes/hdf5/recipe.toml", "2").write("shared/recipes/zmq/recipe.toml", "new");
    let expected = json!([{ "recipe": "hdf5", "change": "changed" }, { "recipe": "zmq", "change": "added" }]);
    assert_eq!(drift(&world, ""), expected);
    world.commit();
    assert_eq!(drift(&world, ""), expected);
    assert_eq!(drift(&world, "main"), expected);
    // With the folder no longer named its recipes are gone, and the hidden one is not missed.
    world.write("tagalong.toml", "");
    let changes = drift(&world, "");
    assert_eq!(changes, json!([{ "recipe": "hdf5", "change": "removed" }, { "recipe": "zmq", "change": "added" }]));
}

#[test]
fn recipe_that_moves_to_an_overlay_as_it_is_has_not_drifted() {
    let world = with_overlay();
    std::fs::rename(world.checkout().join("shared/recipes/hdf5"), world.checkout().join("extern-recipes/hdf5"))
        .unwrap();
    world.commit();
    assert_eq!(drift(&world, ""), json!([]));
}

#[test]
fn overlay_from_git_counts_by_its_commit_and_one_elsewhere_is_said_to_be_unknown() {
    let world = World::new();
    let project = |commit: char| {
        let commit = commit.to_string().repeat(40);
        format!("[[recipes]]\ngit = \"https://git.example.org/recipes.git\"\ncommit = \"{commit}\"\nfolder = \"all\"\n")
    };
    world.write("tagalong.toml", project('1')).write(&recipe("zlib"), "own").commit().tag("deps-1");
    assert_eq!(drift(&world, ""), json!([]));
    world.write("tagalong.toml", project('2'));
    let changed = json!([{ "recipe": "https://git.example.org/recipes.git all", "change": "changed" }]);
    assert_eq!(drift(&world, ""), changed);
    world.commit();
    assert_eq!(drift(&world, ""), changed);
    world
        .write("tagalong.toml", format!("{}\n[[recipes]]\npath = \"../shared\"\n", project('1')))
        .commit()
        .tag("deps-2");
    assert_eq!(drift(&world, ""), json!([]));
    let run = world.run("resolve").prints("deps-2\n");
    let note = "note: these recipes are not under this history, so whether they differ is not known: ../shared\n";
    assert_eq!(run.stderr, note);
}

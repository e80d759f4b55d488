//! `build --reproduce`: what was published is built again from its records alone, and compared.

mod world;

use std::fs;
use std::path::PathBuf;

use world::World;
use world::bundle::own;

/// `libgreet` and `hello`, published as `deps-1`; the recipes are gone from the checkout, and so is the cache.
fn published() -> World {
    let world = World::published_greetings();
    world.forget_cache();
    fs::remove_dir_all(world.checkout().join("extern-recipes")).unwrap();
    world
}

/// The build record of a package on the channel.
fn record(world: &World, name: &str) -> PathBuf {
    let folder = world.channel().join(format!("keys/{}", own()));
    let is_it = |path: &PathBuf| fs::read_to_string(path).unwrap().contains(&format!("\"name\": \"{name}\""));
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).find(is_it).unwrap()
}

#[test]
fn packages_of_a_tag_a_manifest_and_a_record_come_out_with_the_same_bytes() {
    let world = published();
    let run = world.run("build --reproduce deps-1 hello").succeeds();
    assert_eq!(run.stdout, "hello: the same bytes\n");
    assert!(!run.stderr.contains("warning") && !run.stderr.contains("libgreet: build"), "{}", run.stderr);
    let manifest = world.channel().join(format!("bundles/deps-1/{}.json", own()));
    let run = world.run_with(&["build", "--reproduce", manifest.to_str().unwrap()]).succeeds();
    assert_eq!(run.stdout, "libgreet: the same bytes\nhello: the same bytes\n");
    world.forget_cache();
    let run = world.run_with(&["build", "--reproduce", record(&world, "hello").to_str().unwrap()]).succeeds();
    assert_eq!(run.stdout, "hello: the same bytes\n");
    assert!(world.run("build --reproduce deps-1 helo").exits(3).stderr.contains("it holds libgreet, hello"));
}

#[test]
fn what_differs_from_the_builder_of_then_is_told_first() {
    let id = std::process::Command::new("id").arg("-u").output().unwrap();
    if id.stdout != b"0\n" {
        return;
    }
    let world = published();
    let run = world.run("build --reproduce deps-1 hello --sandbox host");
    let told = "warning: hello was built with another sandbox: full, here host\n";
    assert!(run.stderr.contains(told), "{}", run.stderr);
    assert!(run.stderr.find(told) < run.stderr.find("hello: script"), "{}", run.stderr);
}

#[test]
fn a_recipe_that_was_put_into_a_record_afterwards_is_not_run() {
    let world = published();
    let path = record(&world, "hello");
    // In the text of the recipe, not among the ingredients, where the line breaks are escaped twice.
    let forged = fs::read_to_string(&path).unwrap().replace("-lgreet\\nmkdir", "-lgreet\\ntouch x\\nmkdir");
    fs::write(&path, &forged).unwrap();
    let run = world.run("build --reproduce deps-1 hello").exits(4);
    assert!(run.stderr.contains("another recipe script"), "{}", run.stderr);
    assert!(!run.stderr.contains("hello: script"), "{}", run.stderr);
    fs::write(&path, forged.replace("\"path\": \"recipe.toml\"", "\"path\": \"../../recipe.toml\"")).unwrap();
    assert!(world.run("build --reproduce deps-1 hello").exits(4).stderr.contains("is not below its folder"));
    fs::write(&path, "{").unwrap();
    world.run("build --reproduce deps-1 hello").exits(4);
    fs::remove_file(&path).unwrap();
    world.run("build --reproduce deps-1 hello").exits(3);
}

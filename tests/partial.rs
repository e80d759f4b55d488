//! Builds that take what is built already: from bundles on the channel, from the tag of a drifted checkout.

mod world;

use std::fs;

use world::World;
use world::bundle::own;

/// A project whose two recipes are built, published as `deps-1`, and forgotten by this machine.
fn published() -> World {
    let world = World::published_greetings();
    world.forget_cache();
    world
}

/// Changes what `hello` says.
fn change_hello(world: &World) {
    let source = world.read("extern-recipes/hello/tree/hello.c");
    world.write("extern-recipes/hello/tree/hello.c", source.replace("%s from", "%s again from"));
    let recipe = world.read("extern-recipes/hello/recipe.toml").replace("hello from", "hello again from");
    world.write("extern-recipes/hello/recipe.toml", recipe.replace("\"2.0\"", "\"2.1\""));
}

fn hello(world: &World) -> String {
    let output = world.command(world.checkout().join("extern/p/bin/hello"), &world.root()).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

fn archives(world: &World) -> usize {
    let output =
        world.command("find", &world.root()).args(["channel/packages", "-name", "*.tar.zst"]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().lines().count()
}

#[test]
fn one_changed_recipe_builds_one_package_and_the_bundle_before_gives_the_other() {
    let world = published();
    change_hello(&world);
    world.commit().tag("deps-2");
    let plan = world.run("build --dry-run").succeeds().stdout;
    let lines: Vec<&str> = plan.lines().collect();
    assert!(lines[0].starts_with("take  libgreet 1.0: in the bundle of deps-1 on channel `main` as "), "{plan}");
    assert_eq!(lines[1], "build hello 2.1: never built here");
    let said = world.run("build").succeeds().stderr;
    assert!(!said.contains("libgreet: step"), "{said}");
    assert_eq!(archives(&world), 2);
    world.run("publish").succeeds();
    assert_eq!(archives(&world), 3, "libgreet is the same archive");
    world.forget_cache();
    world.run("install").succeeds();
    assert!(hello(&world).starts_with("hello again from "), "{}", hello(&world));
    let again = world.run("build --dry-run").succeeds().stdout;
    assert_eq!(again.matches("in the bundle of deps-2 on channel `main`").count(), 2, "{again}");
}

#[test]
fn forged_bundle_gives_nothing_and_the_build_goes_on_without_it() {
    let world = published();
    let manifest = world.channel().join(format!("bundles/deps-1/{}.json", own()));
    let text = fs::read_to_string(&manifest).unwrap();
    fs::remove_file(&manifest).unwrap();
    fs::write(&manifest, text.replace("\"MIT\"", "\"ISC\"")).unwrap();
    let run = world.run("build --dry-run").succeeds();
    assert_eq!(run.stdout, "build libgreet 1.0: never built here\nbuild hello 2.0: never built here\n");
    assert!(run.stderr.contains("its packages are not taken: "), "{}", run.stderr);
}

#[test]
fn drifted_checkout_gets_the_tag_s_packages_and_its_own() {
    let world = published();
    change_hello(&world);
    let said = world.run("install --build").succeeds().stderr;
    assert!(said.contains("warning: the recipes differ from those of deps-1: hello\n"), "{said}");
    assert!(said.contains("; built here: hello\n"), "{said}");
    assert!(!said.contains("libgreet: step"), "{said}");
    assert!(hello(&world).starts_with("hello again from "), "{}", hello(&world));

    let receipt: serde_json::Value = serde_json::from_str(&world.read("extern/p/.tagalong/receipt.json")).unwrap();
    assert!(receipt["built"].is_string());
    let built =
        |place: usize| (receipt["packages"][place]["name"].clone(), receipt["packages"][place]["built"] == true);
    assert_eq!([built(0), built(1)], [("hello".into(), true), ("libgreet".into(), false)]);
    assert!(world.run("install --build").succeeds().stderr.contains("already installed: deps-1"));
    let status = world.run("status").succeeds().stdout;
    assert!(status.contains("; built here: hello\n") && status.contains("state      current\n"), "{status}");

    // Another change makes it old; without --build the tag's bundle comes back.
    let source = world.read("extern-recipes/hello/tree/hello.c");
    world.write("extern-recipes/hello/tree/hello.c", format!("{source}\n"));
    assert!(world.run("status").succeeds().stdout.contains("state      another bundle is installed"));
    world.run("install").succeeds();
    assert!(hello(&world).starts_with("hello from "), "{}", hello(&world));
}

#[test]
fn project_may_say_that_drift_is_built() {
    let world = published();
    let project = world.read("tagalong.toml");
    world.write("tagalong.toml", project.replacen("[project]", "[project]\ndrift = \"build\"", 1));
    assert!(!world.run("install").succeeds().stderr.contains("built here"));
    change_hello(&world);
    assert!(world.run("status").succeeds().stdout.contains("state      another bundle is installed"));
    assert!(world.run("install").succeeds().stderr.contains("; built here: hello\n"));
    assert!(world.run("status --check").succeeds().stdout.contains("state      current\n"));
    // A forced tag is somebody's will.
    assert!(!world.run("install --tag deps-1").succeeds().stderr.contains("built here"));
}

#[test]
fn a_build_of_the_union_that_fails_leaves_the_prefix() {
    let world = published();
    world.run("install").succeeds();
    let source = world.read("extern-recipes/hello/tree/hello.c");
    world.write("extern-recipes/hello/tree/hello.c", format!("{source}#error no\n"));
    let run = world.run("install --build").exits(6);
    assert!(run.stderr.contains("the prefix is as it was"), "{}", run.stderr);
    assert!(hello(&world).starts_with("hello from "));
}

#[test]
fn why_follows_the_needs_to_the_first_cause() {
    let world = World::new().with_greetings();
    world.run("build").succeeds();
    world.run("recipe why libgreet").succeeds();
    let recipe = world.read("extern-recipes/libgreet/recipe.toml");
    world.write("extern-recipes/libgreet/recipe.toml", recipe.replace("1.0", "1.1"));
    let said = world.run("recipe why hello").succeeds().stdout;
    let lines: Vec<&str> = said.lines().collect();
    assert!(lines[0].starts_with("build hello 2.0: need libgreet changed, from "), "{said}");
    assert_eq!(lines[1..], ["build libgreet 1.1: recipe version changed, from 1.0 to 1.1", "needed by no recipe"]);
    world.run("recipe why libgreet hello").prints("hello needs libgreet\n");
    world.run("recipe why hello libgreet").prints("hello needs libgreet\n");
    world.script_recipe("alone", "true");
    world.run("recipe why alone hello").exits(3);
    world.run("recipe why nothing").exits(3);
}

//! Real recipes give the same bytes when they are built twice, in two checkouts. Long: `scripts/test` runs it.

mod world;

use std::collections::BTreeMap;
use std::process::Command;

use world::World;

/// Recipes of several build systems.
const RECIPES: [&str; 5] = ["zlib", "bzip2", "lz4", "libpng", "expat"];

/// Builds the recipes in a world of their own and gives name -> archive.
fn built(jobs: &str) -> BTreeMap<String, String> {
    let world = World::new();
    let copied = Command::new("cp").args(["-r", "extern-recipes"]).arg(world.checkout()).status().unwrap();
    assert!(copied.success());
    let mut arguments = vec!["build", "--json", "-j", jobs];
    arguments.extend(RECIPES);
    let run = world.run_with(&arguments).succeeds();
    let json = run.json();
    let packages = json["packages"].as_array().unwrap();
    packages
        .iter()
        .map(|one| (one["name"].as_str().unwrap().to_owned(), one["archive"].as_str().unwrap().to_owned()))
        .collect()
}

#[test]
#[ignore = "builds five real libraries twice"]
fn real_recipes_are_bit_identical_when_built_twice() {
    let (one, other) = (built("1"), built("3"));
    assert!(RECIPES.iter().all(|name| one.contains_key(*name)));
    assert_eq!(one, other);
}

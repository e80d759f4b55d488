//! `tagalong list`: the deps tags with their bundles and what each changed.

mod world;

use world::World;
use world::bundle::{Package, own};

#[test]
fn tags_are_listed_with_date_distance_bundles_and_changes() {
    let world = World::with_key();
    world.write_project("file:../channel", &format!("\n[[platform]]\nid = \"{}\"\n", own()));
    world.published("deps-1", &[Package::new("zlib")]);
    world.write("extern-recipes/png/recipe.toml", "name = \"png\"\n");
    world.published("deps-2", &[Package::new("zlib"), Package::new("png")]);
    world.git(&["checkout", "-q", "-b", "side", "deps-1"]);
    world.write("extern-recipes/zlib/recipe.toml", "name = \"zlib\" # side\n").commit().tag("deps-side");
    world.git(&["checkout", "-q", "main"]);
    world.write("notes", "later").commit();
    let size = |tag: &str| {
        let text = std::fs::read_to_string(world.channel().join(format!("bundles/{tag}/{}.json", own()))).unwrap();
        let sizes = text
            .split("\"size\": ")
            .skip(1)
            .map(|rest| rest.split(|c: char| !c.is_ascii_digit()).next().unwrap().parse::<u64>().unwrap());
        sizes.sum::<u64>()
    };
    let (one, two) = (size("deps-1"), size("deps-2"));
    let run = world.run("list --tags").succeeds();
    let expected = format!(
        "deps-side  DATE  not reached\n  no bundle\n  png (removed), zlib (changed)\n\
         deps-2  DATE  +1\n  bundle for {0}, {two} bytes\n  png (added)\n\
         deps-1  DATE  +2\n  bundle for {0}, {one} bytes\n  zlib (added)\n",
        own()
    );
    let without_dates: Vec<String> = run
        .stdout
        .lines()
        .map(|line| match line.split("  ").collect::<Vec<_>>()[..] {
            [name, date, rest] if date.starts_with("2020-09-13 ") => format!("{name}  DATE  {rest}"),
            _ => line.to_owned(),
        })
        .collect();
    assert_eq!(without_dates.join("\n") + "\n", expected);

    let json = world.run("list --json -n 1").succeeds().json();
    assert_eq!((&json["all"], json["tags"].as_array().unwrap().len()), (&serde_json::json!(3), 1));
    assert_eq!(json["tags"][0]["distance"], serde_json::Value::Null);
    let json = world.run("list --json").succeeds().json();
    assert_eq!(json["tags"][1]["bundles"][0]["size"], two);

    let said = world.run("diff deps-1 deps-2").succeeds().stdout;
    assert!(said.contains("+ png 1.0, Zlib, "), "{said}");
    World::new().run("list").prints("");
}

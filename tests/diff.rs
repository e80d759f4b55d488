//! What two packages and two bundles do not share, and builds that are made twice.

mod world;

use std::fs;

use world::World;
use world::bundle::Package;

fn zlib() -> Package {
    Package::new("zlib").text("share/doc", "one two three\n").link("lib/libz.so", "libz.so.1").text("old", "x")
}

#[test]
fn bundles_are_compared_by_package_and_member_with_the_first_other_byte() {
    let world = World::with_key();
    world.published("deps-1", &[zlib(), Package::new("same").text("a", "a")]);
    let other = Package::new("zlib").text("share/doc", "one tWo three\n").link("lib/libz.so", "libz.so.2");
    world.published("deps-2", &[other.text("new", "x"), Package::new("same").text("a", "a")]);
    let said = world.run("diff deps-1 deps-2").succeeds().stdout;
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(
        lines[1..],
        [
            "  ~ lib/libz.so: link to libz.so.1, then to libz.so.2",
            "  + new",
            "  - old",
            "  ~ share/doc: other bytes from offset 5",
            "      left  one two three\\n",
            "      right one tWo three\\n",
            "1 package different, 1 package the same",
        ],
        "{said}"
    );
    world.run("diff deps-1 deps-1 --check").prints("no difference, 2 packages the same\n");
    world.run("diff deps-1 deps-2 --check").exits(7);
    world.run("diff deps-1 deps-9").exits(3);
    world.run("diff ../nothing deps-1").exits(3);
}

#[test]
fn a_build_that_is_not_the_same_twice_is_shown_with_the_place() {
    let world = World::new().with_greetings();
    let said = world.run("build --check").succeeds().stdout;
    assert_eq!(said, "libgreet: the same bytes\nhello: the same bytes\n");
    world.script_recipe("dice", "mkdir -p {prefix}/share\nhead -c 8 /dev/urandom | od -An -tx1 > {prefix}/share/dice");
    let run = world.run("build --check dice").exits(7);
    assert!(run.stdout.starts_with("dice: other bytes, "), "{}", run.stdout);
    assert!(run.stdout.contains("    ~ share/dice: other bytes from offset "), "{}", run.stdout);
    // What was built first stays what counts.
    assert!(world.run("build --dry-run dice").stdout.contains("built before as "));
    assert!(fs::read_dir(world.cache().join("work")).unwrap().next().is_none());
}

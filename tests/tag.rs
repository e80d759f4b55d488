//! `tagalong tag`: what keeps a deps tag from being made, and what its message says.

mod world;

use world::World;

fn recipe(world: &World, name: &str, version: &str) {
    let text = format!("name = \"{name}\"\nversion = \"{version}\"\nlicense = \"MIT\"\n");
    world.write(&format!("extern-recipes/{name}/recipe.toml"), text);
}

/// A checkout whose remote has its main branch.
fn pushed() -> World {
    let world = World::new();
    world.git_in(&world.root(), &["init", "-q", "--bare", "remote.git"]);
    world.git(&["remote", "add", "origin", "../remote.git"]);
    recipe(&world, "hdf5", "1.12");
    recipe(&world, "old", "0.1");
    world.write("tagalong.toml", "[project]\nname = \"demo\"\n\n[[channel]]\nname = \"main\"\nurl = \"file:../channel\"\nunsigned = true\n\n[[platform]]\nid = \"debian-12-x86_64\"\n");
    push(&world);
    world
}

fn push(world: &World) {
    world.commit();
    world.git(&["push", "-q", "--set-upstream", "origin", "HEAD:main"]);
    world.git(&["remote", "set-head", "origin", "main"]);
}

#[test]
fn a_tag_lists_what_changed_and_says_who_makes_its_bundles() {
    let world = pushed();
    let run = world.run("tag deps-add-hdf5-1.12").prints("add hdf5 1.12\nadd old 0.1\n");
    let head = world.git(&["rev-parse", "--short=12", "HEAD"]);
    let expected = format!(
        "debian-12-x86_64: its bundle is built by the tag's pipeline\ntagged {head} as deps-add-hdf5-1.12, the first deps \
         tag; `git push origin deps-add-hdf5-1.12` makes CI build its bundles\n"
    );
    assert_eq!(run.stderr, expected);
    recipe(&world, "hdf5", "1.14");
    recipe(&world, "zmq", "4.3");
    std::fs::remove_dir_all(world.checkout().join("extern-recipes/old")).unwrap();
    world.write("extern-recipes/README.md", "no recipe\n");
    push(&world);
    let run = world
        .run("tag deps-update-hdf5-1.14 --dry-run")
        .prints("update hdf5 1.12 -> 1.14\nremove old 0.1\nadd zmq 4.3\n");
    assert!(
        run.stderr.contains("would tag") && run.stderr.contains(", 1 commits after deps-add-hdf5-1.12"),
        "{}",
        run.stderr
    );
    assert_eq!(world.git(&["tag"]), "deps-add-hdf5-1.12");
    let json = world.run("tag deps-update-hdf5-1.14 --push --json").succeeds().json();
    assert_eq!(json["outcome"], "pushed");
    assert_eq!(json["changes"][0]["is"], "1.14");
    assert_eq!(json["platforms"][0]["bundle"], "built");
    let message = world.git(&["tag", "-l", "--format=%(contents)", "deps-update-hdf5-1.14"]);
    assert_eq!(message, "deps-update-hdf5-1.14\n\nupdate hdf5 1.12 -> 1.14\nremove old 0.1\nadd zmq 4.3");
    assert_eq!(world.git(&["cat-file", "-t", "deps-update-hdf5-1.14"]), "tag");
    assert!(world.git(&["ls-remote", "--tags", "origin"]).contains("refs/tags/deps-update-hdf5-1.14"));
    world.run("resolve").prints("deps-update-hdf5-1.14\n");
}

#[test]
fn what_speaks_against_a_tag_is_told_at_once_and_can_be_overruled() {
    let world = pushed();
    world.run("tag deps-add-hdf5").succeeds();
    world.git(&["checkout", "-q", "-b", "feature"]);
    world.write("notes", "not pushed").commit();
    recipe(&world, "hdf5", "2.0");
    let expected = "error: `deps-2` is not made\n\
        \x20 why: the name is not `deps-<add|update|remove>-<recipe><version>` of a recipe that changed\n\
        \x20      HEAD is on the branch `feature`, and deps tags are made on `main`\n\
        \x20      the recipes on disk are not those of the commit\n\
        \x20      no branch of a remote has the commit\n\
        \x20      no recipe changed since deps-add-hdf5\n\
        \x20next: see to that, or make it all the same with `--force`\n";
    world.run("tag deps-2").fails(7, expected);
    let run = world.run("tag deps-2 --force").succeeds();
    assert_eq!(run.stderr.matches("warning: ").count(), 5, "{}", run.stderr);
}

#[test]
fn names_that_no_walk_finds_or_that_are_taken_are_refused() {
    let world = pushed();
    world.run("tag update-deps-hdf5").exits(2);
    world.run("tag deps-../x").exits(2);
    world.run("tag deps-add-hdf5").succeeds();
    world.run("tag deps-add-hdf5").exits(2);
    // Another clone has pushed that name.
    world.git(&["push", "-q", "origin", "deps-add-hdf5:refs/tags/deps-add-old"]);
    let said = world.run("tag deps-add-old --push --force").exits(2).stderr;
    assert!(said.contains("in the remote"), "{said}");
    let world = World::new();
    world.commit();
    world.run("tag deps-add-hdf5").exits(3);
}

#[test]
fn branches_that_tags_are_made_on_can_be_set() {
    let world = pushed();
    let text = world.read("tagalong.toml").replace("name = \"demo\"\n", "name = \"demo\"\nbranches = \"release-*\"\n");
    world.write("tagalong.toml", text);
    push(&world);
    let said = world.run("tag deps-add-hdf5").exits(7).stderr;
    assert!(said.contains("on the branch `main`, and deps tags are made on `release-*`"), "{said}");
    world.git(&["checkout", "-q", "-b", "release-1"]);
    world.run("tag deps-add-hdf5").succeeds();
}

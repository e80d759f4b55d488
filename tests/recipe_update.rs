//! `tagalong recipe update`: the new sources are fetched, the patches tried, the recipe written with all its comments.

mod world;

use std::fs;

use tagalong::model::digest::Digest;
use world::World;

const BODY: &str = "one\ntwo\nthree\nfour\nfive\nsix\nseven\n";

/// An archive of one file in the world's folder; gives its digest.
fn archive(world: &World, name: &str, content: &str) -> Digest {
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    builder.append_data(&mut header, "top/a.txt", content.as_bytes()).unwrap();
    let bytes = builder.into_inner().unwrap();
    fs::write(world.root().join(name), &bytes).unwrap();
    Digest::of(&bytes)
}

/// A recipe at 1.2 whose sources lie in the world's folder.
fn recipe(world: &World, place: &str, digest: &Digest, more: &str) -> String {
    let place = place.replace("ROOT", &format!("file://{}", world.root().display()));
    let text = format!(
        "# A recipe with comments.\nname    = \"demo\"\nversion = '1.2'      # as released\nlicense = \"MIT\"\n\n\
         [[source]]   # the one\n{place}\nsha256 = \"{digest}\" # checked\n{more}\n\
         [build]\nsystem = \"script\"\nscript = [\n    \"true\",   # nothing to do\n]\n"
    );
    world.write("extern-recipes/demo/recipe.toml", &text);
    text
}

fn patch(from: &str, to: &str) -> String {
    format!("--- a/a.txt\n+++ b/a.txt\n@@ -1,7 +1,7 @@\n one\n two\n three\n-{from}\n+{to}\n five\n six\n seven\n")
}

#[test]
fn version_and_digest_change_and_nothing_else_does() {
    let world = World::new();
    let old = archive(&world, "demo-1.2.tar", BODY);
    let new = archive(&world, "demo-1.3.tar", &BODY.replace("seven\n", "seven\neight\n"));
    let text = recipe(&world, "url = \"ROOT/demo-{version}.tar\"", &old, "patches = [\"why.patch\"]\n");
    world.write("extern-recipes/demo/why.patch", patch("four", "4"));
    let said = format!("source file://[WORLD]/demo-1.3.tar: {old} -> {new}\npatch why.patch: applies\n");
    world
        .run("recipe update demo 1.3 --dry-run")
        .prints(&format!("{said}would update extern-recipes/demo/recipe.toml: demo 1.2 -> 1.3\n"));
    assert_eq!(world.read("extern-recipes/demo/recipe.toml"), text);
    world
        .run("recipe update demo 1.3")
        .prints(&format!("{said}updated extern-recipes/demo/recipe.toml: demo 1.2 -> 1.3\n"));
    let expected = text.replace("'1.2'", "\"1.3\"").replace(&old.hex(), &new.hex());
    assert_eq!(world.read("extern-recipes/demo/recipe.toml"), expected);
    world.run("recipe check").prints("no mistakes in 1 recipe\n");
    world.run("recipe update demo 1.3").prints("demo is at 1.3 already; nothing was written\n");
    let names: Vec<_> = fs::read_dir(world.checkout().join("extern-recipes/demo")).unwrap().collect();
    assert_eq!(names.len(), 2, "{names:?}");
}

#[test]
fn a_patch_that_applies_no_more_is_told_with_its_hunk() {
    let world = World::new();
    let old = archive(&world, "demo-1.2.tar", BODY);
    let new = archive(&world, "demo-1.3.tar", &BODY.replace("four", "FOUR").replace("two", "2"));
    let patches = "patches = [\"four.patch\", \"done.patch\"]\n";
    recipe(&world, "url = \"ROOT/demo-{version}.tar\"", &old, patches);
    world.write("extern-recipes/demo/four.patch", patch("four", "4"));
    let done = "--- a/a.txt\n+++ b/a.txt\n@@ -1,3 +1,3 @@\n one\n-two\n+2\n three\n";
    world.write("extern-recipes/demo/done.patch", done);
    let run = world.run("recipe update demo 1.3").exits(7);
    let said = format!(
        "source file://[WORLD]/demo-1.3.tar: {old} -> {new}\npatch four.patch: applies no more\n\
         patch done.patch: is in the source already\nupdated extern-recipes/demo/recipe.toml: demo 1.2 -> 1.3\n"
    );
    assert_eq!(run.stdout, said);
    for part in [
        "Hunk #1 FAILED at 1.",
        "-four\n+4\n",
        "error: 2 patches do not apply to demo 1.3\n  why: `four.patch` applies no more\n       `done.patch` is in the source already\n",
        " next: take a patch whose change is in the source out of `patches`\n       make the patch anew against 1.3\n       `git checkout extern-recipes/demo/recipe.toml` takes the update back\n",
    ] {
        assert!(run.stderr.contains(part), "{part}\n{}", run.stderr);
    }
    let text =
        world.read("extern-recipes/demo/recipe.toml").replace("\"1.3\"", "'1.2'").replace(&new.hex(), &old.hex());
    world.write("extern-recipes/demo/recipe.toml", text);
    let json = world.run("recipe update demo 1.3 --json").exits(7).json();
    assert_eq!(json["patches"][0]["verdict"], "fails");
    assert_eq!(json["patches"][1]["verdict"], "already-there");
    assert_eq!(json["sources"][0]["is"], new.hex());
    assert_eq!((json["from"].as_str(), json["to"].as_str()), (Some("1.2"), Some("1.3")));
    assert_eq!(json["written"], true);
}

#[test]
fn nothing_is_written_when_a_source_cannot_be_had() {
    let world = World::new();
    let old = archive(&world, "demo-1.2.tar", BODY);
    let text = recipe(&world, "url = \"ROOT/demo-{version}.tar\"", &old, "");
    world.run("recipe update demo 1.3").fails(
        3,
        "demo: fetching from file://[WORLD]/demo-1.3.tar\n\
         demo: not from file://[WORLD]/demo-1.3.tar: it has no such file\n\
         error: no place has the source of demo\n  why: file://[WORLD]/demo-1.3.tar: it has no such file\n       \
         nothing was written\n next: check the place, then try again\n",
    );
    fs::write(world.root().join("demo-1.3.tar"), "<html>not found</html>").unwrap();
    let run = world.run("recipe update demo 1.3").exits(4);
    assert!(run.stderr.contains("is no archive that can be unpacked"), "{}", run.stderr);
    assert_eq!(world.read("extern-recipes/demo/recipe.toml"), text);
    world.run_with(&["recipe", "update", "demo", "../1"]).fails(
        2,
        "error: `../1` is not a version\n  why: a version has letters, digits, `.`, `_`, `+`, `-` and `~`, at most 64\n next: write it as its makers do, such as `1.2.3`\n",
    );
    let run = world.run("recipe update dmeo 1.3").exits(3);
    assert!(run.stderr.contains("did you mean `demo`?"), "{}", run.stderr);
}

#[test]
fn versions_that_are_written_out_are_changed_or_told() {
    let world = World::new();
    let old = archive(&world, "demo-1.2.tar", BODY);
    let new = archive(&world, "demo_1_3.tar", BODY);
    recipe(&world, "url = [\"ROOT/none/demo-{version}.tar\", \"ROOT/demo_1_2.tar\"]", &old, "");
    world.run("recipe update demo 1.3").succeeds();
    let text = world.read("extern-recipes/demo/recipe.toml");
    assert!(text.contains("/none/demo-{version}.tar\"") && text.contains("/demo_1_3.tar\""), "{text}");
    assert!(text.contains(&new.hex()), "{text}");
    recipe(&world, "url = \"ROOT/latest.tar\"", &old, "");
    world.run("recipe update demo 1.3").fails(
        7,
        "error: no source of demo would be another one\n  why: none of its places names the version: file://[WORLD]/latest.tar\n next: put `{version}` into `url`, or change recipe and digest by hand\n",
    );
    let text = recipe(&world, "url = \"ROOT/1.2/demo-{version}.tar\"", &old, "").replace("'1.2'", "'1.2.9'");
    world.write("extern-recipes/demo/recipe.toml", text);
    let run = world.run("recipe update demo 1.3.0").exits(3);
    assert!(run.stderr.contains("`1.2`, a part of the old version, is written out in a place"), "{}", run.stderr);
}

#[test]
fn a_when_with_sources_of_its_own_is_updated_and_one_with_a_version_stays() {
    let world = World::new();
    let old = archive(&world, "demo-1.2.tar", BODY);
    let own = archive(&world, "own-1.3.tar", "other\n");
    archive(&world, "demo-1.3.tar", BODY);
    let root = world.root().display().to_string();
    let mut text = recipe(&world, "url = \"ROOT/demo-{version}.tar\"", &old, "");
    text.push_str(&format!(
        "\n[[when]]\nplatform = \"ubuntu-*\"\n[[when.source]]\nurl = \"file://{root}/own-{{version}}.tar\"\nsha256 = \"{}\"\n\
         \n[[when]]\nplatform = \"centos-7-*\"\nversion = \"1.0\"\n",
        Digest::of(b"own")
    ));
    world.write("extern-recipes/demo/recipe.toml", &text);
    let run = world.run("recipe update demo 1.3").succeeds();
    let lines: Vec<&str> = run.stdout.lines().skip(1).collect();
    let expected = [
        format!("source file://[WORLD]/own-1.3.tar on ubuntu-*: {} -> {own}", Digest::of(b"own")),
        "stays on centos-7-*: 1.0".to_owned(),
        "updated extern-recipes/demo/recipe.toml: demo 1.2 -> 1.3".to_owned(),
    ];
    assert_eq!(lines, expected);
    world.run("recipe check").prints("no mistakes in 1 recipe\n");
}

#[test]
fn what_comes_from_git_gets_the_commit_of_the_new_tag() {
    let world = World::new();
    let upstream = world.root().join("upstream");
    fs::create_dir(&upstream).unwrap();
    world.git_in(&upstream, &["init", "-q", "-b", "main", "."]);
    let mut commits = Vec::new();
    for version in ["v1.2", "v1.3"] {
        fs::write(upstream.join("a.txt"), format!("{version}\n")).unwrap();
        world.git_in(&upstream, &["add", "-A"]);
        world.git_in(&upstream, &["commit", "-q", "-m", version]);
        world.git_in(&upstream, &["tag", "-a", version, "-m", version]);
        commits.push(world.git_in(&upstream, &["rev-parse", "HEAD"]));
    }
    let text = format!(
        "name = \"demo\"\nversion = \"1.2\"\nlicense = \"MIT\"\n[[source]]\ngit = \"file://{}\"\ncommit = \"{}\" # v1.2\n\
         [build]\nsystem = \"script\"\nscript = \"true\"\n",
        upstream.display(),
        commits[0]
    );
    world.write("extern-recipes/demo/recipe.toml", &text);
    let run = world.run("recipe update demo 1.4").exits(3);
    assert!(run.stderr.contains("has no tag for 1.4"), "{}", run.stderr);
    assert_eq!(world.read("extern-recipes/demo/recipe.toml"), text);
    world.run("recipe update demo 1.3").succeeds();
    let expected = text.replace("\"1.2\"", "\"1.3\"").replace(&commits[0], &commits[1]);
    assert_eq!(world.read("extern-recipes/demo/recipe.toml"), expected);
}

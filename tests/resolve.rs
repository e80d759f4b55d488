//! `tagalong resolve`: every sentence of the tag law, and what is printed.
//!
//! Odd repositories are in `resolve_places.rs`, drift in `resolve_drift.rs`, random histories in `resolve_law.rs`.

mod world;

use serde_json::json;
use world::World;

/// `main` and `side` both bear a tag, and `side` was merged.
fn two_merged_lines() -> World {
    let world = World::new();
    world.commit().git(&["branch", "side"]);
    world.write("a", "a").commit().tag("deps-main");
    world.git(&["checkout", "-q", "side"]);
    world.write("b", "b").commit().tag("deps-side");
    world.git(&["checkout", "-q", "main"]);
    world.git(&["merge", "-q", "--no-edit", "side"]);
    world
}

#[test]
fn tag_on_the_commit_itself_is_nearest() {
    World::new().commit().tag("deps-1").run("resolve").prints("deps-1\n");
}

#[test]
fn last_tag_on_the_way_back_is_nearest() {
    let world = World::new();
    world.commit().tag("deps-1").commit().tag("deps-2").commit().tag("release-3").commit();
    world.run("resolve").prints("deps-2\n");
    world.run("resolve HEAD~3").prints("deps-1\n");
    world.run("resolve deps-1").prints("deps-1\n");
}

#[test]
fn tag_on_an_unmerged_branch_is_not_seen() {
    let world = World::new();
    world.commit().tag("deps-1").git(&["checkout", "-q", "-b", "side"]);
    world.commit().tag("deps-side").git(&["checkout", "-q", "main"]);
    world.commit().run("resolve").prints("deps-1\n");
}

#[test]
fn tag_of_a_merged_branch_is_nearest_when_it_came_after_the_one_of_the_main_line() {
    let world = World::new();
    world.commit().tag("deps-1").git(&["checkout", "-q", "-b", "side"]);
    world.commit().tag("deps-side").git(&["checkout", "-q", "main"]);
    world.commit().git(&["merge", "-q", "--no-edit", "side"]);
    world.run("resolve").prints("deps-side\n");
    world.write("tagalong.toml", "[project]\nname = \"demo\"\nwalk = \"first-parent\"\n");
    world.run("resolve").prints("deps-1\n");
}

#[test]
fn two_merged_tags_are_ambiguous_and_the_message_lists_them_with_the_ways_out() {
    let world = two_merged_lines();
    let id = |revision: &str| world.git(&["rev-parse", revision]);
    let expected = format!(
        "error: 2 deps tags are nearest to {}\n  why: deps-side at {}, 2 commits before\n       deps-main at {}, 2 commits before\n       \
        none is an ancestor of another, and the commit's recipes do not single one out\n next: `--tag TAG`, or \
        `FORCED_DEPS_TAG`, names one for this run\n       `walk = \"first-parent\"` in tagalong.toml takes the one on \
        the branch that was merged into\n       `walk = \"date\"` in tagalong.toml takes the newest one\n",
        id("HEAD"),
        id("deps-side"),
        id("deps-main")
    );
    world.run("resolve").fails(8, &expected);
}

#[test]
fn each_way_out_of_an_ambiguity_works() {
    let world = two_merged_lines();
    world.run("resolve --tag deps-main").prints("deps-main\n");
    for (walk, tag) in [("first-parent", "deps-main"), ("date", "deps-side")] {
        world.write("tagalong.toml", format!("[project]\nname = \"demo\"\nwalk = \"{walk}\"\n"));
        world.run("resolve").prints(&format!("{tag}\n"));
    }
    let world = two_merged_lines().with("FORCED_DEPS_TAG", "deps-main");
    world.run("resolve").prints("deps-main\n");
}

#[test]
fn of_two_merged_tags_the_one_with_the_recipes_of_the_commit_is_taken() {
    let world = World::new();
    world.write("extern-recipes/zlib/recipe.toml", "1").commit().git(&["branch", "side"]);
    world.write("a", "a").commit().tag("deps-main");
    world.git(&["checkout", "-q", "side"]);
    world.write("extern-recipes/zlib/recipe.toml", "2").commit().tag("deps-side");
    world.git(&["checkout", "-q", "main"]);
    world.git(&["merge", "-q", "--no-edit", "side"]);
    let run = world.run("resolve --json").succeeds();
    let json = run.json();
    assert_eq!(json["tag"], "deps-side");
    assert_eq!(json["candidates"].as_array().unwrap().len(), 2);
    assert_eq!(json["drift"], json!([]));
}

#[test]
fn an_octopus_of_three_tagged_branches_lists_all_three() {
    let world = World::new();
    world.commit();
    for name in ["a", "b", "c"] {
        world.git(&["checkout", "-q", "-b", name, "main"]);
        world.write(name, name).commit().tag(&format!("deps-{name}"));
    }
    world.git(&["checkout", "-q", "main"]);
    world.git(&["merge", "-q", "--no-edit", "a", "b", "c"]);
    let run = world.run("resolve").exits(8);
    let listed: Vec<&str> = run.stderr.lines().filter_map(|line| line[7..].strip_prefix("deps-")).collect();
    assert_eq!(listed.iter().map(|line| &line[..1]).collect::<String>(), "cba");
}

#[test]
fn of_several_tags_on_a_commit_the_newest_by_its_own_date_is_taken() {
    let world = World::new();
    world.commit().tag("deps-light");
    world.git(&["tag", "-a", "-m", "older", "deps-z-older"]);
    world.git(&["tag", "-a", "-m", "newer", "deps-a-newer"]);
    let json = world.commit().run("resolve --json").succeeds().json();
    assert_eq!(json["tag"], "deps-a-newer");
    assert_eq!(json["other_tags_on_commit"], json!(["deps-z-older", "deps-light"]));
}

#[test]
fn of_several_tags_of_one_date_on_a_commit_the_first_by_name_is_taken() {
    let world = World::new();
    world.commit().tag("deps-b").tag("deps-a").tag("deps-c");
    let json = world.run("resolve --json").succeeds().json();
    assert_eq!(json["tag"], "deps-a");
    assert_eq!(json["other_tags_on_commit"], json!(["deps-b", "deps-c"]));
}

#[test]
fn annotated_packed_and_nested_tags_are_found() {
    let world = World::new();
    world.commit().git(&["tag", "-a", "-m", "one", "deps-1"]);
    world.run("resolve").prints("deps-1\n");
    world.git(&["pack-refs", "--all"]);
    world.run("resolve").prints("deps-1\n");
    world.commit().git(&["tag", "-a", "-m", "two", "deps-2"]);
    world.git(&["tag", "-a", "-m", "three", "deps-2-again", "deps-2"]);
    world.git(&["tag", "-d", "deps-2"]);
    world.run("resolve").prints("deps-2-again\n");
    world.git(&["pack-refs", "--all"]);
    world.commit().run("resolve").prints("deps-2-again\n");
}

#[test]
fn loose_tag_that_was_moved_after_packing_wins_over_the_packed_one() {
    let world = World::new();
    world.commit().tag("deps-1").git(&["pack-refs", "--all"]);
    world.commit().git(&["tag", "-f", "deps-1"]);
    let json = world.run("resolve --json").succeeds().json();
    assert_eq!((&json["tag"], &json["distance"]), (&json!("deps-1"), &json!(0)));
}

#[test]
fn tags_of_trees_blobs_and_other_names_are_passed_over() {
    let world = World::new();
    world.write("file", "x").commit().tag("deps-1").commit();
    world.git(&["tag", "deps-tree", "HEAD^{tree}"]);
    world.git(&["tag", "deps-blob", "HEAD:file"]);
    world.git(&["tag", "xdeps-2"]);
    world.git(&["tag", "deps"]);
    world.run("resolve").prints("deps-1\n");
}

#[test]
fn pattern_of_the_project_decides_what_a_deps_tag_is() {
    let world = World::new();
    world.commit().tag("libs-1").commit().tag("deps-2");
    world.write("tagalong.toml", "[project]\nname = \"demo\"\ntags = \"libs-?\"\n");
    world.run("resolve").prints("libs-1\n");
}

#[test]
fn wrong_dates_do_not_change_the_nearest_tag() {
    let world = World::new();
    world.commit().tag("deps-1").commit().tag("deps-2");
    let dated = world
        .command("git", world.checkout())
        .args(["commit", "-q", "--allow-empty", "-m", "from the past"])
        .env("GIT_COMMITTER_DATE", "1000000000 +0000")
        .status();
    assert!(dated.unwrap().success());
    world.git(&["checkout", "-q", "-b", "side", "deps-1"]);
    world.commit().git(&["checkout", "-q", "main"]);
    world.git(&["merge", "-q", "--no-edit", "side"]);
    world.run("resolve").prints("deps-2\n");
}

#[test]
fn without_a_tag_the_failure_says_what_to_do() {
    let world = World::new();
    world.commit();
    let commit = world.git(&["rev-parse", "HEAD"]);
    let next = "`git tag deps-<what changed>` on the commit that the bundle is to be built from\n       \
        or name one: `--tag TAG`, `FORCED_DEPS_TAG`\n";
    let expected = format!(
        "error: no deps tag is reachable from {commit}\n  why: no tag of the repository matches `deps-*`\n next: \
        `git fetch --tags` if the tags are elsewhere\n       {next}"
    );
    world.run("resolve").fails(3, &expected);
    world.git(&["checkout", "-q", "-b", "side"]);
    world.commit().tag("deps-side").git(&["checkout", "-q", "main"]);
    let expected = format!(
        "error: no deps tag is reachable from {commit}\n  why: one tag matches `deps-*`, but is not reachable\n next: \
        merge a branch that has one\n       {next}"
    );
    world.run("resolve").fails(3, &expected);
}

#[test]
fn revision_that_names_no_commit_is_refused() {
    let world = World::new();
    world.write("file", "x").commit();
    for revision in ["nowhere", "HEAD:file", "HEAD^{tree}", "HEAD~7", "ffffffffffffffffffffffffffffffffffffffff"] {
        let run = world.run(&format!("resolve {revision}")).exits(3);
        assert!(run.stderr.starts_with(&format!("error: `{revision}` names no commit\n")), "{}", run.stderr);
    }
}

#[test]
fn forced_tag_is_said_to_be_in_force() {
    let world = World::new().with("FORCED_DEPS_TAG", "deps-1");
    world.commit().tag("deps-1").commit().tag("deps-2");
    let run = world.run("resolve").prints("deps-1\n");
    assert_eq!(run.stderr, "note: `deps-1` is in force, by FORCED_DEPS_TAG, not by the history\n");
}

#[test]
fn flag_wins_over_the_variable_and_the_variable_over_the_history() {
    let world = World::new().with("FORCED_DEPS_TAG", "deps-1");
    world.commit().tag("deps-1").commit().tag("deps-2").commit().tag("deps-3");
    world.run("resolve").prints("deps-1\n");
    let run = world.run("resolve --tag deps-2").prints("deps-2\n");
    assert_eq!(run.stderr, "note: `deps-2` is in force, by --tag, not by the history\n");
}

#[test]
fn empty_variable_forces_nothing() {
    let world = World::new().with("FORCED_DEPS_TAG", "");
    let run = world.commit().tag("deps-1").run("resolve").prints("deps-1\n");
    assert_eq!(run.stderr, "");
}

#[test]
fn forced_tag_needs_no_tag_in_the_history_and_no_commit() {
    let world = World::new();
    let run = world.run("resolve --tag deps-mr-x").prints("deps-mr-x\n");
    let expected = "note: `deps-mr-x` is in force, by --tag, not by the history\n\
        note: `deps-mr-x` is no tag of this repository; it is taken as a candidate of a channel\n";
    assert_eq!(run.stderr, expected);
    let json = world.commit().run("resolve --json --tag deps-mr-x").succeeds().json();
    let commit = world.git(&["rev-parse", "HEAD"]);
    assert_eq!((&json["commit"], &json["tagged_commit"]), (&json!(commit), &json!(null)));
    assert_eq!((&json["forced"], &json["distance"], &json["candidates"]), (&json!("--tag"), &json!(null), &json!([])));
}

#[test]
fn forced_tag_of_a_tree_is_refused() {
    let world = World::new();
    world.write("file", "x").commit().git(&["tag", "deps-tree", "HEAD^{tree}"]);
    let expected = "error: `deps-tree` names no commit\n  why: the tag is on something else\n next: name a commit of this \
        repository: an id, a branch, a tag, `HEAD~3`\n";
    world.run("resolve --tag deps-tree").fails(3, expected);
}

#[test]
fn forced_name_that_could_be_a_path_is_refused() {
    let world = World::new();
    world.commit().tag("deps-1");
    let expected = "error: the name given with `--tag` is not taken\n  why: `deps-../x` cannot name a bundle: it holds `/`\n       tag names become parts \
        of paths and addresses\n next: name a deps tag or a candidate, such as `deps-add-hdf5`\n";
    world.run("resolve --tag deps-../x").fails(2, expected);
    World::new().with("FORCED_DEPS_TAG", "../deps").commit().run("resolve").exits(2);
}

#[test]
fn json_has_exactly_the_documented_keys() {
    let world = World::new();
    world.commit().tag("deps-1").commit().commit();
    let json = world.run("resolve --json").succeeds().json();
    let id = |revision: &str| world.git(&["rev-parse", revision]);
    let platform = world.run("platform").succeeds().stdout.trim_end().to_owned();
    let expected = json!({
        "tag": "deps-1",
        "commit": id("HEAD"),
        "tagged_commit": id("deps-1"),
        "distance": 2,
        "platform": platform,
        "forced": null,
        "shallow": false,
        "candidates": [{ "tag": "deps-1", "commit": id("deps-1"), "distance": 2 }],
        "other_tags_on_commit": [],
        "drift": [],
        "beyond": [],
    });
    assert_eq!(json, expected);
}

#[test]
fn explain_tells_on_stderr_how_the_tag_was_found() {
    let world = World::new();
    world.commit().tag("deps-1").tag("deps-1-too").commit();
    let run = world.run("resolve --explain").prints("deps-1\n");
    let id = |revision: &str| world.git(&["rev-parse", revision]);
    let expected = format!(
        "commit: {}\nlaw: walk = \"maximal\" over tags `deps-*`\nnearest: deps-1 at {}, 1 commits before\n\
        on the same commit: deps-1-too\nrecipes: those of the tag\n",
        id("HEAD"),
        id("deps-1")
    );
    assert_eq!(run.stderr, expected);
}

#[test]
fn tag_whose_name_could_be_a_path_is_refused_when_it_would_be_the_answer() {
    let world = World::new();
    world.commit().tag("deps-1").commit();
    let commit = world.git(&["rev-parse", "HEAD"]);
    // git itself makes no such refs; a hostile remote or a broken tool may.
    let packed = ["deps-../../x", "deps-a/b", "deps-$(id)", "deps-\u{e9}", "deps-a b"];
    let places: Vec<String> = packed.iter().map(|name| format!("{commit} refs/tags/{name}\n")).collect();
    for (name, line) in packed.iter().zip(places) {
        world.write(".git/packed-refs", format!("# pack-refs with: peeled fully-peeled sorted \n{line}"));
        let run = world.run("resolve").exits(4);
        let start =
            format!("error: the nearest deps tag of {commit} is not taken\n  why: `{}` cannot", name.escape_debug());
        assert!(run.stderr.starts_with(&start), "{}", run.stderr);
        world.run("resolve HEAD~1").prints("deps-1\n");
    }
    world.write(".git/packed-refs", "").write(".git/refs/tags/deps-../x", format!("{commit}\n"));
    world.run("resolve").exits(4);
    std::fs::remove_dir_all(world.checkout().join(".git/refs/tags/deps-..")).unwrap();
    world.run("resolve").prints("deps-1\n");
}

//! `tagalong resolve` in every kind of repository: where git works it works, where git refuses it says why.

mod world;

use std::fs;
use std::path::PathBuf;

use world::World;

/// `deps-old`, then 30 commits, `deps-new` on the 15th of them.
fn long() -> World {
    let world = World::new();
    world.commit().tag("deps-old");
    for number in 0..30 {
        world.commit();
        if number == 14 {
            world.tag("deps-new");
        }
    }
    world
}

fn url(world: &World) -> String {
    format!("file://{}", world.checkout().display())
}

/// A clone of the world's checkout.
fn clone(world: &World, options: &[&str]) -> PathBuf {
    let root = world.root();
    let from = url(world);
    let mut arguments = vec!["clone", "-q"];
    arguments.extend(options);
    arguments.extend([from.as_str(), "clone"]);
    world.git_in(&root, &arguments);
    root.join("clone")
}

#[test]
fn folder_below_the_root_and_detached_head_and_c_work() {
    let world = World::new();
    world.write("src/deep/file", "x").commit().tag("deps-1").commit();
    world.git(&["checkout", "-q", "--detach"]);
    world.run_in(&world.checkout().join("src/deep"), &["resolve"]).prints("deps-1\n");
    world.run_in(&world.root(), &["-C", "checkout/src", "resolve"]).prints("deps-1\n");
}

#[test]
fn linked_work_tree_has_its_own_head_and_the_tags_of_all() {
    let world = World::new();
    world.commit().tag("deps-1").commit().tag("deps-2");
    let linked = world.root().join("linked");
    world.git(&["worktree", "add", "-q", linked.to_str().unwrap(), "deps-1"]);
    world.run_in(&linked, &["resolve"]).prints("deps-1\n");
    world.git(&["pack-refs", "--all"]);
    world.run_in(&linked, &["resolve"]).prints("deps-1\n");
}

#[test]
fn submodule_is_a_checkout_of_its_own() {
    let inner = World::new();
    inner.commit().tag("deps-inner");
    let outer = World::new();
    outer.commit().tag("deps-outer");
    outer.git(&["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", &url(&inner), "inner"]);
    outer.commit();
    outer.run_in(&outer.checkout().join("inner"), &["resolve"]).prints("deps-inner\n");
    outer.run("resolve").prints("deps-outer\n");
}

#[test]
fn bare_repository_works_with_the_defaults() {
    let world = long();
    let bare = clone(&world, &["--bare"]);
    let run = world.run_in(&bare, &["resolve"]).prints("deps-new\n");
    assert_eq!(run.stderr, "");
    world.run_in(&bare, &["resolve", "HEAD~20"]).prints("deps-old\n");
}

#[test]
fn unborn_branch_has_its_own_words() {
    let expected = "error: the branch `main` has no commit yet\n  why: a deps tag is looked for in the history of a commit\n next: commit first, or name a tag: `--tag TAG`, \
        `FORCED_DEPS_TAG`\n";
    World::new().run("resolve").fails(3, expected);
}

#[test]
fn folder_outside_of_any_repository_has_its_own_words() {
    let world = World::new();
    let expected = "error: `[WORLD]/channel` is in no git repository\n  why: neither it nor a folder above it holds a `.git`\n next: start it inside a checkout of the project, \
        or name one with `-C DIR`\n";
    world.run_in(&world.channel(), &["resolve"]).fails(3, expected);
}

#[test]
fn shallow_clone_that_ends_before_a_tag_is_an_error_of_its_own() {
    let world = long();
    let shallow = clone(&world, &["--depth", "5"]);
    let commit = world.git(&["rev-parse", "HEAD"]);
    let expected = format!(
        "error: the shallow history of {commit} ends before a deps tag\n  why: this clone is shallow; no tag in it matches \
        `deps-*`\n next: `git fetch --unshallow`, or `GIT_DEPTH: 0` among the job's variables in GitLab CI\n"
    );
    world.run_in(&shallow, &["resolve"]).fails(3, &expected);
    world.git_in(&shallow, &["fetch", "-q", "--unshallow", "--tags"]);
    world.run_in(&shallow, &["resolve"]).prints("deps-new\n");
}

#[test]
fn shallow_clone_that_reaches_the_nearest_tag_is_sure() {
    let world = long();
    let shallow = clone(&world, &["--depth", "20"]);
    let run = world.run_in(&shallow, &["resolve", "--json"]).succeeds();
    assert_eq!((&run.json()["tag"], &run.json()["shallow"]), (&"deps-new".into(), &false.into()));
    assert_eq!(run.stderr, "");
}

#[test]
fn shallow_clone_whose_other_line_is_cut_warns() {
    let world = World::new();
    world.commit().git(&["branch", "side"]);
    world.commit().commit().tag("deps-main");
    world.git(&["checkout", "-q", "side"]);
    world.commit().tag("deps-side").commit().commit().commit();
    world.git(&["checkout", "-q", "main"]);
    world.git(&["merge", "-q", "--no-edit", "side"]);
    world.run("resolve").exits(8);
    let shallow = clone(&world, &["--depth", "3"]);
    let run = world.run_in(&shallow, &["resolve"]).prints("deps-main\n");
    assert_eq!(run.stderr, "warning: the history is shallow; a deeper one could change the answer\n");
}

#[test]
fn checkout_as_gitlab_makes_it_finds_a_near_tag_and_is_loud_about_a_far_one() {
    let world = long();
    let runner = world.root().join("runner");
    world.git(&["update-ref", "refs/pipelines/77", "HEAD"]);
    world.git_in(&world.root(), &["init", "-q", "runner"]);
    let git = |arguments: &[&str]| world.git_in(&runner, arguments);
    git(&["remote", "add", "origin", &url(&world)]);
    let refs = ["+refs/pipelines/77:refs/pipelines/77", "+refs/heads/main:refs/remotes/origin/main"];
    git(&["fetch", "-q", "origin", refs[0], refs[1], "--depth", "20", "--prune"]);
    git(&["checkout", "-f", "-q", "refs/pipelines/77"]);
    world.run_in(&runner, &["resolve"]).prints("deps-new\n");
    world.run_in(&runner, &["resolve", "HEAD~16"]).exits(3);
    // Fetching the tag brings its commit, but not the link to HEAD.
    git(&["fetch", "-q", "--depth", "1", "origin", "refs/tags/deps-*:refs/tags/deps-*"]);
    let run = world.run_in(&runner, &["resolve", "HEAD~16"]).exits(3);
    assert!(run.stderr.contains("ends before a deps tag") && run.stderr.contains("GIT_DEPTH: 0"), "{}", run.stderr);
}

#[test]
fn objects_beyond_the_shallow_border_are_not_walked() {
    let world = long();
    // All objects are there, as after a fetch of another branch; the border says that they do not count.
    let border = world.git(&["rev-parse", "HEAD~5"]);
    world.write(".git/shallow", format!("{border}\n"));
    world.git(&["commit-graph", "write", "--reachable"]);
    world.run("resolve").exits(3);
}

#[test]
fn commit_graph_that_is_older_than_the_history_is_completed() {
    let world = World::new();
    world.commit().tag("deps-1").git(&["commit-graph", "write", "--reachable"]);
    world.commit().commit();
    world.run("resolve").prints("deps-1\n");
    world.git(&["checkout", "-q", "-b", "side", "HEAD~1"]);
    world.commit().tag("deps-side").git(&["checkout", "-q", "main"]);
    world.commit().git(&["merge", "-q", "--no-edit", "side"]);
    world.run("resolve").prints("deps-side\n");
    world.git(&["commit-graph", "write", "--reachable", "--split"]);
    world.run("resolve").prints("deps-side\n");
}

#[test]
fn grafts_and_replaced_commits_are_what_git_takes_them_for() {
    let world = World::new();
    world.commit().tag("deps-1").commit().tag("deps-2").commit();
    let id = |revision: &str| world.git(&["rev-parse", revision]);
    let (head, first) = (id("HEAD"), id("deps-1"));
    world.git(&["commit-graph", "write", "--reachable"]);
    world.write(".git/info/grafts", format!("{head} {first}\n"));
    world.run("resolve").prints("deps-1\n");
    fs::remove_file(world.checkout().join(".git/info/grafts")).unwrap();
    world.run("resolve").prints("deps-2\n");
    world.git(&["replace", "--graft", &head, &first]);
    world.run("resolve").prints("deps-1\n");
}

#[test]
fn circle_made_by_grafts_ends() {
    let world = World::new();
    world.commit().commit().commit();
    let id = |revision: &str| world.git(&["rev-parse", revision]);
    let (head, first) = (id("HEAD"), id("HEAD~2"));
    world.git(&["checkout", "-q", "--orphan", "other"]);
    world.commit().tag("deps-other").git(&["checkout", "-q", "main"]);
    world.write(".git/info/grafts", format!("{first} {head}\n"));
    for walk in ["maximal", "first-parent", "date"] {
        world.write("tagalong.toml", format!("[project]\nname = \"demo\"\nwalk = \"{walk}\"\n"));
        world.run("resolve").exits(3);
    }
}

#[test]
fn objects_of_an_alternate_are_found() {
    let world = long();
    let shared = clone(&world, &["--shared"]);
    world.run_in(&shared, &["resolve"]).prints("deps-new\n");
}

#[test]
fn partial_clone_without_trees_gives_the_tag_and_says_that_drift_is_not_known() {
    let world = World::new();
    world.git(&["config", "uploadpack.allowFilter", "true"]);
    world.write("extern-recipes/zlib/recipe.toml", "1").commit().tag("deps-1");
    world.write("extern-recipes/zlib/recipe.toml", "2").commit();
    let partial = clone(&world, &["--filter=tree:0"]);
    let run = world.run_in(&partial, &["resolve"]).prints("deps-1\n");
    let expected = "warning: the recipes of deps-1 are not in this partial clone; whether they differ is not known\n";
    assert_eq!(run.stderr, expected);
}

#[test]
fn missing_commit_is_an_error_of_its_own() {
    let world = World::new();
    world.commit().tag("deps-1").commit().commit();
    let missing = world.git(&["rev-parse", "HEAD~1"]);
    fs::remove_file(world.checkout().join(format!(".git/objects/{}/{}", &missing[..2], &missing[2..]))).unwrap();
    let expected = format!(
        "error: object {missing} is missing\n  why: something that is in the repository refers to it\n next: `git fsck` \
        says what else is missing; a fresh clone is the way out\n"
    );
    world.run("resolve").fails(3, &expected);
}

#[test]
fn damaged_commit_is_an_error_of_its_own() {
    let world = World::new();
    world.commit().tag("deps-1").commit().commit();
    let damaged = world.git(&["rev-parse", "HEAD~1"]);
    let path = format!(".git/objects/{}/{}", &damaged[..2], &damaged[2..]);
    fs::remove_file(world.checkout().join(&path)).unwrap();
    let run = world.write(&path, "no object").run("resolve").exits(4);
    assert!(run.stderr.starts_with(&format!("error: object {damaged} is damaged\n  why: ")), "{}", run.stderr);
}

#[test]
fn refs_kept_as_reftable_are_refused_in_words() {
    let world = World::new();
    world.commit().tag("deps-1");
    world.git(&["config", "core.repositoryFormatVersion", "1"]);
    world.git(&["config", "extensions.refStorage", "reftable"]);
    let run = world.run("resolve").exits(2);
    assert!(run.stderr.contains("git refs migrate --ref-format=files"), "{}", run.stderr);
}

#[test]
fn damaged_tag_ref_is_not_passed_over() {
    let world = World::new();
    world.commit().tag("deps-1").commit().write(".git/refs/tags/deps-2", "");
    let run = world.run("resolve").exits(3);
    assert!(run.stderr.starts_with("error: cannot read the tag `deps-2`\n  why: "), "{}", run.stderr);
}

#[test]
fn mistake_in_the_project_file_is_shown_with_its_line() {
    let world = World::new();
    world.commit().tag("deps-1").write("tagalong.toml", "[project]\nname = \"demo\"\nwalk = \"newest\"\n");
    let run = world.run("resolve").exits(2);
    assert!(run.stderr.contains("tagalong.toml:3:8"), "{}", run.stderr);
    assert!(run.stderr.contains("error: 1 mistake in `tagalong.toml`\n"), "{}", run.stderr);
}

#[test]
fn repository_of_another_owner_is_refused_until_safe_directory_lists_it() {
    let world = World::new();
    world.commit().tag("deps-1");
    let chown = world.command("chown", &world.root()).args(["-R", "65534", "checkout"]).output().unwrap();
    if !chown.status.success() {
        // Only root can give files away; as another user there is nothing to try.
        return;
    }
    let expected = "error: `[WORLD]/checkout` belongs to someone else\n  why: git would refuse it too: its configuration \
        could run programs of the owner's choice\n next: `git config --global --add safe.directory [WORLD]/checkout` if you \
        trust the owner\n";
    world.run("resolve").fails(2, expected);
    // The repository cannot vouch for itself.
    fs::write(world.checkout().join(".git/config"), "[core]\nbare = false\n[safe]\ndirectory = *\n").unwrap();
    world.run("resolve").exits(2);
    for safe in ["*".to_owned(), world.checkout().display().to_string()] {
        fs::write(world.root().join("home/.gitconfig"), format!("[safe]\ndirectory = {safe}\n")).unwrap();
        world.run("resolve").prints("deps-1\n");
    }
    fs::write(world.root().join("home/.gitconfig"), "[safe]\ndirectory = /elsewhere\n").unwrap();
    world.run("resolve").exits(2);
}

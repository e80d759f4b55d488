//! Builds that are not of the checkout as it stands: one recipe alone, another source, other fields, other folders.

mod world;

use std::fs;

use world::World;
use world::bundle::own;

fn script(name: &str, needs: &str, more: &str) -> String {
    format!(
        "name = \"{name}\"\nversion = \"1\"\nlicense = \"MIT\"\nneeds = [{needs}]\n{more}\n[build]\nsystem = \"script\"\n\
         script = \"mkdir -p {{prefix}}/share && echo {name} > {{prefix}}/share/{name}\"\n"
    )
}

fn recipe(world: &World, name: &str, needs: &str, more: &str) {
    world.write(&format!("extern-recipes/{name}/recipe.toml"), script(name, needs, more));
}

#[test]
fn only_what_is_named_is_built_and_missing_needs_are_told() {
    let world = World::new().with_greetings();
    world.run("build --only hello").fails(
        3,
        "error: needs are not built: libgreet\n  why: with `--only` nothing is built but what is named, and no channel \
         has these\n next: leave `--only` out, or name them too\n",
    );
    world.run("build libgreet").succeeds();
    let run = world.run("build --only hello").succeeds();
    assert!(run.stderr.contains("built 1 of 2 packages"), "{}", run.stderr);
}

#[test]
fn sources_alone_are_unpacked_and_patched() {
    let world = World::new().with_greetings();
    let patch = "--- a/greet.c\n+++ b/greet.c\n@@ -1,3 +1,3 @@\n #include \"greet.h\"\n-const char *greeting(void) { return \"hello\"; }\n+const char *greeting(void) { return \"hi\"; }\n const char *greet_home(void) { return HOME \"/share/greet\"; }\n";
    world.write("extern-recipes/libgreet/hi.patch", patch);
    let text = world.read("extern-recipes/libgreet/recipe.toml");
    world.write(
        "extern-recipes/libgreet/recipe.toml",
        text.replace("path = \"tree\"", "path = \"tree\"\npatches = [\"hi.patch\"]"),
    );
    let run = world.run("build --prepare-only libgreet").succeeds();
    let folder = world.cache().join("prepared/libgreet-1.0");
    assert!(run.stdout.ends_with("/prepared/libgreet-1.0\n"), "{}", run.stdout);
    assert!(fs::read_to_string(folder.join("greet.c")).unwrap().contains("\"hi\""));
    assert_eq!(run.stderr, "prepared the sources of 1 package\n");
    assert!(!world.cache().join("packages").join("x").exists());
    world.run("build --dry-run libgreet").prints("build libgreet 1.0: never built here\n");
}

#[test]
fn working_copy_is_built_installed_marked_and_never_published() {
    let world = World::new().with_greetings();
    world.commit().tag("deps-1");
    world.run("build").succeeds();
    world.run("publish").succeeds();
    let copy = world.root().join("copy");
    let from = world.checkout().join("extern-recipes/libgreet/tree");
    assert!(world.command("cp", &world.root()).arg("-a").args([&from, &copy]).status().unwrap().success());
    let source = fs::read_to_string(copy.join("greet.c")).unwrap().replace("\"hello\"", "\"from a copy\"");
    fs::write(copy.join("greet.c"), source).unwrap();
    let option = format!("--source=libgreet={}", copy.display());
    let plan = world.run_with(&["build", "--dry-run", &option]).succeeds();
    assert!(plan.stdout.starts_with("build libgreet 1.0: recipe "), "{}", plan.stdout);
    let text = world.read("extern-recipes/hello/recipe.toml").replace("hello from", "from a copy from");
    world.write("extern-recipes/hello/recipe.toml", text.replace("grep 'from /", "grep 'copy from /"));
    let run = world.run_with(&["install", &option]).succeeds();
    assert!(run.stderr.contains("built here: hello, libgreet"), "{}", run.stderr);
    let hello = world.checkout().join(format!("extern/{}/bin/hello", own()));
    let said = world.command(&hello, &world.root()).output().unwrap();
    assert!(String::from_utf8_lossy(&said.stdout).starts_with("from a copy from /"));
    // What was published is still the last whole build, and the next plain install takes the tag's packages again.
    world.git(&["checkout", "--quiet", "--", "."]);
    world.run("publish").succeeds();
    let run = world.run("install").succeeds();
    assert!(run.stderr.contains("installed deps-1"), "{}", run.stderr);
    let said = world.command(&hello, &world.root()).output().unwrap();
    assert!(String::from_utf8_lossy(&said.stdout).starts_with("hello from /"));
}

#[test]
fn a_field_is_set_for_one_build_and_mistakes_in_it_are_shown() {
    let world = World::new().with_greetings();
    let set = ["build", "--dry-run", "--set", "libgreet:version=7"];
    assert!(world.run_with(&set).succeeds().stdout.starts_with("build libgreet 7: "));
    let set = ["build", "--dry-run", "--set", "libgreet:build.options=[\"PREFIX={prefix}\", \"X=1\"]"];
    world.run_with(&set).succeeds();
    let wrong = world.run_with(&["build", "--dry-run", "--set", "libgreet:build.optons=[]"]).exits(7);
    assert!(
        wrong.stderr.contains("unknown field `optons`") && wrong.stderr.contains("build.optons = []"),
        "{}",
        wrong.stderr
    );
    world.run_with(&["build", "--set", "libgreet=7"]).exits(2);
    let unknown = world.run_with(&["build", "--set", "libgret:version=7"]).exits(3);
    assert!(unknown.stderr.contains("libgreet"), "{}", unknown.stderr);
}

#[test]
fn nearest_folder_of_recipes_wins_and_the_shadowed_recipe_is_told() {
    let world = World::new();
    recipe(&world, "own", "\"shared\"", "");
    world.write("tagalong.toml", "[[recipes]]\npath = \"../shared\"\n\n[[recipes]]\npath = \"../further\"\n");
    for (folder, name) in [("shared", "shared"), ("shared", "own"), ("further", "shared")] {
        let path = world.root().join(folder).join(name);
        fs::create_dir_all(&path).unwrap();
        fs::write(path.join("recipe.toml"), script(name, "", &format!("summary = \"of {folder}\"\n"))).unwrap();
    }
    let run = world.run("build").succeeds();
    assert!(
        run.stderr.contains("note: the recipe own of ") && run.stderr.contains("/shared/own is not used"),
        "{}",
        run.stderr
    );
    assert!(world.run("recipe show shared").succeeds().stdout.contains("of shared"));
    assert_eq!(world.run("recipe show own --json").json()["needs"][0], "shared");
    world.run("recipe check").succeeds();
    world.write("tagalong.toml", "[[recipes]]\npath = \"../nowhere\"\n");
    assert!(world.run("build").exits(3).stderr.contains("there is no such folder"));
}

#[test]
fn recipes_come_from_a_commit_of_another_repository() {
    let world = World::new();
    recipe(&world, "own", "\"shared\"", "");
    let other = world.root().join("other");
    fs::create_dir_all(other.join("recipes/shared")).unwrap();
    fs::write(other.join("recipes/shared/recipe.toml"), script("shared", "", "")).unwrap();
    world.git_in(&other, &["init", "--quiet"]);
    world.git_in(&other, &["add", "."]);
    world.git_in(&other, &["commit", "--quiet", "-m", "one"]);
    let commit = world.git_in(&other, &["rev-parse", "HEAD"]);
    world.write(
        "tagalong.toml",
        format!(
            "[[recipes]]\ngit = \"file://{}\"\ncommit = \"{}\"\nfolder = \"recipes\"\n",
            other.display(),
            commit.trim()
        ),
    );
    world.run("build").succeeds();
    // It is in the cache now.
    fs::remove_dir_all(&other).unwrap();
    assert_eq!(world.run("build --dry-run --explain").stdout.matches("take  ").count(), 2);
}

#[test]
fn a_need_is_met_by_the_only_provider_or_the_chosen_one() {
    let world = World::new();
    recipe(&world, "numbers", "\"blas\"", "");
    recipe(&world, "openblas", "", "provides = [\"blas\"]\n");
    world.run("build numbers").succeeds();
    assert_eq!(world.run("recipe show numbers --json").json()["needs"][0], "openblas");
    recipe(&world, "blis", "", "provides = [\"blas\"]\n");
    let run = world.run("build numbers").exits(7);
    assert!(run.stderr.contains("`blas` is provided by `blis` and `openblas`"), "{}", run.stderr);
    world.write("tagalong.toml", "[providers]\nblas = \"blis\"\n");
    let run = world.run("build --dry-run numbers").succeeds();
    assert!(run.stdout.contains("build blis 1"), "{}", run.stdout);
    world.write("tagalong.toml", "[providers]\nblas = \"other\"\n");
    recipe(&world, "other", "", "");
    assert!(world.run("build --dry-run numbers").exits(2).stderr.contains("`other` does not provide `blas`"));
}

#[test]
fn stacks_of_the_project_are_installed_like_those_of_recipes() {
    let world = World::new();
    recipe(&world, "one", "", "");
    recipe(&world, "two", "", "");
    let project = world::recipes::UNSIGNED_PROJECT.to_owned() + "\n[stack.small]\nrecipes = [\"one\"]\n";
    world.write("tagalong.toml", &project);
    world.commit().tag("deps-1");
    world.run("build").succeeds();
    world.run("publish").succeeds();
    let run = world.run("install --stack small").succeeds();
    assert!(run.stderr.contains("1 package,"), "{}", run.stderr);
    world.write("tagalong.toml", project.replace("\"one\"", "\"ona\""));
    let run = world.run("build --dry-run").exits(3);
    assert!(run.stderr.contains("the stack `small` of tagalong.toml names it"), "{}", run.stderr);
}

#[test]
fn what_was_built_without_a_sandbox_is_not_published_where_the_project_asks_for_one() {
    let id = std::process::Command::new("id").arg("-u").output().unwrap();
    if id.stdout != b"0\n" {
        return;
    }
    let world = World::new();
    recipe(&world, "one", "", "");
    world.write("tagalong.toml", world::recipes::UNSIGNED_PROJECT.to_owned() + "\n[publish]\nsandbox = \"full\"\n");
    world.commit().tag("deps-1");
    world.run("build --sandbox host").succeeds();
    let run = world.run("publish").exits(4);
    assert!(run.stderr.contains("a build without a sandbox (`host`) is not published"), "{}", run.stderr);
    world.run("build").succeeds();
    world.run("publish").succeeds();
}

#[test]
fn changed_recipe_of_an_overlay_in_the_checkout_is_built_for_the_union() {
    let world = World::with_key();
    fs::remove_dir_all(world.checkout().join("extern-recipes")).unwrap();
    world.write_project("file:../channel", "\n[[recipes]]\npath = \"shared\"\n");
    let shared = |word: &str| {
        let script = format!("mkdir -p {{prefix}}/share; echo {word} > {{prefix}}/share/shared");
        format!(
            "name = \"shared\"\nversion = \"1\"\nlicense = \"MIT\"\n\n[build]\nsystem = \"script\"\nscript = \"{script}\"\n"
        )
    };
    world.script_recipe("own", "mkdir -p {prefix}/share; echo own > {prefix}/share/own");
    world.write("shared/shared/recipe.toml", shared("one")).commit().tag("deps-1");
    world.run("build").succeeds();
    world.run("publish").succeeds();
    let word = || world.read("extern/p/share/shared");
    world.run("install").succeeds();
    assert_eq!(word(), "one\n");
    for change in ["two", "three"] {
        world.write("shared/shared/recipe.toml", shared(change));
        let status = world.run("status").succeeds().stdout;
        assert!(status.contains("drift      shared changed\n"), "{status}");
        world.run("install --build").succeeds();
        assert_eq!(word(), format!("{change}\n"));
        assert!(world.run("install --build").succeeds().stderr.contains("already installed"));
    }
    world.run("build").succeeds();
    let run = world.run("publish").exits(4);
    assert!(run.stderr.contains("these recipes are not the tag's: shared"), "{}", run.stderr);
    world.write("shared/shared/recipe.toml", shared("four")).commit().tag("deps-2");
    let run = world.run("publish").exits(4);
    assert!(run.stderr.contains("deps-2 is not published") && !run.stderr.contains("the tag's:"), "{}", run.stderr);
    world.run("build").succeeds();
    world.run("publish").succeeds();
}

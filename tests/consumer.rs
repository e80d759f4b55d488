//! A real C++ project whose dependencies tag along: bootstrapped, moved, built against another bundle, and in GitLab CI.
//! Long: `scripts/test` runs it, after `scripts/build-all` has filled the store.

mod world;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use world::World;

/// What the consumer needs, with what that needs.
const RECIPES: [&str; 4] = ["zlib", "libpng", "hdf5", "zeromq"];

/// A checkout of the consumer with its recipes, a signed channel, and two deps tags; the first bundle is published.
fn consumer() -> World {
    let store =
        std::env::var_os("TAGALONG_TEST_CACHE").map_or_else(|| PathBuf::from("target/test-cache"), PathBuf::from);
    fs::create_dir_all(&store).unwrap();
    let store = fs::canonicalize(store).unwrap();
    let world = World::new().with("TAGALONG_CACHE", store.to_str().unwrap());
    let world = world.with("TAGALONG", env!("CARGO_BIN_EXE_tagalong"));
    copy("tests/consumer/.", world.checkout());
    world.write("scripts/README.md", "how the consumer is bootstrapped\n");
    copy("scripts/auto_build_all.sh", &world.checkout().join("scripts"));
    for name in RECIPES {
        world.write("extern-recipes/README.md", "the recipes of the consumer\n");
        copy(&format!("extern-recipes/{name}"), &world.checkout().join("extern-recipes"));
    }
    let key = world.run_with(&["key", "new", "--output", world.root().join("secret.key").to_str().unwrap()]).succeeds();
    let project = format!(
        "[project]\nname = \"consumer\"\n\n[[channel]]\nname = \"main\"\nurl = \"file:{}\"\n{}",
        world.channel().display(),
        key.stdout
    );
    world.write("tagalong.toml", project);
    world.write(".gitignore", "/build\n/extern\n/out\n/.tagalong-cache\n/.gitlab-ci-local\n");
    world
}

fn copy(from: &str, to: &Path) {
    assert!(Command::new("cp").arg("-r").arg(from).arg(to).status().unwrap().success());
}

fn publish(world: &World, tag: &str) {
    world.commit().tag(tag);
    world.run("build").succeeds();
    let key = world.root().join("secret.key");
    world.run_with(&["publish", "--secret-key", key.to_str().unwrap()]).succeeds();
}

/// Runs the bootstrap of the consumer, then the consumer with an empty environment, and gives what both printed.
fn bootstrap(world: &World, checkout: &Path, forced: Option<&str>) -> String {
    let mut command = world.command(checkout.join("scripts/auto_build_all.sh"), checkout);
    if let Some(tag) = forced {
        command.env("FORCED_DEPS_TAG", tag);
    }
    let output = command.output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}");
    let greeted = Command::new(checkout.join("out/bin/consumer")).env_clear().current_dir("/").output().unwrap();
    format!("{said}{}", String::from_utf8_lossy(&greeted.stdout))
}

const GREETING: &str = "libraries tag along: zlib 1.3.1, libpng 1.6.";

#[test]
#[ignore = "builds hdf5, zeromq and a program"]
fn consumer_is_bootstrapped_built_against_another_bundle_moved_and_runs() {
    let world = consumer();
    publish(&world, "deps-add-hdf5");
    // A second bundle, with one recipe more.
    world.script_recipe("extra", "mkdir -p {prefix}/share/extra\necho extra > {prefix}/share/extra/words");
    publish(&world, "deps-add-extra");
    world.write("notes", "a later commit").commit();

    let first = bootstrap(&world, world.checkout(), None);
    assert!(first.contains("installed deps-add-extra") && first.contains(GREETING), "{first}");
    assert!(first.contains("Building CXX object"), "{first}");
    let prefix = world.run("status --json").json()["prefix"]
        .as_str()
        .unwrap()
        .replace("[WORLD]", world.root().to_str().unwrap());
    assert!(Path::new(&prefix).join("share/extra/words").exists());

    let again = bootstrap(&world, world.checkout(), None);
    assert!(!again.contains("Building CXX object") && !again.contains("Configuring done"), "{again}");

    let forced = bootstrap(&world, world.checkout(), Some("deps-add-hdf5"));
    assert!(forced.contains("installed deps-add-hdf5") && forced.contains(GREETING), "{forced}");
    assert!(!Path::new(&prefix).join("share/extra/words").exists());

    // Moved, installed again, the build folder gone: the program finds its libraries from where it lies.
    let moved = world.root().join("somewhere else").join("moved");
    fs::create_dir_all(moved.parent().unwrap()).unwrap();
    fs::rename(world.checkout(), &moved).unwrap();
    fs::remove_dir_all(moved.join("build")).unwrap();
    world.run_in(&moved, &["install"]).succeeds();
    let output = Command::new(moved.join("out/bin/consumer")).env_clear().current_dir("/").output().unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).starts_with(GREETING), "{output:?}");
}

/// Runs a pipeline with the stand-in for GitLab's runner and gives what it printed.
fn pipeline(world: &World, arguments: &[&str]) -> String {
    let runner = fs::canonicalize("target/tools/node_modules/.bin/gitlab-ci-local")
        .expect("`scripts/prepare tests` installs gitlab-ci-local");
    let output = world
        .command(runner, world.checkout())
        .args(["--shell-isolation", "--force-shell-executor", "--no-color"])
        .args(arguments)
        .env("GCL_IGNORE_PREDEFINED_VARS", "CI_COMMIT_TAG,CI_COMMIT_BRANCH,CI_COMMIT_REF_NAME")
        .output()
        .unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}");
    said
}

#[test]
#[ignore = "runs two pipelines with a real project"]
fn a_tag_pipeline_publishes_and_a_branch_pipeline_installs_and_builds() {
    let world = consumer();
    copy("ci", world.checkout());
    let platform = world.run("platform").succeeds().stdout;
    let project = world.read("tagalong.toml");
    world.write("tagalong.toml", format!("{project}\n[[platform]]\nid = \"{}\"\n", platform.trim()));
    let program = env!("CARGO_BIN_EXE_tagalong");
    world.write(
        ".gitlab-ci.yml",
        format!(
            "stages: [deps, test]\n\
             include:\n  - local: ci/tagalong.gitlab-ci.yml\n    inputs:\n      stage: deps\n      tagalong: {program}\n\
             \nconsumer:\n  extends: .tagalong\n  stage: test\n  script:\n    - TAGALONG={program} scripts/auto_build_all.sh\n    - out/bin/consumer\n"
        ),
    );
    world.commit().tag("deps-add-hdf5");
    world.git(&["remote", "add", "origin", "git@gitlab.example.org:group/consumer.git"]);
    world.git(&["update-ref", "refs/remotes/origin/main", "HEAD"]);
    world.git(&["symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main"]);
    // A child pipeline gets the variables of the project, not those of the command line.
    let store = std::env::var("TAGALONG_TEST_CACHE")
        .unwrap_or_else(|_| fs::canonicalize("target/test-cache").unwrap().display().to_string());
    let secret = world.root().join("secret.key").display().to_string();
    let home = world.root().join("home/.gitlab-ci-local");
    fs::create_dir_all(&home).unwrap();
    // The store is a folder; a plain path would be taken for a file.
    let variables = format!(
        "---\nglobal:\n  TAGALONG_SECRET_KEY: \"{secret}\"\n  TAGALONG_CACHE:\n    type: variable\n    values:\n      \"*\": \"{store}\"\n"
    );
    fs::write(home.join("variables.yml"), variables).unwrap();
    let (secret, store) = (format!("TAGALONG_SECRET_KEY={secret}"), format!("TAGALONG_CACHE={store}"));
    let common = ["--variable", &secret, "--variable", &store];

    let tag = [
        "--variable",
        "CI_COMMIT_TAG=deps-add-hdf5",
        "--variable",
        "CI_COMMIT_REF_NAME=deps-add-hdf5",
        "--unset-variable",
        "CI_COMMIT_BRANCH",
    ];
    let said = pipeline(&world, &[&common[..], &tag[..]].concat());
    assert!(said.contains("published"), "{said}");
    assert!(!said.contains("libraries tag along"), "the jobs that install do not run on a tag: {said}");
    assert!(world.channel().join("bundles/deps-add-hdf5").exists());

    world.write("notes", "a later commit").commit();
    let said = pipeline(&world, &common);
    assert!(said.contains("installed deps-add-hdf5") && said.contains(GREETING), "{said}");
    assert!(!said.contains("published"), "{said}");

    let forced = [&common[..], &["--variable", "FORCED_DEPS_TAG=deps-none"]].concat();
    let runner_failed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| pipeline(&world, &forced)));
    assert!(runner_failed.is_err(), "a forced bundle that nobody published is an error");
}

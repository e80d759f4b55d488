//! Every kind of pipeline, run by the stand-in for GitLab's runner: what runs, what is published, what a second run does.
//! Long: `scripts/test` runs it.

mod world;

use std::fs;
use std::path::Path;
use std::process::Command;

use world::World;
use world::bundle::own;

/// A recipe without sources.
fn recipe(world: &World, name: &str, version: &str, needs: &[&str]) {
    let text = format!(
        "name = \"{name}\"\nversion = \"{version}\"\nlicense = \"MIT\"\nneeds = {needs:?}\n\n[build]\nsystem = \"script\"\n\
         script = \"mkdir -p {{prefix}}/share; echo {name} {version} > {{prefix}}/share/{name}\"\n"
    );
    world.write(&format!("extern-recipes/{name}/recipe.toml"), text);
}

/// A project with two recipes, a signed channel, and one job of its own; `inputs` are more inputs of the template.
fn project(inputs: &str) -> World {
    let world = World::with_key().with("TAGALONG_SECRET_KEY", "");
    fs::remove_dir_all(world.checkout().join("extern-recipes/zlib")).unwrap();
    world.write_project("file:../channel", &format!("\n[[platform]]\nid = \"{}\"\n", own().id()));
    // The jobs run in copies of the checkout: the channel has one address for all of them.
    let project =
        world.read("tagalong.toml").replace("file:../channel", &format!("file:{}", world.channel().display()));
    world.write("tagalong.toml", project);
    recipe(&world, "base", "1.0", &[]);
    recipe(&world, "top", "1.0", &["base"]);
    world.write("ci/tagalong.gitlab-ci.yml", fs::read_to_string("ci/tagalong.gitlab-ci.yml").unwrap());
    let program = env!("CARGO_BIN_EXE_tagalong");
    let pipeline = format!(
        "stages: [deps, test]\ninclude:\n  - local: ci/tagalong.gitlab-ci.yml\n    inputs:\n      tagalong: {program}\n      wait: 1s\n{inputs}\n\
         app:\n  extends: .tagalong\n  stage: test\n  script:\n    - cat extern/p/share/top\n"
    );
    world.write(".gitlab-ci.yml", pipeline);
    world.write(".gitignore", "/extern/\n/.gitlab-ci-local/\n/tagalong-*\n/tagalong.env\n");
    world.commit();
    world.git(&["remote", "add", "origin", "git@gitlab.example.org:group/demo.git"]);
    follow_main(&world);
    world
}

/// The remote's main branch is where the checkout is.
fn follow_main(world: &World) {
    world.git(&["update-ref", "refs/remotes/origin/main", "HEAD"]);
    world.git(&["symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main"]);
}

/// What a pipeline said, and whether it went well.
struct Ran {
    said: String,
    is_fine: bool,
}

impl Ran {
    #[track_caller]
    fn passes(self) -> String {
        assert!(self.is_fine, "{}", self.said);
        self.said
    }

    #[track_caller]
    fn fails(self) -> String {
        assert!(!self.is_fine, "{}", self.said);
        self.said
    }
}

/// Runs a pipeline with these variables; one without a value is unset.
fn pipeline(world: &World, folder: &Path, variables: &[(&str, &str)]) -> Ran {
    let runner = fs::canonicalize("target/tools/node_modules/.bin/gitlab-ci-local")
        .expect("`scripts/prepare tests` installs gitlab-ci-local");
    // A child pipeline gets the variables of the project, not those of the command line.
    let home = world.root().join("home/.gitlab-ci-local");
    fs::create_dir_all(&home).unwrap();
    let global: String = variables
        .iter()
        .filter(|(name, value)| name.starts_with("TAGALONG_") && !value.is_empty())
        .map(|(name, value)| format!("  {name}: \"{value}\"\n"))
        .collect();
    fs::write(
        home.join("variables.yml"),
        format!("---\nglobal:\n{}", if global.is_empty() { "  NONE: \"\"\n" } else { &global }),
    )
    .unwrap();
    let mut command = world.command(runner, folder);
    command.args(["--shell-isolation", "--force-shell-executor", "--no-color", "--no-json-schema-validation"]);
    for (name, value) in variables {
        match value.is_empty() {
            true => command.args(["--unset-variable", name]),
            false => command.args(["--variable", &format!("{name}={value}")]),
        };
    }
    command.env("GCL_IGNORE_PREDEFINED_VARS", "CI_COMMIT_TAG,CI_COMMIT_BRANCH,CI_COMMIT_REF_NAME,CI_PIPELINE_SOURCE");
    command.env_remove("TAGALONG_CACHE");
    let output = command.output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    Ran { said, is_fine: output.status.success() }
}

fn secret(world: &World) -> String {
    world.key_path().display().to_string()
}

fn of_tag<'a>(name: &'a str, secret: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("CI_COMMIT_TAG", name),
        ("CI_COMMIT_REF_NAME", name),
        ("CI_COMMIT_BRANCH", ""),
        ("TAGALONG_SECRET_KEY", secret),
    ]
}

fn bundle(world: &World, kind: &str, name: &str) -> bool {
    world.channel().join(format!("{kind}/{name}/{}.json.minisig", own())).exists()
}

#[test]
#[ignore = "runs pipelines"]
fn a_tag_is_built_tested_signed_and_published_and_a_second_run_does_nothing() {
    let world = project(
        "      job_seconds: \"1\"\n      test: test -f \"$TAGALONG_PREFIX/share/top\" && echo the bundle was tested",
    );
    let secret = secret(&world);
    world.tag("deps-1");
    let said = pipeline(&world, world.checkout(), &of_tag("deps-1", &secret)).passes();
    for expected in [
        "builds 2 packages, keeps 0",
        "built 1 of 2 packages",
        "built 0 of 2 packages",
        "prepared deps-1",
        "the bundle was tested",
        "published deps-1",
    ] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    assert!(!said.contains("top 1.0\n"), "the project's jobs do not run: {said}");
    assert!(bundle(&world, "bundles", "deps-1"));

    let said = pipeline(&world, world.checkout(), &of_tag("deps-1", &secret)).passes();
    assert!(said.contains("nothing to build: deps-1 is published"), "{said}");
    assert!(!said.contains("published deps-1 for"), "{said}");

    // An ordinary push afterwards installs it; a variable of the pipeline names another bundle.
    world.write("notes", "later").commit();
    let said = pipeline(&world, world.checkout(), &[]).passes();
    assert!(said.contains("installed deps-1 ") && said.contains("top 1.0"), "{said}");
    assert!(!said.contains("ci generate"), "{said}");
    let said = pipeline(&world, world.checkout(), &[("FORCED_DEPS_TAG", "deps-none")]).fails();
    assert!(said.contains("bundle deps-none for"), "{said}");
}

#[test]
#[ignore = "runs pipelines"]
fn a_branch_makes_a_candidate_its_jobs_get_it_and_the_tag_promotes_it() {
    let world = project("");
    let secret = secret(&world);
    world.tag("deps-1");
    pipeline(&world, world.checkout(), &of_tag("deps-1", &secret)).passes();
    world.git(&["checkout", "-q", "-b", "deps-mr-new"]);
    recipe(&world, "top", "2.0", &["base"]);
    world.commit();
    let key = [("TAGALONG_SECRET_KEY", secret.as_str())];
    let said = pipeline(&world, world.checkout(), &key).passes();
    assert!(said.contains("published candidate deps-mr-new"), "{said}");
    assert!(said.contains("installed deps-mr-new") && said.contains("top 2.0"), "{said}");
    assert!(bundle(&world, "candidates", "deps-mr-new") && !bundle(&world, "bundles", "deps-mr-new"));
    let said = pipeline(&world, world.checkout(), &key).passes();
    assert!(said.contains("nothing to build: deps-mr-new is published"), "{said}");
    assert!(said.contains("installed deps-mr-new"), "{said}");

    world.git(&["checkout", "-q", "main"]);
    world.git(&["merge", "-q", "--no-ff", "-m", "merge", "deps-mr-new"]);
    follow_main(&world);
    world.tag("deps-2");
    let said = pipeline(&world, world.checkout(), &of_tag("deps-2", &secret)).passes();
    assert!(said.contains("has these recipes and becomes the bundle"), "{said}");
    assert!(said.contains("published deps-2") && !said.contains("packed 2.0"), "{said}");
    assert!(bundle(&world, "bundles", "deps-2"));
}

fn of_merge_request<'a>(base: &'a str, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut all = vec![
        ("CI_PIPELINE_SOURCE", "merge_request_event"),
        ("CI_MERGE_REQUEST_IID", "7"),
        ("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "main"),
        ("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "feature"),
        ("CI_MERGE_REQUEST_DIFF_BASE_SHA", base),
        ("CI_COMMIT_BRANCH", ""),
    ];
    all.extend(more);
    all
}

#[test]
#[ignore = "runs pipelines"]
fn a_merge_request_that_touches_recipes_makes_a_candidate_and_a_fork_publishes_nothing() {
    let world = project("");
    let secret = secret(&world);
    world.tag("deps-1");
    pipeline(&world, world.checkout(), &of_tag("deps-1", &secret)).passes();
    let base = world.git(&["rev-parse", "HEAD"]);
    world.git(&["checkout", "-q", "-b", "feature"]);
    recipe(&world, "top", "3.0", &["base"]);
    world.commit();
    // The last commit touches no recipe: what counts is the merge base.
    world.write("notes", "a change elsewhere").commit();
    let key = ("TAGALONG_SECRET_KEY", secret.as_str());
    let said = pipeline(&world, world.checkout(), &of_merge_request(&base, &[key])).passes();
    assert!(said.contains("installed deps-mr-7") && said.contains("top 3.0"), "{said}");
    assert!(bundle(&world, "candidates", "deps-mr-7"));

    fs::remove_dir_all(world.channel().join("candidates")).unwrap();
    let fork = [("CI_MERGE_REQUEST_SOURCE_PROJECT_PATH", "ada/demo"), ("CI_MERGE_REQUEST_PROJECT_PATH", "group/demo")];
    let said = pipeline(&world, world.checkout(), &of_merge_request(&base, &fork)).passes();
    assert!(said.contains("this is a fork: what it builds is not published"), "{said}");
    assert!(said.contains("this pipeline may not write to the channel") && said.contains("packed 3.0"), "{said}");
    assert!(said.contains("installed deps-1"), "{said}");
    assert!(!world.channel().join("candidates").exists());
}

#[test]
#[ignore = "runs pipelines"]
fn without_the_key_it_is_built_and_said_that_nothing_is_published() {
    let world = project("");
    world.tag("deps-1");
    let said = pipeline(&world, world.checkout(), &of_tag("deps-1", "")).passes();
    assert!(said.contains("there is no TAGALONG_SECRET_KEY in this job"), "{said}");
    assert!(!world.channel().join("bundles").exists());
    // Another job that needs it is told which pipeline makes it.
    world.write("notes", "later").commit();
    let said = pipeline(&world, world.checkout(), &[]).fails();
    assert!(said.contains("is not published yet; the next look is in 1 s"), "{said}");
    assert!(said.contains("/-/pipelines?ref=deps-1 shows the pipeline that makes it"), "{said}");
}

#[test]
#[ignore = "runs pipelines"]
fn a_failed_build_keeps_its_platform_back_and_leaves_a_note() {
    let world = project("");
    let secret = secret(&world);
    let text = world.read("extern-recipes/top/recipe.toml").replace("mkdir", "false; mkdir");
    world.write("extern-recipes/top/recipe.toml", text).commit().tag("deps-1");
    // The stand-in lets a pipeline pass whose child failed.
    let said = pipeline(&world, world.checkout(), &of_tag("deps-1", &secret)).said;
    assert!(said.contains("FAIL  build") && !said.contains("prepared deps-1"), "{said}");
    assert!(!world.channel().join("bundles").exists());
    let found =
        Command::new("find").arg(world.checkout().join(".gitlab-ci-local")).args(["-name", "job.json"]).output();
    let found = String::from_utf8(found.unwrap().stdout).unwrap();
    let note = found.lines().next().expect("the job leaves a note");
    let run = world.run_with(&["ci", "reproduce", note]).succeeds();
    assert!(run.stdout.contains(" build base top --keep"), "{}", run.stdout);
    let said = world.run_with(&["ci", "reproduce", note, "--run"]).exits(6).stderr;
    assert!(said.contains("--keep\n") && said.contains("why: "), "{said}");
}

#[test]
#[ignore = "reads a pipeline of 300 jobs"]
fn a_real_size_project_is_generated_and_listed() {
    let world = World::new();
    let mut text =
        "[project]\nname = \"demo\"\n\n[[channel]]\nname = \"main\"\nurl = \"file:../channel\"\nunsigned = true\n"
            .to_owned();
    for release in 10..14 {
        text.push_str(&format!("\n[[platform]]\nid = \"debian-{release}-x86_64\"\n"));
    }
    world.write("tagalong.toml", text);
    for number in 0..500_usize {
        let needs: Vec<String> =
            (1..=3).filter(|step| number >= step * 7).map(|step| format!("p{:03}", number - step * 7)).collect();
        recipe(&world, &format!("p{number:03}"), "1.0", &needs.iter().map(String::as_str).collect::<Vec<_>>());
    }
    world.commit().tag("deps-1");
    world.run("ci generate --output .gitlab-ci.yml").succeeds();
    world.commit();
    world.git(&["remote", "add", "origin", "git@gitlab.example.org:group/demo.git"]);
    follow_main(&world);
    let runner = fs::canonicalize("target/tools/node_modules/.bin/gitlab-ci-local").unwrap();
    let output = world.command(runner, world.checkout()).arg("--list-csv").output().unwrap();
    let listed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let jobs = listed.lines().filter(|line| line.starts_with(['b', 't', 's', '"'])).count();
    assert!(jobs > 250, "{jobs} jobs: {listed}");
}

#[test]
#[ignore = "runs pipelines"]
fn a_shallow_clone_is_deepened_and_a_schedule_checks_one_recipe_a_night() {
    let world = project("");
    let secret = secret(&world);
    world.tag("deps-1");
    pipeline(&world, world.checkout(), &of_tag("deps-1", &secret)).passes();
    for number in 0..25 {
        world.write("notes", number.to_string()).commit();
    }
    let shallow = world.root().join("shallow");
    let upstream = format!("file://{}", world.checkout().display());
    world.git_in(&world.root(), &["clone", "-q", "--depth", "20", &upstream, "shallow"]);
    world.run_in(&shallow, &["install"]).exits(3);
    let run = world.run_in(&shallow, &["install", "--deepen"]).succeeds();
    assert!(run.stderr.contains("the clone is shallow") && run.stderr.contains("installed deps-1"), "{}", run.stderr);

    let night = [("CI_PIPELINE_SOURCE", "schedule"), ("TAGALONG_NIGHTLY", "true"), ("TAGALONG_NIGHT", "1")];
    let said = pipeline(&world, world.checkout(), &night).passes();
    assert!(said.contains("tonight top is built twice and compared"), "{said}");
    assert!(said.contains("top: the same bytes") && said.contains("would remove 0 objects"), "{said}");
    assert!(!said.contains("installed deps-1"), "{said}");
}

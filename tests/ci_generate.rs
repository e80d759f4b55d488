//! `tagalong ci generate`: what becomes a job and why, the same bytes for the same facts, GitLab's limits and its schema.

mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use world::World;
use world::bundle::{Package, own};

const IMAGE: &str =
    "registry.example.org/build@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/// A recipe without sources.
fn recipe(world: &World, name: &str, needs: &[&str]) {
    let text = format!(
        "name = \"{name}\"\nversion = \"1.0\"\nlicense = \"MIT\"\nneeds = {needs:?}\n\n[build]\nsystem = \"script\"\n\
         script = \"mkdir -p {{prefix}}/share; echo {name} > {{prefix}}/share/{name}\"\n"
    );
    world.write(&format!("extern-recipes/{name}/recipe.toml"), text);
}

/// A project for these platforms with an unsigned channel.
fn project(world: &World, platforms: &[(&str, Option<&str>)]) {
    let mut text =
        "[project]\nname = \"demo\"\n\n[[channel]]\nname = \"main\"\nurl = \"file:../channel\"\nunsigned = true\n"
            .to_owned();
    for (id, image) in platforms {
        let image = image.map(|image| format!("image = \"{image}\"\n")).unwrap_or_default();
        text.push_str(&format!("\n[[platform]]\nid = \"{id}\"\n{image}tags = [\"docker\"]\n"));
    }
    world.write("tagalong.toml", text).write(".gitignore", "/extern/\n");
}

/// zlib, libpng on it, tool; on Debian 12 and 13.
fn small() -> World {
    let world = World::new();
    project(&world, &[("debian-12-x86_64", Some(IMAGE)), ("debian-13-x86_64", None)]);
    recipe(&world, "zlib", &[]);
    recipe(&world, "libpng", &["zlib"]);
    recipe(&world, "tool", &[]);
    world.commit().tag("deps-1");
    world
}

/// The jobs of a pipeline with their needs, read from the YAML as this program writes it.
fn needs_of(yaml: &str) -> BTreeMap<String, Vec<String>> {
    let mut jobs: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut job = String::new();
    for line in yaml.lines() {
        if !line.starts_with([' ', '#']) && line.ends_with(':') {
            job = line.trim_end_matches(':').trim_matches('"').to_owned();
            if !job.starts_with('.') && !["stages", "workflow"].contains(&job.as_str()) {
                jobs.insert(job.clone(), Vec::new());
            }
        } else if let Some(rest) = line.trim_start().strip_prefix("- {job: \"") {
            jobs.get_mut(&job).unwrap().push(rest.split('"').next().unwrap().to_owned());
        }
    }
    jobs
}

/// Fails unless GitLab's schema takes the file; skipped where `scripts/prepare tests` has not installed the checker.
#[track_caller]
fn is_valid(world: &World, yaml: &str) {
    let checker = fs::canonicalize("target/tools/schema/bin/check-jsonschema");
    let checker = checker.expect("`scripts/prepare tests` installs check-jsonschema");
    let file = world.root().join("pipeline.yml");
    fs::write(&file, yaml).unwrap();
    let arguments = ["--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci"];
    let output = Command::new(checker).args(arguments).arg(&file).output().unwrap();
    assert!(output.status.success(), "{}\n{yaml}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn pipeline_of_a_tag_is_written_whole() {
    let world = small();
    let run = world.run("ci generate --job-seconds 130 --test true").succeeds();
    insta::with_settings!({ snapshot_path => "snapshots", omit_expression => true }, {
        insta::assert_snapshot!("pipeline_of_a_tag", run.stdout);
    });
    is_valid(&world, &run.stdout);
    assert_eq!(
        run.stderr,
        "note: the image of debian-13-x86_64 should be pinned by digest in tagalong.toml; it names none\n\
         debian-12-x86_64: builds 3 packages, keeps 0\ndebian-13-x86_64: builds 3 packages, keeps 0\n"
    );
}

#[test]
fn pipeline_of_a_candidate_is_written_whole() {
    let world = small();
    let run = world.run("ci generate --candidate deps-mr-x --platform debian-12-x86_64 --dotenv out.env").succeeds();
    insta::with_settings!({ snapshot_path => "snapshots", omit_expression => true }, {
        insta::assert_snapshot!("pipeline_of_a_candidate", run.stdout);
    });
    is_valid(&world, &run.stdout);
    assert_eq!(
        world.read("out.env"),
        "TAGALONG_MAKES=candidate\nFORCED_DEPS_TAG=deps-mr-x\nTAGALONG_WAIT=0s\nTAGALONG_CANDIDATE=--allow-candidate\n"
    );
}

#[test]
fn same_facts_give_the_same_bytes_in_another_folder() {
    let (one, other) = (small(), small());
    let first = one.run("ci generate").succeeds().stdout;
    assert_eq!(first, one.run("ci generate").succeeds().stdout);
    assert_eq!(first, other.run("ci generate").succeeds().stdout);
    one.run("ci generate --output out.yml").prints("");
    assert_eq!(one.read("out.yml"), first);
}

#[test]
fn only_what_must_be_built_becomes_a_job_and_each_reason_is_told() {
    let world = World::with_key();
    let platform = own().id();
    let pinned = format!("\n[[platform]]\nid = \"{platform}\"\nimage = \"{IMAGE}\"\n");
    world.write_project("file:../channel", &pinned);
    for (name, needs) in [("zlib", &[][..]), ("libpng", &["zlib"]), ("viewer", &["libpng"]), ("tool", &[])] {
        recipe(&world, name, needs);
    }
    world.commit().tag("deps-1");
    for name in ["zlib", "libpng", "viewer", "tool"] {
        world.run_with(&["build", name, "--records", "../records"]).succeeds();
    }
    world.run("build --records ../records").succeeds();
    world.run("publish").succeeds();

    let run = world.run("ci generate").succeeds();
    assert_eq!(run.stderr, format!("{platform}: nothing to build: deps-1 is published from these recipes\n"));
    assert_eq!(needs_of(&run.stdout).into_keys().collect::<Vec<_>>(), ["nothing to build"]);
    is_valid(&world, &run.stdout);

    let text = world.read("extern-recipes/libpng/recipe.toml").replace("1.0", "1.1");
    world.write("extern-recipes/libpng/recipe.toml", text).commit().tag("deps-2");
    let run = world.run("ci generate --explain").succeeds();
    let expected = format!(
        "{platform}: builds 2 packages, keeps 2\n\
         \x20 keep  tool 1.0: in the bundle of deps-1 on channel `main`\n\
         \x20 keep  zlib 1.0: in the bundle of deps-1 on channel `main`\n\
         \x20 build libpng 1.1: the recipe changed\n\
         \x20 build viewer 1.0: it is built after libpng, which is built\n"
    );
    assert_eq!(run.stderr, expected);
    let jobs: Vec<String> = needs_of(&run.stdout).into_keys().collect();
    // Both are quick: their records say so.
    let names = ["build X libpng viewer", "bundle X", "changes X", "sign X", "test X"];
    assert_eq!(jobs, names.map(|name| name.replace('X', &platform)));
    assert!(run.stdout.contains("timeout: \"30 minutes\""), "{}", run.stdout);
    let diff = format!("tagalong diff deps-1 deps-2 --platform {platform}");
    assert!(run.stdout.contains(&diff), "{}", run.stdout);

    // Another image may hold another compiler.
    world.write_project("file:../channel", &pinned.replace("aaaa", "bbbb"));
    let said = world.run("ci generate --explain").succeeds().stderr;
    assert!(said.contains("build tool 1.0: the image changed, from sha256:aaaa"), "{said}");
    world.write_project("file:../channel", &format!("\n[[platform]]\nid = \"{platform}\"\nimage = \"debian:12\"\n"));
    let said = world.run("ci generate --explain").succeeds().stderr;
    assert!(said.contains("`debian:12` is not") && said.contains("keeps 0\n"), "{said}");
    let all = world.run("ci generate --all --json").succeeds().json();
    assert_eq!(all["platforms"][0]["packages"][0]["reason"], "asked for with --all");

    // The recipes of the merge base: no candidate is made of a change elsewhere.
    world.write("notes", "a change elsewhere").commit();
    let run = world.run("ci generate --candidate deps-mr-x --since deps-2 --dotenv out.env").succeeds();
    assert!(run.stderr.contains("nothing to build: the recipes are those of"), "{}", run.stderr);
    assert_eq!(world.read("out.env"), "TAGALONG_MAKES=nothing\n");
}

#[test]
fn a_candidate_of_the_same_recipes_is_promoted() {
    let world = World::with_key();
    let platform = own().id();
    world.write_project("file:../channel", &format!("\n[[platform]]\nid = \"{platform}\"\nimage = \"{IMAGE}\"\n"));
    world.commit();
    let tree = world.git(&["rev-parse", "HEAD:extern-recipes"]);
    let name = format!("deps-recipes-{}", &tree[..16]);
    world.built(&[Package::new("zlib")]);
    world.run_with(&["publish", "--candidate", &name]).succeeds();
    world.write(
        "extern-recipes/zlib/recipe.toml",
        "name = \"zlib\"\nversion = \"1\"\nlicense = \"Zlib\"\n\n[build]\nsystem = \"script\"\nscript = \"true\"\n",
    );
    world.commit().tag("deps-other");
    let said = world.run("ci generate").succeeds().stderr;
    assert!(said.contains("builds 1 package, keeps 0"), "{said}");
    let tree = world.git(&["rev-parse", "HEAD:extern-recipes"]);
    let name = format!("deps-recipes-{}", &tree[..16]);
    world.built(&[Package::new("zlib")]);
    world.run_with(&["publish", "--candidate", &name]).succeeds();
    let run = world.run("ci generate --tag deps-other").succeeds();
    assert!(
        run.stderr.contains(&format!("the candidate {name} has these recipes and becomes the bundle")),
        "{}",
        run.stderr
    );
    assert_eq!(needs_of(&run.stdout).into_keys().collect::<Vec<_>>(), ["promote"]);
    assert!(
        run.stdout.contains(&format!("publish --channel main --promote {name} --tag deps-other")),
        "{}",
        run.stdout
    );
    is_valid(&world, &run.stdout);
}

/// A project of `count` recipes; recipe N needs `needs(N)`.
fn large(count: usize, platforms: usize, needs: impl Fn(usize) -> Vec<usize>) -> World {
    let world = World::new();
    let ids: Vec<String> = (10..10 + platforms).map(|release| format!("debian-{release}-x86_64")).collect();
    let list: Vec<(&str, Option<&str>)> = ids.iter().map(|id| (id.as_str(), Some(IMAGE))).collect();
    project(&world, &list);
    for number in 0..count {
        let needs: Vec<String> = needs(number).iter().map(|need| format!("p{need:03}")).collect();
        recipe(&world, &format!("p{number:03}"), &needs.iter().map(String::as_str).collect::<Vec<_>>());
    }
    world.commit().tag("deps-1");
    world
}

/// No job has too many needs, needs exist and never go round, and whoever bundles has the records of all.
#[track_caller]
fn is_sound(yaml: &str, most: usize, count: usize) {
    let jobs = needs_of(yaml);
    for (job, needs) in &jobs {
        assert!(needs.len() <= most, "{job} needs {} jobs", needs.len());
        assert!(needs.iter().all(|need| jobs.contains_key(need)), "{job} needs {needs:?}");
    }
    let mut order: Vec<&str> = Vec::new();
    while order.len() < jobs.len() {
        let is_ready = |(job, needs): &(&String, &Vec<String>)| {
            !order.contains(&job.as_str()) && needs.iter().all(|need| order.contains(&need.as_str()))
        };
        let ready: Vec<&str> = jobs.iter().filter(is_ready).map(|(job, _)| job.as_str()).collect();
        assert!(!ready.is_empty(), "needs go round");
        order.extend(ready);
    }
    let (bundle, _) = jobs.iter().find(|(job, _)| job.starts_with("bundle ")).unwrap();
    let mut open = vec![bundle.as_str()];
    let mut above: BTreeSet<&str> = BTreeSet::new();
    while let Some(job) = open.pop() {
        if above.insert(job) {
            open.extend(jobs[job].iter().map(String::as_str));
        }
    }
    let platform = bundle.trim_start_matches("bundle ");
    assert!(above.iter().all(|job| job.contains(platform)), "another platform's failure would keep this one back");
    let builds = jobs.keys().filter(|job| job.starts_with(&format!("build {platform} "))).collect::<Vec<_>>();
    assert!(builds.iter().all(|job| above.contains(job.as_str())), "the bundle lacks a record");
    let packages: usize = yaml
        .lines()
        .filter_map(|line| line.trim().strip_prefix("TAGALONG_PACKAGES: "))
        .map(|names| names.trim_matches('"').split(' ').count())
        .sum();
    let bundles = jobs.keys().filter(|job| job.starts_with("bundle ")).count();
    assert_eq!(packages, count * bundles, "each package is built once a platform");
}

#[test]
fn a_fan_of_120_recipes_keeps_the_limit_of_needs_with_barriers() {
    // The last one needs all others.
    let world = large(120, 1, |number| if number == 119 { (0..119).collect() } else { Vec::new() });
    let run = world.run("ci generate --job-seconds 1").succeeds();
    is_sound(&run.stdout, 50, 120);
    assert!(run.stdout.contains("barrier build debian-10-x86_64 p119 1"), "{}", run.stdout);
    is_valid(&world, &run.stdout);
    let run = world.run("ci generate --job-seconds 1 --most-needs 5").succeeds();
    is_sound(&run.stdout, 5, 120);
}

#[test]
fn five_hundred_recipes_on_four_platforms_stay_within_the_limits_of_gitlab() {
    let world =
        large(500, 4, |number| (1..=3).filter(|step| number >= step * 7).map(|step| number - step * 7).collect());
    let run = world.run("ci generate --job-seconds 1").succeeds();
    is_sound(&run.stdout, 50, 500);
    assert!(run.stdout.len() < 1_000_000, "{} bytes", run.stdout.len());
    let jobs = needs_of(&run.stdout).len();
    assert!((100..=500).contains(&jobs), "{jobs} jobs");
    is_valid(&world, &run.stdout);
}

#[test]
fn what_cannot_be_generated_is_said() {
    let world = World::new();
    world.write("tagalong.toml", "[project]\nname = \"demo\"\n").commit();
    world.run("ci generate").exits(2);
    project(&world, &[("debian-12-x86_64", None)]);
    world.run("ci generate").exits(3);
    recipe(&world, "zlib", &[]);
    world.commit().tag("deps-1");
    world.run("ci generate --platform debian-99-x86_64").exits(2);
    world.run("ci generate --channel nowhere").exits(2);
    world.run("ci generate --since nowhere").exits(3);
    world.run("ci generate --trial").succeeds();
}

#[test]
fn images_are_pinned_when_asked_to_the_digest_that_the_registry_says() {
    let world = World::new();
    project(&world, &[("debian-12-x86_64", Some("registry.example.org/build:12")), ("debian-13-x86_64", Some(IMAGE))]);
    recipe(&world, "zlib", &[]);
    world.commit().tag("deps-1");
    let tools = world.root().join("tools");
    fs::create_dir(&tools).unwrap();
    let path = format!("{}:{}", tools.display(), std::env::var("PATH").unwrap());
    let world = world.with("PATH", &path);
    let says = |script: &str| {
        fs::write(tools.join("skopeo"), format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(tools.join("skopeo"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    };
    let digest = "b".repeat(64);
    says(&format!("[ \"$4\" = docker://registry.example.org/build:12 ] && echo sha256:{digest}"));
    let run = world.run("ci generate --pin").succeeds();
    assert!(
        run.stdout.contains(&format!("  image: \"registry.example.org/build:12@sha256:{digest}\"\n")),
        "{}",
        run.stdout
    );
    assert!(run.stdout.contains(&format!("  image: \"{IMAGE}\"\n")), "{}", run.stdout);
    for wrong in ["echo nothing", "echo refused >&2; exit 1"] {
        says(wrong);
        world.run("ci generate --pin").exits(5);
    }
}

#[test]
fn check_finds_a_file_that_was_changed_or_has_become_old() {
    let world = small();
    world.run("ci check").exits(3);
    world.run("ci generate --platform debian-12-x86_64 --test 'x' --output ci/deps.yml").exits(1);
    fs::create_dir_all(world.checkout().join("ci")).unwrap();
    world.run_with(&["ci", "generate", "--test", "it's \"quoted\"", "--output", "ci/deps.yml"]).succeeds();
    world.run("ci init").succeeds();
    let fine = "ci/deps.yml: as it is made\nci/tagalong.gitlab-ci.yml: as it is made\n";
    world.run("ci check").prints(fine);
    recipe(&world, "extra", &[]);
    let run = world.run("ci check").exits(7);
    assert!(run.stdout.starts_with("ci/deps.yml:") && run.stdout.contains("should be"), "{}", run.stdout);
    world.run("ci check ci/deps.yml --update").succeeds();
    world.run("ci check").prints(fine);
    world.write("ci/tagalong.gitlab-ci.yml", world.read("ci/tagalong.gitlab-ci.yml") + "# mine\n");
    world.run("ci check").exits(7);
    world.run("ci check tagalong.toml").exits(2);
}

#[test]
fn init_writes_what_is_missing_and_changes_no_pipeline() {
    let world = World::new();
    let run = world.run("ci init --dry-run").succeeds();
    assert!(run.stderr.contains("would write tagalong.toml"), "{}", run.stderr);
    assert!(!world.checkout().join("tagalong.toml").exists());
    let run = world.run("ci init").succeeds();
    assert!(run.stdout.contains("TAGALONG_SECRET_KEY"), "{}", run.stdout);
    assert!(run.stderr.ends_with("ci/tagalong.gitlab-ci.yml, .gitlab-ci.yml\n"), "{}", run.stderr);
    let again = world.run("ci init").succeeds();
    assert_eq!(again.stderr, "nothing to write: everything is there\n");
    world.write(".gitlab-ci.yml", "test:\n  script: make\n");
    let run = world.run("ci init").succeeds();
    assert!(run.stdout.starts_with("Add to .gitlab-ci.yml:\n\ninclude:\n"), "{}", run.stdout);
    assert_eq!(world.read(".gitlab-ci.yml"), "test:\n  script: make\n");
}

#[test]
fn reproduce_names_the_one_command_in_a_container_where_there_is_an_engine() {
    let world = small();
    let head = world.git(&["rev-parse", "HEAD"]);
    let note = |commit: &str, image: &str| {
        format!(
            "{{\"format\": 1, \"commit\": \"{commit}\", \"platform\": \"debian-12-x86_64\", \"image\": \"{image}\", \"packages\": \"zlib tool\"}}\n"
        )
    };
    world.write("job.json", note(&head, ""));
    let run = world.run("ci reproduce job.json").succeeds();
    assert!(run.stdout.ends_with(" -C [WORLD]/checkout build zlib tool --keep\n"), "{}", run.stdout);
    assert_eq!(
        run.stderr,
        "repeats the build of zlib, tool for debian-12-x86_64 on this machine: the job has no image\n"
    );

    let tools: PathBuf = world.root().join("tools");
    fs::create_dir(&tools).unwrap();
    fs::write(tools.join("podman"), "").unwrap();
    let path = format!("{}:{}", tools.display(), std::env::var("PATH").unwrap());
    world.write("job.json", note(&"1".repeat(40), IMAGE));
    let world = world.with("PATH", &path);
    let run = world.run("ci reproduce job.json --json").succeeds().json();
    let command = run["command"].as_str().unwrap();
    assert!(
        command.starts_with("git -C [WORLD]/checkout worktree add --detach [WORLD]/checkout-111111111111 1111"),
        "{command}"
    );
    assert!(command.contains(" && podman run --rm --volume [WORLD]/checkout-111111111111:"), "{command}");
    assert!(command.ends_with(&format!(" {IMAGE} tagalong build zlib tool --keep")), "{command}");
    assert_eq!(run["engine"], Value::from("podman"));

    for hostile in ["{}", "[1", &note("; rm -rf /", ""), &note(&head, "").replace("zlib tool", "$(id)")] {
        world.write("job.json", hostile);
        world.run("ci reproduce job.json").exits(2);
    }
    world.run("ci reproduce nowhere.json").exits(3);
}

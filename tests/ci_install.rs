//! `install` in CI: waiting for a bundle that is still being made, deepening a shallow clone, testing before signing.

mod world;

use std::thread;
use std::time::Duration;

use world::World;
use world::bundle::Package;

fn zlib() -> Package {
    Package::new("zlib").text("lib/pkgconfig/zlib.pc", "prefix=@PREFIX@\n")
}

#[test]
fn install_waits_for_a_bundle_that_is_still_being_made() {
    let world = World::with_key().with("CI_PROJECT_URL", "https://gitlab.example.org/grp/demo");
    world.commit().tag("deps-1");
    world.built(&[zlib()]);
    let mut command = world.tagalong(world.checkout());
    command.args(["install", "--wait", "60s"]).stderr(std::process::Stdio::piped());
    let waiting = command.spawn().unwrap();
    thread::sleep(Duration::from_millis(700));
    world.run("publish").succeeds();
    let output = waiting.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    let expected = "is not published yet; the next look is in 2 s, the last in 60 s; \
                    https://gitlab.example.org/grp/demo/-/pipelines?ref=deps-1 shows the pipeline that makes it";
    assert!(said.contains("note: the bundle") && said.contains(expected), "{said}");
    assert!(said.contains("installed deps-1"), "{said}");
}

#[test]
fn install_that_waited_long_enough_says_so_and_names_the_pipeline() {
    let world = World::with_key().with("CI_PROJECT_URL", "https://gitlab.example.org/grp/demo");
    world.commit().tag("deps-1");
    world.built(&[zlib()]);
    // The channel is there, with another bundle.
    world.run("publish --candidate deps-other").succeeds();
    let said = world.run("install --wait 1s").exits(3).stderr;
    assert!(said.contains("it was waited for as long as `--wait` says"), "{said}");
    assert!(said.contains("pipelines?ref=deps-1 shows the pipeline that makes it\n"), "{said}");
    let said = world.run("install").exits(3).stderr;
    assert!(said.contains(" next: ") && said.contains("pipelines?ref=deps-1"), "{said}");
    world.run("install --wait soon").exits(2);
    let said = world.run("install --tag deps-mr-none").exits(3).stderr;
    assert!(!said.contains("pipelines?ref"), "no pipeline is known to make a candidate: {said}");
}

#[test]
fn install_deepens_a_shallow_clone_only_if_asked_and_only_if_it_matters() {
    let world = World::with_key();
    let address = format!("file:{}", world.channel().display());
    world.write_project(&address, "").published("deps-1", &[zlib()]);
    for number in 0..3 {
        world.write("notes", number.to_string()).commit();
    }
    let upstream = format!("file://{}", world.checkout().display());
    for (depth, is_needed) in [("2", true), ("10", false)] {
        let clone = world.root().join(depth);
        world.git_in(&world.root(), &["clone", "-q", "--depth", depth, &upstream, depth]);
        world.run_in(&clone, &["install"]).exits(if is_needed { 3 } else { 0 });
        let run = world.run_in(&clone, &["install", "--deepen"]).succeeds();
        assert_eq!(run.stderr.contains("the rest of its history is fetched"), is_needed, "{}", run.stderr);
    }
    let clone = world.root().join("2");
    world.git_in(&world.root(), &["clone", "-q", "--depth", "2", &upstream, "cut"]);
    let cut = world.root().join("cut");
    world.git_in(&cut, &["remote", "set-url", "origin", "file:///nowhere"]);
    let said = world.run_in(&cut, &["install", "--deepen"]).exits(3).stderr;
    assert!(said.contains("error: git cannot fetch the rest of the history"), "{said}");
    world.run_in(&clone, &["resolve"]).prints("deps-1\n");
}

#[test]
fn a_prepared_manifest_is_installed_aside_before_anybody_signed_it() {
    let world = World::with_key();
    world.commit().tag("deps-1");
    world.built(&[zlib()]);
    world.run("publish --prepare manifest.json").succeeds();
    world.forget_cache();
    world.run("install").exits(3);
    world.run("install --prepared manifest.json").exits(2);
    let run = world.run("install --prepared manifest.json --prefix aside").succeeds();
    assert!(run.stderr.contains("installed deps-1"), "{}", run.stderr);
    assert!(world.read("aside/lib/pkgconfig/zlib.pc").starts_with("prefix=/"));
    // It stands for nothing else.
    world.run("install").exits(3);
    let text = world.read("manifest.json");
    for wrong in [text.replace("\"format\": 1", "\"format\": 9"), "{".to_owned()] {
        world.write("wrong.json", wrong);
        world.run("install --prepared wrong.json --prefix other").exits(2);
    }
    let archive = text.split("\"archive\": \"").nth(1).unwrap().get(..64).unwrap().to_owned();
    world.write("wrong.json", text.replace(&archive, &"0".repeat(64)));
    world.run("install --prepared wrong.json --prefix other").exits(3);
}

//! Recipes that mean no good, or do not know what they do: each ends with a clear error, and nothing is left of it.

mod world;

use std::fs;
use std::process::Command;

use world::World;

/// Nothing of the build is kept, nothing of it runs, and the next one works.
fn is_as_before(world: &World) {
    assert!(fs::read_dir(world.cache().join("work")).into_iter().flatten().next().is_none());
    assert!(!world.cache().join("packages").exists() || files(world) == 0);
    world.script_recipe("bad", "mkdir -p {prefix}/share\ntouch {prefix}/share/x");
    world.run("build").succeeds();
}

fn files(world: &World) -> usize {
    let output = world.command("find", &world.cache()).args(["packages", "-type", "f"]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().lines().count()
}

#[test]
fn a_log_without_end_is_ended() {
    let world = World::new();
    world.script_recipe("bad", "echo start\nyes again");
    let run = world.run("build").exits(6);
    let told = "\nerror: the step `script` of bad was ended: its log grew without end\n";
    assert!(run.stderr.contains(told) && run.stderr.len() < 20_000, "{}", run.stderr);
    is_as_before(&world);
}

#[test]
fn processes_without_end_are_ended() {
    let world = World::new();
    world.script_recipe("bad", "i=0\nwhile [ $i -lt 20000 ]; do sleep 349 & i=$((i+1)); done\nwait");
    let run = world.run("build").exits(6);
    assert!(
        run.stderr.contains("error: the step `script` of bad was ended: it forked without end\n"),
        "{}",
        run.stderr
    );
    let left = Command::new("pgrep").args(["-c", "-f", "^sleep 349"]).output().unwrap();
    assert_eq!(left.stdout, b"0\n");
    is_as_before(&world);
}

#[test]
fn a_daemon_does_not_outlive_its_step() {
    let world = World::new();
    world.script_recipe(
        "bad",
        "mkdir -p {prefix}/share\ntouch {prefix}/share/x\nsetsid sleep 353 </dev/null >/dev/null 2>&1 &",
    );
    world.run("build").succeeds();
    let left = Command::new("pgrep").args(["-c", "-f", "^sleep 353"]).output().unwrap();
    assert_eq!(left.stdout, b"0\n");
}

#[test]
fn a_file_with_a_line_break_in_its_name_is_refused_and_shown_on_one_line() {
    let world = World::new();
    world.script_recipe("bad", "mkdir -p {prefix}/share\ntouch \"{prefix}/share/a\nb\"");
    let run = world.run("build").exits(7);
    assert!(run.stderr.contains("a\\nb"), "{}", run.stderr);
    is_as_before(&world);
}

#[test]
fn a_full_disk_is_told_and_nothing_half_done_is_kept() {
    let world = World::new();
    world.script_recipe("bad", "mkdir -p {prefix}/share\nhead -c 9000000 /dev/urandom > {prefix}/share/x");
    let cache = world.cache();
    fs::create_dir_all(&cache).unwrap();
    let script = "mount -t tmpfs -o size=12m none \"$1\" && shift && \"$@\"; code=$?; find \"$CACHE\" -path '*packages*' -type f; exit $code";
    let output = world
        .command("unshare", world.checkout())
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", script, "sh"])
        .arg(&cache)
        .args([env!("CARGO_BIN_EXE_tagalong"), "build"])
        .env("CACHE", &cache)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("No space left on device"), "{told}");
    assert!(matches!(output.status.code(), Some(1 | 6)), "{:?} {told}", output.status);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
    is_as_before(&world);
}

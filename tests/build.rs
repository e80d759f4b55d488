//! `tagalong build`, with real compilers on small recipes: the plan, the sandbox, the seal, failures, stops.

mod world;

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use world::{World, files_below};

/// The archives that the store holds, by name.
fn archives(world: &World) -> Vec<String> {
    let output = world.command("find", &world.root()).args(["cache/packages", "-name", "*.tar.zst"]).output().unwrap();
    let mut names: Vec<String> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| line.rsplit('/').next().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn build_makes_all_recipes_and_a_second_build_takes_them() {
    let world = World::new().with_greetings();
    world.commit();
    world.run("build --dry-run").prints("build libgreet 1.0: never built here\nbuild hello 2.0: never built here\n");
    world.run("build").succeeds();
    assert_eq!(archives(&world).len(), 2);
    let again = world.run("build --explain").succeeds();
    assert_eq!(again.stdout.matches("built before as").count(), 2, "{}", again.stdout);
}

#[test]
fn a_changed_recipe_is_built_again_with_what_needs_it_and_a_comment_changes_nothing() {
    let world = World::new().with_greetings();
    world.run("build").succeeds();
    let recipe = world.read("extern-recipes/libgreet/recipe.toml");
    world.write("extern-recipes/libgreet/recipe.toml", format!("# a comment\n{recipe}"));
    assert_eq!(world.run("build --dry-run").stdout.matches("take  ").count(), 2);
    world.write("extern-recipes/libgreet/recipe.toml", recipe.replace("1.0", "1.1"));
    let plan = world.run("build --dry-run").succeeds();
    let lines: Vec<&str> = plan.stdout.lines().collect();
    assert_eq!(lines[0], "build libgreet 1.1: recipe version changed, from 1.0 to 1.1");
    assert!(lines[1].starts_with("build hello 2.0: need libgreet changed, from "), "{}", lines[1]);
    let source = world.read("extern-recipes/hello/tree/hello.c");
    world.write("extern-recipes/libgreet/recipe.toml", recipe);
    world.write("extern-recipes/hello/tree/hello.c", source + "\n");
    let plan = world.run("build --dry-run").succeeds();
    assert!(plan.stdout.contains("build hello 2.0: recipe path tree changed"), "{}", plan.stdout);
}

#[test]
fn packages_are_the_same_bytes_in_two_folders_and_with_other_job_counts() {
    let (one, other) = (World::new().with_greetings(), World::new().with_greetings());
    one.run("build -j 1").succeeds();
    other.run("build -j 4").succeeds();
    assert_eq!(archives(&one), archives(&other));
}

#[test]
fn a_failed_step_says_which_with_its_last_lines_and_leaves_nothing() {
    let world = World::new();
    world.script_recipe("broken", "echo so far so good\necho the reason >&2\nexit 9");
    let run = world.run("build").exits(6);
    assert!(
        run.stderr.contains("the reason\nerror: the step `script` of broken failed with exit code 9\n"),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("the whole log is `[WORLD]/cache/logs/"), "{}", run.stderr);
    assert!(archives(&world).is_empty());
    assert!(fs::read_dir(world.cache().join("work")).unwrap().next().is_none());
}

#[test]
fn a_step_sees_no_network_no_home_and_nothing_undeclared() {
    let world = World::new();
    world.write("secret", "secret");
    let secret = world.checkout().join("secret");
    world.script_recipe(
        "nosy",
        &format!(
            "test ! -e {}\ntest -z \"$(ls -A $HOME)\"\ntest -z \"$TAGALONG_CACHE\"\n\
             test \"$(ls /sys/class/net 2>/dev/null | wc -l)\" -le 1\n\
             ! touch /usr/written\n! touch /etc/written\ntest \"$(hostname)\" = tagalong\n\
             mkdir -p {{prefix}}/share\necho fine > {{prefix}}/share/fine",
            secret.display()
        ),
    );
    world.run("build").succeeds();
}

#[test]
fn a_short_literal_with_the_prefix_stays_whole_for_gcc() {
    let world = World::new();
    world.script_recipe(
        "literal",
        "printf '#include <stdio.h>\\n#include <string.h>\\nint main(void) { char b[400]; strcpy(b, HOME \"/x\"); puts(b); return 0; }' > t.c\n\
         mkdir -p {prefix}/bin\nfor level in 0 1 2 3 s; do cc $CFLAGS -O$level -DHOME='\"{prefix}\"' t.c -o {prefix}/bin/t$level; done",
    );
    let recipe = world.read("extern-recipes/literal/recipe.toml");
    let test = "for t in {prefix}/bin/t*; do $t | grep -x '/*{prefix}/x'; done";
    world.write("extern-recipes/literal/recipe.toml", format!("{recipe}\n[[test]]\nrun = \"{test}\"\n"));
    world.run("build").succeeds();
}

#[test]
fn the_build_folder_left_in_a_file_is_found() {
    let world = World::new();
    world.script_recipe("leaky", "mkdir -p {prefix}/share\necho \"built in $PWD\" > {prefix}/share/note");
    let run = world.run("build").exits(7);
    assert!(run.stderr.contains("share/note"), "{}", run.stderr);
    assert!(run.stderr.contains("/tagalong-build/leaky"), "{}", run.stderr);
    assert!(archives(&world).is_empty());
}

#[test]
fn a_library_taken_from_the_host_is_found() {
    let world = World::new();
    world.script_recipe(
        "host-taker",
        "mkdir -p {prefix}/bin\nprintf 'char *zlibVersion(void); int main(void) { return zlibVersion() == 0; }' > t.c\n\
         cc t.c -o {prefix}/bin/t -l:libz.so.1",
    );
    let run = world.run("build").exits(7);
    assert!(run.stderr.contains("libz.so.1"), "{}", run.stderr);
}

#[test]
fn a_build_that_changes_a_file_of_its_need_is_refused() {
    let world = World::new().with_greetings();
    let recipe = world.read("extern-recipes/hello/recipe.toml");
    world.write(
        "extern-recipes/hello/recipe.toml",
        recipe.replace("mkdir -p {prefix}/bin", "mkdir -p {prefix}/bin\necho more >> {prefix}/share/greet/words"),
    );
    let run = world.run("build").exits(7);
    assert!(run.stderr.contains("hello changed a file that is not its own: `share/greet/words`"), "{}", run.stderr);
}

#[test]
fn a_folder_that_a_need_left_empty_may_be_filled() {
    let world = World::new();
    world.script_recipe("hollow", "mkdir -p {prefix}/share/doc {prefix}/share/hollow\ntouch {prefix}/share/hollow/x");
    world.script_recipe("filler", "mkdir -p {prefix}/share/doc\ntouch {prefix}/share/doc/y");
    let recipe = world.read("extern-recipes/filler/recipe.toml");
    world.write("extern-recipes/filler/recipe.toml", recipe.replace("license", "needs = [\"hollow\"]\nlicense"));
    world.run("build").succeeds();
}

#[test]
fn what_is_no_declared_need_is_not_there() {
    let world = World::new().with_greetings();
    let recipe = world.read("extern-recipes/hello/recipe.toml");
    world.write("extern-recipes/hello/recipe.toml", recipe.replace("needs = [\"libgreet\"]\n", ""));
    let run = world.run("build").exits(6);
    assert!(run.stderr.contains("greet.h"), "{}", run.stderr);
}

#[test]
fn a_recipe_that_installs_nothing_is_refused() {
    let world = World::new();
    world.script_recipe("empty", "true");
    world.run("build").exits(6);
}

#[test]
fn a_failing_test_makes_no_package() {
    let world = World::new();
    world.script_recipe("untrue", "mkdir -p {prefix}/share\ntouch {prefix}/share/x");
    let recipe = world.read("extern-recipes/untrue/recipe.toml");
    world.write("extern-recipes/untrue/recipe.toml", recipe + "\n[[test]]\nrun = \"test -e {prefix}/share/y\"\n");
    let run = world.run("build").exits(6);
    assert!(run.stderr.contains("the step `test 1` of untrue failed"), "{}", run.stderr);
    assert!(archives(&world).is_empty());
}

#[test]
fn what_comes_from_the_system_is_recorded_by_package() {
    let world = World::new();
    // With and without the compiler being asked for what it includes.
    world.script_recipe(
        "taker",
        "echo '#include <elf.h>' > a.c\necho '#include <gnumake.h>' > b.c\necho 'int puts(const char *); int f(void){return puts(\"x\");}' >> a.c\n\
         cc -fPIC -c a.c -MD -MF a.d\ncc -E b.c >/dev/null\nmkdir -p {prefix}/lib\ncc -shared -o {prefix}/lib/liba.so a.o",
    );
    let run = world.run("build").succeeds();
    let told = "warning: taker includes headers of the system's make; a recipe for that, as one of its needs";
    assert!(run.stderr.contains(told), "{}", run.stderr);
    let record = files_below(&world.cache().join("keys")).pop().unwrap();
    let record: serde_json::Value = serde_json::from_slice(&fs::read(record).unwrap()).unwrap();
    let host = record["host"].as_array().unwrap();
    let named = |name: &str| host.iter().find(|one| one["name"] == name).unwrap();
    let steps = record["steps"].as_array().unwrap();
    assert_eq!(steps.iter().map(|one| &one["step"]).collect::<Vec<_>>(), ["script"]);
    assert!(steps[0]["milliseconds"].as_u64() > Some(0), "{steps:?}");
    assert_eq!(named("make")["headers"], 1);
    assert_eq!(named("make")["toolchain"], false);
    assert!(named("libc6-dev")["toolchain"] == true && named("libc6-dev")["headers"].as_u64() >= Some(1), "{host:#?}");
    assert_eq!(named("libc6")["libraries"], 1);
    let query = ["-f", "${Version}", "-W", "make"];
    let version = world.command("dpkg-query", &world.root()).args(query).output().unwrap();
    assert_eq!(named("make")["version"], String::from_utf8(version.stdout).unwrap());
}

#[test]
fn junit_tells_steps_and_tests_and_how_they_ended() {
    let world = World::new();
    world.script_recipe("fine", "mkdir -p {prefix}/share\ntouch {prefix}/share/x");
    world.script_recipe("untrue", "mkdir -p {prefix}/share\ntouch {prefix}/share/y");
    for (name, tests) in [("fine", &["true"][..]), ("untrue", &["true", "echo '<&> \u{7}'; exit 3"])] {
        let file = format!("extern-recipes/{name}/recipe.toml");
        let tests: String = tests.iter().map(|test| format!("\n[[test]]\nrun = {test:?}\n")).collect();
        world.write(&file, world.read(&file) + &tests.replace("\\u{7}", "\\u0007"));
    }
    world.run("build --jobs 1 --junit ended.xml").exits(6);
    let script = "import sys,xml.etree.ElementTree as e\n\
                  for s in e.parse(sys.argv[1]).getroot():\n\
                  \x20assert int(s.get('tests'))==len(s); assert int(s.get('failures'))==len(s.findall('.//failure'))\n\
                  \x20for c in s: print(c.get('classname'), c.get('name'), [x.get('message') for x in c])";
    let mut python = world.command("python3", world.checkout());
    let output = python.args(["-c", script, "ended.xml"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let expected = "fine script []\nfine test 1 []\nuntrue script []\nuntrue test 1 []\n\
                    untrue test 2 ['the step test 2 of untrue ended with exit code 3']\n";
    assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
    world.run("build fine --junit no/such/folder.xml").exits(2);
}

#[test]
fn missing_programs_are_all_named_before_anything_is_built() {
    let world = World::new();
    world.script_recipe("one", "true");
    let recipe = world.read("extern-recipes/one/recipe.toml");
    world.write(
        "extern-recipes/one/recipe.toml",
        recipe.replace("license = \"MIT\"", "license = \"MIT\"\ntools = [\"no-such-program\", \"neither-this\"]"),
    );
    let run = world.run("build").exits(3);
    assert!(run.stderr.contains("lacks programs that recipes need: neither-this, no-such-program"), "{}", run.stderr);
}

#[test]
fn an_unknown_recipe_is_not_found() {
    let world = World::new().with_greetings();
    let run = world.run("build helo").exits(3);
    assert!(run.stderr.contains("hello"), "{}", run.stderr);
}

#[test]
fn without_namespaces_the_placeholder_is_made_for_real_and_goes_away() {
    if !is_root() {
        return;
    }
    let (one, other) = (World::new().with_greetings(), World::new().with_greetings());
    one.run("build --sandbox host").succeeds();
    other.run("build").succeeds();
    // The level is part of the key, so the archives differ in that; their files do not.
    let listing = |world: &World| {
        let script = "for a in packages/*/*.tar.zst; do zstd -dc $a | tar tvf - | grep -v package.json; done | sort";
        let output = world.command("sh", &world.cache()).args(["-c", script]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(listing(&one), listing(&other));
    let left = fs::read_dir("/opt").into_iter().flatten().flatten();
    assert_eq!(left.filter(|entry| entry.file_name().to_string_lossy().contains("placeholder")).count(), 0);
}

/// Whether this user may make the placeholder for real.
fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output().unwrap();
    output.stdout == b"0\n"
}

/// Starts a build that waits in a step, sends the signal, and gives the exit code.
fn stopped_build(world: &World, signal: &str) -> Option<i32> {
    world.script_recipe("slow", "mkdir -p {prefix}/x\nsleep 347 &\nsetsid sleep 347 &\nsleep 347");
    let mut child = world.tagalong(world.checkout()).arg("build").stderr(Stdio::null()).spawn().unwrap();
    let started = Instant::now();
    while sleepers() == 0 {
        assert!(started.elapsed() < Duration::from_secs(30), "the step never started");
        std::thread::sleep(Duration::from_millis(20));
    }
    let sent = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    let code = child.wait().unwrap().code();
    let stopped = Instant::now();
    while sleepers() > 0 && stopped.elapsed() < Duration::from_secs(5) {
        std::thread::sleep(Duration::from_millis(20));
    }
    code
}

fn sleepers() -> usize {
    let output = Command::new("pgrep").args(["-f", "^sleep 347"]).output().unwrap();
    output.stdout.iter().filter(|byte| **byte == b'\n').count()
}

#[test]
fn a_stopped_build_leaves_nothing_running_and_nothing_half_done() {
    let world = World::new();
    assert_eq!(stopped_build(&world, "-INT"), Some(130));
    assert_eq!(sleepers(), 0);
    assert!(fs::read_dir(world.cache().join("work")).unwrap().next().is_none());
    // A killed one cannot clean up, but takes its steps along; the next run sweeps.
    assert_eq!(stopped_build(&world, "-KILL"), None);
    assert_eq!(sleepers(), 0);
    world.script_recipe("slow", "mkdir -p {prefix}/share\ntouch {prefix}/share/x");
    world.run("build").succeeds();
    assert!(fs::read_dir(world.cache().join("work")).unwrap().next().is_none());
}

#[test]
fn a_prebuilt_tree_is_moved_to_the_placeholder_and_proved() {
    let world = World::new();
    world.write(
        "extern-recipes/old/recipe.toml",
        r#"name = "old"
version = "1"
license = "MIT"

[[source]]
path = "tree"

[build]
system = "prebuilt"
was = "__OLD_CI_PATH__"

[[test]]
run = "test \"$(cat {prefix}/share/where)\" = 'it is {prefix}/share'"
"#,
    );
    world.write("extern-recipes/old/tree/share/where", "it is __OLD_CI_PATH__/share\n");
    world.run("build").succeeds();
    world.write("extern-recipes/old/tree/share/binary", b"\0 __OLD_CI_PATH__/share \0");
    let run = world.run("build").exits(7);
    assert!(run.stderr.contains("`share/binary` holds `__OLD_CI_PATH__` at byte 2"), "{}", run.stderr);
}

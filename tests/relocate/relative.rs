//! `relocate --make-relative`: trees that are moved with `mv` and used at once.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::world::World;
use crate::{installed, listing, output, virtual_environment, write, write_program};

/// Asks cmake what it finds for the package `greet` in a tree.
fn cmake_finds(root: &Path, tree: &Path) -> String {
    let project = root.join("project");
    let asking = "cmake_minimum_required(VERSION 3.13)\nproject(p NONE)\nfind_package(greet REQUIRED CONFIG)\n\
        get_filename_component(where \"${greet_INCLUDE_DIRS}\" ABSOLUTE)\nmessage(STATUS \"found ${where}\")\n";
    write(&project.join("CMakeLists.txt"), asking);
    let dir = format!("-Dgreet_DIR={}", tree.join("lib/cmake/greet").display());
    let build = root.join("build").to_str().unwrap().to_owned();
    let said = output("cmake", &["-S", project.to_str().unwrap(), "-B", &build, &dir]);
    fs::remove_dir_all(build).unwrap();
    said.lines().find_map(|line| line.strip_prefix("-- found ")).unwrap().to_owned()
}

#[test]
fn tree_that_was_made_relative_is_moved_with_mv_and_works_by_every_tool() {
    let world = World::new();
    let tree = world.checkout().join("made-here");
    installed(&tree, "hello");
    let text = tree.to_str().unwrap();
    symlink("/usr/bin/python3", tree.join("bin/python3")).unwrap();
    write_program(
        &tree.join("bin/say.py"),
        format!("#!{text}/bin/python3 -E\nimport sys\nprint('say', sys.argv[1])\n"),
    );
    write_program(
        &tree.join("bin/greet-config"),
        format!(
            "#!/bin/sh\nprefix={text}\necho \"$prefix ${{1:-{text}/lib}}\" '{text}'/share\ncat <<END\n{text}\nEND\n"
        ),
    );
    write(&tree.join("etc/profile.d/greet.sh"), format!("export GREET=\"{text}\"\n"));
    let run = world.run("relocate made-here --make-relative").succeeds();
    assert_eq!(
        run.stderr,
        "made [WORLD]/checkout/made-here independent of [WORLD]/checkout/made-here (told by `#!` lines): 7 of 18 paths: \
         6 files, 1 link\n"
    );
    let grep = Command::new("grep").args(["-rl", text]).arg(&tree).output().unwrap();
    assert_eq!(String::from_utf8(grep.stdout).unwrap(), "");
    let new = world.root().join("tmp/anywhere else");
    fs::rename(&tree, &new).unwrap();
    let shown = new.to_str().unwrap();
    assert_eq!(output(new.join("bin/greet"), &[]), "hello\n");
    assert!(output("readelf", &["-d", &format!("{shown}/bin/greet")]).contains("[$ORIGIN/../lib]"));
    assert_eq!(fs::read_link(new.join("lib/libgreet.so")).unwrap(), PathBuf::from("libgreet.so.1"));
    assert_eq!(output(new.join("bin/say.py"), &["it"]), "say it\n");
    // Also through a link in another folder, as people put them.
    symlink(new.join("bin/say.py"), world.root().join("home/say")).unwrap();
    assert_eq!(output(world.root().join("home/say"), &["it"]), "say it\n");
    assert_eq!(output(new.join("bin/greet-config"), &[]), format!("{shown} {shown}/lib {shown}/share\n{shown}\n"));
    let sourced = format!(". '{shown}/etc/profile.d/greet.sh' && echo \"$GREET\"");
    assert_eq!(output("bash", &["-c", &sourced]), format!("{shown}\n"));
    let asked = Command::new("pkg-config")
        .args(["--variable=libdir", "greet"])
        .env("PKG_CONFIG_PATH", new.join("lib/pkgconfig"))
        .output()
        .unwrap();
    let libdir = String::from_utf8(asked.stdout).unwrap();
    assert_eq!(fs::canonicalize(libdir.trim().replace('\\', "")).unwrap(), new.join("lib"));
    assert_eq!(cmake_finds(&world.root(), &new), format!("{shown}/include"));
}

#[test]
fn what_cannot_be_made_relative_is_listed_and_nothing_is_half_done() {
    let world = World::new();
    let tree = world.checkout().join("t");
    let text = tree.to_str().unwrap().to_owned();
    installed(&tree, &format!("{text}/share"));
    write(&tree.join("lib/libgreet.la"), format!("libdir='{text}/lib'\n"));
    let before = listing(&tree);
    let run = world.run("relocate t --make-relative --from").exits(2);
    assert!(run.stdout.is_empty());
    world.run_with(&["relocate", "t", "--make-relative", "--from", &text]).fails(
        7,
        "lib/libgreet.la: byte 8: the prefix cannot be found from the place of this file\n\
         lib/libgreet.so.1: byte 8,192: the prefix cannot be found from the place of this file\n\
         error: 2 places cannot be made relative\n  why: each is listed above with its reason\n \
         next: `--leave` changes everything else and leaves these; nothing was changed now\n",
    );
    assert_eq!(listing(&tree), before);
    world.run_with(&["relocate", "t", "--make-relative", "--from", &text, "--leave"]).exits(7);
    assert!(world.read("t/lib/pkgconfig/greet.pc").starts_with("prefix=${pcfiledir}/../..\n"));
    assert_eq!(world.read("t/lib/libgreet.la"), format!("libdir='{text}/lib'\n"));
}

#[test]
fn virtual_environment_that_was_made_relative_runs_where_it_is_moved_to() {
    let world = World::new();
    let env = virtual_environment(&world.root());
    let run = world.run_with(&["relocate", env.to_str().unwrap(), "--make-relative"]).exits(7);
    let stuck: Vec<&str> = run.stderr.lines().filter(|line| line.starts_with("bin/")).collect();
    let said = "the prefix cannot be found from the place of this file";
    assert_eq!(stuck.len(), 2, "{}", run.stderr);
    assert!(stuck.iter().all(|line| line.starts_with("bin/activate.") && line.ends_with(said)), "{stuck:?}");
    world.run_with(&["relocate", env.to_str().unwrap(), "--make-relative", "--leave"]).exits(7);
    let new = world.root().join("tmp/b env");
    fs::rename(&env, &new).unwrap();
    let hello = output(new.join("bin/hello"), &[]);
    assert!(hello.starts_with(&format!("hello from {} {0}/lib/", new.display())), "{hello}");
    for shell in ["bash", "sh"] {
        let activated = match shell {
            // A plain shell does not tell what it reads; it finds the file only from its folder.
            "sh" => continue,
            _ => format!(". '{}/bin/activate' && command -v hello", new.display()),
        };
        assert_eq!(output(shell, &["-c", &activated]), format!("{}/bin/hello\n", new.display()));
    }
}

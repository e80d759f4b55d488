//! Debug information as packages of its own, with real compilers, objcopy and gdb: split, published, installed on
//! request, found by gdb; and what recipes and tagalong.toml say about it.

mod world;

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::json;
use world::{World, files_below};

const HEADER: &str = "int greet_length(const char *word);\n\
    static inline int greet_more(int length) { return length > 3 ? 1 : 2; }\n";

const LIBRARY: &str = "#include \"greet.h\"\n#include <string.h>\n\n\
    int greet_length(const char *word)\n{\n    int length = (int)strlen(word);\n    return length + greet_more(length);\n}\n";

const MAKEFILE: &str = "all: libgreet.so.1 libgreet.a\n\
    greet.o: greet.c\n\t$(CC) $(CFLAGS) -c greet.c\n\
    libgreet.so.1: greet.o\n\t$(CC) $(LDFLAGS) -shared -Wl,-soname,libgreet.so.1 -o $@ greet.o\n\
    libgreet.a: greet.o\n\t$(AR) rcs $@ greet.o\n\
    install: all\n\tmkdir -p $(PREFIX)/lib $(PREFIX)/include\n\
    \tinstall -m 555 libgreet.so.1 $(PREFIX)/lib/\n\
    \tln $(PREFIX)/lib/libgreet.so.1 $(PREFIX)/lib/libgreet-twin.so.1\n\
    \tcp libgreet.a $(PREFIX)/lib/\n\
    \tln -s libgreet.so.1 $(PREFIX)/lib/libgreet.so\n\
    \tcp greet.h $(PREFIX)/include/\n";

const PROGRAM: &str = "#include <greet.h>\n#include <stdio.h>\n\nint main(void)\n{\n    \
    printf(\"%d\\n\", greet_length(\"world\"));\n    return greet_more(1) - 2;\n}\n";

/// A signed project with `libgreet` and `hello`, which needs it; `build` stands in tagalong.toml.
fn greetings(build: &str) -> World {
    let world = World::with_key();
    fs::remove_dir_all(world.checkout().join("extern-recipes")).unwrap();
    world.write_project("file:../channel", build);
    let recipe = |name: &str, more: &str, build: &str| {
        let source = "[[source]]\npath = \"tree\"\n";
        format!("name = \"{name}\"\nversion = \"1.0\"\nlicense = \"MIT\"\n{more}\n{source}\n[build]\n{build}\n")
    };
    let library = recipe("libgreet", "stacks = [\"base\"]\ntools = [\"cc\"]", "system = \"make\"");
    world.write("extern-recipes/libgreet/recipe.toml", library);
    world.write("extern-recipes/libgreet/tree/greet.h", HEADER).write("extern-recipes/libgreet/tree/greet.c", LIBRARY);
    world.write("extern-recipes/libgreet/tree/Makefile", MAKEFILE);
    let script =
        "cc $CFLAGS $CPPFLAGS hello.c -o hello $LDFLAGS -lgreet; mkdir -p {prefix}/bin; cp hello {prefix}/bin/";
    let program = recipe(
        "hello",
        "needs = [\"libgreet\"]\ntools = [\"cc\"]",
        &format!("system = \"script\"\nscript = \"{script}\"\n\n[[test]]\nrun = \"hello\""),
    );
    world.write("extern-recipes/hello/recipe.toml", program).write("extern-recipes/hello/tree/hello.c", PROGRAM);
    world
}

/// Says in a recipe's `[build]` whether it keeps debug information.
fn say_debug(world: &World, name: &str, debug: bool) {
    let path = format!("extern-recipes/{name}/recipe.toml");
    let text = world.read(&path).replace("[build]\n", &format!("[build]\ndebug = {debug}\n"));
    world.write(&path, text);
}

const FOR_ALL: &str = "\n[build]\ndebug = true\n";

/// Both are built with debug information and published as `deps-1`.
fn published() -> World {
    let world = greetings(FOR_ALL);
    world.commit().tag("deps-1");
    world.run("build").succeeds();
    world.run("publish").succeeds();
    world
}

/// The files and links of the prefix `extern/p`, without the program's own; build ids are written `ID`.
fn installed(world: &World) -> Vec<String> {
    let prefix = world.checkout().join("extern/p");
    let below = |path: &Path| path.strip_prefix(&prefix).unwrap().to_str().unwrap().to_owned();
    let all = files_below(&prefix).into_iter().map(|path| below(&path)).filter(|path| !path.starts_with(".tagalong"));
    let mut all: Vec<String> = all
        .map(|path| match path.strip_prefix("lib/debug/.build-id/") {
            Some(id) => {
                assert!(id.len() == 47 && id.as_bytes()[2] == b'/' && id.ends_with(".debug"), "{id}");
                "lib/debug/.build-id/ID".to_owned()
            }
            None => path,
        })
        .collect();
    all.sort();
    all
}

const PLAIN: [&str; 6] = [
    "bin/hello",
    "include/greet.h",
    "lib/libgreet-twin.so.1",
    "lib/libgreet.a",
    "lib/libgreet.so",
    "lib/libgreet.so.1",
];

/// What gdb says of the program to these commands.
fn gdb(world: &World, commands: &[&str]) -> String {
    let output = Command::new("gdb")
        .args(["-nx", "-batch", "-ex", "set debuginfod enabled off"])
        .args(commands.iter().flat_map(|command| ["-ex", command]))
        .arg(world.checkout().join("extern/p/bin/hello"))
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", world.root())
        .env("LC_ALL", "C.UTF-8")
        .output()
        .unwrap();
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// The frames where the program stops in the library, as gdb tells them.
fn frames(world: &World) -> Vec<String> {
    let said = gdb(world, &["break greet_length", "run", "backtrace"]);
    assert!(!said.contains("CRC"), "{said}");
    let frames = said.lines().filter(|line| line.starts_with('#'));
    // Addresses, and the folder of the world, are another one each time.
    let shown = |line: &str| {
        let words = line.split_whitespace().filter(|word| !word.starts_with("0x"));
        words.collect::<Vec<_>>().join(" ").replace(world.checkout().to_str().unwrap(), "[CHECKOUT]")
    };
    let frames: Vec<String> = frames.map(shown).collect();
    assert!(!frames.is_empty(), "{said}");
    frames
}

#[test]
fn debug_packages_are_installed_on_request_and_gdb_finds_them() {
    let world = published();
    world.run("install").succeeds();
    assert_eq!(installed(&world), PLAIN);
    let without = frames(&world);
    assert!(without[0].starts_with("#0 in greet_length () from [CHECKOUT]/extern/p/"), "{without:?}");
    assert_eq!(without[1], "#1 in main ()");

    let library = world.checkout().join("extern/p/lib/libgreet.so.1");
    let inode = |path: &Path| std::os::unix::fs::MetadataExt::ino(&fs::metadata(path).unwrap());
    let before = inode(&library);
    world.run("install --debug").succeeds();
    let mut all: Vec<&str> = PLAIN.to_vec();
    // Both names of the library are one file, which names one file of debug information.
    all.extend(["bin/.debug/hello.debug", "lib/.debug/libgreet-twin.so.1.debug"]);
    all.extend(["lib/debug/.build-id/ID", "lib/debug/.build-id/ID"]);
    all.sort_unstable();
    assert_eq!(installed(&world), all);
    assert_eq!(inode(&library), before, "what was there stays as it is");
    let with = frames(&world);
    assert!(with[0].starts_with("#0 greet_length (word=") && with[0].ends_with(" at greet.c:6"), "{with:?}");
    assert_eq!(with[1], "#1 in main () at hello.c:6");

    // Sources that somebody has are shown.
    let sources = world.checkout().join("extern-recipes/libgreet/tree");
    let substitute = format!("set substitute-path /usr/src/debug/libgreet-1.0/src {}", sources.display());
    let listed = gdb(&world, &[&substitute, "break greet_length", "run", "list 6,6"]);
    assert!(listed.contains("6\t    int length = (int)strlen(word);"), "{listed}");

    world.run("status --check --verify").succeeds();
    world.run("install --debug").succeeds();
    world.run("install --debug hello").succeeds();
    assert_eq!(world.run("status --json").json()["installed"]["debug"], json!(["hello"]));
    assert_eq!(frames(&world)[1], "#1 in main () at hello.c:6");
    assert!(frames(&world)[0].starts_with("#0 in greet_length () from "));
    // As of stacks: what is asked for holds for one install.
    world.run("install").succeeds();
    assert_eq!(installed(&world), PLAIN);
    world.run("install --debug").succeeds();
    world.run("uninstall").succeeds();
    assert!(!world.checkout().join("extern/p").exists());
}

#[test]
fn debug_packages_are_checked_listed_and_collected_like_any_other() {
    let world = published();
    let names = |value: &serde_json::Value| -> Vec<String> {
        value["packages"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
    };
    let plan = world.run("install --debug --dry-run --json").succeeds().json();
    let all = ["libgreet", "libgreet-debug", "hello", "hello-debug"];
    assert_eq!(names(&plan), all);
    assert_eq!(names(&world.run("install --debug --stack base --dry-run --json").succeeds().json()), &all[..2]);
    let run = world.run("install --debug zlib").exits(3);
    assert_eq!(
        run.stderr,
        "error: the bundle has no debug information of zlib\n  why: it has that of libgreet and hello\n next: let the \
         recipe say `debug = true` in `[build]`, or tagalong.toml for all, then build and tag\n"
    );
    // A byte that is not what was built is found, in a debug package as anywhere.
    world.run("install --debug").succeeds();
    let debug = files_below(&world.checkout().join("extern/p/lib/debug"));
    fs::write(&debug[0], "changed").unwrap();
    let changed = world.run("status --verify --json").exits(7).json()["changed"].clone();
    assert_eq!(changed.as_array().unwrap().len(), 1, "{changed}");
    assert!(world.run("sbom").succeeds().stdout.contains("\"libgreet-debug\""));
    let audit = world.run("audit extern/p").succeeds();
    assert!(!audit.stdout.contains("debug"), "{}", audit.stdout);
    // On another machine all four come from the channel, and nothing is built.
    world.forget_cache();
    let plan = world.run("build --dry-run").succeeds().stdout;
    assert_eq!(plan.matches("in the bundle of deps-1").count(), 2, "{plan}");
    world.run("build").succeeds();
    assert_eq!(world.run("cache list").succeeds().stdout.matches("-debug 1.0").count(), 2);
    world.run("publish").succeeds();
    // What is lost from the store is made again, or fetched.
    let packages = || files_below(&world.channel().join("packages")).len();
    assert_eq!(packages(), 4);
    world.run("gc --channel main --grace 0s --apply").succeeds();
    assert_eq!(packages(), 4, "the bundle names them");
    world.commit().tag("deps-2").git(&["tag", "-d", "deps-1"]);
    world.run("gc --channel main --grace 0s --apply").succeeds();
    assert_eq!(packages(), 0);
}

#[test]
fn two_builds_give_the_same_debug_packages_which_name_no_place_of_the_builder() {
    let world = greetings("");
    say_debug(&world, "libgreet", true);
    world.commit().tag("deps-1");
    let checked = world.run("build --check").succeeds();
    assert_eq!(checked.stdout, "libgreet: the same bytes\nlibgreet-debug: the same bytes\nhello: the same bytes\n");
    world.run("publish").succeeds();
    world.run("install --debug").succeeds();
    let [debug] = files_below(&world.checkout().join("extern/p/lib/debug")).try_into().unwrap();
    let output = Command::new("readelf").args(["--debug-dump=info,line,macro", "-W"]).arg(&debug).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("/usr/src/debug/libgreet-1.0"), "{text}");
    let bytes = fs::read(&debug).unwrap();
    for place in ["tagalong-build", "placeholder", world.root().to_str().unwrap()] {
        assert!(memchr_find(&bytes, place.as_bytes()).is_none(), "{place}");
    }
    let archive = fs::read(world.checkout().join("extern/p/lib/libgreet.a")).unwrap();
    assert!(memchr_find(&archive, b".debug_").is_none(), "a static library keeps none");
    // The record holds what reproduces both.
    let again = world.run("build --reproduce deps-1").succeeds();
    assert_eq!(again.stdout.matches("libgreet-debug: the same bytes").count(), 1, "{}", again.stdout);
}

fn memchr_find(bytes: &[u8], text: &[u8]) -> Option<usize> {
    bytes.windows(text.len()).position(|window| window == text)
}

#[test]
fn a_recipe_s_own_word_wins_and_counts_in_its_key() {
    let world = greetings("");
    world.run("build").succeeds();
    say_debug(&world, "libgreet", true);
    let plan = world.run("build --dry-run").succeeds().stdout;
    assert!(plan.starts_with("build libgreet 1.0: recipe debug changed, from nothing to true\n"), "{plan}");
    // What all recipes say and one takes back.
    let world = greetings(FOR_ALL);
    say_debug(&world, "libgreet", false);
    let said = world.run("build").succeeds().stderr;
    assert!(said.contains("hello-debug: packed") && !said.contains("libgreet-debug"), "{said}");
    assert_eq!(world.run("recipe show libgreet --json").succeeds().json()["build"]["debug"], json!(false));
    assert_eq!(world.run("recipe show hello --json").succeeds().json()["build"]["debug"], json!(true));
}

#[test]
fn union_with_what_is_built_here_has_the_debug_information_of_both() {
    let world = published();
    world.forget_cache();
    let source = world.read("extern-recipes/hello/tree/hello.c");
    world.write("extern-recipes/hello/tree/hello.c", source.replace("world", "whole world"));
    let said = world.run("install --build --debug").succeeds().stderr;
    assert!(said.contains("hello-debug: packed") && !said.contains("libgreet: build"), "{said}");
    let receipt = world.run("status --json").json()["installed"]["packages"].clone();
    let packages = receipt.as_array().unwrap();
    let built: Vec<&str> =
        packages.iter().filter(|one| one["built"] == true).map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!((packages.len(), built), (4, vec!["hello", "hello-debug"]));
    assert_eq!(frames(&world)[1], "#1 in main () at hello.c:6");
    world.run("status --check --verify").succeeds();
}

#[test]
fn a_build_that_strips_is_told_and_gives_no_debug_package() {
    let world = greetings(FOR_ALL);
    let recipe = world.read("extern-recipes/hello/recipe.toml");
    world.write(
        "extern-recipes/hello/recipe.toml",
        recipe.replace("cp hello {prefix}", "strip hello; cp hello {prefix}"),
    );
    let said = world.run("build").succeeds().stderr;
    let note = "note: hello has no debug information to keep: was it stripped, or built without `-g`?\n";
    assert!(said.contains(note) && !said.contains("hello-debug"), "{said}");
}

#[test]
fn names_of_debug_packages_are_no_recipe_s() {
    let world = World::new();
    world.script_recipe("zlib-debug", "true");
    let run = world.run("recipe check").exits(7);
    assert!(run.stderr.contains("`zlib-debug` cannot be the name of a recipe"), "{}{}", run.stdout, run.stderr);
}

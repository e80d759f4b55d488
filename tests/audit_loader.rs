//! `audit` finds libraries as the machine's ld.so does, names what is missing or found by luck, and tells the floor.

mod world;

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use world::World;

/// Runs a shell script in the tree of a world; `{T}` is the tree.
fn shell(world: &World, script: &str) {
    let tree = world.root().join("tree");
    fs::create_dir_all(&tree).unwrap();
    let script = script.replace("{T}", tree.to_str().unwrap());
    let output = world.command("sh", &tree).args(["-e", "-c", &script]).output().unwrap();
    assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
}

fn audit(world: &World, more: &[&str]) -> world::Run {
    let tree = world.root().join("tree");
    let mut arguments = vec!["audit", tree.to_str().unwrap(), "--json"];
    arguments.extend(more);
    world.run_in(&world.root(), &arguments)
}

/// What ld.so says about a program: name and path, normalised.
fn of_ld_so(program: &Path) -> Vec<(String, Option<String>)> {
    let output =
        Command::new(program).env_clear().env("LD_TRACE_LOADED_OBJECTS", "1").current_dir("/").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let mut all: Vec<_> = text
        .lines()
        .filter_map(|line| {
            // A name with a slash is listed as a path alone, and so is the loader.
            let alone =
                line.trim().split(" (").next().filter(|path| path.starts_with('/') && !path.contains("ld-linux"));
            let (name, rest) = line.trim().split_once(" => ").or(alone.map(|path| (path, path)))?;
            let path = rest.split(" (").next().unwrap();
            let real = fs::canonicalize(path).ok().map(|real| real.to_str().unwrap().to_owned());
            Some((name.to_owned(), real))
        })
        .collect();
    all.sort();
    all
}

/// What the audit says about the closure of a program, through the files' own needs.
fn of_tree(world: &World, program: &str) -> Vec<(String, Option<String>)> {
    let tree = world.root().join("tree");
    let path = tree.join(program);
    let run = world.run_in(&world.root(), &["audit", path.to_str().unwrap(), "--tree"]);
    let text = run.stdout.replace("[WORLD]", world.root().to_str().unwrap());
    let folder = path.parent().unwrap().to_owned();
    let mut all: Vec<_> = text
        .lines()
        .filter_map(|line| {
            let (name, rest) = line.trim().split_once(" => ")?;
            let (aim, place) = rest.rsplit_once(" (")?;
            let real = fs::canonicalize(folder.join(aim)).ok().map(|real| real.to_str().unwrap().to_owned());
            (place != "loaded)" && !name.starts_with("ld-linux")).then(|| (name.to_owned(), real))
        })
        .collect();
    all.sort();
    all.dedup();
    all
}

fn findings(run: &world::Run) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let all = run.json()["findings"].as_array().unwrap().clone();
    let is_told = |one: &&Value| one["level"] != "note";
    all.iter().filter(is_told).map(|one| format!("{} {}", text(&one["check"]), text(&one["file"]))).collect()
}

const LIBRARY: &str = "lib() { echo \"int $1(void) { return 1; }\" > $1.c; gcc -shared -fPIC -Wl,-z,noexecstack $1.c \
    -Wl,-soname,lib$1.so -Wl,--no-as-needed -o $2/lib$1.so $3 $4 $5 $6; rm $1.c; }\n\
    prog() { echo 'int main(void) { return 0; }' > m.c; o=$1; shift; gcc m.c -o $o -Wl,--no-as-needed \
    -Wl,--allow-shlib-undefined \"$@\"; rm m.c; }\nmkdir -p bin lib lib/private\n";

#[test]
fn each_rule_of_the_loader_gives_what_ld_so_gives() {
    let rpath = "-Wl,--disable-new-dtags,-rpath";
    let runpath = "-Wl,--enable-new-dtags,-rpath";
    for (name, script) in [
        ("rpath is inherited", format!("lib b lib; lib a lib lib/libb.so; prog bin/p lib/liba.so {rpath},'$ORIGIN/../lib'")),
        ("runpath is not", format!("lib b lib; lib a lib lib/libb.so; prog bin/p lib/liba.so {runpath},'$ORIGIN/../lib'")),
        ("origin of a library", format!("lib b lib/private; lib a lib lib/private/libb.so {runpath},'$ORIGIN/private'; prog bin/p lib/liba.so {runpath},'${{ORIGIN}}/../lib'")),
        ("loaded before", format!("lib b lib/private; lib a lib lib/private/libb.so; prog bin/p lib/private/libb.so lib/liba.so {runpath},'$ORIGIN/../lib:$ORIGIN/../lib/private'")),
        ("with a slash", "echo 'int s(void){return 1;}' > s.c; gcc -shared -fPIC s.c -o lib/libs.so; rm s.c; prog bin/p {T}/lib/libs.so".to_owned()),
        ("no default folders", format!("lib a lib -Wl,-z,nodefaultlib; prog bin/p lib/liba.so {runpath},'$ORIGIN/../lib'")),
        ("missing", "lib a lib; prog bin/p lib/liba.so; rm lib/liba.so".to_owned()),
        ("only by luck", "lib a lib; prog bin/p lib/liba.so".to_owned()),
    ] {
        let world = World::new();
        shell(&world, &format!("{LIBRARY}{script}"));
        let program = world.root().join("tree/bin/p");
        let mut expected = of_ld_so(&program);
        expected.dedup();
        assert_eq!(of_tree(&world, "bin/p"), expected, "{name}");
    }
}

#[test]
fn what_is_not_found_by_right_is_an_error() {
    let world = World::new();
    shell(
        &world,
        &format!(
            "{LIBRARY}lib gone lib; lib luck lib/private; lib own lib; lib inner lib; lib outer lib lib/libinner.so
            prog bin/gone lib/libgone.so
            prog bin/luck lib/private/libluck.so -Wl,-rpath,'$ORIGIN/../lib'
            prog bin/fine lib/libown.so -Wl,-rpath,'$ORIGIN/../lib'
            prog bin/rpath lib/libouter.so -Wl,--disable-new-dtags,-rpath,'$ORIGIN/../lib'
            prog bin/interpreter -Wl,--dynamic-linker,/build/ld.so
            rm lib/libgone.so; printf '\\177ELF' > lib/libbad.so"
        ),
    );
    let run = audit(&world, &[]);
    assert_eq!(
        findings(&run),
        [
            "loader-missing bin/gone",
            "loader-interpreter bin/interpreter",
            "loader-luck bin/luck",
            "elf-malformed lib/libbad.so",
            "loader-inherited lib/libouter.so",
        ]
    );
    let json = run.exits(7).json();
    let fine = json["files"].as_array().unwrap().iter().find(|file| file["path"] == "bin/fine").unwrap();
    assert_eq!(fine["runpath"], "$ORIGIN/../lib");
    assert_eq!(
        fine["needed"][0],
        serde_json::json!({"name": "libown.so", "found": "lib/libown.so", "where": "runpath", "by": "bin/fine"})
    );
    assert_eq!(fine["needed"][1]["name"], "libc.so.6");
    assert!(fine["needed"][1]["found"].as_str().unwrap().starts_with('/'));
    let gone = json["files"].as_array().unwrap().iter().find(|file| file["path"] == "bin/gone").unwrap();
    assert_eq!(gone["needed"][0]["found"], Value::Null);
}

#[test]
fn the_floor_is_what_readelf_and_objdump_show() {
    let world = World::new();
    shell(&world, "mkdir bin; cp $(readlink -f /bin/sh) bin/sh; cp $(readlink -f $(which readelf)) bin/readelf");
    let json = audit(&world, &[]).json();
    for name in ["sh", "readelf"] {
        let text = Command::new("objdump").arg("-T").arg(world.root().join("tree/bin").join(name)).output().unwrap();
        let text = String::from_utf8(text.stdout).unwrap();
        let numbers = |version: &str| version.split('.').map(|part| part.parse().unwrap()).collect::<Vec<u32>>();
        let asked = text.lines().filter(|line| line.contains("*UND*"));
        let newest = asked
            .filter_map(|line| line.split("GLIBC_").nth(1)?.split([')', ' ']).next().map(str::to_owned))
            .max_by_key(|version| numbers(version))
            .unwrap();
        let files = json["files"].as_array().unwrap();
        let file = files.iter().find(|file| file["path"] == format!("bin/{name}")).unwrap();
        assert_eq!(file["floor"]["GLIBC"], newest, "{name}");
    }
    assert!(json["floor"]["GLIBC"].is_string());
}

#[test]
fn a_limit_fails_with_the_files_and_functions_to_blame() {
    let world = World::new();
    shell(
        &world,
        "mkdir bin; echo '#include <stdio.h>
        int main(int n, char **v) { puts(v[0]); return 0; }' > m.c; gcc m.c -o bin/p; rm m.c",
    );
    let tree = world.root().join("tree");
    let run =
        world.run_in(&world.root(), &["audit", tree.to_str().unwrap(), "--max", "GLIBC_2.2.4", "--json"]).exits(7);
    let json = run.json();
    let all = json["findings"].as_array().unwrap();
    let one = all.iter().find(|one| one["check"] == "floor-max").unwrap();
    assert_eq!(one["file"], "bin/p");
    assert!(one["message"].as_str().unwrap().contains("@GLIBC_2."), "{one}");
    audit(&world, &["--max", "GLIBC_9.9"]).succeeds();
    let run = world.run_in(&world.root(), &["audit", tree.to_str().unwrap(), "--max", "new"]);
    run.fails(2, "error: `new` is no symbol version\n  why: a version is the name of a set and a number, with `_` between them\n next: write set and version, as in `--max GLIBC_2.28`\n");
}

#[test]
fn a_version_that_the_library_lacks_is_found() {
    let world = World::new();
    shell(
        &world,
        "mkdir bin lib; echo 'int f(void) { return 1; }' > f.c; echo 'V2 { f; };' > two; echo 'V1 { f; };' > one
        gcc -shared -fPIC f.c -o lib/libf.so -Wl,-soname,libf.so -Wl,--version-script,two
        echo 'int f(void); int main(void) { return f(); }' > m.c
        gcc m.c lib/libf.so -o bin/p -Wl,-rpath,'$ORIGIN/../lib'
        gcc -shared -fPIC f.c -o lib/libf.so -Wl,-soname,libf.so -Wl,--version-script,one; rm f.c m.c one two",
    );
    assert_eq!(findings(&audit(&world, &[])), ["symbols-version bin/p"]);
}

//! `elf loads`: the same libraries in the same order as ld.so lists them.

mod world;

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use world::World;

const LD_SO: &str = "/lib64/ld-linux-x86-64.so.2";

/// Names with paths, as `ld.so --list` says; `None` when it fails.
fn listed(file: &Path, library_path: Option<&str>, folder: &Path) -> Option<Vec<(String, String)>> {
    let mut command = Command::new(LD_SO);
    command.args(["--list", file.to_str().unwrap()]).env_clear().current_dir(folder);
    command.envs(library_path.map(|path| ("LD_LIBRARY_PATH", path)));
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines = text.lines().filter(|line| !line.contains("linux-vdso") && !line.contains("ld-linux"));
    let pairs = lines.map(|line| {
        let line = line.trim().rsplit_once(" (").unwrap().0;
        let (name, path) = line.split_once(" => ").unwrap_or((line, line));
        (name.to_owned(), path.to_owned())
    });
    output.status.success().then(|| pairs.collect())
}

fn told(world: &World, arguments: &[&str]) -> Vec<Value> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tagalong"));
    command.args(["elf", "loads", "--json"]).args(arguments).env("TAGALONG_CACHE", world.cache());
    let output = command.current_dir(world.checkout()).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What is loaded newly, as `ld.so --list` has it.
fn loaded(world: &World, arguments: &[&str]) -> Vec<(String, String)> {
    let needs = told(world, arguments);
    let is_new = |need: &&Value| need["where"] != "loaded";
    let text = |value: &Value| value.as_str().unwrap_or("not found").to_owned();
    needs.iter().filter(is_new).map(|need| (text(&need["name"]), text(&need["found"]))).collect()
}

#[test]
fn programs_of_the_machine_load_what_the_loader_lists() {
    let world = World::new();
    let mut files: Vec<_> = fs::read_dir("/usr/bin").unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut count = 0;
    for file in files {
        let facts = fs::symlink_metadata(&file).unwrap();
        if count >= 50 || !facts.is_file() || facts.len() > 4_000_000 {
            continue;
        }
        if !fs::read(&file).is_ok_and(|bytes| bytes.starts_with(b"\x7fELF")) {
            continue;
        }
        let Some(expected) = listed(&file, None, world.checkout()) else { continue };
        assert_eq!(loaded(&world, &[file.to_str().unwrap()]), expected, "{}", file.display());
        count += 1;
    }
    assert_eq!(count, 50);
}

#[test]
fn every_way_to_a_library_is_named() {
    let world = World::new();
    world.write("e.c", "");
    world.write("m.c", "int main(void) { return 0; }");
    for folder in ["one", "two", "three"] {
        fs::create_dir(world.checkout().join(folder)).unwrap();
    }
    let gcc = |arguments: &str| {
        let mut command = Command::new("gcc");
        let output = command.args(arguments.split(' ')).current_dir(world.checkout()).output().unwrap();
        assert!(output.status.success(), "{arguments}: {}", String::from_utf8_lossy(&output.stderr));
    };
    let here = world.checkout().to_str().unwrap().to_owned();
    gcc("-shared -fPIC -nostdlib e.c -Wl,-soname,libb.so -o two/libb.so");
    gcc("-shared -fPIC -nostdlib e.c -Wl,-soname,libd.so -o three/libd.so");
    gcc(&format!("-shared -fPIC -nostdlib e.c -o {here}/three/slash.so"));
    gcc(
        "-shared -fPIC -nostdlib -Wl,--no-as-needed e.c two/libb.so three/libd.so -Wl,-soname,liba.so -Wl,-rpath,$ORIGIN/../two -o one/liba.so",
    );
    gcc(&format!(
        "m.c -Wl,--no-as-needed one/liba.so {here}/three/slash.so -Wl,--disable-new-dtags,-rpath,one,-rpath-link,two:three -o program"
    ));
    let program = format!("{here}/program");
    let library_path = format!("{here}/three");
    let expected = listed(Path::new(&program), Some(&library_path), world.checkout()).unwrap();
    assert_eq!(loaded(&world, &["--library-path", &library_path, &program]), expected);
    let needs = told(&world, &["--library-path", &library_path, "program"]);
    let ways: Vec<String> =
        needs.iter().map(|need| format!("{} {}", need["name"], need["where"]).replace('"', "")).collect();
    let slash = format!("{here}/three/slash.so slash");
    assert_eq!(
        ways[..5],
        ["liba.so rpath", slash.as_str(), "libc.so.6 cache", "libb.so runpath", "libd.so library-path"]
    );
    let needs = told(&world, &["program"]);
    let lost = needs.iter().find(|need| need["name"] == "libd.so").unwrap();
    assert!(lost["where"] == "missing" && lost["found"].is_null(), "{lost}");
}

//! What the tests of `tagalong elf` share: gcc, readelf, the program itself, and a program with two libraries.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::world::World;

/// The text that a program prints; it must succeed.
pub fn output(program: &str, arguments: &[&str], folder: &Path) -> String {
    let mut command = Command::new(program);
    let output = command.args(arguments).current_dir(folder).env("LC_ALL", "C").output().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub fn gcc(world: &World, arguments: &str) {
    output("gcc", &arguments.split_whitespace().collect::<Vec<_>>(), world.checkout());
}

/// Runs the program in the checkout and gives its status, stdout and stderr.
pub fn tagalong(world: &World, arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tagalong"));
    command.args(arguments).current_dir(world.checkout()).env("TAGALONG_CACHE", world.cache());
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[track_caller]
pub fn set(world: &World, arguments: &[&str]) {
    let (code, _, errors) = tagalong(world, &[&["elf", "set"], arguments].concat());
    assert_eq!(code, 0, "{arguments:?}: {errors}");
}

#[track_caller]
pub fn print(world: &World, what: &str, file: &str) -> String {
    let (code, out, errors) = tagalong(world, &["elf", "print", what, file]);
    assert_eq!(code, 0, "{errors}");
    out
}

/// A library that needs another, and a program that needs both and prints 42.
pub fn fixture() -> World {
    let world = World::new();
    world.write("in.c", "int inner(void) { return 40; } int lib = 1;");
    world.write("out.c", "int inner(void); extern int lib; int outer(void) { return inner() + lib + 1; }");
    world.write("main.c", "#include <stdio.h>\nint outer(void); int main(void) { printf(\"%d\\n\", outer()); }");
    fs::create_dir(world.checkout().join("libs")).unwrap();
    gcc(&world, "-shared -fPIC -Wl,-soname,libin.so -Wl,-rpath,/opt/prefix/lib in.c -o libs/libin.so");
    gcc(&world, "-shared -fPIC -Wl,-soname,libout.so out.c libs/libin.so -o libs/libout.so");
    gcc(&world, "main.c libs/libout.so -Wl,-rpath-link,libs -o main");
    world
}

/// Sections, symbols, relocations and versions as readelf tells them, without what an edit of strings may change.
pub fn told(file: &Path) -> String {
    let path = file.to_str().unwrap();
    let all = output("readelf", &["-W", "--dyn-syms", "-r", "-V", path], Path::new("/"));
    // Offsets into the strings, and places in the file that moved, are no content.
    all.lines().filter(|line| !line.contains("Offset:") && !line.contains("at offset")).collect::<Vec<_>>().join("\n")
}

pub fn dynamic_names(file: &Path) -> Vec<String> {
    let text = output("readelf", &["-dW", file.to_str().unwrap()], Path::new("/"));
    let lines = text.lines().filter(|line| line.contains("0x") && !line.contains("entries"));
    lines
        .filter(|line| !["(STRTAB)", "(STRSZ)", "(NULL)", "RPATH", "RUNPATH"].iter().any(|tag| line.contains(tag)))
        .map(str::to_owned)
        .collect()
}

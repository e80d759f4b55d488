//! `elf set`: files of gcc and of the machine are edited, and readelf, strip and the loader are asked.

mod elf_tools;
mod world;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use elf_tools::{dynamic_names, fixture, gcc, output, print, set, tagalong, told};
use world::World;

#[test]
fn program_runs_with_a_long_library_path_and_after_strip() {
    let world = fixture();
    let long = format!("$ORIGIN/libs:/{}", "x".repeat(120));
    for round in 0..2 {
        set(&world, &["--rpath", &long, "main", "libs/libout.so"]);
        set(&world, &["--add-rpath", "$ORIGIN", "libs/libout.so"]);
        assert_eq!(output("./main", &[], world.checkout()), "42\n", "round {round}");
        output("strip", &["main", "libs/libout.so", "libs/libin.so"], world.checkout());
        assert_eq!(output("./main", &[], world.checkout()), "42\n", "round {round}, stripped");
        assert_eq!(print(&world, "rpath", "main"), format!("{long}\n"));
    }
}

#[test]
fn symbol_that_shares_its_bytes_with_the_library_path_stays() {
    let world = fixture();
    set(&world, &["--rpath", "/x", "libs/libin.so"]);
    assert_eq!(print(&world, "rpath", "libs/libin.so"), "/x\n");
    let symbols = output("readelf", &["--dyn-syms", "-W", "libs/libin.so"], world.checkout());
    assert!(symbols.lines().any(|line| line.ends_with(" lib")), "{symbols}");
}

#[test]
fn repeated_edits_do_not_grow_the_file() {
    let world = fixture();
    let path = |letter: &str| format!("/{}", letter.repeat(150));
    set(&world, &["--rpath", &path("a"), "main"]);
    let size = || fs::metadata(world.checkout().join("main")).unwrap().len();
    let first = size();
    for letter in ["b", "c", "d"] {
        set(&world, &["--rpath", &path(letter), "main"]);
        set(&world, &["--rpath", "/short", "main"]);
    }
    assert_eq!(size(), first);
    let old = fs::read(world.checkout().join("main")).unwrap();
    assert!(!old.windows(20).any(|part| part == [b'c'; 20]), "an old path is left");
}

#[test]
fn interpreter_names_and_needs_are_set_in_one_call() {
    let world = fixture();
    let old = print(&world, "interpreter", "main");
    let long = format!("/{}{}", "./".repeat(60), old.trim().trim_start_matches('/'));
    set(&world, &["--interpreter", &long, "--rpath", "$ORIGIN/libs", "main"]);
    assert_eq!(print(&world, "interpreter", "main"), format!("{long}\n"));
    fs::rename(world.checkout().join("libs/libin.so"), world.checkout().join("libs/libother.so.7")).unwrap();
    set(&world, &["--soname", "libother.so.7", "--remove-rpath", "libs/libother.so.7"]);
    set(&world, &["--replace-needed", "libin.so=libother.so.7", "--rpath", "$ORIGIN", "libs/libout.so"]);
    assert_eq!(output("./main", &[], world.checkout()), "42\n");
    output("strip", &["main"], world.checkout());
    assert_eq!(output("./main", &[], world.checkout()), "42\n");
    assert_eq!(print(&world, "soname", "libs/libother.so.7"), "libother.so.7\n");
    assert_eq!(print(&world, "rpath", "libs/libother.so.7"), "");
    set(&world, &["--add-needed", "libm.so.6", "--execstack", "set", "--os-abi", "gnu", "main"]);
    assert_eq!(print(&world, "needed", "main"), "libm.so.6\nlibout.so\nlibc.so.6\n");
    assert_eq!(print(&world, "execstack", "main") + &print(&world, "os-abi", "main"), "set\nLinux\n");
    set(&world, &["--remove-needed", "libm.so.6", "--execstack", "clear", "main"]);
    set(&world, &["--no-default-lib", "--dt-rpath", "main"]);
    let entries = output("readelf", &["-dW", "main"], world.checkout());
    assert!(entries.contains("NODEFLIB") && entries.contains("(RPATH)") && !entries.contains("(RUNPATH)"), "{entries}");
}

#[test]
fn needed_library_with_versions_is_replaced_in_both_places() {
    let world = fixture();
    let libc = print(&world, "needed", "main").lines().last().unwrap().to_owned();
    assert_eq!(libc, "libc.so.6");
    fs::copy("/lib/x86_64-linux-gnu/libc.so.6", world.checkout().join("libs/my-own-libc.so.6")).unwrap();
    set(&world, &["--replace-needed", "libc.so.6=my-own-libc.so.6", "main"]);
    let versions = output("readelf", &["-VW", "main"], world.checkout());
    assert!(versions.contains("File: my-own-libc.so.6") && !versions.contains("File: libc.so.6"), "{versions}");
}

#[test]
fn renamed_symbols_are_found_by_the_loader() {
    let world = fixture();
    world.write("map", "inner a_much_longer_name_for_inner\nlib l\n");
    set(&world, &["--rename-symbols", "map", "libs/libin.so", "libs/libout.so"]);
    set(&world, &["--rpath", "$ORIGIN/libs", "main"]);
    set(&world, &["--rpath", "$ORIGIN", "libs/libout.so"]);
    assert_eq!(output("./main", &[], world.checkout()), "42\n");
    let symbols = output("readelf", &["--dyn-syms", "-W", "libs/libin.so"], world.checkout());
    assert!(symbols.contains(" a_much_longer_name_for_inner") && !symbols.contains(" inner"), "{symbols}");
}

#[test]
fn what_cannot_be_edited_is_refused_and_stays() {
    let world = fixture();
    gcc(&world, "-c main.c -o main.o");
    world.write("empty.c", "int main(void) { return 0; }");
    gcc(&world, "-static empty.c -o static");
    gcc(&world, "-static-pie empty.c -o static-pie");
    gcc(&world, "-g empty.c -o whole");
    output("objcopy", &["--only-keep-debug", "whole", "whole.debug"], world.checkout());
    let mut payload = fs::read(world.checkout().join("main")).unwrap();
    payload.extend_from_slice(b"payload");
    world.write("payload", &payload);
    world.write("text", "no ELF file\n");
    for (file, why) in [
        ("main.o", "an object for the linker"),
        ("static", "linked statically: it has no dynamic section"),
        ("static-pie", "static-pie"),
        ("whole.debug", "only debug information"),
        ("payload", "7 bytes lie behind"),
        ("text", "is no ELF file"),
    ] {
        let before = fs::read(world.checkout().join(file)).unwrap();
        let (code, _, errors) = tagalong(&world, &["elf", "set", "--rpath", "/x", file]);
        assert!(code == 2 && errors.contains(why), "{file}: {code} {errors}");
        assert!(fs::read(world.checkout().join(file)).unwrap() == before, "{file} was changed");
    }
}

#[test]
fn mode_is_kept_and_hard_links_are_refused_or_kept() {
    let world = fixture();
    let main = world.checkout().join("main");
    fs::set_permissions(&main, fs::Permissions::from_mode(0o750)).unwrap();
    set(&world, &["--rpath", "/x", "main"]);
    assert_eq!(fs::metadata(&main).unwrap().mode() & 0o7777, 0o750);
    fs::hard_link(&main, world.checkout().join("second")).unwrap();
    let (code, _, errors) = tagalong(&world, &["elf", "set", "--rpath", "/y", "main"]);
    assert!(code == 2 && errors.contains("2 names"), "{errors}");
    set(&world, &["--hard-links", "keep", "--rpath", "/y", "main"]);
    assert_eq!(print(&world, "rpath", "second"), "/y\n");
    set(&world, &["--output", "/dev/null", "--rpath", "/z", "main"]);
    set(&world, &["--output", "copy", "main"]);
    assert_eq!(fs::read(world.checkout().join("copy")).unwrap(), fs::read(&main).unwrap());
}

#[test]
fn value_may_be_a_file_of_forty_megabytes() {
    let world = fixture();
    world.write("path", vec![b'a'; 40 << 20]);
    set(&world, &["--rpath", "@path", "main"]);
    assert_eq!(print(&world, "rpath", "main").len(), (40 << 20) + 1);
}

#[test]
fn files_of_the_machine_load_as_before_with_a_long_library_path() {
    let world = World::new();
    let path = format!("/{}", "p".repeat(119));
    let mut folders: Vec<PathBuf> = ["/usr/lib/x86_64-linux-gnu", "/usr/bin"].iter().map(PathBuf::from).collect();
    let mut done = 0;
    for folder in folders.drain(..) {
        let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        let wanted = files.iter().filter(|file| {
            let facts = fs::symlink_metadata(file).unwrap();
            facts.is_file() && facts.len() < 400_000 && facts.len() > 10_000
        });
        for file in wanted.step_by(4).take(60) {
            let Ok(bytes) = fs::read(file) else { continue };
            if !bytes.starts_with(b"\x7fELF") || bytes[16] == 1 || file.to_string_lossy().contains("ld-linux") {
                continue;
            }
            let name = file.file_name().unwrap().to_str().unwrap();
            let copy = world.checkout().join(name);
            fs::write(&copy, &bytes).unwrap();
            fs::set_permissions(&copy, fs::Permissions::from_mode(0o755)).unwrap();
            let (code, _, errors) = tagalong(&world, &["elf", "set", "--add-rpath", &path, name]);
            if errors.contains("statically") {
                continue;
            }
            assert_eq!(code, 0, "{name}: {errors}");
            done += 1;
            assert_eq!(told(file), told(&copy), "{name}");
            assert_eq!(dynamic_names(file), dynamic_names(&copy), "{name}");
            let needs = |path: &Path| {
                let mut command = Command::new("/lib64/ld-linux-x86-64.so.2");
                let out = command.args(["--list", path.to_str().unwrap()]).output().unwrap();
                let text = String::from_utf8_lossy(&out.stdout).into_owned();
                text.lines().map(|line| line.split(" (").next().unwrap().to_owned()).collect::<Vec<_>>()
            };
            assert_eq!(needs(file), needs(&copy), "{name}");
            output("strip", &[name], world.checkout());
            assert_eq!(needs(file), needs(&copy), "{name}, stripped");
            let (code, _, errors) = tagalong(&world, &["elf", "set", "--add-rpath", "/q", name]);
            assert_eq!(code, 0, "{name}, again: {errors}");
            assert_eq!(needs(file), needs(&copy), "{name}, again");
            fs::remove_file(copy).unwrap();
        }
    }
    assert!(done > 60, "only {done} files");
}

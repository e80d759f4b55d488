//! `tagalong platform`: what a machine is, told from files alone.

mod world;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use serde_json::json;
use tagalong::host::os_release::OsRelease;
use tagalong::model::platform::Platform;
use world::World;

/// The os-release texts of `tests/platform/os-release.txt`: a `== os-release [debian_version]` head over each.
fn texts() -> Vec<(String, Option<String>, String)> {
    let file = include_str!("platform/os-release.txt");
    let text = |part: &str| {
        let (head, text) = part.split_once('\n').unwrap();
        let mut words = head.split_whitespace();
        let expected = words.next().unwrap().to_owned();
        (expected, words.next().map(str::to_owned), text.to_owned())
    };
    file.split("== ").skip(1).map(text).collect()
}

#[test]
fn real_os_release_texts_give_the_ids_people_expect() {
    let texts = texts();
    assert!(texts.len() >= 25, "{} texts", texts.len());
    for (expected, debian_version, text) in &texts {
        let os = OsRelease::parse(text);
        let platform = Platform::new(&os.id(), &os.release(debian_version.as_deref()), "x86_64").unwrap();
        assert_eq!(platform.id(), format!("{expected}-x86_64"), "{text}");
    }
}

/// The head of an ELF file: class and byte order, then the machine.
fn elf(class: u8, data: u8, machine: [u8; 2]) -> Vec<u8> {
    let mut head = vec![0x7f, b'E', b'L', b'F', class, data, 1];
    head.resize(18, 0);
    head.extend(machine);
    head
}

/// A root folder with an os-release and a shell.
fn root(world: &World, os_release: &str, shell: &[u8]) -> PathBuf {
    let root = world.root().join("root");
    for folder in ["etc", "usr/bin", "usr/lib/x86_64-linux-gnu"] {
        fs::create_dir_all(root.join(folder)).unwrap();
    }
    symlink("usr/bin", root.join("bin")).unwrap();
    // Absolute, as some systems have it: it must not lead to this machine's.
    symlink("/usr/lib", root.join("lib")).unwrap();
    fs::write(root.join("usr/lib/os-release"), os_release).unwrap();
    fs::write(root.join("usr/bin/sh"), shell).unwrap();
    root
}

const X86_64: ([u8; 2], u8, u8) = ([62, 0], 2, 1);

fn x86_64() -> Vec<u8> {
    elf(X86_64.1, X86_64.2, X86_64.0)
}

#[test]
fn this_machine_is_told_with_its_libc_and_symbol_versions() {
    let world = World::new();
    let json = world.run("platform --json").succeeds().json();
    world.run("platform").prints(&format!("{}\n", json["platform"].as_str().unwrap()));
    let parts = format!("{}-{}-{}", json["os"], json["release"], json["arch"]).replace('"', "");
    assert_eq!(json["platform"], parts);
    // The loader itself says which libc it is.
    let spoken = world.command("ldd", &world.root()).arg("--version").output().unwrap();
    let first = String::from_utf8(spoken.stdout).unwrap().lines().next().unwrap().to_owned();
    let version = first.rsplit(' ').next().unwrap();
    assert_eq!(json["libc"], json!({ "kind": "glibc", "version": version }));
    assert!(json["system"]["GLIBC"].is_string(), "{json}");
}

#[test]
fn another_root_is_told_from_its_files() {
    let world = World::new();
    let root =
        root(&world, "ID=ubuntu\nVERSION_ID=\"24.04\"\nID_LIKE=debian\nPRETTY_NAME=\"Ubuntu 24.04 LTS\"\n", &x86_64());
    let libc = b"\0GLIBC_2.2.5\0GLIBC_2.38\0GLIBC_PRIVATE\0\
        GNU C Library (Ubuntu GLIBC 2.39-0ubuntu8) stable release version 2.39.\n\0";
    fs::write(root.join("usr/lib/x86_64-linux-gnu/libc.so.6"), libc).unwrap();
    let stdcxx = b"\0GLIBCXX_3.4.9\0GLIBCXX_3.4.33\0GLIBCXX_TUNABLES\0CXXABI_1.3.15\0CXXABI_FLOAT128\0";
    fs::write(root.join("usr/lib/x86_64-linux-gnu/libstdc++.so.6.0.33"), stdcxx).unwrap();
    symlink("libstdc++.so.6.0.33", root.join("usr/lib/x86_64-linux-gnu/libstdc++.so.6")).unwrap();
    let json = world.run(&format!("platform --json --root {}", root.display())).succeeds().json();
    let expected = json!({
        "platform": "ubuntu-24-x86_64",
        "os": "ubuntu",
        "release": "24",
        "arch": "x86_64",
        "name": "Ubuntu 24.04 LTS",
        "like": ["debian"],
        "libc": { "kind": "glibc", "version": "2.39" },
        "system": { "GLIBC": "2.38", "GLIBCXX": "3.4.33", "CXXABI": "1.3.15" },
    });
    assert_eq!(json, expected);
}

#[test]
fn os_release_in_etc_wins_over_the_one_in_usr_lib() {
    let world = World::new();
    let root = root(&world, "ID=debian\nVERSION_ID=12\n", &x86_64());
    fs::write(root.join("etc/os-release"), "ID=fedora\nVERSION_ID=40\n").unwrap();
    world.run(&format!("platform --root {}", root.display())).prints("fedora-40-x86_64\n");
    fs::remove_file(root.join("etc/os-release")).unwrap();
    symlink("/usr/lib/os-release", root.join("etc/os-release")).unwrap();
    world.run(&format!("platform --root {}", root.display())).prints("debian-12-x86_64\n");
}

#[test]
fn debian_without_a_release_is_named_by_its_debian_version() {
    let world = World::new();
    let root = root(&world, "ID=debian\n", &x86_64());
    for (version, platform) in [("forky/sid\n", "debian-forky-x86_64\n"), ("sid\n", "debian-sid-x86_64\n")] {
        fs::write(root.join("etc/debian_version"), version).unwrap();
        world.run(&format!("platform --root {}", root.display())).prints(platform);
    }
}

#[test]
fn musl_is_told_by_its_loader() {
    let world = World::new();
    let root = root(&world, "ID=alpine\nVERSION_ID=3.19.1\n", &elf(2, 1, [183, 0]));
    fs::write(root.join("usr/lib/ld-musl-aarch64.so.1"), b"\x7fELF\x001.2.4\0musl libc (aarch64)\0").unwrap();
    let json = world.run(&format!("platform --json --root {}", root.display())).succeeds().json();
    assert_eq!(json["platform"], "alpine-3.19-aarch64");
    assert_eq!(json["libc"], json!({ "kind": "musl", "version": "1.2.4" }));
    assert_eq!(json["system"], json!({}));
}

#[test]
fn root_that_tells_nothing_is_an_error_in_words() {
    let world = World::new();
    world
        .run("platform --root nowhere")
        .fails(2, "error: `[WORLD]/checkout/nowhere` is not a folder\n next: name the root folder of a system\n");
    let expected = "error: there is no os-release below `[WORLD]/checkout`\n  why: neither `etc/os-release` nor \
        `usr/lib/os-release` is there\n next: see os-release(5); `ID` and `VERSION_ID` are what counts\n";
    world.run("platform --root .").fails(3, expected);
    let root = root(&world, "ID=debian\nVERSION_ID=12\n", b"#!/bin/bash\n");
    let run = world.run(&format!("platform --root {}", root.display())).exits(3);
    assert!(run.stderr.starts_with("error: no program or library below `[WORLD]/root` tells"), "{}", run.stderr);
}

#[test]
fn list_shows_what_the_machine_takes_in_order_and_why() {
    let world = World::new();
    let root = root(&world, "ID=ubuntu\nVERSION_ID=24.04\n", &x86_64());
    let platform = |id: &str, serves: &str| format!("[[platform]]\nid = \"{id}\"\nserves = [{serves}]\n\n");
    let start = "[project]\nname = \"demo\"\n\n".to_owned();
    let others = platform("almalinux-9-x86_64", "") + &platform("debian-12-x86_64", "\"ubuntu-24-x86_64\"");
    world.write("tagalong.toml", start.clone() + &others);
    let list = format!("platform --list --root {}", root.display());
    world.run(&list).prints(
        "ubuntu-24-x86_64: taken, this machine's own, but the project does not declare it\n\
         debian-12-x86_64: taken, the project says that it serves ubuntu-24-x86_64\n\
         almalinux-9-x86_64: not taken, nothing says that it serves ubuntu-24-x86_64\n",
    );
    world.write("tagalong.toml", start + &others + &platform("ubuntu-24-x86_64", ""));
    let json = world.run(&format!("{list} --json")).succeeds().json();
    let line = |id: &str, taken: bool, reason: &str| json!({ "platform": id, "taken": taken, "reason": reason });
    let expected = json!([
        line("ubuntu-24-x86_64", true, "own"),
        line("debian-12-x86_64", true, "serves"),
        line("almalinux-9-x86_64", false, "other"),
    ]);
    assert_eq!(json["platforms"], expected);
}

#[test]
fn list_needs_a_checkout_and_the_id_does_not() {
    let world = World::new();
    world.run_in(&world.channel(), &["platform"]).succeeds();
    world.run_in(&world.channel(), &["platform", "--list"]).exits(3);
}

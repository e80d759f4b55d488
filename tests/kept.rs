//! The change of a prefix to another tag: packages of both stay as they are, unless somebody touched them.

mod world;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use world::World;
use world::bundle::{Package, own};

fn zlib() -> Package {
    Package::new("zlib")
        .text("lib/pkgconfig/zlib.pc", "prefix=@PREFIX@\n")
        .binary("lib/libz.so.1", b"\x7fELF\0@PREFIX@/share\0\0tail")
        .link("lib/libz.so", "libz.so.1")
        .text("include/zlib.h", "// zlib\n")
}

/// Two tags, of which zlib is the same; the first is installed.
fn world() -> World {
    let world = World::with_key();
    world.published("deps-1", &[zlib(), Package::new("libpng").text("include/png.h", "// 1\n")]);
    world.write("extern-recipes/zlib/recipe.toml", "name = \"zlib\" # 2\n");
    world.published("deps-2", &[zlib(), Package::new("libpng").text("include/png.h", "// 2\n")]);
    world.run("install --tag deps-1").succeeds();
    world
}

fn path(world: &World, file: &str) -> PathBuf {
    world.checkout().join("extern/p").join(file)
}

fn id(path: &Path) -> (u64, i64) {
    let facts = fs::symlink_metadata(path).unwrap();
    (facts.ino(), facts.mtime_nsec())
}

/// Something that a user does to a file.
type Touch = fn(&Path);

const FILES: [&str; 3] = ["lib/pkgconfig/zlib.pc", "lib/libz.so.1", "include/zlib.h"];

#[test]
fn what_both_bundles_hold_stays_and_need_not_be_in_the_store() {
    let world = world();
    let before = FILES.map(|file| id(&path(&world, file)));
    let png = id(&path(&world, "include/png.h"));
    // zlib could not even be fetched.
    world.forget_cache();
    let manifest = fs::read(world.channel().join(format!("bundles/deps-2/{}.json", own()))).unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
    let packages = manifest["packages"].as_array().unwrap();
    let zlib = packages.iter().find(|package| package["name"] == "zlib").unwrap()["archive"].as_str().unwrap();
    fs::remove_file(world.channel().join(format!("packages/{}/{zlib}.tar.zst", &zlib[..2]))).unwrap();
    world.run("install --tag deps-2").succeeds();
    assert_eq!(FILES.map(|file| id(&path(&world, file))), before);
    assert_ne!(id(&path(&world, "include/png.h")), png);
    assert_eq!(world.read("extern/p/include/png.h"), "// 2\n");
    assert_eq!(fs::read_link(path(&world, "lib/libz.so")).unwrap(), Path::new("libz.so.1"));
    world.run("status --verify --check").succeeds();
    assert_eq!(fs::metadata(path(&world, "include/zlib.h")).unwrap().nlink(), 1);
    world.run("uninstall").succeeds();
    world.run("install --tag deps-2").exits(3);
}

#[test]
fn what_stays_stays_at_every_later_change() {
    let world = world();
    let before = FILES.map(|file| id(&path(&world, file)));
    for tag in ["deps-2", "deps-1", "deps-2"] {
        world.run(&format!("install --tag {tag}")).succeeds();
        assert_eq!(FILES.map(|file| id(&path(&world, file))), before, "{tag}");
    }
    world.run("status --verify --check").succeeds();
}

#[test]
fn what_was_touched_is_made_anew() {
    let touches: [(&str, Touch); 5] = [
        ("bytes", |file| {
            // The same size, and the time set back.
            let time = fs::metadata(file).unwrap().modified().unwrap();
            fs::write(file, "// zl1b\n").unwrap();
            fs::File::options().write(true).open(file).unwrap().set_modified(time).unwrap();
        }),
        ("mode", |file| fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap()),
        ("gone", |file| fs::remove_file(file).unwrap()),
        ("link", |file| {
            fs::rename(file, file.with_extension("away")).unwrap();
            std::os::unix::fs::symlink("zlib.away", file).unwrap();
        }),
        ("folder", |file| {
            fs::remove_file(file).unwrap();
            fs::create_dir(file).unwrap();
        }),
    ];
    for (what, touch) in touches {
        let world = world();
        let file = path(&world, "include/zlib.h");
        touch(&file);
        world.run("install --tag deps-2").succeeds();
        assert_eq!(fs::read_to_string(&file).unwrap(), "// zlib\n", "{what}");
        assert!(fs::symlink_metadata(&file).unwrap().is_file(), "{what}");
        let run = world.run("status --verify --check");
        assert_eq!(run.code, 0, "{what}: {}", run.stderr);
    }
}

#[test]
fn a_prefix_that_was_moved_and_one_that_is_forced_are_made_anew() {
    let world = world();
    let before = id(&path(&world, "include/zlib.h"));
    world.run("install --tag deps-2 --force").succeeds();
    assert_ne!(id(&path(&world, "include/zlib.h")), before);
    let before = id(&path(&world, "include/zlib.h"));
    fs::rename(path(&world, ""), world.checkout().join("extern/q")).unwrap();
    world.run("install --tag deps-1 --prefix extern/q").succeeds();
    let there = world.checkout().join("extern/q");
    assert_ne!(id(&there.join("include/zlib.h")), before);
    assert_eq!(
        fs::read_to_string(there.join("lib/pkgconfig/zlib.pc")).unwrap(),
        format!("prefix={}\n", there.display())
    );
}

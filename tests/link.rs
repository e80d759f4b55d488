//! Prefixes whose files are links to the store's: what is shared, what is not, and that an edited file does not go on.

mod world;

use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, SystemTime};

use world::bundle::{Package, own, zlib};
use world::{World, files_below};

fn png(version: &str) -> Package {
    (0..30).fold(Package::new("libpng").version(version).needs("zlib"), |package, n| {
        package.text(&format!("include/d{}/{n}.h", n % 4), &format!("// png {version}\n"))
    })
}

/// Something that a user does to a file.
type Edit = dyn Fn(&Path);

/// Two tags, of which one package is the same.
fn world() -> World {
    let world = World::with_key();
    world.published("deps-1", &[zlib(), png("1")]);
    world.write("extern-recipes/zlib/recipe.toml", "name = \"zlib\" # 2\n");
    world.published("deps-2", &[zlib(), png("2")]);
    world
}

const HARD: &str = "install --tag deps-1 --link hard";

/// The files of the store's unpacked packages.
fn unpacked(world: &World) -> Vec<PathBuf> {
    let trees = world.cache().join("trees");
    if trees.exists() { files_below(&trees) } else { Vec::new() }
}

fn the_unpacked(world: &World, name: &str) -> PathBuf {
    let found = unpacked(world).into_iter().find(|path| path.ends_with(name));
    found.unwrap_or_else(|| panic!("{name} is not unpacked"))
}

fn id(path: &Path) -> (u64, u64) {
    let facts = fs::symlink_metadata(path).unwrap();
    (facts.dev(), facts.ino())
}

fn append(path: &Path, text: &str) {
    fs::OpenOptions::new().append(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
}

/// The contents, modes and targets below a folder but for tagalong's own.
fn tree(folder: &Path) -> Vec<(PathBuf, u32, Vec<u8>)> {
    let own = folder.join(".tagalong");
    let files = files_below(folder).into_iter().filter(|path| !path.starts_with(&own));
    files
        .map(|path| {
            let facts = fs::symlink_metadata(&path).unwrap();
            (path.strip_prefix(folder).unwrap().to_owned(), facts.mode(), fs::read(&path).unwrap())
        })
        .collect()
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).unwrap().next().is_none()
}

#[test]
fn hard_links_are_the_files_of_the_store_but_for_those_that_hold_the_prefix() {
    let world = world();
    let prefix = world.checkout().join("extern/p");
    world.run("install --tag deps-1 --link copy").succeeds();
    assert!(unpacked(&world).is_empty(), "a copy needs no unpacked package");
    let copied = tree(&prefix);
    world.run("uninstall").succeeds();

    let said = world.run(HARD).succeeds().stderr;
    let words = "2 packages, 33 files, 3 relocated, 30 hard links to the store's\n";
    assert!(said.ends_with(&format!("installed deps-1 for {} in extern/p: {words}", own())), "{said}");
    assert_eq!(tree(&prefix), copied);
    for name in ["include/d0/0.h", "include/d1/29.h"] {
        assert_eq!(id(&prefix.join(name)), id(&the_unpacked(&world, name)), "{name}");
    }
    for name in ["lib/pkgconfig/zlib.pc", "lib/libz.so.1", "bin/zpipe"] {
        assert_ne!(id(&prefix.join(name)), id(&the_unpacked(&world, name)), "{name}");
        assert_eq!(fs::metadata(prefix.join(name)).unwrap().nlink(), 1, "{name}");
    }
    let output = world.command(prefix.join("bin/zpipe"), &world.root()).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), format!("zpipe of {}\n", prefix.display()));
    world.run("status --tag deps-1 --verify --check").succeeds();
    let again = world.run(&format!("{HARD} --json")).succeeds().json();
    assert_eq!((&again["outcome"], &again["link"]), (&"already".into(), &"hard".into()));
    assert_eq!(again["packages"][0]["linked"], 30);

    // Another prefix has the same files; the store's archives are not needed any more.
    fs::remove_dir_all(world.cache().join("packages")).unwrap();
    world.run(&format!("{HARD} --prefix other --offline")).succeeds();
    let other = world.checkout().join("other");
    assert_eq!(id(&other.join("include/d0/0.h")), id(&prefix.join("include/d0/0.h")));
    assert!(fs::read_to_string(other.join("bin/zpipe")).unwrap().contains(other.to_str().unwrap()));
    assert!(is_empty(&world.cache().join("tmp")));
}

#[test]
fn edited_hard_link_is_noticed_by_the_next_install_which_is_right() {
    let world = world();
    world.run(HARD).succeeds();
    let edited = world.checkout().join("extern/p/include/d1/5.h");
    let edits: [(&str, &Edit); 3] = [
        ("more bytes", &|path| append(path, "mine\n")),
        ("as many bytes", &|path| fs::write(path, "// PNG 1\n").unwrap()),
        ("another mode", &|path| fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap()),
    ];
    for (what, edit) in edits {
        world.run(&format!("{HARD} --force")).succeeds();
        edit(&edited);
        let run = world.run("cache verify --dry-run").exits(7);
        assert!(run.stdout.ends_with("  libpng 1, unpacked\n"), "{what}: {}", run.stdout);
        world.run("status --tag deps-1 --verify").exits(7);
        let said = world.run(&format!("{HARD} --prefix other --force")).succeeds().stderr;
        let told = "warning: the store's unpacked libpng was changed (`include/d1/5.h`) and is unpacked anew; a prefix \
                    that has hard links to it is changed too, which `tagalong status --verify` shows\n";
        assert!(said.contains(told), "{what}: {said}");
        assert_eq!(world.read("other/include/d1/5.h"), "// png 1\n", "{what}");
        assert_eq!(fs::metadata(world.checkout().join("other/include/d1/5.h")).unwrap().mode() & 0o777, 0o644);
        world.run("cache verify").succeeds();
        assert!(is_empty(&world.cache().join("tmp")), "{what}");
    }
}

#[test]
fn edit_that_hides_its_time_is_found_by_the_digest() {
    let world = world();
    world.run(HARD).succeeds();
    let edited = world.checkout().join("extern/p/include/d1/5.h");
    let time = fs::metadata(&edited).unwrap().modified().unwrap();
    fs::write(&edited, "// PNG 1\n").unwrap();
    fs::File::open(&edited).unwrap().set_modified(time).unwrap();
    let run = world.run("cache verify").exits(7);
    assert!(
        run.stderr.contains("packages and 2 unpacked trees") && run.stderr.ends_with("1 with other bytes taken out\n")
    );
    world.run("cache verify").succeeds();
    world.run(&format!("{HARD} --force")).succeeds();
    assert_eq!(fs::read_to_string(edited).unwrap(), "// png 1\n");
}

#[test]
fn damaged_record_or_manifest_of_an_unpacked_package_is_made_anew() {
    let world = world();
    for name in ["record.json", "package.json"] {
        world.run(&format!("{HARD} --force")).succeeds();
        let damaged = the_unpacked(&world, name);
        let bytes = fs::read(&damaged).unwrap();
        for place in [0, 1, bytes.len() / 3, bytes.len() / 2, bytes.len() - 2] {
            let mut flipped = fs::read(&damaged).unwrap();
            flipped[place] ^= 4;
            fs::write(&damaged, flipped).unwrap();
            world.run(&format!("{HARD} --force")).succeeds();
            world.run("cache verify").succeeds();
            world.run("status --tag deps-1 --verify --check").succeeds();
        }
        fs::remove_file(&damaged).unwrap();
        world.run(&format!("{HARD} --force")).succeeds();
        assert!(damaged.exists());
    }
}

#[test]
fn update_and_removal_of_a_linked_tree_leave_the_store_whole() {
    let world = world();
    for change in [
        HARD,
        "install --tag deps-2 --link hard",
        "install --tag deps-1",
        HARD,
        "install --tag deps-2 --link copy",
        "install --tag deps-1 --link hard",
        "uninstall --force",
    ] {
        world.run(change).succeeds();
        world.run("cache verify").succeeds();
    }
    assert_eq!(fs::metadata(the_unpacked(&world, "include/d0/0.h")).unwrap().nlink(), 1);
}

#[test]
fn links_that_cannot_be_made_are_refused_and_auto_does_without() {
    // tmpfs has no reflinks.
    let memory = tempfile::tempdir_in("/dev/shm").unwrap();
    let (cache, prefix) = (memory.path().join("cache"), memory.path().join("p"));
    let world = world();
    let is_one_disk = fs::metadata(world.root()).unwrap().dev() == fs::metadata(memory.path()).unwrap().dev();
    let world = world.with("TAGALONG_CACHE", cache.to_str().unwrap());
    let install = |link: &str, prefix: &Path| {
        world.run_with(&["install", "--tag", "deps-1", "--link", link, "--json", "--prefix", prefix.to_str().unwrap()])
    };
    let staging = format!("{}/.p.tagalong-staging-", memory.path().display());
    let run = install("reflink", &prefix).exits(2);
    let said = format!(
        "error: the files of the prefix cannot be reflinks to those of the store in `{}`\n  why: the file system cannot \
         share blocks between files: Operation not supported (os error 95)\n next: leave `--link` out: each file is \
         written anew then; or `--link hard`, where nobody edits installed files\n",
        cache.display()
    );
    assert!(run.stderr.ends_with(&said), "{}", run.stderr);
    assert!(!prefix.exists() && !run.stderr.contains(&staging));
    assert_eq!(fs::read_dir(memory.path()).unwrap().count(), 1, "only the store is left");

    assert_eq!(install("auto", &prefix).succeeds().json()["link"], "copy");
    let disk = world.checkout().join("extern/p");
    if !is_one_disk {
        let run = install("hard", &disk).exits(2);
        assert!(run.stderr.contains("is on another file system\n"), "{}", run.stderr);
        assert!(!disk.exists());
    }
    assert_eq!(install("auto", &disk).succeeds().json()["outcome"], "installed");
    fs::remove_dir_all(&prefix).unwrap();
    assert_eq!(install("hard", &prefix).succeeds().json()["link"], "hard");
    assert_eq!(fs::metadata(prefix.join("include/d0/0.h")).unwrap().nlink(), 2);
    let run = install("symbolic", &prefix).exits(2);
    assert!(run.stderr.contains("it is one of auto, hard, reflink, copy"), "{}", run.stderr);
}

#[test]
fn failed_or_killed_install_leaves_no_half_made_tree() {
    let world = World::with_key();
    let large = (0..600).fold(Package::new("zlib"), |package, n| {
        package.text(&format!("share/{}/{n}", n % 7), &format!("{n}\n").repeat(300))
    });
    world.published("deps-1", &[large]);
    // No tree can come into its place.
    fs::write(world.cache().join("trees"), "").unwrap();
    world.run(HARD).exits(1);
    assert!(is_empty(&world.cache().join("tmp")));
    fs::remove_file(world.cache().join("trees")).unwrap();

    let mut killed = 0;
    for round in 0..25 {
        let mut command = world.tagalong(world.checkout());
        let arguments = HARD.split(' ').chain(["--force"]);
        let mut child = command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        thread::sleep(Duration::from_millis(10 + round * 6));
        killed += u32::from(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
        world.run("cache verify").succeeds();
        if round % 5 == 4 {
            world.run(&format!("{HARD} --force")).succeeds();
            world.run("status --tag deps-1 --verify --check").succeeds();
            fs::remove_dir_all(world.cache().join("trees")).unwrap();
        }
    }
    assert!(killed > 5, "{killed} runs were killed");
    world.run(&format!("{HARD} --force")).succeeds();
    let left: Vec<PathBuf> = fs::read_dir(world.cache().join("tmp")).unwrap().map(|one| one.unwrap().path()).collect();
    let is_tree = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with("tree-");
    assert!(!left.iter().any(is_tree), "{left:?}");
    assert_eq!(fs::read_dir(world.checkout().join("extern")).unwrap().count(), 1);
}

#[test]
fn installs_at_once_unpack_each_package_once() {
    let world = world();
    let mut running: Vec<_> = (0..8)
        .map(|n| {
            let prefix = format!("p{n}");
            let mut command = world.tagalong(world.checkout());
            command.args(HARD.split(' ')).args(["--prefix", &prefix]).stderr(Stdio::null()).spawn().unwrap()
        })
        .collect();
    assert!(running.iter_mut().all(|child| child.wait().unwrap().success()));
    assert_eq!(fs::metadata(the_unpacked(&world, "include/d0/0.h")).unwrap().nlink(), 9);
    assert!(is_empty(&world.cache().join("tmp")));
    assert!((0..8).all(|n| tree(&world.checkout().join(format!("p{n}"))).len() == 34));
}

#[test]
fn unpacked_packages_are_listed_and_collected() {
    let world = world();
    world.run(HARD).succeeds();
    let listed = world.run("cache list").succeeds();
    let names: Vec<&str> = listed.stdout.lines().map(|line| line.rsplit("UTC  ").next().unwrap()).collect();
    assert_eq!(names, ["libpng 1", "libpng 1, unpacked", "libpng 2", "zlib 1.0", "zlib 1.0, unpacked"]);
    assert!(listed.stderr.starts_with("3 packages and 2 unpacked trees in "), "{}", listed.stderr);
    let listed = world.run("cache list --json").succeeds().json();
    assert_eq!((&listed[1]["form"], &listed[1]["size"]), (&"unpacked".into(), &(30 * 9).into()));

    let old = SystemTime::now() - Duration::from_secs(40 * 86_400);
    let records: Vec<PathBuf> = unpacked(&world).into_iter().filter(|path| path.ends_with("record.json")).collect();
    records.iter().for_each(|path| fs::File::open(path).unwrap().set_modified(old).unwrap());
    let half = world.cache().join("tmp/tree-of-a-killed-run");
    fs::create_dir_all(half.join("files")).unwrap();
    fs::write(half.join("files/half"), "12345").unwrap();
    fs::File::open(&half).unwrap().set_modified(old).unwrap();
    let run = world.run("cache gc").succeeds();
    assert!(run.stderr.starts_with("took out 0 packages, 2 unpacked trees and 1 unfinished files, "), "{}", run.stderr);
    assert!(!half.exists() && unpacked(&world).is_empty());
    world.run("status --tag deps-1 --verify --check").succeeds();
    world.run(&format!("{HARD} --force")).succeeds();
}

/// A file system that shares blocks, until it is dropped.
struct Disk(PathBuf);

impl Disk {
    /// `None` where this process may not mount, or there is no mkfs.xfs(8).
    fn of(world: &World) -> Option<Disk> {
        let (image, folder) = (world.root().join("image"), world.root().join("disk"));
        fs::create_dir(&folder).unwrap();
        // The smallest that mkfs.xfs makes; it takes a tenth of that.
        fs::File::create(&image).unwrap().set_len(300 << 20).unwrap();
        let run = |program: &str, arguments: &[&str]| {
            let mut command = world.command(program, &world.root());
            command.args(arguments).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
        };
        let is_there =
            run("mkfs.xfs", &["-q", "-m", "reflink=1", "image"]) && run("mount", &["-o", "loop", "image", "disk"]);
        is_there.then_some(Disk(folder))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        std::process::Command::new("umount").arg(&self.0).status().unwrap();
    }
}

#[test]
fn blocks_are_shared_where_the_file_system_can_and_an_edit_stays_in_its_prefix() {
    let world = world();
    let cache = world.root().join("disk/cache");
    let world = world.with("TAGALONG_CACHE", cache.to_str().unwrap());
    // After the world: it is dropped before.
    let Some(disk) = Disk::of(&world) else {
        eprintln!("not tested: this process may not mount, or there is no mkfs.xfs");
        return;
    };
    let (shared, copied) = (disk.0.join("shared"), disk.0.join("copied"));
    let install = |link: &str, prefix: &Path| {
        world.run_with(&["install", "--tag", "deps-1", "--link", link, "--json", "--prefix", prefix.to_str().unwrap()])
    };
    let told = install("auto", &shared).succeeds().json();
    let counts: Vec<_> = told["packages"].as_array().unwrap().iter().map(|one| &one["linked"]).cloned().collect();
    // Of zlib two files are text with the prefix, whose length changes.
    assert_eq!((&told["link"], counts), (&"reflink".into(), vec![30.into(), 1.into()]));
    install("copy", &copied).succeeds();
    // Paths of one length.
    let (here, there) = (shared.to_str().unwrap(), copied.to_str().unwrap());
    for ((path, mode, bytes), other) in tree(&shared).into_iter().zip(tree(&copied)) {
        let moved = String::from_utf8(bytes).unwrap().replace(here, there).into_bytes();
        assert_eq!((path, mode, moved), other);
    }
    append(&shared.join("include/d1/5.h"), "mine\n");
    world.run("cache verify").succeeds();
    install("reflink", &disk.0.join("third")).succeeds();
    assert_eq!(fs::read_to_string(disk.0.join("third/include/d1/5.h")).unwrap(), "// png 1\n");
}

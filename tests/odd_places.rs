//! Disks, names and trees that are out of the ordinary: full, limited, read-only, without case; long, deep, many, large.
//!
//! Some need a file system of their own, and are passed over where this process may not mount one.

mod whole;
mod world;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use whole::{left_beside, rounds, tree};
use world::World;
use world::bundle::Package;

/// A file system that is mounted for one test, in `<world>/disk`.
struct Disk(PathBuf);

impl Disk {
    /// Runs a script in the world's folder that mounts at `disk`; `None` where that cannot be done.
    fn mounted(world: &World, script: &str) -> Option<Disk> {
        let folder = world.root().join("disk");
        fs::create_dir_all(&folder).unwrap();
        let output = Command::new("sh").args(["-ec", script]).current_dir(world.root()).output().unwrap();
        let disk = Disk(folder);
        if !output.status.success() {
            eprintln!("not tested: {script}: {}", String::from_utf8_lossy(&output.stderr));
            return None;
        }
        Some(disk)
    }

    fn run(&self, script: &str) {
        assert!(Command::new("sh").args(["-ec", script]).current_dir(&self.0).status().unwrap().success(), "{script}");
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // It may not have been mounted.
        Command::new("umount").arg(&self.0).stderr(Stdio::null()).status().unwrap();
    }
}

fn small() -> Package {
    Package::new("zlib").text("share/zlib", "1 of @PREFIX@\n").program("bin/z", "echo z")
}

/// 4 MB that do not compress to nothing, in several files.
fn large() -> Package {
    let mut random = world::random::Random::new(1);
    (0..4).fold(Package::new("zlib").version("2"), |package, number| {
        let bytes: Vec<u8> = (0..128 << 10).flat_map(|_| random.number().to_le_bytes()).collect();
        package.binary(&format!("lib/{number}"), &bytes)
    })
}

/// Two tags: one that needs little room, and one that needs 4 MB.
fn small_and_large() -> World {
    let world = World::with_key();
    world.published("deps-1", &[small()]);
    world.write("extern-recipes/zlib/recipe.toml", "name = \"zlib\" # 2\n");
    world.published("deps-2", &[large()]);
    world
}

fn run(world: &World, arguments: &[impl AsRef<OsStr>]) -> Output {
    world.tagalong(world.checkout()).args(arguments).output().unwrap()
}

/// An update for which there is no room fails with this reason and leaves the old bundle, as does one into a store without
/// room; with room the next one works.
fn judge_no_room(world: &World, disk: &Disk, reason: &str, more: &str) {
    let prefix = disk.path("s/p");
    world.run_with(&["install", "--tag", "deps-1", "--prefix", &prefix]).succeeds();
    let before = tree(Path::new(&prefix)).unwrap();
    let install = ["install", "--tag", "deps-2", "--prefix", &prefix];
    let refused = world.run_with(&install).exits(1);
    assert!(refused.stderr.contains(reason), "{}", refused.stderr);
    assert_eq!((tree(Path::new(&prefix)).unwrap(), left_beside(Path::new(&prefix))), (before.clone(), vec![]));

    let cache = disk.path("s/cache");
    let mut command = world.tagalong(world.checkout());
    let output = command.env("TAGALONG_CACHE", &cache).args(["install", "--tag", "deps-2"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(1) && said.contains(reason), "{said}");
    assert!(!world.checkout().join("extern/p").exists());
    assert_eq!(world::files_below(Path::new(&cache)), Vec::<PathBuf>::new(), "nothing half done takes the room");

    disk.run(more);
    world.run_with(&install).succeeds();
    world.run_with(&["status", "--tag", "deps-2", "--verify", "--prefix", &prefix]).succeeds();
}

#[test]
fn a_full_disk_is_told_and_the_bundle_stays() {
    let world = small_and_large();
    let Some(disk) = Disk::mounted(&world, "mount -t tmpfs -o size=1m none disk && mkdir disk/s") else { return };
    judge_no_room(&world, &disk, "No space left on device", "mount -o remount,size=40m .");
}

#[test]
fn a_quota_is_told_and_the_bundle_stays() {
    let world = small_and_large();
    let script = "truncate -s 300M image && mkfs.btrfs -q image && mount -o loop image disk && btrfs quota enable disk \
                  && btrfs -q subvolume create disk/s && btrfs qgroup limit 2M disk/s";
    let Some(disk) = Disk::mounted(&world, script) else { return };
    judge_no_room(&world, &disk, "Disk quota exceeded", "btrfs qgroup limit 100M s");
}

#[test]
fn files_that_differ_by_case_alone_are_refused_where_the_disk_takes_them_for_one() {
    let world = World::with_key();
    world.published("deps-1", &[small().text("include/Name.h", "1\n")]);
    world.write("extern-recipes/zlib/recipe.toml", "name = \"zlib\" # 2\n");
    world.published("deps-2", &[small().text("include/Name.h", "1\n").text("include/name.h", "2\n")]);
    world.write("extern-recipes/zlib/recipe.toml", "name = \"zlib\" # 3\n");
    world.published("deps-3", &[small().version("3").text("include/Name.h", "3\n")]);
    let script = "truncate -s 64M image && mkfs.ntfs -q -F image >/dev/null 2>&1 \
                  && lowntfs-3g -o ignore_case,permissions image disk 2>/dev/null && touch disk/A && rm disk/a";
    let Some(disk) = Disk::mounted(&world, script) else { return };
    let prefix = disk.path("p");
    let install = |tag: &str| world.run_with(&["install", "--tag", tag, "--prefix", &prefix]);
    install("deps-1").succeeds();
    let before = tree(Path::new(&prefix)).unwrap();
    let refused = install("deps-2").exits(7);
    assert!(refused.stderr.contains("`include/name.h`") && refused.stderr.contains("case"), "{}", refused.stderr);
    assert_eq!(tree(Path::new(&prefix)).unwrap(), before);
    install("deps-3").succeeds();
    assert_eq!(fs::read_to_string(disk.0.join("p/include/Name.h")).unwrap(), "3\n");
    world.run_with(&["status", "--tag", "deps-3", "--verify", "--prefix", &prefix]).succeeds();
    assert_eq!(left_beside(Path::new(&prefix)), Vec::<String>::new());
    // This file system lists all names in small letters, so that `Name.h` is there and `name.h` is a stranger.
    world.run_with(&["uninstall", "--force", "--prefix", &prefix]).succeeds();
    assert!(!Path::new(&prefix).exists());
}

#[test]
fn a_disk_that_is_read_only_is_told_and_nothing_is_changed() {
    let world = small_and_large();
    let Some(disk) = Disk::mounted(&world, "mount -t tmpfs none disk") else { return };
    let prefix = disk.path("p");
    world.run_with(&["install", "--tag", "deps-1", "--prefix", &prefix]).succeeds();
    disk.run("mount -o remount,ro .");
    for arguments in [&["install", "--tag", "deps-2", "--prefix", &prefix][..], &["uninstall", "--prefix", &prefix]] {
        let refused = world.run_with(arguments).exits(1);
        assert!(refused.stderr.contains("Read-only file system"), "{}", refused.stderr);
    }
    world.run_with(&["status", "--tag", "deps-1", "--verify", "--prefix", &prefix]).succeeds();
    world.run_with(&["install", "--tag", "deps-1", "--prefix", &prefix]).succeeds();
}

#[test]
fn a_file_where_a_folder_should_be_is_told_and_stays() {
    let world = small_and_large();
    fs::write(world.checkout().join("extern"), "mine").unwrap();
    let refused = world.run("install --tag deps-1");
    assert!(refused.code != 0 && refused.stderr.contains("[WORLD]/checkout/extern"), "{}", refused.stderr);
    assert_eq!(world.read("extern"), "mine");
}

#[test]
fn a_prefix_may_have_bytes_that_are_no_text_but_no_line_break() {
    let world = World::with_key();
    world.published("deps-1", &[Package::new("zlib").text("share/zlib", "1 of @PREFIX@\n")]);
    world.write("extern-recipes/zlib/recipe.toml", "name = \"zlib\" # 2\n");
    world.published("deps-2", &[Package::new("zlib").text("share/zlib", "2 of @PREFIX@\n")]);
    let broken = world.root().join("two\nlines/p");
    let output = run(&world, &[OsStr::new("install"), OsStr::new("--prefix"), broken.as_os_str()]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(2) && said.contains("line break"), "{said}");
    assert!(!world.root().join("two\nlines").exists());

    let odd = world.root().join(OsStr::from_bytes(b"caf\xe9 \xff/p"));
    for (verb, tag) in [("install", "deps-1"), ("install", "deps-2"), ("install", "deps-2"), ("status", "deps-2")] {
        let arguments = [verb, "--tag", tag, "--prefix"].map(OsStr::new);
        let output = run(&world, &[&arguments[..], &[odd.as_os_str()]].concat());
        assert!(output.status.success(), "{verb}: {}", String::from_utf8_lossy(&output.stderr));
    }
    let expected = [b"2 of ", odd.as_os_str().as_bytes(), b"\n"].concat();
    assert_eq!(fs::read(odd.join("share/zlib")).unwrap(), expected);
    assert_eq!(left_beside(&odd), Vec::<String>::new());
    let output = run(&world, &[OsStr::new("uninstall"), OsStr::new("--prefix"), odd.as_os_str()]);
    assert!(output.status.success() && !odd.exists(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn names_of_255_bytes_and_paths_of_100_names_and_3000_bytes_are_installed() {
    let world = World::with_key();
    let name = "n".repeat(255);
    let deep = format!("{}/f", vec!["d"; 99].join("/"));
    let long = format!("{}/f", vec!["l".repeat(249); 11].join("/"));
    let package = |version: &str| {
        let text = format!("{version} of @PREFIX@\n");
        Package::new("zlib").version(version).text(&name, &text).text(&deep, &text).text(&long, &text)
    };
    world.published("deps-1", &[package("1")]);
    world.write("extern-recipes/zlib/recipe.toml", "name = \"zlib\" # 2\n");
    world.published("deps-2", &[package("2")]);
    for link in ["copy", "hard"] {
        for tag in ["deps-1", "deps-2"] {
            world.run(&format!("install --tag {tag} --link {link}")).succeeds();
            world.run(&format!("status --tag {tag} --verify --check")).succeeds();
        }
        let expected = format!("2 of {}\n", world.checkout().join("extern/p").display());
        for path in [&name, &deep, &long] {
            assert_eq!(world.read(&format!("extern/p/{path}")), expected);
        }
        world.run("uninstall").succeeds();
    }
}

/// The largest resident set of a run, in bytes.
fn peak(world: &World, arguments: &[&str]) -> u64 {
    let mut command = world.command("time", world.checkout());
    let output = command.args(["-f", "%M", env!("CARGO_BIN_EXE_tagalong")]).args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    said.lines().last().unwrap().parse::<u64>().unwrap() * 1024
}

#[test]
fn many_small_files_take_little_memory() {
    let world = World::with_key();
    // A million in the long form, in packages of 200,000.
    let packages: Vec<Package> = (0..rounds(1, 5))
        .map(|number| {
            (0..200_000).fold(Package::new(&format!("p{number}")), |package, file| {
                package.text(&format!("include/p{number}/d{}/f{file}.h", file % 997), "1\n")
            })
        })
        .collect();
    world.published("deps-1", &packages);
    world.forget_cache();
    for arguments in [&["install"][..], &["status", "--verify", "--check"]] {
        let peak = peak(&world, arguments);
        println!("{arguments:?}: {} MB", peak / 1_000_000);
        // Four packages are unpacked at once, each with its manifest in memory.
        let most = if packages.len() == 1 { 150_000_000 } else { 300_000_000 };
        assert!(peak < most, "{arguments:?}: {peak} bytes");
    }
    assert_eq!(fs::read_dir(world.checkout().join("extern/p/include/p0")).unwrap().count(), 997);
    world.run("uninstall").succeeds();
}

#[test]
#[ignore = "writes 9 GB: `scripts/torture`"]
fn a_file_of_more_than_4_gb_is_installed() {
    let world = World::with_key();
    fs::remove_dir_all(world.checkout().join("extern-recipes/zlib")).unwrap();
    // Beyond 32 bits, with the prefix at both ends.
    let script = "mkdir -p {prefix}/share\nprintf '{prefix}/a\\0' > {prefix}/share/large\n\
                  truncate -s 4500000000 {prefix}/share/large\nprintf '{prefix}/b\\0' >> {prefix}/share/large";
    world.script_recipe("large", script);
    world.commit().tag("deps-1");
    world.run("build").succeeds();
    world.run("publish").succeeds();
    let peak = peak(&world, &["install"]);
    assert!(peak < 150_000_000, "{peak} bytes");
    let file = world.checkout().join("extern/p/share/large");
    assert_eq!(fs::metadata(&file).unwrap().len(), 4_500_000_000 + 160 + 3);
    world.run("status --verify --check").succeeds();
    let tail = Command::new("tail").args(["-c", "200"]).arg(&file).output().unwrap().stdout;
    let end = format!("{}/b\0", world.checkout().join("extern/p").display());
    assert!(tail.ends_with(end.as_bytes()), "{}", String::from_utf8_lossy(&tail));
}

/// Programs of a bundle run on while it is replaced; gives how they ended.
fn replaced_under_a_program(world: &World, folder: &Path, links: &[&str]) {
    for link in links {
        let install = |tag: &str| world.run_in(folder, &["install", "--tag", tag, "--link", link]).succeeds();
        install("deps-1");
        // One waits in its own program, the other reads its script on as it goes.
        let own = folder.join("extern/p/bin");
        let mut waiting = Command::new(own.join("cat")).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut script = Command::new(own.join("script")).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        install("deps-2");
        assert_eq!(waiting.try_wait().unwrap(), None, "{link}");
        assert_eq!(script.try_wait().unwrap(), None, "{link}");
        for child in [&mut waiting, &mut script] {
            std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"still here\n").unwrap();
        }
        let said = |child: std::process::Child| {
            let output = child.wait_with_output().unwrap();
            (output.status.code(), String::from_utf8(output.stdout).unwrap())
        };
        assert_eq!(said(waiting), (Some(0), "still here\n".to_owned()), "{link}");
        assert_eq!(said(script), (Some(0), "script 1: still here\n".to_owned()), "{link}");
        let new = Command::new(own.join("script")).stdin(Stdio::null()).output().unwrap();
        assert_eq!(String::from_utf8(new.stdout).unwrap(), "script 2: \n", "{link}");
        world.run_in(folder, &["status", "--tag", "deps-2", "--verify", "--check"]).succeeds();
        assert_eq!(left_beside(&folder.join("extern/p")), Vec::<String>::new(), "{link}");
    }
}

fn programs(version: &str) -> Package {
    let cat = fs::read("/bin/cat").unwrap();
    let script = format!("read line\n{}echo \"script {version}: $line\"", "# much to read on\n".repeat(10_000));
    Package::new("zlib").version(version).binary("bin/cat", &cat).program("bin/script", &script)
}

#[test]
fn a_program_of_the_old_bundle_runs_on_during_an_update() {
    let world = World::with_key();
    world.published("deps-1", &[programs("1")]);
    world.write("extern-recipes/zlib/recipe.toml", "name = \"zlib\" # 2\n");
    world.published("deps-2", &[programs("2")]);
    replaced_under_a_program(&world, world.checkout(), &["copy", "hard"]);
}

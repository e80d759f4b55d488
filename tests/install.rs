//! Installing from a folder channel: what is installed, and that a prefix is never a mix.

mod install_tools;
mod world;

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use install_tools::{listing, png};
use tagalong::lock::Lock;
use tagalong::model::bundle::BundleManifest;
use tagalong::model::platform::{Floor, Platform};
use tagalong::model::tag::DepsTag;
use world::World;
use world::bundle::{Package, own, zlib};

#[test]
fn bundle_is_installed_with_its_prefix_in_place_and_its_programs_run() {
    let world = World::with_key();
    world.published("deps-1", &[zlib(), png()]).forget_cache();
    let before = listing(&world.channel());
    let said = format!("installed deps-1 for {} in extern/p: 2 packages, 4 files, 3 relocated\n", own());
    assert_eq!(world.run("install").prints("").stderr, said);
    assert_eq!(listing(&world.channel()), before, "an install writes nothing to the channel");

    let prefix = world.checkout().join("extern/p");
    let here = prefix.to_str().unwrap();
    assert_eq!(world.read("extern/p/lib/pkgconfig/zlib.pc"), format!("prefix={here}\nlibdir={here}/lib\n"));
    let binary = fs::read(prefix.join("lib/libz.so.1")).unwrap();
    let padded = format!("{}{here}", "/".repeat(160 - here.len()));
    assert_eq!(binary, format!("\x7fELF\0{padded}/share\0\0{padded}\0tail").as_bytes());
    assert_eq!(fs::read_link(prefix.join("lib/libz.so")).unwrap(), Path::new("libz.so.1"));
    let output = world.command(prefix.join("bin/zpipe"), &world.root()).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), format!("zpipe of {here}\n"));
    assert_eq!(fs::read_dir(world.checkout().join("extern")).unwrap().count(), 1, "nothing is left beside the prefix");
}

#[test]
fn installed_bundle_needs_neither_channel_nor_network_nor_store() {
    let world = World::with_key();
    world.published("deps-1", &[zlib()]);
    world.run("install").succeeds();
    world.forget_cache();
    fs::remove_dir_all(world.channel()).unwrap();
    let before = listing(&world.checkout().join("extern"));
    let said = format!("already installed: deps-1 for {} in extern/p\n", own());
    assert_eq!(world.run("install").prints("").stderr, said);
    // A port that nobody listens on, so that asking would fail.
    world.write_project("http://127.0.0.1:1/deps", "");
    assert_eq!(world.run("install").succeeds().stderr, said);
    assert!(!world.cache().exists(), "not even a cache is made");
    assert_eq!(listing(&world.checkout().join("extern")), before);
}

#[test]
fn offline_a_disk_that_is_not_mounted_is_no_error_for_what_was_seen_before() {
    let world = World::with_key();
    world.published("deps-1", &[zlib()]);
    world.run("install").succeeds();
    fs::rename(world.channel(), world.root().join("unmounted")).unwrap();
    world.run("install --prefix other").exits(3);
    world.run("install --prefix other --offline").succeeds();
    assert!(world.checkout().join("other/lib/libz.so.1").exists());
    world.forget_cache();
    let run = world.run("install --prefix another --offline").exits(3);
    assert!(run.stderr.contains("offline"), "{}", run.stderr);
}

#[test]
fn another_tag_replaces_the_bundle_as_a_whole() {
    let world = World::with_key();
    world.published("deps-1", &[zlib()]);
    world.write("extern-recipes/zlib/recipe.toml", "name = \"zlib\" # changed\n");
    world.published("deps-2", &[Package::new("zlib").version("2").text("share/new", "new\n")]);
    world.run("install").succeeds();
    assert!(world.checkout().join("extern/p/share/new").exists() && !world.checkout().join("extern/p/lib").exists());
    let run = world.run("install --tag deps-1").succeeds();
    assert_eq!(
        run.stderr,
        format!(
            "note: `deps-1` is in force, by --tag, not by the history\n\
             warning: the recipes differ from those of deps-1: zlib\n\
             installed deps-1 for {} in extern/p: 1 package, 3 files, 3 relocated\n",
            own()
        )
    );
    assert!(!world.checkout().join("extern/p/share/new").exists());
    world.with("FORCED_DEPS_TAG", "deps-2").run("install").succeeds();
}

#[test]
fn missing_bundle_is_told_with_the_platforms_that_there_are_and_the_tag_before() {
    let world = World::with_key();
    world.published("deps-1", &[zlib()]).commit().tag("deps-2");
    let run = world.run("install");
    run.fails(
        3,
        &format!(
            "error: bundle deps-2 for {} is not on channel `main`\n  why: the channel has it for no platform\n \
             next: `tagalong build` makes it here; `tagalong install --tag deps-1` takes the one before it\n",
            own()
        ),
    );
    for id in ["almalinux-9-x86_64", "debian-11-x86_64"] {
        let path = world.channel().join(format!("bundles/deps-2/{id}.json"));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "{}").unwrap();
    }
    let run = world.run("install").exits(3);
    let why = "  why: the channel has it for almalinux-9-x86_64 and debian-11-x86_64\n";
    assert!(run.stderr.contains(why), "{}", run.stderr);
    let unknown = world.run("install --tag deps-mr-7").exits(3).stderr;
    assert_eq!(
        unknown,
        format!(
            "note: `deps-mr-7` is in force, by --tag, not by the history\n\
             error: bundle deps-mr-7 for {} is not on channel `main`\n  \
             why: it is no tag of this repository, and no candidate of that name is there\n       \
             the channel has it for no platform\n \
             next: name a tag, or a candidate that was published: `tagalong publish --candidate NAME`\n",
            own()
        )
    );
}

#[test]
fn candidate_is_taken_by_name_told_as_one_and_renewed() {
    let world = World::with_key();
    world.commit();
    world.built(&[zlib()]);
    world.run("publish --candidate deps-mr-7").succeeds();
    let run = world.run("install --tag deps-mr-7").succeeds();
    let note = "note: deps-mr-7 is no tag of this repository, but a candidate on channel `main`, which may change\n";
    assert!(run.stderr.contains(note), "{}", run.stderr);
    assert!(world.run("install --tag deps-mr-7").succeeds().stderr.contains("already installed"));
    world.built(&[zlib().version("2")]);
    world.run("publish --candidate deps-mr-7").succeeds();
    let offline = world.run("install --tag deps-mr-7 --offline").succeeds().stderr;
    assert!(offline.contains("already installed: deps-mr-7"), "{offline}");
    assert!(world.run("install --tag deps-mr-7").succeeds().stderr.contains("\ninstalled deps-mr-7"));
    let json = world.run("install --tag deps-mr-7 --json").succeeds().json();
    assert_eq!((&json["outcome"], &json["candidate"]), (&"already".into(), &true.into()));
    assert_eq!(json["packages"][0]["version"], "2");
}

#[test]
fn one_install_waits_for_the_other_and_says_for_whom() {
    let world = World::with_key();
    world.published("deps-1", &[zlib()]);
    fs::create_dir_all(world.checkout().join("extern")).unwrap();
    let lock = Lock::take(&world.checkout().join("extern/.p.tagalong-lock"), "it", &|_| ()).unwrap();
    let mut waiting = world.tagalong(world.checkout()).arg("install").stderr(Stdio::piped()).spawn().unwrap();
    thread::sleep(Duration::from_millis(400));
    assert!(waiting.try_wait().unwrap().is_none(), "it waits");
    drop(lock);
    let output = waiting.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).replace(world.root().to_str().unwrap(), "[WORLD]");
    let line = format!(
        "waiting for the prefix [WORLD]/checkout/extern/p, which process {} on {} holds\n",
        std::process::id(),
        rustix::system::uname().nodename().to_string_lossy()
    );
    assert!(said.starts_with(&line), "{said}");
    assert!(output.status.success());
}

#[test]
fn eight_installs_at_once_make_one_install() {
    let world = World::with_key();
    let many = (0..200).fold(zlib(), |package, n| package.text(&format!("share/{n}"), "@PREFIX@\n"));
    world.published("deps-1", &[many]).forget_cache();
    let start = || world.tagalong(world.checkout()).arg("install").stderr(Stdio::piped()).spawn().unwrap();
    let running: Vec<_> = (0..8).map(|_| start()).collect();
    let said: Vec<String> = running
        .into_iter()
        .map(|child| {
            let output = child.wait_with_output().unwrap();
            let said = String::from_utf8(output.stderr).unwrap();
            assert!(output.status.success(), "{said}");
            said.lines().last().unwrap().to_owned()
        })
        .collect();
    assert_eq!(said.iter().filter(|line| line.starts_with("installed ")).count(), 1, "{said:#?}");
    assert_eq!(said.iter().filter(|line| line.starts_with("already installed: ")).count(), 7, "{said:#?}");
    world.run("status --verify --check").succeeds();
}

#[test]
fn install_that_is_killed_leaves_the_old_bundle_or_the_new_one() {
    let world = World::with_key();
    let many = |word: &str| {
        (0..300).fold(Package::new("zlib").version(word), |package, n| {
            package.text(&format!("share/{word}/{n}"), &format!("{word} @PREFIX@\n").repeat(50))
        })
    };
    world.published("deps-1", &[many("one")]);
    world.write("extern-recipes/zlib/recipe.toml", "name = \"zlib\" # changed\n");
    world.published("deps-2", &[many("two")]);
    world.run("install --tag deps-1").succeeds();
    let begin = Instant::now();
    world.run("install --tag deps-2").succeeds();
    let whole = begin.elapsed();
    let (mut killed, mut tag) = (0, "deps-1");
    for part in 0..16 {
        let mut child =
            world.tagalong(world.checkout()).args(["install", "--tag", tag]).stderr(Stdio::null()).spawn().unwrap();
        thread::sleep(whole * part / 15);
        killed += u32::from(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
        let status = world.run("status --verify --json").succeeds().json();
        let now = status["installed"]["tag"].as_str().expect("something is installed");
        tag = if now == "deps-1" { "deps-2" } else { "deps-1" };
    }
    assert!(killed > 2, "{killed} runs were killed");
    world.run("install --tag deps-2").succeeds();
    let left: Vec<_> = fs::read_dir(world.checkout().join("extern")).unwrap().collect();
    assert_eq!(left.len(), 1, "the next run removes what was left: {left:?}");
}

#[test]
fn stacks_bring_what_they_need_and_nothing_else() {
    let world = World::with_key();
    let gui = Package::new("qt").stack("gui").needs("libpng").text("share/qt", "");
    let base = Package::new("hdf5").stack("base").text("share/hdf5", "");
    world.published("deps-1", &[zlib(), png(), gui, base]);
    let json = world.run("install --stack gui --json").succeeds().json();
    let names: Vec<&str> =
        json["packages"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["libpng", "qt", "zlib"]);
    world.run("install --stack office").fails(
        3,
        "error: the bundle has no stack `office`\n  why: it has base and gui\n \
         next: name one of its stacks with `--stack`, or none for all packages\n",
    );
    assert!(world.run("install --stack gui --stack gui").succeeds().stderr.contains("already installed"));
    assert!(world.run("install").succeeds().stderr.contains("4 packages"));
}

#[test]
fn dry_run_tells_and_writes_nothing() {
    let world = World::with_key();
    world.published("deps-1", &[zlib()]);
    let (channel, cache) = (listing(&world.channel()), listing(&world.cache()));
    let run = world.run("install --dry-run").prints("");
    assert_eq!(
        run.stderr,
        format!(
            "zlib 1.0: from the store\n\
             would install deps-1 for {} from channel `main` in extern/p: 1 package, 0 bytes to fetch\n",
            own()
        )
    );
    assert_eq!((listing(&world.channel()), listing(&world.cache())), (channel, cache));
    assert!(!world.checkout().join("extern").exists());
}

#[test]
fn bundle_of_a_serving_platform_is_taken_if_the_system_meets_its_floor() {
    let world = World::with_key();
    let other = Platform::parse("other-1-x86_64").unwrap();
    let serves = format!("\n[[platform]]\nid = \"{other}\"\nserves = [\"{}\"]\n", own());
    world.write_project("file:../channel", &serves).commit().tag("deps-1");
    for (version, code) in [("2.3", 0), ("9.99", 4)] {
        let mut floor = Floor::default();
        floor.raise(&format!("GLIBC_{version}"));
        let built = world.built_for(&other, floor, &[zlib()]);
        let manifest = BundleManifest {
            format: 1,
            tag: DepsTag::parse("deps-1").unwrap(),
            candidate: false,
            commit: None,
            recipes: built.recipes,
            platform: other.clone(),
            floor: built.floor,
            builder: built.builder,
            packages: built.packages,
            tool: "test".to_owned(),
            sequence: 1,
            expires: None,
        };
        world.forge(&manifest.reference(), &manifest, &world.key());
        let run = world.run("install --force --dry-run");
        assert_eq!(run.code, 0, "{}", run.stderr);
        let run = world.run("install").exits(code);
        let served = format!("note: there is no bundle for {}; the one of other-1-x86_64 serves it\n", own());
        assert!(run.stderr.starts_with(&served), "{}", run.stderr);
        if code == 4 {
            assert!(run.stderr.contains("  why: it needs GLIBC 9.99, and the system has "), "{}", run.stderr);
        } else {
            world.run("uninstall").succeeds();
        }
    }
}

#[test]
fn status_tells_how_things_stand_and_finds_every_change() {
    let world = World::with_key();
    world.published("deps-1", &[zlib()]);
    let absent = format!(
        "tag        deps-1\nplatform   {0}\nprefix     extern/p\ninstalled  nothing\n\
         state      absent; `tagalong install` installs it\n",
        own()
    );
    world.run("status").prints(&absent);
    world.run("status --check").exits(7);
    world.run("install").succeeds();
    let current = format!(
        "tag        deps-1\nplatform   {0}\nprefix     extern/p\n\
         installed  deps-1 for {0} from channel `main`: 1 package\nstate      current\n",
        own()
    );
    world.run("status --check").prints(&current);
    world.run("status --verify").prints(&format!("{current}files      all as they were installed\n"));

    let prefix = world.checkout().join("extern/p");
    let mut binary = fs::read(prefix.join("lib/libz.so.1")).unwrap();
    *binary.last_mut().unwrap() ^= 1;
    fs::write(prefix.join("lib/libz.so.1"), binary).unwrap();
    fs::remove_file(prefix.join("lib/libz.so")).unwrap();
    world.write("extern/p/lib/pkgconfig/zlib.pc", "prefix=/elsewhere\n");
    let run = world.run("status --verify").exits(7);
    assert_eq!(
        run.stdout,
        format!(
            "{current}files      lib/libz.so missing\nfiles      lib/libz.so.1 changed\n\
             files      lib/pkgconfig/zlib.pc changed\n"
        )
    );
    world.run("install --force").succeeds();
    world.run("status --verify").succeeds();
    world.commit().tag("deps-2");
    let json = world.run("status --json --check").exits(7).json();
    assert_eq!(
        (&json["state"], &json["tag"], &json["installed"]["tag"]),
        (&"other".into(), &"deps-2".into(), &"deps-1".into())
    );
}

#[test]
fn channels_are_asked_in_order_and_one_that_is_gone_is_skipped() {
    let world = World::with_key();
    world.published("deps-1", &[zlib()]);
    let key = world.key().public().line().to_owned();
    let project = |first: &str, second: &str| {
        let channel =
            |name: &str, url: &str| format!("[[channel]]\nname = \"{name}\"\nurl = \"{url}\"\nkeys = [\"{key}\"]\n");
        format!("[project]\nprefix = \"extern/p\"\n{}{}", channel("first", first), channel("second", second))
    };
    world.write("tagalong.toml", project("file:../gone", "file:../channel"));
    let run = world.run("install").succeeds();
    assert!(
        run.stderr.starts_with("warning: channel `first` is skipped: there is no folder [WORLD]/checkout/../gone\n"),
        "{}",
        run.stderr
    );
    world.write("tagalong.toml", project("file:../gone", "file:../gone-too")).run("uninstall").succeeds();
    let run = world.run("install").exits(3);
    assert!(run.stderr.contains("error: there is no channel at `[WORLD]/checkout/../gone`\n"), "{}", run.stderr);
}

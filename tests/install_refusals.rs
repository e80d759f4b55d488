//! What `install` refuses, and that the prefix stays as it is then: forged and damaged bundles, drift, two packages with
//! one file.

mod install_tools;
mod world;

use std::fs;

use install_tools::{listing, tagged};
use tagalong::model::bundle::BundleManifest;
use tagalong::model::platform::Platform;
use tagalong::signing::SecretKey;
use world::World;
use world::bundle::{Package, own, zlib};

#[test]
fn hostile_manifests_are_refused_and_the_prefix_stays_as_it_is() {
    let world = World::with_key();
    world.published("deps-1", &[zlib()]);
    world.run("install").succeeds();
    world.commit().tag("deps-2");
    let before = listing(&world.checkout().join("extern"));
    let wanted = tagged("deps-2");
    let good = BundleManifest { tag: wanted.tag.clone(), sequence: 5, ..world.manifest(&tagged("deps-1")) };
    let key = world.key();
    let refused = |why: &str| {
        let run = world.run("install").exits(4);
        assert!(run.stderr.contains(why), "{why}: {}", run.stderr);
        assert!(run.stderr.contains(&format!("error: `bundles/deps-2/{}.json` of channel `main` is refused", own())));
        assert_eq!(listing(&world.checkout().join("extern")), before);
    };

    world.forge(&wanted, &good, &SecretKey::generate().unwrap());
    refused("not among those given");
    world.forge(&wanted, &world.manifest(&tagged("deps-1")), &key);
    refused("it is the manifest of bundles/deps-1/");
    let other = Platform::parse("other-1-x86_64").unwrap();
    world.forge(&wanted, &BundleManifest { platform: other, ..good.clone() }, &key);
    refused("it is the manifest of bundles/deps-2/other-1-x86_64.json");
    world.forge(&wanted, &BundleManifest { candidate: true, ..good.clone() }, &key);
    refused("it is the manifest of candidates/deps-2/");
    world.forge(&wanted, &good, &key);
    let path = world.channel().join(wanted.path());
    let changed = fs::read_to_string(&path).unwrap().replace("\"sequence\": 5", "\"sequence\": 6");
    fs::write(&path, changed).unwrap();
    refused("was changed afterwards");
    fs::write(world.channel().join(wanted.signature_path()), "nonsense").unwrap();
    refused("not one of minisign");
    fs::remove_file(world.channel().join(wanted.signature_path())).unwrap();
    refused("it is not signed");

    // The same manifest, rightly signed, is taken; and after that no older one.
    world.forge(&wanted, &good, &key);
    world.run("install").succeeds();
    world.forge(&wanted, &BundleManifest { sequence: 4, ..good }, &key);
    let run = world.run("install --force").exits(4);
    assert!(run.stderr.contains("it is the publication 4 of that name, and 5 has been seen before"), "{}", run.stderr);
}

#[test]
fn archive_with_other_bytes_is_refused_and_not_kept() {
    let world = World::with_key();
    let built = {
        world.published("deps-1", &[zlib()]).forget_cache();
        world.manifest(&tagged("deps-1"))
    };
    let path = world.channel().join(built.packages[0].path());
    let whole = fs::read(&path).unwrap();
    let write = |bytes: &[u8]| {
        fs::remove_file(&path).unwrap();
        fs::write(&path, bytes).unwrap();
    };
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    for bytes in [flipped.as_slice(), &whole[..whole.len() - 1], b""] {
        write(bytes);
        let run = world.run("install").exits(4);
        assert!(run.stderr.contains("error: what came is not what was named"), "{}", run.stderr);
        assert!(
            run.stderr.contains("it happened with the package zlib\n       the prefix is as it was\n"),
            "{}",
            run.stderr
        );
    }
    write(&[whole.as_slice(), b"x"].concat());
    let run = world.run("install").exits(4);
    assert!(run.stderr.contains("larger than"), "{}", run.stderr);
    fs::remove_file(&path).unwrap();
    let run = world.run("install").exits(3);
    assert!(run.stderr.contains("the archive of the package zlib is on no channel"), "{}", run.stderr);
    assert!(!world.checkout().join("extern/p").exists());
    assert_eq!(fs::read_dir(world.checkout().join("extern")).unwrap().count(), 0);
    fs::write(&path, &whole).unwrap();
    world.run("install").succeeds();
}

#[test]
fn archive_that_went_bad_in_the_store_is_fetched_again() {
    let world = World::with_key();
    world.published("deps-1", &[zlib()]);
    let archive = world.manifest(&tagged("deps-1")).packages[0].path();
    let path = world.cache().join(archive);
    fs::remove_file(&path).unwrap();
    fs::write(&path, "bad").unwrap();
    world.run("install").succeeds();
    world.run("status --verify").succeeds();
}

#[test]
fn drift_is_warned_of_or_refused_as_the_project_says() {
    let world = World::with_key();
    world.published("deps-1", &[zlib()]);
    world.write("extern-recipes/zlib/recipe.toml", "name = \"zlib\" # changed\n");
    let warned = world.run("install").succeeds().stderr;
    assert!(warned.starts_with("warning: the recipes differ from those of deps-1: zlib\n"), "{warned}");
    let project = world.read("tagalong.toml").replace("[project]\n", "[project]\ndrift = \"error\"\n");
    world.write("tagalong.toml", &project);
    world.run("install").fails(
        7,
        "error: the bundle of deps-1 is not installed\n  why: these recipes are not the tag's: zlib\n       \
         and tagalong.toml says `drift = \"error\"`\n next: commit and tag them, so that a bundle is built; or `tagalong install --build`\n       \
         `tagalong install --tag deps-1` takes the tag's bundle all the same\n",
    );
    world.run("install --tag deps-1").succeeds();
}

#[test]
fn two_packages_with_the_same_file_are_refused() {
    let world = World::with_key();
    world.published("deps-1", &[zlib(), Package::new("zlib-ng").link("lib/libz.so", "elsewhere")]);
    let run = world.run("install").exits(7);
    assert!(run.stderr.contains("`lib/libz.so` would be written twice"), "{}", run.stderr);
    assert!(!world.checkout().join("extern/p").exists());
}

#[test]
fn unsigned_channel_is_taken_only_where_the_project_says_so() {
    let world = World::with_key();
    let signed = world.read("tagalong.toml");
    let unsigned = signed.lines().map(|line| if line.starts_with("keys") { "unsigned = true" } else { line });
    world.write("tagalong.toml", unsigned.collect::<Vec<_>>().join("\n"));
    world.published("deps-1", &[zlib()]);
    let run = world.run("install").succeeds();
    assert!(run.stderr.contains("warning: channel `main` is unsigned; anyone could have made it\n"), "{}", run.stderr);
    world.run("uninstall").succeeds();
    world.write("tagalong.toml", signed);
    assert!(world.run("install").exits(4).stderr.contains("it is not signed"));
}

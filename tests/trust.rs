//! Whom a checkout trusts: keys that are revoked, introduced, and rotated; candidates; the store; hostile JSON.

mod world;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use tagalong::model::bundle::{BundleKind, BundleRef};
use tagalong::model::tag::DepsTag;
use tagalong::signing::SecretKey;
use world::World;
use world::bundle::{Package, own};

fn zlib() -> Package {
    Package::new("zlib").text("lib/pkgconfig/zlib.pc", "prefix=@PREFIX@\n")
}

fn reference(kind: BundleKind, tag: &str) -> BundleRef {
    BundleRef { kind, tag: DepsTag::parse(tag).unwrap(), platform: own() }
}

/// Writes tagalong.toml with these lines about the trust of the channel.
fn trust(world: &World, lines: &str) {
    let head = "[project]\nname = \"demo\"\nprefix = \"extern/p\"\n\n[[channel]]\nname = \"main\"\nurl = \"file:../channel\"\n";
    world.write("tagalong.toml", format!("{head}{lines}\n"));
}

/// A second key, in the file `new`.
fn second_key(world: &World) -> SecretKey {
    let key = SecretKey::generate().unwrap();
    fs::write(world.root().join("new"), key.to_text().unwrap()).unwrap();
    key
}

#[test]
fn a_key_is_rotated_by_an_introduction_of_the_old_one_and_then_revoked() {
    let world = World::with_key();
    world.published("deps-1", &[zlib()]);
    let (old, new) = (world.key(), second_key(&world));
    let (old_line, new_line) = (old.public().line(), new.public().line());

    let introduced = world.run(&format!("key introduce {new_line}")).succeeds().stdout;
    trust(&world, &format!("keys = [\"{old_line}\"]\n{introduced}"));
    world.run("install").succeeds();
    world.commit().tag("deps-2");
    world.built(&[zlib()]);
    world.run("publish --secret-key ../new").succeeds();
    world.run("install").succeeds();

    // Now the old key is lost to somebody else.
    trust(&world, &format!("keys = [\"{new_line}\"]\nrevoked = [\"{old_line}\"]"));
    world.run("install").succeeds();
    let run = world.run("install --tag deps-1").exits(4);
    assert!(run.stderr.contains(&format!("tagalong.toml has {old_line} among `revoked`")), "{}", run.stderr);
    world.run("publish --tag deps-2").exits(2);
    // What the old key introduced no longer counts, unless the project itself names it.
    trust(&world, &format!("keys = [\"{old_line}\"]\n{introduced}revoked = [\"{old_line}\"]"));
    let run = world.run("install --tag deps-2 --force").exits(4);
    assert!(run.stderr.contains("a key that is `introduced` in tagalong.toml is not trusted"), "{}", run.stderr);
}

#[test]
fn an_introduction_by_a_stranger_or_of_another_key_is_refused() {
    let world = World::with_key();
    world.published("deps-1", &[zlib()]);
    let (old, new) = (world.key(), second_key(&world));
    let line = |key: &SecretKey| key.public().line().to_owned();
    let by_itself = world.run(&format!("key introduce {} --secret-key ../new", line(&new))).succeeds().stdout;
    trust(&world, &format!("keys = [\"{}\"]\n{by_itself}", line(&old)));
    world.run("install").exits(4);
    let good = world.run(&format!("key introduce {}", line(&new))).succeeds().stdout;
    let third = SecretKey::generate().unwrap();
    trust(&world, &format!("keys = [\"{}\"]\n{}", line(&old), good.replace(&line(&new), &line(&third))));
    world.run("install").exits(4);
    world.run("key introduce RWQ").exits(2);
}

#[test]
fn a_candidate_is_not_taken_by_a_protected_job() {
    let world = World::with_key();
    world.commit();
    world.built(&[zlib()]);
    world.run("publish --candidate deps-mr-1").succeeds();
    let world = world.with("CI_COMMIT_REF_PROTECTED", "true");
    let run = world.run("install --tag deps-mr-1").exits(4);
    assert!(run.stderr.contains("error: the candidate deps-mr-1 is not installed\n"), "{}", run.stderr);
    assert!(!world.checkout().join("extern/p").exists());
    world.run("install --tag deps-mr-1 --allow-candidate").succeeds();
    let world = world.with("CI_COMMIT_REF_PROTECTED", "false");
    world.run("install --tag deps-mr-1").succeeds();
}

#[test]
fn a_store_that_anybody_may_write_to_is_not_used() {
    let world = World::with_key();
    world.published("deps-1", &[zlib()]);
    let open = |folder: &str| {
        let folder = world.cache().join(folder);
        let before = fs::metadata(&folder).unwrap().permissions();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
        let run = world.run("install").exits(4);
        assert!(
            run.stderr.contains(" is not used\n  why: other users of this machine may write there"),
            "{}",
            run.stderr
        );
        fs::set_permissions(&folder, before).unwrap();
    };
    ["", "packages", "tmp"].iter().for_each(|folder| open(folder));
    world.run("install").succeeds();
}

#[test]
fn manifests_with_short_digests_or_without_an_end_are_refused_though_they_are_signed() {
    let world = World::with_key();
    world.published("deps-1", &[zlib()]);
    let bundle = reference(BundleKind::Tagged, "deps-1");
    let path = world.channel().join(bundle.path());
    let good = fs::read_to_string(&path).unwrap();
    let archive = world.manifest(&bundle).packages[0].archive.hex();
    let deep = "[".repeat(200_000);
    for text in [
        good.replace(&archive, &archive[..32]),
        good.replace(&archive, &format!("../../{}", &archive[6..])),
        good.replace("\"packages\": [", &format!("\"packages\": {deep}")),
        deep,
    ] {
        fs::write(&path, &text).unwrap();
        let signature = world.key().sign(text.as_bytes(), "").unwrap();
        fs::write(world.channel().join(bundle.signature_path()), signature).unwrap();
        world.run("install").exits(4);
    }
    // More than any manifest has.
    fs::write(&path, vec![b' '; (16 << 20) + 1]).unwrap();
    world.run("install").exits(4);
}

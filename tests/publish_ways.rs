//! Publishing in several steps and from elsewhere: jobs that hand on records, a job that only signs, candidates that
//! become a tag's bundle, copies between channels.

mod world;

use std::fs;
use std::path::PathBuf;

use tagalong::model::bundle::{BundleKind, BundleManifest, BundleRef};
use tagalong::model::tag::DepsTag;
use world::World;
use world::bundle::{Package, own};

fn zlib() -> Package {
    Package::new("zlib").text("lib/pkgconfig/zlib.pc", "prefix=@PREFIX@\n")
}

fn reference(kind: BundleKind, tag: &str) -> BundleRef {
    BundleRef { kind, tag: DepsTag::parse(tag).unwrap(), platform: own() }
}

fn archives(world: &World) -> Vec<PathBuf> {
    let folders = fs::read_dir(world.channel().join("packages")).unwrap();
    folders.flat_map(|folder| fs::read_dir(folder.unwrap().path()).unwrap()).map(|one| one.unwrap().path()).collect()
}

#[test]
fn jobs_of_a_pipeline_hand_on_records_and_the_last_one_signs() {
    let world = World::with_key().with_greetings();
    fs::remove_dir_all(world.checkout().join("extern-recipes/zlib")).unwrap();
    world
        .write_project("file:../channel", "")
        .write(".gitignore", "/extern/\n/records/\n/manifest.json\n")
        .commit()
        .tag("deps-1");
    // No job but the last has the key; each begins with an empty cache.
    let builder = |world: World| world.with("TAGALONG_SECRET_KEY", "");
    let world = builder(world);
    world.run("build libgreet --only --records records").succeeds();
    let said = world.run("publish --packages records").prints("").stderr;
    assert!(said.contains("published 1 package on channel `main`, 1 of them new"), "{said}");
    assert_eq!(fs::read_dir(world.checkout().join("records")).unwrap().count(), 1);

    world.forget_cache();
    let run = world.run("build hello --only --explain --records records").succeeds();
    assert!(run.stdout.contains("take  libgreet 1.0: built by an earlier job as "), "{}", run.stdout);
    let said = world.run("publish --packages records").succeeds().stderr;
    assert!(said.contains("published 2 packages on channel `main`, 1 of them new"), "{said}");

    world.forget_cache();
    let run = world.run("build --records records").succeeds();
    assert!(run.stderr.contains("built 0 of 2 packages"), "{}", run.stderr);
    let said = world.run("publish --prepare manifest.json").prints("").stderr;
    assert!(said.contains("prepared deps-1 for ") && said.ends_with("0 of them new, 0 bytes; not signed\n"), "{said}");
    world.run("install").exits(3);
    world.run("publish --sign-only manifest.json").exits(2);

    world.forget_cache();
    let world = World::with(world, "TAGALONG_SECRET_KEY", "../key");
    let said = world.run("publish --sign-only manifest.json").prints("").stderr;
    assert!(said.contains("published deps-1 for ") && said.contains("2 packages, 0 of them new"), "{said}");
    world.run("install").succeeds();
    let said = world.run("publish --sign-only manifest.json").succeeds().stderr;
    assert!(said.contains("already there: deps-1"), "{said}");
}

#[test]
fn a_record_on_the_channel_is_not_believed_and_one_that_was_changed_is_refused() {
    let world = World::with_key().with_greetings();
    fs::remove_dir_all(world.checkout().join("extern-recipes/zlib")).unwrap();
    world.write_project("file:../channel", "").write(".gitignore", "/extern/\n/records/\n").commit().tag("deps-1");
    world.run("build libgreet --records records").succeeds();
    world.run("publish --packages records").succeeds();
    world.forget_cache();
    let run = world.run("build libgreet --dry-run").succeeds();
    assert!(run.stdout.starts_with("build libgreet"), "{}", run.stdout);
    let record = fs::read_dir(world.checkout().join("records")).unwrap().next().unwrap().unwrap().path();
    let text = fs::read_to_string(&record).unwrap();
    fs::write(&record, text.replacen("greet", "great", 3)).unwrap();
    world.run("build --dry-run --records records").exits(4);
    // Bytes on the channel that are not those of the record.
    fs::write(&record, &text).unwrap();
    let archive = archives(&world).pop().unwrap();
    fs::remove_file(&archive).unwrap();
    fs::write(&archive, "other bytes").unwrap();
    world.run("build libgreet --records records").exits(4);
}

#[test]
fn what_was_changed_on_its_way_to_the_job_that_signs_is_not_signed() {
    let world = World::with_key();
    world.write(".gitignore", "/extern/\n/*.json\n").commit().tag("deps-1");
    world.built(&[zlib()]);
    world.run("publish --prepare m.json").succeeds();
    let text = world.read("m.json");
    let manifest = BundleManifest::parse(text.as_bytes()).unwrap();

    let other = BundleManifest { recipes: "0".repeat(40), ..manifest.clone() };
    world.write("other.json", other.to_json());
    let run = world.run("publish --sign-only m.json other.json").exits(4);
    assert!(run.stderr.contains("`[WORLD]/checkout/other.json` is not signed"), "{}", run.stderr);
    world.run("install").exits(3);

    let other = BundleManifest { tag: DepsTag::parse("deps-none").unwrap(), ..manifest };
    world.write("other.json", other.to_json());
    world.run("publish --sign-only other.json").exits(3);
    world.write("other.json", "{");
    world.run("publish --sign-only other.json").exits(4);

    let archive = archives(&world).pop().unwrap();
    world.forget_cache();
    fs::remove_file(&archive).unwrap();
    fs::write(&archive, "evil").unwrap();
    world.run("publish --sign-only m.json").exits(4);
    fs::remove_file(&archive).unwrap();
    world.run("publish --sign-only m.json").exits(3);
    world.run("install").exits(3);
}

#[test]
fn a_candidate_expires_and_lives_on_when_it_is_published_again() {
    let world = World::with_key();
    world.commit();
    world.built(&[zlib()]);
    world.run("publish --candidate deps-mr-1 --expires 0s").succeeds();
    let run = world.run("install --tag deps-mr-1").exits(4);
    assert!(run.stderr.contains("why: it expired at "), "{}", run.stderr);
    let bundle = reference(BundleKind::Candidate, "deps-mr-1");
    let first = world.manifest(&bundle);

    let said = world.run("publish --candidate deps-mr-1 --expires 14d").succeeds().stderr;
    assert!(said.contains("published candidate deps-mr-1"), "{said}");
    let second = world.manifest(&bundle);
    assert!(second.sequence > first.sequence);
    assert!(second.expires.unwrap() >= first.expires.unwrap() + 14 * 86_400);
    world.run("install --tag deps-mr-1").succeeds();
    let said = world.run("publish --candidate deps-mr-1 --expires 14d").succeeds().stderr;
    assert!(said.contains("already there: candidate deps-mr-1"), "{said}");
    let run = world.run("publish --candidate deps-mr-1 --expires soon").exits(2);
    assert!(run.stderr.contains("`soon` is no duration such as `14d` or `2h`"), "{}", run.stderr);
}

#[test]
fn a_candidate_of_the_same_recipes_becomes_the_bundle_of_the_tag_without_a_build() {
    let world = World::with_key();
    world.commit();
    world.built(&[zlib()]);
    world.run("publish --candidate deps-mr-1").succeeds();
    world.tag("deps-1");
    world.forget_cache();
    let before = archives(&world);
    let said = world.run("publish --promote deps-mr-1").prints("").stderr;
    assert!(said.contains("published deps-1 for ") && said.contains("1 package, 0 of them new, 0 bytes"), "{said}");
    assert_eq!(archives(&world), before);
    let bundle = world.manifest(&reference(BundleKind::Tagged, "deps-1"));
    assert_eq!((bundle.candidate, bundle.expires, bundle.sequence), (false, None, 1));
    assert_eq!(bundle.commit, Some(world.git(&["rev-parse", "HEAD"])));
    world.run("install").succeeds();
    assert!(world.run("publish --promote deps-mr-1 --json").succeeds().json()[0]["outcome"] == "already");

    world.write("extern-recipes/zlib/recipe.toml", "name = \"zlib\" # changed\n").commit().tag("deps-2");
    let run = world.run("publish --promote deps-mr-1").exits(3);
    assert!(run.stderr.contains("error: deps-mr-1 does not become deps-2\n"), "{}", run.stderr);
    let run = world.run("publish --promote deps-mr-2").exits(3);
    assert!(run.stderr.contains("there is no candidate deps-mr-2 on channel `main`"), "{}", run.stderr);
}

#[test]
fn a_bundle_is_copied_to_another_channel_with_its_bytes_and_its_signature() {
    let world = World::with_key();
    world.published("deps-1", &[zlib()]);
    world.forget_cache();
    let said = world.run("publish --from main --to file:../disk --dry-run").succeeds().stderr;
    assert!(said.contains("would copy deps-1 for "), "{said}");
    assert!(!world.root().join("disk").exists());
    let said = world.run("publish --from main --to file:../disk").prints("").stderr;
    assert!(said.contains("copied deps-1 for ") && said.contains("1 package, 1 of them new"), "{said}");
    let diff = world.command("diff", &world.root()).args(["-r", "channel", "disk"]).output().unwrap();
    assert!(diff.status.success(), "{}", String::from_utf8_lossy(&diff.stdout));
    let said = world.run("publish --from main --to file:../disk").succeeds().stderr;
    assert!(said.contains("already there: deps-1"), "{said}");

    // Another site, which has nothing but the disk.
    fs::rename(world.channel(), world.root().join("away")).unwrap();
    world.run("publish --from file:../disk --to main").succeeds();
    world.forget_cache();
    world.run("install").succeeds();

    let path = world.root().join("disk").join(reference(BundleKind::Tagged, "deps-1").path());
    let changed = fs::read_to_string(&path).unwrap().replace("\"sequence\": 1", "\"sequence\": 9");
    fs::write(&path, changed).unwrap();
    world.run("publish --from file:../disk --to main").exits(4);
    world.run("publish --from main --to other").exits(2);
    world.run("publish --from file:../disk --to main --tag deps-none").exits(3);
}

//! Publishing to a folder channel: what is written, in which order, and what is refused.

mod world;

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;

use tagalong::model::bundle::{BundleKind, BundleRef};
use tagalong::model::tag::DepsTag;
use tagalong::signing::{self, SecretKey};
use world::bundle::{Package, own};
use world::{World, files_below};

fn zlib() -> Package {
    Package::new("zlib").text("lib/pkgconfig/zlib.pc", "prefix=@PREFIX@\n")
}

fn reference(kind: BundleKind, tag: &str) -> BundleRef {
    BundleRef { kind, tag: DepsTag::parse(tag).unwrap(), platform: own() }
}

/// The files of the channel, sorted.
fn files(world: &World) -> Vec<String> {
    let below = |path: &PathBuf| path.strip_prefix(world.channel()).unwrap().display().to_string();
    files_below(&world.channel()).iter().map(below).collect()
}

#[test]
fn bundle_goes_to_the_channel_with_its_archives_records_and_signature() {
    let world = World::with_key();
    world.commit().tag("deps-1");
    let built = world.built(&[zlib(), Package::new("libpng").text("include/png.h", "")]);
    let run = world.run("publish").prints("");
    let archives: Vec<String> = built.packages.iter().map(|package| package.path()).collect();
    let bytes: u64 = built.packages.iter().map(|package| package.size).sum();
    let said = format!(
        "published {}\npublished {}\npublished bundles/deps-1/{2}.json\n\
         published deps-1 for {2} on channel `main`: 2 packages, 2 of them new, {bytes} bytes\n",
        archives[0],
        archives[1],
        own()
    );
    // Archives are put several at once.
    let sorted = |text: &str| {
        let mut lines: Vec<String> = text.lines().map(|line| line.replace(',', "")).collect();
        lines[..2].sort();
        lines
    };
    assert_eq!(sorted(&run.stderr), sorted(&said));
    let bundle = reference(BundleKind::Tagged, "deps-1");
    let mut expected = vec![bundle.path(), bundle.signature_path(), "channel.json".to_owned()];
    expected.extend(archives);
    expected.extend(built.packages.iter().map(|package| format!("keys/{}/{}.json", own(), package.build_key)));
    expected.sort();
    assert_eq!(files(&world), expected, "and nothing unfinished is left");

    let manifest = world.manifest(&bundle);
    assert_eq!((manifest.sequence, manifest.candidate), (1, false));
    assert_eq!(manifest.commit.as_deref(), Some(world.git(&["rev-parse", "HEAD"]).as_str()));
    assert_eq!(manifest.recipes, world.git(&["rev-parse", "HEAD:extern-recipes"]));
    let signature = fs::read_to_string(world.channel().join(bundle.signature_path())).unwrap();
    let verified = signing::verify(&[world.key().public().clone()], &manifest.to_json(), &signature).unwrap();
    assert_eq!(verified.trusted_comment, format!("tag:deps-1 platform:{} sequence:1", own()));
}

#[test]
fn second_publication_of_the_same_bytes_changes_nothing() {
    let world = World::with_key();
    world.published("deps-1", &[zlib()]);
    let path = world.channel().join(reference(BundleKind::Tagged, "deps-1").path());
    let before = (fs::read(&path).unwrap(), fs::metadata(&path).unwrap().modified().unwrap());
    world.built(&[zlib()]);
    let run = world.run("publish").succeeds();
    let said = format!("already there: deps-1 for {} on channel `main`: 1 package", own());
    assert_eq!(run.stderr.lines().last(), Some(said.as_str()));
    assert_eq!((fs::read(&path).unwrap(), fs::metadata(&path).unwrap().modified().unwrap()), before);
    assert_eq!(world.run("publish --json").succeeds().json()["outcome"], "already");
}

#[test]
fn tag_that_was_published_with_other_bytes_is_never_replaced() {
    let world = World::with_key();
    world.published("deps-1", &[zlib()]);
    let before = files(&world);
    world.built(&[zlib().text("share/more", ""), Package::new("libpng").text("include/png.h", "")]);
    world.run("publish").fails(
        4,
        &format!(
            "error: deps-1 for {} is on channel `main` already, and is another\n  \
             why: it was published with other bytes of libpng and zlib\n \
             next: what a tag stands for never changes: give this state a new tag\n",
            own()
        ),
    );
    assert_eq!(files(&world), before);
}

#[test]
fn what_was_not_built_from_the_recipes_of_the_tag_is_refused() {
    let world = World::with_key();
    world.commit().tag("deps-1");
    let nothing = format!(
        "error: there is nothing to publish for {}\n  why: no whole build of this checkout is in the store\n \
         next: `tagalong build` makes it\n",
        own()
    );
    world.run("publish").fails(3, &nothing);
    world.built(&[zlib()]);
    world.write("extern-recipes/zlib/recipe.toml", "name = \"zlib\" # changed\n");
    let run = world.run("publish").exits(4);
    assert!(run.stderr.contains("error: deps-1 is not published\n  why: these recipes are not the tag's: zlib\n"));
    // The tag is right again, and the build is not.
    world.commit().tag("deps-2");
    world.run("publish").fails(
        4,
        "error: deps-2 is not published\n  why: the recipes have changed since the last build\n \
         next: `tagalong build` makes it\n",
    );
    world.built(&[zlib()]);
    let run = world.run("publish --tag deps-1").exits(4);
    assert!(run.stderr.contains("error: deps-1 is not published"), "{}", run.stderr);
    let run = world.run("publish --tag deps-none").exits(3);
    assert!(run.stderr.contains("error: deps-none is no tag of this repository\n"), "{}", run.stderr);
    assert_eq!(files(&world), Vec::<String>::new());
    world.run("publish").succeeds();
}

#[test]
fn key_must_be_there_and_be_one_of_the_channels() {
    let world = World::with_key();
    world.commit().tag("deps-1");
    world.built(&[zlib()]);
    let stranger = SecretKey::generate().unwrap();
    fs::write(world.root().join("stranger"), stranger.to_text().unwrap()).unwrap();
    world.run("publish --secret-key ../stranger").fails(
        2,
        &format!(
            "error: channel `main` is not published to\n  \
             why: nobody would take it: the key is not among the channel's `keys` in tagalong.toml\n \
             next: add \"{}\" there, or name another key with `--secret-key`\n",
            stranger.public().line()
        ),
    );
    assert_eq!(files(&world), Vec::<String>::new());
    let text = fs::read_to_string(world.key_path()).unwrap();
    let world = world.with("TAGALONG_SECRET_KEY", "");
    assert!(world.run("publish").exits(2).stderr.contains("no secret key is given"));
    world.run("publish --secret-key ../key --dry-run").succeeds();
    let world = world.with("TAGALONG_SECRET_KEY", "/nowhere/key");
    let said = world.run("publish").exits(2).stderr;
    assert!(said.contains("error: what is given as secret key is none") && !said.contains("nowhere"), "{said}");
    // A CI variable holds the text of the key, often without its first line.
    let world = world.with("TAGALONG_SECRET_KEY", text.lines().nth(1).unwrap());
    world.run("publish").succeeds();
}

#[test]
fn candidate_is_replaced_and_its_sequence_counts_up() {
    let world = World::with_key();
    world.commit();
    let bundle = reference(BundleKind::Candidate, "deps-mr-7");
    world.built(&[zlib()]);
    let run = world.run("publish --candidate deps-mr-7").succeeds();
    assert!(run.stderr.contains("published candidate deps-mr-7 for "), "{}", run.stderr);
    let first = world.manifest(&bundle);
    assert!(first.candidate && first.sequence > 1_500_000_000);
    assert!(world.run("publish --candidate deps-mr-7").succeeds().stderr.contains("already there: candidate"));
    world.built(&[zlib().version("2")]);
    world.run("publish --candidate deps-mr-7").succeeds();
    let second = world.manifest(&bundle);
    assert!(second.sequence > first.sequence);
    world.run("publish --candidate deps-../x").exits(2);
    world.run("publish --candidate deps-mr-7 --tag deps-1").exits(2);
}

#[test]
fn key_that_is_no_longer_trusted_is_replaced_by_signing_anew() {
    let world = World::with_key();
    world.published("deps-1", &[zlib()]);
    let bundle = reference(BundleKind::Tagged, "deps-1");
    let before = fs::read(world.channel().join(bundle.path())).unwrap();
    fs::write(world.key_path(), SecretKey::generate().unwrap().to_text().unwrap()).unwrap();
    world.write_project("file:../channel", "");
    assert!(world.run("install").exits(4).stderr.contains("is refused"));
    let run = world.run("publish").succeeds();
    assert!(run.stderr.contains("signed anew: deps-1 for "), "{}", run.stderr);
    assert_eq!(fs::read(world.channel().join(bundle.path())).unwrap(), before);
    world.run("install").succeeds();
}

#[test]
fn two_publishers_at_once_leave_one_whole_bundle() {
    let world = World::with_key();
    world.commit().tag("deps-1");
    world.built(&[zlib()]);
    let start = || world.tagalong(world.checkout()).arg("publish").stderr(Stdio::piped()).spawn().unwrap();
    let running: Vec<_> = (0..6).map(|_| start()).collect();
    let said = running.into_iter().map(|child| {
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{said}");
        said.lines().last().unwrap().to_owned()
    });
    let said: Vec<String> = said.collect();
    assert_eq!(said.iter().filter(|line| line.starts_with("published deps-1")).count(), 1, "{said:#?}");
    assert_eq!(files(&world).len(), 5, "{:?}", files(&world));
    world.run("install").succeeds();
}

#[test]
fn dry_run_publishes_nothing() {
    let world = World::with_key();
    world.commit().tag("deps-1");
    world.built(&[zlib()]);
    let said = format!("would publish deps-1 for {} on channel `main`: 1 package\n", own());
    assert_eq!(world.run("publish --dry-run").prints("").stderr, said);
    assert_eq!(files(&world), Vec::<String>::new());
}

#[test]
fn channel_is_chosen_by_name_and_has_a_format() {
    let world = World::with_key();
    let key = world.key().public().line().to_owned();
    let more =
        format!("\n[[channel]]\nname = \"web\"\nurl = \"https://ada:pw@deps.example.org/d\"\nkeys = [\"{key}\"]\n");
    world.write_project("file:../channel", &more).commit().tag("deps-1");
    world.built(&[zlib()]);
    world.run("publish --channel other").fails(
        2,
        "error: the project has no channel `other`\n  why: tagalong.toml names main and web\n \
         next: name one of them with `--channel`\n",
    );
    fs::write(world.channel().join("channel.json"), "{\"format\": 2}").unwrap();
    let run = world.run("publish --channel main").exits(2);
    assert!(run.stderr.contains("its `channel.json` has format 2, this program writes format 1"), "{}", run.stderr);
}

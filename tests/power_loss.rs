//! The power fails: a run is recorded call by call, and for each moment of it what a disk may then hold is laid out. The
//! prefix is the old tree or the new one, whole, and the next run works; a channel has a bundle with all it names, or has
//! it not.
//!
//! A part of the moments in a usual run, every one of them several times with `TAGALONG_TORTURE=1` (`scripts/torture`);
//! `TAGALONG_SEED=N` chooses others.

mod recorded;
mod whole;
mod world;

use std::fs;

use recorded::{LOSSES, Loss, Recording};
use whole::{Right, left_beside, random, refuse_panic, rounds, tree, two_tags};
use world::World;
use world::bundle::Package;

/// The moments that are tried: the last steps before and the first after what is renamed or waited for, and others.
fn moments(recording: &Recording) -> Vec<usize> {
    let count = recording.steps.len();
    if rounds(0, 1) == 1 {
        return (0..=count).collect();
    }
    let mut random = random();
    let turns = ["rename", "sync", "link", "rmdir"];
    let is_turn = |step: &usize| turns.iter().any(|turn| recording.steps[*step].contains(turn));
    let turns: Vec<usize> = (0..count).filter(is_turn).flat_map(|step| [step, step + 1]).collect();
    let mut chosen: Vec<usize> = (0..8).map(|_| turns[random.below(turns.len())]).collect();
    chosen.extend((0..4).map(|_| random.below(count + 1)));
    chosen.push(count);
    chosen.sort_unstable();
    chosen.dedup();
    chosen
}

/// Lays out what each moment may leave, and judges it.
fn each_loss(recording: Recording, judge: impl Fn(&str)) {
    each_of(&LOSSES, recording, judge);
}

fn each_of(losses: &[Loss], mut recording: Recording, judge: impl Fn(&str)) {
    let mut random = random();
    let mut count = 0;
    for step in moments(&recording) {
        for loss in losses.iter().cycle().take(rounds(losses.len(), 3 * losses.len())) {
            let Some(image) = recording.image(step, *loss, &mut random) else { continue };
            image.lay_out(&recording);
            let last = step.checked_sub(1).map_or("nothing", |last| recording.steps[last].as_str());
            judge(&format!("the loss of {loss:?} after step {step} of {}, {last}", recording.steps.len()));
            count += 1;
        }
    }
    println!("{count} different losses of {} steps", recording.steps.len());
    assert!(count > 5, "{count}");
}

/// The prefix is what it was or what it was to be, unless it says that it was interrupted; the next run makes it whole.
fn judge_prefix(world: &World, right: &Right, may_be: &[Option<usize>], after: &str) {
    let is_interrupted = left_beside(&right.prefix).iter().any(|name| name.ends_with("tagalong-journal"));
    let has_receipt = right.prefix.join(".tagalong/receipt.json").exists();
    if !is_interrupted {
        let state = if has_receipt || tree(&right.prefix).is_some_and(|tree| !tree.is_empty()) {
            right.state(after)
        } else {
            None
        };
        assert!(may_be.contains(&state), "{after}: {state:?}");
    }
    refuse_panic(&world.tagalong(world.checkout()).args(["status", "--verify"]).output().unwrap(), after);
    let next = after.len() % 2;
    let output =
        world.tagalong(world.checkout()).args(["install", "--tag", ["deps-1", "deps-2"][next]]).output().unwrap();
    assert!(output.status.success(), "{after}: {}", String::from_utf8_lossy(&output.stderr));
    assert_eq!((right.state(after), left_beside(&right.prefix)), (Some(next), vec![]), "{after}");
    let output = world.tagalong(world.checkout()).args(["status", "--verify", "--check"]).output().unwrap();
    assert!(next == 0 || output.status.success(), "{after}: {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn power_loss_in_a_first_install_leaves_nothing_or_the_whole_tree() {
    let world = two_tags();
    let right = Right::of(&world);
    fs::remove_dir_all(world.checkout().join("extern")).unwrap();
    world.forget_cache();
    let recording = Recording::of(&world, &["install", "--tag", "deps-2"], &[]);
    each_loss(recording, |after| judge_prefix(&world, &right, &[None, Some(1)], after));
}

#[test]
fn power_loss_in_an_update_leaves_the_old_tree_or_the_new_one() {
    let world = two_tags();
    let right = Right::of(&world);
    for link in ["copy", "hard"] {
        world.run(&format!("install --force --tag deps-1 --link {link}")).succeeds();
        world.forget_cache();
        let recording = Recording::of(&world, &["install", "--tag", "deps-2", "--link", link], &[]);
        each_loss(recording, |after| judge_prefix(&world, &right, &[Some(0), Some(1)], &format!("{link}: {after}")));
    }
}

#[test]
fn power_loss_where_folders_cannot_be_exchanged_is_mended_by_the_next_run() {
    let world = two_tags();
    let right = Right::of(&world);
    // The second rename is that of the prefix; where it cannot be, the prefix is emptied and filled again. A rename from one
    // folder to another must be kept whole then, as a journal of names does.
    let aside: &[&str] = &["-e", "inject=renameat2:error=EINVAL"];
    let in_place: &[&str] = &[aside, &["-e", "inject=rename:error=EXDEV:when=2"]].concat();
    let journal = [Loss::Bytes, Loss::SomeBytes];
    for (faults, how, losses) in [(aside, "aside", &LOSSES[..]), (in_place, "in place", &journal)] {
        world.run("install --force --tag deps-1").succeeds();
        let recording = Recording::of(&world, &["install", "--tag", "deps-2"], faults);
        assert!(recording.steps.iter().any(|step| step.contains("tagalong-journal")), "{:#?}", recording.steps);
        let judge = |after: &str| judge_prefix(&world, &right, &[Some(0), Some(1)], &format!("{how}: {after}"));
        each_of(losses, recording, judge);
    }
}

#[test]
fn power_loss_in_an_uninstall_leaves_the_whole_tree_or_none() {
    let world = two_tags();
    let right = Right::of(&world);
    world.run("install --tag deps-1").succeeds();
    let recording = Recording::of(&world, &["uninstall"], &[]);
    each_loss(recording, |after| judge_prefix(&world, &right, &[Some(0), None], after));
}

#[test]
fn power_loss_in_a_publication_leaves_a_bundle_with_all_it_names_or_none() {
    let world = World::with_key();
    let png = |version: &str| Package::new("libpng").version(version).text("share/a", &format!("@PREFIX@ {version}\n"));
    let zlib = |version: &str| Package::new("zlib").version(version).binary("lib/libz.so", b"\0@PREFIX@/lib\0");
    world.published("deps-1", &[png("1"), zlib("1")]);
    world.write("extern-recipes/zlib/recipe.toml", "name = \"zlib\" # 2\n");
    world.commit().tag("deps-2");
    world.built(&[png("2"), zlib("1")]);
    let recording = Recording::of(&world, &["publish"], &[]);
    let run = |arguments: &[&str], after: &str| {
        let output = world.tagalong(world.checkout()).args(arguments).output().unwrap();
        refuse_panic(&output, after);
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let elsewhere = world.root().join("elsewhere");
    let other_cache = elsewhere.join("cache");
    let install = |tag: &str, after: &str| {
        let _ = fs::remove_dir_all(&elsewhere);
        let mut command = world.tagalong(world.checkout());
        command.env("TAGALONG_CACHE", &other_cache);
        let prefix = elsewhere.join("p");
        let output = command.args(["install", "--tag", tag, "--prefix"]).arg(&prefix).output().unwrap();
        refuse_panic(&output, after);
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let manifest = world.channel().join(format!("bundles/deps-2/{}.json", world::bundle::own()));
    each_loss(recording, |after| {
        let (code, said) = install("deps-2", after);
        assert_eq!(code, Some(if manifest.exists() { 0 } else { 3 }), "{after}: {said}");
        let (code, said) = install("deps-1", after);
        assert_eq!(code, Some(0), "{after}: {said}");
        let (code, said) = run(&["publish"], after);
        assert_eq!(code, Some(0), "{after}: {said}");
        let (code, said) = install("deps-2", after);
        assert_eq!(code, Some(0), "{after}: {said}");
    });
}

//! Runs that are killed, whose system calls fail, whose files have a flipped bit, and many at once: the prefix is the
//! old tree or the new one, whole, and the next run works.
//!
//! The seed of each round is printed where it fails; `TAGALONG_SEED=N` starts with another. `TAGALONG_TORTURE=1` runs
//! the long way (`scripts/torture`).

mod whole;
mod world;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use whole::{Right, left_beside, random, refuse_panic, rounds, tree, two_tags};
use world::random::Random;
use world::{World, files_below};

#[test]
fn runs_that_are_killed_leave_a_whole_tree() {
    let world = two_tags();
    let right = Right::of(&world);
    let begin = Instant::now();
    world.run("install --tag deps-1").succeeds();
    let mut whole = begin.elapsed();
    let mut random = random();
    let mut killed = 0;
    for round in 0..rounds(40, 1500) {
        let verb: &[&str] =
            [&["install", "--tag", "deps-1"], &["install", "--tag", "deps-2"], &["uninstall"][..]][random.below(3)];
        if random.below(4) == 0 {
            // A killed uninstall may have made none.
            let _ = fs::remove_dir_all(world.cache());
        }
        let mut command = world.tagalong(world.checkout());
        let mut child = command.args(verb).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        thread::sleep(whole * u32::try_from(random.below(120)).unwrap() / 100);
        let is_running = child.try_wait().unwrap().is_none();
        killed += u32::from(is_running);
        // Some runs have nothing to do: the time is found by which about every third one is over.
        whole = if is_running { whole * 21 / 20 } else { whole * 9 / 10 };
        child.kill().unwrap();
        child.wait().unwrap();
        let after = format!("round {round}, {verb:?} killed");
        right.state(&after);
        let next = ["deps-1", "deps-2"][random.below(2)];
        world.run(&format!("install --tag {next}")).succeeds();
        assert_eq!(right.state(&after), Some(usize::from(next == "deps-2")), "{after}");
        assert_eq!(left_beside(&right.prefix), Vec::<String>::new(), "{after}");
    }
    println!("{killed} runs were killed");
    assert!(killed > 5, "{killed} runs were killed");
}

/// The system calls that fail, and how.
const CALLS: [(&str, &[&str]); 9] = [
    ("openat", &["EIO", "EMFILE", "EACCES"]),
    ("write", &["ENOSPC", "EIO"]),
    ("mkdirat", &["ENOSPC", "EACCES"]),
    ("mkdir", &["ENOSPC", "EACCES"]),
    ("renameat2", &["EIO", "EACCES"]),
    ("rename", &["ENOSPC", "EIO"]),
    ("symlinkat", &["ENOSPC", "EIO"]),
    ("fsync", &["EIO", "ENOSPC"]),
    ("syncfs", &["EIO", "EDQUOT"]),
];

#[test]
fn system_calls_that_fail_break_nothing() {
    let world = two_tags();
    let right = Right::of(&world);
    let step = rounds(9, 1);
    let (mut failed, mut injected) = (0, 0);
    for (call, errors) in CALLS {
        for error in errors.iter().take(rounds(1, 3)) {
            for number in (1..).step_by(step) {
                world.run("install --tag deps-1").succeeds();
                if number % 2 == 0 {
                    let _ = fs::remove_dir_all(world.cache());
                }
                let log = world.root().join("strace.log");
                let mut command = world.command("strace", world.checkout());
                command.args(["-f", "-qq", "-o", log.to_str().unwrap(), "-e", &format!("trace={call}"), "-e"]);
                command.arg(format!("inject={call}:error={error}:when={number}"));
                let output = command.arg(env!("CARGO_BIN_EXE_tagalong")).args(["install", "--tag", "deps-2"]).output();
                let output = output.expect("`scripts/prepare tests` installs strace");
                let is_injected = fs::read_to_string(&log).unwrap().contains("(INJECTED)");
                let after = format!("{error} of {call} number {number}");
                refuse_panic(&output, &after);
                let state = right.state(&after);
                if output.status.success() {
                    assert_eq!(state, Some(1), "{after} is told as done");
                }
                failed += usize::from(!output.status.success());
                injected += usize::from(is_injected);
                world.run("install --tag deps-2").succeeds();
                assert_eq!((right.state(&after), left_beside(&right.prefix)), (Some(1), vec![]), "{after}");
                if !is_injected {
                    break;
                }
            }
        }
    }
    println!("{injected} calls failed, {failed} runs with them");
    assert!(injected > 12 && failed > 8, "{injected} calls failed, {failed} runs with them");
}

/// Changes a file whatever its mode.
fn put(path: &Path, bytes: &[u8]) {
    fs::remove_file(path).unwrap();
    fs::write(path, bytes).unwrap();
}

#[test]
fn flipped_bits_and_cut_files_are_found_or_do_no_harm() {
    let world = two_tags();
    let right = Right::of(&world);
    let mut random = random();
    let mut refused = 0;
    for round in 0..rounds(60, 1000) {
        // The channel with an empty store, the store alone, or the receipt of what is installed.
        let place = random.below(3);
        fs::remove_dir_all(&right.prefix).unwrap();
        if place == 2 {
            world.run("install --tag deps-1").succeeds();
        }
        let folder = match place {
            0 => world.channel(),
            1 => world.cache(),
            _ => right.prefix.join(".tagalong"),
        };
        let all = files_below(&folder);
        let path = &all[random.below(all.len())];
        let whole = fs::read(path).unwrap();
        if whole.is_empty() {
            continue;
        }
        let mut bytes = whole.clone();
        let at = random.below(bytes.len());
        let is_cut = random.below(4) == 0;
        if is_cut {
            bytes.truncate(at)
        } else {
            bytes[at] ^= 1 << random.below(8)
        }
        let what = if is_cut { "cut" } else { "changed" };
        let after = format!("round {round}: {} {what} at {at}", path.display());
        let kept = world.root().join("kept");
        if place == 0 {
            // An empty store, so that the channel is read.
            fs::rename(world.cache(), &kept).unwrap();
        }
        put(path, &bytes);
        let tag = if place == 2 { "deps-1" } else { "deps-2" };
        let output = world.tagalong(world.checkout()).args(["install", "--tag", tag]).output().unwrap();
        refuse_panic(&output, &after);
        let state = right.state(&after);
        let expected = usize::from(tag == "deps-2");
        if output.status.success() {
            assert_eq!(state, Some(expected), "{after}");
        } else {
            refused += 1;
        }
        for verb in [&["status", "--verify"][..], &["cache", "verify"], &["cache", "list"]] {
            refuse_panic(&world.tagalong(world.checkout()).args(verb).output().unwrap(), &after);
        }
        if place == 0 {
            let _ = fs::remove_dir_all(world.cache());
            fs::rename(&kept, world.cache()).unwrap();
        }
        if path.exists() || path.parent().is_some_and(Path::exists) {
            let _ = fs::remove_file(path);
            fs::write(path, &whole).unwrap();
        }
        world.run("install --tag deps-1 --force").succeeds();
        assert_eq!(right.state(&after), Some(0), "{after}");
    }
    println!("{refused} installs were refused");
    assert!(refused > 5, "{refused} installs were refused");
}

#[test]
fn many_processes_share_one_store_and_four_prefixes() {
    let world = two_tags();
    let right = Right::of(&world);
    let until = Instant::now() + Duration::from_secs(rounds(4, 60) as u64);
    let work = |worker: usize, world: &Shared| {
        let mut random = Random::new(worker as u64);
        let mut done = 0;
        while Instant::now() < until {
            let prefix = format!("extern/shared-{}", random.below(4));
            let tag = ["deps-1", "deps-2"][random.below(2)];
            let verb: Vec<&str> = match random.below(8) {
                0 => vec!["cache", "verify"],
                1 => vec!["cache", "gc", "--keep", "0s"],
                _ => vec!["install", "--tag", tag, "--prefix", &prefix],
            };
            let output = world.tagalong(&verb);
            assert!(output.status.success(), "{verb:?}: {}", String::from_utf8_lossy(&output.stderr));
            done += 1;
        }
        done
    };
    let shared = Shared::of(&world);
    let count: usize = thread::scope(|scope| {
        let workers: Vec<_> = (0..rounds(8, 32))
            .map(|worker| {
                scope.spawn({
                    let shared = &shared;
                    move || work(worker, shared)
                })
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).sum()
    });
    println!("{count} runs");
    for number in 0..4 {
        let prefix = world.checkout().join(format!("extern/shared-{number}"));
        let Some(found) = tree(&prefix) else { continue };
        let names: Vec<&PathBuf> = found.keys().collect();
        let expected = right.trees.iter().position(|tree| tree.keys().eq(names.iter().copied()));
        assert!(expected.is_some(), "{} holds a mix: {names:?}", prefix.display());
    }
    let beside = left_beside(&right.prefix).into_iter().filter(|name| !name.starts_with("shared-"));
    assert_eq!(beside.collect::<Vec<_>>(), Vec::<String>::new());
}

/// What threads need to run the binary in a world.
struct Shared {
    checkout: PathBuf,
    environment: Vec<(std::ffi::OsString, std::ffi::OsString)>,
}

impl Shared {
    fn of(world: &World) -> Shared {
        let command = world.tagalong(world.checkout());
        let set = command.get_envs().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())));
        Shared { checkout: world.checkout().to_owned(), environment: set.collect() }
    }

    fn tagalong(&self, arguments: &[&str]) -> Output {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_tagalong"));
        command.env_clear().envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.current_dir(&self.checkout).args(arguments).output().unwrap()
    }
}

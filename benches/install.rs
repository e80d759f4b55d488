//! Installing the bundle of field measurements (40 packages, one of them half of all bytes; 20,000 files, 542 MB, 1,225
//! of them with the prefix, in 328 MB) against tar, cp and rsync with the same tree: for `scripts/bench-install`.
//!
//! Prints rows of a Markdown table; each figure is the median of several.

#[path = "../tests/world/mod.rs"]
mod world;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use world::World;
use world::bundle::Package;
use world::random::Random;

const PACKAGES: usize = 40;
const FILES: usize = 20_000;
const RELOCATED: usize = 1_225;
const RELOCATED_BYTES: usize = 328_000_000;
const OTHER_BYTES: usize = 214_000_000;

/// Bytes that compress to about a third, as libraries and headers do.
fn noise(random: &mut Random, count: usize) -> Vec<u8> {
    let words: Vec<[u8; 8]> = (0..512).map(|_| random.number().to_le_bytes()).collect();
    let mut bytes = Vec::with_capacity(count + 16);
    while bytes.len() < count {
        let number = random.number();
        bytes.extend(words[usize::try_from(number % 512).unwrap()]);
        if number & (1 << 20) != 0 {
            bytes.extend(&number.to_le_bytes()[3..6]);
        }
    }
    bytes.truncate(count);
    bytes
}

/// The packages; `version` of the last two makes them another tag's.
fn packages(version: &str) -> Vec<Package> {
    (0..PACKAGES)
        .map(|place| {
            // The first package has half of all bytes, in larger files.
            let (share, of) = if place == 0 { (1, 2) } else { (1, 2 * (PACKAGES - 1)) };
            let is_new = place >= PACKAGES - 2;
            let version = if is_new { version } else { "1" };
            let mut random = Random::new(place as u64 + if is_new { version.len() as u64 * 99 } else { 0 });
            let name = format!("p{place:02}");
            let mut package = Package::new(&name).version(version);
            let files = if place == 0 { FILES / 8 } else { FILES * 7 / 8 / (PACKAGES - 1) };
            let relocated = if place == 0 { RELOCATED / 2 } else { RELOCATED / 2 / (PACKAGES - 1) };
            for number in 0..files {
                let is_relocated = number < relocated;
                let (bytes, count) =
                    if is_relocated { (RELOCATED_BYTES, relocated) } else { (OTHER_BYTES, files - relocated) };
                let size = bytes * share / of / count;
                let path =
                    format!("{}/{name}/d{}/f{number}", if is_relocated { "lib" } else { "include" }, number % 50);
                let mut content = noise(&mut random, size);
                if is_relocated {
                    let middle = content.len() / 2;
                    content.splice(middle..middle, b"@PREFIX@/share\0".iter().copied());
                }
                package = package.binary(&path, &content);
            }
            package
        })
        .collect()
}

/// The median of so many runs, each after its own preparation.
fn median(count: usize, mut prepare: impl FnMut(), mut work: impl FnMut()) -> Duration {
    let mut times: Vec<Duration> = (0..count)
        .map(|_| {
            prepare();
            let start = Instant::now();
            work();
            start.elapsed()
        })
        .collect();
    times.sort();
    times[count / 2]
}

fn row(what: &str, ours: Duration, peer: &str, theirs: Duration, asked: &str) {
    let (ours, theirs) = (ours.as_secs_f64(), theirs.as_secs_f64());
    println!("| {what} | {ours:.3} s | {peer} {theirs:.3} s | {:.2} | {asked} |", ours / theirs);
}

fn sh(folder: &Path, script: &str) {
    let status = Command::new("sh").args(["-e", "-c", script]).current_dir(folder).status().unwrap();
    assert!(status.success(), "{script}");
}

/// The largest resident set of a run, in megabytes.
fn peak(world: &World, arguments: &[&str]) -> f64 {
    let mut command = world.command("/usr/bin/time", world.checkout());
    let output = command.args(["-f", "%M", env!("CARGO_BIN_EXE_tagalong")]).args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    said.lines().last().unwrap().parse::<f64>().unwrap() * 1024.0 / 1e6
}

fn main() {
    // `cargo bench` alone would take a minute and 4 GB.
    if std::env::var_os("TAGALONG_BENCH_INSTALL").is_none() {
        return;
    }
    let world = World::with_key();
    let run = |arguments: &[&str]| {
        let mut command = world.tagalong(world.checkout());
        let output = command.args(arguments).stdout(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    world.published("deps-1", &packages("1"));
    world.write("extern-recipes/zlib/recipe.toml", "name = \"zlib\" # 2\n");
    world.published("deps-2", &packages("22"));
    let (prefix, root): (PathBuf, PathBuf) = (world.checkout().join("extern/p"), world.root());
    let first: &[&str] = &["install", "--tag", "deps-1"];
    let second: &[&str] = &["install", "--tag", "deps-2"];
    let no_prefix = || drop(fs::remove_dir_all(&prefix));
    let no_store = || drop(fs::remove_dir_all(world.cache()));

    run(second);
    sh(&root, "cp -a checkout/extern/p tree2");
    run(first);
    sh(&root, "cp -a checkout/extern/p tree && tar -c -C tree . | zstd -q -T0 -3 -o tree.tar.zst");

    let cold = median(
        5,
        || {
            no_prefix();
            no_store()
        },
        || run(first),
    );
    let tar = median(5, || sh(&root, "rm -rf out && mkdir out"), || sh(&root, "tar --zstd -xf tree.tar.zst -C out"));
    row("cold install, `file:` channel", cold, "`tar --zstd -x`", tar, "0.8");
    let warm = median(5, no_prefix, || run(first));
    let linked = median(5, || sh(&root, "rm -rf out"), || sh(&root, "cp -al tree out"));
    row("warm install", warm, "`cp -al`", linked, "1.3 and a copy of the relocated files");
    let copied = median(5, || sh(&root, "rm -rf out"), || sh(&root, "cp -a tree out"));
    row("warm install", warm, "`cp -a`", copied, "-");
    let change = median(5, || run(first), || run(second));
    let rsync = median(5, || sh(&root, "rm -rf out"), || sh(&root, "rsync -a --link-dest=../tree tree2/ out/"));
    row("change to a tag that shares 38 of 40", change, "`rsync -a --link-dest`", rsync, "0.5");
    run(first);
    let already = median(15, || (), || run(first));
    println!("| install when installed | {:.1} ms | | | 8 ms |", already.as_secs_f64() * 1000.0);
    no_prefix();
    let warm_peak = peak(&world, first);
    no_prefix();
    no_store();
    println!("| peak memory, cold and warm | {:.0} MB, {warm_peak:.0} MB | | | 150 MB |", peak(&world, first));
}

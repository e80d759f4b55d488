//! Installing the bundle of field measurements (40 packages, one of them half of all bytes; 20,000 files, 542 MB, 1,225
//! of them with the prefix, in 328 MB) against tar, cp and rsync with the same tree: for `scripts/bench-install`.
//!
//! Prints rows of a Markdown table; each figure is the median of several, ours and the peer's in turns.

mod field_bundle;
mod timing;
#[path = "../tests/world/mod.rs"]
mod world;

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;

use field_bundle::packages;
use timing::{Work, median, medians, peak, rounds, row, sh, timed};
use world::World;

/// `TAGALONG_BENCH_INSTALL`: by how much everything is smaller; 1 for the figures, 20 to try the program out.
fn scale() -> Option<usize> {
    std::env::var("TAGALONG_BENCH_INSTALL").ok()?.parse().ok()
}

/// Runs the program on these processors, as taskset(1) lists them.
fn run_on(world: &World, processors: &str, arguments: &[&str]) {
    let mut command = world.command("taskset", world.checkout());
    let command = command.args(["-c", processors, env!("CARGO_BIN_EXE_tagalong")]).args(arguments);
    let output = command.stdout(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn main() {
    // `cargo bench` alone would take minutes and 4 GB.
    let Some(scale) = scale() else { return };
    let world = World::with_key();
    let run = |arguments: &[&str]| {
        let mut command = world.tagalong(world.checkout());
        let output = command.args(arguments).stdout(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    world.published("deps-1", &packages("1", scale));
    world.write("extern-recipes/zlib/recipe.toml", "name = \"zlib\" # 2\n");
    world.published("deps-2", &packages("22", scale));
    let (prefix, root): (PathBuf, PathBuf) = (world.checkout().join("extern/p"), world.root());
    let first: &[&str] = &["install", "--tag", "deps-1"];
    let second: &[&str] = &["install", "--tag", "deps-2"];
    let hard: &[&str] = &["install", "--tag", "deps-1", "--link", "hard"];
    let second_hard: &[&str] = &["install", "--tag", "deps-2", "--link", "hard"];
    let no_prefix = || drop(fs::remove_dir_all(&prefix));
    let no_store = || {
        no_prefix();
        drop(fs::remove_dir_all(world.cache()));
    };
    let no_out = || sh(&root, "rm -rf out && mkdir out");

    run(second);
    sh(&root, "cp -a checkout/extern/p tree2");
    run(first);
    sh(&root, "cp -a checkout/extern/p tree && tar -c -C tree . | zstd -q -T0 -9 -o tree.tar.zst");
    // rsync tells equal files by size and time: the best case for it.
    sh(&root, "find tree tree2 -exec touch -h -d @1 {} +; find tree2/*/p38 tree2/*/p39 -exec touch -h -d @2 {} +");

    for (count, processors, asked) in [("two processors", "0,1", "0.8"), ("one processor", "0", "1.0")] {
        let untar = format!("taskset -c {processors} tar --zstd -xf tree.tar.zst -C out");
        let times = medians((&no_store, &|| run_on(&world, processors, first)), (&no_out, &|| sh(&root, &untar)));
        row(&format!("cold install, `file:` channel, {count}"), "`tar --zstd -x`", times, asked);
    }
    let copied: Work<'_> = (&no_out, &|| sh(&root, "cp -a tree/. out"));
    row("warm install, decoding", "`cp -a`", medians((&no_prefix, &|| run(first)), copied), "-");

    // Once for the unpacked packages.
    no_prefix();
    println!("| first `--link hard`, unpacking | {:.3} s | | | - |", timed(&|| run(hard)));
    let linked: Work<'_> = (&no_out, &|| sh(&root, "cp -al tree/. out"));
    let (ours, links) = medians((&no_prefix, &|| run(hard)), linked);
    // All files that hold the prefix lie there.
    let copies = median(
        (0..rounds())
            .map(|_| {
                no_out();
                timed(&|| sh(&root, "cp -a tree/lib out"))
            })
            .collect(),
    );
    let asked = format!("{:.2}: 1.3 of `cp -al`, and the copy", (1.3 * links + copies) / (links + copies));
    let peer = format!("`cp -al` {links:.3} s and `cp -a` of the relocated {copies:.3} s, together");
    row("warm install, `--link hard`", &peer, (ours, links + copies), &asked);

    let rsync: Work<'_> = (&no_out, &|| sh(&root, "rsync -a --link-dest=../tree tree2/ out/"));
    let what = "change to a tag that shares 38 of 40";
    row(
        &format!("{what}, decoding"),
        "`rsync -a --link-dest`",
        medians((&|| run(first), &|| run(second)), rsync),
        "0.5",
    );
    run(second_hard);
    let times = medians((&|| run(hard), &|| run(second_hard)), rsync);
    row(&format!("{what}, `--link hard`"), "`rsync -a --link-dest`", times, "0.5");

    run(first);
    let already = median((0..3 * rounds()).map(|_| timed(&|| run(first))).collect());
    println!("| install when installed | {:.1} ms | | | 8 ms |", already * 1000.0);
    let peak_of = |arguments: &[&str]| {
        let command = [&[env!("CARGO_BIN_EXE_tagalong")], arguments].concat();
        peak(world.command("/usr/bin/time", world.checkout()), &command)
    };
    no_prefix();
    let linked = peak_of(hard);
    no_prefix();
    let warm = peak_of(first);
    no_store();
    let cold = peak_of(first);
    println!("| peak memory: cold, warm, `--link hard` | {cold:.0} MB, {warm:.0} MB, {linked:.0} MB | | | 150 MB |");
}

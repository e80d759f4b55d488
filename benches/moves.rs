//! Bisecting with the bundle of field measurements, and moving the installed tree: for `scripts/bench-moves`.
//!
//! Prints rows of a Markdown table; each figure is the median of several, but the slowest peer's, which runs once.

mod field_bundle;
mod timing;
#[path = "../tests/world/mod.rs"]
mod world;

use std::cell::Cell;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use field_bundle::packages;
use timing::{median, medians, peak, rounds, row, sh, timed};
use world::World;

fn main() {
    // `cargo bench` alone would take minutes and 4 GB.
    let scale = std::env::var("TAGALONG_BENCH_MOVES").ok().and_then(|text| text.parse().ok());
    let Some(scale) = scale else { return };
    let world = World::with_key();
    bisect(&world, scale);
    sh(&world.root(), "cp -a checkout/extern/p tree");
    relocate(&world.root());
}

/// What an install adds to a step of `git bisect run`: 20 commits, of which each third has a tag; the store has all
/// bundles, and the step itself looks at a file.
fn bisect(world: &World, scale: usize) {
    let first_bad = 13;
    for number in 0..20 {
        world.write("step", format!("{number}\n"));
        if number % 3 == 0 && number < 18 {
            world.write("extern-recipes/zlib/recipe.toml", format!("name = \"zlib\" # bisect {number}\n"));
            world.published(&format!("deps-b{number}"), &packages(&"b".repeat(3 + number), scale));
            let mut command = world.tagalong(world.checkout());
            assert!(command.arg("install").output().unwrap().status.success());
        } else {
            world.commit();
        }
    }
    let steps = Cell::new(0);
    let look = format!("test $(cat step) -lt {first_bad}");
    let run = |script: &str| {
        world.git(&["bisect", "reset"]);
        world.git(&["bisect", "start", "HEAD", "HEAD~19"]);
        let output = world.git(&["bisect", "run", "sh", "-c", script]);
        assert!(output.contains("is the first"), "{output}");
        steps.set(output.matches("running").count());
    };
    let install = format!("{} install >/dev/null && {look}", env!("CARGO_BIN_EXE_tagalong"));
    let nothing = || ();
    let (with, without) = medians((&nothing, &|| run(&install)), (&nothing, &|| run(&look)));
    let count = steps.get();
    println!(
        "| `git bisect run`, 20 commits, 6 tags: added to each of {count} steps | {:.3} s | | | 0.5 s |",
        (with - without) / count as f64
    );
    world.git(&["bisect", "reset"]);
}

/// An installed tree at another prefix of the same length, its places known, against what scripts do.
fn relocate(root: &Path) {
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let (one, two) = (text(&root.join("checkout/extern/p")), text(&root.join("checkout/extern/q")));
    sh(root, "rm -rf moved tree2 && cp -a tree moved && cp -a tree looped");
    let tagalong = env!("CARGO_BIN_EXE_tagalong");
    sh(root, &format!("{tagalong} relocate moved --from {one} --to {two} --record record >/dev/null 2>&1"));
    let here = Cell::new(true);
    let ours = || {
        let aim = if here.replace(!here.get()) { &one } else { &two };
        sh(root, &format!("{tagalong} relocate moved --to {aim} --record record >/dev/null 2>&1"));
    };
    let turn = Cell::new(true);
    let from_to = || if turn.replace(!turn.get()) { (&one, &two) } else { (&two, &one) };
    let nothing = || ();
    // What hand-written bootstrap steps do: each file is looked at, and edited by a program of its own.
    let each = || {
        let (from, to) = from_to();
        let edit = format!(
            "for file; do case $(head -c 4 \"$file\" | tr -d '\\177\\0') in \
             ELF) patchelf --set-rpath {to}/lib \"$file\";; *) sed -i 's|{from}|{to}|g' \"$file\";; esac; done"
        );
        fs::write(root.join("each.sh"), edit).unwrap();
        sh(root, "find looped -type f -exec sh each.sh {} +");
    };
    row(
        "`relocate` of the installed tree, places known",
        "each file by `sed` or `patchelf`",
        (median((0..rounds()).map(|_| timed(&ours)).collect()), timed(&each)),
        "0.05",
    );
    let found = || {
        let (from, to) = from_to();
        sh(root, &format!("grep -rlZ {from} looped | xargs -0 sed -i 's|{from}|{to}|g'"));
    };
    row("the same", "`grep -rl`, one `sed`", medians((&nothing, &ours), (&nothing, &found)), "-");
    let aim = if here.get() { &one } else { &two };
    let mut time = Command::new("/usr/bin/time");
    time.current_dir(root).stdout(Stdio::null());
    println!(
        "| its peak memory | {:.0} MB | | | 150 MB |",
        peak(time, &[tagalong, "relocate", "moved", "--to", aim, "--record", "record"])
    );
}

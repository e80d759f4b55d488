//! Medians of runs in turns, and rows of a Markdown table.

#![allow(dead_code)] // Each program uses its own part.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

/// What is done before each run, and what is timed.
pub type Work<'a> = (&'a dyn Fn(), &'a dyn Fn());

/// How many runs a median is of.
pub fn rounds() -> usize {
    std::env::var("RUNS").ok().and_then(|text| text.parse().ok()).unwrap_or(5)
}

/// The medians of ours and of the peer's, in turns, each after its own preparation.
pub fn medians(ours: Work<'_>, theirs: Work<'_>) -> (f64, f64) {
    let (mut our_times, mut their_times) = (Vec::new(), Vec::new());
    for _ in 0..rounds() {
        for ((prepare, work), times) in [(ours, &mut our_times), (theirs, &mut their_times)] {
            prepare();
            times.push(timed(work));
        }
    }
    (median(our_times), median(their_times))
}

/// In seconds.
pub fn timed(work: &dyn Fn()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64()
}

pub fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

pub fn row(what: &str, peer: &str, (ours, theirs): (f64, f64), asked: &str) {
    println!("| {what} | {ours:.3} s | {peer} {theirs:.3} s | {:.3} | {asked} |", ours / theirs);
}

/// Runs a script that must succeed.
pub fn sh(folder: &Path, script: &str) {
    let status = Command::new("sh").args(["-e", "-c", script]).current_dir(folder).status().unwrap();
    assert!(status.success(), "{script}");
}

/// The largest resident set of a command that time(1) is put before, in megabytes.
pub fn peak(mut time: Command, command: &[&str]) -> f64 {
    let output = time.args(["-f", "%M"]).args(command).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    said.lines().last().unwrap().parse::<f64>().unwrap() * 1024.0 / 1e6
}

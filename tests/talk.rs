//! How a run talks: bars on a terminal, lines in a log, folding marks in a GitLab job.

mod world;

use world::World;
use world::bundle::Package;

/// Bytes that do not compress, enough for more than one step of a fetch.
fn noise(count: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    };
    (0..count).map(|_| next()).collect()
}

fn world() -> World {
    let world = World::with_key();
    world.published("deps-1", &[Package::new("noise").binary("share/noise", &noise(24 << 20))]).forget_cache();
    world
}

#[test]
fn terminal_sees_a_bar_with_size_and_rate_and_a_log_sees_one_line() {
    let world = world();
    let plain = world.run("install").succeeds().stderr;
    assert!(plain.starts_with("noise: fetched 25,"), "{plain}");
    assert!(!plain.contains('\x1b') && !plain.contains('\r'), "a log has no control characters: {plain:?}");

    world.run("uninstall").succeeds();
    world.forget_cache();
    let mut script = world.command("script", world.checkout());
    let program = env!("CARGO_BIN_EXE_tagalong");
    script.args([
        "--quiet",
        "--return",
        "--command",
        &format!("stty cols 100 rows 30; {program} install"),
        "/dev/null",
    ]);
    let output = script.env("TERM", "xterm").output().unwrap();
    let seen = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{seen}");
    assert!(seen.contains("noise") && seen.contains("MiB/24."), "no bar in {seen:?}");
    assert!(seen.contains("/s"), "no rate in {seen:?}");
    assert!(!seen.contains("fetched"), "what the bar has shown is not said again: {seen:?}");
    assert!(seen.contains("installed deps-1"), "{seen:?}");
}

#[test]
fn gitlab_job_gets_marks_around_what_a_verb_says() {
    let world = world().with("GITLAB_CI", "true");
    let said = world.run("install").succeeds().stderr;
    let mark = |end: &str| said.find(&format!("\x1b[0Ksection_{end}:")).unwrap_or_else(|| panic!("{said:?}"));
    let (start, end) = (mark("start"), mark("end"));
    let fetched = said.find("noise: fetched").unwrap();
    assert!(start < fetched && fetched < end, "{said:?}");
    let name = |at: usize| said[at..].split([':', '\r']).nth(2).unwrap().to_owned();
    assert_eq!(name(start), "tagalong_install");
    assert_eq!(name(end), "tagalong_install");
}

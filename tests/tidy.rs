//! The architecture as a test: floors, doors, sizes, and who may print. Reads the sources, runs nothing.
//!
//! A failure names the file and line, the rule, and where the code belongs.

use std::fs;
use std::path::{Path, PathBuf};

/// The rooms and their floors; imports go down, or stay inside a room.
const FLOORS: [(&str, u8); 35] = [
    ("model", 0),
    ("moment", 1),
    ("nearest", 1),
    ("percent", 1),
    ("toml_file", 1),
    ("recipe_file", 1),
    ("recipe_import", 1),
    ("project_file", 1),
    ("relocate", 1),
    ("audit", 1),
    ("compare", 1),
    ("pipeline", 1),
    ("plan", 1),
    ("report", 1),
    ("checkout", 2),
    ("host", 2),
    ("http", 2),
    ("channel", 2),
    ("archive", 2),
    ("at_once", 2),
    ("durable", 2),
    ("lock", 2),
    ("place", 2),
    ("rewrite", 2),
    ("store", 2),
    ("prefix_dir", 2),
    ("sources", 2),
    ("recipe_folder", 2),
    ("tree", 2),
    ("builder", 2),
    ("search", 2),
    ("signing", 2),
    ("flow", 3),
    ("cli", 4),
    ("main", 5),
];

/// The rooms that an outside crate may be used in. Crates of plain values are free everywhere.
const DOORS: [(&str, &[&str]); 26] = [
    ("aho_corasick", &["relocate"]),
    ("annotate_snippets", &["cli"]),
    ("base64", &["http", "signing"]),
    ("bzip2", &["archive"]),
    ("clap", &["cli"]),
    ("clap_complete", &["cli"]),
    ("flate2", &["archive"]),
    ("gix", &["checkout"]),
    ("goblin", &["relocate"]),
    ("indicatif", &["cli"]),
    ("jiff", &["moment"]),
    ("jobserver", &["builder"]),
    ("liblzma", &["archive"]),
    ("minisign", &["signing"]),
    ("minisign_verify", &["signing"]),
    ("reqwest", &["http"]),
    ("rustls", &["http"]),
    // System calls without a safe wrapper in std; each room its own few.
    (
        "rustix",
        &[
            "archive",
            "builder",
            "channel",
            "checkout",
            "durable",
            "host",
            "lock",
            "prefix_dir",
            "rewrite",
            "store",
            "tree",
        ],
    ),
    ("saphyr_parser", &["recipe_import"]),
    ("sha2", &["model"]),
    ("signal_hook", &["cli"]),
    ("spdx", &["recipe_file"]),
    ("strsim", &["toml_file"]),
    ("toml", &["toml_file"]),
    ("zip", &["archive"]),
    ("zstd", &["archive"]),
];

/// What only floor 2 and above may touch.
const WORLD: [&str; 8] =
    ["std::fs", "fs_err", "std::env", "std::process", "std::net", "SystemTime", "Instant::now", "std::thread"];

const LONGEST_FILE: usize = 400;

struct Source {
    path: PathBuf,
    room: String,
    /// The lines of the program proper: those of `mod tests` at the end are left out.
    lines: Vec<(usize, String)>,
    all_lines: usize,
    head: String,
}

impl Source {
    fn read(path: PathBuf) -> Source {
        let text = fs::read_to_string(&path).unwrap();
        let below = path.strip_prefix("src").unwrap();
        let room = below.components().next().unwrap().as_os_str().to_str().unwrap().trim_end_matches(".rs").to_owned();
        let program = text.lines().take_while(|line| *line != "#[cfg(test)]");
        let is_code = |line: &str| !line.trim_start().starts_with("//");
        let lines = program.enumerate().filter(|(_, line)| is_code(line));
        Source {
            lines: lines.map(|(number, line)| (number + 1, line.to_owned())).collect(),
            all_lines: text.lines().count(),
            head: text.lines().next().unwrap_or_default().to_owned(),
            path,
            room,
        }
    }

    fn floor(&self) -> u8 {
        floor_of(&self.room).unwrap_or_else(|| {
            panic!(
                "{}: the room `{}` stands on no floor; put it into FLOORS of tests/tidy.rs",
                self.path.display(),
                self.room
            )
        })
    }

    fn at(&self, number: usize) -> String {
        format!("{}:{number}", self.path.display())
    }
}

fn floor_of(room: &str) -> Option<u8> {
    FLOORS.iter().find(|(name, _)| *name == room).map(|(_, floor)| *floor)
}

fn sources() -> Vec<Source> {
    let mut found = Vec::new();
    let mut open = vec![PathBuf::from("src")];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") && path != Path::new("src/lib.rs") {
                found.push(Source::read(path));
            }
        }
    }
    assert!(found.len() > 20, "the sources were not found");
    found
}

#[track_caller]
fn report(mut breaches: Vec<String>) {
    breaches.sort();
    assert!(breaches.is_empty(), "\n{}\n", breaches.join("\n"));
}

/// The rooms that a line names after `crate::`.
fn rooms_named(line: &str) -> Vec<&str> {
    let names = line.split("crate::").skip(1);
    names.map(|rest| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap()).collect()
}

#[test]
fn imports_go_down_only() {
    let mut breaches = Vec::new();
    for source in sources() {
        for (number, line) in &source.lines {
            for room in rooms_named(line) {
                let Some(floor) = floor_of(room) else { continue };
                if floor > source.floor() {
                    breaches.push(format!(
                        "{}: {} (floor {}) imports {room} (floor {floor}); hand the fact in as an argument, or move this code up",
                        source.at(*number), source.room, source.floor()
                    ));
                }
            }
        }
    }
    report(breaches);
}

#[test]
fn flows_do_not_call_flows() {
    // An install may build what has drifted, a build that is made twice compares what came out, and a relocation ends
    // with the audit's look at the new tree.
    const PARTS: [(&str, &str); 3] = [("install", "build"), ("build", "diff"), ("relocate", "audit")];
    let mut breaches = Vec::new();
    for source in sources().iter().filter(|source| source.room == "flow") {
        let below = source.path.strip_prefix("src/flow").unwrap();
        let own = below.components().next().unwrap().as_os_str().to_str().unwrap().trim_end_matches(".rs").to_owned();
        // The files of one flow may know each other.
        let is_other = |line: &str| {
            let named = line.split("crate::flow::").nth(1);
            let other = named.and_then(|rest| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next());
            other.is_some_and(|other| other != own && !PARTS.contains(&(own.as_str(), other)))
        };
        for (number, line) in source.lines.iter().filter(|(_, line)| is_other(line)) {
            breaches.push(format!("{}: `{}`; move what both need to a room below", source.at(*number), line.trim()));
        }
    }
    report(breaches);
}

#[test]
fn every_outside_crate_has_one_door() {
    let manifest = fs::read_to_string("Cargo.toml").unwrap();
    let mut breaches = Vec::new();
    for source in sources() {
        for (name, rooms) in DOORS {
            assert!(
                manifest.contains(&format!("\n{}", name.replace('_', "-"))) || manifest.contains(&format!("\n{name}")),
                "{name} is no dependency"
            );
            for (number, line) in &source.lines {
                let is_used = line.contains(&format!("{name}::"))
                    && !line.contains(&format!("_{name}::"))
                    && !line.contains(&format!("::{name}::"));
                if is_used && !rooms.contains(&source.room.as_str()) {
                    breaches.push(format!(
                        "{}: uses `{name}`, whose door is {rooms:?}; call that room instead",
                        source.at(*number)
                    ));
                }
            }
        }
    }
    report(breaches);
}

#[test]
fn floors_0_and_1_do_not_touch_the_world() {
    let mut breaches = Vec::new();
    for source in sources().iter().filter(|source| source.floor() < 2) {
        for (number, line) in &source.lines {
            for word in WORLD.iter().filter(|word| line.contains(**word)) {
                breaches.push(format!(
                    "{}: `{word}` on floor {}; do it in a room of floor 2 and hand in the bytes",
                    source.at(*number),
                    source.floor()
                ));
            }
        }
    }
    report(breaches);
}

#[test]
fn everything_is_printed_through_the_room_that_survives_a_closed_pipe() {
    let words = ["println!", "eprintln!", " print!(", "eprint!("];
    let mut breaches = Vec::new();
    for source in &sources() {
        for (number, line) in &source.lines {
            for word in words.iter().filter(|word| line.contains(**word)) {
                breaches.push(format!(
                    "{}: `{word}` panics where nobody reads; `cli/print.rs` does not",
                    source.at(*number)
                ));
            }
        }
    }
    report(breaches);
}

#[test]
fn nothing_below_the_cli_prints_or_reads_the_environment() {
    let words =
        ["println!", "eprintln!", "print!(", "eprint!(", "dbg!(", "env::var", "env::args", "stderr()", "stdout()"];
    let mut breaches = Vec::new();
    for source in sources().iter().filter(|source| source.floor() < 4) {
        for (number, line) in &source.lines {
            for word in words.iter().filter(|word| line.contains(**word)) {
                breaches.push(format!(
                    "{}: `{word}`; tell an Event and word it in cli/talk.rs, or read it in cli/settings.rs",
                    source.at(*number)
                ));
            }
        }
    }
    report(breaches);
}

#[test]
fn no_file_is_longer_than_a_noun() {
    let is_long = |source: &&Source| source.all_lines > LONGEST_FILE;
    let breach = |source: &Source| {
        format!("{}: {} lines; a second noun is in it, give it a file", source.path.display(), source.all_lines)
    };
    report(sources().iter().filter(is_long).map(breach).collect());
}

#[test]
fn every_file_says_what_it_owns() {
    let is_bare = |source: &&Source| !source.head.starts_with("//! ");
    let breach = |source: &Source| format!("{}: its first line is no `//!` sentence", source.path.display());
    report(sources().iter().filter(is_bare).map(breach).collect());
}

#[test]
fn nothing_is_unsafe_unwrapped_unfinished_or_thrown_away() {
    let mut breaches = Vec::new();
    for source in sources() {
        let mut before = String::new();
        for (number, line) in &source.lines {
            for word in ["unsafe ", ".unwrap()", "todo!(", "unimplemented!(", "use super::*"] {
                if line.contains(word) {
                    breaches.push(format!("{}: `{}`", source.at(*number), word.trim()));
                }
            }
            before.clone_from(line);
        }
        let text = fs::read_to_string(&source.path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        for (place, line) in lines.iter().enumerate().filter(|(_, line)| line.contains("let _ =")) {
            let is_explained = line.contains("//")
                || lines[..place].iter().rev().take(3).any(|above| above.trim_start().starts_with("//"));
            if !is_explained {
                breaches.push(format!("{}: a result is thrown away without a word why", source.at(place + 1)));
            }
        }
    }
    report(breaches);
}

#[test]
fn every_dependency_says_what_it_is_for() {
    let manifest = fs::read_to_string("Cargo.toml").unwrap();
    let lines: Vec<&str> = manifest.lines().collect();
    let start = lines.iter().position(|line| *line == "[dependencies]").unwrap();
    let end = lines.iter().position(|line| line.starts_with("[profile")).unwrap();
    for place in start + 1..end {
        if lines[place].contains('=') && !lines[place].starts_with('#') {
            assert!(lines[place - 1].starts_with("# "), "`{}` has no sentence above it", lines[place]);
        }
    }
}

#[test]
fn no_host_of_a_registry_and_no_path_of_a_machine_stands_in_the_tree() {
    // Put together here, so that this file passes its own test.
    let words = [
        ["crates", ".io"],
        ["pypi", ".org"],
        ["python", "hosted"],
        ["npm", "js.org"],
        ["deb.", "debian.org"],
        ["/ro", "ot/"],
        ["/wo", "rk/main"],
    ];
    let listed = std::process::Command::new("git").args(["ls-files", "-z"]).output().unwrap();
    let mut breaches = Vec::new();
    for path in String::from_utf8(listed.stdout).unwrap().split_terminator('\0').filter(|path| *path != "Cargo.lock") {
        // A file that is deleted but not yet committed is still listed.
        let Ok(bytes) = fs::read(path) else { continue };
        let text = String::from_utf8_lossy(&bytes);
        for word in words.iter().map(|parts| parts.concat()).filter(|word| text.contains(word)) {
            breaches.push(format!("{path}: holds `{word}`"));
        }
    }
    report(breaches);
}

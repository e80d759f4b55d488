//! The tag law on the shape of a real history: 26,543 commits, 147 deps tags, 397 commits to resolve.
//!
//! What each law has to find stands in `tests/history/expected.tsv`; see the README beside it.

mod world;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tagalong::checkout::{Checkout, Error, Resolution, Wanted};
use world::World;

/// One line of the table.
struct Probe {
    name: String,
    date: Option<Vec<String>>,
    first_parent: Option<Vec<String>>,
    maximal: Option<Vec<String>>,
    is_drifted: bool,
}

fn probes() -> Vec<Probe> {
    let table = include_str!("history/expected.tsv");
    let names = |cell: &str| (cell != "-").then(|| cell.split('|').map(str::to_owned).collect::<Vec<_>>());
    let probe = |line: &str| {
        let cells: Vec<&str> = line.split('\t').collect();
        // No commit of this history has several maximal tagged commits; they would be parted by `;`.
        assert!(!cells[4].contains(';'), "{line}");
        Probe {
            name: format!("refs/{}", cells[0]),
            date: names(cells[1]),
            first_parent: names(cells[2]),
            maximal: names(cells[4]),
            is_drifted: cells[5] == "drift",
        }
    };
    table.lines().skip(1).map(probe).collect()
}

/// The history in the checkout of a world.
fn history() -> World {
    let world = World::new();
    let stream = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/history/real-history.fi.gz");
    let mut unpacked = Command::new("gzip").arg("-dc").arg(stream).stdout(Stdio::piped()).spawn().unwrap();
    let mut import = world.command("git", world.checkout());
    import.args(["fast-import", "--quiet"]).stdin(unpacked.stdout.take().unwrap());
    assert!(import.status().unwrap().success() && unpacked.wait().unwrap().success());
    world
}

fn resolve(checkout: &Checkout, probe: &Probe) -> Option<Resolution> {
    let wanted = Wanted { commit: Some(probe.name.clone()), forced: None };
    match checkout.resolve(&wanted) {
        Ok(resolution) => Some(resolution),
        Err(Error::NoTag { .. }) => None,
        Err(error) => panic!("{}: {error}", probe.name),
    }
}

/// The names of all tags on the commit that was found, in order of name.
fn names(resolution: &Resolution) -> Vec<String> {
    let mut names = resolution.other_tags.clone();
    names.push(resolution.tag.to_string());
    names.sort();
    names
}

fn check(folder: PathBuf, every: usize, expected: impl Fn(&Probe) -> &Option<Vec<String>>, checks_drift: bool) {
    let checkout = Checkout::open(&folder).unwrap();
    let probes = probes();
    assert_eq!(probes.len(), 397);
    for probe in probes.iter().step_by(every) {
        let found = resolve(&checkout, probe);
        assert_eq!(found.as_ref().map(names), *expected(probe), "{}", probe.name);
        if let Some(found) = found.filter(|_| checks_drift) {
            assert_eq!(!found.drift.is_empty(), probe.is_drifted, "{}", probe.name);
            assert_eq!(found.recipes != found.recipes_of_tag, probe.is_drifted, "{}", probe.name);
        }
    }
}

/// Checks every probe under the law of maximal ones, and one of `every` under the two others.
fn check_all(world: &World, every: usize) {
    let folder = || world.checkout().to_owned();
    check(folder(), 1, |probe| &probe.maximal, false);
    world.write("tagalong.toml", "[project]\nname = \"history\"\nwalk = \"first-parent\"\n");
    check(folder(), every, |probe| &probe.first_parent, false);
    world.write("tagalong.toml", "[project]\nname = \"history\"\nwalk = \"date\"\n");
    check(folder(), every, |probe| &probe.date, true);
}

#[test]
fn every_probe_agrees_with_the_table() {
    // Without a commit-graph a walk to the root takes its time.
    check_all(&history(), 4);
}

#[test]
fn every_probe_agrees_with_the_table_under_every_law_with_a_commit_graph_and_packed_refs() {
    let world = history();
    world.git(&["commit-graph", "write", "--reachable"]);
    world.git(&["pack-refs", "--all"]);
    check_all(&world, 1);
}

#[test]
fn binary_gives_the_table_s_tag_and_the_distance_that_git_counts() {
    let world = history();
    // Packed as a clone would be: newest first.
    world.git(&["repack", "-adq"]);
    for probe in probes().iter().step_by(97) {
        let Some(expected) = &probe.maximal else { continue };
        let run = world.run_with(&["resolve", "--json", &probe.name]).succeeds();
        let json = run.json();
        assert!(expected.contains(&json["tag"].as_str().unwrap().to_owned()), "{}", probe.name);
        let range = format!("{}..{}", json["tagged_commit"].as_str().unwrap(), probe.name);
        assert_eq!(json["distance"].to_string(), world.git(&["rev-list", "--count", &range]), "{}", probe.name);
    }
}

//! Installs and publications through a network that breaks at random: each ends right or with an error of its own, and
//! what is left is the old state or the new one, whatever happened.
//!
//! The seed of each run is printed; `TAGALONG_SEED=N` runs that one alone. `TAGALONG_TORTURE=1` runs 500 installs and
//! 300 publications instead of a few, the same for each kind of channel in turn.

mod contract;
mod servers;
mod world;

use std::fs;
use std::io::{Read, Seek};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use servers::nginx::Dav;
use servers::proxy::{Fault, Proxy};
use servers::{Place, gitlab, nginx, radosgw, registry};
use tagalong::model::digest::Digest;
use world::World;
use world::bundle::Package;
use world::random::Random;

/// How many runs are made at once: most of their time they wait.
const AT_ONCE: usize = 6;

/// How many bytes a package has, so that faults hit within and between them.
const LARGE: usize = 200 << 10;

/// Any place of an answer; half of them in its head and its first bytes.
fn place(random: &mut Random) -> usize {
    let limit = if random.below(2) == 0 { 600 } else { LARGE };
    random.below(limit)
}

/// Any fault.
fn fault(random: &mut Random) -> Fault {
    match random.below(11) {
        0 => Fault::Cut(place(random)),
        1 => Fault::Reset(place(random)),
        2 => Fault::Stall(place(random)),
        3 => Fault::FlipAnswer(place(random)),
        4 => Fault::FlipQuestion(place(random)),
        5 => Fault::Error,
        6 => Fault::Garbage,
        7 => Fault::WrongLength,
        8 => Fault::Duplicate(place(random)),
        9 => Fault::Truncate(place(random)),
        _ => Fault::None,
    }
}

/// The faults of one run: some of its connections, or a burst at its start, or all of them.
fn broken(server: u16, seed: u64) -> Proxy {
    let (random, count) = (Mutex::new(Random::new(seed)), AtomicUsize::new(0));
    let (sort, burst) = {
        let mut random = random.lock().unwrap();
        (random.below(8), random.below(6))
    };
    let next = move || {
        let number = count.fetch_add(1, Ordering::Relaxed);
        let mut random = random.lock().unwrap();
        match sort {
            // For ever.
            0 => fault(&mut random),
            1 if number < burst => Fault::Error,
            _ if number < burst || random.below(3) > 0 => fault(&mut random),
            _ => Fault::None,
        }
    };
    Proxy::start(server, Box::new(next))
}

fn packages(seed: u64) -> [Package; 3] {
    let file = |name: &str, more: u64| contract::noise(seed * 10 + more, LARGE + name.len());
    [
        Package::new("zlib").text("lib/zlib.pc", "prefix=@PREFIX@\n").binary("lib/libz.so", &file("zlib", 1)),
        Package::new("libpng").needs("zlib").binary("lib/libpng.so", &file("libpng", 2)),
        Package::new("hdf5").needs("zlib").binary("lib/libhdf5.so", &file("hdf5", 3)),
    ]
}

fn places() -> Vec<Place> {
    let mut places = vec![
        nginx::start(Dav::Whole).0.clone(),
        nginx::start(Dav::Puts).0.clone(),
        registry::start().clone(),
        gitlab::start().clone(),
        named(gitlab::start(), "redirect"),
    ];
    if is_torture() {
        // It takes half a minute to start.
        places.push(radosgw::start().clone());
    }
    places
}

fn is_torture() -> bool {
    std::env::var_os("TAGALONG_TORTURE").is_some()
}

fn named(place: &Place, how: &str) -> Place {
    Place { address: place.address.replace("NAME", &format!("{how}-NAME")), ..place.clone() }
}

/// Runs `one` with so many seeds, several at once; a panic in one is one of the test.
fn with_seeds(few: u64, many: u64, one: impl Fn(u64) + Sync) {
    let alone = std::env::var("TAGALONG_SEED").ok().and_then(|seed| seed.parse().ok());
    let seeds: Vec<u64> = match alone {
        Some(seed) => vec![seed],
        None => {
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
            let first = now.as_secs() % 1_000_000 * 1000;
            (first..first + if is_torture() { many } else { few }).collect()
        }
    };
    let (next, ends) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let run = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| one(*seed)));
                    if run.is_err() {
                        ends.lock().unwrap().push(*seed);
                    }
                }
            });
        }
    });
    println!("seeds {} to {}", seeds[0], seeds[seeds.len() - 1]);
    let ends = ends.into_inner().unwrap();
    assert!(ends.is_empty(), "run again with `TAGALONG_SEED={}`: {ends:?}", ends[0]);
}

/// The exit codes that a broken network may lead to: nothing found where a 404 was made of another answer, refused
/// bytes, the network itself; a read-only server where a status was changed.
#[track_caller]
fn assert_right_error(run: &world::Run, seed: u64) {
    let is_error = [2, 3, 4, 5].contains(&run.code) && run.stderr.contains("error: ") && run.stderr.contains("why: ");
    assert!(run.code == 0 || is_error, "seed {seed}: exit {}: {}", run.code, run.stderr);
    assert!(!run.stderr.contains("panicked"), "seed {seed}: {}", run.stderr);
}

fn through(world: &World, from: u16, to: u16) {
    let project = world.read("tagalong.toml");
    world.write("tagalong.toml", project.replace(&format!("127.0.0.1:{from}"), &format!("127.0.0.1:{to}")));
}

/// The bytes of the files that an install brings.
fn installed(world: &World) -> Option<Digest> {
    let paths = ["lib/libz.so", "lib/libpng.so", "lib/libhdf5.so"];
    let root = world.checkout().join("extern/p");
    let bytes: Option<Vec<Vec<u8>>> = paths.iter().map(|path| fs::read(root.join(path)).ok()).collect();
    bytes.map(|bytes| Digest::of(&bytes.concat()))
}

/// A channel that was published to, and what an install from it brings.
struct Origin {
    place: Place,
    key: std::path::PathBuf,
    project: String,
    tree: Option<Digest>,
}

#[test]
fn every_faulty_install_ends_right_or_with_the_right_error() {
    let counts = [const { AtomicUsize::new(0) }; 9];
    let mut channels = Vec::new();
    let keys = tempfile::tempdir().unwrap();
    for place in places() {
        let world = contract::world_at(&place.fresh(), &place.writer);
        let world = world.with("TAGALONG_TIMEOUT", "2");
        world.published("deps-1", &packages(1)).run("install").succeeds();
        let key = keys.path().join(channels.len().to_string());
        fs::copy(world.key_path(), &key).unwrap();
        channels.push(Origin { place, key, project: world.read("tagalong.toml"), tree: installed(&world) });
    }
    with_seeds(40, 500, |seed| {
        let Origin { place, key, project, tree } = &channels[usize::try_from(seed).unwrap() % channels.len()];
        let world = place.writer.iter().fold(World::with_key(), |world, (name, value)| world.with(name, value));
        let world = world.with("TAGALONG_TIMEOUT", "2");
        fs::copy(key, world.key_path()).unwrap();
        world.write("tagalong.toml", project).write(".gitignore", "/extern/\n");
        world.commit().tag("deps-1");
        let server = place.port.unwrap();
        let proxy = broken(server, seed);
        through(&world, server, proxy.port);
        let run = world.run("install");
        println!("seed {seed}: {} {:?}: exit {}", place.kind, proxy.connections, run.code);
        counts[usize::try_from(run.code).unwrap().min(8)].fetch_add(1, Ordering::Relaxed);
        assert_right_error(&run, seed);
        match run.code {
            0 => assert_eq!(&installed(&world), tree, "seed {seed}: another tree"),
            _ => assert_eq!(installed(&world), None, "seed {seed}: a tree after an error"),
        }
        // Nothing of the failure is remembered.
        proxy.heal();
        world.run("install").succeeds();
        assert_eq!(&installed(&world), tree, "seed {seed}: another tree");
        world.run("status --verify --check").succeeds();
    });
    println!("installs by exit code: {counts:?}");
}

#[test]
fn every_faulty_publication_ends_right_or_with_the_right_error() {
    let counts = [const { AtomicUsize::new(0) }; 9];
    let places = places();
    with_seeds(25, 300, |seed| {
        let place = &places[usize::try_from(seed).unwrap() % places.len()];
        let url = place.fresh();
        let world = contract::world_at(&url, &place.writer).with("TAGALONG_TIMEOUT", "2");
        let server = place.port.unwrap();
        let proxy = broken(server, seed);
        through(&world, server, proxy.port);
        world.commit().tag("deps-1");
        let built = world.built(&packages(seed));
        let run = world.run("publish");
        println!("seed {seed}: {} {:?}: exit {}", place.kind, proxy.connections, run.code);
        counts[usize::try_from(run.code).unwrap().min(8)].fetch_add(1, Ordering::Relaxed);
        assert_right_error(&run, seed);
        let reader = place.writer.iter().fold(World::with_key(), |world, (name, value)| world.with(name, value));
        fs::copy(world.key_path(), reader.key_path()).unwrap();
        reader.write_project(&url, "").commit().tag("deps-1");
        reader.write("tagalong.toml", world.read("tagalong.toml"));
        through(&reader, proxy.port, server);
        let read = reader.run("install");
        match run.code {
            0 => assert_eq!(read.code, 0, "seed {seed}: {}", read.stderr),
            // Old or new: not there yet, or whole.
            _ => assert!([0, 3, 4].contains(&read.code), "seed {seed}: {}", read.stderr),
        }
        let judge = contract::channel(place, &url);
        for package in &built.packages {
            let mut file = tempfile::tempfile().unwrap();
            let found = judge.archive(package.archive, package.size, &mut file, &mut |_| {});
            if found == Ok(None) {
                continue;
            }
            let mut bytes = Vec::new();
            file.rewind().unwrap();
            file.read_to_end(&mut bytes).unwrap();
            // GitLab knows no other name to send to first: what cannot be taken back stays, is told, and is mended by the
            // next publication.
            let is_told = place.kind == "gitlab" && run.code != 0;
            let is_right = Digest::of(&bytes) == package.archive;
            assert!(is_right || is_told, "seed {seed}: a wrong object under a right name");
        }
        proxy.heal();
        world.run("publish").succeeds();
        reader.run("install").succeeds();
        reader.run("status --verify --check").succeeds();
    });
    println!("publications by exit code: {counts:?}");
}

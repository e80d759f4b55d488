//! How fast channels are, against curl and the same bytes on the same server. Prints, and fails only far off the mark:
//! run by hand on a quiet machine, `cargo test --release --test channel_speed -- --ignored --nocapture`.

mod contract;
mod servers;
mod world;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use servers::nginx::Dav;
use servers::{nginx, radosgw, run};
use tagalong::channel::Channel;
use tagalong::model::digest::Digest;

const PACKAGES: usize = 40;
const SIZE: usize = 177_000_000 / PACKAGES;

/// Forty archives, and all their bytes in one file.
fn archives(folder: &Path) -> (Vec<(Digest, PathBuf)>, PathBuf) {
    let one = |number: usize| {
        let bytes = contract::noise(number as u64 + 1, SIZE);
        let path = folder.join(number.to_string());
        fs::write(&path, &bytes).unwrap();
        (Digest::of(&bytes), path)
    };
    let all: Vec<(Digest, PathBuf)> = (0..PACKAGES).map(one).collect();
    let whole = folder.join("whole");
    fs::write(&whole, all.iter().flat_map(|(_, path)| fs::read(path).unwrap()).collect::<Vec<u8>>()).unwrap();
    (all, whole)
}

/// The shortest of so many.
fn best(count: u32, mut work: impl FnMut()) -> Duration {
    let once = |work: &mut dyn FnMut()| {
        let start = Instant::now();
        work();
        start.elapsed()
    };
    (0..count).map(|_| once(&mut work)).min().unwrap()
}

fn fetch_all(channel: &Channel, all: &[(Digest, PathBuf)], into: &Path) {
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some((digest, _)) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let mut file = fs::File::create(into.join(digest.hex())).unwrap();
                    let count = channel.archive(*digest, SIZE as u64, &mut file, &mut |_| {});
                    assert_eq!(count, Ok(Some(SIZE as u64)));
                }
            });
        }
    });
}

fn put_all(channel: &Channel, all: &[(Digest, PathBuf)]) {
    for (digest, path) in all {
        channel.writable().unwrap().put_archive(*digest, path).unwrap();
    }
}

#[test]
#[ignore = "takes a minute, and a quiet machine"]
fn fetching_and_publishing_against_curl() {
    let folder = tempfile::tempdir_in("/dev/shm").unwrap();
    let (all, whole) = archives(folder.path());
    let into = folder.path().join("into");
    fs::create_dir(&into).unwrap();

    let (web, shown) = nginx::start(Dav::Whole);
    let url = web.fresh();
    let channel = contract::channel(web, &url);
    put_all(&channel, &all);
    fs::copy(&whole, shown.join("whole")).unwrap();
    let ours = best(5, || fetch_all(&channel, &all, &into));
    let address = format!("http://127.0.0.1:{}/whole", web.port.unwrap());
    let curl = best(5, || drop(run("curl", &["-sS", "-u", "ada:right", "-o", "curl", &address], &into)));
    let ratio = ours.as_secs_f64() / curl.as_secs_f64();
    println!("fetching 177 MB: {ours:?} for 40 packages, curl {curl:?} for one file: {ratio:.2}x");

    // The store is in memory, and small.
    let store = radosgw::start();
    let user = format!("{}:{}", radosgw::KEY, radosgw::SECRET);
    let ours = best(2, || {
        let channel = contract::channel(store, &store.fresh());
        put_all(&channel, &all);
    });
    let one = best(2, || {
        let channel = contract::channel(store, &store.fresh());
        let digest = Digest::of(&fs::read(&whole).unwrap());
        channel.writable().unwrap().put_archive(digest, &whole).unwrap();
    });
    let address = format!("http://127.0.0.1:{}/deps/whole", store.port.unwrap());
    let signed =
        ["--user", &user, "--aws-sigv4", "aws:amz:us-east-1:s3", "-H", "x-amz-content-sha256: UNSIGNED-PAYLOAD"];
    let send = ["-sSf", "-T", whole.to_str().unwrap(), &address];
    let curl = best(2, || drop(run("curl", &[&send[..], &signed].concat(), &into)));
    println!("publishing 177 MB: {ours:?} as 40 archives one by one, {one:?} as one in parts, curl {curl:?}");
    assert!(ratio < 3.0);
}

//! How fast channels are, against curl and boto3 with the same bytes on the same server: for `scripts/bench-channel`.
//!
//! Prints rows of a Markdown table; each figure is the shortest of several.

#[path = "../tests/contract/mod.rs"]
mod contract;
#[path = "../tests/servers/mod.rs"]
mod servers;
#[path = "../tests/world/mod.rs"]
mod world;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use servers::nginx::Dav;
use servers::{nginx, radosgw, run};
use tagalong::at_once;
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
    let fetch = |(digest, _): &(Digest, PathBuf)| {
        let mut file = fs::File::create(into.join(digest.hex())).unwrap();
        channel.archive(*digest, SIZE as u64, &mut file, &mut |_| {}).map(|count| assert_eq!(count, Some(SIZE as u64)))
    };
    at_once::each(all, 4, fetch).unwrap();
}

fn put_all(channel: &Channel, all: &[(Digest, PathBuf)]) {
    let writable = channel.writable();
    at_once::each(all, 4, |(digest, path)| writable.put_archive(*digest, path)).unwrap();
}

fn row(what: &str, ours: Duration, peer: &str, theirs: Duration) {
    let ratio = ours.as_secs_f64() / theirs.as_secs_f64();
    println!("| {what} | {:.2} s | {peer} {:.2} s | {ratio:.2} |", ours.as_secs_f64(), theirs.as_secs_f64());
}

/// What boto3 does by itself with a file of this size: parts of 8 MiB, ten threads.
const BOTO3: &str = "
import boto3, sys
from botocore.config import Config
address, key, secret, path = sys.argv[1:]
client = boto3.client('s3', endpoint_url=address, aws_access_key_id=key, aws_secret_access_key=secret,
                      region_name='us-east-1', config=Config(s3={'addressing_style': 'path'}))
client.upload_file(path, 'deps', 'whole-boto3')
";

fn main() {
    // The folder with boto3; `cargo bench` alone has none.
    let Some(boto3) = std::env::var_os("TAGALONG_BENCH_BOTO3") else { return };
    let folder = tempfile::tempdir_in("/dev/shm").unwrap();
    let (all, whole) = archives(folder.path());
    let into = folder.path().join("into");
    fs::create_dir(&into).unwrap();

    let (web, shown) = nginx::start(Dav::Whole);
    let url = web.fresh();
    let channel = contract::channel(web, &url);
    put_all(&channel, &all);
    fs::copy(&whole, shown.join("whole")).unwrap();
    let ours = best(7, || fetch_all(&channel, &all, &into));
    let address = format!("http://127.0.0.1:{}/whole", web.port.unwrap());
    let curl = best(7, || drop(run("curl", &["-sS", "-u", "ada:right", "-o", "curl", &address], &into)));
    row("fetch 177 MB in 40 packages from nginx", ours, "curl, one file", curl);

    // The store is in memory, and small.
    let store = radosgw::start();
    let ours = best(3, || put_all(&contract::channel(store, &store.fresh()), &all));
    let address = format!("http://127.0.0.1:{}", store.port.unwrap());
    let whole = whole.to_str().unwrap();
    let upload = || {
        let mut python = std::process::Command::new("python3");
        python.args(["-c", BOTO3, &address, radosgw::KEY, radosgw::SECRET, whole]).env("PYTHONPATH", &boto3);
        assert!(python.status().unwrap().success());
    };
    let boto = best(3, upload);
    row("publish 177 MB in 40 packages to radosgw", ours, "boto3, one file in parts", boto);
}

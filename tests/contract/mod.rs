//! What every kind of channel does, as tests that take the place; `channel_contract.rs` and `channel_s3.rs` run them.

#![allow(dead_code, reason = "each test program uses a part of the contract")]

use std::fs;
use std::io::{Read, Seek};
use std::process::Stdio;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use tagalong::channel::{Channel, ChannelError, Put};
use tagalong::http::environment;
use tagalong::model::bundle::{BundleKind, BundleRef, archive_path};
use tagalong::model::digest::Digest;
use tagalong::model::project::{ChannelConfig, Keys, Trust};
use tagalong::model::tag::DepsTag;

use crate::servers::proxy::{Fault, Proxy};
use crate::servers::{Place, radosgw};
use crate::world::World;
use crate::world::bundle::{Package, own};

/// Bytes that no compressor makes smaller; the same for the same seed.
pub fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    (0..length.div_ceil(8)).flat_map(|_| next().to_le_bytes()).take(length).collect()
}

pub fn zlib() -> Package {
    Package::new("zlib").text("lib/pkgconfig/zlib.pc", "prefix=@PREFIX@\n").binary("lib/libz.so", &noise(1, 300 << 10))
}

pub fn png() -> Package {
    Package::new("libpng").needs("zlib").text("include/png.h", "// png\n")
}

/// A world whose channel `main` is of its own at the place, with these variables.
pub fn world_at(url: &str, variables: &[(&'static str, String)]) -> World {
    let world = variables.iter().fold(World::with_key(), |world, (name, value)| world.with(name, value));
    world.write_project(url, "");
    world
}

/// Another checkout of the same project: the same key, nothing in the store.
fn other(world: &World, variables: &[(&'static str, String)]) -> World {
    let other = variables.iter().fold(World::with_key(), |world, (name, value)| world.with(name, value));
    fs::copy(world.key_path(), other.key_path()).unwrap();
    other.write("tagalong.toml", world.read("tagalong.toml"));
    other.write(".gitignore", "/extern/\n");
    other
}

/// A channel of this process; its name is the kind's, so that each kind has its own token.
pub fn channel(place: &Place, url: &str) -> Channel {
    let basic = "ada:right".to_owned();
    let variables = [
        ("TAGALONG_TOKEN_HTTP", basic.clone()),
        ("TAGALONG_TOKEN_OCI", basic),
        ("TAGALONG_TOKEN_GITLAB", "writer".to_owned()),
        ("AWS_ACCESS_KEY_ID", radosgw::KEY.to_owned()),
        ("AWS_SECRET_ACCESS_KEY", radosgw::SECRET.to_owned()),
    ];
    environment::enter(variables.into_iter().map(|(name, value)| (name.to_owned(), value)));
    let config =
        ChannelConfig { name: place.kind.to_owned(), url: url.to_owned(), trust: Trust::Keys(Keys::default()) };
    Channel::open(&config, None).unwrap()
}

fn bundle(name: &str) -> BundleRef {
    BundleRef { kind: BundleKind::Tagged, tag: DepsTag::parse(name).unwrap(), platform: own() }
}

/// From nothing to an installed bundle; what is there stays, and other bytes are refused.
pub fn cold_and_empty_place_becomes_a_channel(place: &Place) {
    let url = place.fresh();
    let world = world_at(&url, &place.writer);
    world.commit().tag("deps-1+x");
    let run = world.run("install").exits(3);
    let expected = format!("error: bundle deps-1+x for {} is not on channel `main`\n", own());
    assert!(run.stderr.starts_with(&expected), "{}: {}", place.kind, run.stderr);
    world.built(&[zlib(), png()]);
    let run = world.run("publish").succeeds();
    assert!(run.stderr.contains("published deps-1+x"), "{}: {}", place.kind, run.stderr);
    let run = world.run("publish").succeeds();
    assert!(run.stderr.contains("already"), "{}: {}", place.kind, run.stderr);
    world.forget_cache();
    world.run("install").succeeds();
    world.run("status --verify --check").succeeds();
    let another = other(&world, &place.writer);
    another.commit().tag("deps-1+x");
    another.built(&[zlib(), png().text("include/more.h", "// more\n")]);
    let run = another.run("publish").exits(4);
    assert!(run.stderr.contains("libpng"), "{}: {}", place.kind, run.stderr);
    world.run("uninstall").succeeds();
    world.forget_cache().run("install").succeeds();
}

/// Candidates are replaced, and installed under their name.
pub fn candidate_is_replaced(place: &Place) {
    let world = world_at(&place.fresh(), &place.writer);
    world.commit().tag("deps-0");
    for content in ["// one\n", "// two\n"] {
        world.built(&[png().text("include/which.h", content).needs("zlib"), zlib()]);
        world.run("publish --candidate deps-mr-x").succeeds();
        world.forget_cache();
        world.run("install --tag deps-mr-x").succeeds();
        assert_eq!(world.read("extern/p/include/which.h"), content, "{}", place.kind);
    }
}

/// A cold install asks for the manifest, what belongs to it, and each package; an installed one for nothing.
pub fn cold_install_makes_two_requests_and_one_for_each_package(place: &Place) {
    let world = world_at(&place.fresh(), &place.writer);
    world.published("deps-1", &[zlib(), png()]).forget_cache();
    let proxy = counted(&world, place);
    world.run("install").succeeds();
    let requests = proxy.requests();
    assert_eq!(requests.len(), 4, "{}: {requests:#?}", place.kind);
    world.run("install").succeeds();
    assert_eq!(proxy.requests(), Vec::<String>::new(), "{}", place.kind);
}

/// A publication of what is there asks for the manifest and its signature, and `each` times for each package.
pub fn publication_of_what_is_there_asks_little(place: &Place, each: usize) {
    let world = world_at(&place.fresh(), &place.writer);
    world.published("deps-1", &[zlib(), png()]);
    let proxy = counted(&world, place);
    let run = world.run("publish").succeeds();
    assert!(run.stderr.contains("already"), "{}: {}", place.kind, run.stderr);
    let requests = proxy.requests();
    assert!(requests.len() <= 2 + 2 * each, "{}: {requests:#?}", place.kind);
}

/// Has the world ask through a proxy that counts.
fn counted(world: &World, place: &Place) -> Proxy {
    let proxy = Proxy::counting(place.port.unwrap());
    let (from, to) = (format!("127.0.0.1:{}", place.port.unwrap()), format!("127.0.0.1:{}", proxy.port));
    world.write("tagalong.toml", world.read("tagalong.toml").replace(&from, &to));
    proxy
}

/// The advice for a missing bundle names the platforms that there are.
pub fn missing_bundle_is_told_with_the_platforms_there_are(place: &Place) {
    let world = world_at(&place.fresh(), &place.writer);
    let project = world.read("tagalong.toml");
    let more = "\n[[platform]]\nid = \"debian-11-x86_64\"\n";
    world.write("tagalong.toml", format!("{project}{more}"));
    world.commit().tag("deps-1");
    let channel = channel(place, &url_of(&project));
    let writable = channel.writable();
    writable.prepare().unwrap();
    let there = BundleRef {
        platform: tagalong::model::platform::Platform::parse("debian-11-x86_64").unwrap(),
        ..bundle("deps-1")
    };
    writable.exclusively::<_, ChannelError>(&there, &|_| {}, |writer| writer.write(b"{}", Some("signature"))).unwrap();
    let run = world.run("install").exits(3);
    assert!(run.stderr.contains("why: the channel has it for debian-11-x86_64\n"), "{}: {}", place.kind, run.stderr);
}

fn url_of(project: &str) -> String {
    project.split("url = \"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

/// Wrong credentials are an error that says so, at once, and repeats nothing secret.
pub fn strangers_are_refused(place: &Place) {
    let Some(stranger) = &place.stranger else { return };
    let world = world_at(&place.fresh(), &place.writer);
    world.published("deps-1", &[zlib()]);
    let thief = other(&world, stranger);
    thief.commit().tag("deps-1");
    thief.built(&[zlib()]);
    for verb in ["install", "publish"] {
        let run = thief.run(verb).exits(5);
        let is_told = ["answered 401", "answered 403"].iter().any(|words| run.stderr.contains(words));
        assert!(is_told && run.stderr.contains(" next: "), "{}: {}", place.kind, run.stderr);
        let is_secret = |(_, value): &(&str, String)| value.len() > 4 && run.stderr.contains(value.as_str());
        assert!(!stranger.iter().any(is_secret), "{}: {}", place.kind, run.stderr);
    }
}

/// Who may only read installs, and publishes nothing.
pub fn readers_install_and_publish_nothing(place: &Place) {
    let Some(reader) = &place.reader else { return };
    let world = world_at(&place.fresh(), &place.writer);
    world.published("deps-1", &[zlib()]);
    let guest = other(&world, reader);
    guest.commit().tag("deps-1");
    guest.run("install").succeeds();
    guest.commit().tag("deps-2");
    guest.built(&[zlib(), png()]);
    let run = guest.run("publish").exits(5);
    assert!(run.stderr.contains("403"), "{}: {}", place.kind, run.stderr);
    guest.run("install").exits(3);
}

/// Objects are put, compared, listed, and deleted.
pub fn objects_are_put_once_listed_and_deleted(place: &Place) {
    let channel = channel(place, &place.fresh());
    assert_eq!(channel.is_there(), Ok(false), "{}", place.kind);
    let writable = channel.writable();
    writable.prepare().unwrap();
    writable.prepare().unwrap();
    assert_eq!(channel.is_there(), Ok(true), "{}", place.kind);
    let folder = tempfile::tempdir().unwrap();
    let (bytes, file) = (noise(7, 200_000), folder.path().join("archive"));
    fs::write(&file, &bytes).unwrap();
    let digest = Digest::of(&bytes);
    assert_eq!(writable.put_archive(digest, &file), Ok(Put::Written), "{}", place.kind);
    assert_eq!(writable.put_archive(digest, &file), Ok(Put::WasThere), "{}", place.kind);
    let mut back = tempfile::tempfile().unwrap();
    let mut heard = 0;
    let fetched = channel.archive(digest, bytes.len() as u64, &mut back, &mut |count| heard = count);
    assert_eq!((fetched, heard), (Ok(Some(200_000)), 200_000), "{}", place.kind);
    let mut read = Vec::new();
    back.rewind().unwrap();
    back.read_to_end(&mut read).unwrap();
    assert!(read == bytes, "{}", place.kind);
    let missing = channel.archive(Digest::of(b"nothing"), 10, &mut back, &mut |_| {});
    assert_eq!(missing, Ok(None), "{}", place.kind);
    assert!(channel.archive(digest, 10, &mut tempfile::tempfile().unwrap(), &mut |_| {}).is_err(), "{}", place.kind);

    let wanted = bundle("deps-1");
    assert_eq!(channel.manifest(&wanted), Ok(None), "{}", place.kind);
    // A registry lists what an artifact names.
    let manifest = manifest_of(digest, bytes.len() as u64, "one");
    let write = |manifest: &[u8], signature: &str| {
        writable.exclusively::<_, ChannelError>(&wanted, &|_| {}, |writer| writer.write(manifest, Some(signature)))
    };
    write(&manifest, "signature 1\nline 2\n").unwrap();
    let found = channel.manifest(&wanted).unwrap().unwrap();
    assert_eq!(found.manifest, manifest, "{}", place.kind);
    assert_eq!(found.signature.as_deref(), Some("signature 1\nline 2\n"), "{}", place.kind);
    let anew = writable.exclusively::<_, ChannelError>(&wanted, &|_| {}, |writer| writer.write_signature("anew"));
    assert_eq!(anew, Ok(()), "{}", place.kind);
    assert_eq!(channel.manifest(&wanted).unwrap().unwrap().signature.as_deref(), Some("anew"), "{}", place.kind);

    let listed = writable.list("packages/").unwrap();
    let expected = [(archive_path(digest), 200_000)];
    let found: Vec<(String, u64)> = listed.iter().map(|one| (one.path.clone(), one.size)).collect();
    assert_eq!(found, expected, "{}", place.kind);
    assert!(listed[0].modified > 1_700_000_000, "{}", place.kind);
    let all: Vec<String> = writable.list("").unwrap().into_iter().map(|one| one.path).collect();
    let expected = [wanted.path(), wanted.signature_path(), "channel.json".to_owned(), archive_path(digest)];
    assert_eq!(all, expected, "{}", place.kind);
    assert_eq!(channel.platforms(BundleKind::Tagged, &wanted.tag, &[own()]), Ok(vec![own()]), "{}", place.kind);

    assert_eq!(writable.delete(&wanted.path()), Ok(true), "{}", place.kind);
    assert_eq!(writable.delete(&wanted.path()), Ok(false), "{}", place.kind);
    // With a bundle that is one object its signature is gone already.
    writable.delete(&wanted.signature_path()).unwrap();
    assert_eq!(channel.manifest(&wanted), Ok(None), "{}", place.kind);
    assert_eq!(writable.delete(&archive_path(digest)), Ok(true), "{}", place.kind);
    assert_eq!(writable.delete(&archive_path(digest)), Ok(false), "{}", place.kind);
    assert_eq!(writable.put_archive(digest, &file), Ok(Put::Written), "{}", place.kind);
}

/// A manifest that names one archive.
fn manifest_of(digest: Digest, size: u64, tool: &str) -> Vec<u8> {
    let key = Digest::of(b"key");
    format!(
        "{{\"format\": 1, \"tag\": \"deps-1\", \"candidate\": false, \"commit\": null, \"recipes\": \"4b82\", \
         \"platform\": \"{}\", \"floor\": {{}}, \"builder\": {{\"image\": null, \"compiler\": \"cc\", \"sandbox\": \"full\"}}, \
         \"packages\": [{{\"name\": \"zlib\", \"version\": \"1\", \"license\": \"Zlib\", \"stacks\": [], \"needs\": [], \
         \"build_key\": \"{key}\", \"archive\": \"{digest}\", \"size\": {size}}}], \"tool\": \"{tool}\", \"sequence\": 1}}",
        own()
    )
    .into_bytes()
}

/// A download that breaks goes on where it broke.
pub fn broken_download_is_resumed(place: &Place) {
    let url = place.fresh();
    let writer = channel(place, &url);
    let writable = writer.writable();
    writable.prepare().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (bytes, file) = (noise(8, 3 << 20), folder.path().join("archive"));
    fs::write(&file, &bytes).unwrap();
    let digest = Digest::of(&bytes);
    writable.put_archive(digest, &file).unwrap();
    let count = std::sync::atomic::AtomicUsize::new(0);
    let next = move || match count.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
        0 => Fault::Cut(1 << 20),
        1 => Fault::Cut(1 << 19),
        _ => Fault::None,
    };
    let proxy = Proxy::start(place.port.unwrap(), Box::new(next));
    let slow = place.through(proxy.port);
    let reader =
        channel(place, &url.replace(&format!(":{}", place.port.unwrap()), &format!(":{}", slow.port.unwrap())));
    let (mut back, mut heard) = (tempfile::tempfile().unwrap(), Vec::new());
    let fetched = reader.archive(digest, bytes.len() as u64, &mut back, &mut |count| heard.push(count));
    assert_eq!(fetched, Ok(Some(3 << 20)), "{}", place.kind);
    assert!(heard.is_sorted(), "{}: it began anew", place.kind);
    back.rewind().unwrap();
    let mut read = Vec::new();
    back.read_to_end(&mut read).unwrap();
    assert!(Digest::of(&read) == digest, "{}", place.kind);
}

/// Of several that write the same new name at once one wins, the others see its bytes; `is_strict` where that is
/// promised, else what lies there is at least of one hand.
pub fn racing_writers_leave_one_whole_bundle(place: &Place, is_strict: bool) {
    for round in 0..2 {
        let url = place.fresh();
        channel(place, &url).writable().prepare().unwrap();
        let wanted = bundle("deps-1");
        let outcomes = Mutex::new(Vec::new());
        let race = |number: usize| {
            let channel = channel(place, &url);
            let writable = channel.writable();
            let (manifest, signature) = (format!("manifest {number}"), format!("signature {number}"));
            let outcome = writable.exclusively::<bool, ChannelError>(&wanted, &|_| {}, |writer| {
                match channel.manifest(&wanted)? {
                    Some(found) => Ok(found.manifest == manifest.as_bytes()),
                    None => writer.write(manifest.as_bytes(), Some(&signature)).map(|()| true),
                }
            });
            outcomes.lock().unwrap().push((number, outcome));
        };
        thread::scope(|scope| (0..4).for_each(|number| drop(scope.spawn(move || race(number)))));
        let found = channel(place, &url).manifest(&wanted).unwrap().unwrap();
        let outcomes = outcomes.into_inner().unwrap();
        let manifest = String::from_utf8(found.manifest).unwrap();
        let signature = manifest.replace("manifest", "signature");
        assert_eq!(found.signature, Some(signature), "{} round {round}: {outcomes:?}", place.kind);
        let winners: Vec<usize> =
            outcomes.iter().filter(|(_, outcome)| *outcome == Ok(true)).map(|(number, _)| *number).collect();
        if is_strict {
            assert_eq!(winners.len(), 1, "{} round {round}: {outcomes:?}", place.kind);
            assert_eq!(manifest, format!("manifest {}", winners[0]), "{} round {round}", place.kind);
        }
    }
}

/// A publisher that is killed leaves the old state or the new one, and the next one finishes.
pub fn killed_publisher_leaves_the_old_state_or_the_new_one(place: &Place) {
    let world = world_at(&place.fresh(), &place.writer);
    world.commit().tag("deps-1");
    world.built(&[zlib(), png()]);
    let reader = other(&world, &place.writer);
    reader.commit().tag("deps-1");
    for milliseconds in [30, 70, 120, 200] {
        let mut publisher = world.tagalong(world.checkout());
        let mut publisher = publisher.arg("publish").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        thread::sleep(Duration::from_millis(milliseconds));
        publisher.kill().unwrap();
        publisher.wait().unwrap();
        let run = reader.run("install");
        assert!(run.code == 0 || run.code == 3, "{} after {milliseconds} ms: {}", place.kind, run.stderr);
    }
    world.run("publish").succeeds();
    reader.run("install").succeeds();
    reader.run("status --verify --check").succeeds();
}

//! Damaged files of every format that the program reads: reading ends soon, with an answer or an error, never with a
//! panic, and takes little memory.
//!
//! One generator for all: each round has a seed of its own, which is printed where it fails, with the bytes kept aside.
//! `TAGALONG_SEED=N` starts with another; `TAGALONG_TORTURE=1` runs the long way (`scripts/torture`).

mod formats;
mod world;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use formats::format;
use tagalong::archive::unpack;
use tagalong::model::bundle::BundleManifest;
use tagalong::model::digest::Digest;
use tagalong::model::package::PackageManifest;
use tagalong::model::receipt::Receipt;
use world::bundle::Package;
use world::random::Random;
use world::{World, files_below};

/// A round that takes longer runs without end.
const LONGEST: Duration = Duration::from_secs(20);

/// The most memory that all rounds of all formats may have taken, in bytes.
const MOST_MEMORY: u64 = 1 << 30;

/// Reads damaged copies of sound files, so many in a usual run, two hundred times as many with `TAGALONG_TORTURE=1`.
fn survive(name: &str, seeds: &[Vec<u8>], few: u64) {
    let read = format(name).read;
    keep_for_the_fuzzer(name, seeds);
    let first: u64 = std::env::var("TAGALONG_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    let rounds = if std::env::var_os("TAGALONG_TORTURE").is_some() { 200 * few } else { few };
    assert!(!seeds.is_empty() && seeds.iter().all(|seed| !seed.is_empty()), "{name} has no sound file");
    seeds.iter().chain(&found(name)).for_each(|seed| read(seed));
    for seed in first..first + rounds {
        let mut random = Random::new(seed);
        let original = &seeds[random.below(seeds.len())];
        let other = &seeds[random.below(seeds.len())];
        let bytes = damaged(original, other, &mut random);
        let begin = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(|| read(&bytes)));
        let took = begin.elapsed();
        if outcome.is_err() || took > LONGEST {
            let kept = std::env::temp_dir().join(format!("tagalong-hostile-{name}-{seed}"));
            fs::write(&kept, &bytes).unwrap();
            panic!("{name}: TAGALONG_SEED={seed} took {took:?}; the bytes are in {}", kept.display());
        }
    }
    let peak = peak();
    println!("{name}: {rounds} rounds from TAGALONG_SEED={first}, {} MB at most", peak >> 20);
    assert!(peak < MOST_MEMORY, "{name} took {peak} bytes");
}

/// What the fuzzer once crashed with.
fn found(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/formats/found").join(name);
    let files = fs::read_dir(folder).into_iter().flatten();
    files.map(|file| fs::read(file.unwrap().path()).unwrap()).collect()
}

/// Writes the sound files where the fuzzer looks for them, if it asks (`scripts/fuzz`).
fn keep_for_the_fuzzer(name: &str, seeds: &[Vec<u8>]) {
    let Some(corpus) = std::env::var_os("TAGALONG_CORPUS") else { return };
    let folder = Path::new(&corpus).join(name);
    fs::create_dir_all(&folder).unwrap();
    seeds.iter().for_each(|seed| fs::write(folder.join(Digest::of(seed).short(16)), seed).unwrap());
}

/// The most memory that this process has had so far, in bytes (proc(5)).
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

/// Changes a file in a few places, as accidents and attackers do.
fn damaged(original: &[u8], other: &[u8], random: &mut Random) -> Vec<u8> {
    const EDGES: [u64; 10] = [0, 1, 0x7f, 0x80, 0xff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 1 << 62, u64::MAX];
    let mut bytes = original.to_vec();
    for _ in 0..=random.below(6) {
        let length = bytes.len().max(1);
        // Headers decide most.
        let at = if random.below(2) == 0 { random.below(length.min(512)) } else { random.below(length) };
        let end = (at + 1 + random.below(64)).min(bytes.len());
        match random.below(9) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at.min(end)..end)),
            2 => {
                let part = bytes[at.min(end)..end].to_vec();
                (0..=random.below(40)).for_each(|_| drop(bytes.splice(at..at, part.iter().copied())));
            }
            3 => {
                let from = random.below(other.len());
                let part = &other[from..(from + random.below(400)).min(other.len())];
                let to = (at + part.len()).min(bytes.len());
                bytes.splice(at.min(to)..to, part.iter().copied());
            }
            4 | 5 => {
                let size = 1 << random.below(4);
                let word = EDGES[random.below(EDGES.len())].to_le_bytes();
                let to = (at + size).min(bytes.len());
                let at = at.min(to);
                let part = &word[..to - at];
                bytes[at..to].copy_from_slice(part);
                if random.below(4) == 0 {
                    bytes[at..to].reverse();
                }
            }
            6 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << random.below(8);
                }
            }
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = u8::try_from(random.below(256)).unwrap();
                }
            }
        }
        if bytes.is_empty() {
            break;
        }
    }
    bytes
}

/// Files that a shell script makes, by name.
fn made(script: &str, names: &[&str]) -> Vec<Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new("sh").args(["-ec", script]).current_dir(folder.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    names.iter().map(|name| fs::read(folder.path().join(name)).unwrap()).collect()
}

#[test]
fn elf() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/elf_seeds");
    let mut seeds: Vec<Vec<u8>> =
        ["big32.so", "big64.so", "little32.so", "little64.so"].map(|name| fs::read(folder.join(name)).unwrap()).into();
    seeds.extend(made(
        "echo 'int f(void) { return 1; }' > f.c; gcc -c -g -gz=zlib f.c
        gcc -shared -fPIC -g f.c -o f.so -Wl,-rpath,/p/lib; echo 'int main(void) { return 0; }' > m.c; gcc m.c -o m",
        &["f.o", "f.so", "m"],
    ));
    survive("elf", &seeds, 500);
}

#[test]
fn packed() {
    let names = ["f.a", "f.zip", "s.zip", "f.c.gz", "f.c.xz", "f.c.zst", "f.c.bz2"];
    let script = "seq 3000 > f.c; gcc -c -x c /dev/null -o an-object-with-a-long-name.o
        ar rc f.a an-object-with-a-long-name.o f.c; zip -q f.zip f.c f.a; zip -q0 s.zip f.c f.a
        gzip -k f.c; xz -k f.c; zstd -q f.c; bzip2 -k f.c";
    survive("packed", &made(script, &names), 400);
}

#[test]
fn sources() {
    let names = ["s.zip", "s.tar", "s.tar.gz", "s.tar.xz", "s.tar.zst", "s.tar.bz2"];
    let script = "mkdir -p s/sub; seq 300 > s/f; echo x > s/sub/g; ln -s sub/g s/l; ln s/f s/h; chmod +x s/sub/g
        zip -qry s.zip s; tar cf s.tar s; gzip -k s.tar; xz -k s.tar; zstd -q s.tar; bzip2 -k s.tar";
    survive("sources", &made(script, &names), 250);
}

#[test]
fn marshal() {
    let script = "printf 'import os\\nP = \"/p/store/x\"\\nclass A:\\n  x = (1, 2.5, 3j, b\"/p/store\", 1 << 90, None)\\n' > m.py
        printf '  def f(self, *a):\\n    return {P, \"/p/store\", \"\\\\u1234/p/store\"}\\n' >> m.py
        python3 -c 'import py_compile; py_compile.compile(\"m.py\", \"m.pyc\", \"/p/store/m.py\")'";
    survive("marshal", &made(script, &["m.pyc"]), 3000);
}

#[test]
fn texts() {
    let debian = b"PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nVERSION_ID='12'\nID=debian\nID_LIKE=\"a b\\\"c\"\n";
    survive("os-release", &[debian.to_vec()], 2000);
    let project = b"[project]\nname = \"x\"\nchannels = [\"/c\"]\n[audit]\nsystem_libraries = [\"libX11\"]\n
        [[audit.allow]]\ncheck = \"rwx\"\nfile = \"lib/*\"\nreason = \"old\"\n[platforms]\nlist = ['a', \"b\\u0041\"]\n";
    survive("project", &[project.to_vec()], 1000);
    let recipe = b"name = \"zlib\"\nversion = \"1.3\"\nlicense = \"Zlib\"\nneeds = [\"a\"]\nstacks = ['x']\n[source]\n
        url = \"https://x.example/zlib-{version}.tar.gz\"\nsha256 = \"0000\"\n[build]\nsystem = \"cmake\"\n
        options = { A = \"b\", C = 1 }\nscript = '''\nmake\n'''\n[[allow]]\ncheck = \"x\"\nreason = \"y\"\n";
    survive("recipe", &[recipe.to_vec()], 1000);
    survive("script", &[b"#!/p/store/bin/python3 -E\nimport os\n".to_vec()], 1000);
}

#[test]
fn loader_cache() {
    let script = "echo 'int f(void) { return 1; }' > f.c; mkdir -p root/lib root/etc
        gcc -shared -fPIC f.c -o root/lib/libf.so; /sbin/ldconfig -r root";
    survive("loader-cache", &made(script, &["root/etc/ld.so.cache"]), 2000);
}

/// What a publication and an install leave on disk.
struct Published {
    archives: Vec<Vec<u8>>,
    /// Everything in JSON, of every format.
    json: Vec<Vec<u8>>,
}

fn published() -> Published {
    let world = World::with_key();
    let binary = [vec![0; 300], b"@PREFIX@/lib\0".to_vec(), vec![7; 300]].concat();
    let zlib = Package::new("zlib").binary("lib/libz.so.1", &binary).link("lib/libz.so", "libz.so.1");
    let png = Package::new("libpng").needs("zlib").text("lib/pkgconfig/png.pc", "prefix=@PREFIX@\n");
    world.published("deps-1", &[zlib, png]);
    world.run("install --tag deps-1").succeeds();
    let mut files = files_below(&world.channel());
    files.extend(files_below(&world.checkout().join("extern/p/.tagalong")));
    let is = |path: &PathBuf, end: &str| path.to_str().unwrap().ends_with(end);
    let all = |end: &str| files.iter().filter(|path| is(path, end)).map(|path| fs::read(path).unwrap()).collect();
    let archives: Vec<Vec<u8>> = all(".tar.zst");
    let mut json: Vec<Vec<u8>> = all(".json");
    json.extend(archives.iter().map(|archive| unpack::read_manifest(&archive[..]).unwrap().to_json()));
    Published { archives, json }
}

#[test]
fn packages_manifests_and_receipts() {
    let Published { archives, json } = published();
    let whole: Vec<Vec<u8>> = archives.iter().map(|archive| zstd::stream::decode_all(&archive[..]).unwrap()).collect();
    survive("package", &archives, 300);
    survive("package-unpacked", &whole, 300);
    let is_any = |parses: fn(&[u8]) -> bool| json.iter().any(|one| parses(one));
    assert!(is_any(|one| PackageManifest::parse(one).is_ok()) && is_any(|one| BundleManifest::parse(one).is_ok()));
    assert!(is_any(|one| Receipt::parse(one).is_ok()));
    survive("json", &json, 2000);
}

#[test]
fn signatures() {
    let signature = formats::SIGNATURE.as_bytes().to_vec();
    survive("signature", &[signature, formats::PUBLIC_KEY.as_bytes().to_vec()], 2000);
    survive("signed", &[formats::SIGNED.to_vec()], 1000);
}

#[test]
fn answers_of_servers() {
    let bytes = |kind: u8, answers: &[(u8, &str, &str)]| {
        let answers: Vec<Vec<u8>> = answers
            .iter()
            .map(|(status, text, body)| [&[*status], text.as_bytes(), b"\n", body.as_bytes()].concat())
            .collect();
        [vec![kind], answers.join(&0)].concat()
    };
    let listing =
        r#"[{"name": "debian-12-x86_64.json", "type": "file", "size": 7, "mtime": "Sat, 21 Nov 2026 18:45:52 GMT"}]"#;
    let bucket = "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>t&amp;</NextContinuationToken>\
        <Contents><Key>deps/bundles/deps-1/debian-12-x86_64.json</Key><Size>7</Size>\
        <LastModified>2026-11-21T18:45:52.123Z</LastModified></Contents></ListBucketResult>";
    let tags = r#"{"name": "a/deps", "tags": ["deps-1..debian-12-x86_64", "deps-1", "x"]}"#;
    let manifest = r#"{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "layers": [], "config":
        {"mediaType": "application/json", "digest": "sha256:0000", "size": 2, "data": "e30="}, "annotations": {"a": "b"}}"#;
    let packages = r#"[{"id": 1, "name": "deps", "version": "deps-1", "package_type": "generic", "created_at":
        "2026-11-21T18:45:52.123Z"}]"#;
    let files = r#"[{"id": 2, "package_id": 1, "file_name": "debian-12-x86_64.json", "size": 7, "file_sha256": "00"}]"#;
    let seeds = [
        bytes(0, &[(1, "", "{\"format\": 1}"), (1, "", "{}"), (1, "", listing), (1, "", listing), (1, "", listing)]),
        bytes(
            1,
            &[(1, "", "{\"format\": 1}"), (7, "", ""), (1, "", bucket), (1, "", bucket), (5, "", "<Code>A</Code>")],
        ),
        bytes(
            2,
            &[
                (5, "service=\"r\",scope=\"repository:a/deps:pull\"", ""),
                (1, "", "{\"token\": \"t\"}"),
                (1, "", manifest),
            ],
        ),
        bytes(
            2,
            &[(1, "", manifest), (1, "", "{}"), (1, "", tags), (1, "/v2/a/deps/tags/list?last=x", tags), (1, "", tags)],
        ),
        bytes(
            3,
            &[(1, "", "{}"), (1, "2", packages), (1, "", files), (1, "2", packages), (1, "", files), (3, "", "x")],
        ),
    ];
    survive("answers", &seeds, 100);
}

//! Damaged files of every format that the program reads: reading ends soon, with an answer or an error, never with a
//! panic, and takes little memory.
//!
//! One generator for all: each round has a seed of its own, which is printed where it fails, with the bytes kept aside.
//! `TAGALONG_SEED=N` starts with another; `TAGALONG_TORTURE=1` runs the long way (`scripts/torture`).

mod world;

use std::fs;
use std::io::{Cursor, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use tagalong::archive::foreign;
use tagalong::archive::{members, unpack};
use tagalong::audit::cache;
use tagalong::host::os_release::OsRelease;
use tagalong::model::bundle::{BuildRecord, BundleManifest};
use tagalong::model::package::PackageManifest;
use tagalong::model::prefix::Prefix;
use tagalong::model::receipt::Receipt;
use tagalong::relocate::elf::edit::{self, Edit, Folders, OsAbi, Report, RpathEdit};
use tagalong::relocate::elf::hardening::Hardening;
use tagalong::relocate::elf::symbols::Symbols;
use tagalong::relocate::elf::{Facts, exports, skeleton};
use tagalong::relocate::kind::Kind;
use tagalong::relocate::mapping::{Mapping, Pair};
use tagalong::relocate::record::Record;
use tagalong::relocate::{pyc, shebang};
use tagalong::signing::{self, SecretKey};
use tagalong::{project_file, recipe_file};
use world::bundle::Package;
use world::random::Random;
use world::{World, files_below};

/// A round that takes longer runs without end.
const LONGEST: Duration = Duration::from_secs(20);

/// The most memory that all rounds of all formats may have taken, in bytes.
const MOST_MEMORY: u64 = 1 << 30;

/// Reads what a round has made of a sound file.
type Reader<'a> = &'a dyn Fn(&[u8]);

/// Reads damaged copies of sound files, so many in a usual run, two hundred times as many with `TAGALONG_TORTURE=1`.
fn survive(format: &str, seeds: &[Vec<u8>], few: u64, read: Reader<'_>) {
    let first: u64 = std::env::var("TAGALONG_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    let rounds = if std::env::var_os("TAGALONG_TORTURE").is_some() { 200 * few } else { few };
    assert!(!seeds.is_empty() && seeds.iter().all(|seed| !seed.is_empty()), "{format} has no sound file");
    seeds.iter().for_each(|seed| read(seed));
    for seed in first..first + rounds {
        let mut random = Random::new(seed);
        let original = &seeds[random.below(seeds.len())];
        let other = &seeds[random.below(seeds.len())];
        let bytes = damaged(original, other, &mut random);
        let begin = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(|| read(&bytes)));
        let took = begin.elapsed();
        if outcome.is_err() || took > LONGEST {
            let kept = std::env::temp_dir().join(format!("tagalong-hostile-{format}-{seed}"));
            fs::write(&kept, &bytes).unwrap();
            panic!("{format}: TAGALONG_SEED={seed} took {took:?}; the bytes are in {}", kept.display());
        }
    }
    let peak = peak();
    println!("{format}: {rounds} rounds from TAGALONG_SEED={first}, {} MB at most", peak >> 20);
    assert!(peak < MOST_MEMORY, "{format} took {peak} bytes");
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

struct NoFolders;

impl Folders for NoFolders {
    fn holds(&self, _: &[u8], _: &[u8], _: u16) -> bool {
        false
    }
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
    let text = |text: &str| text.as_bytes().to_vec();
    let edits = [
        Edit { rpath: Some(RpathEdit::Set(b"/opt/a/folder".repeat(30))), ..Edit::default() },
        Edit {
            os_abi: Some(OsAbi(3)),
            soname: Some(text("libother.so.7")),
            interpreter: Some(b"/opt/ld.so".repeat(20)),
            execstack: Some(true),
            rpath: Some(RpathEdit::Remove),
            replace_needed: vec![(text("libc.so.6"), text("libd.so.7"))],
            add_needed: vec![text("libnew.so")],
            no_default_lib: true,
            debug_tag: true,
            rename_symbols: vec![(text("f"), text("renamed_to_something_longer"))],
            ..Edit::default()
        },
    ];
    survive("elf", &seeds, 500, &|bytes| {
        if let Ok(facts) = Facts::read(bytes) {
            let _ = (Hardening::read(bytes, &facts), Symbols::read(bytes, &facts), exports::read(bytes));
        }
        let _ = Report::read(bytes);
        let mut read = |offset: u64, length: usize| -> std::io::Result<Vec<u8>> {
            let start = usize::try_from(offset).unwrap().min(bytes.len());
            Ok(bytes[start..(start + length).min(bytes.len())].to_owned())
        };
        let _ = skeleton::of(bytes.len() as u64, &mut read);
        for edit in &edits {
            if let Ok(Some(new)) = edit::apply(bytes, edit, &NoFolders) {
                // What could be read before can be read still.
                assert!(Facts::read(bytes).is_err() || Facts::read(&new).is_ok());
            }
        }
    });
}

#[test]
fn packed() {
    let names = ["f.a", "f.zip", "s.zip", "f.c.gz", "f.c.xz", "f.c.zst", "f.c.bz2"];
    let script = "seq 3000 > f.c; gcc -c -x c /dev/null -o an-object-with-a-long-name.o
        ar rc f.a an-object-with-a-long-name.o f.c; zip -q f.zip f.c f.a; zip -q0 s.zip f.c f.a
        gzip -k f.c; xz -k f.c; zstd -q f.c; bzip2 -k f.c";
    survive("packed", &made(script, &names), 400, &|bytes| {
        let mut left = 64 << 20;
        let _ = members::each_member(&mut Cursor::new(bytes), Kind::of(bytes), &[], &mut |_, reader| {
            let read = std::io::copy(&mut reader.take(left), &mut std::io::sink()).unwrap_or(0);
            left -= read.min(left);
        });
    });
}

#[test]
fn sources() {
    let names = ["s.zip", "s.tar", "s.tar.gz", "s.tar.xz", "s.tar.zst", "s.tar.bz2"];
    let script = "mkdir -p s/sub; seq 300 > s/f; echo x > s/sub/g; ln -s sub/g s/l; ln s/f s/h; chmod +x s/sub/g
        zip -qry s.zip s; tar cf s.tar s; gzip -k s.tar; xz -k s.tar; zstd -q s.tar; bzip2 -k s.tar";
    let folder = tempfile::tempdir().unwrap();
    let (archive, outside) = (folder.path().join("archive"), folder.path().join("outside"));
    fs::write(&outside, "precious").unwrap();
    survive("sources", &made(script, &names), 250, &|bytes| {
        fs::write(&archive, bytes).unwrap();
        let into = folder.path().join("into");
        let limits = foreign::Limits { bytes: 16 << 20, entries: 1000 };
        let is_done = foreign::unpack_within(&archive, &into, limits).is_ok();
        assert_eq!(is_done, into.exists());
        if is_done {
            fs::remove_dir_all(&into).unwrap();
        }
        let mut names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|one| one.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["archive", "outside"]);
    });
}

#[test]
fn marshal() {
    let script = "printf 'import os\\nP = \"/p/store/x\"\\nclass A:\\n  x = (1, 2.5, 3j, b\"/p/store\", 1 << 90, None)\\n' > m.py
        printf '  def f(self, *a):\\n    return {P, \"/p/store\", \"\\\\u1234/p/store\"}\\n' >> m.py
        python3 -c 'import py_compile; py_compile.compile(\"m.py\", \"m.pyc\", \"/p/store/m.py\")'";
    let pair = Pair { old: b"/p/store".to_vec(), new: b"/a/longer/path".to_vec() };
    let mapping = Mapping::new([pair]).unwrap();
    survive("marshal", &made(script, &["m.pyc"]), 3000, &|bytes| {
        let _ = pyc::Header::read(bytes);
        let _ = pyc::change(bytes, &mut &mapping);
    });
}

#[test]
fn texts() {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let debian = b"PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nVERSION_ID='12'\nID=debian\nID_LIKE=\"a b\\\"c\"\n";
    survive("os-release", &[debian.to_vec()], 2000, &|bytes| {
        let release = OsRelease::parse(&text(bytes));
        let _ = (release.id(), release.like(), release.name(), release.release(Some("12.5\n")));
    });
    let project = b"[project]\nname = \"x\"\nchannels = [\"/c\"]\n[audit]\nsystem_libraries = [\"libX11\"]\n
        [[audit.allow]]\ncheck = \"rwx\"\nfile = \"lib/*\"\nreason = \"old\"\n[platforms]\nlist = ['a', \"b\\u0041\"]\n";
    survive("project", &[project.to_vec()], 1000, &|bytes| {
        let _ = project_file::parse("tagalong.toml", &text(bytes));
    });
    let recipe = b"name = \"zlib\"\nversion = \"1.3\"\nlicense = \"Zlib\"\nneeds = [\"a\"]\nstacks = ['x']\n[source]\n
        url = \"https://x.example/zlib-{version}.tar.gz\"\nsha256 = \"0000\"\n[build]\nsystem = \"cmake\"\n
        options = { A = \"b\", C = 1 }\nscript = '''\nmake\n'''\n[[allow]]\ncheck = \"x\"\nreason = \"y\"\n";
    survive("recipe", &[recipe.to_vec()], 1000, &|bytes| {
        let text = text(bytes);
        let _ = recipe_file::read(&text, None);
        let _ = recipe_file::parse("recipe.toml", &text, None);
        let _ = recipe_file::update::update("recipe.toml", &text, "2.0");
    });
    survive("script", &[b"#!/p/store/bin/python3 -E\nimport os\n".to_vec()], 1000, &|bytes| {
        let _ = shebang::Head::read(bytes);
    });
}

#[test]
fn loader_cache() {
    let script = "echo 'int f(void) { return 1; }' > f.c; mkdir -p root/lib root/etc
        gcc -shared -fPIC f.c -o root/lib/libf.so; /sbin/ldconfig -r root";
    survive("cache", &made(script, &["root/etc/ld.so.cache"]), 2000, &|bytes| {
        let _ = cache::read(bytes, true, &["x86-64-v3".to_owned()]);
    });
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
    let unpacks = |bytes: &[u8]| {
        let folder = tempfile::tempdir().unwrap();
        let into = folder.path().join("into");
        fs::create_dir(&into).unwrap();
        let prefix = Prefix::new(Path::new("/a/prefix")).unwrap();
        let _ = unpack::unpack(bytes, &into, &prefix, &Default::default());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    };
    survive("package", &archives, 300, &unpacks);
    // Where no checksum of the packing helps.
    survive("package-unpacked", &whole, 300, &|bytes| unpacks(&zstd::stream::encode_all(bytes, 1).unwrap()));
    let is_any = |parses: fn(&[u8]) -> bool| json.iter().any(|one| parses(one));
    assert!(is_any(|one| PackageManifest::parse(one).is_ok()) && is_any(|one| BundleManifest::parse(one).is_ok()));
    assert!(is_any(|one| Receipt::parse(one).is_ok()));
    survive("json", &json, 2000, &|bytes| {
        // What is taken is taken again.
        if let Ok(manifest) = PackageManifest::parse(bytes) {
            PackageManifest::parse(&manifest.to_json()).unwrap();
        }
        if let Ok(manifest) = BundleManifest::parse(bytes) {
            BundleManifest::parse(&manifest.to_json()).unwrap();
        }
        if let Ok(receipt) = Receipt::parse(bytes) {
            Receipt::parse(&receipt.to_json()).unwrap();
        }
        let _ = BuildRecord::parse(bytes);
        let _ = Record::parse(bytes);
    });
}

#[test]
fn signatures() {
    let key = SecretKey::generate().unwrap();
    let content = b"a manifest\n".to_vec();
    let signature = key.sign(&content, "tagalong").unwrap().into_bytes();
    let keys = [key.public().clone()];
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    signing::verify(&keys, &content, &text(&signature)).unwrap();
    survive("signature", std::slice::from_ref(&signature), 2000, &|bytes| {
        let _ = signing::verify(&keys, &content, &text(bytes));
        let _ = signing::PublicKey::parse(&text(bytes));
    });
    survive("signed", std::slice::from_ref(&content), 1000, &|bytes| {
        let is_right = signing::verify(&keys, bytes, &text(&signature)).is_ok();
        assert_eq!(is_right, bytes == content);
    });
}

//! Damaged files of each format that `audit` reads: reading them ends, with an answer or an error, never with a panic.

use std::fs;
use std::io::{self, Cursor, Read};
use std::process::Command;
use std::sync::LazyLock;

use proptest::prelude::*;
use tagalong::archive::members;
use tagalong::audit::cache;
use tagalong::relocate::elf::hardening::Hardening;
use tagalong::relocate::elf::symbols::Symbols;
use tagalong::relocate::elf::{Facts, skeleton};
use tagalong::relocate::kind::Kind;

/// One real file of each format.
struct Files {
    library: Vec<u8>,
    packed: Vec<(&'static str, Vec<u8>)>,
    cache: Vec<u8>,
}

static FILES: LazyLock<Files> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let script = "echo 'int f(void) { return 1; }' > f.c; echo 'V { f; };' > v
        gcc -shared -fPIC -g -gz=zlib f.c -o f.so -Wl,--version-script,v
        gcc -c -g -gz=zlib f.c -o object-with-a-long-name.o; ar rc f.a object-with-a-long-name.o
        zip -q f.zip f.c f.so; gzip -k f.so; xz -k f.so; zstd -q f.so; bzip2 -k f.so
        mkdir -p root/lib root/etc; cp f.so root/lib/libf.so; /sbin/ldconfig -r root";
    let output = Command::new("sh").args(["-ec", script]).current_dir(folder.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let read = |name: &str| fs::read(folder.path().join(name)).unwrap();
    let names = ["f.so", "f.a", "f.zip", "f.so.gz", "f.so.xz", "f.so.zst", "f.so.bz2"];
    Files {
        library: read("f.so"),
        packed: names.into_iter().map(|name| (name, read(name))).collect(),
        cache: read("root/etc/ld.so.cache"),
    }
});

fn damaged(original: &[u8], flips: &[(usize, u8)], cut: Option<usize>) -> Vec<u8> {
    let mut bytes = original.to_owned();
    for (at, byte) in flips {
        let at = at % bytes.len();
        bytes[at] = *byte;
    }
    if let Some(cut) = cut {
        bytes.truncate(cut % (original.len() + 1));
    }
    bytes
}

fn flips() -> impl Strategy<Value = Vec<(usize, u8)>> {
    // Headers decide most, and extreme values find what random ones do not.
    let place = prop_oneof![0..1024usize, any::<usize>()];
    let byte = prop_oneof![any::<u8>(), Just(0), Just(0xff), Just(0x7f), Just(0x80)];
    prop::collection::vec((place, byte), 0..12)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn elf_files_are_read_to_an_end(flips in flips(), cut in prop::option::weighted(0.3, any::<usize>())) {
        let bytes = damaged(&FILES.library, &flips, cut);
        if let Ok(facts) = Facts::read(&bytes) {
            Hardening::read(&bytes, &facts).ok();
            Symbols::read(&bytes, &facts).ok();
        }
        let mut read = |offset: u64, part: &mut [u8]| {
            let rest = bytes.get(offset as usize..).and_then(|rest| rest.get(..part.len()));
            part.copy_from_slice(rest.ok_or(io::ErrorKind::UnexpectedEof)?);
            Ok(())
        };
        let mut small = Vec::new();
        if skeleton::of(bytes.len() as u64, &mut read, &mut small).is_ok() {
            prop_assert!(small.len() <= 8 * bytes.len() + (1 << 16), "{} of {}", small.len(), bytes.len());
            Facts::read(&small).ok();
        }
        skeleton::compressed_sections(bytes.len() as u64, &mut read).ok();
    }

    #[test]
    fn caches_are_read_to_an_end(flips in flips(), cut in prop::option::weighted(0.3, any::<usize>())) {
        cache::read(&damaged(&FILES.cache, &flips, cut), true, &["x86-64-v2".to_owned()]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn packed_files_are_read_to_an_end(
        place in any::<prop::sample::Index>(),
        flips in flips(),
        cut in prop::option::weighted(0.3, any::<usize>()),
    ) {
        let (name, original) = place.get(&FILES.packed);
        let bytes = damaged(original, &flips, cut);
        let kind = Kind::of(&bytes);
        let facts = if kind == Kind::Elf { Facts::read(&bytes).ok() } else { None };
        let sections = facts.map(|facts| facts.compressed).unwrap_or_default();
        let mut length = 0;
        members::each_member(&mut Cursor::new(&bytes), kind, &sections, &mut |_, reader| {
            length += io::copy(&mut reader.take(1 << 26), &mut io::sink()).unwrap_or_default();
        }).ok();
        prop_assert!(length < 1 << 30, "{name}");
    }
}

#[test]
fn the_skeleton_of_a_sound_file_says_what_the_file_says() {
    let mut files = vec![FILES.library.clone()];
    for name in ["/bin/sh", "/usr/bin/env", "/lib/x86_64-linux-gnu/libc.so.6", "/lib/x86_64-linux-gnu/libm.so.6"] {
        files.push(fs::read(name).unwrap());
    }
    for bytes in files {
        let mut read = |offset: u64, part: &mut [u8]| {
            part.copy_from_slice(&bytes[offset as usize..][..part.len()]);
            Ok(())
        };
        // What the memory held before is gone.
        let mut small = vec![0xff; 100];
        skeleton::of(bytes.len() as u64, &mut read, &mut small).unwrap_or_else(|fault| panic!("{fault:?}"));
        let (facts, other) = (Facts::read(&bytes).unwrap(), Facts::read(&small).unwrap());
        assert_eq!(Facts { compressed: Vec::new(), ..facts.clone() }, other);
        assert_eq!(Hardening::read(&bytes, &facts), Hardening::read(&small, &other));
        let (symbols, others) = (Symbols::read(&bytes, &facts).unwrap(), Symbols::read(&small, &other).unwrap());
        assert!(symbols.wanted().eq(others.wanted()));
        assert!(symbols.strong().eq(others.strong()));
        let compressed = skeleton::compressed_sections(bytes.len() as u64, &mut read).unwrap();
        assert_eq!(compressed, facts.compressed);
    }
}

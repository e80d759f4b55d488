//! Hostile and damaged archives: each is refused, and nothing outside of the folder to unpack into is touched.

mod package;

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use package::{Package, contents, unpack};
use proptest::prelude::*;
use tagalong::archive::Error;
use tagalong::model::package::MANIFEST_PATH;
use tagalong::model::prefix::{Placeholder, Prefix};

const BLOCK: usize = 512;

/// Manifest, `a` (folder), `a/file` (5 bytes), `a/link`, `b` (with a placeholder): blocks of a tar archive.
struct Tar {
    manifest: String,
    /// Header and content of each entry, content padded.
    entries: Vec<Vec<u8>>,
    end: Vec<u8>,
}

fn good() -> Package {
    Package::new().file("a/file", 0o644, b"12345").link("a/link", "file").file(
        "b",
        0o755,
        format!("x={}\n", Placeholder::standard().as_str()).as_bytes(),
    )
}

/// The archive of [`good`], packed once.
fn good_archive() -> &'static [u8] {
    static ARCHIVE: OnceLock<Vec<u8>> = OnceLock::new();
    ARCHIVE.get_or_init(|| good().archive())
}

impl Tar {
    fn new() -> Tar {
        let package = good();
        let bytes = zstd::stream::decode_all(good_archive()).unwrap();
        let manifest = String::from_utf8(package.manifest.to_json()).unwrap();
        let mut rest = &bytes[BLOCK + manifest.len().next_multiple_of(BLOCK)..];
        let entries = [1, 2, 1, 2].map(|blocks| {
            let (entry, after) = rest.split_at(blocks * BLOCK);
            rest = after;
            entry.to_vec()
        });
        Tar { manifest, entries: entries.to_vec(), end: rest.to_vec() }
    }

    /// The same with another manifest.
    fn manifest(mut self, from: &str, to: &str) -> Tar {
        assert!(self.manifest.contains(from), "{from} in {}", self.manifest);
        self.manifest = self.manifest.replacen(from, to, 1);
        self
    }

    /// The same with bytes of one header changed, its sum made right.
    fn header(mut self, entry: usize, at: usize, bytes: &[u8]) -> Tar {
        change_header(&mut self.entries[entry], at, bytes);
        self
    }

    fn name(self, entry: usize, name: &str) -> Tar {
        let mut field = [0; 100];
        field[..name.len()].copy_from_slice(name.as_bytes());
        self.header(entry, 0, &field)
    }

    fn entry(&self, number: usize) -> Vec<u8> {
        self.entries[number].clone()
    }

    fn with_entries(mut self, entries: Vec<Vec<u8>>) -> Tar {
        self.entries = entries;
        self
    }

    fn plain(&self) -> Vec<u8> {
        let mut header = zstd::stream::decode_all(good_archive()).unwrap()[..BLOCK].to_vec();
        change_header(&mut header, 124, format!("{:011o}", self.manifest.len()).as_bytes());
        let mut bytes = [&header, self.manifest.as_bytes()].concat();
        bytes.resize(bytes.len().next_multiple_of(BLOCK), 0);
        bytes.extend(self.entries.concat());
        bytes.extend(&self.end);
        bytes
    }

    fn packed(&self) -> Vec<u8> {
        zstd::stream::encode_all(&self.plain()[..], 1).unwrap()
    }
}

fn change_header(block: &mut [u8], at: usize, bytes: &[u8]) {
    block[at..at + bytes.len()].copy_from_slice(bytes);
    block[148..156].fill(b' ');
    let sum: u32 = block[..BLOCK].iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

/// Unpacks between two things that must stay as they are; gives what the refusal says.
#[track_caller]
fn refusal(archive: &[u8]) -> String {
    let world = tempfile::tempdir().unwrap();
    let into = world.path().join("into");
    fs::create_dir(&into).unwrap();
    fs::create_dir(world.path().join("outside")).unwrap();
    fs::write(world.path().join("outside/file"), "precious").unwrap();
    let before = contents(world.path()).into_iter().filter(|(path, _)| !path.starts_with("into")).collect::<Vec<_>>();
    let prefix = Prefix::new(Path::new("/p")).unwrap();
    let result = tagalong::archive::unpack::unpack(archive, &into, &prefix, &Default::default());
    let after = contents(world.path()).into_iter().filter(|(path, _)| !path.starts_with("into")).collect::<Vec<_>>();
    assert_eq!(before, after);
    for (path, (mode, _)) in contents(&into) {
        assert_eq!(mode & 0o7000, 0, "{}", path.display());
    }
    match result {
        Err(error) => error.to_string(),
        Ok(_) => "taken".to_owned(),
    }
}

#[test]
fn the_untouched_archive_is_taken() {
    assert_eq!(refusal(&Tar::new().packed()), "taken");
}

#[test]
fn manifests_that_lead_out_are_refused() {
    let table = [
        (
            r#""path":"b""#,
            r#""path":"/etc/passwd""#,
            "its manifest cannot be read: `/etc/passwd` is not a path inside a package",
        ),
        (
            r#""path":"b""#,
            r#""path":"b/../../outside/file""#,
            "its manifest cannot be read: `b/../../outside/file` is not a path",
        ),
        (
            r#""path":"b""#,
            r#""path":".tagalong/receipt.json""#,
            "its manifest cannot be read: `.tagalong/receipt.json` is not a path",
        ),
        (
            r#""path":"b""#,
            r#""path":"a/link/file""#,
            "its entry `a/link/file` lies in a folder that the manifest does not name",
        ),
        (r#""path":"b""#, r#""path":"a/file""#, "its entry `a/file` stands twice or out of order"),
        (r#""target":"file""#, r#""target":"/etc/passwd""#, "its entry `a/link` links out of the tree"),
        (r#""target":"file""#, r#""target":"../../outside""#, "its entry `a/link` links out of the tree"),
        (r#""target":"file""#, r#""target":"x/../../b""#, "its entry `a/link` links out of the tree"),
        (r#""mode":493"#, r#""mode":2541"#, "its entry `b` has mode bits beyond permissions"),
        (r#""text":[2]"#, r#""text":[200]"#, "its entry `b` has relocations that overlap or lie outside of it"),
        (
            r#""text":[2]"#,
            r#""text":[2],"fixed":[2]"#,
            "its entry `b` has relocations that overlap or lie outside of it",
        ),
        (r#""text":[2]"#, r#""text":[1,2]"#, "its entry `b` has relocations that overlap or lie outside of it"),
        (r#""text":[2]"#, r#""text":[1]"#, "`b` has no placeholder at offset 1"),
        (r#""text":[2]"#, r#""device":[8,0]"#, "its manifest cannot be read: unknown field `device`"),
        (r#""format":1"#, r#""format":2"#, "its manifest has format 2, this program reads 1"),
        (r#""format":1"#, r#""format":1,"run":"rm""#, "its manifest cannot be read: unknown field `run`"),
        (
            r#""size":5"#,
            r#""size":9007199254740992"#,
            "the package has 9007199254741155 bytes unpacked, 274877906944 are allowed",
        ),
        (r#""size":5"#, r#""size":18446744073709551615"#, "the package has 18446744073709551615 bytes unpacked"),
        (r#""size":5"#, r#""size":6"#, "`a/file` is of another kind, mode, size or target than its manifest says"),
        (r#""size":5"#, r#""size":-1"#, "its manifest cannot be read: invalid value"),
        (r#""entries":["#, r#""entries":[[[[[["#, "its manifest cannot be read"),
    ];
    for (from, to, expected) in table {
        let said = refusal(&Tar::new().manifest(from, to).packed());
        assert!(said.starts_with(expected), "{to}: {said}");
    }
}

#[test]
fn entries_that_are_not_the_manifests_next_are_refused() {
    let long = "x".repeat(100);
    let table = [
        (Tar::new().name(1, "/etc/passwd"), "the entry `/etc/passwd` is not the `a/file` of the manifest"),
        (Tar::new().name(1, "../outside/file"), "the entry `../outside/file` is not the `a/file` of the manifest"),
        (Tar::new().name(1, "a/./file"), "the entry `a/./file` is not the `a/file` of the manifest"),
        (Tar::new().name(1, &long), &format!("the entry `{long}` is not the `a/file` of the manifest")),
        // A hard link, a character device, a pipe, a sparse file, a pax header, setuid, another mode, size, target.
        (Tar::new().header(1, 156, b"1"), "`a/file` is of another kind, mode, size or target than its manifest says"),
        (Tar::new().header(1, 156, b"3"), "`a/file` is of another kind, mode, size or target than its manifest says"),
        (Tar::new().header(1, 156, b"6"), "`a/file` is of another kind, mode, size or target than its manifest says"),
        (Tar::new().header(1, 156, b"S"), "`a/file` is of another kind, mode, size or target than its manifest says"),
        (Tar::new().header(1, 156, b"x"), "`a/file` is of another kind, mode, size or target than its manifest says"),
        (
            Tar::new().header(1, 100, b"0004755"),
            "`a/file` is of another kind, mode, size or target than its manifest says",
        ),
        (
            Tar::new().header(1, 100, b"0000777"),
            "`a/file` is of another kind, mode, size or target than its manifest says",
        ),
        (
            Tar::new().header(1, 124, b"00000000004"),
            "`a/file` is of another kind, mode, size or target than its manifest says",
        ),
        (
            Tar::new().header(1, 124, b"77777777777"),
            "`a/file` is of another kind, mode, size or target than its manifest says",
        ),
        (
            Tar::new().header(2, 157, b"/etc"),
            "`a/link` is of another kind, mode, size or target than its manifest says",
        ),
        (
            Tar::new().header(1, 345, b"/etc"),
            "`a/file` is of another kind, mode, size or target than its manifest says",
        ),
    ];
    for (tar, expected) in table {
        assert_eq!(refusal(&tar.packed()), *expected);
    }
}

#[test]
fn missing_double_and_additional_entries_are_refused() {
    let of = |numbers: &[usize]| {
        let tar = Tar::new();
        let entries = numbers.iter().map(|number| tar.entry(*number)).collect();
        refusal(&tar.with_entries(entries).packed())
    };
    assert_eq!(of(&[0, 1, 2]), "the manifest's `b` is missing");
    assert_eq!(of(&[]), "the manifest's `a` is missing");
    assert_eq!(of(&[0, 2, 3]), "the entry `a/link` is not the `a/file` of the manifest");
    assert_eq!(of(&[0, 1, 1, 2, 3]), "the entry `a/file` is not the `a/link` of the manifest");
    assert_eq!(of(&[0, 1, 2, 3, 3]), "the entry `b` is not in the manifest");
    assert_eq!(of(&[0, 1, 2, 3, 0]), "the entry `a/` is not in the manifest");
    let mut tar = Tar::new();
    let extra = Tar::new().name(1, MANIFEST_PATH).entry(1);
    tar.entries.push(extra);
    assert_eq!(refusal(&tar.packed()), "the entry `.tagalong/package.json` is not in the manifest");
}

#[test]
fn other_content_padding_and_tails_are_refused() {
    let change = |edit: fn(&mut Tar)| {
        let mut tar = Tar::new();
        edit(&mut tar);
        refusal(&tar.packed())
    };
    assert_eq!(change(|tar| tar.entries[1][BLOCK] = b'2'), "`a/file` has other bytes than its manifest says");
    assert_eq!(change(|tar| tar.entries[1][BLOCK + 5] = b'6'), "the archive is damaged: its padding is not empty");
    assert_eq!(change(|tar| tar.end.truncate(BLOCK)), "the archive ends too early");
    assert_eq!(change(|tar| tar.end.clear()), "the archive ends too early");
    assert_eq!(change(|tar| tar.end.extend([0; BLOCK])), "something follows the end of the archive");
    assert_eq!(change(|tar| tar.end[BLOCK] = 1), "the archive is damaged: its padding is not empty");
    let whole = Tar::new().packed();
    for tail in [&b"x"[..], &[0; 512], b"\x50\x2a\x4d\x18\x00\x00\x00\x00", &whole] {
        let said = refusal(&[&whole, tail].concat());
        assert_eq!(said, "something follows the end of the archive", "{tail:?}");
    }
}

#[test]
fn what_is_no_package_archive_is_refused() {
    for bytes in [&b""[..], b"x", b"not an archive at all", &[0; 4096], b"\x1f\x8b", b"\x28\xb5\x2f\xfd"] {
        assert_ne!(refusal(bytes), "taken");
    }
    let pack = |plain: &[u8]| zstd::stream::encode_all(plain, 1).unwrap();
    assert_eq!(refusal(&pack(&[0; 4096])), "the archive does not start with a package manifest, but with ``");
    let tar = Tar::new();
    let without = [tar.entries.concat(), tar.end.clone()].concat();
    assert_eq!(refusal(&pack(&without)), "the archive does not start with a package manifest, but with `a/`");
    let mut plain = tar.plain();
    change_header(&mut plain, 124, b"77777777777");
    assert_eq!(refusal(&pack(&plain)), "the manifest has 8589934591 bytes, 67108864 are allowed");
    let mut plain = tar.plain();
    change_header(&mut plain, 124, b"00377777777");
    assert_eq!(refusal(&pack(&plain)), "the archive ends too early");
    let mut plain = tar.plain();
    change_header(&mut plain, 156, b"1");
    assert_eq!(refusal(&pack(&plain)), "the archive is damaged: the header of the manifest is not the usual one");
}

#[test]
fn bombs_end_where_the_manifest_ends() {
    // 20 GB of zeros in 0.6 MB: behind the archive, as the content of a file, and as the manifest.
    let mut tar = Tar::new();
    tar.end.truncate(2 * BLOCK);
    let zeros = zstd::stream::encode_all(&vec![0; 64 << 20][..], 1).unwrap();
    let bomb = zeros.repeat(300);
    assert_eq!(refusal(&[tar.packed(), bomb.clone()].concat()), "something follows the end of the archive");
    let small = Tar::new().plain()[..BLOCK].to_vec();
    let head = zstd::stream::encode_all(&small[..], 1).unwrap();
    assert!(refusal(&[head, bomb].concat()).starts_with("its manifest cannot be read"));
    // A window of 1 GiB is not allocated.
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(30).unwrap();
    std::io::Write::write_all(&mut encoder, &Tar::new().plain()).unwrap();
    assert!(refusal(&encoder.finish().unwrap()).starts_with("the archive is damaged"));
}

#[test]
fn a_link_planted_in_the_folder_is_not_followed() {
    for (at, expected) in [("a", "a"), ("a/file", "a/file"), ("b", "b")] {
        let world = tempfile::tempdir().unwrap();
        let into = world.path().join("into");
        let outside = world.path().join("outside");
        fs::create_dir_all(into.join(at).parent().unwrap()).unwrap();
        fs::create_dir(&outside).unwrap();
        std::os::unix::fs::symlink(&outside, into.join(at)).unwrap();
        let prefix = Prefix::new(Path::new("/p")).unwrap();
        let result = tagalong::archive::unpack::unpack(good_archive(), &into, &prefix, &Default::default());
        assert!(matches!(&result, Err(Error::FileCollision { path }) if path == expected), "{at}: {result:?}");
        assert!(contents(&outside).is_empty());
    }
}

#[test]
fn archives_cut_anywhere_are_refused() {
    let whole = good_archive();
    for end in (0..whole.len()).step_by(3) {
        assert_ne!(refusal(&whole[..end]), "taken", "{end} of {}", whole.len());
    }
    let plain = Tar::new().plain();
    for end in (0..plain.len()).step_by(61) {
        let cut = zstd::stream::encode_all(&plain[..end], 1).unwrap();
        assert_ne!(refusal(&cut), "taken", "{end} of {}", plain.len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever one bit does, the archive is refused or unpacks to the very same files.
    #[test]
    fn flipped_bits_are_refused_or_change_nothing(place in any::<prop::sample::Index>(), bit in 0u8..8) {
        let mut archive = good_archive().to_vec();
        let place = place.index(archive.len());
        archive[place] ^= 1 << bit;
        let (folder, result) = unpack(&archive, "/p");
        if result.is_ok() {
            let (whole, _) = unpack(good_archive(), "/p");
            let (found, expected) = (contents(&folder.path().join("into")), contents(&whole.path().join("into")));
            prop_assert_eq!(found, expected);
        }
    }

    /// The same inside of the compression, where no checksum helps.
    #[test]
    fn flipped_bits_of_the_plain_archive_are_refused(place in any::<prop::sample::Index>(), bit in 0u8..8) {
        let mut tar = Tar::new().plain();
        let manifest = BLOCK..BLOCK + Tar::new().manifest.len();
        let place = place.index(tar.len());
        tar[place] ^= 1 << bit;
        let said = refusal(&zstd::stream::encode_all(&tar[..], 1).unwrap());
        // A bit of the manifest may change a name or a licence in it: the archive's own digest guards those.
        prop_assert!(said != "taken" || manifest.contains(&place), "{place}");
    }
}

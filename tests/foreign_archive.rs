//! Archives that others made: every kind is unpacked the same, nothing hostile gets out of its folder.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use tagalong::archive::foreign::{ForeignError, Limits, unpack, unpack_within};
use tar::{EntryType, Header};

/// An entry of a tar in the making: kind, name, content or target.
type Entry<'a> = (EntryType, &'a str, &'a str);

const FILE: EntryType = EntryType::Regular;
const FOLDER: EntryType = EntryType::Directory;
const LINK: EntryType = EntryType::Symlink;
const HARD: EntryType = EntryType::Link;

/// A tar with these entries exactly, whatever their names are.
fn tar(entries: &[Entry]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (kind, name, content) in entries {
        let mut header = Header::new_ustar();
        // Written by hand: the crate refuses the names that are to be tried.
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(*kind);
        header.set_mode(if name.ends_with(".sh") { 0o4777 } else { 0o600 });
        header.set_mtime(1_600_000_000);
        let is_file = *kind == FILE || kind.as_byte() == b'L' || kind.as_byte() == b'x';
        if !is_file {
            header.as_mut_bytes()[157..157 + content.len()].copy_from_slice(content.as_bytes());
        }
        let body = if is_file { content.as_bytes() } else { b"" };
        header.set_size(body.len() as u64);
        header.set_cksum();
        builder.append(&header, body).unwrap();
    }
    builder.into_inner().unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zip(entries: &[Entry]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (kind, name, content) in entries {
        let mode = if name.ends_with(".sh") { 0o755 } else { 0o644 };
        let time = zip::DateTime::from_date_and_time(2020, 9, 13, 12, 26, 40).unwrap();
        let options = zip::write::SimpleFileOptions::default().unix_permissions(mode).last_modified_time(time);
        match *kind {
            FOLDER => writer.add_directory(*name, options).unwrap(),
            LINK => writer.add_symlink(*name, *content, options).unwrap(),
            _ => {
                writer.start_file(*name, options).unwrap();
                writer.write_all(content.as_bytes()).unwrap();
            }
        }
    }
    writer.finish().unwrap().into_inner()
}

/// A folder for one archive, with what it unpacked to.
struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Bench {
        Bench { folder: tempfile::tempdir().unwrap() }
    }

    fn goal(&self) -> PathBuf {
        self.folder.path().join("deep/into")
    }

    fn unpack(&self, bytes: &[u8]) -> Result<(), ForeignError> {
        let archive = self.folder.path().join("archive");
        fs::write(&archive, bytes).unwrap();
        unpack(&archive, &self.goal())
    }

    /// Every path below the target with what it is.
    fn tree(&self) -> BTreeMap<String, String> {
        let mut tree = BTreeMap::new();
        walk(&self.goal(), &self.goal(), &mut tree);
        tree
    }

    /// What lies around: nothing but the archive may be left after a refusal.
    fn is_clean(&self) -> bool {
        let names = |folder: &Path| fs::read_dir(folder).unwrap().count();
        names(self.folder.path()) == 2 && names(&self.folder.path().join("deep")) == 0
    }
}

fn walk(root: &Path, folder: &Path, tree: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let metadata = fs::symlink_metadata(&path).unwrap();
        let name = path.strip_prefix(root).unwrap().display().to_string();
        if metadata.is_dir() {
            walk(root, &path, tree);
        } else if metadata.is_symlink() {
            tree.insert(name, format!("-> {}", fs::read_link(&path).unwrap().display()));
        } else {
            let mode = metadata.permissions().mode() & 0o7777;
            let seconds = metadata.modified().unwrap().duration_since(UNIX_EPOCH).unwrap().as_secs();
            tree.insert(name, format!("{mode:o} {seconds} {}", fs::read_to_string(&path).unwrap()));
        }
    }
}

const ORDINARY: &[Entry] = &[
    (FOLDER, "demo-1.0/", ""),
    (FILE, "demo-1.0/configure.sh", "run"),
    (FILE, "demo-1.0/src/a.c", "int a;"),
    (LINK, "demo-1.0/src/b.c", "../src/a.c"),
    (LINK, "demo-1.0/to", "src"),
];

#[test]
fn every_kind_unpacks_to_the_same_tree_without_its_top_folder() {
    let plain = tar(ORDINARY);
    let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    bzip2.write_all(&plain).unwrap();
    let mut xz = liblzma::write::XzEncoder::new(Vec::new(), 1);
    xz.write_all(&plain).unwrap();
    // Two members, as `pigz` and `cat` make them.
    let mut twice = gzip(&plain[..700]);
    twice.extend(gzip(&plain[700..]));
    let kinds = [
        ("tar", plain.clone()),
        ("gz", gzip(&plain)),
        ("gz twice", twice),
        ("bz2", bzip2.finish().unwrap()),
        ("xz", xz.finish().unwrap()),
        ("zst", zstd::stream::encode_all(plain.as_slice(), 1).unwrap()),
        ("zip", zip(ORDINARY)),
    ];
    let expected = BTreeMap::from(
        [
            ("configure.sh", "755 1600000000 run"),
            ("src/a.c", "644 1600000000 int a;"),
            ("src/b.c", "-> ../src/a.c"),
            ("to", "-> src"),
        ]
        .map(|(name, what)| (name.to_owned(), what.to_owned())),
    );
    for (kind, bytes) in kinds {
        let bench = Bench::new();
        bench.unpack(&bytes).unwrap_or_else(|error| panic!("{kind}: {error}"));
        assert_eq!(bench.tree(), expected, "{kind}");
    }
}

#[test]
fn names_tell_what_is_stripped() {
    let names = |entries: &[Entry]| {
        let bench = Bench::new();
        bench.unpack(&tar(entries)).unwrap();
        bench.tree().into_keys().collect::<Vec<_>>()
    };
    assert_eq!(names(&[(FILE, "a/x", ""), (FILE, "b/x", "")]), ["a/x", "b/x"]);
    assert_eq!(names(&[(FILE, "./a/x", ""), (FILE, "./a/y", "")]), ["x", "y"]);
    assert_eq!(names(&[(FILE, "a/a/x", "")]), ["a/x"]);
    assert_eq!(names(&[(FILE, "a", "")]), ["a"]);
    assert_eq!(names(&[(FILE, "a/x", ""), (LINK, "b", "a")]), ["a/x", "b"]);
    // git's own archives start with a comment.
    assert_eq!(names(&[(EntryType::XGlobalHeader, "pax_global_header", ""), (FILE, "a/x", "")]), ["x"]);
}

#[test]
fn long_names_and_times_of_gnu_and_pax_are_read() {
    let long = format!("top/{}/file", "n".repeat(120));
    let record = |key: &str, value: &str| {
        let tail = format!(" {key}={value}\n");
        let length = (1..).find(|length: &usize| length.to_string().len() + tail.len() == *length).unwrap();
        format!("{length}{tail}")
    };
    let pax = record("path", &long) + &record("mtime", "1500000000.25");
    let bench = Bench::new();
    bench.unpack(&tar(&[(EntryType::XHeader, "x", &pax), (FILE, "short", "pax")])).unwrap();
    let found = bench.tree();
    assert_eq!(
        found.into_iter().next().unwrap(),
        (format!("{}/file", "n".repeat(120))[..].to_owned(), "644 1500000000 pax".to_owned())
    );
    let time = fs::metadata(bench.goal().join("n".repeat(120)).join("file")).unwrap().modified().unwrap();
    assert_eq!(time, UNIX_EPOCH + Duration::from_millis(1_500_000_000_250));
    let bench = Bench::new();
    bench
        .unpack(&tar(&[(EntryType::GNULongName, "././@LongLink", &(long.clone() + "\0")), (FILE, "short", "gnu")]))
        .unwrap();
    assert_eq!(bench.tree().len(), 1);
}

#[test]
fn hard_links_are_copies_and_a_second_file_replaces_the_first() {
    let bench = Bench::new();
    bench.unpack(&tar(&[(FILE, "t/a.sh", "one"), (HARD, "t/b.sh", "t/a.sh"), (FILE, "t/a.sh", "two")])).unwrap();
    let tree = bench.tree();
    assert_eq!(tree["a.sh"], "755 1600000000 two");
    assert_eq!(tree["b.sh"], "755 1600000000 two");
}

#[test]
fn hostile_archives_are_refused_and_leave_nothing() {
    let table: &[(&[Entry], &str)] = &[
        (&[(FILE, "/etc/x", "")], "`/etc/x`: the name is absolute"),
        (&[(FILE, "../x", "")], "`../x`: the name climbs with `..`"),
        (&[(FILE, "a/../../x", "")], "`a/../../x`: the name climbs with `..`"),
        (&[(LINK, "a", "/etc"), (FILE, "a/x", "")], "`a`: the link leads out of the archive, to `/etc`"),
        (&[(LINK, "a", "b"), (FILE, "a/x", "")], "`a`: it would be written through a link or a file"),
        (&[(LINK, "a", "../.."), (FILE, "x", "")], "`a`: the link leads out of the archive, to `../..`"),
        // The link is inside of its top folder, but not once that is stripped.
        (&[(FILE, "top/x", ""), (LINK, "top/a", "../y")], "`top/a`: the link leads out of the archive, to `../y`"),
        (
            &[(FILE, "d/x", ""), (FILE, "y", ""), (LINK, "l", "."), (LINK, "m", "l/../z")],
            "`m`: the link leads out of the archive, to `l/../z`",
        ),
        (
            &[(LINK, "x/y", "."), (FILE, "z", ""), (LINK, "x/y/e", "../..")],
            "`x/y/e`: it would be written through a link or a file",
        ),
        (&[(HARD, "a", "/etc/passwd")], "`a`: the link names `/etc/passwd`, which is not a file of the archive"),
        (&[(HARD, "a", "../../x")], "`a`: the link names `../../x`, which is not a file of the archive"),
        (&[(HARD, "a", "none")], "`a`: the link names `none`, which is not a file of the archive"),
        (
            &[(LINK, "l", "x"), (FILE, "x", ""), (HARD, "a", "l")],
            "`a`: the link names `l`, which is not a file of the archive",
        ),
        (&[(FILE, "a", ""), (FILE, "a/b", "")], "`a/b`: it would be written through a link or a file"),
        (&[(FILE, "a/b", ""), (FILE, "a", "")], "`a`: it would be written through a link or a file"),
        (&[(EntryType::Char, "a", "")], "`a`: it is a device, a pipe or a socket"),
        (&[(EntryType::Fifo, "a", "")], "`a`: it is a device, a pipe or a socket"),
        (&[(EntryType::GNUSparse, "a", "")], "`a`: it is of a kind that is not unpacked: a sparse file"),
        (&[(EntryType::XHeader, "x", "99 path=a\n"), (FILE, "a", "")], "cannot be read: a pax header is broken"),
        (&[(EntryType::XHeader, "x", "15 path=../out\n"), (FILE, "a", "")], "`../out`: the name climbs with `..`"),
    ];
    for (entries, expected) in table {
        let bench = Bench::new();
        let error = bench.unpack(&gzip(&tar(entries))).expect_err(expected).to_string();
        assert!(error.ends_with(expected), "{error}\n{expected}");
        assert!(bench.is_clean(), "{expected}");
    }
}

#[test]
fn hostile_zips_are_refused() {
    let table: &[(&[Entry], &str)] = &[
        (&[(FILE, "../x", "")], "`../x`: the name climbs with `..`"),
        (&[(FILE, "/x", "")], "`/x`: the name is absolute"),
        (&[(LINK, "a", "/etc")], "`a`: the link leads out of the archive, to `/etc`"),
    ];
    for (entries, expected) in table {
        let bench = Bench::new();
        let error = bench.unpack(&zip(entries)).expect_err(expected).to_string();
        assert!(error.ends_with(expected), "{error}\n{expected}");
        assert!(bench.is_clean(), "{expected}");
    }
}

#[test]
fn bombs_are_stopped_at_the_limits() {
    let folder = tempfile::tempdir().unwrap();
    let (archive, into) = (folder.path().join("archive"), folder.path().join("into"));
    let limits = Limits { bytes: 1000, entries: 5 };
    let big = "x".repeat(600);
    let cases: [&[Entry]; 3] = [
        &[(FILE, "a", &big), (FILE, "b", &big)],
        &[(FILE, "a", &big), (HARD, "b", "a")],
        &[(FILE, "a", ""), (FILE, "b", ""), (FILE, "c", ""), (FILE, "d", ""), (FOLDER, "e", ""), (FILE, "f", "")],
    ];
    for entries in cases {
        fs::write(&archive, tar(entries)).unwrap();
        let error = unpack_within(&archive, &into, limits).unwrap_err();
        assert!(matches!(error, ForeignError::TooLarge { .. }), "{error}");
    }
    // A long name of a gigabyte, packed into a megabyte, is not read into memory.
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::GNULongName);
    header.set_size(1 << 30);
    header.set_cksum();
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    bomb.write_all(header.as_bytes()).unwrap();
    bomb.write_all(&vec![b'x'; 4 << 20]).unwrap();
    fs::write(&archive, bomb.finish().unwrap()).unwrap();
    let error = unpack(&archive, &into).unwrap_err().to_string();
    assert!(error.ends_with("an extended header has more than 1048576 bytes"), "{error}");
}

#[test]
fn what_is_no_archive_or_cut_off_is_told() {
    let whole = gzip(&tar(ORDINARY));
    for (bytes, expected) in [
        (b"hello".to_vec(), "is no archive of a known kind"),
        (Vec::new(), "is no archive of a known kind"),
        (gzip(b"hello"), "cannot be read: failed to read entire block"),
        (gzip(b""), "cannot be read: there is no tar archive inside, or an empty one"),
        (whole[..whole.len() / 2].to_vec(), "cannot be read: "),
    ] {
        let bench = Bench::new();
        let error = bench.unpack(&bytes).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn damaged_archives_never_make_it_panic() {
    let archives = [gzip(&tar(ORDINARY)), tar(ORDINARY), zip(ORDINARY)];
    for archive in archives {
        for place in (0..archive.len()).step_by(41) {
            let mut damaged = archive.clone();
            damaged[place] ^= 0x55;
            // Fine or refused, both are right.
            let _ = Bench::new().unpack(&damaged);
        }
    }
}

//! How the program reads each format that comes from outside, for `tests/hostile.rs` and for the fuzzer (`fuzz/`).
//!
//! A reader takes any bytes, and panics only where the program has a mistake: it panics itself, or what it promises of
//! its input does not hold. Sound files to start from are made by `tests/hostile.rs`.

mod answers;

use std::fs;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

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
use tagalong::signing;
use tagalong::{project_file, recipe_file};
use tempfile::TempDir;

/// The public half of a key, and what its secret half has signed.
pub const PUBLIC_KEY: &str = "RWQ/b364s177PdnkKYGFmealjsNwZGgHNzrPLIJkHFlBldtX2MyWn1Ju";
pub const SIGNED: &[u8] = b"a manifest\n";
pub const SIGNATURE: &str = "\
untrusted comment: signature of a test\n\
RUQ/b364s177PaxzTomv9NKHS8A6xhO/Rs90/pqwqmcdIeidkRTIbCKgwh7LXzu1SkOvkv2V50t/4pZ6EYfWEYPhEBJNGCKCsgM=\n\
trusted comment: tagalong\n\
L27QriwPm2cYuX3HEspp5MqIezvWyNke9e5mWZ6bV4h3ev5sjO7goXI7SXU9Ov/UHeGK6jH8yp9FlHxK6V0rAg==\n";

/// A format and how it is read.
pub struct Format {
    pub name: &'static str,
    pub read: fn(&[u8]),
}

/// All of them.
pub const FORMATS: &[Format] = &[
    Format { name: "elf", read: elf },
    Format { name: "packed", read: packed },
    Format { name: "sources", read: sources },
    Format { name: "marshal", read: marshal },
    Format { name: "os-release", read: os_release },
    Format { name: "project", read: project },
    Format { name: "recipe", read: recipe },
    Format { name: "script", read: script },
    Format { name: "loader-cache", read: loader_cache },
    Format { name: "package", read: package },
    Format { name: "package-unpacked", read: package_unpacked },
    Format { name: "json", read: json },
    Format { name: "signature", read: signature },
    Format { name: "signed", read: signed },
    Format { name: "answers", read: answers::read },
];

/// The format of a name.
pub fn format(name: &str) -> &'static Format {
    FORMATS.iter().find(|format| format.name == name).unwrap_or_else(|| panic!("there is no format `{name}`"))
}

/// A folder of this process for what readers write.
static FOLDER: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().unwrap());

/// A folder in it that is there, for one format.
fn folder(name: &str) -> PathBuf {
    let folder = FOLDER.path().join(name);
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

struct NoFolders;

impl Folders for NoFolders {
    fn holds(&self, _: &[u8], _: &[u8], _: u16) -> bool {
        false
    }
}

static EDITS: LazyLock<[Edit; 2]> = LazyLock::new(|| {
    let text = |text: &str| text.as_bytes().to_vec();
    [
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
    ]
});

fn elf(bytes: &[u8]) {
    if let Ok(facts) = Facts::read(bytes) {
        let _ = (Hardening::read(bytes, &facts), Symbols::read(bytes, &facts), exports::read(bytes));
    }
    let _ = Report::read(bytes);
    let mut read = |offset: u64, part: &mut [u8]| {
        let rest = bytes.get(usize::try_from(offset).unwrap()..).and_then(|rest| rest.get(..part.len()));
        part.copy_from_slice(rest.ok_or(std::io::ErrorKind::UnexpectedEof)?);
        Ok(())
    };
    let _ = skeleton::of(bytes.len() as u64, &mut read, &mut Vec::new());
    for edit in &*EDITS {
        if let Ok(Some(new)) = edit::apply(bytes, edit, &NoFolders) {
            // What could be read before can be read still.
            assert!(Facts::read(bytes).is_err() || Facts::read(&new).is_ok());
        }
    }
}

fn packed(bytes: &[u8]) {
    let mut left = 64 << 20;
    let _ = members::each_member(&mut Cursor::new(bytes), Kind::of(bytes), &[], &mut |_, reader| {
        let read = std::io::copy(&mut reader.take(left), &mut std::io::sink()).unwrap_or(0);
        left -= read.min(left);
    });
}

/// Archives of sources, which are unpacked into a folder and nowhere else.
fn sources(bytes: &[u8]) {
    let folder = folder("sources");
    let (archive, outside) = (folder.join("archive"), folder.join("outside"));
    fs::write(&outside, "precious").unwrap();
    fs::write(&archive, bytes).unwrap();
    let into = folder.join("into");
    let limits = foreign::Limits { bytes: 16 << 20, entries: 1000 };
    let is_done = foreign::unpack_within(&archive, &into, limits).is_ok();
    assert_eq!(is_done, into.exists());
    if is_done {
        fs::remove_dir_all(&into).unwrap();
    }
    let mut names: Vec<_> = fs::read_dir(&folder).unwrap().map(|one| one.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["archive", "outside"]);
    assert_eq!(fs::read_to_string(&outside).unwrap(), "precious");
}

static MAPPING: LazyLock<Mapping> =
    LazyLock::new(|| Mapping::new([Pair { old: b"/p/store".to_vec(), new: b"/a/longer/path".to_vec() }]).unwrap());

fn marshal(bytes: &[u8]) {
    let _ = pyc::Header::read(bytes);
    let _ = pyc::change(bytes, &mut &*MAPPING);
}

fn os_release(bytes: &[u8]) {
    let release = OsRelease::parse(&lossy(bytes));
    let _ = (release.id(), release.like(), release.name(), release.release(Some("12.5\n")));
}

fn project(bytes: &[u8]) {
    let _ = project_file::parse("tagalong.toml", &lossy(bytes));
}

fn recipe(bytes: &[u8]) {
    let text = lossy(bytes);
    let _ = recipe_file::read(&text, None);
    let _ = recipe_file::parse("recipe.toml", &text, None);
    let _ = recipe_file::update::update("recipe.toml", &text, "2.0");
}

fn script(bytes: &[u8]) {
    let _ = shebang::Head::read(bytes);
}

fn loader_cache(bytes: &[u8]) {
    let _ = cache::read(bytes, true, &["x86-64-v3".to_owned()]);
}

fn package(bytes: &[u8]) {
    let folder = folder("package");
    let into = folder.join("into");
    fs::create_dir(&into).unwrap();
    let prefix = Prefix::new(Path::new("/a/prefix")).unwrap();
    let _ = unpack::unpack(bytes, &into, &prefix, &Default::default());
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    fs::remove_dir_all(&into).unwrap();
}

/// A package before its packing, where no checksum of that helps.
fn package_unpacked(bytes: &[u8]) {
    package(&zstd::stream::encode_all(bytes, 1).unwrap());
}

/// Everything that is written as JSON; what is taken is taken again.
fn json(bytes: &[u8]) {
    if let Ok(manifest) = PackageManifest::parse(bytes) {
        PackageManifest::parse(&manifest.to_json()).unwrap();
    }
    if let Ok(manifest) = BundleManifest::parse(bytes) {
        BundleManifest::parse(&manifest.to_json()).unwrap();
    }
    if let Ok(receipt) = Receipt::parse(bytes) {
        Receipt::parse(&receipt.to_json()).unwrap();
    }
    if let Ok(record) = BuildRecord::parse(bytes) {
        BuildRecord::parse(&record.to_json()).unwrap();
    }
    let _ = Record::parse(bytes);
}

static KEYS: LazyLock<[signing::PublicKey; 1]> =
    LazyLock::new(|| [signing::PublicKey::parse(PUBLIC_KEY).expect("it is a key")]);

fn signature(bytes: &[u8]) {
    let text = lossy(bytes);
    let _ = signing::verify(&*KEYS, SIGNED, &text);
    let _ = signing::PublicKey::parse(&text);
}

/// What a signature is of: only the very bytes that were signed are taken.
fn signed(bytes: &[u8]) {
    assert_eq!(signing::verify(&*KEYS, bytes, SIGNATURE).is_ok(), bytes == SIGNED);
}

//! Package archives: what is packed is unpacked, patched, the same everywhere; and other programs can read it.

mod package;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use package::{Package, contents, unpack};
use proptest::prelude::*;
use tagalong::archive::{self, Error};
use tagalong::model::package::{Entry, EntryKind, EntryPath};
use tagalong::model::prefix::{Placeholder, Prefix};

/// Runs a shell command with these bytes on its stdin.
fn shell(command: &str, stdin: &[u8]) -> String {
    let mut child =
        Command::new("sh").args(["-c", command]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(stdin).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{command}");
    String::from_utf8(output.stdout).unwrap()
}

fn sample() -> Package {
    let placeholder = Placeholder::standard();
    let p = placeholder.as_str();
    Package::new()
        .file("bin/tool", 0o755, format!("#!{p}/bin/sh\nexec {p}/bin/x\n").as_bytes())
        .file("lib/libx.so.1", 0o644, format!("\x7fELF\0{p}/share\0{p}\0").as_bytes())
        .link("lib/libx.so", "libx.so.1")
        .file("lib/empty", 0o644, b"")
        .empty_folder("share/empty")
        .file(&format!("share/{}/{}", "d".repeat(90), "ü".repeat(60)), 0o644, b"long")
        .link("share/far", &format!("{}/x", "e".repeat(120)))
}

#[test]
fn archive_unpacks_patched_with_its_modes_and_links() {
    let package = sample();
    let (folder, result) = unpack(&package.archive(), "/new/place");
    let unpacked = result.unwrap();
    assert_eq!((unpacked.files, unpacked.relocated), (4, 2));
    assert_eq!(unpacked.manifest, package.manifest);
    let into = folder.path().join("into");
    assert_eq!(fs::read_to_string(into.join("bin/tool")).unwrap(), "#!/new/place/bin/sh\nexec /new/place/bin/x\n");
    let padded = format!("{}/new/place", "/".repeat(150));
    let library = fs::read_to_string(into.join("lib/libx.so.1")).unwrap();
    assert_eq!(library, format!("\x7fELF\0{padded}/share\0{padded}\0"));
    let all = contents(&into);
    assert_eq!(all[Path::new("bin/tool")].0, 0o100_755);
    assert_eq!(all[Path::new("lib")].0, 0o040_755);
    assert_eq!(all[Path::new("lib/libx.so")].1, b"libx.so.1");
    assert_eq!(all.len(), package.manifest.entries.len());
}

#[test]
fn modes_do_not_depend_on_the_umask() {
    // The umask belongs to the process, so that the check runs in one of its own.
    if std::env::var_os("UNDER_UMASK").is_none() {
        let test = std::env::current_exe().unwrap();
        let command = format!("umask 077; UNDER_UMASK=1 exec {} modes_do_not_depend", test.display());
        shell(&command, b"");
    } else {
        let (folder, result) = unpack(&sample().archive(), "/p");
        result.unwrap();
        let all = contents(&folder.path().join("into"));
        assert_eq!(all[Path::new("bin/tool")].0, 0o100_755);
        assert_eq!(all[Path::new("lib/empty")].0, 0o100_644);
        assert_eq!(all[Path::new("share")].0, 0o040_755);
    }
}

#[test]
fn packing_twice_in_two_places_gives_the_same_bytes() {
    assert_eq!(sample().archive(), sample().archive());
}

#[test]
fn other_programs_list_and_unpack_the_archive() {
    let package = sample();
    let listed = shell("zstd -dc | tar t --quoting-style=literal", &package.archive());
    let mut expected = vec![".tagalong/package.json".to_owned()];
    expected.extend(package.manifest.entries.iter().map(|entry| match entry.kind {
        EntryKind::Folder => format!("{}/", entry.path),
        _ => entry.path.to_string(),
    }));
    assert_eq!(listed.lines().collect::<Vec<_>>(), expected);
    let folder = tempfile::tempdir().unwrap();
    let into = folder.path().display();
    shell(&format!("zstd -dc | tar x -C {into}"), &package.archive());
    fs::remove_dir_all(folder.path().join(".tagalong")).unwrap();
    let without_folder_mode = |path: &Path| {
        let all = contents(path).into_iter();
        all.map(|(path, (mode, bytes))| (path, if mode & 0o040_000 == 0 { mode } else { 0 }, bytes)).collect::<Vec<_>>()
    };
    assert_eq!(without_folder_mode(folder.path()), without_folder_mode(package.tree()));
}

#[test]
fn gzip_archives_are_read_too() {
    let package = sample();
    let plain = zstd::stream::decode_all(&package.archive()[..]).unwrap();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&plain).unwrap();
    let packed = gzip.finish().unwrap();
    let (folder, result) = unpack(&packed, "/p");
    result.unwrap();
    assert!(folder.path().join("into/bin/tool").exists());
    assert!(matches!(unpack(&[&packed[..], b"more than ten bytes"].concat(), "/p").1, Err(Error::TrailingBytes)));
    assert!(unpack(&packed[..packed.len() - 1], "/p").1.is_err());
}

#[test]
fn manifest_alone_is_read_from_the_first_frame() {
    let package = sample().file("share/large", 0o644, &[b'x'; 6 << 20]);
    let archive = package.archive();
    // 200 bytes more than the first frame: the rest is not needed.
    assert_eq!(archive::unpack::read_manifest(&archive[..2000.min(archive.len())]).unwrap(), package.manifest);
}

#[test]
fn large_packages_are_cut_into_frames_between_entries() {
    let mut package = Package::new();
    for number in 0..5 {
        package = package.file(&format!("f{number}"), 0o644, &vec![number; 3 << 20]);
    }
    let archive = package.archive();
    // Manifest, f0 + f1, f2 + f3, f4 + end.
    assert_eq!(memchr::memmem::find_iter(&archive, &[0x28, 0xb5, 0x2f, 0xfd]).count(), 4);
    let (folder, result) = unpack(&archive, "/p");
    result.unwrap();
    assert_eq!(contents(&folder.path().join("into")), contents(package.tree()));
}

#[test]
fn a_file_that_changed_since_it_was_sealed_is_not_packed() {
    type Change = fn(&Path);
    let changes: [Change; 4] = [
        |tree| fs::write(tree.join("lib/libx.so.1"), "other").unwrap(),
        |tree| {
            let bytes = fs::read(tree.join("lib/libx.so.1")).unwrap();
            fs::write(tree.join("lib/libx.so.1"), [&bytes[1..], b"x"].concat()).unwrap();
        },
        |tree| {
            fs::remove_file(tree.join("lib/libx.so.1")).unwrap();
            std::os::unix::fs::symlink("/etc/passwd", tree.join("lib/libx.so.1")).unwrap();
        },
        |tree| {
            fs::remove_file(tree.join("lib/libx.so.1")).unwrap();
            fs::create_dir(tree.join("lib/libx.so.1")).unwrap();
        },
    ];
    for change in changes {
        let package = sample();
        change(package.tree());
        let result = archive::pack::pack(&package.manifest, package.tree(), &mut Vec::new());
        assert!(matches!(result, Err(Error::Changed { path }) if path == "lib/libx.so.1"));
    }
}

#[test]
fn more_files_than_an_install_takes_are_not_packed() {
    let mut package = sample();
    // 64 MB of manifest are 390,000 files, or fewer with long names.
    let link = |number| Entry {
        path: EntryPath::parse(&format!("z{number:05}")).unwrap(),
        kind: EntryKind::Link { target: "t".repeat(3000) },
    };
    package.manifest.entries.extend((0..23_000).map(link));
    let result = archive::pack::pack(&package.manifest, package.tree(), &mut Vec::new());
    assert!(matches!(result, Err(Error::TooManyFiles { limit: 67_108_864, .. })), "{result:?}");
}

#[test]
fn packages_share_folders_but_no_files() {
    let (one, two) = (sample(), Package::new().file("lib/liby.so", 0o644, b"y"));
    let (folder, _) = unpack(&one.archive(), "/p");
    let into = folder.path().join("into");
    let prefix = Prefix::new(Path::new("/p")).unwrap();
    let again = |package: &Package| {
        archive::unpack::unpack(&package.archive()[..], &into, &prefix, &archive::unpack::Limits::default())
    };
    again(&two).unwrap();
    assert!(into.join("lib/liby.so").exists() && into.join("lib/empty").exists());
    let before = contents(&into);
    for (package, expected) in [
        (Package::new().file("lib/liby.so", 0o644, b"z"), "lib/liby.so"),
        (Package::new().link("lib/liby.so", "x"), "lib/liby.so"),
        (Package::new().file("lib/liby.so/z", 0o644, b"z"), "lib/liby.so"),
        (Package::new().file("lib/libx.so/z", 0o644, b"z"), "lib/libx.so"),
        (Package::new().file("lib/libx.so", 0o644, b"z"), "lib/libx.so"),
    ] {
        let result = again(&package);
        assert!(matches!(&result, Err(Error::FileCollision { path }) if path == expected), "{result:?}");
    }
    assert_eq!(contents(&into), before);
}

#[test]
fn a_prefix_with_white_space_is_refused_for_interpreter_lines_only() {
    let placeholder = Placeholder::standard();
    let fine = Package::new().file("a.pc", 0o644, format!("prefix={}\n", placeholder.as_str()).as_bytes());
    unpack(&fine.archive(), "/with space").1.unwrap();
    let result = unpack(&sample().archive(), "/with space").1;
    assert!(matches!(result, Err(Error::PrefixHasSpace { file, .. }) if file == "bin/tool"));
}

#[test]
fn a_prefix_longer_than_the_placeholder_is_refused_before_anything_is_written() {
    let (folder, result) = unpack(&sample().archive(), &format!("/{}", "x".repeat(160)));
    assert!(matches!(result, Err(Error::PrefixTooLong(fault)) if fault.limit == 160));
    assert!(contents(&folder.path().join("into")).is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Random files with placeholders at their start, end, side by side, and across the borders of what is read at
    /// once: the same as a copy in which each was replaced by search.
    #[test]
    fn unpacking_is_the_same_as_copying_and_replacing(
        files in prop::collection::vec(
            (prop::collection::vec(prop_oneof![0usize..3, 0usize..5000, Just((256 << 10) - 100)], 0..5), any::<bool>()),
            1..4,
        ),
        prefix in "/[a-z]{1,40}(/[a-z]{1,40}){0,2}",
    ) {
        let placeholder = Placeholder::standard();
        let prefix = Prefix::new(Path::new(&prefix)).unwrap();
        let padded = String::from_utf8(placeholder.padded(&prefix).unwrap()).unwrap();
        let mut package = Package::new();
        let mut expected = Vec::new();
        for (number, (gaps, is_text)) in files.iter().enumerate() {
            let mut text = if *is_text { String::new() } else { "\0".to_owned() };
            for gap in gaps {
                text.extend((0..*gap).map(|n| char::from(b'a' + (n % 26) as u8)));
                text.push_str(placeholder.as_str());
            }
            package = package.file(&format!("f{number}"), 0o644, text.as_bytes());
            let with = if *is_text { prefix.as_path().to_str().unwrap() } else { &padded };
            expected.push(text.replace(placeholder.as_str(), with));
        }
        let (folder, result) = unpack(&package.archive(), prefix.as_path().to_str().unwrap());
        prop_assert_eq!(result.unwrap().files, files.len() as u64);
        for (number, text) in expected.iter().enumerate() {
            let found = fs::read(folder.path().join(format!("into/f{number}"))).unwrap();
            prop_assert!(found == text.as_bytes());
        }
    }
}

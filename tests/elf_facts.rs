//! Facts of real ELF files, with readelf as judge; damaged files give errors, never panics.

mod workshop;

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use tagalong::model::recipe::RpathKind;
use tagalong::relocate::elf::{Facts, library_path};
use workshop::{Workshop, tell};

/// Up to this many ELF files of a folder of this machine.
fn files_of(folder: &str, most: usize) -> Vec<PathBuf> {
    let Ok(list) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = list.map(|entry| entry.unwrap().path()).filter(|path| path.is_file()).collect();
    paths.sort();
    let is_small_elf = |path: &PathBuf| {
        path.metadata().is_ok_and(|metadata| metadata.len() < 4 << 20)
            && fs::read(path).is_ok_and(|bytes| bytes.starts_with(b"\x7fELF"))
    };
    let step = (paths.len() / most).max(1);
    paths.into_iter().step_by(step).filter(is_small_elf).collect()
}

/// What `readelf -dV` says: needed names, soname, library path, versions needed and defined.
fn judged(path: &Path) -> Vec<String> {
    let text = tell("readelf", &["-dVW"], path);
    let mut facts = Vec::new();
    let mut section = "";
    for line in text.lines() {
        let inside = line.split_once('[').and_then(|(_, rest)| rest.rsplit_once(']')).map(|(name, _)| name);
        match (inside, line) {
            (Some(name), line) if line.contains("(NEEDED)") => facts.push(format!("needed {name}")),
            (Some(name), line) if line.contains("(SONAME)") => facts.push(format!("soname {name}")),
            (Some(name), line) if line.contains("(RUNPATH)") => facts.push(format!("runpath {name}")),
            (Some(name), line) if line.contains("(RPATH)") => facts.push(format!("rpath {name}")),
            (_, line) if line.starts_with("Version needs section") => section = "needs",
            (_, line) if line.starts_with("Version definition section") => section = "defines",
            (_, line) if line.starts_with("Version symbols section") => section = "",
            (_, line) => {
                let name = line.split_once("Name: ").map(|(_, rest)| rest.split_whitespace().next().unwrap());
                if let Some(name) = name.filter(|_| !section.is_empty()) {
                    facts.push(format!("{section} {name}"));
                }
            }
        }
    }
    facts.sort();
    facts
}

fn read(path: &Path) -> Vec<String> {
    let facts = Facts::read(&fs::read(path).unwrap()).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let dynamic = facts.dynamic.unwrap_or_default();
    let mut all: Vec<String> = dynamic.needed.iter().map(|name| format!("needed {name}")).collect();
    all.extend(dynamic.soname.map(|name| format!("soname {name}")));
    all.extend(dynamic.runpath.map(|name| format!("runpath {name}")));
    all.extend(dynamic.rpath.map(|name| format!("rpath {name}")));
    let needed = dynamic.versions_needed.iter().flat_map(|need| &need.versions);
    all.extend(needed.map(|name| format!("needs {name}")));
    all.extend(dynamic.versions_defined.iter().map(|name| format!("defines {name}")));
    all.sort();
    all
}

#[test]
fn facts_are_those_that_readelf_tells() {
    let mut count = 0;
    for (folder, most) in [("/usr/lib/x86_64-linux-gnu", 60), ("/usr/lib64", 30), ("/usr/bin", 60)] {
        for path in files_of(folder, most) {
            let mut judged = judged(&path);
            let mut found = read(&path);
            judged.dedup();
            found.dedup();
            assert_eq!(found, judged, "{}", path.display());
            count += 1;
        }
    }
    assert!(count > 5, "no ELF files were found on this machine");
}

#[test]
fn real_libraries_keep_their_names_when_their_path_is_changed() {
    // Not one byte of another name changes, whatever is written; most have no library path at all.
    for path in files_of("/usr/lib/x86_64-linux-gnu", 40).into_iter().chain(files_of("/usr/bin", 40)) {
        let before = fs::read(&path).unwrap();
        let old = Facts::read(&before).unwrap();
        let mut bytes = before.clone();
        if library_path::set(&mut bytes, RpathKind::Rpath, "").is_ok() {
            let (mut old, mut new) = (old, Facts::read(&bytes).unwrap());
            for dynamic in [&mut old.dynamic, &mut new.dynamic].into_iter().flatten() {
                (dynamic.rpath, dynamic.runpath) = (None, None);
            }
            assert_eq!(old, new, "{}", path.display());
        }
        assert_eq!(bytes.len(), before.len());
    }
}

fn small_library() -> Vec<u8> {
    let workshop = Workshop::new();
    workshop.compile(
        ("t.c", "#include <stdio.h>\nvoid lib(void) { puts(\"x\"); }"),
        "gcc -shared -fPIC -s t.c -o {R}/lib/libt.so -Wl,-rpath,{P}/lib",
    );
    fs::read(workshop.root().join("lib/libt.so")).unwrap()
}

#[test]
fn damaged_files_are_errors_or_facts_and_never_a_panic() {
    let whole = small_library();
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 3000,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let strategy = (
        prop::collection::vec((0usize..whole.len(), any::<u8>()), 1..6),
        prop::collection::vec((0usize..0x300, any::<u8>()), 0..4),
        prop::option::weighted(0.2, 0usize..whole.len()),
    );
    runner
        .run(&strategy, |(changes, in_headers, end)| {
            let mut bytes = whole.clone();
            for (place, byte) in changes.into_iter().chain(in_headers) {
                bytes[place] = byte;
            }
            bytes.truncate(end.unwrap_or(bytes.len()));
            let before = bytes.clone();
            if Facts::read(&bytes).is_ok() && library_path::set(&mut bytes, RpathKind::Rpath, "$ORIGIN").is_err() {
                prop_assert!(bytes == before);
            }
            Ok(())
        })
        .unwrap();
}

//! The loader's rules on made-up files; `tests/loader.rs` compares them with the real ld.so.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::audit::loader::{Around, Files, Loader, Look, Seen};
use crate::relocate::elf::{Class, Dynamic, Facts, Purpose};

/// Files by path; a link is a path with another real path.
struct Map(BTreeMap<String, Look>);

impl Files for Map {
    fn look(&self, path: &str) -> Look {
        self.0.get(path).cloned().unwrap_or(Look::Absent)
    }
}

fn facts(needed: &[&str], rpath: Option<&str>, runpath: Option<&str>) -> Arc<Facts> {
    let dynamic = Dynamic {
        needed: needed.iter().map(|name| (*name).to_owned()).collect(),
        rpath: rpath.map(str::to_owned),
        runpath: runpath.map(str::to_owned),
        ..Dynamic::default()
    };
    Arc::new(Facts {
        class: Class::Elf64,
        machine: 62,
        is_little_endian: true,
        purpose: Purpose::Shared,
        interpreter: None,
        dynamic: Some(dynamic),
        compressed: Vec::new(),
    })
}

fn seen(real: &str, facts: Arc<Facts>) -> Look {
    Look::Library(Seen { real: real.to_owned(), facts })
}

fn trace(files: &[(&str, Look)], root: &str) -> Vec<String> {
    let map = Map(files.iter().map(|(path, look)| ((*path).to_owned(), look.clone())).collect());
    let folders = ["/lib".to_owned()];
    let loader =
        Loader { files: &map, default_folders: &folders, lib: "lib", platform: "x86_64", around: Around::default() };
    let Look::Library(first) = map.look(root) else { panic!("{root}") };
    loader.trace(root, first).iter().map(|need| format!("{} {:?}", need.name, need.found)).collect()
}

#[test]
fn runpath_is_not_inherited_and_rpath_is() {
    for (rpath, runpath, expected) in [
        (Some("$ORIGIN/../l"), None, r#"b At { path: "/p/bin/../l/b", real: "/p/l/b", way: Rpath }"#),
        (None, Some("$ORIGIN/../l"), "b Missing"),
    ] {
        let files = [
            ("/p/bin/x", seen("/p/bin/x", facts(&["a"], rpath, runpath))),
            ("/p/bin/../l/a", seen("/p/l/a", facts(&["b"], None, None))),
            ("/p/bin/../l/b", seen("/p/l/b", facts(&[], None, None))),
        ];
        assert_eq!(trace(&files, "/p/bin/x")[1], expected);
    }
}

#[test]
fn own_runpath_turns_off_the_rpath_of_others_for_its_owner() {
    let files = [
        ("/x", seen("/x", facts(&["a"], Some("/r"), None))),
        ("/r/a", seen("/r/a", facts(&["b"], None, Some("/u")))),
        ("/r/b", seen("/r/b", facts(&[], None, None))),
    ];
    assert_eq!(trace(&files, "/x")[1], "b Missing");
}

#[test]
fn a_text_file_stops_the_loader_and_another_machine_does_not() {
    let other = Facts { machine: 183, ..(*facts(&[], None, None)).clone() };
    let files = [
        ("/x", seen("/x", facts(&["a", "b"], None, Some("/1:/2")))),
        ("/1/a", seen("/1/a", Arc::new(other))),
        ("/2/a", seen("/2/a", facts(&[], None, None))),
        ("/1/b", Look::Other),
        ("/2/b", seen("/2/b", facts(&[], None, None))),
    ];
    let expected = [r#"a At { path: "/2/a", real: "/2/a", way: Runpath }"#, r#"b NotALibrary { path: "/1/b" }"#];
    assert_eq!(trace(&files, "/x"), expected);
}

#[test]
fn tokens_are_replaced_only_as_whole_words() {
    let loader = Loader {
        files: &Map(BTreeMap::new()),
        default_folders: &[],
        lib: "lib64",
        platform: "x86_64",
        around: Around::default(),
    };
    for (text, expected) in [
        ("$ORIGIN/../lib", "/a/b/../lib"),
        ("${ORIGIN}x", "/a/bx"),
        ("$ORIGINAL/$NOPE", "$ORIGINAL/$NOPE"),
        ("/p/$LIB/${PLATFORM}", "/p/lib64/x86_64"),
    ] {
        assert_eq!(loader.expand(text, "/a/b/x"), expected);
    }
}

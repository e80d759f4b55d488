//! Damaged ELF files: reading and editing them ends, with an error or without, but never with a panic.

use std::fs;
use std::sync::LazyLock;

use proptest::prelude::*;
use tagalong::relocate::elf::Facts;
use tagalong::relocate::elf::edit::{self, Edit, Folders, Report, RpathEdit};

static PROGRAM: LazyLock<Vec<u8>> = LazyLock::new(|| fs::read("/usr/bin/env").unwrap());

struct Nothing;

impl Folders for Nothing {
    fn holds(&self, _: &[u8], _: &[u8], _: u16) -> bool {
        false
    }
}

fn everything() -> Edit {
    Edit {
        soname: Some(b"x".to_vec()),
        interpreter: Some(vec![b'i'; 60]),
        execstack: Some(true),
        rpath: Some(RpathEdit::Add(vec![b'r'; 100])),
        add_needed: (0..9).map(|number| format!("lib{number}.so").into_bytes()).collect(),
        replace_needed: vec![(b"libc.so.6".to_vec(), b"other.so".to_vec())],
        clear_versions: vec![b"exit".to_vec()],
        rename_symbols: vec![(b"exit".to_vec(), b"other_exit".to_vec())],
        no_default_lib: true,
        debug_tag: true,
        ..Edit::default()
    }
}

#[test]
fn sound_program_takes_every_edit_at_once() {
    let edited = edit::apply(&PROGRAM, &everything(), &Nothing).unwrap().unwrap();
    assert_eq!(Facts::read(&edited).unwrap().dynamic.unwrap().needed.len(), 10);
    // Twice is the same as once, but for what is added.
    let twice = edit::apply(&edited, &Edit { rpath: None, ..everything() }, &Nothing).unwrap();
    assert!(twice.is_none());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]
    #[test]
    fn flipped_bytes_never_panic(
        flips in prop::collection::vec((0..30_000_usize, any::<u8>()), 1..6),
        heads in prop::collection::vec((0..1024_usize, any::<u8>()), 0..4),
        cut in prop::option::of(0..40_000_usize),
    ) {
        let mut bytes = PROGRAM.clone();
        for (at, byte) in flips.into_iter().chain(heads) {
            let at = at % bytes.len();
            bytes[at] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut);
        }
        if bytes.starts_with(b"\x7fELF") {
            // Only whether it ends is asked.
            let _ = (Facts::read(&bytes).is_ok(), Report::read(&bytes).is_ok());
            let _ = edit::apply(&bytes, &everything(), &Nothing).is_ok();
        }
    }
}

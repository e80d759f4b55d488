//! Damaged ELF files and caches of the loader: reading and editing them ends, with an error or without, but never with
//! a panic, and never with more memory than a few times the file.
//!
//! The seeds in `tests/elf_seeds/` are libraries of 32 and 64 bits with both byte orders; `make` there builds them.

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use proptest::prelude::*;
use tagalong::audit::cache;
use tagalong::flow::elf_loads;
use tagalong::relocate::elf::Facts;
use tagalong::relocate::elf::edit::{self, Edit, Folders, Report, RpathEdit};

static SEEDS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let mut paths: Vec<PathBuf> = fs::read_dir("tests/elf_seeds").unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == "so"));
    paths.sort();
    assert_eq!(paths.len(), 4);
    paths.push("/usr/bin/env".into());
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
});

struct Nothing;

impl Folders for Nothing {
    fn holds(&self, _: &[u8], _: &[u8], _: u16) -> bool {
        false
    }
}

fn everything() -> Edit {
    Edit {
        soname: Some(b"x".to_vec()),
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
fn sound_files_take_every_edit_at_once() {
    for seed in SEEDS.iter() {
        let needed = |bytes: &[u8]| Facts::read(bytes).unwrap().dynamic.unwrap().needed.len();
        let edited = edit::apply(seed, &everything(), &Nothing).unwrap().unwrap();
        assert_eq!(needed(&edited), needed(seed) + 9);
        // Twice is the same as once, but for what is added.
        let twice = edit::apply(&edited, &Edit { rpath: None, ..everything() }, &Nothing).unwrap();
        assert!(twice.is_none());
    }
}

/// Reads and edits; only whether that ends is asked, and how large the result is.
fn survive(bytes: &[u8]) {
    let _ = (Facts::read(bytes).is_ok(), Report::read(bytes).map(|report| report.properties()).is_ok());
    let edits = [everything(), Edit { interpreter: Some(vec![b'i'; 60]), execstack: Some(false), ..Edit::default() }];
    for edit in edits {
        if let Ok(Some(edited)) = edit::apply(bytes, &edit, &Nothing) {
            assert!(edited.len() < bytes.len() + (80 << 20), "{} from {}", edited.len(), bytes.len());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, ..ProptestConfig::default() })]
    #[test]
    fn flipped_bytes_never_panic(
        seed in 0..5_usize,
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        heads in prop::collection::vec((0..1024_usize, any::<u8>()), 0..4),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = SEEDS[seed].clone();
        let flips = flips.into_iter().map(|(at, byte)| (at.index(bytes.len()), byte)).collect::<Vec<_>>();
        for (at, byte) in flips.into_iter().chain(heads) {
            let at = at % bytes.len();
            bytes[at] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        if bytes.starts_with(b"\x7fELF") {
            survive(&bytes);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, ..ProptestConfig::default() })]
    /// Words of headers, dynamic entries and tables that are the edges of numbers.
    #[test]
    fn words_at_the_edge_never_panic(
        seed in 0..5_usize,
        words in prop::collection::vec((any::<prop::sample::Index>(), 0..8_usize), 1..4),
        is_head in any::<bool>(),
    ) {
        let mut bytes = SEEDS[seed].clone();
        for (at, value) in words {
            let all = bytes.len() as u64;
            let value = [0, 1, u64::MAX, i64::MAX as u64, u64::MAX - 15, u64::from(u32::MAX), all, all - 1][value];
            let room = if is_head { 700 } else { bytes.len() };
            let at = at.index(room / 4 - 2) * 4;
            let wide = bytes[4] == 2;
            let value = match (wide, bytes[5] == 1) {
                (true, true) => value.to_le_bytes().to_vec(),
                (true, false) => value.to_be_bytes().to_vec(),
                (false, true) => (value as u32).to_le_bytes().to_vec(),
                (false, false) => (value as u32).to_be_bytes().to_vec(),
            };
            if at > 6 {
                bytes[at..at + value.len()].copy_from_slice(&value);
            }
        }
        survive(&bytes);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]
    #[test]
    fn loads_of_damaged_files_end(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        let mut bytes = SEEDS[4].clone();
        let at = at.index(bytes.len() / 8);
        bytes[at] = byte;
        fs::write(&file, bytes).unwrap();
        let options = elf_loads::Options {
            file,
            root: folder.path().to_owned(),
            library_path: None,
            directory: "/".to_owned(),
        };
        let _ = elf_loads::loads(&options).is_ok();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]
    #[test]
    fn damaged_caches_of_the_loader_are_read(
        words in prop::collection::vec((0..40_usize, any::<u32>()), 0..6),
        counts in 0..200_u32,
    ) {
        let hardware = ["x86-64-v3".to_owned()];
        let mut bytes = loader_cache(counts);
        for (at, word) in words {
            if let Some(place) = bytes.get_mut(20 + 4 * at..24 + 4 * at) {
                place.copy_from_slice(&(word % 5000).to_le_bytes());
            }
        }
        for is_little in [true, false] {
            let paths = cache::read(&bytes, is_little, &hardware);
            let size: usize = paths.values().flatten().map(String::len).sum();
            assert!(size <= 8 * bytes.len());
        }
    }
}

/// A cache whose entries all name one long string.
fn loader_cache(count: u32) -> Vec<u8> {
    let mut bytes = b"glibc-ld.so.cache1.1".to_vec();
    bytes.extend(count.to_le_bytes());
    bytes.resize(48, 0);
    let strings = 48 + 24 * count;
    for _ in 0..count {
        for word in [1, strings, strings, 0, 0, 0] {
            bytes.extend(word.to_le_bytes());
        }
    }
    bytes.extend([b'a'; 4000]);
    bytes.push(0);
    bytes
}

#[test]
fn cache_whose_entries_name_one_long_string_costs_no_memory() {
    assert_eq!(cache::read(&loader_cache(1), true, &[]).len(), 1);
    assert!(cache::read(&loader_cache(2_000_000), true, &[]).is_empty());
}

/// A library whose dynamic entries and notes all lead to the same long bytes.
fn repeating(entries: usize, notes: usize, long: usize) -> Vec<u8> {
    let headers = 64 + 56 * (2 + notes);
    let table = headers.next_multiple_of(16);
    let strings = table + 16 * (entries + 3);
    let size = strings + long;
    let mut bytes = b"\x7fELF\x02\x01\x01".to_vec();
    bytes.resize(16, 0);
    let half = |bytes: &mut Vec<u8>, number: usize| bytes.extend((number as u16).to_le_bytes());
    let word = |bytes: &mut Vec<u8>, number: usize| bytes.extend((number as u64).to_le_bytes());
    half(&mut bytes, 3);
    half(&mut bytes, 62);
    bytes.extend(1_u32.to_le_bytes());
    [0, 64, 0].iter().for_each(|number| word(&mut bytes, *number));
    bytes.extend(0_u32.to_le_bytes());
    [64, 56, 2 + notes, 64, 0, 0].iter().for_each(|number| half(&mut bytes, *number));
    let mut segment = |kind: u32, offset: usize, size: usize| {
        bytes.extend(kind.to_le_bytes());
        bytes.extend(6_u32.to_le_bytes());
        [offset, offset, offset, size, size, 8].iter().for_each(|number| word(&mut bytes, *number));
    };
    segment(1, 0, size);
    segment(2, table, strings - table);
    (0..notes).for_each(|_| segment(4, strings, long));
    bytes.resize(table, 0);
    let mut entry = |tag: usize, value: usize| [tag, value].iter().for_each(|number| word(&mut bytes, *number));
    entry(5, strings);
    entry(10, long);
    (0..entries).for_each(|_| entry(1, 16));
    entry(0, 0);
    // A note that covers everything, and one string.
    bytes.extend(0_u32.to_le_bytes());
    bytes.extend((long as u32 - 16).to_le_bytes());
    bytes.extend(7_u32.to_le_bytes());
    bytes.resize(size - 1, b'a');
    bytes.push(0);
    bytes
}

#[test]
fn strings_and_notes_that_repeat_each_other_cost_no_memory() {
    let few = repeating(3, 3, 1 << 20);
    assert_eq!(Facts::read(&few).unwrap().dynamic.unwrap().needed.len(), 3);
    // Half a terabyte, if each were kept.
    let many = repeating(500_000, 60_000, 1 << 20);
    assert!(Facts::read(&many).unwrap_err().reason.contains("repeat"));
    assert!(Report::read(&many).unwrap_err().to_string().contains("repeat"));
    assert!(edit::apply(&many, &everything(), &Nothing).is_err());
    let notes = repeating(0, 60_000, 1 << 20);
    let report = Report::read(&notes).unwrap();
    assert!(report.notes.iter().map(|note| note.content.len()).sum::<usize>() <= notes.len());
}

//! The laws, on generated trees: there and back gives the same bytes, a record is as good as a search, nothing outside
//! of the places changes, and no bytes make the program panic.

use std::fs;
use std::num::NonZeroUsize;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use tagalong::flow::relocate::{self, Aim, Options, Outcome, Pyc, Rest};
use tagalong::model::depth::Depth;
use tagalong::relocate::mapping::Pair;

use crate::{gcc, listing, output, write};

const OLD: &str = "/opt/old/prefix";

fn options(dir: &Path, from: Option<&str>, to: &str) -> Options {
    let aim = match from {
        Some(from) => Aim::Pairs(vec![Pair { old: from.into(), new: to.into() }]),
        None => Aim::To(to.into()),
    };
    Options {
        dir: dir.to_owned(),
        aim,
        record: Some(dir.with_extension("record")),
        pyc: Pyc::Rewrite,
        rest: Rest::Refuse,
        depth: Depth::Act,
        jobs: NonZeroUsize::new(2).unwrap(),
    }
}

fn moved(options: &Options) -> Outcome {
    relocate::relocate(options, &|_| ()).unwrap_or_else(|error| panic!("{error:?}"))
}

/// One generated path.
#[derive(Debug, Clone)]
enum Made {
    Text(Vec<&'static str>),
    Binary(Vec<&'static str>),
    Large(usize, bool),
    Link(&'static str),
    Program(&'static str),
}

fn words() -> impl Strategy<Value = Vec<&'static str>> {
    let word = prop_oneof![
        Just("/opt/old/prefix"),
        Just("/opt/old/prefix"),
        Just("/opt/old/prefix-2"),
        Just("/lib"),
        Just("x"),
        Just(" "),
        Just("\n"),
        Just("/"),
        Just(":"),
        Just("-L"),
        Just("."),
        Just("é"),
        Just("\\"),
        Just("\""),
    ];
    prop::collection::vec(word, 0..60)
}

fn made() -> impl Strategy<Value = Made> {
    prop_oneof![
        words().prop_map(Made::Text),
        words().prop_map(Made::Binary),
        (500_000_usize..540_000, any::<bool>()).prop_map(|(at, has_nul)| Made::Large(at, has_nul)),
        prop::sample::select(vec!["/opt/old/prefix/lib", "/opt/old/prefix-2", "x", "/opt/old/prefix"])
            .prop_map(Made::Link),
        prop::sample::select(vec!["python3 -E", "sh", "perl -w", "env bash"]).prop_map(Made::Program),
    ]
}

fn make(root: &Path, all: &[Made]) {
    fs::create_dir_all(root).unwrap();
    for (number, one) in all.iter().enumerate() {
        let path = root.join(format!("{}/{number}", number % 3));
        match one {
            Made::Text(words) => write(&path, words.concat()),
            Made::Binary(words) => write(&path, format!("\0{}", words.join(if number % 2 == 0 { "" } else { "\0" }))),
            // The prefix lies about where one window of the search ends and the next one starts.
            Made::Large(at, has_nul) => {
                let fill = if *has_nul { "\0" } else { " " };
                write(&path, [fill.repeat(*at), OLD.to_owned(), fill.repeat(600_000), OLD.to_owned()].concat());
            }
            Made::Link(target) => {
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                symlink(target, path).unwrap();
            }
            Made::Program(program) => crate::write_program(&path, format!("#!{OLD}/bin/{program}\n# {OLD}\n")),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// The law: where B is not in the tree before, A to B to A gives the same bytes; what is not text must have room
    /// for B. Scripts come back too when B makes them go through the shell.
    #[test]
    fn there_and_back_gives_the_same_tree_and_a_record_is_as_good_as_a_search(
        all in prop::collection::vec(made(), 1..12),
        new in prop::sample::select(vec!["/n", "/srv/new.place", "/opt/old/prefiy", "/a b c/d"]),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let (tree, twin) = (folder.path().join("tree"), folder.path().join("twin"));
        make(&tree, &all);
        make(&twin, &all);
        let before = listing(&tree);
        let there = moved(&options(&tree, Some(OLD), new));
        moved(&options(&twin, Some(OLD), "/m"));
        // By its record the twin goes on to where the first one is, and both come home: one by search, one by record.
        let onward = moved(&options(&twin, None, new));
        prop_assert!(onward.is_recorded);
        prop_assert_eq!(listing(&tree), listing(&twin));
        let after = listing(&tree);
        for ((path, mode, old), (_, new_mode, now)) in before.iter().zip(&after) {
            prop_assert_eq!(mode, new_mode);
            let is_named = there.changes.iter().any(|one| Path::new(&one.path) == path);
            prop_assert_eq!(old != now, is_named, "{}", path.display());
        }
        moved(&options(&tree, Some(new), OLD));
        moved(&options(&twin, None, OLD));
        prop_assert_eq!(&listing(&tree), &before);
        prop_assert_eq!(&listing(&twin), &before);
    }
}

/// Files of every kind with a parser of its own, each with the prefix in it.
fn specimens(folder: &Path) -> Vec<PathBuf> {
    let source = folder.join("m.c");
    write(&source, format!("const char *f(void) {{ return \"{OLD}/share\"; }}\n"));
    let (object, library, archive) = (folder.join("m.o"), folder.join("m.so"), folder.join("m.a"));
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    gcc(&["-c", "-g", "-fPIC", "-o", &text(&object), &text(&source)]);
    gcc(&["-shared", "-gz=zlib", "-g", &format!("-Wl,-rpath,{OLD}/lib"), "-o", &text(&library), &text(&object)]);
    output("ar", &["rcs", &text(&archive), &text(&object)]);
    let (module, compiled) = (folder.join("m.py"), folder.join("m.pyc"));
    write(&module, format!("P = '{OLD}'\ndef f(): return [P, ('{OLD}/x', 2)]\n"));
    let compile = "import py_compile, sys; py_compile.compile(sys.argv[1], sys.argv[2], sys.argv[3])";
    output("/usr/bin/python3", &["-c", compile, &text(&module), &text(&compiled), &format!("{OLD}/m.py")]);
    vec![object, library, archive, compiled]
}

#[test]
fn bytes_that_were_changed_at_random_never_make_the_program_panic() {
    let folder = tempfile::tempdir().unwrap();
    let specimens = specimens(folder.path());
    let tree = folder.path().join("tree");
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed % below as u64).unwrap()
    };
    for specimen in &specimens {
        let whole = fs::read(specimen).unwrap();
        fs::create_dir_all(&tree).unwrap();
        for number in 0..60 {
            let mut bytes = whole.clone();
            for _ in 0..1 + number % 7 {
                let place = next(bytes.len().min(if number % 2 == 0 { 400 } else { usize::MAX }));
                bytes[place] = u8::try_from(next(256)).unwrap();
            }
            if number % 10 == 9 {
                bytes.truncate(next(whole.len()));
            }
            let extension = specimen.extension().unwrap().to_str().unwrap();
            write(&tree.join(format!("{number}.{extension}")), bytes);
        }
        for to in ["/n", "/opt/a/prefix/that/is/longer/than/the/old/one"] {
            let options = Options { rest: Rest::Leave, depth: Depth::Act, ..options(&tree, Some(OLD), to) };
            let outcome = relocate::relocate(&options, &|_| ());
            outcome.unwrap_or_else(|error| panic!("{}: {error:?}", specimen.display()));
            let back = Options { rest: Rest::Leave, ..options.clone() };
            let relative = Options { aim: Aim::Relative(Some(to.into())), depth: Depth::Plan, ..back };
            relocate::relocate(&relative, &|_| ()).ok();
        }
        fs::remove_dir_all(&tree).unwrap();
    }
}

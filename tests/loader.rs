//! The loader's rules against the real ld.so: random programs and libraries, the same answer for every name.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use proptest::prelude::*;
use tagalong::audit::loader::{Around, Files, Found, Loader, Look, Seen};
use tagalong::audit::system;
use tagalong::relocate::elf::Facts;

/// The disk as it is.
struct Disk;

impl Files for Disk {
    fn look(&self, path: &str) -> Look {
        let Ok(real) = fs::canonicalize(path) else { return Look::Absent };
        let Ok(bytes) = fs::read(&real) else { return Look::Other };
        match Facts::read(&bytes) {
            Ok(facts) => Look::Library(Seen { real: real.to_str().unwrap().to_owned(), facts: Arc::new(facts) }),
            Err(_) => Look::Other,
        }
    }
}

fn run(program: &str, arguments: &[&str], folder: &Path) -> String {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder).env_clear().env("PATH", "/usr/bin:/bin");
    let output = command.output().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Folders `one`, `two`, `three` to put libraries in, and `stubs` to link against.
struct Bench {
    folder: tempfile::TempDir,
}

/// A library or the program: folder, name, names it needs, library path, and whether that is an RPATH.
type Spec = (&'static str, &'static str, Vec<&'static str>, Option<String>, bool);

const NAMES: [&str; 4] = ["liba.so", "libb.so", "libc1.so", "libd.so"];

impl Bench {
    fn new() -> Bench {
        let bench = Bench { folder: tempfile::tempdir().unwrap() };
        for folder in ["one", "two", "three", "stubs"] {
            fs::create_dir(bench.path().join(folder)).unwrap();
        }
        fs::write(bench.path().join("empty.c"), "").unwrap();
        run("gcc", &["-c", "-fPIC", "empty.c"], &bench.path());
        for name in NAMES {
            run("ld", &["-shared", "empty.o", "-soname", name, "-o", &format!("stubs/{name}")], &bench.path());
        }
        bench
    }

    fn path(&self) -> PathBuf {
        fs::canonicalize(self.folder.path()).unwrap()
    }

    fn link(&self, (folder, name, needs, path, is_rpath): &Spec) {
        let out = format!("{folder}/{name}");
        let interpreter = host_loader();
        let mut arguments = vec!["empty.o", "--no-as-needed", "-L", "stubs", "-o", &out, "--allow-shlib-undefined"];
        match *name {
            "program" => arguments.extend(["-pie", "-e", "0", "-dynamic-linker", &interpreter]),
            name => arguments.extend(["-shared", "-soname", name]),
        }
        if let Some(path) = path {
            arguments.extend([if *is_rpath { "--disable-new-dtags" } else { "--enable-new-dtags" }, "-rpath", path]);
        }
        let libraries: Vec<String> = needs.iter().map(|need| format!("-l:{need}")).collect();
        arguments.extend(libraries.iter().map(String::as_str));
        run("ld", &arguments, &self.path());
    }

    fn clear(&self) {
        for folder in ["one", "two", "three"] {
            fs::remove_dir_all(self.path().join(folder)).unwrap();
            fs::create_dir(self.path().join(folder)).unwrap();
        }
    }

    /// What ld.so says: names with paths.
    fn asked_of_ld_so(&self, program: &str) -> BTreeSet<(String, String)> {
        let program = self.path().join(program);
        let mut command = Command::new(host_loader());
        // With `--list` it would stop at the first name that leads nowhere.
        command.arg(program).env_clear().env("LD_TRACE_LOADED_OBJECTS", "1").current_dir("/");
        let output = command.output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines()
            .filter_map(|line| {
                let (name, rest) = line.trim().split_once(" => ")?;
                let path = rest.split(" (").next().unwrap();
                Some((name.to_owned(), path.to_owned()))
            })
            .collect()
    }

    /// What our rules say.
    fn traced(&self, program: &str) -> BTreeSet<(String, String)> {
        let path = self.path().join(program).to_str().unwrap().to_owned();
        let Look::Library(root) = Disk.look(&path) else { panic!("{path}") };
        let folders = system::default_folders(&root.facts);
        let lib = folders[0].trim_start_matches('/').to_owned();
        let loader = Loader {
            files: &Disk,
            default_folders: &folders,
            lib: &lib,
            platform: "x86_64",
            around: Around::default(),
        };
        let mut all = BTreeSet::new();
        for need in loader.trace(&path, root) {
            let path = match need.found {
                Found::At { path, .. } => path,
                Found::Missing => "not found".to_owned(),
                Found::NotALibrary { path } => format!("not a library: {path}"),
            };
            all.insert((need.name, path));
        }
        all
    }
}

/// The loader that the machine's own programs ask for.
fn host_loader() -> String {
    Facts::read(&fs::read("/bin/sh").unwrap()).unwrap().interpreter.unwrap()
}

fn specs() -> impl Strategy<Value = Vec<Spec>> {
    let folder = prop::sample::select(vec!["one", "two", "three"]);
    let needs = || prop::sample::subsequence(NAMES.to_vec(), 0..=3);
    let part = prop::sample::select(vec![
        "$ORIGIN",
        "$ORIGIN/../one",
        "$ORIGIN/../two/",
        "${ORIGIN}/../three",
        "$ORIGIN/../$LIB",
        "/nowhere",
        "$NOPE/x",
    ]);
    let path = prop::option::weighted(0.7, prop::collection::vec(part, 1..3).prop_map(|parts| parts.join(":")));
    let library = (folder, prop::sample::select(NAMES.to_vec()), needs(), path.clone(), any::<bool>());
    let program = (Just("one"), Just("program"), prop::sample::subsequence(NAMES.to_vec(), 1..=3), path, any::<bool>());
    (prop::collection::vec(library, 1..7), program).prop_map(|(mut all, program)| {
        all.push(program);
        all
    })
}

#[test]
fn every_name_leads_where_ld_so_goes() {
    let bench = Bench::new();
    let mut runner = proptest::test_runner::TestRunner::new_with_rng(
        ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() },
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    runner
        .run(&specs(), |specs| {
            bench.clear();
            specs.iter().for_each(|spec| bench.link(spec));
            prop_assert_eq!(bench.traced("one/program"), bench.asked_of_ld_so("one/program"));
            Ok(())
        })
        .unwrap();
}

#[test]
fn programs_of_this_machine_lead_where_ld_so_goes() {
    let bench = Bench::new();
    for program in ["sh", "tar", "gcc", "readelf", "git", "python3"] {
        let found = ["/usr/bin", "/bin"].iter().map(|folder| format!("{folder}/{program}"));
        let Some(path) = found.filter_map(|path| fs::canonicalize(path).ok()).next() else { continue };
        if Facts::read(&fs::read(&path).unwrap()).is_ok_and(|facts| facts.is_dynamic()) {
            let path = path.to_str().unwrap();
            let mut ours = bench.traced(path);
            // The loader itself is listed by its own path, without an arrow.
            ours.retain(|(name, _)| !name.starts_with("ld-linux"));
            assert_eq!(ours, bench.asked_of_ld_so(path), "{program}");
        }
    }
}

#[test]
fn a_link_in_another_folder_counts_for_origin() {
    let bench = Bench::new();
    let origin = || Some("$ORIGIN".to_owned());
    bench.link(&("two", "libb.so", vec![], None, false));
    bench.link(&("two", "liba.so", vec!["libb.so"], origin(), false));
    std::os::unix::fs::symlink("../two/liba.so", bench.path().join("three/liba.so")).unwrap();
    bench.link(&("one", "program", vec!["liba.so"], Some("$ORIGIN/../three".to_owned()), false));
    let traced = bench.traced("one/program");
    assert!(traced.contains(&("libb.so".to_owned(), "not found".to_owned())));
    assert_eq!(traced, bench.asked_of_ld_so("one/program"));
}

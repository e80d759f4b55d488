//! `elf set` on two thousand real files of nine machines: a longer library path, another interpreter and a replaced
//! library, no library path; then `strip`. The loader, readelf and eu-elflint must find nothing new.
//!
//! `tests/elf_corpus/fetch` gets the files. Long, so only run when asked: `cargo test --test elf_corpus -- --ignored`.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// So many files of a folder are taken, evenly spread.
const MOST_FILES: usize = 170;
const MOST_FILES_OF_MACHINE: usize = 700;
/// Larger ones only cost time, but for a few.
const LARGE: u64 = 3 << 20;
/// So many files of another machine are loaded with qemu, which takes its time.
const MOST_LOADED: usize = 36;
/// Why a file may be left alone.
const REASONS: [&str; 6] = [
    "it is the loader itself",
    "linked statically: it has no dynamic section",
    "moves itself at its start",
    "bytes lie behind its last section",
    "it holds only debug information",
    "an object for the linker",
];
/// What eu-elflint says of a sound edit: zeros of the kernel became zeros of the file (so it no longer knows copied
/// variables, which carry the version of their library), an empty section lies at the end of the grown segment, strings
/// stand in the last segment, which may be written to, a variable of libpsx stays where the interpreter's path was.
const GRUMBLES: [&str; 5] = [
    "__execable_dl_loader st_value out of bounds",
    ".bss has wrong type expected NOBITS is PROGBITS",
    ".tm_clone_table alloc flag set but section not in any loaded segment",
    "is writable but contains no writable sections",
    "version index # is for requested version",
];
/// Programs that print and end.
const SPEAKERS: [&str; 14] =
    ["ls", "cat", "sort", "date", "env", "id", "sed", "grep", "tar", "gzip", "bash", "find", "perl", "lsblk"];

/// Files of one origin, and the system whose loader loads them.
#[derive(Debug, Clone)]
struct Group {
    name: String,
    /// The emulator and its root; none for this machine's own.
    emulator: Option<(String, PathBuf)>,
    /// The loader, and the path of the C library in that system.
    loader: PathBuf,
    libc: String,
}

#[derive(Debug)]
struct File {
    group: usize,
    original: PathBuf,
    path: PathBuf,
    interpreter: Option<String>,
    /// Whether a loader is asked.
    is_loaded: bool,
}

/// What tools say of a file.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Seen {
    symbols: u64,
    warnings: BTreeSet<String>,
    lint: BTreeSet<String>,
    loads: BTreeSet<String>,
    speech: String,
}

fn run(command: &mut Command) -> Output {
    command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn hash(text: &str) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// ELF files below a folder that are programs or libraries, each once, without links.
fn elf_files(folder: &Path, found: &mut Vec<(PathBuf, u64)>, seen: &mut HashSet<(u64, u64)>) {
    let mut entries: Vec<_> = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    entries.sort();
    for path in entries {
        let Ok(facts) = fs::symlink_metadata(&path) else { continue };
        if facts.is_dir() && path.ends_with("usr/lib/debug") {
            continue;
        } else if facts.is_dir() {
            elf_files(&path, found, seen);
        } else if facts.is_file() && facts.len() > 64 && seen.insert((facts.dev(), facts.ino())) {
            let mut head = [0; 20];
            let read = fs::File::open(&path).and_then(|mut file| file.read_exact(&mut head));
            let kind = if head[5] == 2 { head[17] } else { head[16] };
            if read.is_ok() && head.starts_with(b"\x7fELF") && matches!(kind, 2 | 3) {
                found.push((path, facts.len()));
            }
        }
    }
}

/// Evenly spread ones: all character tables of the C library are alike, large ones only cost time.
fn spread(files: Vec<(PathBuf, u64)>, most: usize) -> Vec<PathBuf> {
    let mut tables = 0;
    let mut large = 0;
    let kept: Vec<PathBuf> = files
        .into_iter()
        .filter(|(path, size)| {
            let is_table = path.to_string_lossy().contains("/gconv/");
            (tables, large) = (tables + usize::from(is_table), large + usize::from(*size > LARGE));
            (!is_table || tables % 20 == 0) && (*size <= LARGE || large <= 6)
        })
        .map(|(path, _)| path)
        .collect();
    let all = kept.len();
    kept.into_iter()
        .enumerate()
        .filter(|(number, _)| number * most / all != (number + 1) * most / all || all <= most)
        .map(|(_, path)| path)
        .collect()
}

fn groups(corpus: &Path) -> Vec<Group> {
    let own = || Group {
        name: "this machine".to_owned(),
        emulator: None,
        loader: "/lib64/ld-linux-x86-64.so.2".into(),
        libc: "/lib/x86_64-linux-gnu/libc.so.6".to_owned(),
    };
    let mut groups = vec![own()];
    let emulators = [
        ("arm64", "aarch64", "aarch64-linux-gnu/libc.so.6", "lib/ld-linux-aarch64.so.1"),
        ("i386", "i386", "i386-linux-gnu/libc.so.6", "lib/ld-linux.so.2"),
        ("armhf", "arm", "arm-linux-gnueabihf/libc.so.6", "lib/ld-linux-armhf.so.3"),
        ("ppc64el", "ppc64le", "powerpc64le-linux-gnu/libc.so.6", "lib/powerpc64le-linux-gnu/ld64.so.2"),
        ("s390x", "s390x", "s390x-linux-gnu/libc.so.6", "lib/ld64.so.1"),
        ("mips64el", "mips64el", "mips64el-linux-gnuabi64/libc.so.6", "lib/mips64el-linux-gnuabi64/ld.so.1"),
        ("mipsel", "mipsel", "mipsel-linux-gnu/libc.so.6", "lib/ld.so.1"),
        ("riscv64", "riscv64", "riscv64-linux-gnu/libc.so.6", "lib/ld-linux-riscv64-lp64d.so.1"),
    ];
    let wheels = [("aarch64", "arm64"), ("armv7l", "armhf"), ("i686", "i386"), ("ppc64le", "ppc64el")];
    let root = |arch: &str| {
        let suite = if arch == "riscv64" { "trixie" } else { "bookworm" };
        corpus.join(format!("{suite}-{arch}"))
    };
    let mut names: Vec<String> = fs::read_dir(corpus)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .map(|name| text(name.as_encoded_bytes()))
        .collect();
    names.sort();
    for name in names.iter().filter(|name| name.contains('-')) {
        let (kind, machine) = name.split_once('-').unwrap();
        let arch =
            wheels.iter().find(|(wheel, _)| *wheel == machine && kind == "wheel").map_or(machine, |(_, arch)| arch);
        let emulator = emulators.iter().find(|one| one.0 == arch);
        groups.push(match emulator {
            None => Group { name: name.clone(), ..own() },
            Some((_, emulator, libc, loader)) => Group {
                name: name.clone(),
                emulator: Some((format!("qemu-{emulator}-static"), root(arch))),
                loader: root(arch).join(loader),
                libc: format!("/lib/{libc}"),
            },
        });
    }
    groups
}

impl Group {
    /// A command in the group's system.
    fn command(&self, program: &Path) -> Command {
        let mut command = match &self.emulator {
            None => Command::new(program),
            Some((emulator, root)) => {
                let mut command = Command::new(emulator);
                command.arg("-L").arg(root).arg(program);
                command
            }
        };
        command.env_clear().env("LC_ALL", "C").env("PATH", "/usr/bin:/bin");
        command
    }

    /// Which files the loader would load, without their addresses.
    fn loads(&self, file: &Path) -> BTreeSet<String> {
        let mut command = self.command(&self.loader);
        // The cache of this machine's loader is not meant for another.
        let root = self.emulator.as_ref().map_or_else(String::new, |(_, root)| root.display().to_string());
        if self.emulator.is_some() {
            let folder = Path::new(&self.libc).parent().unwrap().display();
            command.arg("--library-path").arg(format!("{root}{folder}:{root}/usr{folder}"));
        }
        let output = run(command.arg("--list").arg(file));
        let plain = |line: &str| {
            let line = line.split(" (0x").next().unwrap_or(line).trim();
            let path = line.split_once(" => ").filter(|(_, path)| path.starts_with('/')).map_or(line, |(_, path)| path);
            let mut path = path.strip_prefix(&root).filter(|rest| rest.starts_with('/')).unwrap_or(path).to_owned();
            while path.contains("/./") {
                path = path.replace("/./", "/");
            }
            // One folder by two names.
            path.replace("/usr/lib/", "/lib/")
        };
        let mut loads: BTreeSet<String> = text(&output.stdout).lines().map(plain).collect();
        loads.insert(format!("status {:?}", output.status.code()));
        loads.retain(|line| !line.contains("linux-vdso") && !line.contains("/ld"));
        loads
    }
}

/// What tools say; `is_whole` asks the slow ones too.
fn look(group: &Group, file: &File, is_whole: bool) -> Seen {
    let mut seen = Seen::default();
    let readelf = run(Command::new("readelf").args(["-lWdsV", "--dyn-syms"]).arg(&file.path).env("LC_ALL", "C"));
    let warnings = text(&readelf.stderr);
    seen.warnings = warnings
        .lines()
        .map(|line| without_numbers(line.split(": ").skip(2).collect::<Vec<_>>().join(": ").as_str()))
        .collect();
    let all = text(&readelf.stdout);
    seen.warnings
        .extend(all.lines().filter(|line| line.contains("<corrupt") || line.contains("Warning")).map(str::to_owned));
    // Symbols by number, version and name; values may move for sections and `_DYNAMIC`.
    let symbols: Vec<&str> = all.lines().filter(|line| line.contains('@') || line.contains(" UND ")).collect();
    seen.symbols = hash(&symbols.join("\n"));
    if is_whole {
        let lint = run(Command::new("eu-elflint").args(["--gnu-ld", "-q"]).arg(&file.path).env("LC_ALL", "C"));
        let lint = text(&lint.stdout) + &text(&lint.stderr);
        seen.lint = lint.lines().map(without_numbers).collect();
    }
    if file.is_loaded {
        seen.loads = group.loads(&file.path);
        let name = file.path.file_name().unwrap().to_str().unwrap();
        if SPEAKERS.contains(&name) && file.interpreter.is_some() {
            let output = run(group.command(&file.path).arg("--version"));
            seen.speech = format!("{:?} {}", output.status.code(), text(&output.stdout));
        }
    }
    seen
}

fn without_numbers(line: &str) -> String {
    let mut plain = String::new();
    for part in line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '.') {
        let is_number = part.starts_with(|c: char| c.is_ascii_digit());
        plain.push_str(if is_number { "#" } else { part });
        plain.push(' ');
    }
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Looks at all files, as many at a time as the machine has processors.
fn look_at_all(groups: &[Group], files: &[File], is_whole: bool) -> Vec<Seen> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(vec![Seen::default(); files.len()]);
    let work = || {
        while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
            let seen = look(&groups[file.group], file, is_whole);
            let number = files.iter().position(|other| std::ptr::eq(other, file)).unwrap();
            results.lock().unwrap()[number] = seen;
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(work);
        }
    });
    results.into_inner().unwrap()
}

/// Edits files in one call; what was refused, with the reason.
fn set(arguments: &[&str], files: &[&File]) -> BTreeMap<PathBuf, String> {
    let mut refused = BTreeMap::new();
    for part in files.chunks(2000) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tagalong"));
        command.args(["elf", "set"]).args(arguments).args(part.iter().map(|file| &file.path));
        let errors = text(&run(&mut command).stderr);
        let mut path = None;
        for line in errors.lines() {
            if let Some(rest) = line.strip_prefix("error: `") {
                path = rest.split('`').next().map(PathBuf::from);
            } else if let (Some(reason), Some(path)) = (line.strip_prefix("  why: "), path.take()) {
                refused.insert(path, reason.to_owned());
            }
        }
    }
    refused
}

/// What `elf print` says of files: only of those that it says something of.
fn print(what: &str, files: &[&File]) -> BTreeMap<PathBuf, String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tagalong"));
    let told = run(command.args(["elf", "print", what]).args(files.iter().map(|file| &file.path)));
    let lines = text(&told.stdout);
    let pairs = lines.lines().filter_map(|line| line.split_once(": "));
    pairs.filter(|(_, said)| !said.is_empty()).map(|(path, said)| (path.into(), said.to_owned())).collect()
}

struct Table {
    failures: Vec<String>,
}

impl Table {
    fn compare(&mut self, step: &str, files: &[File], before: &[Seen], after: &[Seen]) {
        for ((file, before), after) in files.iter().zip(before).zip(after) {
            let mut fail = |what: &str, more: String| {
                self.failures.push(format!("{step}: {what}: {}: {more}", file.path.display()));
            };
            let new = |old: &BTreeSet<String>, new: &BTreeSet<String>| {
                let all: Vec<_> = new.difference(old).cloned().collect();
                all.join(" | ")
            };
            if before.symbols != after.symbols {
                fail("other symbols", String::new());
            }
            let warnings = new(&before.warnings, &after.warnings);
            if !warnings.is_empty() {
                fail("readelf", warnings);
            }
            let is_known = |line: &String| GRUMBLES.iter().any(|known| line.contains(known));
            let lint: BTreeSet<String> = after.lint.iter().filter(|line| !is_known(line)).cloned().collect();
            let lint = new(&before.lint, &lint);
            if !lint.is_empty() && !before.lint.is_empty() {
                fail("eu-elflint", lint);
            }
            if before.loads != after.loads {
                let gone: Vec<_> = before.loads.difference(&after.loads).cloned().collect();
                fail("loads", format!("{} instead of {}", new(&before.loads, &after.loads), gone.join(" | ")));
            }
            if before.speech != after.speech {
                fail("says", format!("{} instead of {}", after.speech, before.speech));
            }
        }
    }
}

#[test]
#[ignore = "long, and downloads"]
fn real_files_load_as_before_after_every_edit() {
    let cache = std::env::var_os("TAGALONG_TEST_CACHE");
    let cache = cache.map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target/test-cache"), PathBuf::from);
    let corpus = cache.join("elf-corpus");
    fs::create_dir_all(&corpus).unwrap();
    let corpus = fs::canonicalize(corpus).unwrap();
    let fetched = Command::new("tests/elf_corpus/fetch").arg(&corpus).status().unwrap();
    assert!(fetched.success(), "the files cannot be fetched");
    let start = std::time::Instant::now();
    let work = tempfile::tempdir().unwrap();
    let groups = groups(&corpus);
    let mut files = Vec::new();
    for (number, group) in groups.iter().enumerate() {
        let (mut found, mut seen) = (Vec::new(), HashSet::new());
        let (most, home) = if number == 0 {
            (MOST_FILES_OF_MACHINE, PathBuf::from("/"))
        } else {
            (MOST_FILES, corpus.join(&group.name))
        };
        if number == 0 {
            let cargo = std::env::var_os("CARGO").map(PathBuf::from).and_then(|path| fs::canonicalize(path).ok());
            let own = [Some(PathBuf::from(env!("CARGO_BIN_EXE_tagalong"))), cargo];
            found.extend(own.into_iter().flatten().map(|path| (path, 0)));
            ["/usr/bin", "/usr/sbin", "/usr/lib", "/usr/libexec"]
                .iter()
                .for_each(|folder| elf_files(Path::new(folder), &mut found, &mut seen));
        } else {
            elf_files(&home, &mut found, &mut seen);
        }
        let chosen = spread(found, if group.name == "wheel-x86_64" { 300 } else { most });
        let step = (chosen.len() / MOST_LOADED).max(1);
        for (place, path) in chosen.iter().enumerate() {
            let copy = work.path().join(&group.name).join(path.strip_prefix(&home).unwrap());
            fs::create_dir_all(copy.parent().unwrap()).unwrap();
            fs::copy(path, &copy).unwrap();
            fs::set_permissions(&copy, fs::Permissions::from_mode(0o755)).unwrap();
            let name = path.file_name().unwrap().to_str().unwrap_or_default();
            let is_loaded = group.emulator.is_none() || place % step == 0 || SPEAKERS.contains(&name);
            let is_loader = name.starts_with("ld-") || name.starts_with("ld.so") || name.starts_with("ld64");
            files.push(File {
                group: number,
                original: path.clone(),
                path: copy,
                interpreter: None,
                is_loaded: is_loaded && !is_loader,
            });
        }
    }
    let mut told = print("interpreter", &files.iter().collect::<Vec<_>>());
    for file in &mut files {
        file.interpreter = told.remove(&file.path);
    }
    let say = |what: &str| eprintln!("[{:>3} s] {what}", start.elapsed().as_secs());
    say(&format!("{} files copied", files.len()));
    let mut table = Table { failures: Vec::new() };

    let long = format!("/{}", "opt/a-long-path/".repeat(8));
    let all: Vec<&File> = files.iter().collect();
    let refused = {
        // What is refused is not looked at further; a dry run tells.
        set(&["--dry-run", "--add-rpath", &long], &all)
    };
    say(&format!("{} are refused", refused.len()));
    for (path, reason) in &refused {
        if !REASONS.iter().any(|known| reason.contains(known)) {
            table.failures.push(format!("refused: {}: {reason}", path.display()));
        }
    }
    let all_of = |group: usize| files.iter().filter(|file| file.group == group).count();
    let counts: Vec<(usize, usize)> = (0..groups.len())
        .map(|group| {
            let own = files.iter().filter(|file| file.group == group);
            let reasons = own.filter_map(|file| refused.get(&file.path));
            (all_of(group), reasons.filter(|why| why.contains("statically")).count())
        })
        .collect();
    files.retain(|file| !refused.contains_key(&file.path));
    let all: Vec<&File> = files.iter().collect();
    let before = look_at_all(&groups, &files, true);
    say("looked at");
    let mut lines = vec![
        "| files of | all | refused: static | refused: other | edited | loaded too |".to_owned(),
        "| --- | ---: | ---: | ---: | ---: | ---: |".to_owned(),
    ];
    for (number, (group, (every, fixed))) in groups.iter().zip(counts).enumerate() {
        let edited = files.iter().filter(|file| file.group == number).count();
        let is_loaded = |(file, seen): &(&File, &Seen)| file.group == number && seen.loads.contains("status Some(0)");
        let loaded = files.iter().zip(&before).filter(is_loaded).count();
        if loaded == 0 {
            table.failures.push(format!("no file of {} is loaded", group.name));
        }
        lines.push(format!(
            "| {} | {every} | {fixed} | {} | {edited} | {loaded} |",
            group.name,
            every - fixed - edited
        ));
    }

    let edit = |table: &mut Table, step: &str, arguments: &[&str], files: &[&File]| {
        for (path, reason) in set(arguments, files) {
            table.failures.push(format!("{step}: refused: {}: {reason}", path.display()));
        }
    };
    // A RUNPATH where there was none would switch off the RPATH of whoever loads the library (ld.so(8)).
    let told = print("rpath", &all);
    let (own, none): (Vec<&File>, Vec<&File>) = all.iter().partition(|file| told.contains_key(&file.path));
    edit(&mut table, "longer path", &["--add-rpath", &long], &own);
    edit(&mut table, "longer path", &["--dt-rpath", "--add-rpath", &long], &none);
    let after = look_at_all(&groups, &files, false);
    let plain: Vec<Seen> = before.iter().map(|seen| Seen { lint: BTreeSet::new(), ..seen.clone() }).collect();
    table.compare("longer path", &files, &plain, &after);
    say("a longer path was added");

    for (number, group) in groups.iter().enumerate() {
        let own: Vec<&File> = files.iter().filter(|file| file.group == number).collect();
        let replaced = format!("libc.so.6=/././././././././.{}", group.libc);
        edit(&mut table, "replaced", &["--replace-needed", &replaced], &own);
        let mut by_interpreter: BTreeMap<&str, Vec<&File>> = BTreeMap::new();
        for file in own {
            by_interpreter.entry(file.interpreter.as_deref().unwrap_or_default()).or_default().push(file);
        }
        for (interpreter, files) in by_interpreter.iter().filter(|(interpreter, _)| interpreter.starts_with('/')) {
            edit(&mut table, "interpreter", &["--interpreter", &format!("{}{interpreter}", "/.".repeat(40))], files);
        }
    }
    let after = look_at_all(&groups, &files, true);
    table.compare("interpreter and replaced library", &files, &before, &after);
    say("the interpreter and the C library were replaced");

    let sample: Vec<&File> = files.iter().step_by(3).collect();
    let foreign = "x86_64-linux-gnu";
    let mut stripped = 0;
    for file in sample.iter().filter(|file| groups[file.group].emulator.is_none()) {
        // What patchelf edited before us, strip may break without us.
        let plain = work.path().join("stripped-before");
        fs::copy(&file.original, &plain).unwrap();
        let is_stripped = run(Command::new("strip").arg(&plain)).status.success();
        let told = run(groups[file.group].command(&groups[file.group].loader).arg("--list").arg(&plain));
        if !is_stripped || text(&told.stderr).contains("not page-aligned") {
            continue;
        }
        let result = run(Command::new("strip").arg(&file.path));
        if !result.status.success() {
            table.failures.push(format!("strip of {foreign}: {}: {}", file.path.display(), text(&result.stderr)));
        }
        stripped += 1;
    }
    let again: Vec<Seen> = look_at_all(&groups, &files, false);
    let loads = |all: &[Seen]| {
        all.iter()
            .map(|seen| Seen { loads: seen.loads.clone(), speech: seen.speech.clone(), ..Seen::default() })
            .collect::<Vec<_>>()
    };
    table.compare("stripped", &files, &loads(&before), &loads(&again));
    say(&format!("{stripped} were stripped"));

    edit(&mut table, "removed path", &["--remove-rpath"], &all);
    let mut command = Command::new(env!("CARGO_BIN_EXE_tagalong"));
    let told = run(command.args(["elf", "print", "rpath"]).args(all.iter().map(|file| &file.path)));
    if !told.status.success() || !told.stdout.is_empty() {
        table.failures.push(format!("removed path: still there: {}", text(&told.stdout)));
    }
    say("the path was removed");
    println!("{}", lines.join("\n"));
    println!(
        "{} files, {} edited four times, {} failures, {} s",
        files.len() + refused.len(),
        files.len(),
        table.failures.len(),
        start.elapsed().as_secs()
    );
    assert!(table.failures.is_empty(), "{}", table.failures.join("\n"));
    assert!(files.len() >= 1000, "only {} files", files.len());
}

//! What compiles on this machine, as found and by content: the files that the compilers run, link and include.
//!
//! Does not decide what counts in a key (`ingredients.rs`).

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::builder::remembered::{Facts, Watch};
use crate::builder::steps::PROGRAM_FOLDERS;
use crate::model::digest::{Digest, Digester};

/// On x86 gcc turns copies of literals under 256 bytes into moves of pieces (measured with gcc 12, -O0 to -O3): a
/// prefix that is in pieces cannot be replaced. Other compilers refuse the flag and do not do it.
const WHOLE_STRINGS: &str = "-mtune-ctrl=^sse_unaligned_load_optimal";

/// The facts that are no digests of files, beside those under `toolchain …`.
pub const COMPILER: &str = "compiler";
pub const FLAGS: &str = "flags";

/// How long a program may take to tell its version.
const PATIENCE: Duration = Duration::from_secs(2);

/// The headers of the C library that stand for it: POSIX's most used.
const C_HEADERS: [&str; 14] = [
    "ctype.h",
    "dlfcn.h",
    "errno.h",
    "fcntl.h",
    "limits.h",
    "math.h",
    "pthread.h",
    "signal.h",
    "stdio.h",
    "stdlib.h",
    "string.h",
    "sys/socket.h",
    "time.h",
    "unistd.h",
];

/// Looks at the compiler, the linker, the assembler, and the C and C++ libraries and headers that they would use.
pub fn look(watch: &mut Watch) -> Facts {
    let mut facts = Facts::new();
    for name in ["cc", "c++", "ld", "as", "ar", "make"] {
        let path = find_program(name, watch);
        facts.insert(format!("toolchain {name}"), hex_of(path.as_deref()));
    }
    for name in ["cc1", "cc1plus", "collect2"] {
        let path = said_by_cc(&format!("-print-prog-name={name}"), watch);
        facts.insert(format!("toolchain {name}"), hex_of(path.as_deref()));
    }
    for name in ["libc.so.6", "crt1.o", "libgcc.a", "libstdc++.so", "libstdc++.a"] {
        let path = said_by_cc(&format!("-print-file-name={name}"), watch);
        facts.insert(format!("toolchain {name}"), hex_of(path.as_deref()));
    }
    let c: Vec<&str> = C_HEADERS.iter().flat_map(|name| ["-include", name]).collect();
    facts.insert("toolchain libc headers".to_owned(), headers("cc", "c", &c, watch));
    let all = ["-include", "bits/stdc++.h"];
    facts.insert("toolchain libstdc++ headers".to_owned(), headers("c++", "c++", &all, watch));
    let said = output_of("cc", &["--version"]).and_then(|text| text.lines().next().map(str::to_owned));
    facts.insert(COMPILER.to_owned(), said.unwrap_or_else(|| "none".to_owned()));
    let takes_flag = output_of("cc", &[WHOLE_STRINGS, "-E", "-x", "c", "/dev/null"]).is_some();
    facts.insert(FLAGS.to_owned(), if takes_flag { WHOLE_STRINGS.to_owned() } else { String::new() });
    facts
}

/// Version, if it tells one, and digest of the file that a program name runs; nothing where there is none.
pub fn program(name: &str, watch: &mut Watch) -> Facts {
    let Some(path) = find_program(name, watch) else { return Facts::new() };
    let Ok(digest) = digest_of_file(&path) else { return Facts::new() };
    let mut facts = Facts::from([("digest".to_owned(), digest.hex())]);
    if let Some(version) = version_of(&path) {
        facts.insert("version".to_owned(), version);
    }
    facts
}

/// The file that a program name runs, links followed.
fn find_program(name: &str, watch: &mut Watch) -> Option<PathBuf> {
    let paths = PROGRAM_FOLDERS.split(':').map(|folder| Path::new(folder).join(name));
    let mut found = paths.filter_map(|path| {
        watch.look_at(&path);
        fs_err::canonicalize(path).ok()
    });
    found.find(|path| path.is_file())
}

fn said_by_cc(question: &str, watch: &mut Watch) -> Option<PathBuf> {
    let answer = output_of("cc", &[question])?;
    let path = PathBuf::from(answer.trim());
    // What the compiler does not know it gives back as it was asked, without a folder.
    let path = path.is_absolute().then(|| fs_err::canonicalize(&path).ok()).flatten()?;
    watch.look_at(&path);
    Some(path)
}

/// The digest of the headers that a compiler finds for these includes, with all that they include, by name and bytes.
fn headers(compiler: &str, language: &str, includes: &[&str], watch: &mut Watch) -> String {
    let arguments: Vec<&str> = ["-x", language, "-M"].iter().chain(includes).chain(&["/dev/null"]).copied().collect();
    let Some(rule) = output_of(compiler, &arguments) else { return "none".to_owned() };
    // The rule of make(1) that -M writes: `null.o: first second \`, continued.
    let names = rule.split_whitespace().filter(|word| word.starts_with('/') && *word != "/dev/null");
    let paths: BTreeSet<PathBuf> = names.filter_map(|name| fs_err::canonicalize(name).ok()).collect();
    let mut lines = Vec::new();
    for path in &paths {
        // A header that appears earlier in the search shows in its folder's time.
        path.parent().into_iter().for_each(|folder| watch.look_at(folder));
        watch.look_at(path);
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        lines.push(format!("{name} {}", hex_of(Some(path))));
    }
    lines.sort();
    Digest::of(lines.join("\n").as_bytes()).hex()
}

fn output_of(program: &str, arguments: &[&str]) -> Option<String> {
    let path = find_program(program, &mut Watch::default())?;
    let output = quiet(&path).args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The first line that `PROGRAM --version` says, if it says one in time.
fn version_of(path: &Path) -> Option<String> {
    let mut child = quiet(path).arg("--version").stdout(Stdio::piped()).spawn().ok()?;
    let start = Instant::now();
    while child.try_wait().ok()?.is_none() {
        if start.elapsed() > PATIENCE {
            // It ends either way; only its digest is told then.
            let _ = child.kill();
            let _ = child.wait();
            return None;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    let output = child.wait_with_output().ok().filter(|output| output.status.success())?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().map(str::trim).find(|line| !line.is_empty())?;
    Some(line.chars().filter(|c| !c.is_control()).take(80).collect())
}

fn quiet(path: &Path) -> Command {
    let mut command = Command::new(path);
    command.env_clear().env("PATH", PROGRAM_FOLDERS).env("LC_ALL", "C");
    command.current_dir("/").stdin(Stdio::null()).stderr(Stdio::null());
    command
}

fn hex_of(path: Option<&Path>) -> String {
    let digest = path.and_then(|path| digest_of_file(path).ok());
    digest.map_or_else(|| "none".to_owned(), |digest| digest.hex())
}

/// The digest of a file's bytes.
pub fn digest_of_file(path: &Path) -> io::Result<Digest> {
    let mut digester = Digester::new();
    io::copy(&mut fs_err::File::open(path)?, &mut digester)?;
    Ok(digester.finish())
}

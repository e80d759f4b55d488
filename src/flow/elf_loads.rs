//! `elf loads`: file -> what ld.so would load for it, in order, without running anything.
//!
//! The rules stand in `audit/loader.rs`; here lie the files, the cache and the processor.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::audit::loader::{Around, Files, Found, Loader, Look, Need, Seen};
use crate::audit::{cache, system};
use crate::host::HostError;
use crate::host::root::Root;
use crate::relocate::elf::{Class, ElfFault, Facts};
use crate::rewrite::{self, RewriteError};

/// A cache of a machine with very many libraries, in bytes.
const LARGEST_CACHE: u64 = 64 << 20;

/// What is asked.
#[derive(Debug, Clone)]
pub struct Options {
    pub file: PathBuf,
    /// The root folder of the machine.
    pub root: PathBuf,
    /// LD_LIBRARY_PATH.
    pub library_path: Option<String>,
    /// The working directory of the process.
    pub directory: String,
}

/// The answer.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The file, by the path that it would have in the process.
    pub file: String,
    pub needs: Vec<Need>,
}

impl Outcome {
    /// Whether something is missing.
    pub fn is_whole(&self) -> bool {
        self.needs.iter().all(|need| matches!(need.found, Found::At { .. }))
    }
}

/// Finds what would be loaded.
pub fn loads(options: &Options) -> Result<Outcome, Error> {
    let root = Root::new(&options.root)?;
    let path = path_in(&root, &options.file);
    let place = root.follow(Path::new(&path)).filter(|place| place.is_file());
    let content = rewrite::read(&place.unwrap_or_else(|| options.file.clone()))?;
    if !content.bytes.starts_with(b"\x7fELF") {
        return Err(Error::NotElf { path: options.file.clone() });
    }
    let fault = |fault| Error::Unsound { path: options.file.clone(), fault };
    let facts = Facts::read(&content.bytes).map_err(fault)?;
    if facts.dynamic.is_none() {
        return Err(Error::NotDynamic { path: options.file.clone() });
    }
    let files = Machine { root };
    let hardware = hardware(&facts);
    let interpreter = facts.interpreter.clone().or_else(|| usual_interpreter(&facts).map(str::to_owned));
    let interpreter = interpreter.and_then(|path| match files.look(&path) {
        Look::Library(seen) => Some((path, seen)),
        _ => None,
    });
    let bytes = files.root.read("/etc/ld.so.cache", LARGEST_CACHE)?.unwrap_or_default();
    let around = Around {
        library_path: options.library_path.clone(),
        directory: Some(options.directory.clone()),
        cache: cache::read(&bytes, facts.is_little_endian, &hardware),
        hardware: hardware.iter().map(|name| format!("glibc-hwcaps/{name}")).collect(),
        interpreter,
    };
    let folders = system::default_folders(&facts);
    let lib = folders.first().map(|folder| folder.trim_start_matches('/').to_owned()).unwrap_or_default();
    let loader = Loader { files: &files, default_folders: &folders, lib: &lib, around };
    // A program's own path is that of its file after all links (/proc/self/exe).
    let real = files.real(&path);
    let path = if facts.interpreter.is_some() { real.clone().unwrap_or(path) } else { path };
    let seen = Seen { real: real.unwrap_or_else(|| path.clone()), facts: Arc::new(facts) };
    Ok(Outcome { needs: loader.trace(&path, seen), file: path })
}

/// The path that a file outside has for a process in the root.
fn path_in(root: &Root, file: &Path) -> String {
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let asked = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    if root.path() == Path::new("/") {
        return text(&asked);
    }
    let inside = |path: &Path| path.strip_prefix(root.path()).ok().map(|path| format!("/{}", text(path)));
    let real_folder = || {
        let folder = fs_err::canonicalize(asked.parent()?).ok()?;
        Some(folder.join(asked.file_name()?))
    };
    let by_place = inside(&asked).or_else(|| inside(&real_folder()?));
    by_place.unwrap_or_else(|| text(&asked))
}

/// The files of a machine.
struct Machine {
    root: Root,
}

impl Machine {
    fn real(&self, path: &str) -> Option<String> {
        let place = self.root.follow(Path::new(path))?;
        let inside = place.strip_prefix(self.root.path()).ok()?;
        Some(format!("/{}", inside.to_str()?))
    }
}

impl Files for Machine {
    fn look(&self, path: &str) -> Look {
        let Some(place) = self.root.follow(Path::new(path)) else { return Look::Absent };
        let Ok(about) = fs_err::metadata(&place) else { return Look::Absent };
        if !about.is_file() {
            return Look::Other;
        }
        let Ok(bytes) = fs_err::read(&place) else { return Look::Absent };
        let (Ok(facts), Some(real)) = (Facts::read(&bytes), self.real(path)) else { return Look::Other };
        Look::Library(Seen { real, facts: Arc::new(facts) })
    }
}

/// What this processor can run beyond the first of its kind, the best first (ld.so(8), glibc-hwcaps).
fn hardware(facts: &Facts) -> Vec<String> {
    #[cfg(target_arch = "x86_64")]
    if (facts.machine, facts.class) == (62, Class::Elf64) {
        let has_v2 = is_x86_feature_detected!("sse4.2")
            && is_x86_feature_detected!("ssse3")
            && is_x86_feature_detected!("popcnt")
            && is_x86_feature_detected!("cmpxchg16b");
        let has_v3 = has_v2
            && is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2")
            && is_x86_feature_detected!("fma")
            && is_x86_feature_detected!("f16c")
            && is_x86_feature_detected!("lzcnt")
            && is_x86_feature_detected!("movbe");
        let has_v4 = has_v3
            && is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512cd")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl");
        let levels = [(has_v4, "x86-64-v4"), (has_v3, "x86-64-v3"), (has_v2, "x86-64-v2")];
        return levels.iter().filter(|(has, _)| *has).map(|(_, name)| (*name).to_owned()).collect();
    }
    Vec::new()
}

/// The loader that opens a library whose program is not known.
fn usual_interpreter(facts: &Facts) -> Option<&'static str> {
    Some(match (facts.machine, facts.class) {
        (62, Class::Elf64) => "/lib64/ld-linux-x86-64.so.2",
        (62, Class::Elf32) => "/libx32/ld-linux-x32.so.2",
        (3, _) => "/lib/ld-linux.so.2",
        (183, _) => "/lib/ld-linux-aarch64.so.1",
        (40, _) => "/lib/ld-linux-armhf.so.3",
        (21, _) => "/lib64/ld64.so.2",
        (22, _) => "/lib/ld64.so.1",
        (243, _) => "/lib/ld-linux-riscv64-lp64d.so.1",
        _ => return None,
    })
}

/// Why it cannot be said what would be loaded.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Root(#[from] HostError),
    #[error(transparent)]
    Rewrite(#[from] RewriteError),
    #[error("{path} is no ELF file")]
    NotElf { path: PathBuf },
    #[error("{path}: {fault}")]
    Unsound { path: PathBuf, fault: ElfFault },
    #[error("{path} is not linked dynamically")]
    NotDynamic { path: PathBuf },
}

//! What a build took from the system without saying so: headers that compilers read and libraries that were linked, by
//! the Debian or RPM package that they belong to.
//!
//! Compilers tell: in the dependency files that make and ninja have them write (`.d`, `.Po`, `.ninja_deps`), and where
//! nobody asks them, in the file that `SUNPRO_DEPENDENCIES` names (GCC manual, 3.22). Does not refuse anything; what may
//! be linked is the seal's matter.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::model::host_package::HostPackage;

/// Where compilers write what they include, from the build folder.
pub const INCLUDED: &str = "included.d";

/// The most that is read of one file, in bytes.
const LARGEST: u64 = 256 << 20;

/// The deepest folder of a build that is looked into.
const DEEPEST: usize = 40;

/// Where dpkg(1) keeps which files are whose, and which versions are there.
const DPKG: &str = "/var/lib/dpkg";

/// The names that a compiler's, libc's or the kernel's own headers are found by: without them nothing is compiled.
const TOOLCHAIN_HEADERS: [&str; 3] = ["/usr/include/stdio.h", "/usr/include/linux/errno.h", "/usr/include/crypt.h"];

/// Finds the packages. `build` is the build folder on disk, `seen` what the steps saw it as, `prefix` the placeholder;
/// `linked` are files of the system that were linked.
///
/// # Errors
/// When the build folder cannot be read.
pub fn look(build: &Path, seen: &[&Path], linked: &BTreeSet<PathBuf>) -> io::Result<Vec<HostPackage>> {
    let mut named = BTreeSet::new();
    collect(build, 0, &mut named)?;
    let is_own = |path: &Path| seen.iter().any(|own| path.starts_with(own));
    let is_of_system = |path: &PathBuf| {
        let is_fleeting = ["/tmp", "/proc", "/dev"].iter().any(|folder| path.starts_with(folder));
        !is_own(path) && !is_fleeting && path.is_file()
    };
    let headers: BTreeSet<PathBuf> =
        named.into_iter().filter(is_of_system).filter_map(|path| fs_err::canonicalize(path).ok()).collect();
    let wanted: BTreeSet<PathBuf> = headers.union(linked).cloned().collect();
    let toolchain: BTreeSet<PathBuf> = TOOLCHAIN_HEADERS.iter().map(PathBuf::from).collect();
    let owners = owners(&wanted.union(&toolchain).cloned().collect())?;
    let basic: BTreeSet<&str> = toolchain.iter().filter_map(|path| owners.get(path)).map(String::as_str).collect();
    let mut found: BTreeMap<Option<&str>, HostPackage> = BTreeMap::new();
    for path in &wanted {
        let owner = owners.get(path).map(String::as_str);
        let one = found.entry(owner).or_default();
        if headers.contains(path) {
            one.headers += 1;
            one.is_toolchain |= owner.is_some_and(|owner| basic.contains(owner)) || is_of_compiler(path);
        } else {
            one.libraries += 1;
        }
    }
    let versions = versions(&found.keys().filter_map(|name| *name).collect())?;
    Ok(found
        .into_iter()
        .map(|(name, counted)| {
            let version = name.and_then(|name| versions.get(name)).cloned();
            HostPackage { name: name.map(str::to_owned), version, ..counted }
        })
        .collect())
}

/// Whether a header is the compiler's own, as GCC and Clang lay them out.
fn is_of_compiler(path: &Path) -> bool {
    let text = path.to_string_lossy();
    ["/lib/gcc/", "/include/c++/", "/lib/llvm", "/lib/clang/"].iter().any(|part| text.contains(part))
}

/// All paths that the dependency files of a folder name.
fn collect(folder: &Path, depth: usize, named: &mut BTreeSet<PathBuf>) -> io::Result<()> {
    for entry in fs_err::read_dir(folder)? {
        let entry = entry?;
        let (path, kind) = (entry.path(), entry.file_type()?);
        if kind.is_dir() && depth < DEEPEST {
            collect(&path, depth + 1, named)?;
        } else if kind.is_file() && is_dependency_file(&path) {
            let mut reader = BufReader::new(fs_err::File::open(&path)?.take(LARGEST));
            paths_in(&mut reader, named)?;
        }
    }
    Ok(())
}

fn is_dependency_file(path: &Path) -> bool {
    let ends = ["d", "Po", "Plo", "Tpo", "dep"];
    path.extension().is_some_and(|end| ends.iter().any(|known| end == OsStr::new(known)))
        || path.file_name().is_some_and(|name| name == ".ninja_deps" || name == "compiler_depend.internal")
}

/// The absolute paths in a text, or in ninja's binary file: whatever stands between bytes that are no part of one.
fn paths_in(reader: &mut impl BufRead, named: &mut BTreeSet<PathBuf>) -> io::Result<()> {
    let mut word = Vec::new();
    let mut take = |word: &mut Vec<u8>| {
        let text = word.strip_suffix(b":").unwrap_or(word);
        if text.first() == Some(&b'/')
            && let Ok(text) = std::str::from_utf8(text)
            && !named.contains(Path::new(text))
        {
            named.insert(PathBuf::from(text));
        }
        word.clear();
    };
    loop {
        let bytes = reader.fill_buf()?;
        if bytes.is_empty() {
            break;
        }
        for byte in bytes {
            // A word longer than any path is none.
            if byte.is_ascii_graphic() && *byte != b'\\' && word.len() < 4096 {
                word.push(*byte);
            } else {
                take(&mut word);
            }
        }
        let length = bytes.len();
        reader.consume(length);
    }
    take(&mut word);
    Ok(())
}

/// Whose the files are, as far as dpkg or rpm knows.
fn owners(wanted: &BTreeSet<PathBuf>) -> io::Result<BTreeMap<PathBuf, String>> {
    let lists = match fs_err::read_dir(Path::new(DPKG).join("info")) {
        Ok(lists) => lists,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(owners_by_rpm(wanted)),
        Err(error) => return Err(error),
    };
    // Where /lib is a link into /usr, the lists may name the one or the other.
    let other = |path: &Path| match path.strip_prefix("/usr/lib") {
        Ok(rest) => Path::new("/lib").join(rest),
        Err(_) => Path::new("/usr").join(path.strip_prefix("/").unwrap_or(path)),
    };
    let names: BTreeMap<Vec<u8>, &PathBuf> = wanted
        .iter()
        .flat_map(|path| [path.clone(), other(path)].map(|name| (name.into_os_string().into_encoded_bytes(), path)))
        .collect();
    let mut found = BTreeMap::new();
    for list in lists {
        let path = list?.path();
        if path.extension() != Some(OsStr::new("list")) {
            continue;
        }
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let owner = name.split(':').next().unwrap_or_default();
        for line in BufReader::new(fs_err::File::open(&path)?.take(LARGEST)).split(b'\n') {
            if let Some(path) = names.get(&line?) {
                found.insert((*path).clone(), owner.to_owned());
            }
        }
    }
    Ok(found)
}

/// As rpm(8) tells; nothing where there is no such program.
fn owners_by_rpm(wanted: &BTreeSet<PathBuf>) -> BTreeMap<PathBuf, String> {
    let of_file = |path: &PathBuf| {
        let output = Command::new("rpm").args(["-qf", "--queryformat", "%{NAME}"]).arg(path).output().ok()?;
        let name = String::from_utf8(output.stdout).ok().filter(|_| output.status.success())?;
        Some((path.clone(), name))
    };
    wanted.iter().map_while(of_file).collect()
}

/// The versions of packages, from dpkg's list (deb822(5)) or rpm.
fn versions(names: &BTreeSet<&str>) -> io::Result<BTreeMap<String, String>> {
    let file = match fs_err::File::open(Path::new(DPKG).join("status")) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let version = |name: &&str| {
                let query = ["-q", "--queryformat", "%{VERSION}-%{RELEASE}", name];
                let output = Command::new("rpm").args(query).output().ok()?;
                Some(((*name).to_owned(), String::from_utf8(output.stdout).ok()?))
            };
            return Ok(names.iter().filter_map(version).collect());
        }
        Err(error) => return Err(error),
    };
    let (mut found, mut package) = (BTreeMap::new(), String::new());
    for line in BufReader::new(file.take(LARGEST)).split(b'\n') {
        let line = String::from_utf8_lossy(&line?).into_owned();
        if let Some(name) = line.strip_prefix("Package: ") {
            package = name.to_owned();
        } else if let Some(version) = line.strip_prefix("Version: ").filter(|_| names.contains(package.as_str())) {
            found.insert(package.clone(), version.to_owned());
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_found_in_the_files_of_make_and_of_ninja() {
        let mut named = BTreeSet::new();
        let text = b"a.o: a.c \\\n /usr/include/zlib.h\\\n /usr/include/a+b.h\n\n/usr/include/zlib.h:\n\0\0\x03/usr/x.h\0\xff\xfe";
        paths_in(&mut &text[..], &mut named).unwrap();
        let expected = ["/usr/include/a+b.h", "/usr/include/zlib.h", "/usr/x.h"];
        assert_eq!(named.iter().map(|path| path.to_str().unwrap()).collect::<Vec<_>>(), expected);
    }
}

//! What a system gives: the libraries every package may ask for, and the folders its loader looks into.
//!
//! Does not look at a system; `builder/seal/` does.

use crate::relocate::elf::{Class, Facts};

/// The libraries of the C and C++ runtimes that every system of a platform has, by name without version: those of
/// glibc's own ABI list (libc.so.6's package) and of gcc.
const RUNTIMES: [&str; 14] = [
    "libc",
    "libm",
    "libmvec",
    "libpthread",
    "libdl",
    "librt",
    "libresolv",
    "libutil",
    "libanl",
    "libgcc_s",
    "libstdc++",
    "ld-linux",
    "ld64",
    "ld-musl",
];

/// The libraries that the files of a package may take from the system.
#[derive(Debug, Clone)]
pub struct SystemLibraries<'a> {
    /// Beyond the runtimes: `libgomp.so.1`, or `libgomp` for any version.
    pub listed: &'a [String],
}

impl SystemLibraries<'_> {
    /// Whether a library of this name may come from the system.
    pub fn allows(&self, library: &str) -> bool {
        let stem = library.split(".so").next().unwrap_or(library);
        let is_loader = stem.starts_with("ld-linux-") || stem.starts_with("ld-musl-");
        is_loader || RUNTIMES.contains(&stem) || self.listed.iter().any(|one| one == library || one == stem)
    }
}

/// The folders in which a system's loader looks when nothing else leads to a library, in order: multiarch folders
/// as on Debian, `lib64` as on RPM systems, then the plain ones.
pub fn default_folders(facts: &Facts) -> Vec<String> {
    let triple = match (facts.machine, facts.class) {
        (62, Class::Elf64) => Some("x86_64-linux-gnu"),
        (62, Class::Elf32) => Some("x86_64-linux-gnux32"),
        (183, _) => Some("aarch64-linux-gnu"),
        (3, _) => Some("i386-linux-gnu"),
        (40, _) => Some("arm-linux-gnueabihf"),
        (21, _) => Some("powerpc64le-linux-gnu"),
        (22, _) => Some("s390x-linux-gnu"),
        (243, _) => Some("riscv64-linux-gnu"),
        _ => None,
    };
    let multiarch = triple.into_iter().flat_map(|triple| [format!("/lib/{triple}"), format!("/usr/lib/{triple}")]);
    let wide: &[&str] = if facts.class == Class::Elf64 { &["/lib64", "/usr/lib64"] } else { &[] };
    multiarch.chain(wide.iter().chain(&["/lib", "/usr/lib"]).map(|folder| (*folder).to_owned())).collect()
}

/// What `$LIB` stands for: the first of the default folders without its slash, as the loaders of Debian and of RPM
/// systems are built.
pub fn lib_word(folders: &[String]) -> &str {
    folders.first().map_or("lib", |folder| folder.trim_start_matches('/'))
}

/// What `$PLATFORM` stands for (AT_PLATFORM, as Linux sets it on common processors).
pub fn platform_word(facts: &Facts) -> &'static str {
    match (facts.machine, facts.class) {
        (62, _) => "x86_64",
        (3, _) => "i686",
        (183, _) => "aarch64",
        (40, _) => "v7l",
        (21, _) => "power8",
        (22, _) => "z13",
        _ => "",
    }
}

/// The loader that opens a library whose program is not known.
pub fn usual_interpreter(facts: &Facts) -> Option<&'static str> {
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

/// Whether a program may ask for this loader: one of the system's, by its usual folder and name.
pub fn is_system_interpreter(interpreter: &str) -> bool {
    let Some((folder, name)) = interpreter.rsplit_once('/') else { return false };
    let is_known = ["ld-linux", "ld64.so", "ld.so", "ld-musl"].iter().any(|start| name.starts_with(start));
    is_known && matches!(folder, "/lib" | "/lib64" | "/lib32" | "/libx32" | "/usr/lib" | "/usr/lib64")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runtimes_are_allowed_and_all_else_must_be_listed() {
        let listed = ["libgomp".to_owned(), "libX11.so.6".to_owned()];
        let libraries = SystemLibraries { listed: &listed };
        for fine in ["libc.so.6", "libstdc++.so.6", "ld-linux-x86-64.so.2", "libgomp.so.1", "libX11.so.6"] {
            assert!(libraries.allows(fine), "{fine}");
        }
        for wrong in ["libz.so.1", "libgfortran.so.5", "libX11.so.5", "libcrypt.so.1", "libc++.so.1"] {
            assert!(!libraries.allows(wrong), "{wrong}");
        }
    }

    #[test]
    fn interpreter_is_the_systems_by_folder_and_name() {
        assert!(is_system_interpreter("/lib64/ld-linux-x86-64.so.2"));
        for wrong in ["/build/x/ld-linux-x86-64.so.2", "/lib64/evil", "ld-linux.so.2"] {
            assert!(!is_system_interpreter(wrong), "{wrong}");
        }
    }
}

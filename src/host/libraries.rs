//! What the bytes of system programs and libraries tell: architecture, libc, symbol versions on offer.
//!
//! Pure: does not look for the files. A scan for NUL-terminated names is enough here, since the version names of
//! a library stand in its dynamic string table; what packages need is read properly, in `relocate/elf/`.

use memchr::memmem;

use crate::model::platform::Floor;

/// No name of a version is as long, in bytes.
const LONGEST_NAME: usize = 40;

/// The C library of a system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Libc {
    pub kind: LibcKind,
    /// Its own version, such as `2.36`.
    pub version: Option<String>,
}

/// The C libraries that are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LibcKind {
    Glibc,
    Musl,
    Unknown,
}

impl LibcKind {
    pub fn name(self) -> &'static str {
        match self {
            LibcKind::Glibc => "glibc",
            LibcKind::Musl => "musl",
            LibcKind::Unknown => "unknown",
        }
    }
}

/// Where a library of the system may be, from the root, the likeliest place first.
pub fn places(library: &str, arch: &str) -> Vec<String> {
    // Debian's multiarch folders name i686 after i386, and little-endian arm after its float ABI.
    let triplets: &[&str] = match arch {
        "i686" => &["i386-linux-gnu"],
        "armv7l" => &["arm-linux-gnueabihf", "arm-linux-gnueabi"],
        "ppc64le" => &["powerpc64le-linux-gnu"],
        "x86_64" => &["x86_64-linux-gnu"],
        "aarch64" => &["aarch64-linux-gnu"],
        "riscv64" => &["riscv64-linux-gnu"],
        "s390x" => &["s390x-linux-gnu"],
        "loongarch64" => &["loongarch64-linux-gnu"],
        _ => &[],
    };
    let multiarch = triplets.iter().flat_map(|triplet| [format!("usr/lib/{triplet}"), format!("lib/{triplet}")]);
    let folders = multiarch.chain(["lib64", "usr/lib64", "lib", "usr/lib"].map(str::to_owned));
    folders.map(|folder| format!("{folder}/{library}")).collect()
}

/// Where musl's loader, which is its libc, may be.
pub fn musl_places(arch: &str) -> Vec<String> {
    let arch = match arch {
        "i686" => "i386",
        "armv7l" => "armhf",
        "ppc64le" => "powerpc64le",
        arch => arch,
    };
    ["lib", "usr/lib"].map(|folder| format!("{folder}/ld-musl-{arch}.so.1")).to_vec()
}

/// Reads a `libc.so.6`; `None` when it is not glibc's.
pub fn glibc(bytes: &[u8], system: &mut Floor) -> Option<Libc> {
    let mut offered_here = Floor::default();
    offered(bytes, &["GLIBC_2."], &mut offered_here);
    let newest = offered_here.get("GLIBC")?.as_str().to_owned();
    system.merge(&offered_here);
    let banner = between(bytes, b"GNU C Library ", b"stable release version ", 200);
    let version = banner.map(number).filter(|version| !version.is_empty()).unwrap_or(newest);
    Some(Libc { kind: LibcKind::Glibc, version: Some(version) })
}

/// Reads musl's loader: its version is a NUL-terminated text of three numbers.
pub fn musl(bytes: &[u8]) -> Libc {
    let is_version = |text: &&[u8]| {
        let mut parts = text.split(|byte| *byte == b'.');
        let is_number = |part: &[u8]| !part.is_empty() && part.len() <= 3 && part.iter().all(u8::is_ascii_digit);
        text.len() <= 11 && parts.clone().count() == 3 && parts.all(is_number)
    };
    let version = bytes.split(|byte| *byte == 0).find(is_version);
    Libc { kind: LibcKind::Musl, version: version.map(|text| String::from_utf8_lossy(text).into_owned()) }
}

/// Raises the floor to the newest symbol versions whose NUL-terminated names start with one of these.
pub fn offered(bytes: &[u8], starts: &[&str], system: &mut Floor) {
    for start in starts {
        for at in memmem::find_iter(bytes, &[b"\0", start.as_bytes()].concat()) {
            let name = &bytes[at + 1..bytes.len().min(at + LONGEST_NAME)];
            let Some(name) = memchr::memchr(0, name).map(|end| &name[..end]) else { continue };
            if name[start.len()..].iter().all(|byte| byte.is_ascii_digit() || *byte == b'.') {
                system.raise(&String::from_utf8_lossy(name));
            }
        }
    }
}

/// The architecture of an ELF file by its head, as `uname -m` names it (elf(5)).
pub fn architecture(head: &[u8]) -> Option<&'static str> {
    let [0x7f, b'E', b'L', b'F', class, data, ..] = head else { return None };
    let machine = head.get(18..20)?;
    let machine = if *data == 1 {
        u16::from_le_bytes([machine[0], machine[1]])
    } else {
        u16::from_be_bytes([machine[0], machine[1]])
    };
    Some(match (machine, class, data) {
        (62, 2, _) => "x86_64",
        (183, 2, 1) => "aarch64",
        (3, 1, _) => "i686",
        (40, 1, 1) => "armv7l",
        (243, 2, _) => "riscv64",
        (21, 2, 1) => "ppc64le",
        (21, 2, 2) => "ppc64",
        (22, 2, _) => "s390x",
        (258, 2, _) => "loongarch64",
        (8, 2, 1) => "mips64",
        _ => return None,
    })
}

/// What follows `second`, where that follows `first` within `within` bytes.
fn between<'a>(bytes: &'a [u8], first: &[u8], second: &[u8], within: usize) -> Option<&'a [u8]> {
    let start = memmem::find(bytes, first)?;
    let line = &bytes[start..bytes.len().min(start + within)];
    let at = memmem::find(line, second)?;
    Some(&line[at + second.len()..])
}

/// The version number that a text starts with.
fn number(text: &[u8]) -> String {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'.');
    String::from_utf8_lossy(&digits.copied().collect::<Vec<u8>>()).trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn glibc_tells_its_version_and_the_newest_symbol_version() {
        let bytes = b"\0GLIBC_2.4\0GLIBC_2.34\0GLIBC_2.9\0GLIBC_PRIVATE\0GLIBC_2.x\0\
            GNU C Library (Debian GLIBC 2.36-9) stable release version 2.36.\n\0";
        let mut system = Floor::default();
        let libc = glibc(bytes, &mut system).unwrap();
        assert_eq!((libc.version.as_deref(), system.to_string().as_str()), (Some("2.36"), "GLIBC 2.34"));
        assert_eq!(glibc(b"\0nothing\0", &mut system), None);
    }

    #[test]
    fn musl_tells_its_version() {
        assert_eq!(musl(b"\x7fELF\x00127.0.0.1\x001.2.4\0musl libc (x86_64)\0").version.as_deref(), Some("1.2.4"));
        assert_eq!(musl(b"\x7fELF").version, None);
    }

    #[test]
    fn architecture_is_told_by_machine_class_and_byte_order() {
        let head = |class, data, machine: [u8; 2]| {
            let mut head = vec![0x7f, b'E', b'L', b'F', class, data];
            head.resize(18, 0);
            head.extend(machine);
            head
        };
        assert_eq!(architecture(&head(2, 1, [62, 0])), Some("x86_64"));
        assert_eq!(architecture(&head(2, 2, [0, 21])), Some("ppc64"));
        assert_eq!(architecture(&head(2, 1, [1, 0])), None);
        assert_eq!(architecture(b"#!/bin/bash\n"), None);
    }
}

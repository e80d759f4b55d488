//! The names of the operating systems that an ELF file can be marked for (`EI_OSABI`).
//!
//! Only the names; where the byte lies knows `draft.rs`.

/// An operating system as the header has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OsAbi(pub u8);

/// Numbers with the names that are printed (elf.h, `ELFOSABI_*`).
const NAMES: [(u8, &str); 12] = [
    (0, "System V"),
    (1, "HP-UX"),
    (2, "NetBSD"),
    (3, "Linux"),
    (4, "GNU Hurd"),
    (6, "Solaris"),
    (7, "AIX"),
    (8, "IRIX"),
    (9, "FreeBSD"),
    (10, "Tru64"),
    (12, "OpenBSD"),
    (13, "OpenVMS"),
];

/// More names that are understood.
const OTHER_NAMES: [(u8, &str); 6] =
    [(0, "sysv"), (0, "system-v"), (3, "gnu"), (4, "hurd"), (4, "gnu-hurd"), (1, "hpux")];

impl OsAbi {
    /// Reads a name, in any case.
    pub fn parse(text: &str) -> Option<OsAbi> {
        let mut all = NAMES.iter().chain(&OTHER_NAMES);
        all.find(|(_, name)| name.eq_ignore_ascii_case(text)).map(|(number, _)| OsAbi(*number))
    }

    /// All names that are printed.
    pub fn names() -> impl Iterator<Item = &'static str> {
        NAMES.iter().map(|(_, name)| *name)
    }
}

impl std::fmt::Display for OsAbi {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match NAMES.iter().find(|(number, _)| *number == self.0) {
            Some((_, name)) => formatter.write_str(name),
            None => write!(formatter, "0x{:02X}", self.0),
        }
    }
}

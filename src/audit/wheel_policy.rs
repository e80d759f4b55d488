//! The wheel policies (PEP 600) that a floor meets: `manylinux_2_17_x86_64`.
//!
//! The table is that of auditwheel 6.8 for x86-64, which `tests/audit_policy.rs` compares; those of other machines
//! differ in single versions of GCC and zlib. Black lists of single symbols are left out.

use crate::model::platform::{Floor, SymbolVersion};

/// One policy: the newest version of each set that its systems have.
pub struct Policy {
    pub glibc: &'static str,
    pub glibcxx: &'static str,
    pub cxxabi: &'static str,
    pub gcc: &'static str,
    /// Empty where no version may be asked for.
    pub libatomic: &'static str,
    pub zlib: &'static str,
}

const fn policy(
    glibc: &'static str,
    [glibcxx, cxxabi, gcc]: [&'static str; 3],
    [libatomic, zlib]: [&'static str; 2],
) -> Policy {
    Policy { glibc, glibcxx, cxxabi, gcc, libatomic, zlib }
}

/// From the oldest to the newest.
pub static POLICIES: [Policy; 16] = [
    policy("2.5", ["3.4.8", "1.3.1", "4.2.0"], ["", ""]),
    policy("2.12", ["3.4.13", "1.3.3", "4.3.0"], ["", "1.2.2.4"]),
    policy("2.17", ["3.4.19", "1.3.7", "4.8.0"], ["", "1.2.5.2"]),
    policy("2.24", ["3.4.22", "1.3.10", "4.8.0"], ["1.2", "1.2.5.2"]),
    policy("2.26", ["3.4.22", "1.3.10", "4.8.0"], ["1.2", "1.2.5.2"]),
    policy("2.27", ["3.4.24", "1.3.11", "7.0.0"], ["1.2", "1.2.9"]),
    policy("2.28", ["3.4.24", "1.3.11", "7.0.0"], ["1.2", "1.2.9"]),
    policy("2.31", ["3.4.28", "1.3.12", "7.0.0"], ["1.2", "1.2.9"]),
    policy("2.34", ["3.4.29", "1.3.13", "7.0.0"], ["1.2", "1.2.9"]),
    policy("2.35", ["3.4.30", "1.3.13", "12.0.0"], ["1.2", "1.2.9"]),
    policy("2.36", ["3.4.30", "1.3.13", "12.0.0"], ["1.2", "1.2.9"]),
    policy("2.37", ["3.4.30", "1.3.13", "12.0.0"], ["1.2", "1.2.12"]),
    policy("2.38", ["3.4.30", "1.3.13", "12.0.0"], ["1.2", "1.2.12"]),
    policy("2.39", ["3.4.33", "1.3.15", "14.0.0"], ["1.2", "1.2.12"]),
    policy("2.40", ["3.4.33", "1.3.15", "14.0.0"], ["1.2", "1.2.12"]),
    policy("2.41", ["3.4.33", "1.3.15", "14.0.0"], ["1.2", "1.2.12"]),
];

/// The libraries that wheels may take from the system, without the loader itself; `libexpat` came with 2.12, `libmvec`
/// with 2.24.
pub static LIBRARIES: [&str; 24] = [
    "libGL.so.1",
    "libICE.so.6",
    "libSM.so.6",
    "libX11.so.6",
    "libXext.so.6",
    "libXrender.so.1",
    "libanl.so.1",
    "libatomic.so.1",
    "libc.so.6",
    "libdl.so.2",
    "libexpat.so.1",
    "libgcc_s.so.1",
    "libglib-2.0.so.0",
    "libgobject-2.0.so.0",
    "libgthread-2.0.so.0",
    "libm.so.6",
    "libmvec.so.1",
    "libnsl.so.1",
    "libpthread.so.0",
    "libresolv.so.2",
    "librt.so.1",
    "libstdc++.so.6",
    "libutil.so.1",
    "libz.so.1",
];

/// The name of the oldest policy that a floor meets, and whose libraries alone are taken from the system (`outside`).
/// Beyond the newest known policy the glibc alone decides; `None` without any GLIBC version.
pub fn manylinux<'a>(floor: &Floor, arch: &str, mut outside: impl Iterator<Item = &'a str>) -> Option<String> {
    let glibc = floor.get("GLIBC")?;
    if !outside.all(|library| LIBRARIES.contains(&library) || library.starts_with("ld-linux") || library == "ld64.so.2")
    {
        return None;
    }
    let first = match arch {
        "x86_64" | "i686" => "2.5",
        "riscv64" => "2.31",
        _ => "2.17",
    };
    let known = POLICIES.iter().skip_while(|policy| policy.glibc != first);
    let policy = known.into_iter().find(|policy| meets(floor, policy));
    let version = policy.map_or(glibc.as_str(), |policy| policy.glibc);
    let mut parts = version.split('.');
    let (major, minor) = (parts.next()?, parts.next().unwrap_or("0"));
    Some(format!("manylinux_{major}_{minor}_{arch}"))
}

fn meets(floor: &Floor, policy: &Policy) -> bool {
    let sets = [
        ("GLIBC", policy.glibc),
        ("GLIBCXX", policy.glibcxx),
        ("CXXABI", policy.cxxabi),
        ("GCC", policy.gcc),
        ("LIBATOMIC", policy.libatomic),
        ("ZLIB", policy.zlib),
    ];
    let fits = |set: &str, max: &str| {
        floor.get(set).is_none_or(|version| !max.is_empty() && *version <= SymbolVersion::new(max))
    };
    sets.iter().all(|(set, max)| fits(set, max))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_policy_that_fits_gives_the_name() {
        for (versions, outside, expected) in [
            (&["GLIBC_2.4"][..], &["libc.so.6"][..], Some("manylinux_2_5_x86_64")),
            (
                &["GLIBC_2.17", "GLIBCXX_3.4.19"],
                &["libstdc++.so.6", "ld-linux-x86-64.so.2"],
                Some("manylinux_2_17_x86_64"),
            ),
            (&["GLIBC_2.17", "GLIBCXX_3.4.20"], &[], Some("manylinux_2_24_x86_64")),
            (&["GLIBC_2.4", "GCC_7.0.0"], &[], Some("manylinux_2_27_x86_64")),
            (&["GLIBC_2.4", "LIBATOMIC_1.0"], &[], Some("manylinux_2_24_x86_64")),
            (&["GLIBC_2.42"], &[], Some("manylinux_2_42_x86_64")),
            (&["GLIBC_2.4"], &["libssl.so.3"], None),
            (&[], &[], None),
        ] {
            let mut floor = Floor::default();
            versions.iter().for_each(|version| floor.raise(version));
            assert_eq!(manylinux(&floor, "x86_64", outside.iter().copied()).as_deref(), expected);
        }
        let mut floor = Floor::default();
        floor.raise("GLIBC_2.4");
        assert_eq!(manylinux(&floor, "aarch64", [].into_iter()).as_deref(), Some("manylinux_2_17_aarch64"));
    }
}

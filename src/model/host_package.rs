//! A package of the system that a build took files of, though no recipe says so.
//!
//! Does not find them (`builder/host_files.rs`).

use serde::{Deserialize, Serialize};

/// How many files of a system package were read by compilers, or linked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostPackage {
    /// The Debian or RPM package; `None` for files that belong to none.
    pub name: Option<String>,
    pub version: Option<String>,
    /// Headers that a compiler read.
    pub headers: usize,
    /// Shared libraries that files of the package need.
    pub libraries: usize,
    /// Whether it is the compiler's, libc's or the kernel's headers, without which nothing is compiled.
    #[serde(rename = "toolchain")]
    pub is_toolchain: bool,
}

//! A platform id (`debian-12-x86_64`) and a floor: the newest symbol versions that files ask of the system.
//!
//! Does not look at a machine; `host.rs` does.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// Operating system, release and architecture: `os-release-arch`, as in `debian-12-x86_64`.
///
/// Each part is lower-case letters, digits, `.`, `_` (os also `-`); the id is safe as one path component.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Platform {
    os: String,
    release: String,
    arch: String,
}

impl Platform {
    /// Puts the three parts together.
    ///
    /// # Errors
    /// [`PlatformError`] when a part is empty or holds other characters.
    pub fn new(os: &str, release: &str, arch: &str) -> Result<Platform, PlatformError> {
        let id = format!("{os}-{release}-{arch}");
        let is_plain = |text: &str, extra: &str| {
            text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
                && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || extra.contains(c))
        };
        if id.len() > 100 || !is_plain(os, "-._") || !is_plain(release, "._") || !is_plain(arch, "_") {
            return Err(PlatformError { given: id });
        }
        Ok(Platform { os: os.to_owned(), release: release.to_owned(), arch: arch.to_owned() })
    }

    /// Reads an id; the last part is the architecture, the one before it the release.
    ///
    /// # Errors
    /// [`PlatformError`] when there are fewer than three parts or one is not plain.
    pub fn parse(id: &str) -> Result<Platform, PlatformError> {
        let wrong = || PlatformError { given: id.to_owned() };
        let (rest, arch) = id.rsplit_once('-').ok_or_else(wrong)?;
        let (os, release) = rest.rsplit_once('-').ok_or_else(wrong)?;
        Platform::new(os, release, arch).map_err(|_| wrong())
    }

    pub fn os(&self) -> &str {
        &self.os
    }

    pub fn release(&self) -> &str {
        &self.release
    }

    /// The architecture as `uname -m` names it.
    pub fn arch(&self) -> &str {
        &self.arch
    }

    pub fn id(&self) -> String {
        self.to_string()
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{}-{}", self.os, self.release, self.arch)
    }
}

impl fmt::Debug for Platform {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl TryFrom<String> for Platform {
    type Error = PlatformError;

    fn try_from(id: String) -> Result<Platform, PlatformError> {
        Platform::parse(&id)
    }
}

impl From<Platform> for String {
    fn from(platform: Platform) -> String {
        platform.id()
    }
}

/// A text that is no platform id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not a platform id such as `debian-12-x86_64`", given.escape_debug())]
pub struct PlatformError {
    pub given: String,
}

/// A version of a symbol set, such as the `2.34` of `GLIBC_2.34`; compared number by number.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SymbolVersion(String);

impl SymbolVersion {
    pub fn new(text: &str) -> SymbolVersion {
        SymbolVersion(text.to_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn numbers(&self) -> impl Iterator<Item = u64> + '_ {
        self.0.split('.').map(|part| part.parse().unwrap_or(0))
    }
}

impl Ord for SymbolVersion {
    fn cmp(&self, other: &SymbolVersion) -> Ordering {
        self.numbers().cmp(other.numbers()).then_with(|| self.0.cmp(&other.0))
    }
}

impl PartialOrd for SymbolVersion {
    fn partial_cmp(&self, other: &SymbolVersion) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for SymbolVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for SymbolVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// The newest version asked of each symbol set of the system: `{"GLIBC": "2.34", "GLIBCXX": "3.4.30"}`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Floor(BTreeMap<String, SymbolVersion>);

impl Floor {
    /// Takes `GLIBC_2.34`-like names; keeps the newest of each set. What has no number is left out.
    pub fn raise(&mut self, versioned: &str) {
        let Some((set, version)) = versioned.rsplit_once('_') else { return };
        if version.starts_with(|c: char| c.is_ascii_digit()) {
            self.raise_to(set, SymbolVersion::new(version));
        }
    }

    fn raise_to(&mut self, set: &str, version: SymbolVersion) {
        match self.0.get_mut(set) {
            Some(known) if *known >= version => {}
            Some(known) => *known = version,
            None => {
                self.0.insert(set.to_owned(), version);
            }
        }
    }

    /// The floor of both together.
    pub fn merge(&mut self, other: &Floor) {
        for (set, version) in &other.0 {
            self.raise_to(set, version.clone());
        }
    }

    pub fn get(&self, set: &str) -> Option<&SymbolVersion> {
        self.0.get(set)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &SymbolVersion)> {
        self.0.iter().map(|(set, version)| (set.as_str(), version))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What a system lacks for this floor: set, version needed, version offered. A set that the system does not
    /// tell is taken as met.
    pub fn unmet_by(&self, system: &Floor) -> Vec<(String, SymbolVersion, SymbolVersion)> {
        let lacking = |(set, needed): (&String, &SymbolVersion)| {
            let offered = system.0.get(set)?;
            (offered < needed).then(|| (set.clone(), needed.clone(), offered.clone()))
        };
        self.0.iter().filter_map(lacking).collect()
    }
}

impl fmt::Display for Floor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (set, version)) in self.0.iter().enumerate() {
            let gap = if place == 0 { "" } else { ", " };
            write!(formatter, "{gap}{set} {version}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn platform_reads_ids_from_the_right() {
        let leap = Platform::parse("opensuse-leap-15-x86_64").unwrap();
        assert_eq!((leap.os(), leap.release(), leap.arch()), ("opensuse-leap", "15", "x86_64"));
        assert_eq!(leap.id(), "opensuse-leap-15-x86_64");
    }

    #[test]
    fn platform_refuses_paths_and_missing_parts() {
        for wrong in ["", "debian", "debian-12", "../x-1-y", "a-b/c-d", "Debian-12-x86_64", "debian--x86_64"] {
            assert!(Platform::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn floor_keeps_the_newest_by_number_not_by_letter() {
        let mut floor = Floor::default();
        for name in ["GLIBC_2.4", "GLIBC_2.34", "GLIBC_2.9", "GLIBC_PRIVATE", "CXXABI_1.3.13"] {
            floor.raise(name);
        }
        assert_eq!(floor.to_string(), "CXXABI 1.3.13, GLIBC 2.34");
        let mut system = Floor::default();
        system.raise("GLIBC_2.31");
        assert_eq!(floor.unmet_by(&system).len(), 1);
    }
}

//! Seals what a build installed: makes it independent of its place, records what must be patched, and proves both.
//!
//! ```text
//! own paths -drop, refuse, links relative, modes-> tree -library paths relative-> files
//!           -scan-> relocations -proof 1: residue, proof 2: loader, symbols-> manifest with the floor
//! ```
//! Changes the files below the root in place. Does not pack (`archive/pack.rs`) and does not build.

pub mod exclude;
mod files;
mod lookup;
mod members;
mod tree;

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use crate::audit::{Finding, SEAL_CHECKS, allow};
use crate::model::build_key::BuildKey;
use crate::model::package::{Entry, EntryKind, FORMAT, PackageManifest};
use crate::model::platform::Platform;
use crate::model::prefix::Placeholder;
use crate::model::project::Allowance;
use crate::model::recipe::{RecipeName, RpathKind};

/// What is sealed, and what it will be called.
#[derive(Debug, Clone)]
pub struct Sealing<'a> {
    /// The folder that the placeholder stands for on disk: the new package's files and those of its needs.
    pub root: &'a Path,
    /// The paths that belong to the new package, relative to the root; folders above them are added.
    pub own: &'a BTreeSet<PathBuf>,
    pub name: &'a RecipeName,
    /// The package whose debug information this is.
    pub debug_of: Option<&'a RecipeName>,
    pub version: &'a str,
    pub license: &'a str,
    pub platform: &'a Platform,
    pub build_key: BuildKey,
    pub needs: &'a [RecipeName],
    pub placeholder: &'a Placeholder,
    /// Byte strings that no file may hold: the folders of the build.
    pub build_folders: &'a [Vec<u8>],
    pub rpath: RpathKind,
    /// Globs of paths that are not packaged (`model/glob.rs` says how they match).
    pub exclude: &'a [String],
    /// Whether static libraries stay that a shared one of the same name stands beside.
    pub is_static_kept: bool,
    /// What installs without development files keep and leave out beyond their rule.
    pub runtime: &'a [String],
    /// Variables that whoever uses the package needs.
    pub exports: &'a [(String, String)],
    /// Libraries beyond the runtimes that the files may take from the system.
    pub system_libraries: &'a [String],
    /// Findings that the recipe takes.
    pub allow: &'a [Allowance],
    /// Where the system's own libraries are looked for; `/` but in tests.
    pub system_root: &'a Path,
}

/// Seals a package.
///
/// # Errors
/// [`SealError::Findings`] with everything that is wrong, of all checks; [`SealError::File`] when a file cannot be
/// read or written.
pub fn seal(sealing: &Sealing<'_>) -> Result<SealedPackage, SealError> {
    let mut findings = Vec::new();
    let nodes = tree::collect(sealing, &mut findings)?;
    let sealed = files::seal_all(sealing, &nodes, &mut findings)?;
    let (floor, linked) = lookup::prove(sealing, &sealed, &mut findings)?;
    let of = |finding: &Finding| Some((finding.fault.allowed_as()?, finding.file.clone()));
    // What other checks find is seen by `tagalong audit` only.
    let unused = allow::take(sealing.allow, &mut findings, of).into_iter();
    let unused = unused.filter(|one| allow::is_for(one, &SEAL_CHECKS)).cloned().collect();
    if !findings.is_empty() {
        findings.sort_by(|a, b| a.file.cmp(&b.file));
        return Err(SealError::Findings { name: sealing.name.clone(), findings });
    }
    let mut files = sealed.into_iter();
    let entries = nodes.into_iter().map(|node| {
        let kind = match node.kind {
            tree::NodeKind::Folder => EntryKind::Folder,
            tree::NodeKind::Link { target } => EntryKind::Link { target },
            // `seal_all` gives one file for each file node, in the same order.
            tree::NodeKind::File { .. } => EntryKind::File(files.next()?.entry),
        };
        Some(Entry { path: node.path, kind })
    });
    let manifest = PackageManifest {
        format: FORMAT,
        name: sealing.name.clone(),
        version: sealing.version.to_owned(),
        license: sealing.license.to_owned(),
        platform: sealing.platform.clone(),
        build_key: sealing.build_key,
        placeholder: sealing.placeholder.clone(),
        needs: sealing.needs.to_vec(),
        debug_of: sealing.debug_of.cloned(),
        runtime: sealing.runtime.to_vec(),
        exports: sealing.exports.iter().cloned().collect(),
        floor,
        entries: entries.map_while(|entry| entry).collect(),
    };
    Ok(SealedPackage { manifest, unused, linked })
}

/// A package that holds what was promised.
#[derive(Debug, Clone)]
pub struct SealedPackage {
    pub manifest: PackageManifest,
    /// Allowances that nothing was found for.
    pub unused: Vec<Allowance>,
    /// The libraries of the system that its files ask for themselves.
    pub linked: BTreeSet<PathBuf>,
}

/// Why a package was not made.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// All that the checks found, sorted by file; never empty.
    #[error("{name}: {} findings", findings.len())]
    Findings { name: RecipeName, findings: Vec<Finding> },
    #[error("{doing}")]
    File { doing: &'static str, path: PathBuf, source: io::Error },
}

/// Makes the error of a step with a file.
fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> SealError {
    move |source| SealError::File { doing, path: path.to_owned(), source }
}

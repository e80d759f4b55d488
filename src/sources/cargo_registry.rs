//! Brings the archive of a crate through cargo: its own registry, mirrors and credentials.
//!
//! Does not know any registry's address. A project of one dependency is made in a temporary folder, and cargo is asked
//! for its packages, which fetches them; the archive then lies in cargo's own cache, beside the sources it unpacked:
//! `<cargo home>/registry/cache/<registry>/<name>-<version>.crate` (The Cargo Book, Cargo Home).

use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use crate::sources::program;
use crate::sources::{Reason, beside};

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    manifest_path: PathBuf,
}

/// Writes the crate's archive to `into`. Cargo reads its settings from `folder` upwards, besides those of the user.
pub(super) fn bring(name: &str, version: &str, folder: &Path, into: &Path) -> Result<(), Reason> {
    let unusable = |error: std::io::Error| Reason::Unusable(error.to_string());
    let project = tempfile::tempdir().map_err(unusable)?;
    let manifest = project.path().join("Cargo.toml");
    fs_err::write(&manifest, project_of(name, version)).map_err(unusable)?;
    fs_err::write(project.path().join("lib.rs"), "").map_err(unusable)?;
    let mut command = Command::new("cargo");
    command.args(["metadata", "--format-version", "1", "--quiet", "--filter-platform"]);
    command.arg(format!("{}-unknown-linux-gnu", std::env::consts::ARCH));
    command.arg("--manifest-path").arg(&manifest).current_dir(folder);
    let said = program::run(&mut command).map_err(unusable)?;
    let said = said.ok_or_else(|| Reason::Unusable("cargo is not installed".to_owned()))?;
    if !said.is_success {
        let is_absent =
            ["no matching package", "failed to select a version"].iter().any(|text| said.stderr.contains(text));
        return Err(if is_absent { Reason::Absent } else { Reason::Unreachable(said.complaint()) });
    }
    let metadata: Metadata =
        serde_json::from_slice(&said.stdout).map_err(|error| Reason::Unusable(format!("cargo metadata: {error}")))?;
    let package = metadata.packages.into_iter().find(|package| package.name == name && package.version == version);
    let package = package.ok_or(Reason::Absent)?;
    beside::copy(&archive_of(&package).ok_or_else(|| no_archive(&package))?, into)
}

fn no_archive(package: &Package) -> Reason {
    Reason::Unusable(format!("cargo keeps no archive for {}", package.manifest_path.display()))
}

/// `<home>/registry/src/<registry>/<name>-<version>/Cargo.toml` to `<home>/registry/cache/<registry>/….crate`.
fn archive_of(package: &Package) -> Option<PathBuf> {
    let registry = package.manifest_path.parent()?.parent()?;
    let home = registry.parent()?.parent()?;
    let file = format!("{}-{}.crate", package.name, package.version);
    let archive = home.join("cache").join(registry.file_name()?).join(file);
    archive.is_file().then_some(archive)
}

/// A project that needs nothing but this release; names and versions were checked to be plain.
fn project_of(name: &str, version: &str) -> String {
    format!(
        "[package]\nname = \"fetching\"\nversion = \"0.0.0\"\nedition = \"2018\"\n\n[lib]\npath = \"lib.rs\"\n\n\
         [workspace]\n\n[dependencies.it]\npackage = \"{name}\"\nversion = \"={version}\"\ndefault-features = false\n"
    )
}

//! Goes through what a build installed: drops, refuses, makes links relative and modes plain.
//!
//! Does not look into files (`files.rs`).

use std::collections::{BTreeMap, BTreeSet};
use std::fs::Metadata;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::audit::{Fault, Finding};
use crate::builder::seal::{SealError, Sealing, exclude, failed};
use crate::model::package::EntryPath;

/// One path of the package.
#[derive(Debug)]
pub struct Node {
    pub path: EntryPath,
    pub kind: NodeKind,
}

#[derive(Debug)]
pub enum NodeKind {
    Folder,
    File { mode: u32 },
    Link { target: String },
}

/// The paths of the package in the manifest's order, with the folders above them.
pub fn collect(sealing: &Sealing<'_>, findings: &mut Vec<Finding>) -> Result<Vec<Node>, SealError> {
    let mut nodes = BTreeMap::new();
    for relative in with_parents(sealing.own) {
        let full = sealing.root.join(&relative);
        let mut find = |fault| findings.push(Finding { file: on_one_line(&relative), fault });
        let metadata = fs_err::symlink_metadata(&full).map_err(failed("looking at an installed file", &full))?;
        let is_plain = |text: &&str| !text.chars().any(char::is_control);
        let Some(path) = relative.to_str().filter(is_plain).and_then(|text| EntryPath::parse(text).ok()) else {
            find(Fault::Name);
            continue;
        };
        let is_twin = !sealing.is_static_kept && exclude::is_static_twin(path.as_str(), sealing.own);
        if is_twin || exclude::is_dropped(path.as_str(), sealing.exclude) {
            if !metadata.is_dir() {
                fs_err::remove_file(&full).map_err(failed("dropping an installed file", &full))?;
            }
            continue;
        }
        let mode = metadata.mode();
        let kind = if metadata.is_dir() {
            set_mode(&full, &metadata, 0o755)?;
            NodeKind::Folder
        } else if metadata.is_symlink() {
            match settle_link(sealing, &path, &full)? {
                Ok(target) => NodeKind::Link { target },
                Err(fault) => {
                    find(fault);
                    continue;
                }
            }
        } else if !metadata.is_file() {
            let kind = if metadata.file_type().is_socket() {
                "socket"
            } else if metadata.file_type().is_fifo() {
                "pipe"
            } else {
                "device"
            };
            find(Fault::Special { kind });
            continue;
        } else if mode & 0o6000 != 0 {
            find(Fault::SetId);
            continue;
        } else {
            let wanted = if mode & 0o111 == 0 { 0o644 } else { 0o755 };
            set_mode(&full, &metadata, wanted)?;
            NodeKind::File { mode: wanted }
        };
        nodes.insert(path, kind);
    }
    Ok(nodes.into_iter().map(|(path, kind)| Node { path, kind }).collect())
}

/// A path as it is shown, whatever stands in it.
fn on_one_line(path: &Path) -> String {
    let shown = path.display().to_string();
    if shown.chars().any(char::is_control) { shown.escape_debug().to_string() } else { shown }
}

/// The paths and all folders above them.
fn with_parents(own: &BTreeSet<PathBuf>) -> BTreeSet<PathBuf> {
    let above = own.iter().flat_map(|path| path.ancestors());
    above.filter(|path| !path.as_os_str().is_empty()).map(Path::to_path_buf).collect()
}

fn set_mode(path: &Path, found: &Metadata, wanted: u32) -> Result<(), SealError> {
    if found.mode() & 0o7777 == wanted {
        return Ok(());
    }
    let mut permissions = found.permissions();
    permissions.set_mode(wanted);
    fs_err::set_permissions(path, permissions).map_err(failed("setting the mode of an installed file", path))
}

/// The target with which a link may be packaged; rewrites the link where that is another one than it has.
fn settle_link(sealing: &Sealing<'_>, path: &EntryPath, full: &Path) -> Result<Result<String, Fault>, SealError> {
    let found = fs_err::read_link(full).map_err(failed("reading an installed link", full))?;
    let Some(found) = found.to_str().map(str::to_owned) else { return Ok(Err(Fault::Name)) };
    if path.holds_target(&found) {
        return Ok(Ok(found));
    }
    let outside = || Ok(Err(Fault::LinkOutside { link: found.clone() }));
    let Some(target) = relative_target(sealing, path, &found) else { return outside() };
    // A `..` behind the name of another link means something else than its text says.
    let folder = full.parent().unwrap_or(sealing.root);
    let is_absolute = found.starts_with('/');
    if !is_absolute && fs_err::canonicalize(folder.join(&found)).ok() != fs_err::canonicalize(folder.join(&target)).ok()
    {
        return outside();
    }
    fs_err::remove_file(full).map_err(failed("making a link relative", full))?;
    fs_err::os::unix::fs::symlink(&target, full).map_err(failed("making a link relative", full))?;
    Ok(Ok(target))
}

/// The same target without detours, relative to the folder of the link; `None` outside of the tree.
fn relative_target(sealing: &Sealing<'_>, path: &EntryPath, target: &str) -> Option<String> {
    let own: Vec<&str> = path.parent().map(|parent| parent.split('/').collect()).unwrap_or_default();
    let mut aim = Vec::new();
    let rest = if target.starts_with('/') {
        let inside = Path::new(target).strip_prefix(sealing.placeholder.as_path());
        inside.or_else(|_| Path::new(target).strip_prefix(sealing.root)).ok()?.to_str()?
    } else {
        aim.clone_from(&own);
        target
    };
    for name in rest.split('/') {
        match name {
            "" | "." => {}
            ".." => {
                aim.pop()?;
            }
            name => aim.push(name),
        }
    }
    let common = own.iter().zip(&aim).take_while(|(a, b)| a == b).count();
    let mut names = vec![".."; own.len() - common];
    names.extend(&aim[common..]);
    let relative = if names.is_empty() { ".".to_owned() } else { names.join("/") };
    path.holds_target(&relative).then_some(relative)
}

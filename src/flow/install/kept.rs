//! Packages that stay as they are when a prefix changes to another bundle: their files get a second name in the new tree,
//! unless somebody touched one since it was installed.
//!
//! The old tree stays whole until the exchange, and loses only names by it. What stays keeps its times, so that make(1)
//! and ninja do not build again what includes it. A touch shows in the time of the last change of an inode, which
//! nobody can set back (inode(7)): none may be later than that of the receipt, which is touched last.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::archive::beneath::Beneath;
use crate::flow::install::packages::InPlace;
use crate::model::bundle::BundlePackage;
use crate::model::link::LinkKind;
use crate::model::package::{Entry, EntryKind};
use crate::model::receipt::{InstalledPackage, RECEIPT_PATH, Receipt};
use crate::model::runtime;
use crate::model::selection::Extent;
use crate::prefix_dir::{PrefixDir, Staging};
use crate::store::unpacked::Placed;

/// What the prefix held before.
pub(super) struct Before<'a> {
    dir: &'a PrefixDir,
    receipt: Box<Receipt>,
    /// When the receipt was written, in seconds since 1970 and nanoseconds.
    written: (i64, i64),
}

impl<'a> Before<'a> {
    /// `None` where nothing of it can stay: it was made for another place, or lies on another file system than the new
    /// tree will.
    pub(super) fn of(dir: &'a PrefixDir, receipt: Option<Box<Receipt>>, staging: &Staging) -> Option<Before<'a>> {
        let receipt = receipt.filter(|receipt| receipt.was_made_for(dir.prefix()))?;
        let folder = dir.prefix().as_path();
        let device = |path: &Path| fs_err::metadata(path).ok().map(|facts| facts.dev());
        if device(folder)? != device(staging.path())? {
            return None;
        }
        let facts = fs_err::symlink_metadata(folder.join(RECEIPT_PATH)).ok()?;
        Some(Before { dir, receipt, written: (facts.ctime(), facts.ctime_nsec()) })
    }

    /// Gives the files of a package a second name in the new tree; `None` when it is another package or less of it,
    /// when one of its files was touched, and when the file system does not let them have one. Nothing of it is there
    /// then.
    pub(super) fn keep(
        &self,
        package: &BundlePackage,
        (link, extent): (LinkKind, Extent),
        staging: &Staging,
    ) -> Option<InPlace> {
        let is_it = |one: &&InstalledPackage| one.name == package.name && one.archive == package.archive;
        let installed = self.receipt.packages.iter().find(is_it)?;
        // Who asks for files of their own gets them.
        if installed.linked > 0 && self.receipt.link != link {
            return None;
        }
        let manifest = self.dir.manifest(installed).ok()?;
        let (manifest, less) = match extent {
            Extent::Full if installed.left_out > 0 => return None,
            Extent::Full => (manifest, 0),
            Extent::Runtime => runtime::without_development(&manifest),
        };
        // Nobody counted which of the files were linked.
        if less > 0 && installed.linked > 0 {
            return None;
        }
        let mut from = Beneath::new(self.dir.prefix().as_path()).ok()?;
        let mut files = manifest.entries.iter().filter(|entry| matches!(entry.kind, EntryKind::File(_)));
        if !files
            .all(|entry| from.changed(&entry.path).is_ok_and(|changed| changed.is_some_and(|at| at <= self.written)))
        {
            return None;
        }
        let mut into = Beneath::new(staging.path()).ok()?;
        for (count, entry) in manifest.entries.iter().enumerate() {
            if !place(entry, &mut from, &mut into) {
                undo(&manifest.entries[..count], staging.path());
                return None;
            }
        }
        let (files, relocated) = (manifest.files().count() as u64, manifest.relocated());
        let placed = Placed { files, relocated, linked: installed.linked };
        Some(InPlace { manifest, placed, left_out: installed.left_out + less })
    }
}

fn place(entry: &Entry, from: &mut Beneath, into: &mut Beneath) -> bool {
    match &entry.kind {
        EntryKind::Folder => into.create_folder(&entry.path).is_ok(),
        EntryKind::Link { target } => into.create_link(&entry.path, target).is_ok(),
        EntryKind::File(_) => into.hard_link(from, &entry.path).unwrap_or(false),
    }
}

/// Removes what was placed of a package; its folders may be another one's too.
fn undo(entries: &[Entry], folder: &Path) {
    for entry in entries.iter().filter(|entry| !matches!(entry.kind, EntryKind::Folder)) {
        // What stays is a file that is there twice, which the unpacker tells.
        let _ = fs_err::remove_file(folder.join(entry.path.as_str()));
    }
}

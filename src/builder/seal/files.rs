//! Seals each file: library paths made relative, placeholders recorded, and the proof that nothing else is left.
//!
//! Does not ask whether libraries are found (`lookup.rs`).

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use crate::audit::leaks::Leak;
use crate::audit::{Fault, Finding};
use crate::builder::seal::tree::{Node, NodeKind};
use crate::builder::seal::{SealError, Sealing, failed, members};
use crate::model::digest::Digest;
use crate::model::package::{EntryPath, FileEntry, Relocations};
use crate::relocate::elf::Facts;
use crate::relocate::elf::library_path::{self, Outcome, SetFault};
use crate::relocate::kind::Kind;
use crate::relocate::origin;
use crate::relocate::residue::Searcher;
use crate::relocate::scan;

/// A file as it will be packaged.
pub struct Sealed {
    pub path: EntryPath,
    pub entry: FileEntry,
    /// What an ELF file says of itself.
    pub facts: Option<Arc<Facts>>,
}

/// Seals all files, in order.
pub fn seal_all(sealing: &Sealing<'_>, nodes: &[Node], findings: &mut Vec<Finding>) -> Result<Vec<Sealed>, SealError> {
    let searcher = Searcher::new(sealing.placeholder, sealing.build_folders);
    let mut files = Vec::new();
    for node in nodes {
        if let NodeKind::File { mode } = node.kind {
            files.push(seal_file(sealing, &searcher, &node.path, mode, findings)?);
        }
    }
    Ok(files)
}

fn seal_file(
    sealing: &Sealing<'_>,
    searcher: &Searcher,
    path: &EntryPath,
    mode: u32,
    findings: &mut Vec<Finding>,
) -> Result<Sealed, SealError> {
    let full = sealing.root.join(path.as_str());
    let mut bytes = fs_err::read(&full).map_err(failed("reading an installed file", &full))?;
    let kind = Kind::of(&bytes);
    let mut find = |fault| findings.push(Finding { file: path.to_string(), fault });
    let mut facts = None;
    if kind == Kind::Elf {
        match settle_library_path(sealing, path, &mut bytes) {
            Ok(Outcome::Unchanged) => {}
            Ok(Outcome::Written) => replace(&full, &bytes, mode)?,
            Err(fault) => find(fault),
        }
        facts = Facts::read(&bytes).ok().map(Arc::new);
    }
    // Packed data carries checksums of its own: nothing in it can be replaced, even where a text lies there plainly.
    let is_packed = matches!(kind, Kind::Compressed(_));
    let relocations = match is_packed {
        true => Relocations::default(),
        false => scan::relocations(&bytes, kind, sealing.placeholder),
    };
    let mut leaks = members::leaks(&bytes, kind, facts.as_deref(), searcher, sealing.build_folders);
    if !is_packed || leaks.is_empty() {
        let recorded = if kind.is_text() { &relocations.text } else { &relocations.fixed };
        let residues = searcher.search(&bytes, recorded, kind.is_text());
        leaks.extend(residues.into_iter().map(|residue| Leak::of(residue, sealing.build_folders, None)));
    }
    leaks.into_iter().for_each(|leak| find(Fault::Leak(leak)));
    let entry = FileEntry { mode, size: bytes.len() as u64, digest: Digest::of(&bytes), relocations };
    Ok(Sealed { path: path.clone(), entry, facts })
}

/// Makes the library path of an ELF file relative to it.
fn settle_library_path(sealing: &Sealing<'_>, path: &EntryPath, bytes: &mut [u8]) -> Result<Outcome, Fault> {
    let unreadable = |reason: String| Fault::Unreadable { reason };
    let facts = Facts::read(bytes).map_err(|fault| unreadable(fault.reason))?;
    let Some(dynamic) = facts.dynamic else { return Ok(Outcome::Unchanged) };
    let Some(found) = dynamic.runpath.or(dynamic.rpath) else { return Ok(Outcome::Unchanged) };
    let wanted = origin::relative_library_path(&found, path.parent().unwrap_or(""), sealing.placeholder);
    library_path::set(bytes, sealing.rpath, &wanted).map_err(|fault| match fault {
        SetFault::NoRoom { needed, room } => Fault::NoRoom { path: wanted, needed, room },
        SetFault::Elf(fault) => unreadable(fault.reason),
        SetFault::Damages => unreadable("another name in it would change with its library path".to_owned()),
    })
}

/// Puts a new file in place of the old one, which may have other names (hard links) or run at this moment.
fn replace(path: &Path, bytes: &[u8], mode: u32) -> Result<(), SealError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let doing = "writing a file with its new library path";
    let write = || {
        let file = tempfile::NamedTempFile::new_in(folder)?;
        fs_err::write(file.path(), bytes)?;
        let mut permissions = file.as_file().metadata()?.permissions();
        permissions.set_mode(mode);
        file.as_file().set_permissions(permissions)?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    };
    write().map_err(failed(doing, path))
}

//! Places the files of an unpacked tree in another folder by links; those that hold the placeholder are copied and
//! patched.
//!
//! Every file is a new name in the folder: nothing that is there is ever written to.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::archive::beneath::Beneath;
use crate::archive::unpack::refuse_space;
use crate::archive::{Error, PIECE};
use crate::at_once;
use crate::model::link::LinkKind;
use crate::model::package::{EntryKind, EntryPath, FileEntry};
use crate::model::prefix::{Placeholder, Prefix};
use crate::relocate::patch::{NoPlaceholder, Replacement};
use crate::store::unpacked::{AT_ONCE, Unpacked};

/// How many files one thread takes at once: folders stay open for their neighbours.
pub(super) const RUN: usize = 256;

/// How many bytes that are copied one thread takes at once, about.
const RUN_BYTES: u64 = 4 << 20;

/// What was placed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Placed {
    pub files: u64,
    /// How many of them hold the prefix.
    pub relocated: u64,
    /// How many are links to the tree, or share its blocks.
    pub linked: u64,
}

impl Unpacked {
    /// Places everything in a folder, which may hold other packages, for the prefix that the folder will be at.
    ///
    /// # Errors
    /// [`Error`]; what was placed before stays in the folder.
    pub fn place(&self, into: &Path, prefix: &Prefix, kind: LinkKind) -> Result<Placed, Error> {
        let replacement = Replacement::new(&self.manifest.placeholder, prefix)?;
        let mut to = Beneath::new(into)?;
        for entry in &self.manifest.entries {
            match &entry.kind {
                EntryKind::Folder => to.create_folder(&entry.path)?,
                EntryKind::Link { target } => to.create_link(&entry.path, target)?,
                EntryKind::File(_) => {}
            }
        }
        let files: Vec<_> = self.manifest.files().collect();
        let placeholder = &self.manifest.placeholder;
        let place = |run: &&[(&EntryPath, &FileEntry)]| {
            let from = Beneath::new(&self.folder.join("files"))?;
            let to = Beneath::new(into)?;
            let mut placer =
                Placer { from, to, kind, prefix, placeholder, replacement: &replacement, buffer: Vec::new() };
            run.iter()
                .try_fold(0, |linked, (path, file)| Ok::<u64, Error>(linked + u64::from(placer.place(path, file)?)))
        };
        let linked = at_once::each(&runs(&files), AT_ONCE, place)?;
        let relocated = files.iter().filter(|(_, file)| !file.relocations.is_empty()).count();
        Ok(Placed { files: files.len() as u64, relocated: relocated as u64, linked: linked.into_iter().sum() })
    }
}

/// Cuts the files into runs: by their number, and by the bytes that are copied.
fn runs<'a, 'b>(files: &'a [(&'b EntryPath, &'b FileEntry)]) -> Vec<&'a [(&'b EntryPath, &'b FileEntry)]> {
    let (mut runs, mut start, mut bytes) = (Vec::new(), 0, 0);
    for (place, (_, file)) in files.iter().enumerate() {
        bytes += if file.relocations.is_empty() { 0 } else { file.size };
        if place + 1 - start == RUN || bytes >= RUN_BYTES || place + 1 == files.len() {
            runs.push(&files[start..=place]);
            (start, bytes) = (place + 1, 0);
        }
    }
    runs
}

/// Places files one after another.
struct Placer<'a> {
    from: Beneath,
    to: Beneath,
    kind: LinkKind,
    prefix: &'a Prefix,
    placeholder: &'a Placeholder,
    replacement: &'a Replacement,
    buffer: Vec<u8>,
}

impl Placer<'_> {
    /// Places a file; whether it is linked, or shares its blocks.
    fn place(&mut self, path: &EntryPath, file: &FileEntry) -> Result<bool, Error> {
        let has_prefix = !file.relocations.is_empty();
        // The length of a text changes; and where the prefix has a space, the first line is looked at while copying.
        let is_copied = !file.relocations.text.is_empty() || has_prefix && self.prefix.has_space();
        match self.kind {
            LinkKind::Hard if !has_prefix && self.to.hard_link(&mut self.from, path)? => Ok(true),
            LinkKind::Reflink if !is_copied => self.reflink(path, file).map(|()| true),
            _ => self.copy(path, file).map(|()| false),
        }
    }

    /// Shares the blocks, and writes the prefix into those that hold the placeholder.
    fn reflink(&mut self, path: &EntryPath, file: &FileEntry) -> Result<(), Error> {
        let from = self.from.open_file(path)?;
        let out = self.to.reflink(&from, path, file.mode)?;
        if file.relocations.fixed.is_empty() {
            return Ok(());
        }
        let padded = self.placeholder.padded(self.prefix)?;
        let mut found = vec![0; padded.len()];
        for offset in &file.relocations.fixed {
            from.read_exact_at(&mut found, *offset).map_err(|error| self.from.failed("reading a file", path, error))?;
            if found != self.placeholder.as_bytes() {
                return Err(Error::NoPlaceholder { path: path.to_string(), offset: *offset });
            }
            out.write_all_at(&padded, *offset).map_err(|error| self.to.failed("writing a file", path, error))?;
        }
        Ok(())
    }

    /// Writes a file of its own, with the prefix in place of each placeholder.
    fn copy(&mut self, path: &EntryPath, file: &FileEntry) -> Result<(), Error> {
        let from = self.from.open_file(path)?;
        let mut out: File = self.to.create_file(path, file.mode)?;
        self.buffer.resize(PIECE, 0);
        let mut patcher = self.replacement.start(&file.relocations);
        let (mut at, mut spare) = (0, Vec::new());
        while at < file.size {
            let count = PIECE.min(usize::try_from(file.size - at).unwrap_or(PIECE));
            let piece = &mut self.buffer[..count];
            from.read_exact_at(piece, at).map_err(|error| self.from.failed("reading a file", path, error))?;
            if at == 0 && self.prefix.has_space() {
                refuse_space(piece, path, file, self.prefix)?;
            }
            let patched = patcher.feed(piece, &mut spare);
            let shown =
                patched.map_err(|NoPlaceholder { offset }| Error::NoPlaceholder { path: path.to_string(), offset })?;
            out.write_all(shown).map_err(|error| self.to.failed("writing a file", path, error))?;
            at += count as u64;
        }
        Ok(())
    }
}

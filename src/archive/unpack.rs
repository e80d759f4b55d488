//! stand-in

use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::archive::{Error, refused};
use crate::model::digest::Digest;
use crate::model::package::{EntryKind, PackageManifest};
use crate::model::prefix::Prefix;

#[derive(Debug, Clone, Default)]
pub struct Limits {}

#[derive(Debug)]
pub struct Unpacked {
    pub manifest: PackageManifest,
    pub files: u64,
    pub relocated: u64,
}

pub fn unpack(reader: impl Read, into: &Path, prefix: &Prefix, _limits: &Limits) -> Result<Unpacked, Error> {
    let mut archive = tar::Archive::new(zstd::Decoder::new(reader).map_err(refused)?);
    let mut manifest: Option<PackageManifest> = None;
    let (mut files, mut relocated) = (0, 0);
    for entry in archive.entries().map_err(refused)? {
        let mut entry = entry.map_err(refused)?;
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).map_err(refused)?;
        let Some(manifest) = &manifest else {
            manifest = Some(PackageManifest::parse(&bytes).map_err(refused)?);
            continue;
        };
        let path = entry.path().map_err(refused)?.to_string_lossy().trim_end_matches('/').to_owned();
        let known = manifest.entries.iter().find(|one| one.path.as_str() == path).ok_or_else(|| refused("stranger"))?;
        let there = into.join(&path);
        match &known.kind {
            EntryKind::Folder => fs_err::create_dir_all(there).map_err(refused)?,
            EntryKind::Link { target } => std::os::unix::fs::symlink(target, there).map_err(refused)?,
            EntryKind::File(file) => {
                if Digest::of(&bytes) != file.digest {
                    return Err(refused(format!("the file `{path}` has another digest")));
                }
                let width = manifest.placeholder.as_bytes().len();
                let padded = manifest.placeholder.padded(prefix).map_err(Error::PrefixTooLong)?;
                for offset in &file.relocations.fixed {
                    let at = *offset as usize;
                    bytes[at..at + width].copy_from_slice(&padded);
                }
                for offset in file.relocations.text.iter().rev() {
                    let at = *offset as usize;
                    bytes.splice(at..at + width, prefix.as_bytes().iter().copied());
                }
                relocated += u64::from(!file.relocations.is_empty());
                files += 1;
                let mut options = std::fs::OpenOptions::new();
                let mut out = options.write(true).create_new(true).mode(file.mode).open(there).map_err(refused)?;
                out.write_all(&bytes).map_err(refused)?;
            }
        }
    }
    let manifest = manifest.ok_or_else(|| refused("no manifest"))?;
    Ok(Unpacked { manifest, files, relocated })
}

//! stand-in

use std::io::Write;
use std::path::Path;

use crate::archive::{Error, refused};
use crate::model::package::{EntryKind, MANIFEST_PATH, PackageManifest};

pub fn pack(manifest: &PackageManifest, tree: &Path, out: &mut dyn Write) -> Result<(), Error> {
    let mut tar = tar::Builder::new(zstd::Encoder::new(out, 3).map_err(refused)?);
    let mut append = |path: &str, kind: tar::EntryType, mode: u32, bytes: &[u8], target: Option<&str>| {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_size(bytes.len() as u64);
        match target {
            Some(target) => tar.append_link(&mut header, path, target),
            None => tar.append_data(&mut header, path, bytes),
        }
        .map_err(refused)
    };
    append(MANIFEST_PATH, tar::EntryType::Regular, 0o644, &manifest.to_json(), None)?;
    for entry in &manifest.entries {
        let path = entry.path.as_str();
        match &entry.kind {
            EntryKind::Folder => append(path, tar::EntryType::Directory, 0o755, b"", None)?,
            EntryKind::Link { target } => append(path, tar::EntryType::Symlink, 0o777, b"", Some(target))?,
            EntryKind::File(file) => {
                let bytes = fs_err::read(tree.join(path)).map_err(refused)?;
                append(path, tar::EntryType::Regular, file.mode, &bytes, None)?;
            }
        }
    }
    tar.into_inner().and_then(zstd::Encoder::finish).map(drop).map_err(refused)
}

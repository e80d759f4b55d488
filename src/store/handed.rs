//! What jobs of one pipeline hand on to each other, as files outside the store: build records in a folder, and bundle
//! manifests that wait for their signature.
//!
//! Packages travel through the channel; a job believes what an earlier one wrote, not what lies on the channel, which
//! others may be able to write to.
//! ```text
//! <folder>/<build key>.json
//! ```

use std::io::Read;
use std::path::Path;

use fs_err as fs;

use crate::model::bundle::{BuildRecord, BundleFault, BundleManifest, LARGEST_MANIFEST};
use crate::model::platform::Platform;
use crate::store::{StoreError, system};

/// Why a file is no bundle manifest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoManifest {
    #[error("{reason}")]
    Unreadable { reason: String },
    #[error("{0}")]
    Fault(BundleFault),
}

/// The manifest in a file, unsigned, and its bytes.
///
/// # Errors
/// [`NoManifest`].
pub fn manifest(file: &Path) -> Result<(BundleManifest, Vec<u8>), NoManifest> {
    let json = bounded(file).map_err(|error| NoManifest::Unreadable { reason: error.to_string() })?;
    Ok((BundleManifest::parse(&json).map_err(NoManifest::Fault)?, json))
}

/// The bytes of a file, of which no more are read than a manifest may have.
fn bounded(file: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    fs::File::open(file)?.take(LARGEST_MANIFEST + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The records of a folder that are of this platform, by name; none where there is no folder yet.
///
/// # Errors
/// [`StoreError::Handed`] for a file `*.json` that is no build record, [`StoreError::System`].
pub fn read(folder: &Path, platform: &Platform) -> Result<Vec<BuildRecord>, StoreError> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(system)?,
    };
    let mut records = Vec::new();
    for entry in entries {
        let path = entry.map_err(system)?.path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let record =
            BuildRecord::parse(&bounded(&path).map_err(system)?).map_err(|fault| StoreError::Handed { path, fault })?;
        if record.platform == *platform {
            records.push(record);
        }
    }
    records.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(records)
}

/// Writes a record to the folder, which is made.
///
/// # Errors
/// [`StoreError::System`].
pub fn write(folder: &Path, record: &BuildRecord) -> Result<(), StoreError> {
    fs::create_dir_all(folder).map_err(system)?;
    fs::write(folder.join(format!("{}.json", record.build_key)), record.to_json()).map_err(system)
}

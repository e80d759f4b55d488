//! What the store remembers beside archives: build records, the last build of a checkout, bundles seen.
//!
//! Does not decide what follows from them: flows do.

use std::path::{Path, PathBuf};

use fs_err as fs;

use crate::model::build_key::BuildKey;
use crate::model::bundle::{BuildRecord, BuiltBundle, BundleRef, record_path};
use crate::model::digest::Digest;
use crate::model::platform::Platform;
use crate::store::{Store, StoreError, system};

/// The newest manifest of a bundle that was taken, as it came, with its signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenBundle {
    pub manifest: Vec<u8>,
    /// `None` from an unsigned channel.
    pub signature: Option<String>,
}

impl Store {
    /// The record of a build key, if there is one.
    ///
    /// # Errors
    /// [`StoreError::Record`] when it is not what was written, [`StoreError::System`].
    pub fn record(&self, platform: &Platform, key: BuildKey) -> Result<Option<BuildRecord>, StoreError> {
        let path = self.cache.join(record_path(platform, key));
        let Some(bytes) = read(&path)? else { return Ok(None) };
        BuildRecord::parse(&bytes).map(Some).map_err(|fault| StoreError::Record { path, fault })
    }

    /// All records of a platform; files that hold none are passed over, as a record never read decides nothing.
    ///
    /// # Errors
    /// [`StoreError::System`] when the folder cannot be listed.
    pub fn records(&self, platform: &Platform) -> Result<Vec<BuildRecord>, StoreError> {
        let folder = self.cache.join("keys").join(platform.id());
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(system(error)),
        };
        let mut records = Vec::new();
        for entry in entries {
            let bytes = fs::read(entry.map_err(system)?.path()).unwrap_or_default();
            records.extend(BuildRecord::parse(&bytes));
        }
        Ok(records)
    }

    /// Keeps the record of a build; a later one of the same key replaces it.
    ///
    /// # Errors
    /// [`StoreError::System`].
    pub fn add_record(&self, record: &BuildRecord) -> Result<(), StoreError> {
        self.write(&self.cache.join(record.path()), &record.to_json())
    }

    /// The last whole build of a checkout for a platform; one that cannot be read is as none.
    pub fn last_build(&self, root: &Path, platform: &Platform) -> Option<BuiltBundle> {
        let bytes = fs::read(self.built_path(root, platform)).ok()?;
        serde_json::from_slice(&bytes).ok()
    }

    /// Keeps what was built last in a checkout.
    ///
    /// # Errors
    /// [`StoreError::System`].
    pub fn set_last_build(&self, root: &Path, built: &BuiltBundle) -> Result<(), StoreError> {
        let mut json = serde_json::to_vec_pretty(built).expect("a built bundle holds only strings, numbers and lists");
        json.push(b'\n');
        self.write(&self.built_path(root, &built.platform), &json)
    }

    fn built_path(&self, root: &Path, platform: &Platform) -> PathBuf {
        let checkout = Digest::of(root.as_os_str().as_encoded_bytes()).short(16);
        self.cache.join("built").join(checkout).join(format!("{platform}.json"))
    }

    /// The newest manifest of a bundle that was taken from anyone who signs for `scope`.
    ///
    /// # Errors
    /// [`StoreError::System`].
    pub fn seen(&self, scope: &str, wanted: &BundleRef) -> Result<Option<SeenBundle>, StoreError> {
        let Some(manifest) = read(&self.seen_path(scope, &wanted.path()))? else { return Ok(None) };
        let signature = read(&self.seen_path(scope, &wanted.signature_path()))?;
        let signature = signature.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        Ok(Some(SeenBundle { manifest, signature }))
    }

    /// Keeps a manifest that was taken.
    ///
    /// # Errors
    /// [`StoreError::System`].
    pub fn set_seen(&self, scope: &str, bundle: &BundleRef, seen: &SeenBundle) -> Result<(), StoreError> {
        if let Some(signature) = &seen.signature {
            self.write(&self.seen_path(scope, &bundle.signature_path()), signature.as_bytes())?;
        }
        self.write(&self.seen_path(scope, &bundle.path()), &seen.manifest)
    }

    fn seen_path(&self, scope: &str, path: &str) -> PathBuf {
        self.cache.join("seen").join(scope).join(path)
    }
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, StoreError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(system(error)),
    }
}

//! Brings the packages of a bundle into a staging folder: from the store, else from a channel; several at once.
//!
//! Does not decide which packages.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use fs_err as fs;

use crate::archive::{self, unpack};
use crate::flow::install::Error;
use crate::model::bundle::BundlePackage;
use crate::model::event::Event;
use crate::model::prefix::Prefix;
use crate::model::receipt::InstalledPackage;
use crate::model::recipe::RecipeName;
use crate::prefix_dir::{PrefixDirError, Staging};
use crate::search::{ArchiveFault, Found, Search};

/// How many packages are fetched and unpacked at once.
const AT_ONCE: usize = 4;

/// Unpacks packages for one prefix.
pub(super) struct Unpacker<'a> {
    pub(super) search: &'a Search<'a>,
    pub(super) staging: &'a Staging<'a>,
    pub(super) prefix: &'a Prefix,
    pub(super) bundle: &'a Found<'a>,
    /// The packages that are not the bundle's, but of this work tree.
    pub(super) built: &'a BTreeSet<RecipeName>,
}

impl Unpacker<'_> {
    /// Places all packages; the first failure stops the others.
    pub(super) fn place_all(&self, packages: &[BundlePackage]) -> Result<Vec<InstalledPackage>, Error> {
        let queue = Mutex::new(packages.iter());
        let (placed, failure) = (Mutex::new(Vec::new()), Mutex::new(None));
        let is_stopped = AtomicBool::new(false);
        let work = || {
            while !is_stopped.load(Ordering::Relaxed) {
                let Some(package) = locked(&queue).next() else { return };
                match self.place(package) {
                    Ok(installed) => locked(&placed).push(installed),
                    Err(fault) => {
                        is_stopped.store(true, Ordering::Relaxed);
                        locked(&failure).get_or_insert((package.name.to_string(), fault));
                    }
                }
            }
        };
        thread::scope(|scope| (0..AT_ONCE.min(packages.len())).for_each(|_| drop(scope.spawn(work))));
        if let Some((name, fault)) = locked(&failure).take() {
            return Err(Error::Package { name, fault: Box::new(fault) });
        }
        let mut placed = std::mem::take(&mut *locked(&placed));
        placed.sort_by(|one: &InstalledPackage, other| one.name.cmp(&other.name));
        Ok(placed)
    }

    fn place(&self, package: &BundlePackage) -> Result<InstalledPackage, PackageFault> {
        let path = self.search.archive(package, self.bundle.channel)?;
        let file = fs::File::open(path).map_err(|error| PackageFault::System { reason: error.to_string() })?;
        let limits = unpack::Limits::default();
        let unpacked = unpack::unpack(file, self.staging.path(), self.prefix, &limits)?;
        let manifest = unpacked.manifest;
        if (&manifest.name, &manifest.platform) != (&package.name, &self.bundle.manifest.platform) {
            return Err(PackageFault::Another { is: format!("{} for {}", manifest.name, manifest.platform) });
        }
        self.staging.keep_manifest(&manifest)?;
        (self.search.tell)(Event::Unpacked { name: package.name.clone(), files: unpacked.files });
        Ok(InstalledPackage {
            name: package.name.clone(),
            version: package.version.clone(),
            archive: package.archive,
            built: self.built.contains(&package.name),
            exports: manifest.exports,
            files: unpacked.files,
            relocated: unpacked.relocated,
        })
    }
}

/// What is behind a lock; a thread that panicked has the whole run panic, so that nothing half-done is used.
fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().expect("a panic in one thread ends the scope of all")
}

/// Why a package was not placed.
#[derive(Debug, thiserror::Error)]
pub enum PackageFault {
    #[error(transparent)]
    Fetch(#[from] ArchiveFault),
    #[error(transparent)]
    Archive(#[from] archive::Error),
    #[error(transparent)]
    PrefixDir(#[from] PrefixDirError),
    /// The archive is a good one of another package.
    #[error("its archive is that of {is}")]
    Another { is: String },
    #[error("{reason}")]
    System { reason: String },
}

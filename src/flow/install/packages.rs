//! Brings the packages of a bundle into a staging folder: from the store, else from a channel; several at once.
//!
//! Does not decide which packages.

use std::collections::BTreeSet;

use fs_err as fs;

use crate::archive::{self, unpack};
use crate::at_once;
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
        let mut ordered: Vec<&BundlePackage> = packages.iter().collect();
        // The largest first: the last to end would be one that began late.
        ordered.sort_by_key(|package| std::cmp::Reverse(package.size));
        let place = |package: &&BundlePackage| {
            self.place(package)
                .map_err(|fault| Error::Package { name: package.name.to_string(), fault: Box::new(fault) })
        };
        let mut placed = at_once::each(&ordered, AT_ONCE, place)?;
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

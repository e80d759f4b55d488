//! Brings the packages of a bundle into a staging folder: from the store, else from a channel; several at once.
//!
//! Does not decide which packages.

use std::collections::BTreeSet;

use fs_err as fs;

use crate::archive::{self, unpack};
use crate::at_once;
use crate::flow::install::Error;
use crate::flow::install::kept::Before;
use crate::model::bundle::BundlePackage;
use crate::model::event::Event;
use crate::model::link::LinkKind;
use crate::model::package::PackageManifest;
use crate::model::prefix::Prefix;
use crate::model::receipt::InstalledPackage;
use crate::model::recipe::RecipeName;
use crate::model::selection::Extent;
use crate::prefix_dir::{PrefixDirError, Staging};
use crate::search::{ArchiveFault, Found, Search};
use crate::store::StoreError;
use crate::store::unpacked::{Placed, UnpackedError};

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
    pub(super) link: LinkKind,
    pub(super) extent: Extent,
    /// What the prefix holds until now.
    pub(super) before: Option<Before<'a>>,
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
        let kept = self.before.as_ref().and_then(|before| before.keep(package, (self.link, self.extent), self.staging));
        let InPlace { manifest, placed, left_out } = match (kept, self.link) {
            (Some(kept), _) => {
                self.staging.keep_manifest(&kept.manifest.name, &kept.manifest.to_json())?;
                kept
            }
            (None, LinkKind::Copy) => self.unpack(package)?,
            (None, LinkKind::Hard | LinkKind::Reflink) => self.link(package)?,
        };
        (self.search.tell)(Event::Unpacked { name: package.name.clone(), files: placed.files });
        Ok(InstalledPackage {
            name: package.name.clone(),
            version: package.version.clone(),
            archive: package.archive,
            built: self.built.contains(&package.name),
            exports: manifest.exports,
            files: placed.files,
            relocated: placed.relocated,
            linked: placed.linked,
            left_out,
        })
    }

    /// Decodes the archive, whose bytes are checked.
    fn unpack(&self, package: &BundlePackage) -> Result<InPlace, PackageFault> {
        let path = self.search.archive(package, self.bundle.channel)?;
        let file = fs::File::open(path).map_err(|error| PackageFault::System { reason: error.to_string() })?;
        let unpacked = unpack::unpack_checked(file, self.staging.path(), self.prefix, self.extent)?;
        self.refuse_another(package, &unpacked.manifest)?;
        self.staging.keep_manifest(&unpacked.manifest.name, &unpacked.manifest.to_json())?;
        let placed = Placed { files: unpacked.files, relocated: unpacked.relocated, linked: 0 };
        Ok(InPlace { manifest: unpacked.manifest, placed, left_out: unpacked.left_out })
    }

    /// Links to the store's unpacked tree, which the archive is decoded for only if it is not there.
    fn link(&self, package: &BundlePackage) -> Result<InPlace, PackageFault> {
        let archive = || Ok::<_, PackageFault>(self.search.archive(package, self.bundle.channel)?);
        let (store, tell) = (self.search.store, self.search.tell);
        let unpacked = store.unpacked(package.archive, package.name.as_str(), archive, tell)?;
        self.refuse_another(package, &unpacked.manifest)?;
        let (unpacked, left_out) = match self.extent {
            Extent::Full => (unpacked, 0),
            Extent::Runtime => unpacked.without_development(),
        };
        let placed = unpacked.place(self.staging.path(), self.prefix, self.link)?;
        self.staging.keep_manifest(&unpacked.manifest.name, &unpacked.json)?;
        Ok(InPlace { manifest: unpacked.manifest, placed, left_out })
    }

    fn refuse_another(&self, package: &BundlePackage, manifest: &PackageManifest) -> Result<(), PackageFault> {
        if (&manifest.name, &manifest.platform) != (&package.name, &self.bundle.manifest.platform) {
            return Err(PackageFault::Another { is: format!("{} for {}", manifest.name, manifest.platform) });
        }
        Ok(())
    }
}

/// A package in the staging folder.
pub(super) struct InPlace {
    /// Of what is there.
    pub(super) manifest: PackageManifest,
    pub(super) placed: Placed,
    /// How many files and links are not there, as they are for development.
    pub(super) left_out: u64,
}

/// Why a package was not placed.
#[derive(Debug, thiserror::Error)]
pub enum PackageFault {
    #[error(transparent)]
    Fetch(#[from] ArchiveFault),
    #[error(transparent)]
    Archive(#[from] archive::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    PrefixDir(#[from] PrefixDirError),
    /// The archive is a good one of another package.
    #[error("its archive is that of {is}")]
    Another { is: String },
    #[error("{reason}")]
    System { reason: String },
}

impl From<UnpackedError> for PackageFault {
    fn from(error: UnpackedError) -> PackageFault {
        match error {
            UnpackedError::Store(error) => PackageFault::Store(error),
            UnpackedError::Archive(error) => PackageFault::Archive(error),
        }
    }
}

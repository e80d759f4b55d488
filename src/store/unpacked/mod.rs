//! Unpacked packages, whose files an install links to instead of decoding the archive again.
//!
//! ```text
//! <cache>/trees/<aa>/<digest>/package.json    the manifest of the package
//! <cache>/trees/<aa>/<digest>/record.json     what each file was when it was unpacked; its time is that of the last use
//! <cache>/trees/<aa>/<digest>/files/…         the package as it was built
//! <cache>/tmp/tree-<digest>/                  one that is being made, by whoever holds `tree-<digest>.lock`
//! ```
//! A tree is made whole, then renamed into its place. Whoever uses one holds its record by a shared lock, and whoever
//! takes one out holds it alone, so that no file vanishes under an install. After a power loss a file system may keep the
//! name of a file and not its bytes: then its size differs, and the tree is made anew.
//!
//! Does not decide who links how (`flow/install/`); how files come from a tree is in `place.rs`.

mod place;
mod record;

use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use fs_err as fs;

use crate::archive::beneath::{Beneath, Facts};
use crate::archive::{self, unpack};
use crate::at_once;
use crate::lock::Lock;
use crate::model::digest::Digest;
use crate::model::event::{Event, Tell};
use crate::model::package::{EntryPath, FileEntry, PackageManifest};
use crate::model::prefix::Prefix;
use crate::model::runtime;
use crate::model::selection::Extent;
use crate::store::keep::{self, Form, Kept};
use crate::store::unpacked::record::Record;
use crate::store::{Store, StoreError, digest_of, system};

pub use crate::store::unpacked::place::Placed;

/// How many threads look at the files of one tree, or place them.
const AT_ONCE: usize = 4;

/// A whole tree, held so that nobody takes it out.
#[derive(Debug)]
pub struct Unpacked {
    folder: PathBuf,
    pub manifest: PackageManifest,
    /// The manifest as bytes.
    pub json: Vec<u8>,
    _held: fs::File,
}

/// What is in the place of a tree.
enum Look {
    Absent,
    /// It is not what was unpacked: the first file that differs.
    Changed(String),
    Whole(Box<Unpacked>),
}

impl Store {
    /// The unpacked tree of a package; made from the archive that `archive` gives, whose bytes it has checked, if there
    /// is none or somebody has changed it. `name` is told to the user.
    ///
    /// # Errors
    /// What `archive` says, [`UnpackedError`].
    pub fn unpacked<E: From<UnpackedError>>(
        &self,
        digest: Digest,
        name: &str,
        archive: impl FnOnce() -> Result<PathBuf, E>,
        tell: Tell,
    ) -> Result<Unpacked, E> {
        if let Look::Whole(unpacked) = self.look_at(digest).map_err(UnpackedError::Store)? {
            return Ok(self.used(digest, *unpacked));
        }
        let lock = self.cache.join("tmp").join(format!("tree-{digest}.lock"));
        let _lock = Lock::take(&lock, &format!("the unpacked tree of {name}"), tell)
            .map_err(|error| UnpackedError::Store(system(error)))?;
        // Whoever held the lock may have made it.
        match self.look_at(digest).map_err(UnpackedError::Store)? {
            Look::Whole(unpacked) => return Ok(self.used(digest, *unpacked)),
            Look::Changed(file) => {
                tell(Event::UnpackedChanged { name: name.to_owned(), file });
                self.remove_tree(digest).map_err(UnpackedError::Store)?;
            }
            Look::Absent => {}
        }
        self.make_tree(digest, &archive()?)?;
        match self.look_at(digest).map_err(UnpackedError::Store)? {
            Look::Whole(unpacked) => Ok(self.used(digest, *unpacked)),
            Look::Changed(_) | Look::Absent => {
                let reason = format!("{} has changed while it was made", self.tree(digest).display());
                Err(UnpackedError::Store(StoreError::System { reason }).into())
            }
        }
    }

    fn used(&self, digest: Digest, unpacked: Unpacked) -> Unpacked {
        keep::mark_used(&unpacked.folder.join("record.json"));
        // A later install that copies needs it.
        if let Some(archive) = self.archive(digest) {
            keep::mark_used(&archive);
        }
        unpacked
    }

    fn tree(&self, digest: Digest) -> PathBuf {
        let digest = digest.to_string();
        self.cache.join("trees").join(&digest[..2]).join(digest)
    }

    fn look_at(&self, digest: Digest) -> Result<Look, StoreError> {
        let folder = self.tree(digest);
        let path = folder.join("record.json");
        let mut held = match fs::File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound && folder.exists() => {
                return Ok(Look::Changed("record.json".to_owned()));
            }
            Err(error) if keep::is_absence(&error) => return Ok(Look::Absent),
            Err(error) => return Err(system(error)),
        };
        held.file().lock_shared().map_err(system)?;
        // Whoever held it alone has taken it out.
        let facts = held.metadata().map_err(system)?;
        if fs::metadata(&path).map(|found| (found.dev(), found.ino())).ok() != Some((facts.dev(), facts.ino())) {
            return Ok(Look::Absent);
        }
        let mut record = Vec::new();
        held.read_to_end(&mut record).map_err(system)?;
        let json = fs::read(folder.join("package.json")).unwrap_or_default();
        let Some(record) = Record::parse(&record) else { return Ok(Look::Changed("record.json".to_owned())) };
        let manifest = PackageManifest::parse(&json).ok();
        let Some(manifest) = manifest.filter(|_| Digest::of(&json) == record.manifest) else {
            return Ok(Look::Changed("package.json".to_owned()));
        };
        let unpacked = Unpacked { folder, manifest, json, _held: held };
        Ok(match unpacked.first_changed(&record) {
            Some(file) => Look::Changed(file),
            None => Look::Whole(Box::new(unpacked)),
        })
    }

    /// Unpacks an archive in a folder of its own, and puts it in its place; holds the lock of the tree.
    fn make_tree(&self, digest: Digest, archive: &Path) -> Result<(), UnpackedError> {
        let staging = Unfinished::new(self.cache.join("tmp").join(format!("tree-{digest}")))?;
        let files = staging.0.join("files");
        fs::create_dir_all(&files).map_err(system)?;
        let open = || fs::File::open(archive).map_err(system);
        let placeholder = unpack::read_manifest(open()?)?.placeholder;
        // At its own placeholder the package stays as it was built.
        let prefix = Prefix::new(placeholder.as_path())
            .map_err(|error| StoreError::System { reason: format!("{}: {error}", archive.display()) })?;
        let manifest = unpack::unpack_checked(open()?, &files, &prefix, Extent::Full)?.manifest;
        let mut below = Beneath::new(&files)?;
        let facts = manifest.files().map(|(path, _)| below.facts(path)).collect::<Result<_, _>>()?;
        let json = manifest.to_json();
        fs::write(staging.0.join("record.json"), Record::new(Digest::of(&json), facts).to_json()).map_err(system)?;
        fs::write(staging.0.join("package.json"), json).map_err(system)?;
        let place = self.tree(digest);
        fs::create_dir_all(place.parent().unwrap_or(&self.cache)).map_err(system)?;
        fs::rename(&staging.0, place).map_err(system)?;
        Ok(())
    }

    /// All unpacked trees, by digest.
    ///
    /// # Errors
    /// [`StoreError::System`] when a folder cannot be listed.
    pub fn trees(&self) -> Result<Vec<Kept>, StoreError> {
        let mut kept = Vec::new();
        for folder in keep::entries(&self.cache.join("trees"))? {
            for path in keep::entries(&folder)? {
                let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                let Ok(digest) = Digest::parse(name) else { continue };
                // Another process may have taken it out meanwhile; one without a record is good for nothing.
                let Ok(facts) = fs::metadata(&path).and_then(|_| fs::metadata(path.join("record.json"))) else {
                    continue;
                };
                let record = fs::read(path.join("record.json")).ok().and_then(|json| Record::parse(&json));
                let size = record.map_or(0, |record| record.size());
                kept.push(Kept { digest, form: Form::Unpacked, size, used: facts.modified().map_err(system)? });
            }
        }
        kept.sort_by_key(|one| one.digest);
        Ok(kept)
    }

    /// Whether every file of a tree has the bytes and the mode of its manifest; `None` when it has gone meanwhile.
    ///
    /// # Errors
    /// [`StoreError::System`].
    pub fn is_whole_tree(&self, digest: Digest) -> Result<Option<bool>, StoreError> {
        let unpacked = match self.look_at(digest)? {
            Look::Absent => return Ok(None),
            Look::Changed(_) => return Ok(Some(false)),
            Look::Whole(unpacked) => unpacked,
        };
        let root = unpacked.folder.join("files");
        let files: Vec<_> = unpacked.manifest.files().collect();
        let whole = at_once::each(&files, AT_ONCE, |(path, file)| {
            // One that cannot be read is as bad as one with other bytes.
            let found = digest_of(&root.join(path.as_str()));
            if found.is_ok_and(|(found, _)| found == file.digest) { Ok(()) } else { Err(()) }
        });
        Ok(Some(whole.is_ok()))
    }

    /// Takes a tree out, once nobody uses it any more.
    ///
    /// # Errors
    /// [`StoreError::System`]; that it has gone already is none.
    pub fn remove_tree(&self, digest: Digest) -> Result<(), StoreError> {
        let place = self.tree(digest);
        let record = fs::OpenOptions::new().read(true).write(true).open(place.join("record.json"));
        // Without a record nobody can be using it.
        let _held = record.and_then(|file| file.file().lock().map(|()| file)).ok();
        let aside = self.cache.join("tmp").join(format!("gone-{digest}-{}", std::process::id()));
        keep::gone(fs::rename(&place, &aside))?;
        keep::gone(fs::remove_dir_all(&aside))
    }
}

impl Unpacked {
    /// The tree as if the package had no development files, and how many files and links it has less.
    #[must_use]
    pub fn without_development(mut self) -> (Unpacked, u64) {
        let (manifest, left_out) = runtime::without_development(&self.manifest);
        self.json = manifest.to_json();
        self.manifest = manifest;
        (self, left_out)
    }

    /// The first file that is not as it was recorded.
    fn first_changed(&self, record: &Record) -> Option<String> {
        let files: Vec<(&EntryPath, &FileEntry)> = self.manifest.files().collect();
        if files.len() != record.files.len() {
            return Some("record.json".to_owned());
        }
        let runs: Vec<_> = files.chunks(place::RUN).zip(record.files.chunks(place::RUN)).collect();
        let look = |(run, recorded): &(&[(&EntryPath, &FileEntry)], &[Facts])| {
            let mut below = Beneath::new(&self.folder.join("files")).map_err(|_| "files".to_owned())?;
            run.iter().zip(*recorded).try_for_each(|((path, file), recorded)| {
                let is_same = below.facts(path).is_ok_and(|facts| facts == *recorded);
                let is_of_manifest = (recorded.0, recorded.1) == (file.mode, file.size);
                if is_same && is_of_manifest { Ok(()) } else { Err(path.to_string()) }
            })
        };
        at_once::each(&runs, AT_ONCE, look).err()
    }
}

/// A folder in which a tree is made; dropping it removes what is still there.
struct Unfinished(PathBuf);

impl Unfinished {
    /// Takes the place of what a killed process left there.
    fn new(path: PathBuf) -> Result<Unfinished, StoreError> {
        keep::gone(fs::remove_dir_all(&path))?;
        fs::create_dir(&path).map_err(system)?;
        Ok(Unfinished(path))
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // It is in its place, or the next one that makes it removes what is left, or `cache gc`.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Why there is no unpacked tree.
#[derive(Debug, thiserror::Error)]
pub enum UnpackedError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Archive(#[from] archive::Error),
}

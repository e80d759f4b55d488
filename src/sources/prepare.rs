//! Makes fetched sources ready for a build: unpacked, laid over each other, patched.
//!
//! Does not fetch. The same sources give the same tree, times included: what comes from a repository has one fixed
//! time, and what a patch changed has the time of the newest file, so that make finds the same things to do.

use std::collections::BTreeMap;
use std::fs::Permissions;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tempfile::TempDir;

use crate::archive::foreign::{self, EntryFault, ForeignError};
use crate::archive::foreign_tree::stays_inside;
use crate::model::recipe::Recipe;
use crate::model::source::{Place, Source, Unpack};
use crate::sources::{Error, Fetched, patch};

/// The time of files that have none of their own: 1980-01-01, the first that zip files can hold.
const FIXED_TIME: Duration = Duration::from_secs(315_532_800);

/// Puts all sources of a recipe into `build_folder`, which is made; `fetched` are its sources in their order.
///
/// # Errors
/// A hostile or broken archive, a `folder` that is not there, a file that two sources hold, a patch that does not
/// apply or applies twice.
pub fn prepare(recipe: &Recipe, recipe_folder: &Path, fetched: &[Fetched], build_folder: &Path) -> Result<(), Error> {
    fs_err::create_dir_all(build_folder).map_err(Error::Disk)?;
    for (source, fetched) in recipe.sources.iter().zip(fetched) {
        let work = Work { recipe, source };
        let into = build_folder.join(&source.into);
        // Beside the build folder: a source is moved from there, not copied.
        let parent = build_folder.parent().unwrap_or(Path::new("."));
        let staging = tempfile::Builder::new().prefix(".source-").tempdir_in(parent).map_err(Error::Disk)?;
        let root = work.unfold(fetched, &staging)?;
        work.lay(&root, &into, Path::new(&source.into))?;
        work.patch(recipe_folder, &into)?;
    }
    Ok(())
}

struct Work<'a> {
    recipe: &'a Recipe,
    source: &'a Source,
}

impl Work<'_> {
    /// The source proper as a folder below the staging folder.
    fn unfold(&self, fetched: &Fetched, staging: &TempDir) -> Result<PathBuf, Error> {
        let root = staging.path().join("source");
        match (fetched, self.source.unpack) {
            (Fetched::Folder(folder), _) => self.copy_folder(folder, folder, &root, 0)?,
            (Fetched::File(file), Unpack::File) => {
                fs_err::create_dir(&root).map_err(Error::Disk)?;
                self.copy_file(file, &root.join(file_name(self.source)))?;
            }
            (Fetched::File(file), Unpack::Archive) => {
                foreign::unpack(file, &root).map_err(|source| self.unpack_error(source))?;
            }
        }
        if self.source.folder.is_empty() {
            return Ok(root);
        }
        self.sub_folder(&root)
    }

    fn sub_folder(&self, root: &Path) -> Result<PathBuf, Error> {
        let folder = root.join(&self.source.folder);
        let mut here = root.to_owned();
        // A link on the way could lead anywhere below; a folder of the source is one, not a link to one.
        let is_real = Path::new(&self.source.folder).components().all(|part| {
            here.push(part);
            matches!(part, Component::Normal(_) | Component::CurDir)
                && std::fs::symlink_metadata(&here).is_ok_and(|metadata| metadata.is_dir())
        });
        if is_real {
            self.settle_links(root, &folder, 0)?;
            return Ok(folder);
        }
        let names = fs_err::read_dir(root).map_err(Error::Disk)?.flatten().filter(|entry| entry.path().is_dir());
        let mut there: Vec<String> = names.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        there.sort();
        Err(Error::NoFolder { recipe: self.recipe.name.clone(), folder: self.source.folder.clone(), there })
    }

    /// Sets links right that lead out of the folder that is used: a file of the rest of the source is copied in place
    /// of the link, what is no file is left out like the rest.
    fn settle_links(&self, root: &Path, folder: &Path, depth: usize) -> Result<(), Error> {
        let root = fs_err::canonicalize(root).map_err(Error::Disk)?;
        for entry in fs_err::read_dir(folder).map_err(Error::Disk)? {
            let entry = entry.map_err(Error::Disk)?;
            let (path, kind) = (entry.path(), entry.file_type().map_err(Error::Disk)?);
            if kind.is_dir() {
                self.settle_links(&root, &path, depth + 1)?;
            } else if kind.is_symlink() {
                let target = fs_err::read_link(&path).map_err(Error::Disk)?;
                if stays_inside(target.as_os_str().as_bytes(), depth) {
                    continue;
                }
                let whole =
                    fs_err::canonicalize(&path).ok().filter(|whole| whole.starts_with(&root) && whole.is_file());
                fs_err::remove_file(&path).map_err(Error::Disk)?;
                if let Some(whole) = whole {
                    let time =
                        fs_err::metadata(&whole).and_then(|metadata| metadata.modified()).map_err(Error::Disk)?;
                    fs_err::copy(&whole, &path).map_err(Error::Disk)?;
                    set_time(&path, time)?;
                }
            }
        }
        Ok(())
    }

    fn unpack_error(&self, source: ForeignError) -> Error {
        Error::Unpack { recipe: self.recipe.name.clone(), source }
    }

    fn refuse(&self, folder: &Path, entry: &Path, fault: EntryFault) -> Error {
        let entry = entry.to_string_lossy().into_owned();
        self.unpack_error(ForeignError::Refused { archive: folder.to_owned(), entry, fault })
    }

    /// Copies a folder beside the recipe, under the rules that hold for archives.
    fn copy_folder(&self, top: &Path, from: &Path, into: &Path, depth: usize) -> Result<(), Error> {
        fs_err::create_dir(into).map_err(Error::Disk)?;
        let mut entries: Vec<_> =
            fs_err::read_dir(from).map_err(Error::Disk)?.collect::<Result<_, _>>().map_err(Error::Disk)?;
        entries.sort_by_key(fs_err::DirEntry::file_name);
        for entry in entries {
            let (path, new) = (entry.path(), into.join(entry.file_name()));
            let kind = entry.file_type().map_err(Error::Disk)?;
            let name = path.strip_prefix(top).unwrap_or(&path);
            if name == Path::new(".git") {
                continue;
            }
            if kind.is_dir() {
                self.copy_folder(top, &path, &new, depth + 1)?;
            } else if kind.is_symlink() {
                let target = fs_err::read_link(&path).map_err(Error::Disk)?;
                if !stays_inside(target.as_os_str().as_bytes(), depth) {
                    let target = target.to_string_lossy().into_owned();
                    return Err(self.refuse(top, name, EntryFault::LinkOut { target }));
                }
                fs_err::os::unix::fs::symlink(target, new).map_err(Error::Disk)?;
            } else if kind.is_file() {
                self.copy_file(&path, &new)?;
            } else {
                return Err(self.refuse(top, name, EntryFault::Device));
            }
        }
        Ok(())
    }

    fn copy_file(&self, from: &Path, into: &Path) -> Result<(), Error> {
        fs_err::copy(from, into).map_err(Error::Disk)?;
        let mode = fs_err::metadata(from).map_err(Error::Disk)?.permissions().mode();
        let mode = if mode & 0o111 == 0 { 0o644 } else { 0o755 };
        fs_err::set_permissions(into, Permissions::from_mode(mode)).map_err(Error::Disk)?;
        set_time(into, UNIX_EPOCH + FIXED_TIME)
    }

    /// Moves a tree over what is there already; no file may be there twice. `shown` is `into` from the build folder.
    fn lay(&self, root: &Path, into: &Path, shown: &Path) -> Result<(), Error> {
        fs_err::create_dir_all(into).map_err(Error::Disk)?;
        for entry in fs_err::read_dir(root).map_err(Error::Disk)? {
            let entry = entry.map_err(Error::Disk)?;
            let (path, new, shown) = (entry.path(), into.join(entry.file_name()), shown.join(entry.file_name()));
            match std::fs::symlink_metadata(&new) {
                Err(_) => fs_err::rename(&path, &new).map_err(Error::Disk)?,
                Ok(there) if there.is_dir() && entry.file_type().map_err(Error::Disk)?.is_dir() => {
                    self.lay(&path, &new, &shown)?;
                }
                Ok(_) => {
                    let path = shown.display().to_string();
                    return Err(Error::Twice { recipe: self.recipe.name.clone(), path });
                }
            }
        }
        Ok(())
    }

    fn patch(&self, recipe_folder: &Path, folder: &Path) -> Result<(), Error> {
        if self.source.patches.is_empty() {
            return Ok(());
        }
        let before = times(folder)?;
        for name in &self.source.patches {
            patch::apply(&self.recipe.name, name, &recipe_folder.join(name), folder)?;
        }
        let newest = before.values().max().copied().unwrap_or(UNIX_EPOCH + FIXED_TIME);
        for (path, time) in times(folder)? {
            if before.get(&path) != Some(&time) {
                set_time(&path, newest)?;
            }
        }
        Ok(())
    }
}

/// The name of a source that stays one file: as the first place that has a name for it says.
pub fn file_name(source: &Source) -> String {
    let named = |place: &&Place| matches!(place, Place::Url(_) | Place::Debian(_) | Place::Path(_));
    let text = match source.places.iter().find(named).or(source.places.first()) {
        Some(Place::Url(text) | Place::Debian(text) | Place::Path(text)) => text.clone(),
        Some(Place::Crate { name, version }) => format!("{name}-{version}.crate"),
        Some(Place::Pypi { name, version }) => format!("{name}-{version}"),
        Some(Place::Git { .. } | Place::WorkingCopy(_)) | None => String::new(),
    };
    let path = text.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
    let name = path.rsplit('/').next().unwrap_or_default();
    if matches!(name, "" | "." | "..") { "source".to_owned() } else { name.to_owned() }
}

/// The times of all files of a tree.
fn times(folder: &Path) -> Result<BTreeMap<PathBuf, SystemTime>, Error> {
    let mut times = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs_err::read_dir(folder).map_err(Error::Disk)? {
            let entry = entry.map_err(Error::Disk)?;
            let metadata = entry.metadata().map_err(Error::Disk)?;
            if metadata.is_dir() {
                open.push(entry.path());
            } else if metadata.is_file() {
                times.insert(entry.path(), metadata.modified().map_err(Error::Disk)?);
            }
        }
    }
    Ok(times)
}

fn set_time(path: &Path, time: SystemTime) -> Result<(), Error> {
    let file = fs_err::OpenOptions::new().write(true).open(path).map_err(Error::Disk)?;
    file.file().set_modified(time).map_err(Error::Disk)
}

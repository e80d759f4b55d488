//! The recipes folder as it lies in the work tree, as the git tree that committing it would make.
//!
//! Files that are ignored and not committed do not count, empty folders neither. Content is taken as it is: line
//! endings and filters of `.gitattributes` are not applied, which is why `tagalong init` switches them off there.

use std::fs::Metadata;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use gix::ObjectId;
use gix::bstr::{BString, ByteSlice};
use gix::hash::Kind as Hash;
use gix::objs::tree::{Entry, EntryKind};
use gix::objs::{Kind, Tree, WriteTo};

use crate::checkout::Checkout;
use crate::checkout::error::Error;
use crate::checkout::ignores::Ignores;
use crate::checkout::recipes::{Child, children};
use crate::model::project::RECIPES_FOLDER;

/// A folder of the work tree as a tree: its id and its entries.
pub struct Folder {
    pub id: ObjectId,
    pub children: Vec<Child>,
}

impl Checkout {
    /// The git tree id of the recipes folder as it lies on disk; `None` where there are no recipes.
    ///
    /// # Errors
    /// When a file of it cannot be read.
    pub fn recipes_tree_on_disk(&self) -> Result<Option<String>, Error> {
        Ok(self.recipes_on_disk(self.committed_tree()?)?.map(|folder| folder.id.to_string()))
    }

    /// The recipes folder on disk; `committed` is the recipes tree of HEAD.
    pub(super) fn recipes_on_disk(&self, committed: Option<ObjectId>) -> Result<Option<Folder>, Error> {
        self.folder_on_disk(RECIPES_FOLDER, committed)
    }

    /// What tells apart the states of the recipes on disk, those of overlays in the checkout and the pins of others
    /// among them: the tree id of [`Checkout::recipes_tree_on_disk`] where there are none.
    ///
    /// # Errors
    /// When a file of them cannot be read.
    pub fn recipes_state_on_disk(&self) -> Result<Option<String>, Error> {
        let folder = self.recipes_on_disk(self.committed_tree()?)?;
        if self.project.overlays.is_empty() {
            return Ok(folder.map(|folder| folder.id.to_string()));
        }
        let mut all = self.on_disk_with_overlays(folder.map(|folder| folder.children).unwrap_or_default())?;
        all.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(Some(tree_id(&all)?.to_string()))
    }

    /// A folder of the work tree, by its path from the root; `committed` is the tree that HEAD has there.
    pub(super) fn folder_on_disk(&self, place: &str, committed: Option<ObjectId>) -> Result<Option<Folder>, Error> {
        let Some(root) = &self.root else { return Ok(None) };
        let path = root.join(place);
        match fs_err::symlink_metadata(&path) {
            Ok(facts) if facts.is_dir() => {}
            Ok(_) => return Ok(None),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::unreadable(&error)),
        }
        let config = self.repository.config_snapshot();
        let mut reading = Reading {
            repository: &self.repository,
            ignores: Ignores::of_work_tree(&self.repository, root)?,
            has_modes: config.boolean("core.fileMode").unwrap_or(true),
        };
        let mut is_ignored = false;
        for (end, _) in place.match_indices('/') {
            let above = BString::from(&place[..end]);
            is_ignored |= reading.ignores.is_ignored(&above, true);
            reading.ignores.enter(&root.join(&place[..end]), &above)?;
        }
        let place = BString::from(place);
        is_ignored |= reading.ignores.is_ignored(&place, true);
        reading.folder(&path, &place, committed, is_ignored)
    }
}

/// One reading of the folder.
struct Reading<'a> {
    repository: &'a gix::Repository,
    ignores: Ignores,
    has_modes: bool,
}

impl Reading<'_> {
    /// Reads a folder; `committed` is the tree that HEAD has at its place. `None` for one without files.
    fn folder(
        &mut self,
        path: &Path,
        place: &BString,
        committed: Option<ObjectId>,
        is_ignored: bool,
    ) -> Result<Option<Folder>, Error> {
        let committed = match committed {
            Some(tree) => children(self.repository, &tree)?,
            None => Vec::new(),
        };
        self.ignores.enter(path, place)?;
        let mut found = Vec::new();
        for entry in fs_err::read_dir(path).map_err(|error| Error::unreadable(&error))? {
            let entry = entry.map_err(|error| Error::unreadable(&error))?;
            let name = BString::from(entry.file_name().as_bytes());
            if name == ".git" {
                continue;
            }
            let known = committed.iter().find(|child| child.name == name);
            let facts = entry.metadata().map_err(|error| Error::unreadable(&error))?;
            let place = BString::from([place.as_bytes(), b"/", name.as_bytes()].concat());
            let is_ignored = is_ignored || self.ignores.is_ignored(&place, facts.is_dir());
            if is_ignored && known.is_none() {
                continue;
            }
            found.extend(self.child(&entry.path(), &place, name, (&facts, known, is_ignored))?);
        }
        self.ignores.leave();
        if found.is_empty() {
            return Ok(None);
        }
        found.sort_by(|a, b| gix::objs::tree::name_order(&a.name, a.mode.is_tree(), &b.name, b.mode.is_tree()));
        let id = tree_id(&found)?;
        Ok(Some(Folder { id, children: found }))
    }

    fn child(
        &mut self,
        path: &Path,
        place: &BString,
        name: BString,
        (facts, known, is_ignored): (&Metadata, Option<&Child>, bool),
    ) -> Result<Option<Child>, Error> {
        let kind = facts.file_type();
        if kind.is_dir() {
            if let Some(submodule) = known.filter(|child| child.mode.is_commit()) {
                return Ok(Some(submodule.clone()));
            }
            let below = known.filter(|child| child.mode.is_tree()).map(|child| child.id);
            let folder = self.folder(path, place, below, is_ignored)?;
            return Ok(folder.map(|folder| Child { name, mode: EntryKind::Tree.into(), id: folder.id }));
        }
        if kind.is_symlink() {
            let aim = fs_err::read_link(path).map_err(|error| Error::unreadable(&error))?;
            let id = gix::objs::compute_hash(Hash::Sha1, Kind::Blob, aim.as_os_str().as_bytes())
                .map_err(|error| Error::git("hash a link", &error))?;
            return Ok(Some(Child { name, mode: EntryKind::Link.into(), id }));
        }
        if !kind.is_file() {
            // git does not know sockets, pipes and devices.
            return Ok(None);
        }
        let is_executable = match known.filter(|_| !self.has_modes) {
            Some(known) => known.mode.kind() == EntryKind::BlobExecutable,
            None => self.has_modes && facts.permissions().mode() & 0o100 != 0,
        };
        let mode = if is_executable { EntryKind::BlobExecutable } else { EntryKind::Blob };
        Ok(Some(Child { name, mode: mode.into(), id: blob_id(path, facts.len())? }))
    }
}

fn blob_id(path: &Path, length: u64) -> Result<ObjectId, Error> {
    let mut file = fs_err::File::open(path).map_err(|error| Error::unreadable(&error))?;
    let never = AtomicBool::new(false);
    let mut silent = gix::utils::progress::Discard;
    gix::objs::compute_stream_hash(Hash::Sha1, Kind::Blob, &mut file, length, &mut silent, &never)
        .map_err(|error| Error::Unreadable { reason: format!("cannot hash `{}`: {error}", path.display()) })
}

fn tree_id(children: &[Child]) -> Result<ObjectId, Error> {
    let entry = |child: &Child| Entry { mode: child.mode, filename: child.name.clone(), oid: child.id };
    let tree = Tree { entries: children.iter().map(entry).collect() };
    let mut bytes = Vec::new();
    tree.write_to(&mut bytes)
        .map_err(|error| Error::Git { doing: "write a tree".to_owned(), reason: error.to_string() })?;
    gix::objs::compute_hash(Hash::Sha1, Kind::Tree, &bytes).map_err(|error| Error::git("hash a tree", &error))
}

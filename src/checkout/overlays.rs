//! The folders of recipes beside the project's own (`[[recipes]]`), as far as this history knows them.
//!
//! ```text
//! path in the checkout     its git tree, as of the recipes folder itself
//! path in a submodule      the commit that the submodule is pinned to
//! git                      the commit that tagalong.toml pins
//! path outside of it       only that it is named: its content is not under this history
//! ```
//! The nearest folder that has a recipe wins, as when they are built. Does not read the recipes (`recipe_folder/`).

use std::collections::BTreeSet;
use std::path::{Component, Path};

use gix::ObjectId;
use gix::bstr::BString;
use gix::objs::tree::EntryKind;

use crate::checkout::Checkout;
use crate::checkout::error::Error;
use crate::checkout::recipes::{self, Child};
use crate::model::project::{Overlay, PROJECT_FILE};
use crate::project_file;

/// Where an overlay is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    /// From the root of the checkout.
    Inside(String),
    /// As tagalong.toml names it, and the commit if it has one.
    Pinned(String, Option<ObjectId>),
}

impl Checkout {
    /// The overlays that tagalong.toml names at a commit; those at hand where it cannot be read there.
    pub(super) fn overlays_at(&self, commit: ObjectId) -> Result<Vec<Overlay>, Error> {
        let Some(file) = recipes::at(&self.repository, commit, PROJECT_FILE)?.filter(|child| child.mode.is_blob())
        else {
            return Ok(Vec::new());
        };
        let object = self.repository.try_find_object(file.id).ok().flatten();
        let Some(text) = object.and_then(|object| String::from_utf8(object.detach().data).ok()) else {
            return Ok(self.project.overlays.clone());
        };
        // Most have none, and need not be parsed for that.
        if !text.contains("recipes") {
            return Ok(Vec::new());
        }
        let project = project_file::parse(PROJECT_FILE, &text);
        Ok(project.map_or_else(|_| self.project.overlays.clone(), |project| project.overlays))
    }

    /// The recipes of a commit with those of the overlays that it names.
    pub(super) fn with_overlays(
        &self,
        own: Vec<Child>,
        overlays: &[Overlay],
        commit: Option<ObjectId>,
    ) -> Result<Vec<Child>, Error> {
        let mut all = Merged::new(own);
        for overlay in overlays {
            match self.place(overlay) {
                Place::Pinned(name, id) => all.pin(&name, id),
                Place::Inside(path) => {
                    let child =
                        commit.map(|commit| recipes::at(&self.repository, commit, &path)).transpose()?.flatten();
                    match child {
                        Some(child) if child.mode.is_commit() => all.pin(&path, Some(child.id)),
                        Some(child) if child.mode.is_tree() => all.add(recipes::children(&self.repository, &child.id)?),
                        _ => {}
                    }
                }
            }
        }
        Ok(all.children)
    }

    /// The recipes of the work tree with those of the overlays that it names.
    pub(super) fn on_disk_with_overlays(&self, own: Vec<Child>) -> Result<Vec<Child>, Error> {
        let mut all = Merged::new(own);
        let head = self.head_id()?;
        for overlay in &self.project.overlays {
            match self.place(overlay) {
                Place::Pinned(name, id) => all.pin(&name, id),
                Place::Inside(path) => {
                    let known = head.map(|head| recipes::at(&self.repository, head, &path)).transpose()?.flatten();
                    match known {
                        Some(child) if child.mode.is_commit() => all.pin(&path, Some(child.id)),
                        known => {
                            let committed = known.filter(|child| child.mode.is_tree()).map(|child| child.id);
                            let folder = self.folder_on_disk(&path, committed)?;
                            all.add(folder.map(|folder| folder.children).unwrap_or_default());
                        }
                    }
                }
            }
        }
        Ok(all.children)
    }

    /// The overlays at hand whose content is not under this history, as tagalong.toml names them.
    pub(super) fn overlays_beyond(&self) -> Vec<String> {
        let beyond = |overlay: &Overlay| match self.place(overlay) {
            Place::Pinned(name, None) => Some(name),
            _ => None,
        };
        self.project.overlays.iter().filter_map(beyond).collect()
    }

    fn place(&self, overlay: &Overlay) -> Place {
        match overlay {
            Overlay::Git { url, commit, folder } => {
                let name = if folder.is_empty() { url.clone() } else { format!("{url} {folder}") };
                Place::Pinned(name, ObjectId::from_hex(commit.as_bytes()).ok())
            }
            Overlay::Path(path) => match self.inside(path) {
                Some(inside) => Place::Inside(inside),
                None => Place::Pinned(path.clone(), None),
            },
        }
    }

    /// The path from the root of the checkout; `None` for one that leads out of it.
    fn inside(&self, path: &str) -> Option<String> {
        let path = Path::new(path);
        let path = if path.is_absolute() { path.strip_prefix(self.root.as_ref()?).ok()? } else { path };
        let mut names: Vec<&str> = Vec::new();
        for part in path.components() {
            match part {
                Component::CurDir => {}
                Component::ParentDir => drop(names.pop()?),
                Component::Normal(name) => names.push(name.to_str()?),
                Component::RootDir | Component::Prefix(_) => return None,
            }
        }
        (!names.is_empty()).then(|| names.join("/"))
    }
}

/// Recipes of several folders, the nearest first.
struct Merged {
    children: Vec<Child>,
    names: BTreeSet<BString>,
}

impl Merged {
    fn new(own: Vec<Child>) -> Merged {
        Merged { names: own.iter().map(|child| child.name.clone()).collect(), children: own }
    }

    /// Only folders are recipes, and only those whose name no nearer folder has.
    fn add(&mut self, children: Vec<Child>) {
        for child in children.into_iter().filter(|child| child.mode.is_tree()) {
            if self.names.insert(child.name.clone()) {
                self.children.push(child);
            }
        }
    }

    /// A folder that counts by its commit, under its own name, which no recipe has: there is a `/` in it or a `.` ahead.
    fn pin(&mut self, name: &str, commit: Option<ObjectId>) {
        let id = commit.unwrap_or_else(|| ObjectId::null(gix::hash::Kind::Sha1));
        let name = if name.contains('/') { name.to_owned() } else { format!("./{name}") };
        self.children.push(Child { name: BString::from(name), mode: EntryKind::Commit.into(), id });
    }
}

//! States of the recipes: on disk, at a commit, in a tree that a bundle was built from; and the deps tags one by one.
//!
//! Decides nothing: `resolve.rs` knows the law.

use std::collections::BTreeSet;
use std::iter;

use gix::ObjectId;

use crate::checkout::error::Error;
use crate::checkout::history::Commits;
use crate::checkout::recipes::{self, Child, Drift};
use crate::checkout::{Checkout, Resolution, Wanted, tags};
use crate::nearest::{self, History};

/// How many tags back bundles are looked for.
const MOST_TAGS_BACK: usize = 4;

/// The recipes as they lie on disk.
pub struct RecipesState {
    /// The git tree id; `None` where there are no recipes.
    pub id: Option<String>,
    children: Vec<Child>,
}

impl RecipesState {
    /// Whether a recipe, or a file beside them, is in the project's own folder.
    pub fn has(&self, name: &str) -> bool {
        self.children.iter().any(|child| child.name == name)
    }
}

/// One deps tag of the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagState {
    pub name: String,
    pub commit: String,
    /// When it was made, in seconds since 1970; the commit's date for a lightweight tag.
    pub date: i64,
    /// The commits from HEAD that it does not reach; `None` where HEAD does not reach it.
    pub distance: Option<u64>,
    /// The recipes tree at its commit.
    pub recipes: Option<String>,
}

impl Checkout {
    /// The recipes on disk.
    ///
    /// # Errors
    /// When a file of them cannot be read.
    pub fn recipes_state(&self) -> Result<RecipesState, Error> {
        let folder = self.recipes_on_disk(self.committed_tree()?)?;
        let id = folder.as_ref().map(|folder| folder.id.to_string());
        Ok(RecipesState { id, children: folder.map(|folder| folder.children).unwrap_or_default() })
    }

    /// The recipes tree of HEAD; `None` on an unborn branch, and where there are no recipes.
    ///
    /// # Errors
    /// When the repository cannot be read.
    pub fn committed_recipes(&self) -> Result<Option<String>, Error> {
        Ok(self.committed_tree()?.map(|id| id.to_string()))
    }

    pub(super) fn committed_tree(&self) -> Result<Option<ObjectId>, Error> {
        match self.head_id()? {
            Some(head) => recipes::tree_of(&self.repository, head),
            None => Ok(None),
        }
    }

    /// The recipes tree at a revision.
    ///
    /// # Errors
    /// [`Error::NoCommit`] when it names no commit.
    pub fn recipes_at(&self, revision: &str) -> Result<Option<String>, Error> {
        let Some(commit) = self.start(Some(revision))? else { return Ok(None) };
        Ok(recipes::tree_of(&self.repository, commit)?.map(|id| id.to_string()))
    }

    /// What of a state is not as in a recipes tree; `None` where the repository does not have that tree.
    pub fn drift_from(&self, tree: &str, state: &RecipesState) -> Option<Vec<Drift>> {
        if state.id.as_deref() == Some(tree) {
            return Some(Vec::new());
        }
        let id = ObjectId::from_hex(tree.as_bytes()).ok()?;
        let was = recipes::children(&self.repository, &id).ok()?;
        Some(recipes::differences(&was, &[&state.children]))
    }

    /// What two recipes trees do not share; `None` where the repository does not have one of them.
    pub fn drift_between(&self, was: Option<&str>, is: Option<&str>) -> Option<Vec<Drift>> {
        let children = |tree: Option<&str>| match tree {
            None => Some(Vec::new()),
            Some(tree) => recipes::children(&self.repository, &ObjectId::from_hex(tree.as_bytes()).ok()?).ok(),
        };
        Some(recipes::differences(&children(was)?, &[&children(is)?]))
    }

    /// A file of a recipe in a recipes tree; `None` where there is none.
    pub fn file_in(&self, tree: &str, recipe: &str, file: &str) -> Option<Vec<u8>> {
        let mut id = ObjectId::from_hex(tree.as_bytes()).ok()?;
        for name in [recipe, file] {
            id = recipes::children(&self.repository, &id).ok()?.into_iter().find(|child| child.name == name)?.id;
        }
        Some(self.repository.try_find_object(id).ok()??.detach().data)
    }

    /// The nearest tag of HEAD, then that of its tagged commit's parent, and so on, a few tags back: what is older was
    /// seldom built from the same recipes. It ends where there is no tag, or several nearest ones.
    pub fn tags_back(&self) -> impl Iterator<Item = Resolution> {
        let before = |after: &Resolution| Some(format!("{}^", after.tagged_commit.as_ref()?));
        let nearest = |commit| self.resolve(&Wanted { commit, forced: None }).ok();
        iter::successors(nearest(None), move |after| nearest(Some(before(after)?))).take(MOST_TAGS_BACK)
    }

    /// The deps tags of the repository, the newest first.
    ///
    /// # Errors
    /// When a tag or the history cannot be read.
    pub fn deps_tags(&self) -> Result<Vec<TagState>, Error> {
        let repository = &self.repository;
        let mut commits = Commits::new(repository)?;
        let head = self.head_id()?.map(|id| commits.number(&id));
        let mut found = Vec::new();
        for tag in tags::list(repository, &self.project().tags)? {
            let id = tags::peel(repository, &commits, &tag)?;
            if !tags::is_commit(repository, &id) {
                continue;
            }
            let commit = commits.number(&id);
            let date = match tags::date(repository, &tag)? {
                Some(date) => date,
                None => commits.facts(commit)?.date,
            };
            let distance = match head {
                Some(head) => {
                    let found = nearest::maximal(&mut commits, head, &[commit])?;
                    (!found.nearest.is_empty()).then_some(found.distance)
                }
                None => None,
            };
            let recipes = recipes::tree_of(repository, id)?.map(|id| id.to_string());
            found.push(TagState { name: tag.name, commit: id.to_string(), date, distance, recipes });
        }
        found.sort_by(|one, other| (other.date, &one.name).cmp(&(one.date, &other.name)));
        Ok(found)
    }

    /// The names of the deps tags, of which some may name no commit.
    ///
    /// # Errors
    /// When a tag cannot be read.
    pub fn deps_tag_names(&self) -> Result<BTreeSet<String>, Error> {
        Ok(tags::list(&self.repository, &self.project().tags)?.into_iter().map(|tag| tag.name).collect())
    }

    /// Whether a tag of this name is in the repository, deps tag or not.
    ///
    /// # Errors
    /// When its ref cannot be read.
    pub fn has_tag(&self, name: &str) -> Result<bool, Error> {
        Ok(tags::named(&self.repository, name)?.is_some())
    }

    /// The branch that HEAD is on; `None` for a detached one.
    ///
    /// # Errors
    /// [`Error::Git`] when HEAD cannot be read.
    pub fn branch(&self) -> Result<Option<String>, Error> {
        let name = self.repository.head_name().map_err(|error| Error::git("read HEAD", &error))?;
        Ok(name.map(|name| name.shorten().to_string()))
    }

    /// Whether the history at hand ends before its beginning.
    pub fn is_shallow(&self) -> bool {
        // A border that cannot be read is met again when the history is walked.
        self.repository.is_shallow().unwrap_or(false)
    }
}

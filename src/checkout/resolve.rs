//! Resolving: the deps tag that belongs to a commit, by force or by the law, with all that is to be told about it.
//!
//! The law is `nearest.rs`; here it meets names, dates, recipes and the shallow border.

use std::cmp::Reverse;

use gix::ObjectId;

use crate::checkout::error::Error;
use crate::checkout::history::Commits;
use crate::checkout::recipes::{self, Drift};
use crate::checkout::tags::{self, TagRef};
use crate::checkout::{Checkout, disk};
use crate::model::event::{Event, Tell};
use crate::model::project::Walk;
use crate::model::tag::DepsTag;
use crate::nearest::{self, Commit, History};

/// The names of HEAD (gitrevisions(7)).
const HEAD: [&str; 2] = ["HEAD", "@"];

/// What is asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// A revision as git understands it; HEAD by default.
    pub commit: Option<String>,
    /// A tag that overrides the history.
    pub forced: Option<Forced>,
}

/// A tag that the user names instead of the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forced {
    pub tag: String,
    /// `--tag` or `FORCED_DEPS_TAG`.
    pub by: &'static str,
}

impl Forced {
    /// `--tag` wins over `FORCED_DEPS_TAG`.
    pub fn of(flag: Option<String>, variable: Option<String>) -> Option<Forced> {
        let forced = |by| move |tag| Forced { tag, by };
        flag.map(forced("--tag")).or_else(|| variable.map(forced("FORCED_DEPS_TAG")))
    }
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolution {
    pub tag: DepsTag,
    /// The commit asked for; `None` on an unborn branch, where only force gives a tag.
    pub commit: Option<String>,
    /// `None` for a forced tag that the repository does not have: a candidate of a channel.
    pub tagged_commit: Option<String>,
    /// The commits that can be reached from the commit and not from the tagged one; `None` for a forced tag.
    pub distance: Option<u64>,
    pub forced: Option<Forced>,
    /// Whether a deeper history could change the answer.
    pub shallow: bool,
    /// The nearest tagged commits: the answer's alone, or the several that the recipes decided between.
    pub candidates: Vec<Candidate>,
    /// The other deps tags on the tagged commit.
    pub other_tags: Vec<String>,
    pub drift: Vec<Drift>,
    /// Folders of recipes that tagalong.toml names and that are not under this history: their drift is not known.
    pub beyond: Vec<String>,
    /// Whether drift could be told: the tag is in the repository, and its trees too.
    pub drift_is_known: bool,
    /// The id of the recipes tree at the tagged commit.
    pub recipes_of_tag: Option<String>,
    /// The id of the recipes tree at the commit.
    pub recipes: Option<String>,
}

impl Resolution {
    /// Tells what a user should know about the answer.
    pub fn tell(&self, tell: Tell<'_>) {
        let tag = self.tag.to_string();
        if let Some(forced) = &self.forced {
            tell(Event::TagForced { tag: tag.clone(), by: forced.by });
            if self.tagged_commit.is_none() {
                tell(Event::TagNotHere { tag: tag.clone() });
            }
        }
        if self.shallow {
            tell(Event::ShallowHistory);
        }
        if self.tagged_commit.is_some() && !self.drift_is_known {
            tell(Event::DriftUnknown { tag: tag.clone() });
        }
        if !self.beyond.is_empty() {
            tell(Event::NotInHistory { folders: self.beyond.clone() });
        }
        if !self.drift.is_empty() {
            let recipe = |drift: &Drift| format!("{} ({})", drift.recipe.escape_debug(), drift.change.name());
            tell(Event::Drifted { tag, recipes: self.drift.iter().map(recipe).collect() });
        }
    }
}

/// A tagged commit that could be the nearest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The newest of its tags, which may be a name that is not taken.
    pub tag: String,
    pub commit: String,
    pub distance: u64,
}

impl Checkout {
    /// Finds the deps tag of a commit by the law of the project.
    ///
    /// # Errors
    /// [`Error::NoTag`], [`Error::ShallowNoTag`], [`Error::Ambiguous`], [`Error::HostileTag`],
    /// [`Error::ForcedName`], [`Error::NoCommit`], [`Error::Unborn`], and what is wrong with the repository.
    pub fn resolve(&self, wanted: &Wanted) -> Result<Resolution, Error> {
        let is_head = wanted.commit.as_deref().is_none_or(|commit| HEAD.contains(&commit));
        let commit = self.start(wanted.commit.as_deref())?;
        let mut resolution = match (&wanted.forced, commit) {
            (Some(forced), commit) => self.forced(forced, commit)?,
            (None, Some(commit)) => self.walk(commit)?,
            (None, None) => return Err(self.unborn()),
        };
        match self.compare(&mut resolution, is_head) {
            // In a partial clone the trees may be elsewhere; the tag is known all the same.
            Err(Error::Missing { is_partial: true, .. }) => resolution.drift_is_known = false,
            outcome => outcome?,
        }
        Ok(resolution)
    }

    /// The commit that a revision names; `None` for HEAD of an unborn branch.
    pub(super) fn start(&self, given: Option<&str>) -> Result<Option<ObjectId>, Error> {
        let Some(given) = given else { return self.head_id() };
        let wrong = |reason: String| Error::NoCommit { given: given.to_owned(), reason };
        if HEAD.contains(&given) {
            return self.head_id();
        }
        let id = self.repository.rev_parse_single(given).map_err(|error| wrong(error.to_string()))?.detach();
        let commit = tags::peel_object(&self.repository, id)?;
        if !tags::is_commit(&self.repository, &commit) {
            return Err(wrong("it names something else".to_owned()));
        }
        Ok(Some(commit))
    }

    fn unborn(&self) -> Error {
        let name = self.repository.head_name().ok().flatten();
        Error::Unborn { branch: name.map(|name| name.shorten().to_string()).unwrap_or_default() }
    }

    fn forced(&self, forced: &Forced, commit: Option<ObjectId>) -> Result<Resolution, Error> {
        let by = forced.by;
        let tag = DepsTag::parse(&forced.tag).map_err(|error| Error::ForcedName { by, error })?;
        let tagged = tags::named(&self.repository, tag.as_str())?;
        if tagged.is_some_and(|id| !tags::is_commit(&self.repository, &id)) {
            return Err(Error::NoCommit {
                given: forced.tag.clone(),
                reason: "the tag is on something else".to_owned(),
            });
        }
        Ok(Resolution {
            tag,
            commit: commit.map(|id| id.to_string()),
            tagged_commit: tagged.map(|id| id.to_string()),
            distance: None,
            forced: Some(forced.clone()),
            shallow: false,
            candidates: Vec::new(),
            other_tags: Vec::new(),
            drift: Vec::new(),
            beyond: Vec::new(),
            drift_is_known: false,
            recipes_of_tag: None,
            recipes: None,
        })
    }

    fn walk(&self, commit: ObjectId) -> Result<Resolution, Error> {
        let (repository, project) = (&self.repository, self.project());
        let mut commits = Commits::new(repository)?;
        let mut tags = Vec::new();
        for tag in tags::list(repository, &project.tags)? {
            let id = tags::peel(repository, &commits, &tag)?;
            tags.push((commits.number(&id), tag));
        }
        let tagged: Vec<Commit> = tags.iter().map(|(commit, _)| *commit).collect();
        if tags.is_empty() {
            // Nothing can be found: then the history need not be read either.
            return Err(self.nothing(commit, commits.is_shallow(), 0));
        }
        let from = commits.number(&commit);
        let found = match project.walk {
            Walk::Maximal => nearest::maximal(&mut commits, from, &tagged),
            Walk::FirstParent => nearest::first_parent(&mut commits, from, &tagged),
            Walk::Date => nearest::by_date(&mut commits, from, &tagged),
        }?;
        let mut candidates = Vec::new();
        for nearest in &found.nearest {
            let distance = match found.nearest.len() {
                1 => found.distance,
                _ => nearest::distance(&mut commits, from, *nearest)?,
            };
            let names = self.names(&mut commits, *nearest, &tags)?;
            candidates
                .push((Candidate { tag: names[0].clone(), commit: commits.id(*nearest).to_string(), distance }, names));
        }
        let place = match candidates.len() {
            0 => return Err(self.nothing(commit, found.is_cut, tags.len())),
            1 => 0,
            _ => self.single_out(&commits, commit, &found)?.ok_or_else(|| Error::Ambiguous {
                commit: commit.to_string(),
                candidates: candidates.iter().map(|(candidate, _)| candidate.clone()).collect(),
                shallow: found.is_cut,
            })?,
        };
        let (chosen, names) = candidates[place].clone();
        let refuse = |error| Error::HostileTag { commit: commit.to_string(), error };
        Ok(Resolution {
            tag: DepsTag::parse(&chosen.tag).map_err(refuse)?,
            commit: Some(commit.to_string()),
            tagged_commit: Some(chosen.commit),
            distance: Some(chosen.distance),
            forced: None,
            shallow: found.is_cut,
            candidates: candidates.into_iter().map(|(candidate, _)| candidate).collect(),
            other_tags: names.into_iter().skip(1).collect(),
            drift: Vec::new(),
            beyond: Vec::new(),
            drift_is_known: false,
            recipes_of_tag: None,
            recipes: None,
        })
    }

    fn nothing(&self, commit: ObjectId, is_cut: bool, elsewhere: usize) -> Error {
        let (commit, pattern) = (commit.to_string(), self.project.tags.as_str().to_owned());
        if is_cut {
            return Error::ShallowNoTag { commit, pattern, elsewhere };
        }
        Error::NoTag { commit, pattern, walk: self.project.walk.name(), elsewhere }
    }

    /// The names of the tags on a commit: the newest by the tag's date first, then by name.
    fn names(&self, commits: &mut Commits<'_>, at: Commit, tags: &[(Commit, TagRef)]) -> Result<Vec<String>, Error> {
        let here: Vec<&TagRef> = tags.iter().filter(|(commit, _)| *commit == at).map(|(_, tag)| tag).collect();
        if let [tag] = here.as_slice() {
            return Ok(vec![tag.name.clone()]);
        }
        let commit_date = commits.facts(at)?.date;
        let mut dated = Vec::new();
        for tag in here {
            let date = tags::date(&self.repository, tag)?.unwrap_or(commit_date);
            dated.push((Reverse(date), tag.name.clone()));
        }
        dated.sort();
        Ok(dated.into_iter().map(|(_, name)| name).collect())
    }

    /// Of several nearest commits the one whose recipes are those of the commit, if it is just one.
    fn single_out(
        &self,
        commits: &Commits<'_>,
        commit: ObjectId,
        found: &nearest::Found,
    ) -> Result<Option<usize>, Error> {
        let recipes = recipes::tree_of(&self.repository, commit)?;
        let mut equal = Vec::new();
        for (place, nearest) in found.nearest.iter().enumerate() {
            if recipes::tree_of(&self.repository, commits.id(*nearest))? == recipes {
                equal.push(place);
            }
        }
        Ok(if let [one] = equal.as_slice() { Some(*one) } else { None })
    }

    /// Compares the tag's recipes with those of the commit, and for HEAD with the work tree.
    fn compare(&self, resolution: &mut Resolution, is_head: bool) -> Result<(), Error> {
        let tree = |commit: &Option<String>| match commit {
            Some(commit) => recipes::tree_of(&self.repository, parse(commit)),
            None => Ok(None),
        };
        let now = tree(&resolution.commit)?;
        resolution.recipes = now.map(|id| id.to_string());
        if resolution.tagged_commit.is_none() {
            return Ok(());
        }
        let of_tag = tree(&resolution.tagged_commit)?;
        resolution.recipes_of_tag = of_tag.map(|id| id.to_string());
        resolution.drift_is_known = true;
        let disk = if is_head { self.work_tree(now)? } else { None };
        let overlays = |commit: &Option<String>| match commit {
            Some(commit) => self.overlays_at(parse(commit)),
            None => Ok(Vec::new()),
        };
        let then = overlays(&resolution.tagged_commit)?;
        let is_tagged = resolution.commit == resolution.tagged_commit;
        let at_commit = if is_tagged { then.clone() } else { overlays(&resolution.commit)? };
        if is_head {
            resolution.beyond = self.overlays_beyond();
        }
        let has_none = then.is_empty() && at_commit.is_empty() && self.project.overlays.is_empty();
        let is_same = of_tag == now && disk.as_ref().is_none_or(|disk| disk.as_ref().map(|folder| folder.id) == of_tag);
        if is_same && has_none {
            return Ok(());
        }
        let children = |tree: Option<ObjectId>| match tree {
            Some(tree) => recipes::children(&self.repository, &tree),
            None => Ok(Vec::new()),
        };
        let of_tag = self.with_overlays(children(of_tag)?, &then, resolution.tagged_commit.as_deref().map(parse))?;
        let now = self.with_overlays(children(now)?, &at_commit, resolution.commit.as_deref().map(parse))?;
        let on_disk = disk.map(|folder| folder.map(|folder| folder.children).unwrap_or_default());
        let on_disk = on_disk.map(|own| self.on_disk_with_overlays(own)).transpose()?;
        let states: Vec<&[_]> = on_disk.as_deref().into_iter().chain([now.as_slice()]).collect();
        resolution.drift = recipes::differences(&of_tag, &states);
        Ok(())
    }

    /// The recipes folder on disk; the outer `None` where there is no work tree to compare with.
    fn work_tree(&self, committed: Option<ObjectId>) -> Result<Option<Option<disk::Folder>>, Error> {
        if self.root.is_none() {
            return Ok(None);
        }
        let folder = self.recipes_on_disk(committed)?;
        let is_sparse = || self.repository.config_snapshot().boolean("core.sparseCheckout").unwrap_or(false);
        Ok(if folder.is_none() && is_sparse() { None } else { Some(folder) })
    }
}

fn parse(commit: &str) -> ObjectId {
    ObjectId::from_hex(commit.as_bytes()).expect("it was written from an object id")
}

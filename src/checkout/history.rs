//! git's history as the law walks it: from the commit-graph where there is one, from the packs otherwise.
//!
//! Decides nothing; `nearest.rs` does.

use std::collections::HashMap;

use gix::ObjectId;
use gix::commitgraph::{Graph, Position};
use gix::hash::oid;
use gix::objs::Find as _;

use crate::checkout::commit_text::parse;
use crate::checkout::error::Error;
use crate::checkout::known::Known;
use crate::checkout::packs::Packs;
use crate::nearest::{Commit, Facts, History, NO_GENERATION};

/// The commits of a repository: first those of the commit-graph by their position in it, then the others in the
/// order in which they are met.
pub struct Commits<'a> {
    repository: &'a gix::Repository,
    graph: Option<Graph>,
    /// How many commits the commit-graph has.
    graphed: u32,
    has_generations: bool,
    known: Known,
    /// Opened when the first commit is read from them.
    packs: Option<Packs>,
    /// Whether git is told to take some objects for others: then the packs do not tell the truth.
    has_replacements: bool,
    /// Commits whose parents are others than they say: none at the border of a shallow clone, those of `info/grafts`.
    parents: HashMap<ObjectId, Vec<ObjectId>>,
    /// Whether the repository has a border at all.
    is_shallow: bool,
    read: Vec<u8>,
    numbers: Vec<u32>,
}

impl<'a> Commits<'a> {
    /// Prepares to walk.
    ///
    /// # Errors
    /// When the shallow border, the grafts or the commit-graph cannot be read.
    pub fn new(repository: &'a gix::Repository) -> Result<Commits<'a>, Error> {
        let border = repository.shallow_commits().map_err(|error| Error::git("read the shallow border", &error))?;
        let mut parents = grafts(repository)?;
        let is_shallow = border.is_some();
        for id in border.iter().flat_map(|border| border.iter()) {
            parents.insert(*id, Vec::new());
        }
        let has_replacements = repository.objects.store_ref().replacements().next().is_some();
        // Where git is told that parents are others, it does not trust the commit-graph; nor do we.
        let graph = match parents.is_empty() && !has_replacements {
            true => repository.commit_graph_if_enabled().ok().flatten(),
            false => None,
        };
        let graphed = graph.as_ref().map_or(0, Graph::num_commits);
        // The oldest git versions wrote commit-graphs without generation numbers: all of them 0.
        let has_generations = graph.as_ref().is_some_and(|graph| graph.commit_at(Position(0)).generation() > 0);
        Ok(Commits {
            repository,
            graph,
            graphed,
            has_generations,
            known: Known::default(),
            packs: None,
            has_replacements,
            parents,
            is_shallow,
            read: Vec::new(),
            numbers: Vec::new(),
        })
    }

    /// Whether the clone is shallow: some commits have parents that are not at hand.
    pub fn is_shallow(&self) -> bool {
        self.is_shallow
    }

    /// The number of a commit.
    pub fn number(&mut self, id: &oid) -> Commit {
        match self.graph_position(id) {
            Some(position) => Commit(position),
            None => Commit(self.graphed + self.known.number(id)),
        }
    }

    /// Whether the commit-graph has it, which only has commits.
    pub fn is_graphed(&self, id: &oid) -> bool {
        self.graph_position(id).is_some()
    }

    pub fn id(&self, commit: Commit) -> ObjectId {
        match &self.graph {
            Some(graph) if commit.0 < self.graphed => graph.id_at(Position(commit.0)).to_owned(),
            _ => self.known.id(commit.0 - self.graphed),
        }
    }

    fn graph_position(&self, id: &oid) -> Option<u32> {
        Some(self.graph.as_ref()?.lookup(id)?.0)
    }

    /// The place among the known ones; `None` for one of the commit-graph.
    fn known_place(&self, commit: Commit) -> Option<u32> {
        commit.0.checked_sub(self.graphed)
    }

    /// Reads a commit that the commit-graph does not have.
    fn load(&mut self, place: u32) -> Result<(), Error> {
        let id = self.known.id(place);
        if self.packs.is_none() && !self.has_replacements {
            self.packs = Some(Packs::open(self.repository.objects.store_ref().path()));
        }
        if let Some(rows) = self.packs.as_mut().and_then(|packs| packs.many_around(&id)) {
            for (id, date, parents) in rows.iter() {
                self.keep(id, date, parents);
            }
            if self.known.is_read(place) {
                return Ok(());
            }
        }
        let mut parents = Vec::with_capacity(2);
        let packed = self.packs.as_mut().and_then(|packs| packs.commit(&id));
        let date = match packed.and_then(|head| parse(head, &mut parents)) {
            Some(date) => date,
            None => self.load_anywhere(&id, &mut parents)?,
        };
        self.keep(&id, date, &parents);
        Ok(())
    }

    /// Keeps what a commit says of itself, or what the border or a graft says instead.
    fn keep(&mut self, id: &oid, date: i64, parents: &[ObjectId]) {
        let commit = self.number(id);
        let Some(place) = self.known_place(commit).filter(|place| !self.known.is_read(*place)) else { return };
        let mut numbers = std::mem::take(&mut self.numbers);
        numbers.clear();
        match if self.parents.is_empty() { None } else { self.parents.get(id).cloned() } {
            Some(others) if others.is_empty() && self.is_shallow && !parents.is_empty() => {
                self.known.keep_border(place, date);
            }
            Some(others) => {
                numbers.extend(others.iter().map(|parent| self.number(parent).0));
                self.known.keep(place, date, &numbers);
            }
            None => {
                numbers.extend(parents.iter().map(|parent| self.number(parent).0));
                self.known.keep(place, date, &numbers);
            }
        }
        self.numbers = numbers;
    }

    /// Reads a commit from wherever it is: loose, as a delta, in an alternate.
    fn load_anywhere(&mut self, id: &oid, parents: &mut Vec<ObjectId>) -> Result<i64, Error> {
        parents.clear();
        let damaged = |reason: String| Error::Damaged { id: id.to_string(), reason };
        let found = self.repository.objects.try_find(id, &mut self.read).map_err(|error| damaged(error.to_string()))?;
        let Some(object) = found else { return Err(missing(self.repository, id)) };
        if object.kind != gix::objs::Kind::Commit {
            return Err(damaged(format!("it is a {}, not a commit", object.kind)));
        }
        parse(object.data, parents).ok_or_else(|| damaged("it is no commit that can be read".to_owned()))
    }
}

impl History for Commits<'_> {
    type Error = Error;

    fn facts(&mut self, commit: Commit) -> Result<Facts, Error> {
        match (self.known_place(commit), &self.graph) {
            (Some(place), _) => {
                if !self.known.is_read(place) {
                    self.load(place)?;
                }
                Ok(Facts { date: self.known.date(place), is_border: self.known.is_border(place) })
            }
            (None, Some(graph)) => {
                let date = graph.commit_at(Position(commit.0)).committer_timestamp();
                Ok(Facts { date: date.try_into().unwrap_or(i64::MAX), is_border: false })
            }
            (None, None) => unreachable!("without a commit-graph every commit is among the known ones"),
        }
    }

    fn parents(&mut self, commit: Commit, parents: &mut Vec<Commit>) -> Result<(), Error> {
        match (self.known_place(commit), &self.graph) {
            (Some(place), _) => parents.extend(self.known.parents(place).iter().copied().map(Commit)),
            (None, Some(graph)) => {
                for position in graph.commit_at(Position(commit.0)).iter_parents() {
                    let position = position.map_err(|error| Error::git("read the commit-graph", &error))?;
                    if position.0 >= self.graphed {
                        let reason = "a parent is beyond its end".to_owned();
                        return Err(Error::Git { doing: "read the commit-graph".to_owned(), reason });
                    }
                    parents.push(Commit(position.0));
                }
            }
            (None, None) => unreachable!("without a commit-graph every commit is among the known ones"),
        }
        Ok(())
    }

    fn generation(&self, commit: Commit) -> u32 {
        match &self.graph {
            Some(graph) if self.has_generations && commit.0 < self.graphed => {
                graph.commit_at(Position(commit.0)).generation()
            }
            _ => NO_GENERATION,
        }
    }
}

/// The error for an object that is named but not there.
pub fn missing(repository: &gix::Repository, id: &oid) -> Error {
    let config = repository.config_snapshot();
    let is_partial = config.string("extensions.partialClone").is_some()
        || repository
            .remote_names()
            .iter()
            .any(|remote| config.boolean(format!("remote.{remote}.promisor").as_str()).unwrap_or(false));
    Error::Missing { id: id.to_string(), is_partial }
}

/// Reads `info/grafts`: a commit and its parents a line (gitrepository-layout(5)).
fn grafts(repository: &gix::Repository) -> Result<HashMap<ObjectId, Vec<ObjectId>>, Error> {
    let text = match fs_err::read_to_string(repository.common_dir().join("info/grafts")) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(HashMap::new()),
        Err(error) => return Err(Error::unreadable(&error)),
    };
    let line = |line: &str| {
        let mut ids = line.split_whitespace().map_while(|id| ObjectId::from_hex(id.as_bytes()).ok());
        Some((ids.next()?, ids.collect()))
    };
    Ok(text.lines().filter_map(line).collect())
}

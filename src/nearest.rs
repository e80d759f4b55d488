//! The tag law: which of the tagged commits that a commit can reach is the nearest one, over any history.
//!
//! Knows no git and no names: commits are numbers, and a [`History`] tells their dates and parents. `checkout/`
//! has the git one, the tests have one in memory.
//!
//! Dates only order the walk, they never decide: clocks of contributors are wrong now and then. Generation numbers
//! (gitformat-commit-graph(5)) do decide, where there are any.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// A commit, by the number that its history gave it; the numbers are dense, from 0 on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Commit(pub u32);

impl Commit {
    fn place(self) -> usize {
        self.0 as usize
    }
}

/// The generation of a commit that has none: newer than all that have one.
pub const NO_GENERATION: u32 = u32::MAX;

/// What the walk has to know of a commit.
#[derive(Debug, Clone, Copy)]
pub struct Facts {
    /// The commit date, in seconds since 1970.
    pub date: i64,
    /// Whether it has parents that are not at hand: the border of a shallow clone.
    pub is_border: bool,
}

/// A history of commits.
pub trait History {
    type Error;

    /// Reads a commit.
    ///
    /// # Errors
    /// When it is missing or is not well formed.
    fn facts(&mut self, commit: Commit) -> Result<Facts, Self::Error>;

    /// Appends the parents of a commit that was read, in order; none at the border.
    ///
    /// # Errors
    /// When they cannot be told.
    fn parents(&mut self, commit: Commit, parents: &mut Vec<Commit>) -> Result<(), Self::Error>;

    /// Its generation number, greater than that of all its ancestors, without reading it; or [`NO_GENERATION`],
    /// which no ancestor of a commit with a number may have.
    fn generation(&self, commit: Commit) -> u32;
}

/// What a walk found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The nearest tagged commits, the newest first: none, one, or by the law of maximal ones several.
    pub nearest: Vec<Commit>,
    /// The commits that can be reached from the start and from none of the nearest ones. Exact where there are
    /// generation numbers, or dates that never run backwards; too high by a few otherwise.
    pub distance: u64,
    /// Whether parents beyond the border could change the answer.
    pub is_cut: bool,
}

/// Finds the tagged commits that are reachable and are no ancestor of another reachable tagged commit.
///
/// # Errors
/// The history's own.
pub fn maximal<H: History>(history: &mut H, from: Commit, tagged: &[Commit]) -> Result<Found, H::Error> {
    let mut painting = Painting::new(history, tagged);
    painting.push(from, 0)?;
    while let Some(commit) = painting.pop()? {
        if painting.is_decided(commit) {
            break;
        }
    }
    painting.into_found()
}

/// Finds the first tagged commit along first parents.
///
/// # Errors
/// The history's own.
pub fn first_parent<H: History>(history: &mut H, from: Commit, tagged: &[Commit]) -> Result<Found, H::Error> {
    let mut marks = Marks::default();
    tagged.iter().for_each(|commit| marks.add(*commit, TAGGED));
    let (mut here, mut parents) = (from, Vec::new());
    loop {
        let facts = history.facts(here)?;
        if marks.has(here, TAGGED) {
            return single(history, from, here, false);
        }
        parents.clear();
        history.parents(here, &mut parents)?;
        marks.add(here, SEEN);
        match parents.first() {
            // Grafts and replaced commits can make a circle.
            Some(first) if !marks.has(*first, SEEN) => here = *first,
            _ => return Ok(Found { nearest: Vec::new(), distance: 0, is_cut: facts.is_border }),
        }
    }
}

/// Finds the first tagged commit in the order in which `git rev-list` lists commits: by date over all parents, and
/// of equal dates the one that was seen first.
///
/// # Errors
/// The history's own.
pub fn by_date<H: History>(history: &mut H, from: Commit, tagged: &[Commit]) -> Result<Found, H::Error> {
    let mut marks = Marks::default();
    tagged.iter().for_each(|commit| marks.add(*commit, TAGGED));
    let mut queue = BinaryHeap::new();
    let (mut seen, mut is_cut, mut parents) = (0_u64, false, vec![from]);
    loop {
        for parent in parents.drain(..) {
            if !marks.has(parent, QUEUED) {
                marks.add(parent, QUEUED);
                queue.push((history.facts(parent)?.date, Reverse(seen), parent));
                seen += 1;
            }
        }
        let Some((_, _, commit)) = queue.pop() else {
            return Ok(Found { nearest: Vec::new(), distance: 0, is_cut });
        };
        if marks.has(commit, TAGGED) {
            return single(history, from, commit, is_cut);
        }
        is_cut |= history.facts(commit)?.is_border;
        history.parents(commit, &mut parents)?;
    }
}

/// Counts the commits that can be reached from one commit and not from the other; see [`Found::distance`].
///
/// # Errors
/// The history's own.
pub fn distance<H: History>(history: &mut H, from: Commit, hidden: Commit) -> Result<u64, H::Error> {
    Ok(maximal(history, from, &[hidden])?.distance)
}

fn single<H: History>(history: &mut H, from: Commit, nearest: Commit, is_cut: bool) -> Result<Found, H::Error> {
    let distance = distance(history, from, nearest)?;
    Ok(Found { nearest: vec![nearest], distance, is_cut })
}

/// Bears a tag.
const TAGGED: u8 = 1;
/// Was seen.
const SEEN: u8 = 2;
/// Waits in the queue.
const QUEUED: u8 = 4;
/// Is an ancestor of a tagged commit that was found. A commit that is not yet known to be one is *live*.
const STALE: u8 = 8;

/// Marks of commits, one byte each.
#[derive(Default)]
struct Marks(Vec<u8>);

impl Marks {
    fn of(&self, commit: Commit) -> u8 {
        self.0.get(commit.place()).copied().unwrap_or(0)
    }

    fn has(&self, commit: Commit, mark: u8) -> bool {
        self.of(commit) & mark != 0
    }

    fn add(&mut self, commit: Commit, mark: u8) {
        if commit.place() >= self.0.len() {
            self.0.resize(commit.place() + 1, 0);
        }
        self.0[commit.place()] |= mark;
    }

    fn remove(&mut self, commit: Commit, mark: u8) {
        self.0[commit.place()] &= !mark;
    }
}

/// A walk in which every found tagged commit paints its ancestors stale.
struct Painting<'a, H> {
    history: &'a mut H,
    marks: Marks,
    /// By generation, then by date, newest first.
    queue: BinaryHeap<(u32, i64, Reverse<Commit>)>,
    /// How many live commits wait in the queue.
    live: usize,
    /// Found tagged commits with their dates; some may have become stale.
    found: Vec<(i64, Commit)>,
    /// The smallest generation of a tagged commit: below it there is nothing to find.
    floor: u32,
    distance: u64,
    /// Whether the border was met on a live path, and on any path.
    is_cut_live: bool,
    is_cut: bool,
    parents: Vec<Commit>,
}

impl<'a, H: History> Painting<'a, H> {
    fn new(history: &'a mut H, tagged: &[Commit]) -> Painting<'a, H> {
        let mut marks = Marks::default();
        tagged.iter().for_each(|commit| marks.add(*commit, TAGGED));
        let floor = tagged.iter().map(|commit| history.generation(*commit)).min().unwrap_or(NO_GENERATION);
        Painting {
            history,
            marks,
            queue: BinaryHeap::new(),
            live: 0,
            found: Vec::new(),
            floor,
            distance: 0,
            is_cut_live: false,
            is_cut: false,
            parents: Vec::new(),
        }
    }

    fn push(&mut self, commit: Commit, mark: u8) -> Result<(), H::Error> {
        let date = self.history.facts(commit)?.date;
        self.marks.add(commit, SEEN | QUEUED | mark);
        self.live += usize::from(mark & STALE == 0);
        self.queue.push((self.history.generation(commit), date, Reverse(commit)));
        Ok(())
    }

    /// Takes the newest commit from the queue and queues its parents.
    fn pop(&mut self) -> Result<Option<Commit>, H::Error> {
        let Some((_, date, Reverse(commit))) = self.queue.pop() else { return Ok(None) };
        self.marks.remove(commit, QUEUED);
        let is_live = !self.marks.has(commit, STALE);
        if is_live {
            self.live -= 1;
            self.distance += 1;
            if self.marks.has(commit, TAGGED) {
                self.found.push((date, commit));
            }
        }
        let is_border = self.history.facts(commit)?.is_border;
        self.is_cut |= is_border;
        self.is_cut_live |= is_border && is_live && !self.marks.has(commit, TAGGED);
        let mark = if is_live && !self.marks.has(commit, TAGGED) { 0 } else { STALE };
        let mut parents = std::mem::take(&mut self.parents);
        parents.clear();
        self.history.parents(commit, &mut parents)?;
        for parent in &parents {
            self.meet(*parent, mark)?;
        }
        self.parents = parents;
        Ok(Some(commit))
    }

    /// Meets a parent with the paint that its child hands down.
    fn meet(&mut self, commit: Commit, mark: u8) -> Result<(), H::Error> {
        if !self.marks.has(commit, SEEN) {
            return self.push(commit, mark);
        }
        if mark != STALE || self.marks.has(commit, STALE) {
            return Ok(());
        }
        if self.marks.has(commit, QUEUED) {
            self.marks.add(commit, STALE);
            self.live -= 1;
            return Ok(());
        }
        // It was taken before one of its children: a date is wrong. Once more, so that its ancestors get the paint.
        self.distance -= 1;
        self.push(commit, STALE)
    }

    /// Whether what is still in the queue cannot change the answer, after this commit was taken.
    fn is_decided(&mut self, last: Commit) -> bool {
        let generation = self.history.generation(last);
        let has_generation = generation != NO_GENERATION;
        if self.live > 0 {
            // With something found the walk goes on only to count; without, there is nothing to count.
            return has_generation && generation < self.floor && self.found.is_empty();
        }
        let Painting { found, marks, .. } = self;
        found.retain(|(_, commit)| !marks.has(*commit, STALE));
        // By generation, a commit is taken only after all its descendants; by date, only an empty queue is proof.
        found.len() <= 1 || has_generation
    }

    fn into_found(self) -> Result<Found, H::Error> {
        let Painting { mut found, marks, .. } = self;
        found.retain(|(_, commit)| !marks.has(*commit, STALE));
        found.sort_by_key(|(date, commit)| (Reverse(*date), *commit));
        let is_cut = if found.len() == 1 { self.is_cut_live } else { self.is_cut };
        let distance = if found.is_empty() { 0 } else { self.distance - found.len() as u64 };
        Ok(Found { nearest: found.into_iter().map(|(_, commit)| commit).collect(), distance, is_cut })
    }
}

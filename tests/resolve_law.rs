//! The tag law on random small histories: against brute force in memory, and against git itself.

mod world;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::Stdio;

use proptest::prelude::*;
use tagalong::checkout::{Checkout, Error, Wanted};
use tagalong::nearest::{self, Commit, Facts, Found, History, NO_GENERATION};
use world::World;

/// A history in memory: commits are numbered so that parents come first.
#[derive(Debug, Clone)]
struct Toy {
    parents: Vec<Vec<usize>>,
    dates: Vec<i64>,
    /// Commits whose parents are not at hand.
    borders: BTreeSet<usize>,
    tagged: BTreeSet<usize>,
    /// The commits below this number are in the commit-graph.
    graphed: usize,
}

impl History for &Toy {
    type Error = std::convert::Infallible;

    fn facts(&mut self, Commit(commit): Commit) -> Result<Facts, Self::Error> {
        let commit = commit as usize;
        Ok(Facts { date: self.dates[commit], is_border: self.borders.contains(&commit) })
    }

    fn parents(&mut self, Commit(commit): Commit, parents: &mut Vec<Commit>) -> Result<(), Self::Error> {
        parents.extend(self.at_hand(commit as usize).iter().map(|parent| Commit(*parent as u32)));
        Ok(())
    }

    fn generation(&self, Commit(commit): Commit) -> u32 {
        if (commit as usize) < self.graphed { self.level(commit as usize) } else { NO_GENERATION }
    }
}

impl Toy {
    fn at_hand(&self, commit: usize) -> &[usize] {
        if self.borders.contains(&commit) { &[] } else { &self.parents[commit] }
    }

    fn level(&self, commit: usize) -> u32 {
        1 + self.parents[commit].iter().map(|parent| self.level(*parent)).max().unwrap_or(0)
    }

    fn head(&self) -> usize {
        self.parents.len() - 1
    }

    /// All that can be reached from a commit, itself too.
    fn reach(&self, from: usize) -> BTreeSet<usize> {
        let (mut reached, mut open) = (BTreeSet::new(), vec![from]);
        while let Some(commit) = open.pop() {
            if reached.insert(commit) {
                open.extend(self.at_hand(commit));
            }
        }
        reached
    }

    /// The maximal tagged commits, by the words of the law.
    fn maximal(&self) -> BTreeSet<usize> {
        let candidates: BTreeSet<usize> = self.reach(self.head()).intersection(&self.tagged).copied().collect();
        let is_maximal =
            |commit: &usize| !candidates.iter().any(|other| other != commit && self.reach(*other).contains(commit));
        candidates.iter().copied().filter(is_maximal).collect()
    }

    fn tags(&self) -> Vec<Commit> {
        self.tagged.iter().map(|commit| Commit(*commit as u32)).collect()
    }

    fn found(&self) -> Found {
        let Ok(found) = nearest::maximal(&mut &*self, Commit(self.head() as u32), &self.tags());
        found
    }

    fn has_true_dates(&self) -> bool {
        (0..self.parents.len()).all(|commit| self.parents[commit].iter().all(|p| self.dates[*p] < self.dates[commit]))
    }
}

/// Histories of up to 40 commits; dates are right, or wrong for some, or wrong for all.
fn toys() -> impl Strategy<Value = Toy> {
    let commit = (prop::collection::vec(any::<prop::sample::Index>(), 0..4), 0..1000_i64, any::<u8>());
    (prop::collection::vec(commit, 1..40), 0..3_u8, 0..45_usize, 0..5_u8).prop_map(
        |(drawn, wrong, graphed, density)| {
            let mut toy = Toy {
                parents: Vec::new(),
                dates: Vec::new(),
                borders: BTreeSet::new(),
                tagged: BTreeSet::new(),
                graphed,
            };
            for (place, (parents, date, chance)) in drawn.iter().enumerate() {
                let mut parents: Vec<usize> = match place {
                    0 => Vec::new(),
                    // Mostly near ones, so that branches stay apart for a while.
                    _ => parents.iter().map(|parent| place - 1 - parent.index(place.min(6))).collect(),
                };
                if parents.is_empty() && place > 0 && chance % 8 != 0 {
                    parents.push(place - 1);
                }
                let mut seen = BTreeSet::new();
                parents.retain(|parent| seen.insert(*parent));
                let is_wrong = wrong == 2 || wrong == 1 && chance % 5 == 0;
                toy.dates.push(if is_wrong { *date } else { 10 * place as i64 });
                if chance % 10 < density {
                    toy.tagged.insert(place);
                }
                toy.parents.push(parents);
            }
            toy
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn maximal_law_is_the_brute_force_one_whatever_the_dates_and_the_commit_graph(toy in toys()) {
        let found = toy.found();
        let nearest: BTreeSet<usize> = found.nearest.iter().map(|commit| commit.0 as usize).collect();
        prop_assert_eq!(&nearest, &toy.maximal());
        prop_assert!(!found.is_cut);
        if !nearest.is_empty() && (toy.has_true_dates() || toy.graphed > toy.head()) {
            let hidden: BTreeSet<usize> = nearest.iter().flat_map(|commit| toy.reach(*commit)).collect();
            prop_assert_eq!(found.distance as usize, toy.reach(toy.head()).difference(&hidden).count());
        }
    }

    #[test]
    fn an_answer_that_a_deeper_history_would_change_is_never_sure(toy in toys(), cuts in prop::collection::btree_set(0..40_usize, 0..6)) {
        // Where git is shallow there is no commit-graph.
        let mut shallow = Toy { graphed: 0, ..toy.clone() };
        shallow.borders = cuts.into_iter().filter(|cut| toy.parents.get(*cut).is_some_and(|p| !p.is_empty())).collect();
        // A clone has the tags of the commits that it has.
        shallow.tagged = shallow.reach(shallow.head()).intersection(&toy.tagged).copied().collect();
        let found = shallow.found();
        let nearest: BTreeSet<usize> = found.nearest.iter().map(|commit| commit.0 as usize).collect();
        prop_assert_eq!(&nearest, &shallow.maximal());
        prop_assert!(found.is_cut || nearest == toy.maximal(), "{:?} is said to be sure", nearest);
    }

    #[test]
    fn date_law_takes_the_first_tagged_commit_of_a_queue_by_date(toy in toys()) {
        let Ok(found) = nearest::by_date(&mut &toy, Commit(toy.head() as u32), &toy.tags());
        let (mut queue, mut seen) = (vec![toy.head()], BTreeSet::from([toy.head()]));
        let mut expected = Vec::new();
        while !queue.is_empty() {
            let newest = queue.iter().map(|commit| toy.dates[*commit]).max().unwrap();
            let place = queue.iter().position(|commit| toy.dates[*commit] == newest).unwrap();
            let commit = queue.remove(place);
            if toy.tagged.contains(&commit) {
                expected.push(Commit(commit as u32));
                break;
            }
            queue.extend(toy.parents[commit].iter().filter(|parent| seen.insert(**parent)));
        }
        prop_assert_eq!(found.nearest, expected);
    }

    #[test]
    fn first_parent_law_takes_the_first_tagged_commit_on_the_line(toy in toys()) {
        let Ok(found) = nearest::first_parent(&mut &toy, Commit(toy.head() as u32), &toy.tags());
        let line = std::iter::successors(Some(toy.head()), |commit| toy.parents[*commit].first().copied());
        let expected: Vec<Commit> = line.filter(|commit| toy.tagged.contains(commit)).take(1).map(|commit| Commit(commit as u32)).collect();
        prop_assert_eq!(found.nearest, expected);
    }
}

/// Writes a toy into the repository of a world; its head is HEAD, commit `n` bears `deps-n` if it is tagged.
fn import(world: &World, toy: &Toy) {
    let mut stream = String::new();
    for (place, parents) in toy.parents.iter().enumerate() {
        let date = 1_600_000_000 + toy.dates[place];
        write!(stream, "reset refs/heads/main\ncommit refs/heads/main\nmark :{}\n", place + 1).unwrap();
        write!(stream, "committer a <a@example.org> {date} +0000\ndata 3\nc{place:02}\n").unwrap();
        for (number, parent) in parents.iter().enumerate() {
            writeln!(stream, "{} :{}", if number == 0 { "from" } else { "merge" }, parent + 1).unwrap();
        }
        // A file makes every commit differ, also two roots of one date.
        write!(stream, "M 100644 inline place\ndata <<END\n{place}\nEND\n\n").unwrap();
    }
    for commit in &toy.tagged {
        write!(stream, "reset refs/tags/deps-{commit}\nfrom :{}\n\n", commit + 1).unwrap();
    }
    let mut command = world.command("git", world.checkout());
    let mut git = command.args(["fast-import", "--quiet", "--force"]).stdin(Stdio::piped()).spawn().unwrap();
    git.stdin.take().unwrap().write_all(stream.as_bytes()).unwrap();
    assert!(git.wait().unwrap().success());
}

/// The maximal tags as git itself tells them.
fn by_git(world: &World) -> BTreeSet<String> {
    let lines = |text: String| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let tags = lines(world.git(&["tag", "--list", "deps-*", "--merged", "HEAD"]));
    let mut maximal = BTreeSet::new();
    for tag in &tags {
        // Of those that contain the tag and are merged, only itself must be left.
        let above = lines(world.git(&["tag", "--list", "deps-*", "--merged", "HEAD", "--contains", tag]));
        if above == [tag.clone()] {
            maximal.insert(tag.clone());
        }
    }
    maximal
}

fn by_resolve(world: &World) -> BTreeSet<String> {
    match Checkout::open(world.checkout()).unwrap().resolve(&Wanted::default()) {
        Ok(resolution) => BTreeSet::from([resolution.tag.to_string()]),
        Err(Error::NoTag { .. }) => BTreeSet::new(),
        Err(Error::Ambiguous { candidates, .. }) => candidates.into_iter().map(|candidate| candidate.tag).collect(),
        Err(error) => panic!("{error}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 20, ..ProptestConfig::default() })]

    #[test]
    fn git_agrees_on_random_histories_with_and_without_a_commit_graph(toy in toys()) {
        let world = World::new();
        import(&world, &toy);
        let expected = by_git(&world);
        prop_assert_eq!(&by_resolve(&world), &expected);
        world.git(&["commit-graph", "write", "--reachable"]);
        prop_assert_eq!(&by_resolve(&world), &expected);
    }
}

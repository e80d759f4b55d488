//! Groups the packages that are built into jobs: what takes long gets one of its own, small ones share one.
//!
//! Packages are laid in levels: what needs nothing that is built, then what needs only that, and so on. Levels that are
//! short together become one job; a long level is cut. No group can come to need itself, since needs lead to levels
//! below, and levels of one job are neighbours.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::recipe::RecipeName;
use crate::pipeline::verdicts::Verdict;

/// What a package that was never timed is taken for, in seconds.
const GUESS: u64 = 120;

/// Packages that one job builds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// In dependency order.
    pub members: Vec<RecipeName>,
    /// The places of the groups whose records it needs, in order.
    pub needs: Vec<usize>,
    /// How long it should take.
    pub seconds: u64,
    /// Whether some of that was guessed.
    pub is_guess: bool,
}

/// Groups what is built of a platform, so that a job takes `target` seconds at least where it can.
pub fn group(verdicts: &[Verdict], target: u64) -> Vec<Group> {
    let mut depth: BTreeMap<&RecipeName, usize> = BTreeMap::new();
    let mut levels: Vec<Vec<&Verdict>> = Vec::new();
    for verdict in verdicts.iter().filter(|one| one.reason.is_some()) {
        let below = verdict.subject.before.iter().filter_map(|need| depth.get(need));
        let level = below.max().map_or(0, |level| level + 1);
        depth.insert(&verdict.subject.name, level);
        if levels.len() <= level {
            levels.resize(level + 1, Vec::new());
        }
        levels[level].push(verdict);
    }
    let mut grouping = Grouping::default();
    let mut open: Vec<&Verdict> = Vec::new();
    for level in &levels {
        if sum(&open).saturating_add(sum(level)) <= target {
            open.extend(level);
            continue;
        }
        grouping.close(&mut open);
        if sum(level) <= target {
            open.extend(level);
            continue;
        }
        for verdict in level {
            if sum(&open).saturating_add(seconds(verdict)) > target {
                grouping.close(&mut open);
            }
            open.push(verdict);
        }
        grouping.close(&mut open);
    }
    grouping.close(&mut open);
    grouping.groups
}

#[derive(Default)]
struct Grouping<'a> {
    groups: Vec<Group>,
    /// The place of the group that a package is in.
    place_of: BTreeMap<&'a RecipeName, usize>,
}

impl<'a> Grouping<'a> {
    /// Makes a group of the members, if there are any.
    fn close(&mut self, members: &mut Vec<&'a Verdict>) {
        if members.is_empty() {
            return;
        }
        let own: BTreeSet<&RecipeName> = members.iter().map(|one| &one.subject.name).collect();
        let outside = members.iter().flat_map(|one| &one.subject.before).filter(|need| !own.contains(need));
        let needs: BTreeSet<usize> = outside.filter_map(|need| self.place_of.get(need).copied()).collect();
        for member in members.iter() {
            self.place_of.insert(&member.subject.name, self.groups.len());
        }
        self.groups.push(Group {
            members: members.iter().map(|one| one.subject.name.clone()).collect(),
            needs: needs.into_iter().collect(),
            seconds: sum(members),
            is_guess: members.iter().any(|one| one.seconds.is_none()),
        });
        members.clear();
    }
}

fn sum(members: &[&Verdict]) -> u64 {
    members.iter().map(|one| seconds(one)).fold(0, u64::saturating_add)
}

fn seconds(verdict: &Verdict) -> u64 {
    verdict.seconds.unwrap_or(GUESS)
}

/// The groups that no other one needs; whoever has their records has all.
pub fn last(groups: &[Group]) -> Vec<usize> {
    let needed: BTreeSet<usize> = groups.iter().flat_map(|group| group.needs.iter().copied()).collect();
    (0..groups.len()).filter(|place| !needed.contains(place)).collect()
}

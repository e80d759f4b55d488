//! Which packages must be built on a platform, each with its reason; all others are taken from a bundle.
//!
//! A builder's tools cannot be asked from elsewhere. They are the same where its image is, by digest: then a package of a
//! published bundle is kept as long as neither its recipe nor what it needs has changed. Without a pinned image nothing
//! is kept, and each job finds out itself.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::recipe::RecipeName;
use crate::model::tag::DepsTag;

/// A recipe as a pipeline sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    pub name: RecipeName,
    pub version: String,
    /// The packages it needs, by name.
    pub needs: Vec<RecipeName>,
    /// The recipes that it is built after: its needs, and its tools that are recipes.
    pub before: Vec<RecipeName>,
    /// Whether it lies beside the project's own recipes, where git does not see it change.
    pub is_elsewhere: bool,
}

/// A published bundle that packages are kept from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base {
    pub tag: DepsTag,
    pub channel: String,
    /// Its packages, and what each needs.
    pub packages: BTreeMap<RecipeName, Vec<RecipeName>>,
    /// The recipes that are not as they were for it.
    pub changed: BTreeSet<String>,
    /// Why none of its packages is kept, if that is so.
    pub unfit: Option<Reason>,
}

/// What is done about one recipe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    pub subject: Subject,
    /// `None` where it is kept.
    pub reason: Option<Reason>,
    /// The bundle it is kept from.
    pub from: Option<(DepsTag, String)>,
    /// How long it took the last time, in seconds.
    pub seconds: Option<u64>,
}

/// Why a package is built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// It was asked for.
    Asked,
    /// No channel has a bundle for the platform.
    NoBundle,
    /// The image is not pinned, so that it may have other tools than the last time.
    Unpinned,
    /// The image, the placeholder or the program is another one.
    Builder { what: &'static str, was: String, is: String },
    /// The record of the bundle is gone from the channel.
    NoRecord,
    /// The bundle does not have it.
    New,
    /// Its recipe, or what it needs, is not that of the bundle.
    Changed,
    /// It does not lie in the project's own folder of recipes, where changes can be seen.
    Elsewhere,
    /// Something that it is built after is built.
    Need { name: RecipeName },
}

/// Decides about all recipes of a platform, which come in dependency order.
pub fn decide(subjects: Vec<Subject>, base: Option<&Base>, everything: Option<&Reason>) -> Vec<Verdict> {
    let mut built: BTreeSet<RecipeName> = BTreeSet::new();
    let decide = |subject: Subject| {
        let reason = everything.cloned().or_else(|| reason(&subject, base, &built));
        let from = base.filter(|_| reason.is_none()).map(|base| (base.tag.clone(), base.channel.clone()));
        if reason.is_some() {
            built.insert(subject.name.clone());
        }
        Verdict { subject, reason, from, seconds: None }
    };
    subjects.into_iter().map(decide).collect()
}

fn reason(subject: &Subject, base: Option<&Base>, built: &BTreeSet<RecipeName>) -> Option<Reason> {
    let Some(base) = base else { return Some(Reason::NoBundle) };
    if base.unfit.is_some() {
        return base.unfit.clone();
    }
    let Some(needs) = base.packages.get(&subject.name) else { return Some(Reason::New) };
    if subject.is_elsewhere {
        return Some(Reason::Elsewhere);
    }
    if base.changed.contains(subject.name.as_str()) || !is_same_set(needs, &subject.needs) {
        return Some(Reason::Changed);
    }
    let need = subject.before.iter().find(|need| built.contains(need));
    need.map(|name| Reason::Need { name: name.clone() })
}

fn is_same_set(one: &[RecipeName], other: &[RecipeName]) -> bool {
    one.iter().collect::<BTreeSet<_>>() == other.iter().collect::<BTreeSet<_>>()
}

/// Why no package of a bundle is kept, by what made it and what would make it now.
pub fn unfit(what: &'static str, was: Option<&str>, is: Option<&str>) -> Option<Reason> {
    let text = |value: Option<&str>| value.unwrap_or("none").to_owned();
    (was != is).then(|| Reason::Builder { what, was: text(was), is: text(is) })
}

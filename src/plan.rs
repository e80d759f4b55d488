//! The build plan: a build key per recipe, and for each what will be done and why. Pure.
//!
//! Does not look at the machine or the store: `builder/ingredients.rs` and `flow/build.rs` bring those facts.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::build_key::{BuildKey, Ingredients};
use crate::model::bundle::BuildRecord;
use crate::model::digest::Digest;
use crate::model::recipe::{Language, Program, Recipe, RecipeName, RpathKind, TestStep};
use crate::model::source::{Identity, Source, Unpack};
use crate::model::tag::DepsTag;

/// What a build will do, in dependency order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildPlan {
    pub steps: Vec<PlannedPackage>,
}

/// What is done about one recipe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedPackage {
    pub name: RecipeName,
    pub version: String,
    pub ingredients: Ingredients,
    pub key: BuildKey,
    pub action: Action,
}

/// Take what exists, or build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    Take { archive: Digest, from: Origin },
    Build { reason: Reason },
}

/// Where a package that is not built comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Built here, or fetched, before.
    Store,
    /// A bundle on a channel holds a package of this key.
    Bundle { tag: DepsTag, channel: String },
    /// A record that was handed on says so: an earlier job of the same pipeline built it.
    Record,
    /// The recipe is the tag's, so the tag's package is taken whatever made it.
    Tag { tag: DepsTag, channel: String },
}

/// Why a package is built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// Nothing of this name was ever built here.
    New,
    /// The user asked for it.
    Forced,
    /// It was built, but its archive is gone from the store.
    Lost,
    /// The first ingredient that differs from the nearest build before.
    Changed { ingredient: String, was: Option<String>, is: Option<String> },
}

/// What is known of earlier builds.
pub trait Known {
    /// The record of exactly this key.
    fn record(&self, key: BuildKey) -> Option<BuildRecord>;
    /// Whether the store holds this archive.
    fn has(&self, archive: Digest) -> bool;
    /// The ingredients of earlier builds of a recipe.
    fn earlier(&self, name: &RecipeName) -> Vec<Ingredients>;
    /// A package of exactly this key in a bundle that can be fetched.
    fn in_a_bundle(&self, key: BuildKey) -> Option<(Digest, Origin)>;
}

/// What the user says about the plan.
#[derive(Debug, Clone, Default)]
pub struct Orders {
    /// Recipes that are built although nothing changed.
    pub forced: BTreeSet<RecipeName>,
    /// Packages that are taken as they are, whatever their keys would be here.
    pub given: BTreeMap<RecipeName, Given>,
}

/// A package that is taken as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    pub key: BuildKey,
    pub archive: Digest,
    pub from: Origin,
}

/// Plans the recipes, which come in dependency order with the ingredients that are their own; the keys of their
/// needs are added here.
pub fn plan(recipes: &[(&Recipe, Ingredients)], orders: &Orders, known: &impl Known) -> BuildPlan {
    let mut keys: BTreeMap<&RecipeName, BuildKey> = BTreeMap::new();
    let mut steps = Vec::with_capacity(recipes.len());
    for (recipe, own) in recipes {
        let mut ingredients = own.clone();
        for need in &recipe.needs {
            // A need that is not planned was refused when the recipes were read.
            if let Some(key) = keys.get(need) {
                ingredients.add(format!("need {need}"), key.hex());
            }
        }
        for tool in &recipe.tools {
            let key = RecipeName::parse(tool).ok().and_then(|tool| keys.get(&tool).copied());
            if let Some(key) = key {
                ingredients.add(format!("tool {tool}"), key.hex());
            }
        }
        let given = orders.given.get(&recipe.name);
        let key = given.map_or_else(|| ingredients.key(), |given| given.key);
        keys.insert(&recipe.name, key);
        let action = match given {
            Some(given) => Action::Take { archive: given.archive, from: given.from.clone() },
            None => decide(&recipe.name, key, &ingredients, &orders.forced, known),
        };
        let (name, version) = (recipe.name.clone(), recipe.version.clone());
        steps.push(PlannedPackage { name, version, ingredients, key, action });
    }
    BuildPlan { steps }
}

fn decide(
    name: &RecipeName,
    key: BuildKey,
    ingredients: &Ingredients,
    forced: &BTreeSet<RecipeName>,
    known: &impl Known,
) -> Action {
    if forced.contains(name) {
        return Action::Build { reason: Reason::Forced };
    }
    match known.record(key) {
        Some(record) if known.has(record.archive) && record.debug.is_none_or(|debug| known.has(debug.archive)) => {
            return Action::Take { archive: record.archive, from: Origin::Store };
        }
        record => {
            if let Some((archive, from)) = known.in_a_bundle(key) {
                return Action::Take { archive, from };
            }
            if record.is_some() {
                return Action::Build { reason: Reason::Lost };
            }
        }
    }
    let earlier = known.earlier(name);
    let nearest = earlier.iter().min_by_key(|earlier| ingredients.differences(earlier).len());
    // What the recipe itself says comes first: it explains more than a key of a need that follows from it.
    let first = nearest.and_then(|nearest| {
        let rank = |name: &str| (!name.starts_with("recipe"), name.starts_with("need "), name.to_owned());
        ingredients.differences(nearest).into_iter().min_by_key(|difference| rank(difference.name))
    });
    let reason = first.map_or(Reason::New, |difference| Reason::Changed {
        ingredient: difference.name.to_owned(),
        was: difference.theirs.map(str::to_owned),
        is: difference.mine.map(str::to_owned),
    });
    Action::Build { reason }
}

/// The ingredients that the recipe's own text decides; comments, order of fields, homepage, summary and stacks do
/// not count. Patches and folders beside the recipe are added by whoever can read them.
pub fn of_recipe(recipe: &Recipe) -> Ingredients {
    let mut ingredients = Ingredients::new();
    let mut add = |name: &str, value: String| {
        if !value.is_empty() {
            ingredients.add(format!("recipe {name}"), value);
        }
    };
    let build = &recipe.build;
    add("name", recipe.name.to_string());
    add("version", recipe.version.clone());
    add("license", recipe.license.clone());
    add("system", build.system.name().to_owned());
    add("options", list(&build.options));
    add("folder", build.folder.clone());
    add("env", list(&build.env.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>()));
    add("before", list(&build.before));
    add("after", list(&build.after));
    add("targets", list(&build.targets));
    add("install targets", list(&build.install_targets));
    add("script", list(&build.script));
    add("was", build.was.clone().unwrap_or_default());
    add("rpath", if build.rpath == RpathKind::Rpath { "rpath".to_owned() } else { String::new() });
    add("exclude", list(&build.exclude));
    add("system libraries", list(&build.system_libraries));
    add("keep static", if build.is_static_kept { String::new() } else { "false".to_owned() });
    add("debug", if build.has_debug() { "true".to_owned() } else { String::new() });
    add("runtime", list(&recipe.runtime));
    add("tests", list(&recipe.tests.iter().map(test_text).collect::<Vec<_>>()));
    add("contents", list(&recipe.contents.has));
    add("contents not", list(&recipe.contents.has_not));
    add("exports", list(&recipe.exports.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>()));
    for (place, source) in recipe.sources.iter().enumerate() {
        add(&format!("source {}", place + 1), source_text(source));
    }
    ingredients
}

fn test_text(test: &TestStep) -> String {
    let text = |kind: &str, name: &str, targets: &[String], program: &Program| {
        let language = if program.language == Language::Cxx { "c++" } else { "c" };
        list(&[kind.to_owned(), name.to_owned(), list(targets), language.to_owned(), program.text.clone()])
    };
    match test {
        TestStep::Run(command) => command.clone(),
        TestStep::PkgConfig { module, program } => text("pkg-config", module, &[], program),
        TestStep::Cmake { package, targets, program } => text("cmake", package, targets, program),
    }
}

fn source_text(source: &Source) -> String {
    let identity = match &source.identity {
        Identity::Sha256(digest) => format!("sha256 {digest}"),
        Identity::Commit(commit) => format!("commit {commit}"),
        Identity::Beside => "beside".to_owned(),
    };
    let unpack = if source.unpack == Unpack::File { "file" } else { "" };
    list(&[identity, source.folder.clone(), source.into.clone(), unpack.to_owned(), list(&source.patches)])
}

/// A list as one text that no other list writes: JSON; empty for an empty list.
fn list(values: &[String]) -> String {
    if values.is_empty() {
        return String::new();
    }
    serde_json::to_string(values).expect("strings can always be written as JSON")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::recipe::{Build, BuildSystem, Contents};

    struct Nothing;

    impl Known for Nothing {
        fn record(&self, _key: BuildKey) -> Option<BuildRecord> {
            None
        }
        fn has(&self, _archive: Digest) -> bool {
            false
        }
        fn earlier(&self, _name: &RecipeName) -> Vec<Ingredients> {
            Vec::new()
        }
        fn in_a_bundle(&self, _key: BuildKey) -> Option<(Digest, Origin)> {
            None
        }
    }

    struct Earlier(Ingredients);

    impl Known for Earlier {
        fn record(&self, _key: BuildKey) -> Option<BuildRecord> {
            None
        }
        fn has(&self, _archive: Digest) -> bool {
            false
        }
        fn earlier(&self, _name: &RecipeName) -> Vec<Ingredients> {
            vec![self.0.clone()]
        }
        fn in_a_bundle(&self, _key: BuildKey) -> Option<(Digest, Origin)> {
            None
        }
    }

    fn recipe(name: &str, needs: &[&str]) -> Recipe {
        Recipe {
            name: RecipeName::parse(name).unwrap(),
            version: "1".to_owned(),
            license: "MIT".to_owned(),
            homepage: None,
            summary: None,
            needs: needs.iter().map(|need| RecipeName::parse(need).unwrap()).collect(),
            tools: Vec::new(),
            stacks: Vec::new(),
            provides: Vec::new(),
            sources: Vec::new(),
            build: Build {
                system: BuildSystem::Script,
                options: Vec::new(),
                folder: String::new(),
                env: Vec::new(),
                before: Vec::new(),
                after: Vec::new(),
                targets: Vec::new(),
                install_targets: Vec::new(),
                script: vec!["true".to_owned()],
                was: None,
                rpath: RpathKind::Runpath,
                exclude: Vec::new(),
                is_static_kept: true,
                debug: None,
                jobs: None,
                system_libraries: Vec::new(),
            },
            tests: Vec::new(),
            contents: Contents::default(),
            exports: Vec::new(),
            allow: Vec::new(),
            runtime: Vec::new(),
        }
    }

    fn keys(recipes: &[Recipe]) -> Vec<BuildKey> {
        let pairs: Vec<_> = recipes.iter().map(|recipe| (recipe, of_recipe(recipe))).collect();
        plan(&pairs, &Orders::default(), &Nothing).steps.into_iter().map(|step| step.key).collect()
    }

    #[test]
    fn a_changed_need_changes_the_keys_of_all_that_need_it() {
        let before = [recipe("a", &[]), recipe("b", &["a"]), recipe("c", &[])];
        let mut after = before.clone();
        after[0].build.script.push("echo".to_owned());
        let (old, new) = (keys(&before), keys(&after));
        assert!(old[0] != new[0] && old[1] != new[1] && old[2] == new[2]);
    }

    #[test]
    fn homepage_summary_stacks_and_jobs_do_not_change_the_key() {
        let before = recipe("a", &[]);
        let mut after = before.clone();
        after.homepage = Some("https://example.org".to_owned());
        after.summary = Some("text".to_owned());
        after.stacks = vec!["gui".to_owned()];
        after.build.jobs = Some(2);
        assert_eq!(keys(&[before]), keys(&[after]));
    }

    #[test]
    fn the_reason_is_the_first_ingredient_that_differs() {
        let before = recipe("a", &[]);
        let mut after = before.clone();
        after.version = "2".to_owned();
        let plan = plan(&[(&after, of_recipe(&after))], &Orders::default(), &Earlier(of_recipe(&before)));
        let reason = Reason::Changed {
            ingredient: "recipe version".to_owned(),
            was: Some("1".to_owned()),
            is: Some("2".to_owned()),
        };
        assert_eq!(plan.steps[0].action, Action::Build { reason });
    }
}

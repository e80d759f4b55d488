//! Why a recipe is built or taken, and why it is there at all.
//!
//! Plans as `build` would; changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use crate::flow::build::bundles::Bundles;
use crate::flow::build::site::Site;
use crate::flow::build::{Error, Place};
use crate::model::event::Tell;
use crate::model::recipe::{Recipe, RecipeName};
use crate::plan::{Action, Orders, PlannedPackage, Reason};
use crate::search::Network;

/// The answer about one recipe.
#[derive(Debug, Clone)]
pub struct Why {
    /// What is done about it, then about the need that is the reason, and so on to the first cause.
    pub chain: Vec<PlannedPackage>,
    /// The recipes that name it as a need or a tool.
    pub users: Vec<RecipeName>,
}

/// Explains what a build would do about a recipe.
///
/// # Errors
/// As of a build's plan.
pub fn why(place: &Place<'_>, name: &RecipeName, network: Network, tell: Tell<'_>) -> Result<Why, Error> {
    let site = Site::open(place)?;
    site.folder.closure(std::slice::from_ref(name))?;
    let recipes = site.recipes(&[])?;
    let mut bundles = Bundles::new(&site.checkout, network, tell)?;
    let plan = site.plan_with_bundles(&recipes, &Orders::default(), &mut bundles)?;
    let step_of = |name: &str| plan.steps.iter().find(|step| step.name.as_str() == name);
    let mut chain: Vec<PlannedPackage> = Vec::new();
    let mut next = step_of(name.as_str());
    // Needs have no cycle, so that the chain ends.
    while let Some(step) = next {
        chain.push(step.clone());
        next = match &step.action {
            Action::Build { reason: Reason::Changed { ingredient, .. } } => {
                ingredient.strip_prefix("need ").or_else(|| ingredient.strip_prefix("tool ")).and_then(step_of)
            }
            _ => None,
        };
    }
    let users = recipes.iter().filter(|recipe| direct(recipe).contains(name.as_str()));
    Ok(Why { chain, users: users.map(|recipe| recipe.name.clone()).collect() })
}

/// The shortest way from one recipe to another that it needs, directly or not, both ends included; `None` where it
/// does not need it.
///
/// # Errors
/// When the recipes have mistakes, or there is none of a name.
pub fn path(place: &Place<'_>, from: &RecipeName, to: &RecipeName) -> Result<Option<Vec<RecipeName>>, Error> {
    let site = Site::open(place)?;
    let recipes = site.folder.closure(std::slice::from_ref(from))?;
    site.folder.closure(std::slice::from_ref(to))?;
    let by_name: BTreeMap<&str, &Recipe> = recipes.iter().map(|recipe| (recipe.name.as_str(), *recipe)).collect();
    let mut came_from: BTreeMap<&str, &str> = BTreeMap::new();
    let mut edge = vec![from.as_str()];
    while !edge.is_empty() {
        let mut beyond = Vec::new();
        for name in edge {
            let Some(recipe) = by_name.get(name) else { continue };
            for need in direct(recipe) {
                if need != from.as_str() && !came_from.contains_key(need) {
                    came_from.insert(need, name);
                    beyond.push(need);
                }
            }
        }
        edge = beyond;
    }
    let mut way = vec![to.clone()];
    let mut at = to.as_str();
    while at != from.as_str() {
        let Some(before) = came_from.get(at) else { return Ok(None) };
        let Some(recipe) = by_name.get(before) else { return Ok(None) };
        way.push(recipe.name.clone());
        at = before;
    }
    way.reverse();
    Ok(Some(way))
}

/// What a recipe names itself.
fn direct(recipe: &Recipe) -> BTreeSet<&str> {
    recipe.needs.iter().map(RecipeName::as_str).chain(recipe.tools.iter().map(String::as_str)).collect()
}

//! The order in which recipes are built, and circles of needs, which have none. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::recipe::{Recipe, RecipeName};
use crate::recipe_file::{Mention, Mentioned};
use crate::recipe_folder::file::File;
use crate::toml_file::Mistake;

/// The recipes that one is built after; `is_recipe` tells tools that are recipes from programs.
pub(super) fn before(recipe: &Recipe, is_recipe: impl Fn(&str) -> bool) -> Vec<RecipeName> {
    let tools = recipe.tools.iter().filter(|tool| is_recipe(tool) && **tool != recipe.name.as_str());
    let mut names = recipe.needs.clone();
    names.extend(tools.filter_map(|tool| RecipeName::parse(tool).ok()));
    names.sort();
    names.dedup();
    names
}

/// Notes each circle of needs once, at the first of its recipes by name.
pub(super) fn note_circles(files: &mut [File]) {
    let names: BTreeSet<String> = files.iter().map(|file| file.name.clone()).collect();
    let edges: BTreeMap<String, Vec<String>> = files
        .iter()
        .filter_map(|file| Some((file.name.clone(), file.reading.recipe.as_ref()?)))
        .map(|(name, recipe)| {
            let before = before(recipe, |name| names.contains(name));
            (name, before.iter().map(|name| name.as_str().to_owned()).collect())
        })
        .collect();
    let mut told: BTreeSet<BTreeSet<String>> = BTreeSet::new();
    for file in files {
        let Some(circle) = circle_from(&file.name, &edges) else { continue };
        if !told.insert(circle.iter().cloned().collect()) {
            continue;
        }
        let next = circle.get(1).unwrap_or(&file.name);
        let is_edge =
            |mention: &&Mention| matches!(mention.kind, Mentioned::Need | Mentioned::Tool) && mention.name == *next;
        let span = file.reading.mentions.iter().find(is_edge).map_or(0..0, |mention| mention.span.clone());
        let what = format!("`{}` needs itself: {}", file.name, circle.join(" -> "));
        file.reading.mistakes.push(Mistake { span, what, hint: Some("one of these needs must go".to_owned()) });
    }
}

/// The shortest way from a recipe back to itself, if there is one: `a, b, a`.
fn circle_from(start: &str, edges: &BTreeMap<String, Vec<String>>) -> Option<Vec<String>> {
    let mut came_from: BTreeMap<&str, &str> = BTreeMap::new();
    let mut open = std::collections::VecDeque::from([start]);
    while let Some(here) = open.pop_front() {
        for next in edges.get(here).into_iter().flatten() {
            if next == start {
                let mut way = vec![start.to_owned()];
                let mut at = here;
                while at != start {
                    way.push(at.to_owned());
                    at = came_from.get(at)?;
                }
                way.push(start.to_owned());
                way.reverse();
                return Some(way);
            }
            if !came_from.contains_key(next.as_str()) {
                came_from.insert(next, here);
                open.push_back(next);
            }
        }
    }
    None
}

/// Orders recipes without circles: of those whose needs all stand before, the first by name comes next.
pub(super) fn in_order(recipes: Vec<Recipe>) -> Vec<Recipe> {
    let names: BTreeSet<String> = recipes.iter().map(|recipe| recipe.name.as_str().to_owned()).collect();
    let mut left: BTreeMap<RecipeName, Recipe> =
        recipes.into_iter().map(|recipe| (recipe.name.clone(), recipe)).collect();
    let mut done: Vec<Recipe> = Vec::new();
    let mut ready_names: BTreeSet<RecipeName> = BTreeSet::new();
    while !left.is_empty() {
        let is_ready =
            |recipe: &Recipe| before(recipe, |name| names.contains(name)).iter().all(|name| ready_names.contains(name));
        let next = left.values().find(|recipe| is_ready(recipe)).map(|recipe| recipe.name.clone());
        // Without a circle one is always ready; were there one, the rest would follow by name.
        let Some(recipe) = next.or_else(|| left.keys().next().cloned()).and_then(|name| left.remove(&name)) else {
            break;
        };
        ready_names.insert(recipe.name.clone());
        done.push(recipe);
    }
    done
}

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
    let recipes: Vec<Recipe> = files.iter().filter_map(|file| file.reading.recipe.clone()).collect();
    if order(&recipes).len() == recipes.len() {
        return;
    }
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
    let places = order(&recipes);
    let mut recipes: Vec<Option<Recipe>> = recipes.into_iter().map(Some).collect();
    places.into_iter().filter_map(|place| recipes.get_mut(place).and_then(Option::take)).collect()
}

/// The places of recipes in the order in which they are built; those in circles are left out (Kahn 1962).
fn order(recipes: &[Recipe]) -> Vec<usize> {
    let by_name: BTreeMap<&str, usize> =
        recipes.iter().enumerate().map(|(place, recipe)| (recipe.name.as_str(), place)).collect();
    let mut users: Vec<Vec<usize>> = vec![Vec::new(); recipes.len()];
    let mut missing: Vec<usize> = Vec::with_capacity(recipes.len());
    for (place, recipe) in recipes.iter().enumerate() {
        let before = before(recipe, |name| by_name.contains_key(name));
        let before = before.iter().filter_map(|name| by_name.get(name.as_str()));
        missing.push(before.map(|&need| users[need].push(place)).count());
    }
    let is_ready = |place: &usize| missing[*place] == 0;
    let name = |place: usize| (recipes[place].name.as_str(), place);
    let mut ready: BTreeSet<(&str, usize)> = (0..recipes.len()).filter(is_ready).map(name).collect();
    let mut done = Vec::with_capacity(recipes.len());
    while let Some((_, place)) = ready.pop_first() {
        done.push(place);
        for &user in &users[place] {
            missing[user] -= 1;
            if missing[user] == 0 {
                ready.insert(name(user));
            }
        }
    }
    done
}

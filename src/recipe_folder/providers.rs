//! Names that recipes provide beside their own, and which recipe each of them stands for. Pure.

use std::collections::BTreeMap;

use crate::model::recipe::{Recipe, RecipeName};

/// Who provides what.
pub(super) struct Providers {
    /// The recipes by the name they provide, in order.
    by_name: BTreeMap<String, Vec<String>>,
    chosen: BTreeMap<String, RecipeName>,
}

impl Providers {
    /// Of these recipes, with the project's choices.
    pub(super) fn of_recipes<'a>(
        recipes: impl Iterator<Item = &'a Recipe>,
        chosen: &[(RecipeName, RecipeName)],
    ) -> Providers {
        let mut by_name: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for recipe in recipes {
            for name in &recipe.provides {
                by_name.entry(name.to_string()).or_default().push(recipe.name.to_string());
            }
        }
        let chosen = chosen.iter().map(|(name, recipe)| (name.to_string(), recipe.clone())).collect();
        Providers { by_name, chosen }
    }

    /// The recipes that provide a name.
    pub(super) fn of(&self, name: &str) -> &[String] {
        self.by_name.get(name).map_or(&[], Vec::as_slice)
    }

    /// Whether several recipes provide a name and the project chooses none.
    pub(super) fn is_open(&self, name: &str) -> bool {
        self.of(name).len() > 1 && !self.chosen.contains_key(name)
    }

    /// The first choice that is none: a recipe that does not provide the name.
    pub(super) fn wrong_choice(&self) -> Option<(String, RecipeName, Vec<String>)> {
        let is_wrong = |(name, recipe): &(&String, &RecipeName)| {
            name.as_str() != recipe.as_str() && !self.of(name).iter().any(|one| one == recipe.as_str())
        };
        let (name, recipe) = self.chosen.iter().find(is_wrong)?;
        Some((name.clone(), recipe.clone(), self.of(name).to_vec()))
    }

    /// Puts recipes in place of the names that a recipe needs; `is_recipe` tells names of recipes.
    pub(super) fn settle(&self, recipe: &mut Recipe, is_recipe: impl Fn(&str) -> bool) {
        let mut needs: Vec<RecipeName> = Vec::with_capacity(recipe.needs.len());
        for need in &recipe.needs {
            let settled = match (self.chosen.get(need.as_str()), self.of(need.as_str())) {
                (Some(chosen), _) => chosen.clone(),
                (None, [only]) if !is_recipe(need.as_str()) => {
                    RecipeName::parse(only).expect("it came from a recipe name")
                }
                _ => need.clone(),
            };
            // A recipe that provides what it names as a need, of another one's make, would need itself.
            if !needs.contains(&settled) {
                needs.push(settled);
            }
        }
        recipe.needs = needs;
    }
}

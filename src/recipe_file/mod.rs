//! Reads recipe.toml into a checked recipe, all mistakes in one report.

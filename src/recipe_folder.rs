//! Reads a folder of recipes.

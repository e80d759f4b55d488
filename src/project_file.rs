//! Reads tagalong.toml into a checked project.

//! Runs one build plan: sandbox, steps, seal.

pub mod seal;

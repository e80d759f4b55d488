//! Runs one build plan: sandbox, steps, seal.

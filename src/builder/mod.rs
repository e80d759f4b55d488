//! Runs one build plan: ingredients, sandbox, steps, seal, tests.
//!
//! `crew.rs` orders, `package.rs` makes one package, `sandbox/` limits its steps, `seal/` proves it; `toolchain.rs` tells what compiles.

mod contents;
pub mod crew;
mod debug;
pub mod error;
mod host_files;
pub mod ingredients;
pub mod package;
mod packing;
pub mod prebuilt;
pub mod probes;
mod remembered;
pub mod running;
pub mod sandbox;
pub mod seal;
mod snapshot;
pub mod steps;
mod toolchain;
pub mod work;

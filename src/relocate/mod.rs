//! Finds and rewrites prefixes in bytes: where a file holds the placeholder, what of it is left, how it is replaced.
//!
//! `kind` to `residue` serve packages, with one placeholder; `mapping` and what builds on it serve trees that others
//! made. Pure: bytes in, bytes or facts out. Does not read files (`builder/seal/`, `archive/`, `tree/`).

pub mod elf;
pub mod escaped;
pub mod kind;
pub mod made_for;
pub mod mapping;
pub mod moved_elf;
pub mod origin;
pub mod patch;
pub mod pyc;
pub mod record;
pub mod relative;
pub mod residue;
pub mod scan;
mod scheme;
pub mod shebang;
pub mod sieve;
pub mod splice;

//! Finds and rewrites prefixes in bytes: where a file holds the placeholder, what of it is left, how it is replaced.
//!
//! Pure: bytes in, bytes or facts out. Does not read files (`builder/seal/`, `archive/`).

pub mod elf;
pub mod kind;
pub mod origin;
pub mod patch;
pub mod residue;
pub mod scan;
pub mod sieve;

//! Finds and rewrites prefixes in bytes; pure.

//! The nouns of the program, valid by construction: whoever holds one need not check it again.
//!
//! Owns no I/O, no clock, no environment: bytes and text in, values out. Every file is one noun of the
//! design's table of words.

pub mod build_key;
pub mod bundle;
pub mod depth;
pub mod digest;
pub mod event;
pub mod glob;
pub mod host_package;
pub mod link;
pub mod package;
pub mod platform;
pub mod prefix;
pub mod project;
pub mod receipt;
pub mod recipe;
pub mod recipe_text;
pub mod runtime;
pub mod selection;
pub mod source;
pub mod tag;

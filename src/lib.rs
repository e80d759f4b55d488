//! tagalong gives every checkout of a project the third-party libraries that belong to it.
//!
//! The libraries *tag along* with the git history: a `deps-*` tag names one state of the dependencies, a bundle is
//! built and published once per tag and platform, and every checkout walks back to its nearest tag, fetches the
//! bundle for its platform and gets it relocated into its own tree.
//!
//! # Floors
//! Imports go down only (`tests/tidy.rs` reads the sources and fails otherwise):
//!
//! | floor | rooms | what they may do |
//! |---|---|---|
//! | 4 | [`cli`] | reads argv, environment and terminal; the only one that prints |
//! | 3 | [`flow`] | one verb a file; flows do not call flows |
//! | 2 | [`checkout`], [`host`], [`http`], [`channel`], [`archive`], [`store`], [`prefix_dir`], [`place`], [`lock`], [`durable`], [`at_once`], [`rewrite`], [`sources`], [`recipe_folder`], [`tree`], [`builder`], [`signing`], [`search`] | touch the world, one door each |
//! | 1 | [`nearest`], [`recipe_file`], [`recipe_import`], [`project_file`], [`toml_file`], [`relocate`], [`audit`], [`moment`], [`percent`], [`plan`], [`pipeline`], [`compare`], [`report`] | the craft: pure, bytes in, facts out |
//! | 0 | [`model`] | the nouns, valid by construction |
//!
//! # Main flows
//! ```text
//! install  checkout -nearest-> deps tag -with platform-> bundle ref -channel-> manifest -verify signature->
//!          packages -store has it, else fetch and check the digest-> untar, patch at offsets -> staging
//!          -receipt, exchange-> prefix
//! build    recipes -order-> plan (a build key and a reason each) -sources, sandbox, steps under the placeholder->
//!          tree -seal: make relative, scan, prove-> package -> store
//! publish  packages + records + manifest -sign-> channel
//! ```

pub mod archive;
pub mod at_once;
pub mod audit;
pub mod builder;
pub mod channel;
pub mod checkout;
pub mod cli;
pub mod compare;
pub mod durable;
pub mod flow;
pub mod host;
pub mod http;
pub mod lock;
pub mod model;
pub mod moment;
pub mod nearest;
pub mod percent;
pub mod pipeline;
pub mod place;
pub mod plan;
pub mod prefix_dir;
pub mod project_file;
pub mod recipe_file;
pub mod recipe_folder;
pub mod recipe_import;
pub mod relocate;
pub mod report;
pub mod rewrite;
pub mod search;
pub mod signing;
pub mod sources;
pub mod store;
pub mod toml_file;
pub mod tree;

//! One verb a file: Options, Outcome, Error, one function. Flows do not call flows.
//!
//! `place.rs` is no verb: it finds the prefix that several of them are about.

pub mod environment;
pub mod install;
pub mod key;
pub mod place;
pub mod platform;
pub mod publish;
pub mod resolve;
pub mod init;
pub mod recipe_check;
pub mod recipe_graph;
pub mod recipe_new;
pub mod recipe_show;
pub mod status;
pub mod uninstall;

/// How far a run goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Until it is known what would be done; nothing is written.
    Plan,
    Act,
}

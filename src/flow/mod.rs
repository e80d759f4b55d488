//! One verb a file: Options, Outcome, Error, one function. Flows do not call flows.

pub mod platform;
pub mod resolve;
pub mod init;
pub mod recipe_check;
pub mod recipe_graph;
pub mod recipe_new;
pub mod recipe_show;

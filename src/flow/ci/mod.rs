//! CI: the pipeline of a checkout, the files that a project needs for it, and a failed job once more.
//!
//! How a pipeline looks is in `pipeline/`; here is found out what goes into it.

pub mod check;
pub mod generate;
mod history;
pub mod image;
pub mod init;
mod look;
mod pin;
pub mod reproduce;

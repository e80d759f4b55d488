//! One verb a file: Options, Outcome, Error, one function. Flows do not call flows.

pub mod audit;
pub mod build;
pub mod ci;
pub mod diff;
pub mod doctor;
pub mod elf_edit;
pub mod elf_loads;
pub mod elf_show;
pub mod environment;
pub mod init;
pub mod install;
pub mod key;
pub mod list;
pub mod platform;
pub mod publish;
pub mod recipe_check;
pub mod recipe_graph;
pub mod recipe_import;
pub mod recipe_new;
pub mod recipe_show;
pub mod recipe_update;
pub mod relocate;
pub mod resolve;
pub mod status;
pub mod tag;
pub mod uninstall;

//! Packs and unpacks package archives and source archives.
pub mod foreign;
mod foreign_tar;
pub(crate) mod foreign_tree;
mod foreign_zip;

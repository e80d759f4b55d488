//! Packs and unpacks package archives and source archives.

//! Staging, exchange and receipt of a prefix on disk.

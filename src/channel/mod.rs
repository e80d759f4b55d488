//! Where bundles are published and fetched; one file per kind.

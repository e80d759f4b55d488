//! Fetches sources, one file per kind of place.

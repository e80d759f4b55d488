//! The local, verified copies of packages.

//! Looks at a machine, or at another root: os-release, architecture, libc.

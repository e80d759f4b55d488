//! Proves what a tree asks of the loader and of the system; pure.

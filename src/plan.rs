//! Decides what a build will do, with a reason per package; pure.

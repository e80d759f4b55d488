//! How far a run goes: `--dry-run` or not.
//!
//! Does not say what is planned; each flow does.

/// How far a run goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Until it is known what would be done; nothing is written.
    Plan,
    Act,
}

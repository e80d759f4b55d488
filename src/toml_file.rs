//! The mistakes of a TOML file with their places; the only file that knows `toml`.
//!
//! Does not know what a recipe or a project is: `recipe_file/` and `project_file.rs` do.

use std::ops::Range;

/// Every mistake of one file, in the order of the text; never empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name} has {} mistakes", list.len())]
pub struct Mistakes {
    /// The file as the user knows it.
    pub name: String,
    /// The whole text, to show lines of.
    pub text: String,
    pub list: Vec<Mistake>,
}

/// One mistake: the byte range in the text, what is wrong, and how to mend it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    pub span: Range<usize>,
    pub what: String,
    pub hint: Option<String>,
}

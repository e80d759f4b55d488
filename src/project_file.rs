//! Reads tagalong.toml into a checked project.

use crate::model::project::Project;
use crate::toml_file::Mistakes;

/// Reads the text of a `tagalong.toml`; `name` is how the user knows the file.
///
/// # Errors
/// All mistakes of the file at once.
pub fn parse(_name: &str, _text: &str) -> Result<Project, Mistakes> {
    Ok(Project::default())
}

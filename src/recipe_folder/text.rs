//! Reads the files of a recipe for its build record, and lays them out again.
//!
//! Does not know what they say (`recipe_file/`).

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::model::recipe_text::{MOST_BYTES, RecipeText, RecipeTextFile};

/// All files of a recipe's folder; `None` where they are too large to be kept, or are no regular files with names in
/// UTF-8: such a recipe is built again from its repository.
///
/// # Errors
/// The I/O error of reading them.
pub fn gather(folder: &Path) -> io::Result<Option<RecipeText>> {
    let mut text = RecipeText::default();
    let mut left = MOST_BYTES;
    let is_whole = gather_below(folder, "", &mut left, &mut text)?;
    text.files.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(is_whole.then_some(text))
}

fn gather_below(folder: &Path, shown: &str, left: &mut u64, text: &mut RecipeText) -> io::Result<bool> {
    for entry in fs_err::read_dir(folder)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { return Ok(false) };
        let path = if shown.is_empty() { name } else { format!("{shown}/{name}") };
        let (kind, facts) = (entry.file_type()?, entry.metadata()?);
        if kind.is_dir() {
            if !gather_below(&entry.path(), &path, left, text)? {
                return Ok(false);
            }
        } else if kind.is_file() && facts.len() <= *left {
            let bytes = fs_err::read(entry.path())?;
            *left = left.saturating_sub(bytes.len() as u64);
            let is_program = facts.permissions().mode() & 0o100 != 0;
            text.files.push(RecipeTextFile::new(path, is_program, bytes));
        } else {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Writes the files into a new folder; gives the path of the first that is not one below it.
///
/// # Errors
/// The I/O error of writing them.
pub fn lay_out(text: &RecipeText, folder: &Path) -> io::Result<Option<String>> {
    fs_err::create_dir_all(folder)?;
    for file in &text.files {
        let Some((path, bytes)) = file.content() else { return Ok(Some(file.path.clone())) };
        let path = folder.join(path.as_str());
        fs_err::create_dir_all(path.parent().unwrap_or(folder))?;
        // A path that stands twice would be written through.
        io::Write::write_all(&mut fs_err::OpenOptions::new().write(true).create_new(true).open(&path)?, &bytes)?;
        let mode = if file.executable { 0o755 } else { 0o644 };
        fs_err::set_permissions(&path, std::fs::Permissions::from_mode(mode))?;
    }
    Ok(None)
}

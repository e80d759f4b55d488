//! Applies a patch with the `patch` program: without fuzz, and only if it cannot be applied a second time.
//!
//! Does not read patches.

use std::path::Path;
use std::process::Command;

use crate::model::recipe::RecipeName;
use crate::sources::Error;
use crate::sources::program::{self, Said};

/// Applies a patch in a folder; first it is only tried, so that a patch that does not apply changes nothing.
pub(super) fn apply(recipe: &RecipeName, patch: &str, file: &Path, folder: &Path) -> Result<(), Error> {
    let tried = run(file, folder, true)?;
    if !tried.is_success {
        return Err(refused(recipe, patch, &tried));
    }
    let applied = run(file, folder, false)?;
    if !applied.is_success {
        return Err(refused(recipe, patch, &applied));
    }
    if run(file, folder, true)?.is_success {
        return Err(Error::PatchTwice { recipe: recipe.clone(), patch: patch.to_owned() });
    }
    Ok(())
}

/// The hunks of a patch that do not apply in a folder, which is not changed; nothing where `patch` does not tell.
pub(super) fn rejected(file: &Path, folder: &Path) -> String {
    let Ok(scratch) = tempfile::tempdir() else { return String::new() };
    let (hunks, result) = (scratch.path().join("hunks"), scratch.path().join("result"));
    let mut command = command(file, folder);
    command.arg("--reject-file").arg(&hunks).arg("--output").arg(result);
    let is_run = matches!(program::run(&mut command), Ok(Some(_)));
    let text = is_run.then(|| fs_err::read(&hunks).ok()).flatten().unwrap_or_default();
    String::from_utf8_lossy(&text).into_owned()
}

fn refused(recipe: &RecipeName, patch: &str, said: &Said) -> Error {
    let output = format!("{}{}", said.stdout_text(), said.stderr).trim_end().to_owned();
    Error::Patch { recipe: recipe.clone(), patch: patch.to_owned(), output }
}

fn run(file: &Path, folder: &Path, is_trial: bool) -> Result<Said, Error> {
    let mut command = command(file, folder);
    command.arg("--reject-file=-").args(is_trial.then_some("--dry-run"));
    match program::run(&mut command) {
        Ok(Some(said)) => Ok(said),
        Ok(None) => Err(Error::Program { program: "patch", reason: "it is not installed".to_owned() }),
        Err(error) => Err(Error::Program { program: "patch", reason: error.to_string() }),
    }
}

fn command(file: &Path, folder: &Path) -> Command {
    let mut command = Command::new("patch");
    // `--forward` makes a patch that is already in the source a failure, not a question.
    command.args(["-p1", "--fuzz=0", "--no-backup-if-mismatch", "--batch", "--forward"]);
    command.arg("--input").arg(file).current_dir(folder);
    // Settings of the user's that change what `patch` does (patch(1), ENVIRONMENT).
    for variable in ["PATCH_GET", "POSIXLY_CORRECT", "QUOTING_STYLE", "SIMPLE_BACKUP_SUFFIX", "VERSION_CONTROL"] {
        command.env_remove(variable);
    }
    command
}

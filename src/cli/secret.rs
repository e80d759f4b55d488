//! The secret key of this run: from `--secret-key`, else from `TAGALONG_SECRET_KEY`, as a file or as its text.

use std::ffi::OsStr;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use fs_err as fs;

use crate::cli::failure::{Code, Failure};
use crate::cli::settings::Settings;
use crate::signing::{Password, SecretKey};

/// Reads the secret key; `None` where neither flag nor variable names one.
///
/// # Errors
/// A usage failure when what is named is no key; it never repeats what was given, which may be the key.
pub fn secret_key(flag: Option<&Path>, settings: &Settings) -> Result<Option<SecretKey>, Failure> {
    let text = match (flag, &settings.secret_key) {
        (Some(path), _) => read(&settings.directory.join(path))?,
        (None, Some(given)) => match path_of(given, settings) {
            Some(path) => read(&path)?,
            None => given.to_string_lossy().into_owned(),
        },
        (None, None) => return Ok(None),
    };
    let password = if std::io::stdin().is_terminal() { Password::Ask } else { Password::None };
    match SecretKey::parse(&text, password) {
        Ok(key) => Ok(Some(key)),
        Err(error) => Err(Failure::from(&error)),
    }
}

/// The variable's value as the path of a file that is there; a key's own text never is.
fn path_of(given: &OsStr, settings: &Settings) -> Option<PathBuf> {
    let path = settings.directory.join(given);
    path.is_file().then_some(path)
}

fn read(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|error| {
        Failure::new(Code::Usage, "the secret key cannot be read")
            .why(error.to_string())
            .next("name the file with `--secret-key` or `TAGALONG_SECRET_KEY`")
    })
}

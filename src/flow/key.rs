//! Makes keys, and signs and verifies single files with them.
//!
//! Does not know the format (`signing.rs`), nor the project's keys.

use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use fs_err as fs;

use crate::signing::{self, PublicKey, SecretKey, SigningError, Verified};

/// How a new key is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// By the file's mode alone: what CI can use.
    Mode,
    /// By a password too, which is asked for on the terminal.
    Password,
}

/// Makes a key and writes the secret half to a new file that only its owner may read.
///
/// # Errors
/// [`Error::Exists`] when there is such a file: a key is never overwritten.
pub fn make(output: &Path, protection: Protection) -> Result<PublicKey, Error> {
    if output.exists() {
        return Err(Error::Exists { path: output.to_owned() });
    }
    let (key, text) = match protection {
        Protection::Password => SecretKey::generate_with_password()?,
        Protection::Mode => {
            let key = SecretKey::generate()?;
            let text = key.to_text()?;
            (key, text)
        }
    };
    let mut options = fs::OpenOptions::new();
    options.options_mut().mode(0o600);
    let mut file = match options.write(true).create_new(true).open(output) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(Error::Exists { path: output.to_owned() });
        }
        other => other.map_err(system)?,
    };
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(system)?;
    Ok(key.public().clone())
}

/// Signs a file; the signature goes beside it, with `.minisig` at the end. Gives its path.
///
/// # Errors
/// [`Error`].
pub fn sign(key: &SecretKey, file: &Path) -> Result<PathBuf, Error> {
    let bytes = fs::read(file).map_err(system)?;
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let signature = key.sign(&bytes, &format!("file:{name}"))?;
    let path = signature_of(file);
    fs::write(&path, signature).map_err(system)?;
    Ok(path)
}

/// Checks the signature beside a file.
///
/// # Errors
/// [`Error::Unsigned`] when there is none, [`Error::Signing`] when it is not right.
pub fn verify(keys: &[PublicKey], file: &Path) -> Result<Verified, Error> {
    let bytes = fs::read(file).map_err(system)?;
    let path = signature_of(file);
    let signature = match fs::read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(Error::Unsigned { path }),
        other => other.map_err(system)?,
    };
    let wrong = |error| Error::Untrusted { path: file.to_owned(), error };
    signing::verify(keys, &bytes, &String::from_utf8_lossy(&signature)).map_err(wrong)
}

fn signature_of(file: &Path) -> PathBuf {
    let mut path = file.as_os_str().to_owned();
    path.push(".minisig");
    PathBuf::from(path)
}

fn system(error: io::Error) -> Error {
    Error::System { reason: error.to_string() }
}

/// Why a key or a signature was not made or not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("{} is there", path.display())]
    Exists { path: PathBuf },
    #[error("there is no signature at {}", path.display())]
    Unsigned { path: PathBuf },
    #[error("{}: {error}", path.display())]
    Untrusted { path: PathBuf, error: SigningError },
    #[error(transparent)]
    Signing(#[from] SigningError),
    /// The system's own words, with the path.
    #[error("{reason}")]
    System { reason: String },
}

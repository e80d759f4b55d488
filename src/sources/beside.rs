//! Sources that lie beside the recipe: a folder or a file, part of the repository.
//!
//! Does not leave the recipe's folder.

use std::io;
use std::path::Path;

use crate::model::recipe::RecipeName;
use crate::model::source::{Place, Source};
use crate::sources::{Error, Fetched, LARGEST_SOURCE, Reason};

/// Finds what a source without a digest names.
pub(super) fn find(name: &RecipeName, source: &Source, recipe_folder: &Path) -> Result<Fetched, Error> {
    if let Some(folder) = source.places.iter().find_map(|place| match place {
        Place::WorkingCopy(folder) => Some(folder),
        _ => None,
    }) {
        // The user named it, wherever it is.
        return match folder.is_dir() {
            true => Ok(Fetched::Folder(folder.clone())),
            false => {
                Err(Error::Beside { recipe: name.clone(), path: folder.clone(), reason: "it is no folder".to_owned() })
            }
        };
    }
    let path = source.places.iter().find_map(|place| match place {
        Place::Path(path) => Some(recipe_folder.join(path)),
        _ => None,
    });
    let path = path.unwrap_or_else(|| recipe_folder.to_owned());
    let wrong = |reason: String| Error::Beside { recipe: name.clone(), path: path.clone(), reason };
    let (whole, own) = fs_err::canonicalize(&path)
        .and_then(|whole| Ok((whole, fs_err::canonicalize(recipe_folder)?)))
        .map_err(|error| wrong(error.to_string()))?;
    if !whole.starts_with(&own) || whole == own {
        return Err(wrong("it leads out of the recipe's folder".to_owned()));
    }
    Ok(if whole.is_dir() { Fetched::Folder(whole) } else { Fetched::File(whole) })
}

/// Copies a file, as a place gives it.
pub(super) fn copy(from: &Path, into: &Path) -> Result<(), Reason> {
    let metadata = match fs_err::metadata(from) {
        Ok(metadata) => metadata,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Err(Reason::Absent);
        }
        Err(error) => return Err(Reason::Unreachable(error.to_string())),
    };
    if !metadata.is_file() {
        return Err(Reason::Unusable(format!("{} is no file", from.display())));
    }
    if metadata.len() > LARGEST_SOURCE {
        return Err(Reason::Unusable(format!("it has {} bytes, the most is {LARGEST_SOURCE}", metadata.len())));
    }
    fs_err::copy(from, into).map(|_| ()).map_err(|error| Reason::Unreachable(error.to_string()))
}

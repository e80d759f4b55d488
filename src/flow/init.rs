//! `init`: makes a checkout a project: `tagalong.toml`, and the lines that git needs.
//!
//! Does not change what is there: `tagalong.toml` is never overwritten, lines are only added.

use std::io;
use std::path::{Path, PathBuf};

use crate::model::project::{PROJECT_FILE, Project, RECIPES_FOLDER};
use crate::project_file;

/// What is to be made.
#[derive(Debug, Clone)]
pub struct Options {
    pub directory: PathBuf,
    /// The name of the project; else that of its folder.
    pub name: Option<String>,
    /// Whether nothing is to be written.
    pub is_dry_run: bool,
}

/// What was made, or would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    pub root: PathBuf,
    pub name: String,
    pub changes: Vec<Change>,
}

/// One file that is written or longer than before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub file: &'static str,
    /// What is written, or added.
    pub text: String,
    pub is_new: bool,
}

/// Why nothing was made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{} exists", path.display())]
    Exists { path: PathBuf },
    #[error("`{given}` cannot name a project")]
    Name { given: String },
    #[error("{0}")]
    Disk(#[source] io::Error),
}

/// Writes `tagalong.toml` at the root of the repository, or in the folder itself outside of one.
///
/// # Errors
/// When there is one, when the name is no word, when the disk refuses.
pub fn init(options: &Options) -> Result<Outcome, Error> {
    let root = root_of(&options.directory);
    let path = root.join(PROJECT_FILE);
    if path.exists() {
        return Err(Error::Exists { path });
    }
    let name = options.name.clone().unwrap_or_else(|| name_of(&root));
    let text = project_file::template(&name);
    if !is_word(&name) || project_file::parse(PROJECT_FILE, &text).is_err() {
        return Err(Error::Name { given: name });
    }
    let mut changes = vec![Change { file: PROJECT_FILE, text, is_new: true }];
    // The bundle is no part of the history, and git must not change a byte of a patch.
    let ignored = ignored_folder(&Project::default().prefix);
    let lines = [(".gitignore", ignored), (".gitattributes", Some(format!("{RECIPES_FOLDER}/** -text")))];
    for (file, line) in lines {
        if let Some(line) = line {
            changes.extend(addition(&root, file, &line).map_err(Error::Disk)?);
        }
    }
    if !options.is_dry_run {
        // The project file comes last: while it is not there, the run can be repeated.
        changes.iter().rev().try_for_each(|change| write(&root, change)).map_err(Error::Disk)?;
    }
    Ok(Outcome { root, name, changes })
}

fn root_of(directory: &Path) -> PathBuf {
    directory.ancestors().find(|folder| folder.join(".git").exists()).unwrap_or(directory).to_owned()
}

/// The name of a folder as far as it is a word.
fn name_of(folder: &Path) -> String {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let plain: String = name.chars().map(|c| if is_plain(c) { c } else { '-' }).collect();
    let name: String = plain.trim_start_matches(|c: char| !c.is_ascii_alphanumeric()).chars().take(64).collect();
    if name.is_empty() { Project::default().name } else { name }
}

fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-_.".contains(c)
}

fn is_word(name: &str) -> bool {
    !name.is_empty() && name.chars().all(is_plain)
}

/// The first folder of a prefix as `.gitignore` writes it: `/extern/`.
fn ignored_folder(prefix: &str) -> Option<String> {
    let first = prefix.split('/').next().filter(|first| !first.is_empty() && !first.contains('{'));
    first.map(|first| format!("/{first}/"))
}

/// The line that a file lacks, if it does.
fn addition(root: &Path, file: &'static str, line: &str) -> io::Result<Option<Change>> {
    let text = match fs_err::read(root.join(file)) {
        Ok(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    if text.as_deref().unwrap_or_default().lines().any(|known| known.trim() == line) {
        return Ok(None);
    }
    let gap = if text.as_ref().is_some_and(|text| !text.is_empty() && !text.ends_with('\n')) { "\n" } else { "" };
    Ok(Some(Change { file, text: format!("{gap}{line}\n"), is_new: text.is_none() }))
}

fn write(root: &Path, change: &Change) -> io::Result<()> {
    let mut options = fs_err::OpenOptions::new();
    if change.is_new {
        options.write(true).create_new(true)
    } else {
        options.append(true)
    };
    io::Write::write_all(&mut options.open(root.join(change.file))?, change.text.as_bytes())
}

//! `ci init`: the files that a project needs so that its dependencies tag along in GitLab CI.
//!
//! Does not write tagalong.toml (`flow/init.rs`), and changes no pipeline that is there: it says what to add.

use std::io;
use std::path::{Path, PathBuf};

/// The template that comes with the program.
pub const TEMPLATE: &str = include_str!("../../../ci/tagalong.gitlab-ci.yml");

/// Where it is put, from the root of the checkout.
pub const TEMPLATE_PATH: &str = "ci/tagalong.gitlab-ci.yml";

/// The project's own pipeline.
const PIPELINE_PATH: &str = ".gitlab-ci.yml";

/// What a project's own pipeline has.
const PIPELINE: &str = r#"include:
  - local: ci/tagalong.gitlab-ci.yml
    inputs:
      stage: deps

stages: [deps, test]

# A job that gets the bundle that belongs to its commit before its script runs.
test:
  extends: .tagalong
  stage: test
  script:
    - tagalong run -- make check
"#;

/// What was made, or would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The files that are new or written anew, from the root of the checkout.
    pub written: Vec<&'static str>,
    /// What is to be added to a pipeline that is there.
    pub to_add: Option<&'static str>,
}

/// Why nothing was made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{}: {source}", path.display())]
    Disk { path: PathBuf, source: io::Error },
}

/// Writes the template, and a pipeline that includes it where there is none.
///
/// # Errors
/// [`Error::Disk`].
pub fn init(root: &Path, is_dry_run: bool) -> Result<Outcome, Error> {
    let mut outcome = Outcome { written: Vec::new(), to_add: None };
    let read = |name: &str| match fs_err::read_to_string(root.join(name)) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Error::Disk { path: root.join(name), source }),
    };
    let write = |name: &str, text: &str| {
        let path = root.join(name);
        let folder = path.parent().unwrap_or(root);
        let written = fs_err::create_dir_all(folder).and_then(|()| fs_err::write(&path, text));
        written.map_err(|source| Error::Disk { path, source })
    };
    let mut put = |name: &'static str, text: &str| {
        outcome.written.push(name);
        if is_dry_run { Ok(()) } else { write(name, text) }
    };
    if read(TEMPLATE_PATH)?.as_deref() != Some(TEMPLATE) {
        put(TEMPLATE_PATH, TEMPLATE)?;
    }
    match read(PIPELINE_PATH)? {
        None => put(PIPELINE_PATH, PIPELINE)?,
        Some(text) if text.contains(TEMPLATE_PATH) => {}
        Some(_) => outcome.to_add = Some(PIPELINE),
    }
    Ok(outcome)
}

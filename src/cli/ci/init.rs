//! `tagalong ci init`: the files for GitLab CI, and which variables a person has to set there.

use std::process::ExitCode;

use crate::cli::failure::Failure;
use crate::cli::print::{print, say};
use crate::cli::settings::Settings;
use crate::flow::{ci, init};
use crate::model::project::PROJECT_FILE;
use crate::recipe_folder::root_above;

/// Writes what GitLab CI needs: ci/tagalong.gitlab-ci.yml, .gitlab-ci.yml and tagalong.toml, where they are missing
#[derive(Debug, clap::Args)]
#[command(after_help = "A .gitlab-ci.yml that is there is not changed: what is to be added is printed.")]
pub struct Arguments {
    /// Tells what would be written, and writes nothing
    #[arg(long)]
    dry_run: bool,
}

const VARIABLES: &str = "\
Set in GitLab, Settings > CI/CD > Variables:
  TAGALONG_SECRET_KEY   the key that `tagalong key new` makes, of type file; protected, and limited
                        to the environments `tagalong/*`, which only the jobs that sign have
  what the channel asks of those who write to it, protected too
and in Settings > Repository > Protected tags: `deps-*`
";

pub fn run(arguments: Arguments, settings: &Settings) -> Result<ExitCode, Failure> {
    let mut root = root_above(&settings.directory);
    let mut written: Vec<&str> = Vec::new();
    if !root.join(PROJECT_FILE).exists() {
        let is_dry_run = arguments.dry_run;
        let made = init::init(&init::Options { directory: settings.directory.clone(), name: None, is_dry_run })?;
        written.extend(made.changes.iter().map(|change| change.file));
        root = made.root;
    }
    let outcome = ci::init::init(&root, arguments.dry_run)?;
    written.extend(outcome.written);
    if let Some(text) = outcome.to_add {
        print(&format!("Add to .gitlab-ci.yml:\n\n{text}\n"))?;
    }
    print(VARIABLES)?;
    let verb = if arguments.dry_run { "would write" } else { "wrote" };
    match written.as_slice() {
        [] => say!("nothing to write: everything is there"),
        files => say!("{verb} {}", files.join(", ")),
    }
    Ok(ExitCode::SUCCESS)
}

//! Asks places for sources whose digest or commit is not known yet: those of a new version.
//!
//! What was found is kept by its digest; whether it is wanted is for who asks to say.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::model::digest::Digest;
use crate::model::event::Tell;
use crate::model::recipe::RecipeName;
use crate::model::source::{Place, Source};
use crate::sources::{Asking, Error, Fetcher, Reason, Try, Wanted, describe, git, in_order, program};

/// A file that was found at one of a source's places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub file: PathBuf,
    pub digest: Digest,
    /// The place that gave it.
    pub place: String,
    /// The places that were asked before and did not.
    pub tries: Vec<Try>,
}

impl Fetcher<'_> {
    /// Fetches a source without regard to its digest, from the first place that has it.
    ///
    /// # Errors
    /// [`Error::Unavailable`] with every place that was asked, [`Error::Disk`].
    pub fn discover_any(
        &self,
        name: &RecipeName,
        source: &Source,
        recipe_folder: &Path,
        tell: Tell,
    ) -> Result<Found, Error> {
        let asking = Asking { name, recipe_folder, tell };
        let mut tries = Vec::new();
        for place in in_order(&source.places) {
            asking.told(place);
            let file = self.kept.temporary().map_err(Error::Disk)?;
            match self.bring(&asking, place, None, file.path()) {
                Ok(()) => {
                    let (file, digest) = self.kept.keep_any(file).map_err(Error::Disk)?;
                    return Ok(Found { file, digest, place: describe(place), tries });
                }
                Err(reason) => asking.failed(&mut tries, describe(place), reason),
            }
        }
        Err(Error::Unavailable { recipe: name.clone(), wanted: Wanted::Anything, tries })
    }
}

/// The tags that a release may have: `v1.2`, `1.2`, `demo-1.2`, `demo-v1.2`, `release-1.2`, with `_` for `.` too.
pub fn tags_of(name: &RecipeName, version: &str) -> Vec<String> {
    let underscored = version.replace('.', "_");
    let versions =
        if underscored == version { vec![version.to_owned()] } else { vec![version.to_owned(), underscored] };
    let of = |version: &String| {
        let name = name.as_str();
        vec![
            format!("v{version}"),
            version.clone(),
            format!("{name}-{version}"),
            format!("{name}-v{version}"),
            format!("{name}_{version}"),
            format!("release-{version}"),
        ]
    };
    versions.iter().flat_map(of).collect()
}

/// The commits of those of these tags that a git repository has, in the order of `tags`.
///
/// # Errors
/// [`Error::Unavailable`] when the repository cannot be asked.
pub fn commits_of_tags(name: &RecipeName, place: &Place, tags: &[String]) -> Result<Vec<(String, String)>, Error> {
    let Place::Git { url } = place else { return Ok(Vec::new()) };
    let unavailable = |reason: Reason| {
        let tries = vec![Try { place: describe(place), reason }];
        Error::Unavailable { recipe: name.clone(), wanted: Wanted::Anything, tries }
    };
    let mut command: Command = git::git();
    command.args(["ls-remote", "--tags", "--", url]);
    let said = match program::run(&mut command) {
        Ok(Some(said)) if said.is_success => said,
        Ok(Some(said)) => return Err(unavailable(Reason::Unreachable(said.complaint()))),
        Ok(None) => return Err(Error::Program { program: "git", reason: "it is not installed".to_owned() }),
        Err(error) => return Err(Error::Program { program: "git", reason: error.to_string() }),
    };
    let text = said.stdout_text();
    let commit_of = |tag: &String| {
        // An annotated tag has a second line, `^{}`, with the commit that it is of (git-ls-remote(1)).
        let wanted = [format!("refs/tags/{tag}^{{}}"), format!("refs/tags/{tag}")];
        let lines = || text.lines().filter_map(|line| line.split_once('\t'));
        let commit = wanted.iter().find_map(|wanted| lines().find(|(_, tag)| tag == wanted))?.0;
        let is_commit = commit.len() == 40 && commit.chars().all(|c| c.is_ascii_hexdigit());
        is_commit.then(|| (tag.clone(), commit.to_owned()))
    };
    Ok(tags.iter().filter_map(commit_of).collect())
}

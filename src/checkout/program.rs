//! What only the `git` program can do: fetch, push, and write tags as the user's configuration and hooks want them.
//!
//! Reading is done without it.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::checkout::Checkout;
use crate::checkout::error::Error;
use crate::model::tag::DepsTag;

impl Checkout {
    /// Fetches the history that a shallow clone lacks, and its deps tags.
    ///
    /// # Errors
    /// [`Error::Program`] with git's own words.
    pub fn deepen(&self) -> Result<(), Error> {
        let pattern = self.project().tags.as_str();
        let remote = self.remote()?;
        let is_refspec = pattern.matches('*').count() == 1 && !pattern.contains('?');
        let mut arguments = vec!["fetch".to_owned(), "--quiet".to_owned(), "--unshallow".to_owned()];
        if is_refspec {
            arguments.extend([remote, format!("+refs/tags/{pattern}:refs/tags/{pattern}")]);
        } else {
            arguments.extend(["--tags".to_owned(), remote]);
        }
        self.git("fetch the rest of the history", &arguments, None).map(drop)
    }

    /// The best common ancestor of HEAD and another revision.
    ///
    /// # Errors
    /// [`Error::Program`].
    pub fn merge_base(&self, revision: &str) -> Result<String, Error> {
        let arguments = ["merge-base", "--end-of-options", "HEAD", revision].map(str::to_owned);
        self.git("find the merge base", &arguments, None)
    }

    /// Whether a branch of a remote holds HEAD.
    ///
    /// # Errors
    /// [`Error::Program`].
    pub fn is_pushed(&self) -> Result<bool, Error> {
        let arguments = ["branch", "--remotes", "--contains", "HEAD", "--format=%(refname)"].map(str::to_owned);
        Ok(!self.git("look for HEAD in the branches of remotes", &arguments, None)?.is_empty())
    }

    /// Whether the remote has a tag; it is asked.
    ///
    /// # Errors
    /// [`Error::Program`].
    pub fn remote_has_tag(&self, tag: &DepsTag) -> Result<bool, Error> {
        let arguments = ["ls-remote".to_owned(), "--tags".to_owned(), self.remote()?, format!("refs/tags/{tag}")];
        Ok(!self.git("ask the remote for its tags", &arguments, None)?.is_empty())
    }

    /// The branch that the remote's HEAD names, as far as the clone knows it.
    pub fn main_branch(&self) -> Option<String> {
        let remote = self.remote().ok()?;
        let head = format!("refs/remotes/{remote}/HEAD");
        let arguments = ["symbolic-ref", "--quiet", head.as_str()].map(str::to_owned);
        let named = self.git("look for the main branch", &arguments, None).ok()?;
        named.strip_prefix(&format!("refs/remotes/{remote}/")).map(str::to_owned)
    }

    /// Makes an annotated tag on HEAD.
    ///
    /// # Errors
    /// [`Error::Program`].
    pub fn make_tag(&self, tag: &DepsTag, message: &str) -> Result<(), Error> {
        let arguments =
            ["tag", "--annotate", "--cleanup=verbatim", "--file=-", tag.as_str(), "HEAD"].map(str::to_owned);
        self.git("make the tag", &arguments, Some(message)).map(drop)
    }

    /// Pushes a tag.
    ///
    /// # Errors
    /// [`Error::Program`].
    pub fn push_tag(&self, tag: &DepsTag) -> Result<(), Error> {
        let arguments = ["push".to_owned(), "--quiet".to_owned(), self.remote()?, format!("refs/tags/{tag}")];
        self.git("push the tag", &arguments, None).map(drop)
    }

    /// The remote of the branch, else `origin`, else the only one.
    ///
    /// # Errors
    /// [`Error::Program`] where there is none.
    fn remote(&self) -> Result<String, Error> {
        let names = self.git("list the remotes", &["remote".to_owned()], None)?;
        let names: Vec<&str> = names.lines().collect();
        let of_branch = match self.branch()? {
            Some(branch) => {
                let key = format!("branch.{branch}.remote");
                self.repository.config_snapshot().string(key.as_str()).map(|name| name.to_string())
            }
            None => None,
        };
        let chosen = of_branch.filter(|name| names.contains(&name.as_str()));
        let other = || names.iter().find(|name| **name == "origin").or(names.first()).map(|name| (*name).to_owned());
        chosen
            .or_else(other)
            .ok_or(Error::Program { doing: "find the remote", reason: "the repository has no remote".to_owned() })
    }

    /// Runs git in the checkout and gives what it printed, trimmed.
    fn git(&self, doing: &'static str, arguments: &[String], input: Option<&str>) -> Result<String, Error> {
        let failed = |reason: String| Error::Program { doing, reason };
        let folder = self.root().unwrap_or_else(|| self.repository.git_dir());
        let mut command = Command::new("git");
        command.current_dir(folder).args(arguments).env("GIT_TERMINAL_PROMPT", "0").env("LC_ALL", "C");
        command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| failed(format!("git does not start: {error}")))?;
        if let (Some(mut stdin), Some(input)) = (child.stdin.take(), input) {
            // A git that did not read all of it says why itself.
            let _ = stdin.write_all(input.as_bytes());
        }
        let output = child.wait_with_output().map_err(|error| failed(error.to_string()))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            return Err(failed(if said.is_empty() { format!("git ended with {}", output.status) } else { said }));
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }
}

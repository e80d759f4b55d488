//! Failures of the checkout in words.

use crate::checkout::{Candidate, Error};
use crate::cli::failure::{Code, Failure};
use crate::flow;

/// What helps in every shallow clone.
const UNSHALLOW: &str = "`git fetch --unshallow`, or `GIT_DEPTH: 0` among the job's variables in GitLab CI";

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        let what = error.to_string();
        let new = |code| Failure::new(code, what.clone());
        match error {
            Error::NotARepository { .. } => new(Code::NotFound)
                .why("neither it nor a folder above it holds a `.git`")
                .next("start it inside a checkout of the project, or name one with `-C DIR`"),
            Error::ForeignOwner { folder } => new(Code::Usage)
                .why("git would refuse it too: its configuration could run programs of the owner's choice")
                .next(format!(
                    "`git config --global --add safe.directory {}` if you trust the owner",
                    folder.display()
                )),
            Error::Reftable { .. } => new(Code::Usage)
                .why("only the `files` format of refs can be read yet")
                .next("`git refs migrate --ref-format=files` converts it"),
            Error::Open { folder, reason } => {
                Failure::new(Code::NotFound, format!("the git repository at `{}` cannot be opened", folder.display()))
                    .why(reason)
                    .next("`git status` there says more about it")
            }
            Error::Unreadable { reason } => Failure::new(Code::Internal, "a file of the checkout cannot be read")
                .why(reason)
                .next("see to it that the file can be read, then try again"),
            Error::Project(mistakes) => Failure::from(&*mistakes),
            Error::Git { doing, reason } => Failure::new(Code::NotFound, format!("cannot {doing}"))
                .why(reason)
                .next("`git fsck` says whether the repository is whole"),
            Error::Program { doing, reason } => Failure::new(Code::NotFound, format!("git cannot {doing}"))
                .why(reason)
                .next("do it by hand with `git` and see what it asks for: a remote, a network, access to it"),
            Error::NoCommit { reason, .. } => new(Code::NotFound)
                .why(reason.replace('\n', " "))
                .next("name a commit of this repository: an id, a branch, a tag, `HEAD~3`"),
            Error::Unborn { .. } => new(Code::NotFound)
                .why("a deps tag is looked for in the history of a commit")
                .next("commit first, or name a tag: `--tag TAG`, `FORCED_DEPS_TAG`"),
            Error::NoTag { pattern, walk, elsewhere, .. } => no_tag(new(Code::NotFound), &pattern, walk, elsewhere),
            Error::ShallowNoTag { pattern, elsewhere, .. } => new(Code::NotFound)
                .why(format!("this clone is shallow; {}", elsewhere_words(&pattern, elsewhere)))
                .next(UNSHALLOW),
            Error::Ambiguous { candidates, shallow, .. } => ambiguous(new(Code::Ambiguous), &candidates, shallow),
            Error::HostileTag { commit, error } => {
                Failure::new(Code::Verification, format!("the nearest deps tag of {commit} is not taken"))
                    .why(error.to_string())
                    .why("tag names become parts of paths and addresses")
                    .next("delete or rename the tag, or name another one: `--tag TAG`, `FORCED_DEPS_TAG`")
            }
            Error::ForcedName { by, error } => {
                Failure::new(Code::Usage, format!("the name given with `{by}` is not taken"))
                    .why(error.to_string())
                    .why("tag names become parts of paths and addresses")
                    .next("name a deps tag or a candidate, such as `deps-add-hdf5`")
            }
            Error::Missing { is_partial: true, .. } => new(Code::NotFound)
                .why("this is a partial clone, and tagalong fetches nothing for git")
                .next("`git fetch --refetch --no-filter` makes it whole"),
            Error::Missing { .. } => new(Code::NotFound)
                .why("something that is in the repository refers to it")
                .next("`git fsck` says what else is missing; a fresh clone is the way out"),
            Error::Damaged { id, reason } => Failure::new(Code::Verification, format!("object {id} is damaged"))
                .why(reason)
                .next("`git fsck` says what else is damaged; a fresh clone is the way out"),
        }
    }
}

fn elsewhere_words(pattern: &str, elsewhere: usize) -> String {
    match elsewhere {
        0 => format!("no tag in it matches `{pattern}`"),
        1 => format!("one tag in it matches `{pattern}`, but is not reachable"),
        count => format!("{count} tags in it match `{pattern}`, but none is reachable"),
    }
}

fn no_tag(failure: Failure, pattern: &str, walk: &str, elsewhere: usize) -> Failure {
    let along = if walk == "first-parent" { " along first parents" } else { "" };
    let failure = match elsewhere {
        0 => failure.why(format!("no tag of the repository matches `{pattern}`")),
        1 => failure.why(format!("one tag matches `{pattern}`, but is not reachable{along}")),
        count => failure.why(format!("{count} tags match `{pattern}`, but none is reachable{along}")),
    };
    let failure = match elsewhere {
        0 => failure.next("`git fetch --tags` if the tags are elsewhere"),
        _ => failure.next("merge a branch that has one"),
    };
    failure
        .next("`git tag deps-<what changed>` on the commit that the bundle is to be built from")
        .next("or name one: `--tag TAG`, `FORCED_DEPS_TAG`")
}

fn ambiguous(failure: Failure, candidates: &[Candidate], shallow: bool) -> Failure {
    let failure = candidates.iter().fold(failure, |failure, candidate| {
        let (tag, commit) = (candidate.tag.escape_debug(), &candidate.commit);
        let commits = if candidate.distance == 1 { "commit" } else { "commits" };
        failure.why(format!("{tag} at {commit}, {} {commits} before", candidate.distance))
    });
    let failure = failure.why("none is an ancestor of another, and the commit's recipes do not single one out");
    let failure = if shallow { failure.next(format!("a deeper history may decide: {UNSHALLOW}")) } else { failure };
    failure
        .next("`--tag TAG`, or `FORCED_DEPS_TAG`, names one for this run")
        .next("`walk = \"first-parent\"` in tagalong.toml takes the one on the branch that was merged into")
        .next("`walk = \"date\"` in tagalong.toml takes the newest one")
}

impl From<flow::resolve::Error> for Failure {
    fn from(error: flow::resolve::Error) -> Failure {
        match error {
            flow::resolve::Error::Checkout(error) => error.into(),
            flow::resolve::Error::Host(error) => error.into(),
        }
    }
}

impl From<flow::platform::Error> for Failure {
    fn from(error: flow::platform::Error) -> Failure {
        match error {
            flow::platform::Error::Checkout(error) => error.into(),
            flow::platform::Error::Host(error) => error.into(),
        }
    }
}

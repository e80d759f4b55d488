//! Messages of the checkout, and of the verbs that only ask it: resolve and platform.

use tagalong::checkout::{self, Candidate};
use tagalong::flow::{platform, resolve};
use tagalong::host::HostError;

use crate::facts::{path, project_mistakes, tag_errors};
use crate::told::{Told, by_value};

fn no_tag(walk: &'static str, elsewhere: usize) -> checkout::Error {
    let (commit, pattern) = ("8f3c2d1e".to_owned(), "deps-*".to_owned());
    checkout::Error::NoTag { commit, pattern, walk, elsewhere }
}

fn shallow_no_tag(elsewhere: usize) -> checkout::Error {
    checkout::Error::ShallowNoTag { commit: "8f3c2d1e".to_owned(), pattern: "deps-*".to_owned(), elsewhere }
}

fn ambiguous(shallow: bool) -> checkout::Error {
    let candidate =
        |tag: &str, commit: &str, distance| Candidate { tag: tag.to_owned(), commit: commit.to_owned(), distance };
    let candidates = vec![candidate("deps-add-zmq", "1a2b3c4d", 1), candidate("deps-add-hdf5", "5e6f7a8b", 4)];
    checkout::Error::Ambiguous { commit: "8f3c2d1e".to_owned(), candidates, shallow }
}

pub fn checkout() -> Vec<Told> {
    let folder = || path("/home/ada/demo");
    let id = || "8f3c2d1e9a".to_owned();
    let mut errors = vec![
        checkout::Error::NotARepository { folder: folder() },
        checkout::Error::ForeignOwner { folder: folder() },
        checkout::Error::Reftable { folder: folder() },
        checkout::Error::Open { folder: folder(), reason: "unknown repository extension `x`".to_owned() },
        checkout::Error::Unreadable {
            reason: "failed to open file `/home/ada/demo/tagalong.toml`: Permission denied (os error 13)".to_owned(),
        },
        checkout::Error::Project(Box::new(project_mistakes())),
        checkout::Error::Git { doing: "read the tag `deps-2`".to_owned(), reason: "it holds no line break".to_owned() },
        checkout::Error::Program {
            doing: "push the tag",
            reason: "fatal: 'origin' does not appear to be a git repository".to_owned(),
        },
        checkout::Error::NoCommit {
            given: "mian".to_owned(),
            reason: "no reference of that name\nwas found".to_owned(),
        },
        checkout::Error::Unborn { branch: "main".to_owned() },
        no_tag("maximal", 0),
        no_tag("maximal", 1),
        no_tag("first-parent", 3),
        shallow_no_tag(0),
        shallow_no_tag(1),
        shallow_no_tag(3),
        ambiguous(false),
        ambiguous(true),
        checkout::Error::Missing { id: id(), is_partial: true },
        checkout::Error::Missing { id: id(), is_partial: false },
        checkout::Error::Damaged { id: id(), reason: "its zlib stream ends too early".to_owned() },
    ];
    let commit = || "8f3c2d1e".to_owned();
    errors.extend(tag_errors().into_iter().map(|error| checkout::Error::HostileTag { commit: commit(), error }));
    errors.extend(tag_errors().into_iter().map(|error| checkout::Error::ForcedName { by: "--tag", error }));
    let mut told = by_value("checkout", errors);
    let unborn = || checkout::Error::Unborn { branch: "main".to_owned() };
    let no_folder = || HostError::NoFolder { root: path("/srv/roots/debian") };
    told.extend(by_value("resolve", vec![resolve::Error::Checkout(unborn()), resolve::Error::Host(no_folder())]));
    told.extend(by_value("platform", vec![platform::Error::Checkout(unborn()), platform::Error::Host(no_folder())]));
    told
}

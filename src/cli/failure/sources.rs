//! Failures of sources in words.

use crate::archive::foreign::ForeignError;
use crate::cli::failure::{Code, Failure};
use crate::model::recipe::RecipeName;
use crate::sources::{Error, Reason, Try, Wanted};

/// The most lines of what `patch` said that are shown.
const MOST_LINES: usize = 40;

impl From<&Error> for Failure {
    fn from(error: &Error) -> Failure {
        match error {
            Error::Unavailable { recipe, wanted, tries } => unavailable(recipe, wanted, tries),
            Error::Beside { recipe, path, reason } => {
                Failure::new(Code::NotFound, format!("the source `{}` of {recipe} cannot be used", path.display()))
                    .why(reason)
                    .next("put it there, or name another `path` in the recipe")
            }
            Error::Unpack { recipe, source } => unpack(source).why(format!("it is a source of {recipe}")),
            Error::Patch { recipe, patch, output } => {
                let lines: Vec<&str> = output.lines().take(MOST_LINES).collect();
                Failure::new(Code::BuildStep, format!("the patch `{patch}` of {recipe} does not apply"))
                    .report(lines.join("\n"))
                    .why("a patch is applied with `patch -p1 --fuzz=0`: every line around it must be as it was")
                    .next("make the patch anew against this version of the source")
            }
            Error::PatchTwice { recipe, patch } => {
                Failure::new(Code::BuildStep, format!("the patch `{patch}` of {recipe} can be applied twice"))
                    .why("so nobody can tell whether it was applied")
                    .next("give the patch more lines of context, from above and below the change")
            }
            Error::NoFolder { recipe, folder, there } => {
                let failure = Failure::new(Code::NotFound, format!("the source of {recipe} has no folder `{folder}`"));
                let failure = match there.as_slice() {
                    [] => failure.why("it has no folders at its top"),
                    there => failure.why(format!("at its top there are {}", there.join(", "))),
                };
                failure.next("write another `folder` in the recipe; a single top folder is stripped before")
            }
            Error::Twice { recipe, path } => {
                Failure::new(Code::BuildStep, format!("two sources of {recipe} hold `{path}`"))
                    .why("one would be written over the other")
                    .next("put one of them elsewhere with `into`")
            }
            Error::Program { program, reason } => Failure::new(Code::NotFound, format!("`{program}` cannot be run"))
                .why(reason)
                .next(format!("install it: `apt-get install {program}`")),
            Error::Disk(error) => Failure::new(Code::Internal, "the source cannot be kept")
                .why(error.to_string())
                .next("see to it that `TAGALONG_CACHE` can be written and the disk has room"),
        }
    }
}

/// Why no place gave a source: the digests first, since wrong bytes are worse than none.
fn unavailable(recipe: &RecipeName, wanted: &Wanted, tries: &[Try]) -> Failure {
    let wrong = tries.iter().find(|one| matches!(one.reason, Reason::WrongDigest { .. }));
    // Also where there was nowhere to ask.
    let is_absent = tries.iter().all(|one| one.reason == Reason::Absent);
    let (code, what) = match (wrong.is_some(), is_absent) {
        (true, _) => (Code::Verification, format!("the source of {recipe} is not what the recipe says")),
        (_, true) => (Code::NotFound, format!("no place has the source of {recipe}")),
        _ => (Code::Network, format!("the source of {recipe} cannot be fetched")),
    };
    let mut failure = Failure::new(code, what);
    failure = match wanted {
        Wanted::Digest(digest) => failure.why(format!("wanted: SHA-256 {digest}")),
        Wanted::Commit(commit) => failure.why(format!("wanted: commit {commit}")),
        Wanted::Anything => failure,
    };
    for one in tries {
        failure = failure.why(format!("{}: {}", one.place, one.reason));
    }
    if tries.is_empty() {
        failure = failure.why("the recipe names no place, and no mirror is set");
    }
    if wrong.is_some() {
        return failure.next("find out why the bytes changed before the recipe's digest is");
    }
    match wanted {
        Wanted::Digest(_) => failure
            .next("put the file, named by its digest, into a folder of `TAGALONG_SOURCE_MIRRORS`, or add a place to the recipe"),
        _ => failure.next("check the place, then try again"),
    }
}

/// An archive that was not unpacked.
pub(super) fn unpack(error: &ForeignError) -> Failure {
    match error {
        ForeignError::UnknownKind { archive } => {
            Failure::new(Code::Verification, format!("`{}` is no archive that can be unpacked", archive.display()))
                .why("its first bytes are those of no tar, tar.gz, tar.xz, tar.bz2, tar.zst or zip")
                .next("for a single file write `unpack = false` in the recipe; look at it with `file`")
        }
        ForeignError::Unreadable { archive, reason } => {
            Failure::new(Code::Verification, format!("the archive `{}` cannot be read", archive.display()))
                .why(reason)
                .next("ask its makers; nothing was unpacked")
        }
        ForeignError::Refused { archive, entry, fault } => {
            Failure::new(Code::Verification, format!("the archive `{}` is refused", archive.display()))
                .why(format!("`{}`: {fault}", entry.escape_debug()))
                .next("do not use it, or ask its makers; nothing was unpacked")
        }
        ForeignError::TooLarge { archive, limits } => {
            Failure::new(Code::Verification, format!("the archive `{}` unpacks to too much", archive.display()))
                .why(format!("the most is {} bytes and {} entries", limits.bytes, limits.entries))
                .next("do not use it; nothing of it was kept")
        }
        ForeignError::Write(error) => Failure::new(Code::Internal, "the source cannot be unpacked")
            .why(error.to_string())
            .next("see to it that the disk has room"),
    }
}

//! Words for what keeps a channel from being cleaned up.

use crate::cli::failure::{Code, Failure};
use crate::flow::gc::Error;

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        match error {
            Error::Place(error) => error.into(),
            Error::Checkout(error) => error.into(),
            Error::Channel(error) => Failure::from(&error),
            Error::NoSuchChannel(error) => error.into(),
            Error::NoTags { is_shallow: true } => {
                Failure::new(Code::Usage, "a shallow clone does not tell what a channel still needs")
                    .why("tags whose commits were not fetched look as if they were gone")
                    .next("`git fetch --unshallow --tags`, or `GIT_DEPTH: 0` in CI")
            }
            Error::NoTags { is_shallow: false } => {
                Failure::new(Code::Usage, "nothing is removed: the repository has no deps tags")
                    .why("every bundle of the channel would go")
                    .next("`git fetch --tags` gets them")
            }
            Error::Manifest { path, fault } => {
                Failure::new(Code::Verification, format!("nothing is removed: `{path}` cannot be read"))
                    .why(fault.to_string())
                    .next("use the version of tagalong that published it, or remove that file by hand")
            }
        }
    }
}

//! Words for what keeps two packages or bundles from being compared.

use crate::cli::failure::{Code, Failure};
use crate::flow::diff::Error;

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        match error {
            Error::Place(error) => error.into(),
            Error::Host(error) => error.into(),
            Error::Checkout(error) => error.into(),
            Error::Store(error) => Failure::from(&error),
            Error::Channel(error) => Failure::from(&error),
            Error::NoChannel => super::install::no_channel(),
            Error::NoSubject { given } => {
                Failure::new(Code::NotFound, format!("there is no `{}` to compare", given.escape_debug()))
                    .why("it is no file, and no name that a deps tag may have")
                    .next("name two package archives, or two deps tags whose bundles are on a channel")
            }
            Error::Mixed => Failure::new(Code::Usage, "an archive cannot be compared with a bundle")
                .why("one side is a file, the other a tag")
                .next("name two package archives, or two deps tags"),
            Error::Bundle { tag, reason } => Failure::from(reason).why(format!("it is the bundle of {tag}")),
            Error::Fetch { name, fault } => super::search::archive(name.as_str(), &fault)
                .next("ask who can write to the channel: a bundle is there whole or not at all"),
            Error::Archive { path, source } => Failure::from(&source).why(format!("it is `{}`", path.display())),
            Error::System { doing, reason } => Failure::new(Code::Internal, format!("{doing} failed"))
                .why(reason)
                .next("check the free space and the rights in the cache folder, then run it again"),
        }
    }
}

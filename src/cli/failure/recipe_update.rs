//! Failures of `recipe update` in words.

use crate::cli::failure::{Code, Failure, list};
use crate::cli::mistakes;
use crate::flow::recipe_update::Error;
use crate::recipe_file::update::UpdateFault;

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        match error {
            Error::Unknown(error) => Failure::from(&error),
            Error::Folder(error) => Failure::from(&error),
            Error::Update(UpdateFault::Mistakes(found)) => {
                Failure::new(Code::CheckFound, format!("there are mistakes in `{}`", found.name))
                    .report(mistakes::render(&found, false))
                    .next("mend them, then update the recipe; `tagalong recipe reference` tells what it may say")
            }
            Error::Update(UpdateFault::Version { given }) => {
                Failure::new(Code::Usage, format!("`{}` is not a version", given.escape_debug()))
                    .why("a version has letters, digits, `.`, `_`, `+`, `-` and `~`, at most 64")
                    .next("write it as its makers do, such as `1.2.3`")
            }
            Error::Unmoved { name, places } => {
                Failure::new(Code::CheckFound, format!("no source of {name} would be another one"))
                    .why(format!("none of its places names the version: {}", list(&places)))
                    .next("put `{version}` into `url`, or change recipe and digest by hand")
            }
            Error::Fetch { source, pinned } => {
                let failure = Failure::from(&source);
                let pin = |failure: Failure, part: &String| {
                    failure.why(format!("`{part}`, a part of the old version, is written out in a place"))
                };
                let failure = pinned.iter().fold(failure, pin);
                failure.why("nothing was written")
            }
            Error::NoTag { place, version, tags } => {
                Failure::new(Code::NotFound, format!("{place} has no tag for {version}"))
                    .why(format!("looked for {}", list(&tags)))
                    .next("put `version` and `commit` into the recipe by hand")
            }
            Error::Source(error) => Failure::from(&error).why("nothing was written"),
            Error::Http(error) => Failure::from(&error),
            Error::Disk(error) => Failure::new(Code::Internal, "the recipe cannot be written")
                .why(error.to_string())
                .next("see to it that the folder can be written and the disk has room"),
        }
    }
}

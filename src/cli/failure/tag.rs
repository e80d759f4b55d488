//! Words for what keeps a deps tag from being made, and for what keeps them from being listed.

use crate::cli::failure::{Code, Failure};
use crate::cli::tag::words;
use crate::flow::{list, tag};

impl From<tag::Error> for Failure {
    fn from(error: tag::Error) -> Failure {
        use tag::Error;
        match error {
            Error::Checkout(error) => error.into(),
            Error::Store(error) => (&error).into(),
            Error::Name(error) => Failure::new(Code::Usage, "nothing is tagged")
                .why(error.to_string())
                .why("tag names become parts of paths and addresses")
                .next("name it after what it does, such as `deps-update-hdf5-1.14`"),
            Error::Pattern { tag, pattern } => Failure::new(Code::Usage, format!("`{tag}` would not be a deps tag"))
                .why(format!("tagalong.toml says that deps tags match `{pattern}`"))
                .next("name it so that it matches, such as `deps-update-hdf5-1.14`"),
            Error::Taken { tag, is_remote } => {
                let place = if is_remote { "the remote" } else { "this repository" };
                Failure::new(Code::Usage, format!("the name `{tag}` is taken"))
                    .why(format!("there is a tag of that name in {place}; what a deps tag stands for never changes"))
                    .next("choose another name")
            }
            Error::NoRecipes => Failure::new(Code::NotFound, "nothing is tagged")
                .why("the commit has no folder `extern-recipes`, so that the tag would stand for nothing")
                .next("`tagalong recipe new NAME` makes the first recipe; commit it"),
            Error::Doubtful { tag, doubts, changes } => {
                let failure = Failure::new(Code::CheckFound, format!("`{tag}` is not made"));
                let failure = doubts.iter().map(words).fold(failure, Failure::why);
                let failure = match changes.as_slice() {
                    [] => failure,
                    changes => {
                        let lines: Vec<String> = changes.iter().map(tag::line).collect();
                        failure.why(format!("it would stand for: {}", lines.join(", ")))
                    }
                };
                failure.next("see to that, or make it all the same with `--force`")
            }
        }
    }
}

impl From<list::Error> for Failure {
    fn from(error: list::Error) -> Failure {
        match error {
            list::Error::Checkout(error) => error.into(),
            list::Error::Store(error) => (&error).into(),
            list::Error::Channel(error) => (&error).into(),
        }
    }
}

//! Words for verbs that are about an installed prefix: finding it, status, uninstall, env, run and shell.

use crate::cli::failure::{Code, Failure};
use crate::flow::{environment, status, uninstall};
use crate::model::prefix::Prefix;
use crate::place::PlaceError;

impl From<PlaceError> for Failure {
    fn from(error: PlaceError) -> Failure {
        match error {
            PlaceError::Checkout(error) => error.into(),
            PlaceError::Host(error) => error.into(),
            PlaceError::PrefixDir(error) => Failure::from(&error),
            PlaceError::Bare => Failure::new(Code::Usage, "a bare repository has no bundle")
                .why("the prefix lies in a work tree, and there is none")
                .next("run it in a checkout, or name one with `-C DIR`"),
        }
    }
}

impl From<status::Error> for Failure {
    fn from(error: status::Error) -> Failure {
        match error {
            status::Error::Place(error) => error.into(),
            status::Error::Checkout(error) => error.into(),
            status::Error::Host(error) => error.into(),
            status::Error::PrefixDir(error) => Failure::from(&error),
        }
    }
}

impl From<environment::Error> for Failure {
    fn from(error: environment::Error) -> Failure {
        match error {
            environment::Error::Place(error) => error.into(),
            environment::Error::PrefixDir(error) => Failure::from(&error),
            environment::Error::Absent { prefix } => absent(&prefix),
            environment::Error::Interrupted { prefix } => interrupted(&prefix),
            environment::Error::Colon { prefix } => {
                Failure::new(Code::Usage, format!("`{prefix}` cannot stand in an environment"))
                    .why("it holds a colon, which lists such as `PATH` are split at")
                    .next("install into a folder without one: `tagalong install --prefix DIR`")
            }
        }
    }
}

impl From<uninstall::Error> for Failure {
    fn from(error: uninstall::Error) -> Failure {
        match error {
            uninstall::Error::Place(error) => error.into(),
            uninstall::Error::PrefixDir(error) => Failure::from(&error),
            uninstall::Error::Absent { prefix } => {
                Failure::new(Code::NotFound, format!("nothing is installed in `{prefix}`"))
                    .next("`tagalong status` tells where the bundle belongs; `--prefix DIR` names another folder")
            }
            uninstall::Error::Interrupted { prefix } => interrupted(&prefix),
            uninstall::Error::Foreign { prefix } => Failure::new(Code::Usage, format!("`{prefix}` is left as it is"))
                .why("it has no receipt that can be read, so no install made it")
                .next("remove it by hand if it may go"),
            uninstall::Error::Strangers { prefix, strangers } => strangers
                .iter()
                .fold(
                    Failure::new(Code::Usage, format!("`{prefix}` is left as it is"))
                        .why("it holds files that no package brought:"),
                    |failure, path| failure.why(path),
                )
                .next("move them away, or remove them too with `--force`"),
        }
    }
}

fn absent(prefix: &Prefix) -> Failure {
    Failure::new(Code::NotFound, format!("nothing is installed in `{prefix}`"))
        .next("`tagalong install` puts the bundle there")
}

fn interrupted(prefix: &Prefix) -> Failure {
    Failure::new(Code::NotFound, format!("nothing that is whole is in `{prefix}`"))
        .why("an install was broken off while it replaced the old one")
        .next("`tagalong install` finishes or undoes it")
}

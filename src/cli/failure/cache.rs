//! Words for what keeps the store from being looked after.

use crate::cli::failure::Failure;
use crate::flow::cache::Error;

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        match error {
            Error::Store(error) => Failure::from(&error),
        }
    }
}

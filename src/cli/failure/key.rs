//! Words for making keys and for signing files.

use crate::cli::failure::{Code, Failure};
use crate::flow::key::Error;

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        match error {
            Error::Exists { path } => Failure::new(Code::Usage, format!("`{}` is not written", path.display()))
                .why("there is such a file, and a lost key is lost for ever")
                .next("name another file with `--output`"),
            Error::Unsigned { path } => Failure::new(Code::Verification, "there is no signature")
                .why(format!("there is no file `{}`", path.display()))
                .next("`tagalong key sign FILE` makes one"),
            Error::Untrusted { path, error } => {
                Failure::from(&error).why(format!("it stands beside `{}`", path.display()))
            }
            Error::Signing(error) => Failure::from(&error),
            Error::System { reason } => {
                Failure::new(Code::Usage, "a file cannot be used").why(reason).next("name a file that can be read")
            }
        }
    }
}

//! Words for what goes wrong with a prefix on disk.

use crate::cli::failure::{Code, Failure};
use crate::model::package::ManifestFault;
use crate::prefix_dir::PrefixDirError;

impl From<&PrefixDirError> for Failure {
    fn from(error: &PrefixDirError) -> Failure {
        match error {
            PrefixDirError::Path(error) => {
                Failure::new(Code::Usage, format!("`{}` cannot be a prefix", error.given.display()))
                    .why(error.reason.to_string())
                    .next("name another folder with `--prefix`, or as `prefix` in tagalong.toml")
            }
            PrefixDirError::NotAFolder { path } => {
                Failure::new(Code::Usage, format!("`{}` cannot be a prefix", path.display()))
                    .why("it is a file")
                    .next("move it away, or name another folder with `--prefix`")
            }
            PrefixDirError::System { reason } => Failure::new(Code::Internal, "the prefix cannot be used")
                .why(reason)
                .next("check the free space and the rights there, then run it again"),
            PrefixDirError::Journal { path, reason } => {
                Failure::new(Code::Internal, "an install was broken off, and what to do about it cannot be told")
                    .why(format!("`{}` cannot be read: {reason}", path.display()))
                    .next("remove that file and the prefix, then run `tagalong install`")
            }
            PrefixDirError::Manifest { path, fault: fault @ ManifestFault::Format { .. } } => {
                Failure::new(Code::CheckFound, format!("`{}` is of another tagalong", path.display()))
                    .why(fault.to_string())
                    .next("use the tagalong that installed it, or `tagalong install --force` to install with this one")
            }
            PrefixDirError::Manifest { path, fault } => {
                Failure::new(Code::CheckFound, format!("`{}` is damaged", path.display()))
                    .why(fault.to_string())
                    .next("`tagalong install --force` makes the prefix anew")
            }
        }
    }
}

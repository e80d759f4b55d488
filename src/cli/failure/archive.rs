//! Words for what goes wrong with package archives.

use crate::archive::Error;
use crate::cli::failure::{Code, Failure};

/// The bytes are those that were published: fetching them again changes nothing.
const BUILD_ANEW: &str =
    "nothing of it is installed; tell who publishes the bundle: the package must be built anew, for a new tag";

impl From<&Error> for Failure {
    fn from(error: &Error) -> Failure {
        let refused =
            |why: String| Failure::new(Code::Verification, "the package archive is refused").why(why).next(BUILD_ANEW);
        match error {
            Error::File { doing, path, source } => {
                Failure::new(Code::Internal, format!("`{}` cannot be used", path.display()))
                    .why(format!("{doing}: {source}"))
                    .next("check the free space and the rights there, then run it again")
            }
            Error::Read { source } | Error::Write { source } => Failure::new(Code::Internal, error.to_string())
                .why(source.to_string())
                .next("check the free space and the disk, then run it again"),
            Error::PrefixTooLong(fault) => Failure::new(Code::Usage, fault.to_string())
                .why("the prefix takes the place of a longer one in binaries, and nothing may move there")
                .next("choose a shorter `prefix` in tagalong.toml or with `--prefix`"),
            Error::PrefixHasSpace { .. } => Failure::new(Code::Usage, error.to_string())
                .why("the system splits the first line of a script at white space (execve(2))")
                .next("choose a `prefix` without white space in tagalong.toml or with `--prefix`"),
            Error::FileCollision { path } => Failure::new(Code::CheckFound, format!("`{path}` would be written twice"))
                .why("two packages of the bundle hold a file of that path, or the disk takes names that differ by case for one")
                .next(
                    "list the path under `exclude` in one of their recipes and build that one anew, or install on a disk \
                     that tells case apart",
                ),
            Error::Changed { path } => Failure::new(Code::Internal, format!("`{path}` cannot be packed"))
                .why("it has changed since the package was sealed")
                .next("build the package again, and let nothing write into its tree meanwhile"),
            Error::TooLarge { .. } | Error::ManifestTooLarge { .. } => {
                Failure::new(Code::Verification, error.to_string())
                    .why("no package is expected to be so large: it may be made to fill the disk")
                    .next("nothing of it is installed; find out who published it")
            }
            Error::TooManyFiles { .. } => Failure::new(Code::Usage, error.to_string())
                .why("whoever installs a package reads its whole manifest first, and takes no longer one")
                .next("list what nobody needs under `exclude` in the recipe, or make several recipes of it"),
            Error::Corrupt { .. }
            | Error::Truncated
            | Error::TrailingBytes
            | Error::NoManifest { .. }
            | Error::Manifest(_)
            | Error::Header { .. }
            | Error::Unexpected { .. }
            | Error::Extra { .. }
            | Error::Missing { .. }
            | Error::Digest { .. }
            | Error::NoPlaceholder { .. } => refused(error.to_string()),
        }
    }
}

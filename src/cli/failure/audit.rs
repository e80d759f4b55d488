//! Words for what keeps an audit from being made; what it finds is worded in `report/audit_words.rs`.

use crate::cli::failure::{Code, Failure};
use crate::flow::audit::Error;

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        match error {
            Error::Absent { path } => Failure::new(Code::NotFound, format!("{} is not there", path.display()))
                .why("neither a file nor a folder lies at that path")
                .next("name a folder, a file, or a package archive (`.tar.zst`)"),
            Error::Disk { doing, source } => Failure::new(Code::Internal, format!("{doing} failed"))
                .why(source.to_string())
                .next("check the rights and the free space there, then run it again"),
            Error::Max { given } => {
                Failure::new(Code::Usage, format!("`{}` is no symbol version", given.escape_debug()))
                    .why("a version is the name of a set and a number, with `_` between them")
                    .next("write set and version, as in `--max GLIBC_2.28`")
            }
            Error::NoChannel { path } => Failure::new(Code::Usage, format!("{} lies in no channel", path.display()))
                .why("its packages are looked for below the folder that `bundles` or `candidates` is in")
                .next("name the manifest in the folder of its channel, or one of its packages"),
            Error::NoPackage { name, path } => {
                Failure::new(Code::NotFound, format!("the package {name} of the bundle is not there"))
                    .why(format!("it would be {}", path.display()))
                    .next("audit an install of the bundle in its place: `tagalong install`, then `tagalong audit`")
            }
            Error::Recipes(error) => (&error).into(),
            Error::Archive(error) => (&error).into(),
            Error::Checkout(error) => error.into(),
            Error::PrefixDir(error) => (&error).into(),
            Error::Root(error) => error.into(),
        }
    }
}

//! Words for bundles that are not taken and archives that cannot be had.

use crate::cli::failure::{Code, Failure};
use crate::search::{ArchiveFault, Distrust, NotTaken};

impl From<NotTaken> for Failure {
    fn from(error: NotTaken) -> Failure {
        match error {
            // The flow turns this one into `Error::Missing`, which knows more.
            NotTaken::Missing(_) => Failure::new(Code::NotFound, "there is no such bundle")
                .why("no channel of tagalong.toml has it")
                .next("`tagalong build` makes it here"),
            NotTaken::Channel { channel, error } => {
                Failure::from(&error).why(format!("it is channel `{channel}` of tagalong.toml"))
            }
            NotTaken::Keys { channel, error } => {
                Failure::from(&error).why(format!("it stands among the `keys` of channel `{channel}` in tagalong.toml"))
            }
            NotTaken::Store(error) => Failure::from(&error),
            NotTaken::Untrusted { channel, path, distrust } => {
                let failure = Failure::new(Code::Verification, format!("`{path}` of channel `{channel}` is refused"));
                match distrust {
                    Distrust::Unsigned => failure
                        .why("it is not signed")
                        .next("publish it with `tagalong publish`; what is there may be anybody's"),
                    Distrust::Signature(error) => {
                        let words = Failure::from(&error);
                        failure.why(words.what).why_all(words.why).next_all(words.next)
                    }
                    Distrust::Fault(fault) => {
                        failure.why(fault.to_string()).next("use the version of tagalong that published it")
                    }
                    Distrust::Another { path } => failure
                        .why(format!("it is the manifest of {path}, which somebody put in its place"))
                        .next("publish the right one, and ask who can write to the channel"),
                    Distrust::Expired { at } => failure
                        .why(format!("it expired at {}", crate::moment::date(at)))
                        .next("publish the candidate again, or install what the history names: without `--tag`")
                        .next("if it should be valid, look at this machine's clock"),
                    Distrust::Older { found, seen } => failure
                        .why(format!("it is the publication {found} of that name, and {seen} has been seen before"))
                        .next("somebody put an old one back: publish it anew, and ask who can write to the channel"),
                }
            }
        }
    }
}

/// Words for an archive of the package `name`.
pub(super) fn archive(name: &str, fault: &ArchiveFault) -> Failure {
    let failure = match fault {
        ArchiveFault::Missing => {
            return Failure::new(Code::NotFound, format!("the archive of the package {name} is on no channel"))
                .why("the bundle names it")
                .next("publish the bundle again from where it was built: `tagalong publish`");
        }
        ArchiveFault::System { reason } => Failure::new(Code::Internal, "the cache cannot be used")
            .why(reason)
            .next("check the free space and the rights there, then run it again"),
        ArchiveFault::Channel { error, .. } => Failure::from(error),
        ArchiveFault::Store(error) => Failure::from(error),
    };
    failure.why(format!("it happened with the package {name}"))
}

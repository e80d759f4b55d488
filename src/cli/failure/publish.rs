//! Words for what keeps a bundle from being published.

use crate::cli::failure::{Code, Failure};
use crate::flow::publish::{Error, PreparedFault};
use crate::model::project::NoSuchChannel;
use crate::model::recipe::RecipeName;
use crate::store::handed::NoManifest;

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        match error {
            Error::Place(error) => error.into(),
            Error::Checkout(error) => error.into(),
            Error::Host(error) => error.into(),
            Error::Store(error) => Failure::from(&error),
            Error::Channel(error) => Failure::from(&error),
            Error::Signing(error) => Failure::from(&error),
            Error::NoSuchChannel(error) => error.into(),
            Error::NoKey { channel } => Failure::new(Code::Usage, format!("channel `{channel}` is not published to"))
                .why("what is published there is signed, and no secret key is given")
                .next("name the key file with `--secret-key FILE` or `TAGALONG_SECRET_KEY`")
                .next("`tagalong key new --output FILE` makes one"),
            Error::StrangeKey { channel, key } => {
                Failure::new(Code::Usage, format!("channel `{channel}` is not published to"))
                    .why("nobody would take it: the key is not among the channel's `keys` in tagalong.toml")
                    .next(format!("add \"{key}\" there, or name another key with `--secret-key`"))
            }
            Error::NoSuchTag { tag } => Failure::new(Code::NotFound, format!("{tag} is no tag of this repository"))
                .why("a bundle is published for a tag, or as a candidate under a name that is none")
                .next(format!("`git tag {tag}` makes it one"))
                .next(format!("or publish a candidate: `tagalong publish --candidate {tag}`")),
            Error::NothingBuilt { platform } => {
                Failure::new(Code::NotFound, format!("there is nothing to publish for {platform}"))
                    .why("no whole build of this checkout is in the store")
                    .next("`tagalong build` makes it")
            }
            Error::Drifted { tag, recipes } => {
                let why = match recipes.as_slice() {
                    [] => "the recipes in the work tree are not the tag's".to_owned(),
                    recipes => format!("these recipes are not the tag's: {}", recipes.join(", ")),
                };
                Failure::new(Code::Verification, format!("{tag} is not published"))
                    .why(why)
                    .next("tag what you have: `git commit`, then `git tag deps-…`")
                    .next(format!("or build what the tag stands for: `git checkout {tag}`, `tagalong build`"))
                    .next("or publish it under a name that is no tag: `tagalong publish --candidate NAME`")
            }
            Error::BuiltOther { tag } => Failure::new(Code::Verification, format!("{tag} is not published"))
                .why("the recipes have changed since the last build")
                .next("`tagalong build` makes it"),
            Error::Sandbox { level } => {
                Failure::new(Code::Verification, format!("a build without a sandbox (`{level}`) is not published"))
                    .why("`[publish]` of tagalong.toml has `sandbox = \"full\"`, so that nothing undeclared gets in")
                    .next("build where the kernel gives namespaces; `tagalong doctor` says what to change")
            }
            Error::Taken { bundle, channel, differing } => {
                let names: Vec<String> = differing.iter().map(RecipeName::to_string).collect();
                let why = match names.as_slice() {
                    [] => "it was published from other recipes".to_owned(),
                    names => format!("it was published with other bytes of {}", super::list(names)),
                };
                Failure::new(
                    Code::Verification,
                    format!("{} for {} is on channel `{channel}` already, and is another", bundle.tag, bundle.platform),
                )
                .why(why)
                .next("what a tag stands for never changes: give this state a new tag")
            }
            Error::Existing { path, fault } => Failure::new(Code::Verification, format!("`{path}` is damaged"))
                .why(fault.to_string())
                .next("remove that file from the channel, and publish again"),
            Error::NotTaken(error) => error.into(),
            Error::Archive { name, fault } => super::search::archive(name.as_str(), &fault),
            Error::File { reason } => Failure::new(Code::Usage, "the manifest cannot be written")
                .why(reason)
                .next("name another file with `--prepare FILE`"),
            Error::Prepared { file, fault } => {
                let failure = Failure::new(Code::Verification, format!("`{}` is not signed", file.display()));
                match fault {
                    PreparedFault::NoManifest(NoManifest::Unreadable { reason }) => {
                        failure.why(reason).next("name a file that `tagalong publish --prepare FILE` wrote")
                    }
                    PreparedFault::NoManifest(NoManifest::Fault(fault)) => failure
                        .why(fault.to_string())
                        .next("name a file that `tagalong publish --prepare FILE` of this version wrote"),
                    PreparedFault::OtherRecipes { name } => failure
                        .why(format!("it is not of the commit and the recipes that {name} stands for in this checkout"))
                        .next("sign in a checkout of the commit that was built, with its tag")
                        .next("if it is that one, somebody changed the file on its way: build again"),
                }
            }
            Error::NoCandidate { candidate, channel } => {
                Failure::new(Code::NotFound, format!("there is no candidate {candidate} on channel `{channel}`"))
                    .why("no platform of tagalong.toml has one")
                    .next("`tagalong build` and `tagalong publish` make the tag's bundle without one")
            }
            Error::CandidateDiffers { candidate, tag } => {
                Failure::new(Code::NotFound, format!("{candidate} does not become {tag}"))
                    .why("it was built from other recipes than the tag's")
                    .next("`tagalong build` and `tagalong publish` make the tag's bundle")
            }
            Error::NothingToCopy { tag, from } => {
                Failure::new(Code::NotFound, format!("there is no bundle {tag} on channel `{from}`"))
                    .why("it has none for any platform of tagalong.toml")
                    .next("name another with `--tag TAG` or `--candidate NAME`")
            }
            Error::Gone { name } => Failure::new(Code::NotFound, format!("the package {name} is not published"))
                .why("its archive is no longer in the store, or was damaged")
                .next("`tagalong build` makes it again"),
        }
    }
}

/// Words for a channel that tagalong.toml does not name.
impl From<NoSuchChannel> for Failure {
    fn from(error: NoSuchChannel) -> Failure {
        match error {
            NoSuchChannel::None => super::install::no_channel(),
            NoSuchChannel::Unknown { given, known } => {
                Failure::new(Code::Usage, format!("the project has no channel `{given}`"))
                    .why(format!("tagalong.toml names {}", super::list(&known)))
                    .next("name one of them with `--channel`")
            }
        }
    }
}

//! Words for what keeps a bundle from being installed.

use crate::cli::failure::{Code, Failure, list};
use crate::flow::install::{Error, MissReason, Missing, PackageFault};
use crate::model::link::LinkKind;
use crate::model::selection::NotThere;
use crate::store::{Refusal, Refused};

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        match error {
            Error::Place(error) => error.into(),
            Error::Checkout(error) => error.into(),
            Error::Host(error) => error.into(),
            Error::PrefixDir(error) => Failure::from(&error),
            Error::Store(error) => Failure::from(&error),
            Error::Channel(error) => Failure::from(&error),
            Error::NotTaken(error) => error.into(),
            Error::NoChannel => no_channel(),
            Error::Drifted { tag, recipes, policy } => {
                let failure = Failure::new(Code::CheckFound, format!("the bundle of {tag} is not installed"))
                    .why(format!("these recipes are not the tag's: {}", recipes.join(", ")))
                    .why(format!("and tagalong.toml says `drift = \"{}\"`", policy.name()));
                failure
                    .next("commit and tag them, so that a bundle is built; or `tagalong install --build`")
                    .next(format!("`tagalong install --tag {tag}` takes the tag's bundle all the same"))
            }
            Error::Missing(missing) => missing_bundle(*missing),
            Error::Protected { candidate } => {
                Failure::new(Code::Verification, format!("the candidate {candidate} is not installed"))
                    .why("this is a job of a protected branch or tag (`CI_COMMIT_REF_PROTECTED`), and a candidate is anybody's who may push a branch")
                    .next("promote it: `tagalong publish --promote NAME` makes it the bundle of a tag")
                    .next("`--allow-candidate` takes it all the same")
            }
            Error::Floor(lack) => {
                let what = format!("the bundle of {} does not run on this {}", lack.platform, lack.host);
                let words = |(set, needed, offered)| format!("it needs {set} {needed}, and the system has {offered}");
                let failure = Failure::new(Code::Verification, what);
                (lack.unmet.into_iter().map(words).fold(failure, Failure::why))
                    .next("`tagalong build` makes one that does")
                    .next("`tagalong install --force` takes it all the same")
            }
            Error::NotThere(error) => not_there(error),
            Error::Prepared { path, fault } => {
                Failure::new(Code::Usage, format!("`{}` is no manifest to install", path.display()))
                    .why(fault.to_string())
                    .next("name the file that `tagalong publish --prepare FILE` wrote")
            }
            Error::NotShared(refused) => not_shared(&refused),
            Error::Foreign { prefix } => Failure::new(Code::Usage, format!("`{prefix}` is left as it is"))
                .why("it is not empty, and no install made it")
                .next("move it away, name another folder with `--prefix`, or replace it with `--force`"),
            Error::Unreadable { prefix, reason } => Failure::new(Code::Usage, format!("`{prefix}` is left as it is"))
                .why(format!("its receipt cannot be read: {reason}"))
                .next("use the version of tagalong that installed it, or replace it with `--force`"),
            Error::Package { name, fault } => package(&name, &fault),
            Error::Build(error) => Failure::from(error).why("the prefix is as it was"),
        }
    }
}

/// The project names no channel.
pub(super) fn no_channel() -> Failure {
    Failure::new(Code::Usage, "there is no channel")
        .why("tagalong.toml names none")
        .next("add one: `[[channel]]`, `name = \"main\"`, `url = \"https://…\"`, `keys = [\"RW…\"]`")
}

fn not_there(error: NotThere) -> Failure {
    match error {
        NotThere::Stack { given, known } => {
            let failure = Failure::new(Code::NotFound, format!("the bundle has no stack `{given}`"));
            match known.as_slice() {
                [] => failure.why("its packages are in no stack"),
                known => failure.why(format!("it has {}", list(known))),
            }
            .next("name one of its stacks with `--stack`, or none for all packages")
        }
        NotThere::Debug { given, known } => {
            let of = given.map(|name| format!(" of {name}")).unwrap_or_default();
            let failure = Failure::new(Code::NotFound, format!("the bundle has no debug information{of}"));
            let known: Vec<String> = known.iter().map(ToString::to_string).collect();
            match known.as_slice() {
                [] => failure.why("its packages were built without, or a stack was asked for whose packages were"),
                known => failure.why(format!("it has that of {}", list(known))),
            }
            .next("let the recipe say `debug = true` in `[build]`, or tagalong.toml for all, then build and tag")
        }
    }
}

fn missing_bundle(missing: Missing) -> Failure {
    let Missing { tag, is_tag, platform, misses, before } = missing;
    let names: Vec<String> = misses.iter().map(|miss| format!("`{}`", miss.channel)).collect();
    let channels = if misses.len() == 1 { "channel" } else { "channels" };
    let what = format!("bundle {tag} for {platform} is not on {channels} {}", list(&names));
    let mut failure = Failure::new(Code::NotFound, what);
    if !is_tag {
        failure = failure.why("it is no tag of this repository, and no candidate of that name is there");
    }
    for miss in &misses {
        let who = if misses.len() == 1 { "the channel".to_owned() } else { format!("`{}`", miss.channel) };
        failure = match &miss.reason {
            MissReason::HasNot { platforms } if platforms.is_empty() => {
                failure.why(format!("{who} has it for no platform"))
            }
            MissReason::HasNot { platforms } => {
                let platforms: Vec<String> = platforms.iter().map(ToString::to_string).collect();
                failure.why(format!("{who} has it for {}", list(&platforms)))
            }
            MissReason::Unreachable(error) => failure.why(format!("{who} could not be asked: {error}")),
            MissReason::Offline => {
                failure.why(format!("{who} is not asked `--offline`, and it was not installed before"))
            }
        };
    }
    let build = "`tagalong build` makes it here";
    match before {
        Some(before) => failure.next(format!("{build}; `tagalong install --tag {before}` takes the one before it")),
        None if is_tag => failure.next(build),
        None => failure.next("name a tag, or a candidate that was published: `tagalong publish --candidate NAME`"),
    }
}

fn not_shared(refused: &Refused) -> Failure {
    let Refused { kind, store, folder, reason } = refused;
    let links = if *kind == LinkKind::Reflink { "reflinks" } else { "hard links" };
    let (store, folder) = (store.display(), folder.display());
    let what = format!("the files of the prefix cannot be {links} to those of the store in `{store}`");
    let without = "leave `--link` out: each file is written anew then";
    let failure = Failure::new(Code::Usage, what);
    match (reason, kind) {
        (Refusal::OtherFileSystem, _) => failure
            .why(format!("`{folder}` is on another file system"))
            .next(format!("set `TAGALONG_CACHE` to a folder on that file system, or {without}")),
        (Refusal::Unable { reason }, LinkKind::Reflink) => failure
            .why(format!("the file system cannot share blocks between files: {reason}"))
            .next(format!("{without}; or `--link hard`, where nobody edits installed files")),
        (Refusal::Unable { reason }, _) => {
            failure.why(format!("the file system does not make them: {reason}")).next(without)
        }
    }
}

fn package(name: &str, fault: &PackageFault) -> Failure {
    let failure = match fault {
        PackageFault::Fetch(fault) => return super::search::archive(name, fault).why("the prefix is as it was"),
        PackageFault::Another { is } => {
            return Failure::new(Code::Verification, format!("the archive of the package {name} is refused"))
                .why(format!("it is that of {is}"))
                .next("publish the bundle anew");
        }
        PackageFault::System { reason } => Failure::new(Code::Internal, "the cache cannot be used")
            .why(reason)
            .next("check the free space and the rights there, then run it again"),
        PackageFault::Archive(error) => Failure::from(error),
        PackageFault::Store(error) => Failure::from(error),
        PackageFault::PrefixDir(error) => Failure::from(error),
    };
    failure.why(format!("it happened with the package {name}; the prefix is as it was"))
}

//! Words for what goes wrong in builds.

use crate::builder::error::BuildError;
use crate::cli::failure::{Code, Failure};
use crate::flow::build::{Error, RecordFault};
use crate::model::recipe::RecipeName;

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        match error {
            Error::Checkout(error) => error.into(),
            Error::NoWorkTree => Failure::new(Code::Usage, "there is nothing to build in a bare repository")
                .why("recipes are built as they lie in a work tree")
                .next("`git worktree add DIR` makes one; then run `tagalong -C DIR build`"),
            Error::Host(error) => error.into(),
            Error::Recipes(error) => (&error).into(),
            Error::UnknownRecipe(error) => (&error).into(),
            Error::Store(error) => (&error).into(),
            Error::Http(error) => (&error).into(),
            Error::Channel(error) => (&error).into(),
            Error::Archive { name, fault } => super::search::archive(name.as_str(), &fault)
                .next(format!("`tagalong build --force {name}` builds it instead")),
            Error::Diff(error) => error.into(),
            Error::Record { fault } => record(fault),
            Error::Bundle { error } => error.into(),
            Error::NeedsNotBuilt { missing } => {
                let names: Vec<&str> = missing.iter().map(RecipeName::as_str).collect();
                Failure::new(Code::NotFound, format!("needs are not built: {}", names.join(", ")))
                    .why("with `--only` nothing is built but what is named, and no channel has these")
                    .next("leave `--only` out, or name them too")
            }
            Error::Build(error) => error.into(),
        }
    }
}

fn record(fault: RecordFault) -> Failure {
    let what = "the published package cannot be built again";
    let reason = fault.to_string();
    match fault {
        RecordFault::Unreadable { .. } => Failure::new(Code::Verification, what)
            .why(reason)
            .next("name a bundle manifest or a build record of a channel, or a deps tag"),
        RecordFault::Missing { .. } => {
            Failure::new(Code::NotFound, what).why(reason).next("publish it with a tagalong that writes records")
        }
        RecordFault::NoRecipe { name } => Failure::new(Code::NotFound, what)
            .why(format!(
                "the record of {name} holds no recipe: its folder is too large, or an older tagalong wrote it"
            ))
            .next(format!("check out the commit of its tag, and run `tagalong build --check {name}`")),
        RecordFault::Forged { name, ingredient } => Failure::new(Code::Verification, what)
            .why(format!("the recipe in the record of {name} is not the one it was built from: another {ingredient}"))
            .next("nothing was run; tell who looks after the channel"),
        RecordFault::NoPackage { name, known } => {
            let known: Vec<&str> = known.iter().map(RecipeName::as_str).collect();
            Failure::new(Code::NotFound, format!("the bundle holds no package {name}"))
                .why(format!("it holds {}", known.join(", ")))
                .next("name one of these, or none for all")
        }
        RecordFault::OtherPlatform { built, own } => Failure::new(Code::Usage, what)
            .why(format!("it was built for {built}, and this machine is {own}"))
            .next("run it in the image of its builder"),
    }
}

impl From<BuildError> for Failure {
    fn from(error: BuildError) -> Failure {
        match error {
            BuildError::Step { name, step, code, log, tail } => {
                Failure::new(Code::BuildStep, format!("the step `{step}` of {name} failed with exit code {code}"))
                    .report(tail.join("\n"))
                    .why(format!("its last lines stand above; the whole log is `{}`", log.display()))
                    .next(format!("`tagalong build --shell {name}` opens a shell where it is built"))
                    .next(format!("`tagalong build --keep {name}` keeps its work folder"))
            }
            BuildError::LogTooLarge { name, step, limit, log, tail } => Failure::new(
                Code::BuildStep,
                format!("the step `{step}` of {name} was ended: its log grew without end"),
            )
            .report(tail.join("\n"))
            .why(format!("it wrote more than {} MiB into `{}`", limit >> 20, log.display()))
            .next("mend the loop that the last lines show, or let the step write less"),
            BuildError::TooManyProcesses { name, step, limit, log, tail } => {
                Failure::new(Code::BuildStep, format!("the step `{step}` of {name} was ended: it forked without end"))
                    .report(tail.join("\n"))
                    .why(format!("it had more than {limit} processes at once; the log is `{}`", log.display()))
                    .next(format!("`tagalong build --shell {name}` opens a shell where it is built"))
            }
            BuildError::Interrupted => Failure::new(Code::BuildStep, "the build was stopped")
                .why("a signal asked for it, as Ctrl-C does")
                .next("run the same command again; finished packages are kept"),
            BuildError::ShellEnded { name } => Failure::new(Code::BuildStep, format!("{name} was not built"))
                .why("a shell was asked for instead")
                .next(format!("`tagalong build {name}` builds it")),
            BuildError::MissingTools { missing } => {
                let names: Vec<&str> = missing.iter().map(|(tool, _)| tool.as_str()).collect();
                let mut failure = Failure::new(
                    Code::NotFound,
                    format!("this machine lacks programs that recipes need: {}", names.join(", ")),
                );
                for (tool, users) in &missing {
                    let users: Vec<&str> = users.iter().map(|name| name.as_str()).collect();
                    failure = failure.why(format!("`{tool}` is a tool of {}", users.join(", ")));
                }
                failure.next("install them on the builder, on Debian with `apt-get install`, or write recipes for them")
            }
            BuildError::Sources { source, .. } => (&source).into(),
            BuildError::Seal { source, .. } => (&source).into(),
            BuildError::Archive { name, source } => {
                let failure: Failure = (&source).into();
                failure.why(format!("while {name} was built"))
            }
            BuildError::Store { name, source } => {
                let failure: Failure = (&source).into();
                failure.why(format!("while {name} was built"))
            }
            BuildError::NeedGone { name, archive } => {
                Failure::new(Code::NotFound, format!("{name} cannot be built: a package it needs left the store"))
                    .why(format!("the archive {archive} was there when the build was planned"))
                    .next("run the same command again")
            }
            BuildError::NeedTouched { name, path } => Failure::new(
                Code::CheckFound,
                format!("{name} changed a file that is not its own: `{}`", path.display()),
            )
            .why("a package only adds files; this one belongs to one of its needs")
            .next(format!("keep the steps of {name} from writing it, or put the two into one recipe")),
            BuildError::NoStep { name, given, known } => {
                Failure::new(Code::Usage, format!("{name} has no step `{given}`"))
                    .why(format!("it is built in these: {}", known.join(", ")))
                    .next(format!(
                        "`tagalong build --shell {name}:{}` names one",
                        known.first().map_or("", String::as_str)
                    ))
            }
            BuildError::InstalledNothing { name } => Failure::new(Code::BuildStep, format!("{name} installed nothing"))
                .why("after its last step no new file lies at the prefix")
                .next("let a step install to `{prefix}`; `$PREFIX` holds it too"),
            BuildError::Contents { name, missing, unwanted } => {
                let mut failure = Failure::new(
                    Code::CheckFound,
                    format!("{name} does not hold what `[contents]` of its recipe says"),
                );
                for glob in missing {
                    failure = failure.why(format!("nothing matches `{glob}`, which `has` names"));
                }
                for (glob, path) in unwanted {
                    failure = failure.why(format!("`{path}` matches `{glob}`, which `has-not` names"));
                }
                failure
                    .next(format!("`tagalong build --keep {name}` keeps what it installed, to look at"))
                    .next("mend the build, or `[contents]` where it asks for the wrong thing")
            }
            BuildError::Prebuilt { name, file, was, offset } => {
                let place = format!("`{}` holds `{was}` at byte {offset}", file.display());
                Failure::new(Code::CheckFound, format!("{name} cannot be moved: {place}"))
                    .why("the file is no text, and the placeholder is longer than what stands there")
                    .next(format!("drop the file with `exclude`, or build {name} from source"))
            }
            BuildError::Placeholder { placeholder } => {
                Failure::new(Code::Usage, format!("the placeholder `{}` cannot be made", placeholder.as_str()))
                    .why("the kernel gives no namespaces here, and only root can make it for real")
                    .next("run as root, or allow user namespaces in this container")
            }
            BuildError::Io { name, doing, source } => {
                Failure::new(Code::Internal, format!("{name} is not built: the program could not {doing}"))
                    .why(source.to_string())
                    .next("mend what the reason names, then build again; `df` tells whether a disk is full")
            }
        }
    }
}

//! Words for what goes wrong around CI.

use crate::cli::failure::{Code, Failure, list};
use crate::flow::ci::{check, generate, image, init, reproduce};

impl From<generate::Error> for Failure {
    fn from(error: generate::Error) -> Failure {
        use generate::Error;
        match error {
            Error::Checkout(error) => error.into(),
            Error::NoWorkTree => Failure::new(Code::Usage, "there is no pipeline for a bare repository")
                .why("recipes are read as they lie in a work tree")
                .next("`git worktree add DIR` makes one; then run `tagalong -C DIR ci generate`"),
            Error::Recipes(error) => (&error).into(),
            Error::Store(error) => (&error).into(),
            Error::Channel(error) => (&error).into(),
            Error::NotTaken(error) => {
                Failure::from(error).why("without an answer everything that it has would be built again")
            }
            Error::NoSuchChannel(error) => error.into(),
            Error::NoPlatform => Failure::new(Code::Usage, "there is no platform to build for")
                .why("tagalong.toml names none")
                .next("add one: `[[platform]]`, `id = \"debian-12-x86_64\"`, `image = \"…@sha256:…\"`"),
            Error::UnknownPlatform { given, known } => {
                let known: Vec<String> = known.iter().map(ToString::to_string).collect();
                Failure::new(Code::Usage, format!("the project does not build for {given}"))
                    .why(format!("tagalong.toml names {}", list(&known)))
                    .next("name one of these with `--platform`, or none for all")
            }
            Error::Pin { image, reason } => {
                Failure::new(Code::Network, format!("the digest of the image `{image}` is not known"))
                    .why(reason)
                    .next("install skopeo and see that it may ask the registry, or leave `--pin` out")
                    .next("`image = \"…@sha256:…\"` in tagalong.toml needs no question")
            }
            Error::NoRecipes => Failure::new(Code::NotFound, "there is nothing to build")
                .why("the checkout has no folder `extern-recipes` with a recipe in it")
                .next("`tagalong recipe new NAME` makes the first one"),
        }
    }
}

impl From<check::Error> for Failure {
    fn from(error: check::Error) -> Failure {
        use check::Error;
        match error {
            Error::Disk { path, source } => disk(&path, &source),
            Error::NotMade { path } => Failure::new(Code::Usage, format!("`{}` cannot be compared", path.display()))
                .why("it does not say which command made it, or one that this program does not know")
                .next("make it with `tagalong ci generate --output FILE`, whose first lines say it"),
            Error::Nothing { root } => Failure::new(Code::NotFound, "there is nothing to compare")
                .why(format!("no file of `{}`, its `ci` and `.gitlab` says that tagalong made it", root.display()))
                .next("`tagalong ci init` writes the first one"),
        }
    }
}

impl From<image::Error> for Failure {
    fn from(error: image::Error) -> Failure {
        use image::Error;
        match error {
            Error::Checkout(error) => error.into(),
            Error::NoWorkTree => Failure::new(Code::Usage, "there are no images in a bare repository")
                .why("they are described by files of a work tree")
                .next("`git worktree add DIR` makes one; start it there"),
            Error::NoImage { platform, path } => {
                Failure::new(Code::NotFound, format!("nothing says what the image of {platform} holds"))
                    .why(format!("there is no `{}`", path.display()))
                    .next("write one, or take that of a like platform from tagalong's own `ci/images`")
            }
            Error::NoEngine => Failure::new(Code::Usage, "no image can be built here")
                .why("neither podman, buildah nor docker is on the PATH")
                .next("install one of them; `apt-get install podman` on Debian"),
            Error::Disk { path, source } => disk(&path, &source),
        }
    }
}

impl From<init::Error> for Failure {
    fn from(error: init::Error) -> Failure {
        match error {
            init::Error::Disk { path, source } => disk(&path, &source),
        }
    }
}

impl From<reproduce::Error> for Failure {
    fn from(error: reproduce::Error) -> Failure {
        use reproduce::Error;
        match error {
            Error::Checkout(error) => error.into(),
            Error::NoWorkTree => Failure::new(Code::Usage, "a job cannot be repeated in a bare repository")
                .why("recipes are built as they lie in a work tree")
                .next("`git worktree add DIR` makes one; start it there"),
            Error::Http(error) => Failure::from(&error),
            Error::NoNote { url } => Failure::new(Code::NotFound, "the job has left no note")
                .why(format!("there is nothing at {url}"))
                .why("only a build job that failed leaves one, for a week, and only a public project shows it")
                .next("download `tagalong-failed/job.json` from the job's artifacts and name the file"),
            Error::Disk { path, source } => disk(&path, &source),
            Error::Unreadable { of, reason } => Failure::new(Code::Usage, format!("`{of}` says nothing of a job"))
                .why(reason)
                .next("name the address of a job, its `tagalong-failed/job.json`, or a build record of a channel"),
        }
    }
}

fn disk(path: &std::path::Path, source: &std::io::Error) -> Failure {
    let code = if source.kind() == std::io::ErrorKind::NotFound { Code::NotFound } else { Code::Internal };
    Failure::new(code, format!("`{}` cannot be used", path.display()))
        .why(source.to_string())
        .next("check the path, the rights and the free space there")
}

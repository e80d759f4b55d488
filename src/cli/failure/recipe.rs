//! Failures of recipes in words.

use crate::cli::failure::{Code, Failure};
use crate::cli::mistakes;
use crate::flow::{recipe_check, recipe_graph, recipe_new, recipe_show};
use crate::recipe_folder::{self, UnknownRecipe};

impl From<&recipe_folder::Error> for Failure {
    fn from(error: &recipe_folder::Error) -> Failure {
        match error {
            recipe_folder::Error::NoFolder { folder } => Failure::new(Code::NotFound, "there are no recipes")
                .why(format!("there is no folder `{}`", folder.display()))
                .next("`tagalong recipe new NAME --url URL` writes the first one"),
            recipe_folder::Error::Read(error) => Failure::new(Code::Internal, "the recipes cannot be read")
                .why(error.to_string())
                .next("see to it that the folder and its files can be read"),
            recipe_folder::Error::Mistakes(files) => {
                let names: Vec<String> = files.iter().map(|file| format!("`{}`", file.name)).collect();
                Failure::new(Code::CheckFound, format!("there are mistakes in {}", names.join(", ")))
                    .report(mistakes::render_all(files, false))
                    .next("`tagalong recipe check` shows them again, `tagalong recipe reference` tells what a recipe may say")
            }
            recipe_folder::Error::Overlay { place, reason } => {
                Failure::new(Code::NotFound, format!("the recipes of `{place}` cannot be had"))
                    .why(reason.clone())
                    .next("mend its `[[recipes]]` in tagalong.toml, or take it out")
            }
            recipe_folder::Error::Choice { name, chosen, known } => {
                let known = match known.as_slice() {
                    [] => "no recipe provides it".to_owned(),
                    names => format!("it is provided by {}", names.join(", ")),
                };
                Failure::new(Code::Usage, format!("`{chosen}` does not provide `{name}`"))
                    .why(format!("`[providers]` of tagalong.toml chooses it; {known}"))
                    .next(format!("choose another, or write `provides = [\"{name}\"]` into the recipe of {chosen}"))
            }
            recipe_folder::Error::Named { by, unknown } => Failure::from(unknown).why(format!("{by} names it")),
        }
    }
}

impl From<&UnknownRecipe> for Failure {
    fn from(error: &UnknownRecipe) -> Failure {
        let failure = Failure::new(Code::NotFound, format!("there is no recipe `{}`", error.given));
        match &error.suggestion {
            Some(name) => failure.next(format!("did you mean `{name}`? `tagalong recipe graph` lists all")),
            None => failure.next(format!(
                "`tagalong recipe graph` lists all; `tagalong recipe new {} --url URL` makes it",
                error.given
            )),
        }
    }
}

impl From<recipe_check::Error> for Failure {
    fn from(error: recipe_check::Error) -> Failure {
        match error {
            recipe_check::Error::Folder(error) => Failure::from(&error),
            recipe_check::Error::Unknown(error) => Failure::from(&error),
            recipe_check::Error::Read(error) => Failure::new(Code::Internal, "the project cannot be read")
                .why(error.to_string())
                .next("see to it that `tagalong.toml` can be read, as UTF-8"),
        }
    }
}

impl From<recipe_show::Error> for Failure {
    fn from(error: recipe_show::Error) -> Failure {
        match error {
            recipe_show::Error::Folder(error) => Failure::from(&error),
            recipe_show::Error::Unknown(error) => Failure::from(&error),
        }
    }
}

impl From<recipe_graph::Error> for Failure {
    fn from(error: recipe_graph::Error) -> Failure {
        match error {
            recipe_graph::Error::Folder(error) => Failure::from(&error),
            recipe_graph::Error::Unknown(error) => Failure::from(&error),
        }
    }
}

impl From<recipe_new::Error> for Failure {
    fn from(error: recipe_new::Error) -> Failure {
        match error {
            recipe_new::Error::Exists { path } => {
                Failure::new(Code::Usage, format!("there is a recipe already: `{}`", path.display()))
                    .why("nothing is written over unless that is asked for")
                    .next("edit it, or write over it with `--force`")
            }
            recipe_new::Error::Release { given, example } => {
                Failure::new(Code::Usage, format!("`{}` does not name one release", given.escape_debug()))
                    .why("it takes a name and one version")
                    .next(format!("write it as in `{example}`"))
            }
            recipe_new::Error::NoVersion { given } => {
                Failure::new(Code::Usage, format!("`{}` does not tell its version", given.escape_debug()))
                    .why("no part of the address looks like one")
                    .next("say it with `--version VERSION`")
            }
            recipe_new::Error::Source(error) => Failure::from(&error),
            recipe_new::Error::Unpack(error) => super::sources::unpack(&error),
            recipe_new::Error::Http(error) => Failure::from(&error),
            recipe_new::Error::Mistakes(found) => Failure::new(Code::Usage, "what was given makes no right recipe")
                .report(mistakes::render(&found, false))
                .next("mend the words that are pointed at; nothing was written"),
            recipe_new::Error::Disk(error) => Failure::new(Code::Internal, "the recipe cannot be written")
                .why(error.to_string())
                .next("see to it that the folder can be written and the disk has room"),
        }
    }
}

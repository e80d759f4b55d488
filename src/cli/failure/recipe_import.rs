//! Failures of `recipe import` in words.

use crate::cli::failure::{Code, Failure};
use crate::cli::mistakes;
use crate::flow::recipe_import::Error;
use crate::recipe_import::ImportError;

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        match error {
            Error::Exists { path } => {
                Failure::new(Code::Usage, format!("there is a recipe already: `{}`", path.display()))
                    .why("nothing is written over unless that is asked for")
                    .next("give it another name with `--to NAME`, or write over it with `--force`")
            }
            Error::NoFile { path } => Failure::new(Code::NotFound, format!("there is no file `{}`", path.display()))
                .why("it is read from the folder that the run works in")
                .next("name a `build.config`, a `meta.yaml`, a `recipe.yaml` or a HashDist package"),
            Error::Unreadable { path, reason } => {
                Failure::new(Code::Usage, format!("`{}` cannot be read", path.display()))
                    .why(reason)
                    .next("name a text file of at most 256 KiB")
            }
            Error::UnknownFormat { path } => {
                Failure::new(Code::Usage, format!("`{}` is of no format that is known", path.display()))
                    .why("neither its name nor its first lines are those of Karabo, conda, rattler-build or HashDist")
                    .next("say it with `--format karabo`, `conda`, `rattler` or `hashdist`")
            }
            Error::Import { path, source: ImportError::Yaml { line, reason } } => {
                Failure::new(Code::CheckFound, format!("`{}` is no YAML that can be read", path.display()))
                    .why(format!("line {line}: {reason}"))
                    .next("mend the line, or leave it out, and import it again")
            }
            Error::NoName { path, given } => {
                let why = match given {
                    Some(given) => format!("`{}` is not the name of a recipe", given.escape_debug()),
                    None => "the file does not tell one".to_owned(),
                };
                Failure::new(Code::Usage, format!("`{}` gives no name for the recipe", path.display()))
                    .why(why)
                    .next("say it with `--to NAME`: lower-case letters, digits, `-`, `_`, `+` and `.`")
            }
            Error::NoVersion { path } => Failure::new(Code::Usage, format!("`{}` tells no version", path.display()))
                .why("no field holds one, or it cannot be told without running the file")
                .next("say it with `--version VERSION`"),
            Error::Mistakes(found) => Failure::new(Code::CheckFound, "what was read makes no right recipe")
                .report(mistakes::render(&found, false))
                .next("mend what is pointed at in the file that is imported; nothing was written"),
            Error::Disk(error) => Failure::new(Code::Internal, "the recipe cannot be written")
                .why(error.to_string())
                .next("see to it that the folder can be written and the disk has room"),
        }
    }
}

//! Failures of tagalong.toml and of `init` in words.

use crate::cli::failure::{Code, Failure};
use crate::cli::mistakes;
use crate::flow::init;
use crate::toml_file::Mistakes;

/// A project file that cannot be used.
impl From<&Mistakes> for Failure {
    fn from(mistakes: &Mistakes) -> Failure {
        let count = mistakes.list.len();
        let noun = if count == 1 { "mistake" } else { "mistakes" };
        Failure::new(Code::Usage, format!("{count} {noun} in `{}`", mistakes.name))
            .report(mistakes::render(mistakes, false))
            .next("mend the file; `tagalong init --dry-run` in an empty folder shows all its fields")
    }
}

impl From<init::Error> for Failure {
    fn from(error: init::Error) -> Failure {
        match error {
            init::Error::Exists { path } => {
                Failure::new(Code::Usage, format!("there is a project already: `{}`", path.display()))
                    .why("`tagalong init` never changes one that is there")
                    .next("edit it; `tagalong init --dry-run` in an empty folder shows all its fields")
            }
            init::Error::Name { given } => {
                Failure::new(Code::Usage, format!("`{}` cannot name a project", given.escape_debug()))
                    .why("a name is made of letters, digits, `-`, `_` and `.`")
                    .next("give it another name: `tagalong init --name NAME`")
            }
            init::Error::Disk(error) => Failure::new(Code::Internal, "tagalong.toml cannot be written")
                .why(error.to_string())
                .next("see to it that the folder can be written, then run `tagalong init` again"),
        }
    }
}

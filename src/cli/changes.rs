//! The options that change recipes for one run: `--source` and `--set`.

use crate::cli::build::parse;
use crate::cli::failure::{Code, Failure};
use crate::cli::settings::Settings;
use crate::recipe_folder::layout::{Overrides, Setting};

/// What is changed for this run alone
#[derive(Debug, clap::Args)]
pub struct Changes {
    /// Builds NAME from this folder instead of its sources; such a package is never published
    #[arg(long, value_name = "NAME=DIR")]
    source: Vec<String>,
    /// Sets a field of a recipe, such as `hdf5:build.options=["-DX=1"]`; such a package is never published
    #[arg(long, value_name = "NAME:FIELD=VALUE")]
    set: Vec<String>,
}

impl Changes {
    /// The changes, checked as far as can be told without the recipes.
    pub fn overrides(&self, settings: &Settings) -> Result<Overrides, Failure> {
        let mut overrides = Overrides::default();
        for given in &self.source {
            let (name, folder) = given.split_once('=').ok_or_else(|| wrong(given, "NAME=DIR"))?;
            let folder = settings.directory.join(folder);
            if !folder.is_dir() {
                return Err(Failure::new(Code::NotFound, format!("there is no folder `{}`", folder.display()))
                    .next("name the folder that the sources are in"));
            }
            overrides.copies.push((parse(name)?, folder));
        }
        for given in &self.set {
            let parts = given.split_once('=').and_then(|(left, value)| Some((left.split_once(':')?, value)));
            let ((name, field), value) = parts.ok_or_else(|| wrong(given, "NAME:FIELD=VALUE"))?;
            let is_plain = |part: &str| part.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
            let is_field = field.split('.').all(|part| !part.is_empty() && is_plain(part));
            if !is_field || value.chars().any(char::is_control) {
                return Err(wrong(given, "NAME:FIELD=VALUE on one line"));
            }
            let setting = Setting { recipe: parse(name)?, field: field.to_owned(), value: as_toml(field, value) };
            overrides.settings.push(setting);
        }
        Ok(overrides)
    }
}

fn wrong(given: &str, form: &str) -> Failure {
    Failure::new(Code::Usage, format!("`{given}` is not {form}")).next("`tagalong build --help` shows the form")
}

/// A value as TOML: as it stands if it can be nothing else, as the one field that is a number wants it, else as a text.
fn as_toml(field: &str, value: &str) -> String {
    let is_toml = value.starts_with(['[', '{', '"', '\'']) || ["true", "false"].contains(&value);
    // A string of JSON without control characters is one of TOML.
    let is_count = field == "build.jobs" && value.parse::<u32>().is_ok();
    if is_toml || is_count { value.to_owned() } else { serde_json::Value::from(value).to_string() }
}

//! One recipe file of a folder: read, and checked against what lies around it.
//!
//! Does not know the fields (`recipe_file/`).

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use crate::model::platform::Platform;
use crate::recipe_file::{self, Mention, Mentioned, Reading};
use crate::recipe_folder::providers::Providers;
use crate::recipe_folder::{Error, RECIPE_FILE};
use crate::toml_file::nearest_word::did_you_mean;
use crate::toml_file::{Mistake, Mistakes};

/// One recipe file that was read.
pub(super) struct File {
    /// The name of its folder.
    pub(super) name: String,
    /// Its folder.
    pub(super) own: PathBuf,
    text: String,
    pub(super) reading: Reading,
}

impl File {
    /// The mistakes of the file, under the name that the user knows it by.
    pub(super) fn mistakes(&self) -> Option<Mistakes> {
        let mut list = self.reading.mistakes.clone();
        list.sort_by_key(|mistake| (mistake.span.start, mistake.span.end));
        let folder = self.own.parent().and_then(Path::file_name).unwrap_or(self.own.as_os_str());
        let shown = Path::new(folder).join(&self.name).join(RECIPE_FILE);
        let name = shown.display().to_string();
        (!list.is_empty()).then(|| Mistakes { name, text: self.text.clone(), list })
    }

    /// What the text names that is not there.
    pub(super) fn check_mentions(&self, names: &BTreeSet<String>, providers: &Providers) -> Vec<Mistake> {
        self.reading.mentions.iter().filter_map(|mention| self.check_mention(mention, names, providers)).collect()
    }

    fn check_mention(&self, mention: &Mention, names: &BTreeSet<String>, providers: &Providers) -> Option<Mistake> {
        let own = &self.own;
        let mistake = |what: String, hint: Option<String>| Some(Mistake { span: mention.span.clone(), what, hint });
        let name = mention.name.escape_debug();
        match mention.kind {
            Mentioned::Itself if mention.name != self.name => {
                let hint = "the folder and the recipe have the same name".to_owned();
                mistake(format!("the recipe is named `{name}`, its folder `{}`", self.name), Some(hint))
            }
            Mentioned::Need if providers.is_open(&mention.name) => {
                let all = providers.of(&mention.name).join("` and `");
                let first = providers.of(&mention.name).first().cloned().unwrap_or_default();
                let hint = format!("choose one in tagalong.toml: `[providers]` with `{name} = \"{first}\"`");
                mistake(format!("`{name}` is provided by `{all}`"), Some(hint))
            }
            Mentioned::Need if !names.contains(&mention.name) && providers.of(&mention.name).is_empty() => {
                let hint = did_you_mean(&mention.name, names.iter().map(String::as_str));
                let hint = hint.unwrap_or_else(|| format!("`tagalong recipe new {name} --url URL` makes one"));
                mistake(format!("there is no recipe `{name}`"), Some(hint))
            }
            Mentioned::Patch | Mentioned::Path => match beside(own, &mention.name) {
                Beside::Inside => None,
                Beside::Absent => {
                    mistake(format!("there is no `{name}` beside the recipe"), nearest_file(own, &mention.name))
                }
                Beside::Outside => {
                    mistake(format!("`{name}` leads out of the recipe's folder"), Some("copy it there".to_owned()))
                }
            },
            _ => None,
        }
    }
}

enum Beside {
    Inside,
    Outside,
    Absent,
}

fn beside(own: &Path, name: &str) -> Beside {
    // Where no link is on the way nothing leads out: the name was checked for `..` when it was read.
    let mut path = own.to_owned();
    let is_plain = |part: &str| {
        path.push(part);
        fs_err::symlink_metadata(&path).is_ok_and(|facts| !facts.is_symlink())
    };
    if !name.contains("..") && name.split('/').all(is_plain) {
        return Beside::Inside;
    }
    let found = fs_err::canonicalize(own).and_then(|own| Ok((fs_err::canonicalize(own.join(name))?, own)));
    match found {
        Ok((path, own)) if path.starts_with(&own) && path != own => Beside::Inside,
        Ok(_) => Beside::Outside,
        Err(_) => Beside::Absent,
    }
}

fn nearest_file(own: &Path, name: &str) -> Option<String> {
    let entries = fs_err::read_dir(own).ok()?;
    let names: Vec<String> = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
    did_you_mean(name, names.iter().map(String::as_str).filter(|name| *name != RECIPE_FILE))
}

/// Reads one recipe; `more` is TOML that stands behind its text, as what the user sets does.
pub(super) fn read_one(own: &Path, name: &str, more: &str, platform: Option<&Platform>) -> Result<File, Error> {
    let file = |text: String, reading| File { name: name.to_owned(), own: own.to_owned(), text, reading };
    let unreadable = |what: &str, hint: Option<String>| Reading {
        recipe: None,
        mentions: Vec::new(),
        mistakes: vec![Mistake { span: 0..0, what: what.to_owned(), hint }],
    };
    let bytes = match fs_err::read(own.join(RECIPE_FILE)) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let hint = "every folder among the recipes is a recipe: write one, or move the folder elsewhere";
            let reading = unreadable("there is no `recipe.toml` in this folder", Some(hint.to_owned()));
            return Ok(file(String::new(), reading));
        }
        Err(error) => return Err(Error::Read(error)),
    };
    Ok(match String::from_utf8(bytes) {
        Ok(text) => {
            let text = text + more;
            let reading = recipe_file::read(&text, platform);
            file(text, reading)
        }
        Err(error) => {
            let line = 1 + error.as_bytes()[..error.utf8_error().valid_up_to()].iter().filter(|b| **b == b'\n').count();
            let reading = unreadable(&format!("line {line} is not UTF-8, which TOML is written in"), None);
            file(String::new(), reading)
        }
    })
}

//! `tagalong ci check`: whether the committed files that tagalong made are as it would make them now.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use crate::cli::ci::generate;
use crate::cli::failure::Failure;
use crate::cli::install::found;
use crate::cli::print::{say, show};
use crate::cli::settings::Settings;
use crate::cli::talk::Talk;
use crate::flow::ci::check::{self, By, Made};
use crate::flow::ci::init::TEMPLATE;
use crate::recipe_folder::root_above;

/// Compares the files that tagalong made for CI with what it would make now; exits with 7 when one differs
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The files to compare; those that say tagalong made them if none is named
    files: Vec<PathBuf>,
    /// Writes the files that differ anew
    #[arg(long)]
    update: bool,
}

/// The command line that a generated file names.
#[derive(Debug, Parser)]
#[command(name = "tagalong", no_binary_name = true)]
struct Line {
    #[command(flatten)]
    arguments: generate::Arguments,
}

pub fn run(arguments: Arguments, settings: &Settings) -> Result<ExitCode, Failure> {
    let root = root_above(&settings.directory);
    let talk = Talk::new(settings);
    let mut count = 0;
    let files = check::find(&root, &settings.directory, &arguments.files)?;
    for made in &files {
        let now = text_now(made, settings, &talk)?;
        let path = made.path.display();
        let Some((number, was, is)) = check::first_difference(&made.text, &now) else {
            show!("{path}: as it is made");
            continue;
        };
        if arguments.update {
            std::fs::write(root.join(&made.path), &now)
                .map_err(|error| Failure::internal(format!("`{path}` cannot be written: {error}")))?;
            show!("{path}: written anew");
            continue;
        }
        count += 1;
        show!("{path}:{number}: differs\n  it is     {was}\n  should be {is}");
    }
    let said = match (arguments.update, count) {
        (false, 0) => "no file differs".to_owned(),
        (true, _) => format!("looked at {}; all are as they are made now", files_in_words(files.len())),
        _ => format!("{} of {} differ; `tagalong ci check --update` writes them", count, files_in_words(files.len())),
    };
    say!("{said}");
    Ok(if count == 0 { ExitCode::SUCCESS } else { found() })
}

fn files_in_words(count: usize) -> String {
    if count == 1 { "1 file".to_owned() } else { format!("{count} files") }
}

fn text_now(made: &Made, settings: &Settings, talk: &Talk) -> Result<String, Failure> {
    match &made.by {
        By::Init => Ok(TEMPLATE.to_owned()),
        By::Generate(words) => {
            let wrong = || Failure::from(check::Error::NotMade { path: made.path.clone() });
            let rest = words.strip_prefix(&["tagalong", "ci", "generate"].map(str::to_owned)[..]).ok_or_else(wrong)?;
            let line = Line::try_parse_from(rest).map_err(|_| wrong())?;
            Ok(generate::make(&line.arguments, settings, talk)?.yaml)
        }
    }
}

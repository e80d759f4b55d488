//! `tagalong recipe new`.

use std::process::ExitCode;

use crate::cli::failure::Failure;
use crate::cli::print;
use crate::cli::settings::Settings;
use crate::cli::talk::Talk;
use crate::flow::recipe_new::{Options, Origin, Outcome, Overwrite, recipe_new};
use crate::model::recipe::RecipeName;

/// Fetches a source, looks inside and writes the first version of its recipe
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[arg(value_name = "NAME", value_parser = super::recipe_name)]
    name: RecipeName,
    #[command(flatten)]
    origin: OriginArguments,
    /// The version, where the name of the source does not tell it
    #[arg(long, value_name = "VERSION")]
    version: Option<String>,
    /// Writes over the recipe that is there
    #[arg(long)]
    force: bool,
    /// Prints the recipe and writes nothing
    #[arg(long, conflicts_with = "force")]
    dry_run: bool,
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct OriginArguments {
    /// The address of an archive
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// A file of a Debian source package, such as bzip2_1.0.8.orig.tar.gz
    #[arg(long, value_name = "FILE")]
    debian: Option<String>,
    /// A crate, such as libz-sys@1.1.20
    #[arg(long = "crate", value_name = "NAME@VERSION")]
    krate: Option<String>,
    /// A Python package, such as numpy==1.26.4
    #[arg(long, value_name = "NAME==VERSION")]
    pypi: Option<String>,
}

impl OriginArguments {
    fn origin(self) -> Option<Origin> {
        let url = self.url.map(Origin::Url);
        url.or(self.debian.map(Origin::Debian)).or(self.krate.map(Origin::Crate)).or(self.pypi.map(Origin::Pypi))
    }
}

pub fn run(arguments: Arguments, settings: &Settings) -> Result<ExitCode, Failure> {
    let overwrite = match (arguments.dry_run, arguments.force) {
        (true, _) => Overwrite::DryRun,
        (_, true) => Overwrite::Always,
        _ => Overwrite::Never,
    };
    let name = arguments.name.clone();
    let options = Options {
        directory: settings.directory.clone(),
        name: arguments.name,
        origin: arguments.origin.origin().ok_or_else(|| Failure::internal("clap took no origin"))?,
        version: arguments.version,
        overwrite,
        cache: settings.cache.clone(),
        mirrors: settings.source_mirrors.clone(),
    };
    let talk = Talk::new(settings);
    let outcome = recipe_new(&options, &|event| talk.tell(event)).map_err(Failure::from)?;
    if overwrite == Overwrite::DryRun {
        return print::print(&outcome.text);
    }
    print::print(&sentence(&name, &outcome))
}

fn sentence(name: &RecipeName, outcome: &Outcome) -> String {
    let Outcome { path, version, .. } = outcome;
    let system = outcome.system.unwrap_or("script, to be written");
    let license = outcome.license.as_deref().unwrap_or("unknown");
    let path = path.display();
    format!("wrote {path}: {name} {version}, build system {system}, licence {license}; guesses are marked in it\n")
}

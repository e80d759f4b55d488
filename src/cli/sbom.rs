//! `tagalong sbom`: what a bundle is made of and how, as JSON of a standard on stdout.

use std::path::PathBuf;
use std::process::ExitCode;

use crate::checkout::Forced;
use crate::cli::failure::Failure;
use crate::cli::install::platform;
use crate::cli::print::print_json;
use crate::cli::settings::Settings;
use crate::cli::talk::Talk;
use crate::flow::sbom::{self, Options};
use crate::host::now;
use crate::model::bundle::TOOL;
use crate::model::platform::Platform;
use crate::moment::rfc3339;
use crate::report::sbom::{self as bill, Subject};
use crate::search::Network;

/// Prints what a bundle is made of: SPDX, CycloneDX, or how it was made as SLSA provenance
#[derive(Debug, clap::Args)]
#[command(after_help = "The time in the document is that of the run, or SOURCE_DATE_EPOCH.")]
pub struct Arguments {
    /// A bundle manifest as a file, instead of the bundle of the nearest tag
    #[arg(conflicts_with_all = ["tag", "platform"])]
    manifest: Option<PathBuf>,
    /// The standard: SPDX 2.3, CycloneDX 1.6, or an in-toto statement with SLSA provenance
    #[arg(long, value_name = "STANDARD", default_value = "spdx")]
    format: Standard,
    /// Takes this tag, or this candidate, instead of the history's; wins over FORCED_DEPS_TAG
    #[arg(long, value_name = "TAG")]
    tag: Option<String>,
    /// Takes the bundle of this platform instead of this machine's
    #[arg(long, value_name = "ID", value_parser = platform)]
    platform: Option<Platform>,
    /// Uses no network: what was fetched before, and `file:` channels
    #[arg(long)]
    offline: bool,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Standard {
    Spdx,
    Cyclonedx,
    Slsa,
}

pub fn run(arguments: Arguments, settings: &Settings) -> Result<ExitCode, Failure> {
    let talk = Talk::new(settings);
    let options = Options {
        folder: settings.directory.clone(),
        cache: settings.cache.clone(),
        forced: Forced::of(arguments.tag, settings.forced_tag.clone()),
        platform: arguments.platform,
        file: arguments.manifest.map(|path| settings.directory.join(path)),
        network: if arguments.offline { Network::Offline } else { Network::Allowed },
    };
    let found = sbom::manifest(&options, &|event| talk.tell(event))?;
    let created = rfc3339(settings.source_date.unwrap_or_else(now));
    let subject = Subject { manifest: &found.manifest, digest: found.digest, created: &created, tool: TOOL };
    let document = match arguments.format {
        Standard::Spdx => bill::spdx::render(&subject),
        Standard::Cyclonedx => bill::cyclonedx::render(&subject),
        Standard::Slsa => bill::slsa::render(&subject),
    };
    print_json(&document)
}

//! The arguments of verbs that are about an installed prefix.

use std::path::PathBuf;

use crate::checkout::Forced;
use crate::cli::install::platform;
use crate::cli::settings::Settings;
use crate::model::platform::Platform;
use crate::place::Asked;

/// Which prefix is meant; the one of the checkout and of this machine by default.
#[derive(Debug, clap::Args)]
pub struct PrefixArguments {
    /// Takes this folder instead of the one that tagalong.toml says; needs no checkout
    #[arg(long, value_name = "DIR")]
    prefix: Option<PathBuf>,
    /// Takes the prefix of this platform instead of this machine's
    #[arg(long, value_name = "ID", value_parser = platform)]
    platform: Option<Platform>,
}

impl PrefixArguments {
    pub fn asked(self, settings: &Settings) -> Asked {
        Asked {
            folder: settings.directory.clone(),
            prefix: self.prefix,
            platform: self.platform,
            forced: Forced::of(None, settings.forced_tag.clone()),
        }
    }
}

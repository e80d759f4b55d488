//! `tagalong completions`.

use std::process::ExitCode;

use clap::CommandFactory;

use crate::cli::failure::Failure;
use crate::cli::print;
use crate::cli::settings::Settings;

/// Prints the completions of a shell
#[derive(Debug, clap::Args)]
#[command(after_help = "For bash: tagalong completions bash > ~/.local/share/bash-completion/completions/tagalong")]
pub struct Arguments {
    #[arg(value_name = "SHELL")]
    shell: clap_complete::Shell,
}

pub fn run(arguments: Arguments, _settings: &Settings) -> Result<ExitCode, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut crate::cli::Arguments::command(), "tagalong", &mut script);
    print::print(&String::from_utf8_lossy(&script))
}

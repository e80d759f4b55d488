//! `tagalong recipe graph`.

use std::process::ExitCode;

use crate::cli::failure::Failure;
use crate::cli::print;
use crate::cli::settings::Settings;
use crate::cli::talk::Talk;
use crate::flow::recipe_graph::{Options, recipe_graph};
use crate::model::platform::Platform;
use crate::model::recipe::RecipeName;

/// Prints the recipes in the order in which they can be built
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Only these recipes, and all that they are built after
    #[arg(value_name = "NAME", value_parser = super::recipe_name)]
    names: Vec<RecipeName>,
    /// As they hold on this platform
    #[arg(long, value_name = "ID", value_parser = super::platform)]
    platform: Option<Platform>,
    /// Prints the graph for graphviz
    #[arg(long)]
    dot: bool,
    /// Prints the answer as JSON: recipes[{name, version, needs, tools, level}]
    #[arg(long, conflicts_with = "dot")]
    json: bool,
}

pub fn run(arguments: Arguments, settings: &Settings) -> Result<ExitCode, Failure> {
    let talk = Talk::new(settings);
    let tell = |event| talk.tell(event);
    let (directory, cache) = (settings.directory.clone(), settings.cache.clone());
    let options = Options { directory, cache, tell: &tell, names: arguments.names, platform: arguments.platform };
    let graph = recipe_graph(&options).map_err(Failure::from)?;
    match (arguments.json, arguments.dot) {
        (true, _) => print::print_json(&graph),
        (_, true) => print::print(&graph.dot()),
        _ => print::print(&graph.text()),
    }
}

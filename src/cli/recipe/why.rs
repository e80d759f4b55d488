//! `tagalong recipe why`: the reasons of a plan, one a line on stdout.

use std::process::ExitCode;

use crate::cli::build::{line, own_file};
use crate::cli::failure::{Code, Failure};
use crate::cli::print::show;
use crate::cli::settings::Settings;
use crate::cli::talk::Talk;
use crate::flow::build::{self, Place};
use crate::model::recipe::RecipeName;
use crate::recipe_folder::layout::Overrides;
use crate::search::Network;

/// Says why a recipe is built or taken, and who needs it
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The recipe
    #[arg(value_name = "NAME", value_parser = super::recipe_name)]
    name: RecipeName,
    /// Shows the needs that lead from OTHER to NAME, or from NAME to it
    #[arg(value_name = "OTHER", value_parser = super::recipe_name)]
    other: Option<RecipeName>,
    /// Asks no channel that needs a network
    #[arg(long)]
    offline: bool,
}

pub fn run(arguments: Arguments, settings: &Settings) -> Result<ExitCode, Failure> {
    let talk = Talk::new(settings);
    let program = own_file()?;
    let (tell, overrides) = (|event| talk.tell(event), Overrides::default());
    let place = Place {
        directory: &settings.directory,
        cache: &settings.cache,
        program: &program,
        is_on_host: false,
        overrides: &overrides,
        tell: &tell,
    };
    let name = arguments.name;
    if let Some(other) = arguments.other {
        let way = match build::path(&place, &other, &name)? {
            Some(way) => Some(way),
            None => build::path(&place, &name, &other)?,
        };
        let Some(way) = way else {
            return Err(Failure::new(Code::NotFound, format!("neither {name} nor {other} needs the other"))
                .why("no chain of needs and tools leads from one to the other")
                .next("`tagalong recipe graph` prints all needs"));
        };
        way.windows(2).for_each(|pair| show!("{} needs {}", pair[0], pair[1]));
        return Ok(ExitCode::SUCCESS);
    }
    let network = if arguments.offline { Network::Offline } else { Network::Allowed };
    let why = build::why(&place, &name, network, &tell)?;
    why.chain.iter().for_each(|step| show!("{}", line(step)));
    let users: Vec<&str> = why.users.iter().map(RecipeName::as_str).collect();
    let users = if users.is_empty() { "no recipe".to_owned() } else { users.join(", ") };
    show!("needed by {users}");
    Ok(ExitCode::SUCCESS)
}

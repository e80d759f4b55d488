//! `platform`: root folder -> platform, and with a project which platforms' bundles the machine takes.
//!
//! What a machine is, `host/` tells; what a project declares, its `tagalong.toml`.

use std::path::PathBuf;

use crate::checkout::{self, Checkout};
use crate::host::{self, Host, HostError};
use crate::model::platform::Platform;
use crate::model::project::Project;

/// What is asked.
#[derive(Debug, Clone)]
pub struct Options {
    /// The root folder of the machine; `/` for this one.
    pub root: PathBuf,
    /// A folder of the project whose platforms are listed, if they are.
    pub list: Option<PathBuf>,
}

/// The answer.
#[derive(Debug, Clone)]
pub struct Outcome {
    pub host: Host,
    /// First what the machine takes, in its order, then what else the project declares.
    pub list: Vec<Line>,
}

/// One platform, as the machine sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub platform: Platform,
    pub reason: Reason,
}

/// Why a platform's bundle is taken or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// It is the machine's own, and the project declares it.
    Own,
    /// It is the machine's own, but the project does not declare it: nobody may have built for it.
    OwnUndeclared,
    /// The project says that it serves the machine.
    Serves,
    /// The project declares it for others.
    Other,
}

impl Reason {
    /// Whether the machine takes the platform's bundles.
    pub fn is_taken(self) -> bool {
        self != Reason::Other
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Checkout(#[from] checkout::Error),
    #[error(transparent)]
    Host(#[from] HostError),
}

/// Tells the platform of a machine.
///
/// # Errors
/// What the machine or the project lacks.
pub fn platform(options: &Options) -> Result<Outcome, Error> {
    let host = host::platform(&options.root)?;
    let list = match &options.list {
        Some(folder) => list(&host.platform, Checkout::open(folder)?.project()),
        None => Vec::new(),
    };
    Ok(Outcome { host, list })
}

fn list(host: &Platform, project: &Project) -> Vec<Line> {
    let taken = project.serving(host);
    let own = if project.platform(host).is_some() { Reason::Own } else { Reason::OwnUndeclared };
    let line = |(place, platform): (usize, &Platform)| {
        let reason = if place == 0 { own } else { Reason::Serves };
        Line { platform: platform.clone(), reason }
    };
    let mut lines: Vec<Line> = taken.iter().enumerate().map(line).collect();
    let others = project.platforms.iter().filter(|config| !taken.contains(&config.id));
    lines.extend(others.map(|config| Line { platform: config.id.clone(), reason: Reason::Other }));
    lines
}

//! `tagalong diff`: what two packages or two bundles do not share, for people or as JSON.

use std::process::ExitCode;

use serde_json::{Value, json};

use crate::cli::failure::Failure;
use crate::cli::install::{found, packages, platform};
use crate::cli::print::{print_json, show};
use crate::cli::settings::Settings;
use crate::cli::talk::{Talk, grouped};
use crate::compare::{Change, Library, Spot};
use crate::flow::diff::{self, Difference, Options, Outcome, Side};
use crate::model::platform::Platform;
use crate::model::recipe::RecipeName;
use crate::search::Network;

/// How many symbols of a library are named, each way.
const MOST_SYMBOLS: usize = 20;

/// Compares two package archives, or the bundles of two deps tags
#[derive(Debug, clap::Args)]
#[command(after_help = "Lines start with + (only right), - (only left) and ~ (on both sides, and different). With \
    --json stdout is one object with the keys same, rebuild and packages (name, left and right (version, license, \
    size), members (path, change, and what differs), libraries (path, soname, added, removed)).")]
pub struct Arguments {
    /// A package archive, a deps tag or a candidate
    left: String,
    /// The same
    right: String,
    /// Compares the bundles of this platform instead of this machine's
    #[arg(long, value_name = "ID", value_parser = platform)]
    platform: Option<Platform>,
    /// Uses no network: what was fetched before, and `file:` channels
    #[arg(long)]
    offline: bool,
    /// Exits with 7 when something differs
    #[arg(long)]
    check: bool,
    /// Prints everything as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: Arguments, settings: &Settings) -> Result<ExitCode, Failure> {
    let talk = Talk::new(settings);
    let outcome = diff::diff(&Options {
        folder: &settings.directory,
        cache: &settings.cache,
        left: &arguments.left,
        right: &arguments.right,
        platform: arguments.platform.as_ref(),
        network: if arguments.offline { Network::Offline } else { Network::Allowed },
        tell: &|event| talk.tell(event),
    })?;
    if arguments.json {
        print_json(&to_json(&outcome))?;
    } else {
        outcome.packages.iter().flat_map(lines).for_each(|line| show!("{line}"));
        show!("{}", sentence(&outcome));
    }
    Ok(if arguments.check && !outcome.packages.is_empty() { found() } else { ExitCode::SUCCESS })
}

fn sentence(outcome: &Outcome) -> String {
    let same = if outcome.same == 0 { String::new() } else { format!(", {} the same", packages(outcome.same)) };
    let rebuild: Vec<&str> = outcome.rebuild.iter().map(RecipeName::as_str).collect();
    let rebuild =
        if rebuild.is_empty() { String::new() } else { format!("; to be built again: {}", rebuild.join(", ")) };
    match outcome.packages.len() {
        0 => format!("no difference{same}"),
        count => format!("{} different{same}{rebuild}", packages(count)),
    }
}

/// The lines about one package.
pub(super) fn lines(difference: &Difference) -> Vec<String> {
    let name = &difference.name;
    let mut lines = vec![match (&difference.left, &difference.right) {
        (None, Some(side)) => format!("+ {name} {}, {}, {} bytes", side.version, side.license, grouped(side.size)),
        (Some(side), None) => format!("- {name} {}, {}, {} bytes", side.version, side.license, grouped(side.size)),
        (Some(left), Some(right)) => format!("~ {name} {}", sides(left, right)),
        (None, None) => format!("~ {name}"),
    }];
    for member in &difference.members {
        let path = member.path.escape_debug();
        match &member.change {
            Change::Added => lines.push(format!("  + {path}")),
            Change::Removed => lines.push(format!("  - {path}")),
            Change::Kind { left, right } => lines.push(format!("  ~ {path}: a {left}, then a {right}")),
            Change::Mode { left, right } => lines.push(format!("  ~ {path}: mode {left:o}, then {right:o}")),
            Change::Link { left, right } => lines.push(format!("  ~ {path}: link to {left}, then to {right}")),
            Change::Bytes { spot: None } => lines.push(format!("  ~ {path}: other bytes")),
            Change::Bytes { spot: Some(spot) } => {
                lines.push(format!("  ~ {path}: other bytes from offset {}", spot.offset));
                lines.push(format!("      left  {}", shown(&spot.left)));
                lines.push(format!("      right {}", shown(&spot.right)));
            }
        }
    }
    for library in &difference.libraries {
        lines.extend(library_lines(library));
    }
    lines
}

fn sides(left: &Side, right: &Side) -> String {
    let pair = |left: &str, right: &str| {
        if left == right { left.to_owned() } else { format!("{left}, then {right}") }
    };
    let bytes = pair(&grouped(left.size), &grouped(right.size));
    let license = if left.license == right.license {
        String::new()
    } else {
        format!("; licence {}, then {}", left.license, right.license)
    };
    format!("{}; {bytes} bytes{license}", pair(&left.version, &right.version))
}

fn library_lines(library: &Library) -> Vec<String> {
    let mut lines = Vec::new();
    let path = library.path.escape_debug();
    if let Some((left, right)) = &library.soname {
        let name = |name: &Option<String>| name.clone().unwrap_or_else(|| "none".to_owned());
        lines.push(format!("  abi {path}: SONAME {}, then {}", name(left), name(right)));
    }
    for (sign, names) in [("-", &library.removed), ("+", &library.added)] {
        if !names.is_empty() {
            let shown: Vec<&str> = names.iter().take(MOST_SYMBOLS).map(String::as_str).collect();
            let more = names.len().saturating_sub(MOST_SYMBOLS);
            let more = if more == 0 { String::new() } else { format!(" and {} more", grouped(more)) };
            lines.push(format!("  abi {path}: {sign} {}{more}", shown.join(", ")));
        }
    }
    lines
}

/// Bytes as text, what is no printable ASCII as `\xNN`.
fn shown(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

fn to_json(outcome: &Outcome) -> Value {
    json!({
        "same": outcome.same,
        "rebuild": outcome.rebuild,
        "packages": outcome.packages.iter().map(package_json).collect::<Vec<_>>(),
    })
}

fn package_json(difference: &Difference) -> Value {
    let side = |side: &Option<Side>| {
        side.as_ref().map(|side| json!({ "version": side.version, "license": side.license, "size": side.size }))
    };
    let spot = |spot: &Option<Spot>| {
        spot.as_ref().map(|spot| {
            json!({ "offset": spot.offset, "start": spot.start, "left": shown(&spot.left), "right": shown(&spot.right) })
        })
    };
    let member = |member: &crate::compare::Member| {
        let (change, detail) = match &member.change {
            Change::Added => ("added", Value::Null),
            Change::Removed => ("removed", Value::Null),
            Change::Kind { left, right } => ("kind", json!({ "left": left, "right": right })),
            Change::Mode { left, right } => ("mode", json!({ "left": left, "right": right })),
            Change::Link { left, right } => ("link", json!({ "left": left, "right": right })),
            Change::Bytes { spot: where_ } => ("bytes", json!(spot(where_))),
        };
        json!({ "path": member.path, "change": change, "detail": detail })
    };
    let library = |library: &Library| {
        let soname = library.soname.as_ref().map(|(left, right)| json!({ "left": left, "right": right }));
        json!({ "path": library.path, "soname": soname, "added": library.added, "removed": library.removed })
    };
    json!({
        "name": difference.name,
        "left": side(&difference.left),
        "right": side(&difference.right),
        "members": difference.members.iter().map(member).collect::<Vec<_>>(),
        "libraries": difference.libraries.iter().map(library).collect::<Vec<_>>(),
    })
}

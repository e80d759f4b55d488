//! `tagalong doctor`: what this machine and this checkout give, one finding a line on stdout, or as JSON.

use std::os::unix::fs::PermissionsExt;
use std::process::ExitCode;
use std::time::SystemTime;

use serde_json::json;

use crate::cli::build::own_file;
use crate::cli::failure::{Failure, on_one_line};
use crate::cli::install::found;
use crate::cli::print;
use crate::cli::settings::Settings;
use crate::flow::doctor::{Finding, Grade, Network, Options, Outcome, SecretKey, Setting, doctor};

/// Looks at this machine and this checkout: what works, what does not, why, and what to do
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Looked at are the platform, the sandbox, compilers and the tools of the recipes, the disks of cache \
    and prefix, clock and locale, the project file, the recipes, the placeholder, channels and keys. Exits with 7 when \
    there is an error; warnings are none. Works outside a checkout too.\n\n\
    With --json stdout is one object with the keys findings[{subject, grade: ok, warning or error, what, why, next}], \
    errors and warnings."
)]
pub struct Arguments {
    /// Asks no channel that needs a network
    #[arg(long)]
    offline: bool,
    /// Prints everything as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: Arguments, settings: &Settings) -> Result<ExitCode, Failure> {
    let options = Options {
        directory: settings.directory.clone(),
        cache: settings.cache.clone(),
        program: own_file()?,
        network: if arguments.offline { Network::Offline } else { Network::Allowed },
        now: SystemTime::now(),
        locale: settings.locale.clone(),
        secret_key: secret_key(settings),
        settings: origins(settings),
    };
    let outcome = doctor(&options);
    match arguments.json {
        true => print::print_json(&as_json(&outcome))?,
        false => print::print(&as_text(&outcome))?,
    };
    Ok(if outcome.count(Grade::Error) > 0 { found() } else { ExitCode::SUCCESS })
}

fn as_text(outcome: &Outcome) -> String {
    let mut text = String::new();
    for Finding { subject, grade, what, why, next } in &outcome.findings {
        text.push_str(&format!("{:<8} {subject:<12} {}\n", grade.name(), on_one_line(what)));
        for (label, line) in [("why:", why), ("next:", next)] {
            line.iter().for_each(|line| text.push_str(&format!("{label:>20}  {}\n", on_one_line(line))));
        }
    }
    let counted = |grade: Grade| match outcome.count(grade) {
        1 => format!("1 {}", grade.name()),
        count => format!("{count} {}s", grade.name()),
    };
    text + &format!("{}, {}\n", counted(Grade::Error), counted(Grade::Warning))
}

fn as_json(outcome: &Outcome) -> serde_json::Value {
    let one = |finding: &Finding| {
        let Finding { subject, grade, what, why, next } = finding;
        json!({"subject": subject, "grade": grade.name(), "what": what, "why": why, "next": next})
    };
    json!({
        "findings": outcome.findings.iter().map(one).collect::<Vec<_>>(),
        "errors": outcome.count(Grade::Error), "warnings": outcome.count(Grade::Warning),
    })
}

/// What is known about the secret key without reading it.
fn secret_key(settings: &Settings) -> SecretKey {
    let Some(given) = &settings.secret_key else { return SecretKey::Absent };
    let path = settings.directory.join(given);
    match fs_err::metadata(&path) {
        Ok(facts) if facts.is_file() => SecretKey::File { path, is_open: facts.permissions().mode() & 0o077 != 0 },
        // A key file's text has a comment, a line break and the key.
        _ if given.to_string_lossy().contains("RW") => SecretKey::Text,
        _ => SecretKey::NoFile,
    }
}

/// The settings that do not come from tagalong.toml, each with its place.
fn origins(settings: &Settings) -> Vec<Setting> {
    let mut origins = vec![
        Setting {
            name: "cache",
            value: settings.cache.display().to_string(),
            origin: settings.cache_origin.to_owned(),
        },
        Setting { name: "jobs", value: settings.jobs.to_string(), origin: settings.jobs_origin.to_owned() },
    ];
    if let Some(tag) = &settings.forced_tag {
        origins.push(Setting { name: "tag", value: tag.clone(), origin: "FORCED_DEPS_TAG".to_owned() });
    }
    if !settings.source_mirrors.is_empty() {
        let value = settings.source_mirrors.iter().map(|mirror| crate::http::redact(mirror)).collect::<Vec<_>>();
        let origin = "TAGALONG_SOURCE_MIRRORS".to_owned();
        origins.push(Setting { name: "source mirrors", value: value.join(" "), origin });
    }
    origins
}

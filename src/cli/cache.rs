//! `tagalong cache list | verify | gc`: what is in the store, whether it is whole, and what can go.

use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::cli::failure::Failure;
use crate::cli::install::{found, packages};
use crate::cli::print::{print_json, say, show};
use crate::cli::settings::Settings;
use crate::cli::talk::grouped;
use crate::flow::cache::{self, Package, Rule};
use crate::model::depth::Depth;
use crate::moment::{date, seconds};
use crate::store::keep::Form;

/// Lists, verifies and cleans up the store of fetched and built packages
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Lists the packages of the store and the unpacked ones that installs link to, with their sizes and last uses
    List {
        /// Prints a list of objects with the keys archive, form (archive or unpacked), name, version, size and used
        #[arg(long)]
        json: bool,
    },
    /// Reads every package, packed and unpacked, and compares its digests; takes out what has gone bad, and exits with 7
    /// then
    Verify {
        /// Tells what has gone bad, and takes nothing out
        #[arg(long)]
        dry_run: bool,
        /// Prints an object with the keys count, trees, size and broken
        #[arg(long)]
        json: bool,
    },
    /// Takes out packages that were not used for a time, and what was left unfinished
    Gc {
        /// Keeps what was used within this time
        #[arg(long, value_name = "DURATION", default_value = "30d", value_parser = seconds)]
        keep: u64,
        /// Also keeps what was used last, up to this many megabytes (10^6 bytes) in all
        #[arg(long, value_name = "MB")]
        keep_size: Option<u64>,
        /// Tells what would go, and changes nothing
        #[arg(long)]
        dry_run: bool,
        /// Prints an object with the keys packages, unfinished, size and left
        #[arg(long)]
        json: bool,
    },
}

pub fn run(arguments: Arguments, settings: &Settings) -> Result<ExitCode, Failure> {
    match arguments.verb {
        Verb::List { json } => list(json, settings),
        Verb::Verify { dry_run, json } => verify(depth(dry_run), json, settings),
        Verb::Gc { keep, keep_size, dry_run, json } => {
            let most = keep_size.map(|size| size.saturating_mul(1_000_000));
            let rule = Rule { idle: Duration::from_secs(keep), most, now: SystemTime::now() };
            collect(rule, depth(dry_run), json, settings)
        }
    }
}

fn depth(is_dry: bool) -> Depth {
    if is_dry { Depth::Plan } else { Depth::Act }
}

fn list(is_json: bool, settings: &Settings) -> Result<ExitCode, Failure> {
    let all = cache::list(&settings.cache)?;
    if is_json {
        print_json(&all.iter().map(to_json).collect::<Vec<_>>())?;
        return Ok(ExitCode::SUCCESS);
    }
    all.iter().for_each(|one| show!("{}", line(one)));
    let size: u64 = all.iter().map(|one| one.kept.size).sum();
    let trees = all.iter().filter(|one| one.kept.form == Form::Unpacked).count();
    say!("{} in {}, {} bytes", both(all.len() - trees, trees, " and"), settings.cache.display(), grouped(size));
    Ok(ExitCode::SUCCESS)
}

fn verify(depth: Depth, is_json: bool, settings: &Settings) -> Result<ExitCode, Failure> {
    let verified = cache::verify(&settings.cache, depth)?;
    if is_json {
        let broken: Vec<Value> = verified.broken.iter().map(to_json).collect();
        let (count, trees, size) = (verified.count, verified.trees, verified.size);
        print_json(&json!({"count": count, "trees": trees, "size": size, "broken": broken}))?;
    } else {
        verified.broken.iter().for_each(|one| show!("{}", line(one)));
        let done = match (verified.broken.len(), depth) {
            (0, _) => "all whole".to_owned(),
            (count, Depth::Plan) => format!("{} with other bytes than their digest", grouped(count as u64)),
            (count, Depth::Act) => format!("{} with other bytes taken out", grouped(count as u64)),
        };
        say!("verified {}, {} bytes: {done}", both(verified.count, verified.trees, " and"), grouped(verified.size));
    }
    Ok(if verified.broken.is_empty() { ExitCode::SUCCESS } else { found() })
}

fn collect(rule: Rule, depth: Depth, is_json: bool, settings: &Settings) -> Result<ExitCode, Failure> {
    let collected = cache::collect(&settings.cache, rule, depth)?;
    if is_json {
        let gone: Vec<Value> = collected.packages.iter().map(to_json).collect();
        let (unfinished, size, left) = (collected.unfinished, collected.size, collected.left);
        print_json(&json!({"packages": gone, "unfinished": unfinished, "size": size, "left": left}))?;
        return Ok(ExitCode::SUCCESS);
    }
    collected.packages.iter().for_each(|one| show!("{}", line(one)));
    let verb = if depth == Depth::Plan { "would take out" } else { "took out" };
    let trees = collected.packages.iter().filter(|one| one.kept.form == Form::Unpacked).count();
    say!(
        "{verb} {} and {} unfinished files, {} bytes; {} bytes stay",
        both(collected.packages.len() - trees, trees, ","),
        grouped(collected.unfinished as u64),
        grouped(collected.size),
        grouped(collected.left)
    );
    Ok(ExitCode::SUCCESS)
}

/// Packages in words, with the unpacked trees if there are any.
fn both(archives: usize, trees: usize, between: &str) -> String {
    match trees {
        0 => packages(archives),
        1 => format!("{}{between} 1 unpacked tree", packages(archives)),
        _ => format!("{}{between} {} unpacked trees", packages(archives), grouped(trees)),
    }
}

/// One package: digest, size, last use, name.
fn line(one: &Package) -> String {
    let name =
        one.name.as_ref().map_or_else(|| "not built here".to_owned(), |(name, version)| format!("{name} {version}"));
    let unpacked = if one.kept.form == Form::Unpacked { ", unpacked" } else { "" };
    format!("{}  {:>13}  {}  {name}{unpacked}", one.kept.digest.short(12), grouped(one.kept.size), date(used(one)))
}

fn to_json(one: &Package) -> Value {
    let (name, version) = one.name.clone().unzip();
    let form = if one.kept.form == Form::Archive { "archive" } else { "unpacked" };
    json!({
        "archive": one.kept.digest, "form": form, "size": one.kept.size, "used": used(one), "name": name,
        "version": version,
    })
}

fn used(one: &Package) -> u64 {
    one.kept.used.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

//! `tagalong publish`: what was published as a sentence on stderr, or as JSON on stdout.

use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::{Value, json};

use crate::checkout::Forced;
use crate::cli::failure::Failure;
use crate::cli::install::{candidate, packages};
use crate::cli::print::{print_json, show};
use crate::cli::secret::secret_key;
use crate::cli::settings::Settings;
use crate::cli::talk::{Talk, grouped};
use crate::flow::publish::{self, Copied, CopyOptions, Done, Handed, Options, Outcome};
use crate::host::now;
use crate::http::redact;
use crate::model::bundle::BundleKind;
use crate::model::depth::Depth;
use crate::model::tag::DepsTag;
use crate::moment::seconds;

/// Publishes a built bundle to a channel
#[derive(Debug, clap::Args)]
#[command(
    after_help = "With --json stdout is one object with the keys outcome (published, already, signed, prepared or \
    planned), tag, candidate, platform, channel, sequence and packages (name, version, archive, size); a list of them \
    with --sign-only and --promote."
)]
#[command(group = clap::ArgGroup::new("way").multiple(false))]
pub struct Arguments {
    /// Publishes under this tag instead of the nearest; wins over FORCED_DEPS_TAG
    #[arg(long, value_name = "TAG", conflicts_with = "candidate")]
    tag: Option<String>,
    /// Publishes to this channel instead of the project's first
    #[arg(long, value_name = "NAME")]
    channel: Option<String>,
    /// Publishes under a name that is no tag, and that later publications may replace
    #[arg(long, value_name = "NAME", value_parser = candidate)]
    candidate: Option<DepsTag>,
    /// How long a candidate is taken: `14d`, `12h`; nobody installs it afterwards
    #[arg(long, value_name = "DURATION", default_value = "30d", value_parser = seconds, conflicts_with = "tag")]
    expires: u64,
    /// Publishes the packages and records, and writes the manifest to FILE for a job that signs it
    #[arg(long, value_name = "FILE", group = "way")]
    prepare: Option<PathBuf>,
    /// Checks prepared manifests against the channel and this checkout, signs and publishes them
    #[arg(long, value_name = "FILE", num_args = 1.., group = "way", conflicts_with_all = ["tag", "candidate"])]
    sign_only: Vec<PathBuf>,
    /// Publishes the packages that the build records in DIR name, and the records (see `build --records`)
    #[arg(long, value_name = "DIR", group = "way", conflicts_with_all = ["tag", "candidate"])]
    packages: Option<PathBuf>,
    /// Makes this candidate the tag's bundle, if it was built from the tag's recipes
    #[arg(long, value_name = "NAME", group = "way", value_parser = candidate, conflicts_with = "candidate")]
    promote: Option<DepsTag>,
    /// Copies the bundle from this channel (a name of tagalong.toml, or an address), bytes and signatures unchanged
    #[arg(long, value_name = "CHANNEL", group = "way", requires = "to", conflicts_with = "channel")]
    from: Option<String>,
    /// The channel to which it is copied
    #[arg(long, value_name = "CHANNEL", requires = "from")]
    to: Option<String>,
    /// The file of the key that signs; wins over TAGALONG_SECRET_KEY
    #[arg(long, value_name = "FILE")]
    secret_key: Option<PathBuf>,
    /// Tells what would be published, and changes nothing
    #[arg(long)]
    dry_run: bool,
    /// Prints the outcome as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: Arguments, settings: &Settings) -> Result<ExitCode, Failure> {
    let depth = if arguments.dry_run { Depth::Plan } else { Depth::Act };
    let forced = Forced::of(arguments.tag, settings.forced_tag.clone());
    let absolute = |path: &PathBuf| settings.directory.join(path);
    let talk = Talk::new(settings);
    let tell = |event| talk.tell(event);
    let _section = talk.section("tagalong_publish", "tagalong publish");
    if let (Some(from), Some(to)) = (arguments.from, arguments.to) {
        let (folder, cache) = (settings.directory.clone(), settings.cache.clone());
        let options = CopyOptions { folder, cache, forced, candidate: arguments.candidate, from, to, depth };
        return show_copied(&publish::copy(&options, &tell)?, &options, arguments.json, &talk);
    }
    let is_signed = arguments.prepare.is_none() && arguments.packages.is_none();
    let options = Options {
        folder: settings.directory.clone(),
        cache: settings.cache.clone(),
        forced,
        candidate: arguments.candidate,
        lifetime: Some(arguments.expires),
        channel: arguments.channel,
        key: if is_signed { secret_key(arguments.secret_key.as_deref(), settings)? } else { None },
        now: now(),
        depth,
    };
    if let Some(folder) = &arguments.packages {
        return show_handed(&publish::packages(&options, &absolute(folder), &tell)?, &options, arguments.json, &talk);
    }
    let outcomes = match (&arguments.prepare, &arguments.promote, arguments.sign_only.as_slice()) {
        (Some(file), ..) => vec![publish::prepare(&options, &absolute(file), &tell)?],
        (_, Some(candidate), _) => publish::promote(&options, candidate, &tell)?,
        (.., []) => vec![publish::publish(&options, &tell)?],
        (.., files) => publish::sign(&options, &files.iter().map(absolute).collect::<Vec<_>>(), &tell)?,
    };
    let is_list = arguments.promote.is_some() || !arguments.sign_only.is_empty();
    match (arguments.json, is_list) {
        (true, true) => drop(print_json(&outcomes.iter().map(to_json).collect::<Vec<_>>())?),
        (true, false) => outcomes.iter().try_for_each(|outcome| print_json(&to_json(outcome)).map(drop))?,
        (false, _) => outcomes.iter().for_each(|outcome| talk.say(&sentence(outcome))),
    }
    Ok(ExitCode::SUCCESS)
}

/// Tells what was put from a folder of records.
fn show_handed(handed: &Handed, options: &Options, is_json: bool, talk: &Talk) -> Result<ExitCode, Failure> {
    if is_json {
        let Handed { channel, packages, archives, bytes } = handed;
        let json = json!({"channel": channel, "packages": packages, "archives": archives, "bytes": bytes});
        show!("{json:#}");
        return Ok(ExitCode::SUCCESS);
    }
    let (count, channel) = (packages(handed.packages.len()), &handed.channel);
    talk.say(&match options.depth {
        Depth::Plan => format!("would publish {count} on channel `{channel}`"),
        Depth::Act => {
            let (archives, bytes) = (handed.archives, grouped(handed.bytes));
            format!("published {count} on channel `{channel}`, {archives} of them new, {bytes} bytes")
        }
    });
    Ok(ExitCode::SUCCESS)
}

/// Tells what was copied.
fn show_copied(copied: &[Copied], options: &CopyOptions, is_json: bool, talk: &Talk) -> Result<ExitCode, Failure> {
    if is_json {
        let all = copied.iter().map(|one| {
            json!({
                "tag": one.bundle.tag, "candidate": one.bundle.kind == BundleKind::Candidate,
                "platform": one.bundle.platform, "packages": one.packages, "archives": one.archives,
                "bytes": one.bytes, "was_there": one.was_there,
            })
        });
        print_json(&all.collect::<Vec<_>>())?;
        return Ok(ExitCode::SUCCESS);
    }
    let to = redact(&options.to);
    for one in copied {
        let (what, count) = (format!("{} for {}", one.bundle.tag, one.bundle.platform), packages(one.packages));
        talk.say(&match (options.depth, one.was_there) {
            (Depth::Plan, false) => format!("would copy {what} to `{to}`: {count}"),
            (_, true) => format!("already there: {what} on `{to}`: {count}"),
            (Depth::Act, false) => {
                let bytes = grouped(one.bytes);
                format!("copied {what} to `{to}`: {count}, {} of them new, {bytes} bytes", one.archives)
            }
        });
    }
    Ok(ExitCode::SUCCESS)
}

fn sentence(outcome: &Outcome) -> String {
    let kind = if outcome.bundle.kind == BundleKind::Candidate { "candidate " } else { "" };
    let what = format!("{kind}{} for {}", outcome.bundle.tag, outcome.bundle.platform);
    let (channel, count) = (&outcome.channel, packages(outcome.packages.len()));
    match outcome.done {
        Done::WasThere => format!("already there: {what} on channel `{channel}`: {count}"),
        Done::SignedAnew => format!("signed anew: {what} on channel `{channel}`: {count}"),
        Done::Prepared { archives, bytes } => {
            let bytes = grouped(bytes);
            format!(
                "prepared {what} on channel `{channel}`: {count}, {archives} of them new, {bytes} bytes; not signed"
            )
        }
        Done::Planned => format!("would publish {what} on channel `{channel}`: {count}"),
        Done::Published { archives, bytes } => {
            let bytes = grouped(bytes);
            format!("published {what} on channel `{channel}`: {count}, {archives} of them new, {bytes} bytes")
        }
    }
}

fn to_json(outcome: &Outcome) -> Value {
    let done = match outcome.done {
        Done::WasThere => "already",
        Done::SignedAnew => "signed",
        Done::Planned => "planned",
        Done::Prepared { .. } => "prepared",
        Done::Published { .. } => "published",
    };
    let packages = outcome.packages.iter().map(|package| {
        json!({
            "name": package.name,
            "version": package.version,
            "archive": package.archive,
            "size": package.size,
        })
    });
    json!({
        "outcome": done,
        "tag": outcome.bundle.tag,
        "candidate": outcome.bundle.kind == BundleKind::Candidate,
        "platform": outcome.bundle.platform,
        "channel": outcome.channel,
        "sequence": outcome.sequence,
        "packages": packages.collect::<Vec<_>>(),
    })
}

//! `tagalong build`: options, the printed plan, Ctrl-C.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::cli::changes::Changes;
use crate::cli::diary::Diary;
use crate::cli::diff;
use crate::cli::failure::{Code, Failure};
use crate::cli::install::{found, packages};
use crate::cli::print::{print, say, show};
use crate::cli::settings::Settings;
use crate::cli::talk::Talk;
use crate::flow::build::{self, Checked, Extent, Options, Outcome, Place, Subject};
use crate::model::depth::Depth;
use crate::model::event::Tell;
use crate::model::recipe::RecipeName;
use crate::model::tag::DepsTag;
use crate::plan::{Action, Origin, PlannedPackage, Reason};
use crate::recipe_folder::layout::Overrides;
use crate::search::Network;

/// Builds packages from the recipes
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The recipes to build with all they need; all recipes if none is named
    names: Vec<String>,
    /// Prints each step with its reason and stops
    #[arg(long)]
    dry_run: bool,
    /// Prints the plan as JSON
    #[arg(long)]
    json: bool,
    /// Says in full why each package is built or taken
    #[arg(long)]
    explain: bool,
    /// Asks no channel that needs a network for packages that are built already
    #[arg(long)]
    offline: bool,
    /// Builds NAME although nothing changed
    #[arg(long, value_name = "NAME")]
    force: Vec<String>,
    /// Builds a second time and compares the bytes; exits with 7 when they differ, and says where
    #[arg(long, conflicts_with_all = ["dry_run", "shell", "force", "json"])]
    check: bool,
    /// Builds what was published again and compares: a bundle manifest or build record (a file), or the bundle of a tag
    #[arg(long, value_name = "MANIFEST|RECORD|TAG", conflicts_with_all = ["check", "dry_run", "shell", "force", "json", "only", "prepare_only", "source", "set"])]
    reproduce: Option<String>,
    /// Keeps the work folder of a package that fails
    #[arg(long)]
    keep: bool,
    /// Opens a shell where NAME would be built, its needs and sources in place: before STEP, or where one before it fails
    #[arg(long, value_name = "NAME[:STEP]")]
    shell: Option<String>,
    /// Builds what is named alone; what it needs must be built already, here or in a bundle
    #[arg(long, requires = "names")]
    only: bool,
    /// Fetches everything, unpacks and patches the sources, prints where they are, and builds nothing
    #[arg(long, conflicts_with_all = ["shell", "check", "only"])]
    prepare_only: bool,
    /// Takes what the build records in DIR name from the channels, and writes the records of this build there: for jobs
    /// of one pipeline, which hand the folder on
    #[arg(long, value_name = "DIR", conflicts_with_all = ["check", "reproduce", "shell"])]
    records: Option<PathBuf>,
    /// Writes the steps and tests of what is built, and how they ended, to FILE as JUnit XML, for CI
    #[arg(long, value_name = "FILE", conflicts_with_all = ["check", "reproduce", "shell", "dry_run"])]
    junit: Option<PathBuf>,
    #[command(flatten)]
    changes: Changes,
    /// What limits the build steps
    #[arg(long, value_name = "LEVEL", default_value = "auto", value_parser = ["auto", "host"])]
    sandbox: String,
    /// How many jobs run at once
    #[arg(short, long, value_name = "N")]
    jobs: Option<std::num::NonZeroUsize>,
}

pub fn run(arguments: Arguments, settings: &Settings) -> Result<ExitCode, Failure> {
    let talk = Talk::new(settings);
    let diary = Diary::default();
    let tell = |event| {
        diary.note(&event);
        talk.tell(event);
    };
    let (stop, program) = (stop_flag()?, own_file()?);
    let overrides = arguments.changes.overrides(settings)?;
    let options = Options {
        names: names(&arguments.names)?,
        forced: names(&arguments.force)?,
        depth: if arguments.dry_run { Depth::Plan } else { Depth::Act },
        network: if arguments.offline { Network::Offline } else { Network::Allowed },
        is_kept: arguments.keep,
        shell: arguments.shell.as_deref().map(shell).transpose()?,
        extent: match (arguments.only, arguments.prepare_only) {
            (true, _) => Extent::Alone,
            (_, true) => Extent::Sources,
            _ => Extent::Whole,
        },
        jobs: arguments.jobs.unwrap_or(settings.jobs),
        records: arguments.records.map(|folder| settings.directory.join(folder)),
        ..plain(settings, &program, arguments.sandbox == "host", &overrides, &stop, &tell)
    };
    if let Some(given) = &arguments.reproduce {
        let path = settings.directory.join(given);
        let subject = match DepsTag::parse(given) {
            Ok(tag) if !path.is_file() => Subject::Tag(tag),
            _ => Subject::File(path),
        };
        let checked = build::reproduce(&options, &subject);
        return if stop.load(Ordering::Relaxed) { Ok(stopped()) } else { Ok(compared(&checked?)) };
    }
    if arguments.check {
        let checked = build::check(&options);
        return if stop.load(Ordering::Relaxed) { Ok(stopped()) } else { Ok(compared(&checked?)) };
    }
    let outcome = build::build(&options);
    let file = arguments.junit.as_ref().map(|file| settings.directory.join(file));
    let written = file.map_or(Ok(()), |file| diary.write(&file, outcome.as_ref().err()));
    if stop.load(Ordering::Relaxed) {
        return Ok(stopped());
    }
    let outcome = outcome?;
    written?;
    if arguments.json {
        show!("{}", json(&outcome));
        return Ok(ExitCode::SUCCESS);
    }
    if arguments.prepare_only && !arguments.dry_run {
        outcome.sources.iter().for_each(|folder| show!("{}", folder.display()));
        say!("prepared the sources of {}", packages(outcome.sources.len()));
        return Ok(ExitCode::SUCCESS);
    }
    if arguments.dry_run || arguments.explain {
        let lines: String = outcome.plan.steps.iter().map(|step| line(step) + "\n").collect();
        print(&lines)?;
    }
    say!("{}", summary(&outcome, arguments.dry_run));
    Ok(ExitCode::SUCCESS)
}

/// Prints how each package came out the second time.
fn compared(checked: &[Checked]) -> ExitCode {
    for one in checked {
        if one.first == one.second {
            show!("{}: the same bytes", one.name);
        } else {
            show!("{}: other bytes, {} and then {}", one.name, one.first.short(12), one.second.short(12));
            one.difference.iter().flat_map(diff::lines).for_each(|line| show!("  {line}"));
        }
    }
    let count = checked.iter().filter(|one| one.first != one.second).count();
    say!("built {} a second time, {count} with other bytes", packages(checked.len()));
    if count == 0 { ExitCode::SUCCESS } else { found() }
}

/// A build of all recipes with nothing special.
pub(super) fn plain<'a>(
    settings: &'a Settings,
    program: &'a Path,
    is_on_host: bool,
    overrides: &'a Overrides,
    stop: &'a AtomicBool,
    tell: Tell<'a>,
) -> Options<'a> {
    Options {
        place: Place { directory: &settings.directory, cache: &settings.cache, program, is_on_host, overrides, tell },
        names: Vec::new(),
        forced: Vec::new(),
        depth: Depth::Act,
        network: Network::Allowed,
        is_kept: false,
        shell: None,
        extent: Extent::Whole,
        is_recorded: true,
        records: None,
        ci_job: settings.ci_job.as_deref(),
        jobs: settings.jobs,
        mirrors: &settings.source_mirrors,
        stop,
        tell,
    }
}

/// A flag that Ctrl-C and its like set.
pub(super) fn stop_flag() -> Result<Arc<AtomicBool>, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&stop))
            .map_err(|error| Failure::internal(format!("signals cannot be taken: {error}")))?;
    }
    Ok(stop)
}

/// The file of this program, which runs again inside sandboxes.
pub(super) fn own_file() -> Result<PathBuf, Failure> {
    std::env::current_exe()
        .map_err(|error| Failure::internal(format!("the program does not know its own file: {error}")))
}

/// What is said and given back after Ctrl-C.
pub(super) fn stopped() -> ExitCode {
    say!("stopped: nothing half-done is left, packages that were finished are kept");
    // What a shell reports for a program that SIGINT ended.
    ExitCode::from(130)
}

fn names(given: &[String]) -> Result<Vec<RecipeName>, Failure> {
    given.iter().map(|name| parse(name)).collect()
}

/// The recipe of a shell, and the step before which it opens.
fn shell(given: &str) -> Result<(RecipeName, Option<String>), Failure> {
    match given.split_once(':') {
        Some((name, step)) => Ok((parse(name)?, Some(step.to_owned()))),
        None => Ok((parse(given)?, None)),
    }
}

pub(super) fn parse(name: &str) -> Result<RecipeName, Failure> {
    RecipeName::parse(name)
        .map_err(|error| Failure::new(Code::Usage, error.to_string()).next("`tagalong recipe graph` lists the recipes"))
}

/// What is done about one package, with the reason.
pub(super) fn line(step: &PlannedPackage) -> String {
    match &step.action {
        Action::Take { archive, from } => {
            format!("take  {} {}: {} as {}", step.name, step.version, whence(from), archive.short(12))
        }
        Action::Build { reason } => format!("build {} {}: {}", step.name, step.version, words(reason)),
    }
}

/// Where a package is taken from.
fn whence(from: &Origin) -> String {
    match from {
        Origin::Store => "built before".to_owned(),
        Origin::Bundle { tag, channel } => format!("in the bundle of {tag} on channel `{channel}`"),
        Origin::Record => "built by an earlier job".to_owned(),
        Origin::Tag { tag, channel } => format!("as {tag} has it, from channel `{channel}`"),
    }
}

/// A reason as a person reads it.
fn words(reason: &Reason) -> String {
    match reason {
        Reason::New => "never built here".to_owned(),
        Reason::Forced => "asked for".to_owned(),
        Reason::Lost => "built before, but its archive is gone".to_owned(),
        Reason::Changed { ingredient, was, is } => {
            let value = |value: &Option<String>| match value {
                None => "nothing".to_owned(),
                Some(text) if text.len() > 60 => format!("{}…", text.chars().take(59).collect::<String>()),
                Some(text) => text.clone(),
            };
            format!("{ingredient} changed, from {} to {}", value(was), value(is))
        }
    }
}

fn summary(outcome: &Outcome, is_dry_run: bool) -> String {
    let total = outcome.plan.steps.len();
    let built = outcome.plan.steps.iter().filter(|step| matches!(step.action, Action::Build { .. })).count();
    if is_dry_run {
        return format!("would build {built} of {total} packages for {}", outcome.platform);
    }
    let bundle = if outcome.is_bundle { "; `tagalong publish` makes them a bundle" } else { "" };
    format!("built {} of {total} packages for {}{bundle}", outcome.made.len(), outcome.platform)
}

fn json(outcome: &Outcome) -> String {
    let steps: Vec<serde_json::Value> = outcome
        .plan
        .steps
        .iter()
        .map(|step| {
            let made = outcome.made.iter().find(|made| made.manifest.name == step.name);
            let (action, reason, taken) = match &step.action {
                Action::Take { archive, from } => ("take", whence(from), Some(*archive)),
                Action::Build { reason } => ("build", words(reason), None),
            };
            serde_json::json!({
                "name": step.name, "version": step.version, "key": step.key, "action": action, "reason": reason,
                "archive": made.map(|made| made.archive).or(taken),
            })
        })
        .collect();
    let all = serde_json::json!({
        "platform": outcome.platform, "sandbox": outcome.sandbox, "bundle": outcome.is_bundle, "packages": steps,
    });
    format!("{all:#}")
}

//! `tagalong ci generate`: the pipeline on stdout or in a file, why it is so on stderr.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::{Value, json};

use crate::cli::failure::{Code, Failure};
use crate::cli::install::{candidate, packages, platform};
use crate::cli::print::{print, print_json};
use crate::cli::settings::Settings;
use crate::cli::talk::Talk;
use crate::flow::ci::generate::{self, Asked, Options, Outcome};
use crate::model::platform::Platform;
use crate::model::tag::DepsTag;
use crate::pipeline::verdicts::{Reason, Verdict};
use crate::pipeline::{Deed, Limits, PlatformPlan, Purpose, quote};
use crate::search::Network;

/// Writes the GitLab pipeline that makes what is missing of a commit's bundles
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A package is kept out of the pipeline when the nearest published bundle of the platform has it, and
neither its recipe nor what it needs has changed, and the platform's image in tagalong.toml is
pinned to the digest that the bundle was built in: what an image holds cannot be asked from outside.
Without a pinned image every package becomes part of a job, which then takes what is built already.

With --json stdout is one object with the keys purpose, jobs and platforms (platform, deed (build,
nothing, unchanged or promote), packages (name, version, built, reason, seconds)).")]
pub struct Arguments {
    /// Makes jobs for this platform of tagalong.toml alone (repeatable)
    #[arg(long = "platform", value_name = "ID", value_parser = platform)]
    platforms: Vec<Platform>,
    /// Writes the pipeline to FILE instead of stdout
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Writes to FILE, as variables for later jobs, which candidate they are to install
    #[arg(long, value_name = "FILE")]
    dotenv: Option<PathBuf>,
    /// The tag whose bundles are made; the nearest one if it is not given
    #[arg(long, value_name = "TAG", value_parser = candidate)]
    tag: Option<DepsTag>,
    /// Makes a candidate of this name instead of a tag's bundle
    #[arg(long, value_name = "NAME", value_parser = candidate, conflicts_with = "tag")]
    candidate: Option<DepsTag>,
    /// Builds and publishes nothing, for forks: one job a platform
    #[arg(long, conflicts_with_all = ["tag", "candidate"])]
    trial: bool,
    /// Builds nothing where the recipes are those of the common ancestor with this revision
    #[arg(long, value_name = "REVISION")]
    since: Option<String>,
    /// Publishes to this channel instead of the project's first
    #[arg(long, value_name = "NAME")]
    channel: Option<String>,
    /// Builds every package, also what a bundle has
    #[arg(long)]
    all: bool,
    /// Asks the registry with skopeo for the digests of images that tagalong.toml does not pin
    #[arg(long, conflicts_with = "offline")]
    pin: bool,
    /// How the jobs call this program
    #[arg(long, value_name = "PROGRAM", default_value = "tagalong")]
    program: String,
    /// A command that tests each bundle before it is signed; `$TAGALONG_PREFIX` is where it is installed
    #[arg(long, value_name = "COMMAND")]
    test: Option<String>,
    /// Packages share a job until it takes this many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = Limits::default().seconds)]
    job_seconds: u64,
    /// The most jobs that one job may need, as the GitLab server has it
    #[arg(long, value_name = "N", default_value_t = Limits::default().needs)]
    most_needs: usize,
    /// Says of each package why it is built or kept, not only of each platform
    #[arg(long)]
    explain: bool,
    /// Uses no network: what was fetched before, and `file:` channels
    #[arg(long)]
    offline: bool,
    /// Prints what is done and why as JSON, instead of the pipeline
    #[arg(long)]
    json: bool,
}

impl Arguments {
    /// The command line that gives the same pipeline; `--output` and what only talks is left out.
    fn again(&self) -> String {
        let mut words = vec!["tagalong".to_owned(), "ci".to_owned(), "generate".to_owned()];
        let mut add = |name: &str, value: Option<String>| {
            words.extend(value.into_iter().flat_map(|value| [name.to_owned(), quote(&value)]));
        };
        self.platforms.iter().for_each(|id| add("--platform", Some(id.to_string())));
        add("--tag", self.tag.as_ref().map(ToString::to_string));
        add("--candidate", self.candidate.as_ref().map(ToString::to_string));
        add("--since", self.since.clone());
        add("--channel", self.channel.clone());
        add("--program", Some(self.program.clone()).filter(|program| program != "tagalong"));
        add("--test", self.test.clone().map(|test| test.replace('\n', " ")));
        let limits = Limits::default();
        add("--job-seconds", (self.job_seconds != limits.seconds).then(|| self.job_seconds.to_string()));
        add("--most-needs", (self.most_needs != limits.needs).then(|| self.most_needs.to_string()));
        words.extend(self.trial.then(|| "--trial".to_owned()));
        words.extend(self.all.then(|| "--all".to_owned()));
        words.extend(self.pin.then(|| "--pin".to_owned()));
        words.join(" ")
    }
}

pub fn run(arguments: Arguments, settings: &Settings) -> Result<ExitCode, Failure> {
    let talk = Talk::new(settings);
    let outcome = {
        let _section = talk.section("tagalong_ci_generate", "tagalong ci generate");
        make(&arguments, settings, &talk)?
    };
    if arguments.json {
        return print_json(&to_json(&outcome));
    }
    for plan in &outcome.plans {
        talk.say(&sentence(plan));
        if arguments.explain && plan.deed == Deed::Build {
            plan.verdicts.iter().for_each(|verdict| talk.say(&line(verdict)));
        }
    }
    if let Some(path) = &arguments.dotenv {
        write(&settings.directory.join(path), &dotenv(&outcome))?;
    }
    let Some(path) = &arguments.output else { return print(&outcome.yaml) };
    write(&settings.directory.join(path), &outcome.yaml)?;
    let jobs = if outcome.jobs == 1 { "1 job".to_owned() } else { format!("{} jobs", outcome.jobs) };
    talk.say(&format!("wrote a pipeline of {jobs} to {}", arguments.output.unwrap_or_default().display()));
    Ok(ExitCode::SUCCESS)
}

/// Makes the pipeline that the arguments ask for.
pub(super) fn make(arguments: &Arguments, settings: &Settings, talk: &Talk) -> Result<Outcome, Failure> {
    let asked = match (&arguments.candidate, arguments.trial) {
        (_, true) => Asked::Trial,
        (Some(name), _) => Asked::Candidate(name.clone()),
        (None, _) => Asked::Tag(arguments.tag.clone()),
    };
    let limits =
        Limits { seconds: arguments.job_seconds.max(1), needs: arguments.most_needs.max(2), ..Limits::default() };
    let outcome = generate::generate(&Options {
        folder: settings.directory.clone(),
        cache: settings.cache.clone(),
        platforms: arguments.platforms.clone(),
        asked,
        channel: arguments.channel.clone(),
        since: arguments.since.clone(),
        is_everything: arguments.all,
        is_pinned: arguments.pin,
        program: arguments.program.clone(),
        test: arguments.test.clone(),
        made_by: Some(arguments.again()),
        limits,
        network: if arguments.offline { Network::Offline } else { Network::Allowed },
        tell: &|event| talk.tell(event),
    })?;
    Ok(outcome)
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(path, text).map_err(|error| {
        Failure::new(Code::Internal, format!("`{}` cannot be written", path.display()))
            .why(error.to_string())
            .next("name a file in a folder that is there")
    })
}

/// Jobs of this pipeline install the candidate that it makes, protected ones too, and need not wait: it is there, or
/// it will not be.
fn dotenv(outcome: &Outcome) -> String {
    let is_made = outcome.plans.iter().any(|plan| !matches!(plan.deed, Deed::Unchanged { .. }));
    // One line always: an empty file is no report to GitLab.
    match &outcome.purpose {
        Purpose::Candidate { name, .. } if is_made => format!(
            "TAGALONG_MAKES=candidate\nFORCED_DEPS_TAG={name}\nTAGALONG_WAIT=0s\nTAGALONG_CANDIDATE=--allow-candidate\n"
        ),
        Purpose::Tag(_) if is_made => "TAGALONG_MAKES=bundles\n".to_owned(),
        _ => "TAGALONG_MAKES=nothing\n".to_owned(),
    }
}

fn sentence(plan: &PlatformPlan) -> String {
    let id = &plan.platform;
    match &plan.deed {
        Deed::Nothing { published } => format!("{id}: nothing to build: {published} is published from these recipes"),
        Deed::Unchanged { since } => {
            format!("{id}: nothing to build: the recipes are those of {}", since.get(..12).unwrap_or(since))
        }
        Deed::Promote { candidate } => {
            format!("{id}: nothing to build: the candidate {candidate} has these recipes and becomes the bundle")
        }
        Deed::Build => {
            let built = plan.verdicts.iter().filter(|one| one.reason.is_some()).count();
            let (built, kept) = (packages(built), plan.verdicts.len() - built);
            format!("{id}: builds {built}, keeps {kept}")
        }
    }
}

/// What is done about one package, with the reason.
fn line(verdict: &Verdict) -> String {
    let subject = &verdict.subject;
    let what = if verdict.reason.is_some() { "build" } else { "keep " };
    format!("  {what} {} {}: {}", subject.name, subject.version, why(verdict))
}

fn why(verdict: &Verdict) -> String {
    match (&verdict.reason, &verdict.from) {
        (Some(reason), _) => words(reason),
        (None, Some((tag, channel))) => format!("in the bundle of {tag} on channel `{channel}`"),
        (None, None) => "nothing to do".to_owned(),
    }
}

fn words(reason: &Reason) -> String {
    match reason {
        Reason::Asked => "asked for with --all".to_owned(),
        Reason::NoBundle => "no channel has a bundle for the platform".to_owned(),
        Reason::Unpinned => "the image is not pinned by digest, so it may hold other tools; the job decides".to_owned(),
        Reason::Builder { what, was, is } => format!("the {what} changed, from {was} to {is}"),
        Reason::NoRecord => "the channel has no build records of the bundle".to_owned(),
        Reason::New => "the bundle does not have it".to_owned(),
        Reason::Changed => "the recipe changed".to_owned(),
        Reason::Elsewhere => {
            "its recipe is not in the checkout, where a change would be seen; the job decides".to_owned()
        }
        Reason::Need { name } => format!("it is built after {name}, which is built"),
    }
}

fn to_json(outcome: &Outcome) -> Value {
    let package = |verdict: &Verdict| {
        json!({
            "name": verdict.subject.name,
            "version": verdict.subject.version,
            "built": verdict.reason.is_some(),
            "reason": why(verdict),
            "seconds": verdict.seconds,
        })
    };
    let deed = |deed: &Deed| match deed {
        Deed::Nothing { .. } => "nothing",
        Deed::Unchanged { .. } => "unchanged",
        Deed::Promote { .. } => "promote",
        Deed::Build => "build",
    };
    let plan = |plan: &PlatformPlan| {
        json!({
            "platform": plan.platform,
            "deed": deed(&plan.deed),
            "packages": plan.verdicts.iter().map(package).collect::<Vec<_>>(),
        })
    };
    let purpose = match &outcome.purpose {
        Purpose::Tag(tag) => json!({ "tag": tag }),
        Purpose::Candidate { name, of_recipes } => json!({ "candidate": name, "recipes": of_recipes }),
        Purpose::Trial => json!("trial"),
    };
    json!({
        "purpose": purpose,
        "jobs": outcome.jobs,
        "platforms": outcome.plans.iter().map(plan).collect::<Vec<_>>(),
    })
}

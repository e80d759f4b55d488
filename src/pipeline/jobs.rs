//! The jobs of a pipeline: build, bundle, test and sign per platform, with what they need of each other.
//!
//! A platform's bundle is signed only whole and tested; another platform's failure does not keep it back. Only the jobs
//! that sign have an environment below `tagalong/`, which the key's variable is to be limited to.

use crate::model::platform::Platform;
use crate::model::recipe::RecipeName;
use crate::pipeline::barriers;
use crate::pipeline::groups::{self, Group};
use crate::pipeline::parts::{self, BUILD_TESTS, PREPARED, RECORDS, quote};
use crate::pipeline::yaml::Value;
use crate::pipeline::{Deed, Job, Limits, Need, Pipeline, PlatformPlan, Purpose, Setting};

/// What a job without the key ends with; it is shown as a warning.
const NO_KEY: u64 = 42;

/// The name of the job that makes candidates a tag's bundles.
const PROMOTE: &str = "promote";

/// The least and the most time that a job gets, and that of one whose packages were never timed, in minutes.
const LEAST_MINUTES: u64 = 30;
const MOST_MINUTES: u64 = 24 * 60;
const UNKNOWN_MINUTES: u64 = 180;

/// How long candidates are taken: as long as GitLab keeps their environment.
const LIFE: &str = "--expires 14d";

/// How much longer than the last time a build may take.
const SLACK: u64 = 4;

/// Makes the pipeline. If it would be too large for GitLab, jobs take more packages.
pub fn render(plans: &[PlatformPlan], setting: &Setting) -> Pipeline {
    let Limits { jobs, bytes, mut seconds, .. } = setting.limits;
    loop {
        let pipeline = with_target(plans, setting, seconds);
        let is_small = pipeline.jobs.len() <= jobs && pipeline.to_yaml().len() <= bytes;
        let is_coarse = seconds > u64::from(u32::MAX);
        if is_small || is_coarse {
            return pipeline;
        }
        seconds *= 2;
    }
}

fn with_target(plans: &[PlatformPlan], setting: &Setting, seconds: u64) -> Pipeline {
    let mut head = vec!["Made by tagalong; what is changed here is lost.".to_owned()];
    head.extend(setting.made_by.iter().map(|command| format!("again: {command}")));
    let stages = ["build", "bundle", "test", "publish"].map(str::to_owned).to_vec();
    let mut pipeline = Pipeline { head, stages, shared: vec![parts::all()], jobs: Vec::new() };
    for plan in plans {
        match &plan.deed {
            Deed::Nothing { .. } | Deed::Unchanged { .. } => {}
            Deed::Promote { candidate } => {
                pipeline.shared.push(parts::platform(plan));
                // One job does it for all platforms that the candidate is there for.
                if !pipeline.jobs.iter().any(|job| job.name == PROMOTE) {
                    pipeline.jobs.push(promotion(plan, setting, candidate.as_str()));
                }
            }
            Deed::Build => {
                pipeline.shared.push(parts::platform(plan));
                let mut site = Site { plan, setting, pipeline: &mut pipeline };
                site.build(seconds);
            }
        }
    }
    if let (Purpose::Candidate { name, .. }, Some(plan)) =
        (&setting.purpose, plans.iter().find(|one| one.deed == Deed::Build))
    {
        pipeline.jobs.push(stop(plan, setting, name.as_str()));
    }
    if pipeline.jobs.iter().any(|job| job.extends == parts::BARRIER) {
        pipeline.shared.push(parts::barrier());
    }
    if pipeline.jobs.is_empty() {
        pipeline.jobs.push(nothing());
    }
    pipeline
}

/// GitLab refuses a pipeline without jobs.
fn nothing() -> Job {
    let more = vec![
        ("stage".to_owned(), Value::text("build")),
        ("variables".to_owned(), Value::map([("GIT_STRATEGY", "none")])),
        ("script".to_owned(), Value::texts(["echo \"nothing is to be built\""])),
    ];
    job("nothing to build", parts::ALL.to_owned(), Vec::new(), more)
}

fn job(name: impl Into<String>, extends: String, needs: Vec<Need>, more: Vec<(String, Value)>) -> Job {
    Job { name: name.into(), extends, needs, variables: Vec::new(), timeout: None, more }
}

fn need(job: &str) -> Need {
    Need { job: job.to_owned(), has_files: true }
}

/// The jobs of one platform that is built.
struct Site<'a> {
    plan: &'a PlatformPlan,
    setting: &'a Setting,
    pipeline: &'a mut Pipeline,
}

impl Site<'_> {
    fn build(&mut self, seconds: u64) {
        let Setting { purpose, program, .. } = self.setting;
        let program = quote(program);
        if *purpose == Purpose::Trial {
            return self.trial(&program);
        }
        let script = [
            self.guard(&program),
            // The names of recipes are words for the shell.
            format!("{program} build $TAGALONG_PACKAGES --only --keep --records {RECORDS} --junit {BUILD_TESTS}"),
            format!("{program} publish --packages {RECORDS} --channel {}", quote(&self.setting.channel)),
        ];
        let groups = groups::group(&self.plan.verdicts, seconds);
        if !groups.is_empty() {
            self.pipeline.shared.push(parts::build(self.plan, self.setting, &script));
        }
        let names: Vec<String> = groups.iter().map(|group| self.name_of(group)).collect();
        for (group, name) in groups.iter().zip(&names) {
            let needs = self.needs(&group.needs, &names, name);
            let members: Vec<&str> = group.members.iter().map(RecipeName::as_str).collect();
            self.pipeline.jobs.push(Job {
                name: name.clone(),
                extends: parts::build_name_of(self.plan),
                needs,
                variables: vec![("TAGALONG_PACKAGES".to_owned(), members.join(" "))],
                timeout: Some(minutes(group)),
                more: Vec::new(),
            });
        }
        let bundle = format!("bundle {}", self.plan.platform);
        let needs = self.needs(&groups::last(&groups), &names, &bundle);
        self.bundle(&bundle, needs, &program);
        let test = self.test(&bundle, &program);
        let sign = self.sign(&bundle, &test, &program);
        self.changes(&sign, &program);
    }

    /// Everything in one job: what a fork builds cannot travel from job to job through the channel.
    fn trial(&mut self, program: &str) {
        let script = [
            self.guard(program),
            format!("{program} build --keep --explain --junit {BUILD_TESTS}"),
            "echo \"this pipeline may not write to the channel: what it built is not published\"".to_owned(),
        ];
        self.pipeline.shared.push(parts::build(self.plan, self.setting, &script));
        let name = format!("build {}", self.plan.platform);
        self.pipeline.jobs.push(job(name, parts::build_name_of(self.plan), Vec::new(), Vec::new()));
    }

    /// An image that is not of the platform would make a bundle of another one.
    fn guard(&self, program: &str) -> String {
        let id = &self.plan.platform;
        let lines = [
            format!("if [ \"$({program} platform)\" != {id} ]; then"),
            format!(
                "  echo \"this machine is $({program} platform), not {id}: see its image and tags in tagalong.toml\""
            ),
            "  exit 1".to_owned(),
            "fi".to_owned(),
        ];
        lines.join("\n")
    }

    fn name_of(&self, group: &Group) -> String {
        let names: Vec<&str> = group.members.iter().take(3).map(RecipeName::as_str).collect();
        let more = group.members.len() - names.len();
        let more = if more == 0 { String::new() } else { format!(" +{more}") };
        format!("build {} {}{more}", self.plan.platform, names.join(" "))
    }

    fn needs(&mut self, places: &[usize], names: &[String], of: &str) -> Vec<Need> {
        let needs = places.iter().map(|place| need(&names[*place])).collect();
        barriers::within(self.setting.limits.needs, needs, of, parts::BARRIER, &mut self.pipeline.jobs)
    }

    fn file(&self, end: &str) -> String {
        format!("{PREPARED}/{}{end}.json", self.plan.platform)
    }

    /// All packages as one manifest, which is not signed yet.
    fn bundle(&mut self, name: &str, needs: Vec<Need>, program: &str) {
        let channel = quote(&self.setting.channel);
        let prepare = |rest: String| format!("{program} publish --channel {channel} --prepare {rest}");
        let mut script =
            vec![self.guard(program), format!("mkdir -p {PREPARED}"), format!("{program} build --records {RECORDS}")];
        match &self.setting.purpose {
            Purpose::Tag(tag) => script.push(prepare(format!("{} --tag {tag}", self.file("")))),
            Purpose::Candidate { name, of_recipes } => {
                script.push(prepare(format!("{} --candidate {name} {LIFE}", self.file(""))));
                if of_recipes != name {
                    script.push(prepare(format!("{} --candidate {of_recipes} {LIFE}", self.file(".recipes"))));
                }
            }
            Purpose::Trial => {}
        }
        let more = vec![
            ("stage".to_owned(), Value::text("bundle")),
            ("cache".to_owned(), parts::caches(self.plan, self.setting)),
            ("script".to_owned(), Value::texts(script)),
            ("artifacts".to_owned(), parts::kept(&[PREPARED], "on_success", None)),
        ];
        self.pipeline.jobs.push(job(name, parts::name_of(self.plan), needs, more));
    }

    /// The bundle in a container that did not build it.
    fn test(&mut self, bundle: &str, program: &str) -> String {
        let name = format!("test {}", self.plan.platform);
        let place = "$CI_PROJECT_DIR/tagalong-test";
        let mut script = vec![
            format!("{program} install --prepared {} --prefix \"{place}\"", self.file("")),
            format!("{program} audit \"{place}\" --format junit > tagalong-junit.xml || ended=$?"),
            format!("[ -z \"${{ended:-}}\" ] || {program} audit \"{place}\""),
        ];
        script.extend(self.setting.test.iter().map(|test| {
            let lines = [
                format!("export TAGALONG_PREFIX=\"{place}\""),
                format!("if ! ( {test} ); then echo \"the test of the bundle failed\"; exit 1; fi"),
            ];
            lines.join("\n")
        }));
        let more = vec![
            ("stage".to_owned(), Value::text("test")),
            ("script".to_owned(), Value::texts(script)),
            ("artifacts".to_owned(), parts::tested(&["tagalong-junit.xml"], "tagalong-junit.xml")),
        ];
        self.pipeline.jobs.push(job(&name, parts::name_of(self.plan), vec![need(bundle)], more));
        name
    }

    /// Signs what was tested; nothing else has the key.
    fn sign(&mut self, bundle: &str, test: &str, program: &str) -> String {
        let Setting { purpose, channel, .. } = self.setting;
        let name = format!("sign {}", self.plan.platform);
        let (kind, tag, files) = match purpose {
            Purpose::Tag(tag) => ("bundles", tag, self.file("")),
            Purpose::Candidate { name, of_recipes } if of_recipes == name => ("candidates", name, self.file("")),
            Purpose::Candidate { name, .. } => {
                ("candidates", name, format!("{} {}", self.file(""), self.file(".recipes")))
            }
            Purpose::Trial => return name,
        };
        let mut script = key_is_there(self.setting);
        script.push(format!("{program} publish --channel {} --sign-only {files}", quote(channel)));
        script.push(dotenv(&self.plan.platform, tag.as_str(), kind, &self.file("")));
        let needs = vec![need(bundle), Need { job: test.to_owned(), has_files: false }];
        let more = publishing(self.setting, script, Some(&format!("tagalong-{}.env", self.plan.platform)));
        self.pipeline.jobs.push(job(&name, parts::name_of(self.plan), needs, more));
        name
    }

    /// What is not as in the bundle before, for the page of the merge request.
    fn changes(&mut self, sign: &str, program: &str) {
        let (Some(before), Purpose::Tag(tag) | Purpose::Candidate { name: tag, .. }) =
            (&self.setting.before, &self.setting.purpose)
        else {
            return;
        };
        let platform = &self.plan.platform;
        let file = format!("tagalong-changes-{platform}.txt");
        let title = format!("dependencies of {platform}");
        let more = vec![
            ("stage".to_owned(), Value::text("publish")),
            ("allow_failure".to_owned(), Value::Flag(true)),
            (
                "script".to_owned(),
                Value::texts([format!("{program} diff {before} {tag} --platform {platform} | tee {file}")]),
            ),
            ("artifacts".to_owned(), parts::kept(&[&file], "always", Some(&title))),
        ];
        let needs = vec![Need { job: sign.to_owned(), has_files: false }];
        self.pipeline.jobs.push(job(format!("changes {platform}"), parts::name_of(self.plan), needs, more));
    }
}

/// A candidate of the same recipes becomes the tag's bundle: nothing is built.
fn promotion(plan: &PlatformPlan, setting: &Setting, candidate: &str) -> Job {
    let program = quote(&setting.program);
    let tag = match &setting.purpose {
        Purpose::Tag(tag) => tag.as_str(),
        _ => candidate,
    };
    let mut script = key_is_there(setting);
    script.push(format!("{program} publish --channel {} --promote {candidate} --tag {tag}", quote(&setting.channel)));
    job(PROMOTE, parts::name_of(plan), Vec::new(), publishing(setting, script, None))
}

/// What GitLab starts when the branch of a candidate is gone, or its time is up.
fn stop(plan: &PlatformPlan, setting: &Setting, name: &str) -> Job {
    let (program, channel) = (quote(&setting.program), quote(&setting.channel));
    let environment =
        Value::map([("name", Value::text(format!("tagalong/candidate/{name}"))), ("action", "stop".into())]);
    let more = vec![
        ("stage".to_owned(), Value::text("publish")),
        (
            "rules".to_owned(),
            Value::List(vec![Value::map([("when", Value::text("manual")), ("allow_failure", Value::Flag(true))])]),
        ),
        ("resource_group".to_owned(), Value::text(format!("tagalong-{}", setting.channel))),
        ("environment".to_owned(), environment),
        ("script".to_owned(), Value::texts([format!("{program} gc --channel {channel} --expire {name} --apply")])),
    ];
    job("stop", parts::name_of(plan), Vec::new(), more)
}

/// The settings of a job that writes manifests.
fn publishing(setting: &Setting, script: Vec<String>, dotenv: Option<&str>) -> Vec<(String, Value)> {
    let environment = match &setting.purpose {
        Purpose::Candidate { name, .. } => Value::map([
            ("name", Value::text(format!("tagalong/candidate/{name}"))),
            ("on_stop", Value::text("stop")),
            ("auto_stop_in", Value::text("2 weeks")),
        ]),
        _ => Value::map([("name", Value::text("tagalong/sign")), ("action", Value::text("access"))]),
    };
    let mut more = vec![
        ("stage".to_owned(), Value::text("publish")),
        ("interruptible".to_owned(), Value::Flag(false)),
        ("resource_group".to_owned(), Value::text(format!("tagalong-{}", setting.channel))),
        ("environment".to_owned(), environment),
    ];
    if setting.is_signed {
        let codes = Value::List(vec![Value::Number(NO_KEY)]);
        more.push(("allow_failure".to_owned(), Value::map([("exit_codes", codes)])));
    }
    more.push(("script".to_owned(), Value::texts(script)));
    if let Some(dotenv) = dotenv {
        let reports = Value::Map(vec![("reports".to_owned(), Value::map([("dotenv", dotenv)]))]);
        more.push(("artifacts".to_owned(), reports));
    }
    more
}

/// A pipeline without the key says so, and is no failure of what was built.
fn key_is_there(setting: &Setting) -> Vec<String> {
    if !setting.is_signed {
        return Vec::new();
    }
    let lines = [
        "if [ -z \"${TAGALONG_SECRET_KEY:-}\" ]; then".to_owned(),
        "  echo \"there is no TAGALONG_SECRET_KEY in this job: what was built is not published\"".to_owned(),
        "  echo \"a fork and an unprotected branch have no key; else see Settings > CI/CD > Variables\"".to_owned(),
        format!("  exit {NO_KEY}"),
        "fi".to_owned(),
    ];
    vec![lines.join("\n")]
}

fn dotenv(platform: &Platform, tag: &str, kind: &str, file: &str) -> String {
    let line = |name: &str, value: &str| format!("  echo \"{name}={value}\"");
    let lines = [
        "{".to_owned(),
        line("TAGALONG_TAG", tag),
        line("TAGALONG_PLATFORM", &platform.id()),
        line("TAGALONG_BUNDLE", &format!("{kind}/{tag}/{platform}.json")),
        line("TAGALONG_DIGEST", &format!("$(sha256sum {file} | cut -d' ' -f1)")),
        format!("}} > tagalong-{platform}.env"),
    ];
    lines.join("\n")
}

/// How long a job may take.
fn minutes(group: &Group) -> u64 {
    let tens = (group.seconds.saturating_mul(SLACK)).div_ceil(600);
    let least = if group.is_guess { UNKNOWN_MINUTES } else { LEAST_MINUTES };
    (tens * 10).clamp(least, MOST_MINUTES)
}

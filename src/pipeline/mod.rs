//! CI pipelines: recipes x platforms x what is published become jobs as data, and the data becomes GitLab's YAML. Pure.
//!
//! Does not look at recipes, history or channels (`flow/ci/` does). The same facts give the same bytes.
//! ```text
//! verdicts.rs   which packages must be built on a platform, each with its reason
//! groups.rs     small packages that depend on each other become one job, by recorded build time
//! jobs.rs       groups, bundles, tests and signatures as jobs; barriers.rs keeps GitLab's limit of needs
//! yaml.rs       the few kinds of YAML that pipelines are made of
//! ```

mod barriers;
pub mod groups;
mod jobs;
mod parts;
pub mod verdicts;
pub mod yaml;

use crate::model::platform::Platform;
use crate::model::tag::DepsTag;
use crate::pipeline::verdicts::Verdict;
use crate::pipeline::yaml::Value;

pub use crate::pipeline::jobs::render;
pub use crate::pipeline::parts::{JOB_NOTE, quote};

/// What GitLab takes, and what a pipeline should be like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The most jobs that one job may need (GitLab's default of `ci_needs_size_limit`).
    pub needs: usize,
    /// The most jobs of a pipeline.
    pub jobs: usize,
    /// The longest file, in bytes: GitLab's `max_yaml_size_bytes` is 1 MiB on older servers.
    pub bytes: usize,
    /// How long a job should take at least, in seconds; packages that take less share one.
    pub seconds: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { needs: 50, jobs: 500, bytes: 900_000, seconds: 600 }
    }
}

/// What the pipeline makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purpose {
    /// The bundles of a deps tag.
    Tag(DepsTag),
    /// Candidates of a branch: under its name, and under the name of its recipes, which a tag looks for.
    Candidate { name: DepsTag, of_recipes: DepsTag },
    /// Nothing that others can fetch: a fork may not write to the channel.
    Trial,
}

/// What is said of a whole pipeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    pub purpose: Purpose,
    /// The name of the channel that is published to.
    pub channel: String,
    /// Whether bundles of the channel are signed.
    pub is_signed: bool,
    /// How `tagalong` is called.
    pub program: String,
    /// The command that tests an installed bundle, beside the audit; its prefix is `$TAGALONG_PREFIX`.
    pub test: Option<String>,
    /// The bundle that what is made is compared with.
    pub before: Option<DepsTag>,
    /// Digest of the recipes: what caches of sources are named by.
    pub recipes: String,
    /// That of the recipes before, whose caches are taken where there are none.
    pub recipes_before: Option<String>,
    /// The command line that makes this pipeline again; `None` where it is not to be told.
    pub made_by: Option<String>,
    pub limits: Limits,
}

/// What is to be done for one platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlatformPlan {
    pub platform: Platform,
    pub image: Option<String>,
    /// The tags of the runners that build for it.
    pub tags: Vec<String>,
    pub deed: Deed,
    /// One verdict per recipe, in dependency order.
    pub verdicts: Vec<Verdict>,
}

/// What is done for a platform as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    /// The bundle, or the candidate, is published from the same recipes.
    Nothing { published: DepsTag },
    /// The recipes are those of the commit that this one is compared with.
    Unchanged { since: String },
    /// A candidate of the same recipes becomes the tag's bundle.
    Promote { candidate: DepsTag },
    /// What must be is built, and a bundle is made of all.
    Build,
}

/// A pipeline as data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pipeline {
    /// Comment lines at its head.
    pub head: Vec<String>,
    pub stages: Vec<String>,
    /// Settings that jobs share, by hidden name.
    pub shared: Vec<(String, Value)>,
    pub jobs: Vec<Job>,
}

/// One job of a pipeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    pub name: String,
    /// The shared settings that it starts from.
    pub extends: String,
    pub needs: Vec<Need>,
    pub variables: Vec<(String, String)>,
    /// In minutes.
    pub timeout: Option<u64>,
    /// Everything else.
    pub more: Vec<(String, Value)>,
}

/// A job that must be done before, and whether its files are handed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    pub job: String,
    pub has_files: bool,
}

impl Pipeline {
    /// The pipeline as GitLab's YAML.
    pub fn to_yaml(&self) -> String {
        let mut text: String = self.head.iter().map(|line| format!("# {line}\n")).collect();
        let list = |texts: &[String]| Value::List(texts.iter().map(Value::text).collect());
        let mut all = vec![
            ("stages".to_owned(), list(&self.stages)),
            // A child pipeline of a merge request has no jobs without this.
            ("workflow".to_owned(), Value::map([("rules", Value::List(vec![Value::map([("when", "always")])]))])),
        ];
        all.extend(self.shared.iter().cloned());
        all.extend(self.jobs.iter().map(|job| (job.name.clone(), job.to_value())));
        yaml::write(&all, &mut text);
        text
    }
}

impl Job {
    fn to_value(&self) -> Value {
        let mut map = vec![("extends".to_owned(), Value::text(&self.extends))];
        let need = |need: &Need| {
            Value::Map(vec![
                ("job".to_owned(), Value::text(&need.job)),
                ("artifacts".to_owned(), Value::Flag(need.has_files)),
            ])
        };
        map.push(("needs".to_owned(), Value::List(self.needs.iter().map(need).collect())));
        if !self.variables.is_empty() {
            let variables = self.variables.iter().map(|(name, value)| (name.clone(), Value::text(value)));
            map.push(("variables".to_owned(), Value::Map(variables.collect())));
        }
        if let Some(minutes) = self.timeout {
            map.push(("timeout".to_owned(), Value::text(format!("{minutes} minutes"))));
        }
        map.extend(self.more.iter().cloned());
        Value::Map(map)
    }
}

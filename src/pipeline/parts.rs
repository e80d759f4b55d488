//! What jobs share: settings of runners, caches and retries, and the scripts that they run.

use crate::pipeline::yaml::Value;
use crate::pipeline::{PlatformPlan, Setting};

/// The folder of store, sources and logs, from the checkout; caches can hold nothing else.
pub const CACHE: &str = ".tagalong-cache";

/// The folder of build records, which jobs hand on.
pub const RECORDS: &str = "tagalong-records";

/// The folder of manifests that are not signed yet.
pub const PREPARED: &str = "tagalong-prepared";

/// How the steps and tests of a job's builds ended, as JUnit XML.
pub const BUILD_TESTS: &str = "tagalong-build.xml";

/// What the failed are looked at by.
const FAILED: &str = "tagalong-failed";

/// What a failed build job says of itself, among its files; `ci reproduce` reads it.
pub const JOB_NOTE: &str = "tagalong-failed/job.json";

/// The name of the settings of all jobs.
pub const ALL: &str = ".tagalong-all";

/// The name of the settings of barriers.
pub const BARRIER: &str = ".tagalong-barrier";

/// The settings of all jobs.
pub fn all() -> (String, Value) {
    let map = Value::map([
        ("rules", Value::List(vec![Value::map([("when", "on_success")])])),
        ("interruptible", Value::Flag(true)),
        ("retry", retry()),
        (
            "variables",
            Value::map([
                // The nearest tag may lie before any depth.
                ("GIT_DEPTH", "0"),
                ("TAGALONG_CACHE", "$CI_PROJECT_DIR/.tagalong-cache"),
            ]),
        ),
    ]);
    (ALL.to_owned(), map)
}

/// A failed build fails again; a failed runner does not.
fn retry() -> Value {
    let reasons = ["runner_system_failure", "scheduler_failure", "data_integrity_failure", "api_failure"];
    Value::map([("max", Value::Number(2)), ("when", Value::texts(reasons))])
}

/// The settings of barriers.
pub fn barrier() -> (String, Value) {
    let map = Value::map([
        ("extends", Value::text(ALL)),
        ("stage", Value::text("build")),
        ("variables", Value::map([("GIT_STRATEGY", "none")])),
        ("script", Value::texts(["echo \"waits for the jobs it needs, and hands on their records\""])),
        ("artifacts", kept(&[RECORDS], "on_success", None)),
    ]);
    (BARRIER.to_owned(), map)
}

/// The name of the settings of a platform.
pub fn name_of(plan: &PlatformPlan) -> String {
    format!(".tagalong-{}", plan.platform)
}

/// The image and the runners of a platform.
pub fn platform(plan: &PlatformPlan) -> (String, Value) {
    let mut map = vec![("extends".to_owned(), Value::text(ALL))];
    if let Some(image) = &plan.image {
        map.push(("image".to_owned(), Value::text(image)));
    }
    if !plan.tags.is_empty() {
        map.push(("tags".to_owned(), Value::texts(plan.tags.iter().map(String::as_str))));
    }
    (name_of(plan), Value::Map(map))
}

/// The name of the settings of a platform's build jobs.
pub fn build_name_of(plan: &PlatformPlan) -> String {
    format!(".tagalong-build-{}", plan.platform)
}

/// The settings of a platform's build jobs.
pub fn build(plan: &PlatformPlan, setting: &Setting, script: &[String]) -> (String, Value) {
    let map = Value::map([
        ("extends", Value::text(name_of(plan))),
        ("stage", Value::text("build")),
        ("cache", caches(plan, setting)),
        ("script", Value::texts(std::iter::once(&after_failure(plan)).chain(script).cloned())),
        ("artifacts", tested(&[RECORDS, FAILED], BUILD_TESTS)),
    ]);
    (build_name_of(plan), map)
}

/// Sources and packages; both are checked by digest when they are used, so that a bad cache does no harm. Records are
/// not cached: nothing would check them.
pub fn caches(plan: &PlatformPlan, setting: &Setting) -> Value {
    let cache = |kind: &str, folder: &str| {
        let key = |recipes: &str| format!("tagalong-{kind}-{}", short(recipes));
        let mut map = vec![("key".to_owned(), Value::text(key(&setting.recipes)))];
        if let Some(before) = &setting.recipes_before {
            map.push(("fallback_keys".to_owned(), Value::texts([key(before)])));
        }
        map.push(("paths".to_owned(), Value::texts([format!("{CACHE}/{folder}")])));
        Value::Map(map)
    };
    Value::List(vec![cache("sources", "sources"), cache(&format!("packages-{}", plan.platform), "packages")])
}

fn short(digest: &str) -> &str {
    digest.get(..16).unwrap_or(digest)
}

/// Files that are kept of a job for others, and for people.
pub fn kept(paths: &[&str], when: &str, shown_as: Option<&str>) -> Value {
    let mut map = Vec::new();
    if let Some(title) = shown_as {
        map.push(("expose_as".to_owned(), Value::text(title)));
    }
    map.extend([
        ("when".to_owned(), Value::text(when)),
        ("expire_in".to_owned(), Value::text("1 week")),
        ("paths".to_owned(), Value::texts(paths.iter().copied())),
    ]);
    Value::Map(map)
}

/// Files that are kept whatever happens, and a JUnit file, whose tests the merge request shows.
pub fn tested(paths: &[&str], junit: &str) -> Value {
    let Value::Map(mut map) = kept(paths, "always", None) else { return Value::Map(Vec::new()) };
    map.push(("reports".to_owned(), Value::Map(vec![("junit".to_owned(), Value::text(junit))])));
    Value::Map(map)
}

/// Keeps of what failed the logs, the work folders, and a note of which job it was, where artifacts are taken from.
///
/// It is no `after_script`: stand-ins of the runner start that one in another folder.
fn after_failure(plan: &PlatformPlan) -> String {
    let image = plan.image.as_deref().unwrap_or_default().replace('%', "%%");
    let note = format!(
        "{{\"format\": 1, \"commit\": \"%s\", \"platform\": \"{}\", \"image\": \"{image}\", \"packages\": \"%s\"}}\\n",
        plan.platform
    );
    let lines = [
        "at_the_end() {".to_owned(),
        "  if [ $? = 0 ]; then return; fi".to_owned(),
        format!("  mkdir -p {FAILED}"),
        format!("  printf {} \"$CI_COMMIT_SHA\" \"${{TAGALONG_PACKAGES:-}}\" > {JOB_NOTE}", quote(&note)),
        format!("  cp -r \"$TAGALONG_CACHE/logs\" {FAILED}/ 2>/dev/null || true"),
        format!("  tar -czf {FAILED}/work.tar.gz -C \"$TAGALONG_CACHE\" work 2>/dev/null || true"),
        "}".to_owned(),
        // Paths of artifacts that are not there are an error to some.
        format!("mkdir -p {FAILED} {RECORDS}"),
        "trap at_the_end EXIT".to_owned(),
    ];
    lines.join("\n")
}

/// A word for the shell: as it is, or in single quotes.
pub fn quote(word: &str) -> String {
    let is_plain = !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || "-_./+=:,@%".contains(c));
    if is_plain { word.to_owned() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}

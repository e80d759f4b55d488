//! What the environment and the terminal say, read once; nothing below `cli/` asks them.

use std::env;
use std::ffi::OsString;
use std::io::IsTerminal;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use crate::audit::traces::{Sought, TraceOf};
use crate::cli::failure::{Code, Failure};

/// The settings of this run that do not come from `tagalong.toml`.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The folder the run works in: `-C`, else the working directory; absolute.
    pub directory: PathBuf,
    /// The folder of store, sources and locks: `TAGALONG_CACHE`, else below `XDG_CACHE_HOME`, else below `HOME`.
    pub cache: PathBuf,
    /// Which variable says where the cache is.
    pub cache_origin: &'static str,
    /// `FORCED_DEPS_TAG`, if it is set and not empty.
    pub forced_tag: Option<String>,
    /// `TAGALONG_SOURCE_MIRRORS`: folders that hold `<sha256>`, white space between them.
    pub source_mirrors: Vec<String>,
    /// `TAGALONG_SECRET_KEY`: a key file's path, or the key's text.
    pub secret_key: Option<OsString>,
    /// `TAGALONG_JOBS`, else the processors that this process may use.
    pub jobs: NonZeroUsize,
    /// What says how many jobs there are.
    pub jobs_origin: &'static str,
    /// The locale of the environment, by the precedence of locale(7).
    pub locale: Option<String>,
    /// Whether talk goes to a terminal.
    pub is_terminal: bool,
    /// Whether talk may be coloured: a terminal, and no `NO_COLOR`.
    pub is_coloured: bool,
    /// Whether this is a GitLab CI job, whose log takes section marks.
    pub is_gitlab: bool,
    /// The address of this CI job (`CI_JOB_URL`, without what may be secret in it), if it is one.
    pub ci_job: Option<String>,
    /// `SOURCE_DATE_EPOCH`, in seconds since 1970.
    pub source_date: Option<u64>,
    /// The page of the project in GitLab (`CI_PROJECT_URL`), in a job of it.
    pub ci_project: Option<String>,
    /// Whether this is a job of a protected branch or tag (`CI_COMMIT_REF_PROTECTED`).
    pub is_protected: bool,
    /// What a package should not tell of this machine: home and CI folders, user and host name.
    pub traces: Vec<Sought>,
}

impl Settings {
    /// Reads the environment of this process.
    ///
    /// # Errors
    /// A usage failure when `-C` is no folder, `TAGALONG_JOBS` no count, or there is no place for a cache.
    pub fn of_process(directory: Option<PathBuf>) -> Result<Settings, Failure> {
        let is_terminal = std::io::stderr().is_terminal();
        // Those who ask servers find their credentials there; a value that is no text is none.
        let texts =
            env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        crate::http::environment::enter(texts);
        Ok(Settings {
            directory: working_directory(directory)?,
            cache: cache_folder()?,
            cache_origin: cache_origin(),
            forced_tag: text("FORCED_DEPS_TAG"),
            source_mirrors: text("TAGALONG_SOURCE_MIRRORS")
                .map(|list| list.split_whitespace().map(str::to_owned).collect())
                .unwrap_or_default(),
            secret_key: env::var_os("TAGALONG_SECRET_KEY").filter(|value| !value.is_empty()),
            jobs: jobs()?,
            jobs_origin: text("TAGALONG_JOBS").map_or("the processors", |_| "TAGALONG_JOBS"),
            locale: ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(text),
            is_terminal,
            is_coloured: is_terminal && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
            is_gitlab: env::var_os("GITLAB_CI").is_some(),
            ci_job: text("CI_JOB_URL").map(|url| crate::http::redact(&url)),
            source_date: text("SOURCE_DATE_EPOCH").and_then(|text| text.parse().ok()),
            ci_project: text("CI_PROJECT_URL").map(|url| crate::http::redact(&url)),
            is_protected: text("CI_COMMIT_REF_PROTECTED").is_some_and(|value| value == "true"),
            traces: traces(),
        })
    }
}

fn text(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// The variables of GitLab, GitHub, Jenkins, Azure and CircleCI that name a job's folders.
const CI_FOLDERS: [&str; 8] = [
    "CI_PROJECT_DIR",
    "CI_BUILDS_DIR",
    "GITHUB_WORKSPACE",
    "RUNNER_WORKSPACE",
    "RUNNER_TEMP",
    "WORKSPACE",
    "BUILD_SOURCESDIRECTORY",
    "CIRCLE_WORKING_DIRECTORY",
];

/// User names that are the same on every builder, and words as well.
const COMMON_USERS: [&str; 8] = ["root", "user", "build", "builder", "runner", "admin", "ubuntu", "debian"];

fn traces() -> Vec<Sought> {
    let mut traces = Vec::new();
    let mut add = |of, text: String| {
        let text = text.trim_end_matches('/').to_owned();
        traces.extend((text.len() > 2).then_some(Sought { of, text }));
    };
    CI_FOLDERS.iter().filter_map(|name| text(name)).filter(|one| one.starts_with('/')).for_each(|folder| {
        add(TraceOf::Ci, folder);
    });
    text("HOME").filter(|home| home.starts_with('/')).into_iter().for_each(|home| add(TraceOf::Home, home));
    let user = text("USER").or_else(|| text("LOGNAME")).filter(|user| !COMMON_USERS.contains(&user.as_str()));
    if let Some(user) = user.filter(|user| !user.contains('/')) {
        add(TraceOf::User, format!("/home/{user}"));
        add(TraceOf::User, format!("{user}@"));
    }
    let host = text("HOSTNAME").or_else(|| fs_err::read_to_string("/proc/sys/kernel/hostname").ok());
    // A short name is a word that stands anywhere.
    let host = host.map(|host| host.trim().to_owned()).filter(|host| host.len() >= 6 && host != "localhost");
    host.into_iter().for_each(|host| add(TraceOf::Host, host));
    traces
}

fn working_directory(asked: Option<PathBuf>) -> Result<PathBuf, Failure> {
    let asked = asked.unwrap_or_else(|| PathBuf::from("."));
    let folder = fs_err::canonicalize(&asked).ok().filter(|path| path.is_dir());
    folder.ok_or_else(|| {
        Failure::new(Code::Usage, format!("`{}` is not a folder", asked.display()))
            .next("name a folder that exists after `-C`")
    })
}

fn cache_folder() -> Result<PathBuf, Failure> {
    let absolute = |name| env::var_os(name).map(PathBuf::from).filter(|path: &PathBuf| path.is_absolute());
    // XDG Base Directory Specification: a relative XDG_CACHE_HOME is to be ignored.
    let below = |path: PathBuf| path.join("tagalong");
    if let Some(own) = env::var_os("TAGALONG_CACHE").filter(|value| !value.is_empty()) {
        return std::path::absolute(Path::new(&own)).map_err(|error| {
            Failure::new(Code::Usage, "`TAGALONG_CACHE` cannot be used")
                .why(error.to_string())
                .next("set it to an absolute path")
        });
    }
    absolute("XDG_CACHE_HOME")
        .map(below)
        .or_else(|| absolute("HOME").map(|home| home.join(".cache/tagalong")))
        .ok_or_else(|| {
            Failure::new(Code::Usage, "there is no place for the cache".to_owned())
                .why("none of `TAGALONG_CACHE`, `XDG_CACHE_HOME` and `HOME` is an absolute path")
                .next("set `TAGALONG_CACHE` to a folder on a local disk")
        })
}

/// The variable that [`cache_folder`] takes.
fn cache_origin() -> &'static str {
    let is_absolute = |name| env::var_os(name).is_some_and(|value| Path::new(&value).is_absolute());
    match () {
        () if env::var_os("TAGALONG_CACHE").is_some_and(|value| !value.is_empty()) => "TAGALONG_CACHE",
        () if is_absolute("XDG_CACHE_HOME") => "XDG_CACHE_HOME",
        () => "HOME",
    }
}

fn jobs() -> Result<NonZeroUsize, Failure> {
    let Some(given) = text("TAGALONG_JOBS") else {
        return Ok(std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN));
    };
    given.parse().map_err(|_| {
        Failure::new(Code::Usage, format!("`TAGALONG_JOBS={given}` is not a count of jobs"))
            .next("set it to 1 or more, or unset it to use every processor")
    })
}

//! `doctor`: looks at the machine and at the checkout, and tells what is well, what is not, why, and what to do.
//!
//! Never fails: what cannot be looked at is a finding. What it looks at is in `machine.rs` and `project.rs`.

mod machine;
mod project;
mod tools;

use std::path::PathBuf;
use std::time::SystemTime;

/// What is looked at, and what only the command line knows.
#[derive(Debug, Clone)]
pub struct Options {
    /// The folder the run works in, absolute.
    pub directory: PathBuf,
    pub cache: PathBuf,
    /// This program's own file, which the sandbox is tried with.
    pub program: PathBuf,
    pub network: Network,
    pub now: SystemTime,
    /// The locale of the environment, `C.UTF-8` say; `None` where none is set.
    pub locale: Option<String>,
    pub secret_key: SecretKey,
    /// Settings with the places that they come from.
    pub settings: Vec<Setting>,
}

/// Whether channels are asked that need a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    Allowed,
    Offline,
}

/// What is known about the secret key of this run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretKey {
    Absent,
    /// Its text stands in the variable.
    Text,
    /// A file, and whether others may read it.
    File {
        path: PathBuf,
        is_open: bool,
    },
    /// A file is named that is not there; what was given is not repeated, it may be a key.
    NoFile,
}

/// A setting of this run, and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    pub name: &'static str,
    pub value: String,
    pub origin: String,
}

/// Everything that was looked at, in the order of the report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    pub findings: Vec<Finding>,
}

impl Outcome {
    /// How many findings have a grade.
    pub fn count(&self, grade: Grade) -> usize {
        self.findings.iter().filter(|finding| finding.grade == grade).count()
    }
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub subject: &'static str,
    pub grade: Grade,
    pub what: String,
    pub why: Option<String>,
    pub next: Option<String>,
}

/// How well something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grade {
    Fine,
    /// It works, but not as it could.
    Warning,
    /// Something that is asked for will not work.
    Error,
}

impl Grade {
    pub fn name(self) -> &'static str {
        match self {
            Grade::Fine => "ok",
            Grade::Warning => "warning",
            Grade::Error => "error",
        }
    }
}

impl Finding {
    fn fine(subject: &'static str, what: impl Into<String>) -> Finding {
        Finding { subject, grade: Grade::Fine, what: what.into(), why: None, next: None }
    }

    fn warning(subject: &'static str, what: impl Into<String>) -> Finding {
        Finding { grade: Grade::Warning, ..Finding::fine(subject, what) }
    }

    fn error(subject: &'static str, what: impl Into<String>) -> Finding {
        Finding { grade: Grade::Error, ..Finding::fine(subject, what) }
    }

    fn why(mut self, why: impl Into<String>) -> Finding {
        self.why = Some(why.into());
        self
    }

    fn next(mut self, next: impl Into<String>) -> Finding {
        self.next = Some(next.into());
        self
    }
}

/// Looks at everything.
pub fn doctor(options: &Options) -> Outcome {
    let around = project::look(options);
    let mut findings = machine::findings(options);
    findings.extend(tools::findings(around.recipes(), around.platform()));
    findings.extend(machine::disks(options, around.prefix()));
    findings.extend(project::findings(&around, options));
    let settings = options.settings.iter();
    findings
        .extend(settings.map(|one| Finding::fine("setting", format!("{} = {} ({})", one.name, one.value, one.origin))));
    Outcome { findings }
}

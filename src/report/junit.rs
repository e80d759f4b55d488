//! An audit, or the steps and tests of a build, as JUnit XML, as CI systems show test results.
//!
//! Does not word findings (`audit_words.rs`).

use std::collections::BTreeMap;

use crate::audit::outcome::Audit;
use crate::audit::problem::{Level, Remark};
use crate::report::audit_words;

/// A step or a test of a package that a build came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub package: String,
    pub name: String,
    pub end: End,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    Done {
        seconds: u64,
    },
    /// The reason in one line, and the last lines of the log.
    Failed {
        reason: String,
        tail: Vec<String>,
    },
    /// Another one failed, or the user stopped the build.
    Stopped,
}

/// The audit: one suite, a test case for each file and check. Errors are failures; warnings and notes are written to the
/// output of their case.
pub fn of_audit(audit: &Audit) -> String {
    let mut by_file: BTreeMap<(&str, &str), Vec<&Remark>> = BTreeMap::new();
    for file in &audit.files {
        // A file without findings is a test that passed.
        if !audit.remarks.iter().any(|remark| remark.file == file.path) {
            by_file.insert((&file.path, "clean"), Vec::new());
        }
    }
    for remark in &audit.remarks {
        by_file.entry((&remark.file, remark.problem.check())).or_default().push(remark);
    }
    let case = |((file, check), remarks): (&(&str, &str), &Vec<&Remark>)| {
        let mut case = Case::new(file, check);
        for remark in remarks {
            let words = audit_words::of(remark);
            let text = format!("{}\nwhy: {}\nnext: {}", words.what, words.why, words.next);
            match remark.problem.level() {
                Level::Error => case.fail(check, &words.what, &text),
                level => case.say(&format!("{}: {text}", level.name())),
            }
        }
        case
    };
    document(&[Suite { name: "tagalong audit".to_owned(), cases: by_file.iter().map(case).collect() }])
}

/// The steps: a suite for each package, in the order of their beginning.
pub fn of_build(steps: &[Step]) -> String {
    let mut suites: Vec<Suite> = Vec::new();
    for step in steps {
        let mut case = Case::new(&step.package, &step.name);
        match &step.end {
            End::Done { seconds } => case.seconds = Some(*seconds),
            End::Failed { reason, tail } => case.fail("step", reason, &tail.join("\n")),
            End::Stopped => case.is_skipped = true,
        }
        match suites.iter_mut().find(|suite| suite.name == step.package) {
            Some(suite) => suite.cases.push(case),
            None => suites.push(Suite { name: step.package.clone(), cases: vec![case] }),
        }
    }
    document(&suites)
}

struct Suite {
    name: String,
    cases: Vec<Case>,
}

struct Case {
    class: String,
    name: String,
    seconds: Option<u64>,
    is_failed: bool,
    is_skipped: bool,
    /// The elements inside, as XML.
    inside: String,
}

impl Case {
    fn new(class: &str, name: &str) -> Case {
        let (class, name) = (class.to_owned(), name.to_owned());
        Case { class, name, seconds: None, is_failed: false, is_skipped: false, inside: String::new() }
    }

    fn fail(&mut self, kind: &str, message: &str, text: &str) {
        let [kind, message, text] = [kind, message, text].map(escaped);
        self.is_failed = true;
        self.inside.push_str(&format!("<failure type=\"{kind}\" message=\"{message}\">{text}</failure>\n"));
    }

    fn say(&mut self, text: &str) {
        self.inside.push_str(&format!("<system-out>{}</system-out>\n", escaped(text)));
    }

    fn xml(&self) -> String {
        let time = self.seconds.map(|seconds| format!(" time=\"{seconds}\"")).unwrap_or_default();
        let [class, name] = [&self.class, &self.name].map(|text| escaped(text));
        let skipped = if self.is_skipped { "<skipped/>\n" } else { "" };
        format!("<testcase classname=\"{class}\" name=\"{name}\"{time}>\n{skipped}{}</testcase>\n", self.inside)
    }
}

fn document(suites: &[Suite]) -> String {
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    for suite in suites {
        let count = |is_it: fn(&Case) -> bool| suite.cases.iter().filter(|case| is_it(case)).count();
        xml.push_str(&format!(
            "<testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"{}\">\n",
            escaped(&suite.name),
            suite.cases.len(),
            count(|case| case.is_failed),
            count(|case| case.is_skipped),
        ));
        suite.cases.iter().for_each(|case| xml.push_str(&case.xml()));
        xml.push_str("</testsuite>\n");
    }
    xml + "</testsuites>\n"
}

/// XML 1.0 has no control characters at all but tab and line break.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            '\t' => out.push('\t'),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

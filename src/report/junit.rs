//! An audit as JUnit XML, as CI systems show test results: one suite, a test case for each file and check.
//!
//! Errors are failures; warnings and notes are written to the output of their case. Does not word findings.

use std::collections::BTreeMap;

use crate::audit::outcome::Audit;
use crate::audit::problem::{Level, Remark};
use crate::report::audit_words;

/// The audit as an XML text.
pub fn render(audit: &Audit) -> String {
    let mut cases: BTreeMap<(&str, &str), Vec<&Remark>> = BTreeMap::new();
    for file in &audit.files {
        // A file without findings is a test that passed.
        if !audit.remarks.iter().any(|remark| remark.file == file.path) {
            cases.insert((&file.path, "clean"), Vec::new());
        }
    }
    for remark in &audit.remarks {
        cases.entry((&remark.file, remark.problem.check())).or_default().push(remark);
    }
    let is_error = |remark: &&&Remark| remark.problem.level() == Level::Error;
    let failures = cases.values().filter(|remarks| remarks.iter().any(|one| is_error(&one))).count();
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    xml.push_str(&format!(
        "<testsuites>\n<testsuite name=\"tagalong audit\" tests=\"{}\" failures=\"{failures}\" errors=\"0\" \
         skipped=\"0\">\n",
        cases.len()
    ));
    for ((file, check), remarks) in &cases {
        xml.push_str(&format!("<testcase classname=\"{}\" name=\"{}\">\n", escaped(file), escaped(check)));
        for remark in remarks.iter() {
            let words = audit_words::of(remark);
            let text = escaped(&format!("{}\nwhy: {}\nnext: {}", words.what, words.why, words.next));
            match remark.problem.level() {
                Level::Error => xml.push_str(&format!(
                    "<failure type=\"{check}\" message=\"{}\">{text}</failure>\n",
                    escaped(&words.what)
                )),
                level => xml.push_str(&format!("<system-out>{}: {text}</system-out>\n", level.name())),
            }
        }
        xml.push_str("</testcase>\n");
    }
    xml + "</testsuite>\n</testsuites>\n"
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

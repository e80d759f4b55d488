//! Reads what a recipe promises of its package: tests, contents, and the variables that it exports.
//!
//! Does not run tests (`builder/`).

use crate::model::package::is_exportable;
use crate::model::recipe::{Contents, Language, Program, TestStep};
use crate::recipe_file::{Document, values};
use crate::toml_file::fields::Reader;
use crate::toml_file::tree::Placed;

/// The fields that each say what kind a test is.
const KINDS: [&str; 3] = ["run", "pkg-config", "cmake"];

/// A program that compiles wherever the headers and libraries of a package are.
const EMPTY_PROGRAM: &str = "int main(void) { return 0; }\n";

impl Document<'_> {
    /// One test; `None` when it cannot be told, which was noted then.
    pub(super) fn test(&mut self, test: &Reader<'_>) -> Option<TestStep> {
        let given: Vec<&str> = KINDS.into_iter().filter(|kind| test.key_span(kind).is_some()).collect();
        if given.len() != 1 && !self.notes.is_broken {
            let what = match given.as_slice() {
                [] => "this `[[test]]` says nothing to run".to_owned(),
                _ => format!("this `[[test]]` has both `{}` and `{}`", given[0], given[1]),
            };
            self.notes.add_with(&test.span(), what, "give it one of `run`, `pkg-config` and `cmake`");
            return None;
        }
        let kind = *given.first()?;
        for (field, kinds) in [("targets", &["cmake"][..]), ("program", &KINDS[1..]), ("language", &KINDS[1..])] {
            if let Some(span) = test.key_span(field).filter(|_| !kinds.contains(&kind)) {
                self.notes.add(&span, format!("`{field}` means nothing to a test with `{kind}`"), None);
            }
        }
        let name = test.text(kind)?;
        if kind == "run" {
            return Some(TestStep::Run(name.value));
        }
        let program = self.program(test);
        if !values::check_word(&name, "a module or package", &mut self.notes) {
            return None;
        }
        if kind == "pkg-config" {
            return Some(TestStep::PkgConfig { module: name.value, program });
        }
        let targets = test.texts("targets").unwrap_or_default();
        for target in &targets {
            self.check_target(target);
        }
        let targets = targets.into_iter().map(|target| target.value).collect();
        Some(TestStep::Cmake { package: name.value, targets, program })
    }

    fn program(&mut self, test: &Reader<'_>) -> Program {
        let text = test.text("program").map_or_else(|| EMPTY_PROGRAM.to_owned(), |text| text.value);
        let language = match test.text("language") {
            Some(given) if given.value == "c++" => Language::Cxx,
            Some(given) if given.value != "c" => {
                let what = format!("`{}` is no language of test programs", given.value.escape_debug());
                self.notes.add_with(&given.span, what, "write \"c\" or \"c++\"");
                Language::C
            }
            _ => Language::C,
        };
        Program { text, language }
    }

    fn check_target(&mut self, target: &Placed<String>) {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-+.:".contains(c);
        if target.value.is_empty() || !target.value.chars().all(is_plain) {
            let what = format!("`{}` is not the name of a target of cmake", target.value.escape_debug());
            self.notes.add_with(&target.span, what, "write it as in `PNG::PNG`");
        }
    }

    pub(super) fn contents(&mut self, top: &Reader<'_>) -> Contents {
        let Some(contents) = top.table("contents") else { return Contents::default() };
        let globs = |name: &str, notes: &mut _| {
            let globs = contents.texts(name).unwrap_or_default();
            for glob in &globs {
                values::check_relative(glob, notes);
            }
            globs.into_iter().map(|glob| glob.value).collect()
        };
        Contents { has: globs("has", &mut self.notes), has_not: globs("has-not", &mut self.notes) }
    }

    pub(super) fn exports(&mut self, top: &Reader<'_>) -> Vec<(String, String)> {
        let mut exports = Vec::new();
        for (name, text) in top.pairs("exports") {
            if !is_exportable(&name.value) {
                let what = format!("no package may export `{}`", name.value.escape_debug());
                let hint =
                    "libraries and programs are found without: folders of the prefix are added by `tagalong env`";
                self.notes.add_with(&name.span, what, hint);
            }
            if text.value.chars().any(char::is_control) {
                let what = format!("the value of `{}` holds a control character", name.value.escape_debug());
                self.notes.add(&text.span, what, None);
            }
            exports.push((name.value, text.value));
        }
        exports.sort();
        exports
    }
}

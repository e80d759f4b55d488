//! Commands of other systems as builds of this one: `./configure`, cmake, make and setup.py are known, the rest stays a
//! script.
//!
//! Runs nothing. Variables of the other system are handed in.

use std::collections::BTreeSet;

use crate::model::recipe::BuildSystem;
use crate::recipe_import::found::{Found, add, tools_of};

/// A text does not grow beyond this by what is put in, in bytes: variables may name each other.
const LONGEST: usize = 16 << 10;

/// Variables that every step has (`builder/steps.rs`).
const SET: [&str; 8] = ["PATH", "HOME", "CFLAGS", "CXXFLAGS", "CPPFLAGS", "LDFLAGS", "PREFIX", "PWD"];

/// A text with `$NAME` and `${NAME}` replaced where they are known; `\$` stays a plain dollar for the shell.
pub fn expanded(text: &str, known: &dyn Fn(&str) -> Option<String>) -> String {
    let mut result = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$').filter(|_| result.len() < LONGEST) {
        let (before, from) = rest.split_at(at);
        result.push_str(before);
        let (name, length) = variable(from);
        match name.filter(|_| !before.ends_with('\\')).and_then(known) {
            Some(value) => result.push_str(&value),
            None => result.push_str(&from[..length]),
        }
        rest = &from[length..];
    }
    result + rest
}

/// The variable that a text starts with, and how many bytes it takes.
fn variable(text: &str) -> (Option<&str>, usize) {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if let Some(inner) = text.strip_prefix("${") {
        return match inner.find('}') {
            Some(end) if inner[..end].chars().all(is_part) => (Some(&inner[..end]), end + 3),
            _ => (None, 2),
        };
    }
    let name = &text[1..];
    let end = name.find(|c| !is_part(c)).unwrap_or(name.len());
    let name = name.get(..end).filter(|name| name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_'));
    (name, 1 + name.map_or(0, str::len))
}

/// The variables of a command that no step has.
pub fn unknown_variables(command: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut seen = BTreeSet::new();
    let mut rest = command;
    while let Some(at) = rest.find('$') {
        let (name, length) = variable(&rest[at..]);
        let is_set = |name: &&str| SET.contains(name) || command.contains(&format!("{name}="));
        if let Some(name) = name.filter(|name| seen.insert(*name) && !is_set(name)) {
            add(&mut names, name);
        }
        rest = &rest[at + length..];
    }
    names
}

/// Makes the build out of three commands, any of which may be empty.
pub fn build(found: &mut Found, configure: &str, make: &str, install: &str) {
    let is_done = autotools(found, configure, make, install)
        || cmake(found, configure, make, install)
        || python(found, configure, make, install);
    if is_done {
        return;
    }
    found.system = Some(BuildSystem::Script);
    let commands = [configure, make, install].map(str::trim);
    found.script = commands.iter().filter(|command| !command.is_empty()).map(|command| (*command).to_owned()).collect();
}

fn autotools(found: &mut Found, configure: &str, make: &str, install: &str) -> bool {
    let (Some(configure), Some(make), Some(install)) = (words(configure), words(make), words(install)) else {
        return false;
    };
    let (Some(targets), Some(install)) = (make_targets(&make), make_targets(&install)) else { return false };
    if configure.first().map(String::as_str) != Some("./configure") {
        return false;
    }
    let implied = ["--prefix={prefix}", "--libdir={prefix}/lib"];
    found.system = Some(BuildSystem::Autotools);
    found.options = configure.into_iter().skip(1).filter(|word| !implied.contains(&word.as_str())).collect();
    found.targets = targets;
    found.install_targets = if install == ["install"] { Vec::new() } else { install };
    true
}

fn cmake(found: &mut Found, configure: &str, make: &str, install: &str) -> bool {
    let (Some(configure), Some(make), Some(install)) = (words(configure), words(make), words(install)) else {
        return false;
    };
    let is_source = |word: &String| word == ".";
    let mut options = configure.into_iter();
    let is_cmake = options.next().as_deref() == Some("cmake");
    let implied = ["-DCMAKE_INSTALL_PREFIX=", "-DCMAKE_INSTALL_PREFIX:PATH=", "-DCMAKE_BUILD_TYPE=Release"];
    let options: Vec<String> = options.filter(|word| !implied.iter().any(|start| word.starts_with(start))).collect();
    let is_plain = options.iter().all(|word| word.starts_with("-D") || is_source(word));
    let is_made = make_targets(&make).is_some_and(|targets| targets.is_empty());
    if !is_cmake || !is_plain || !is_made || make_targets(&install).is_none_or(|targets| targets != ["install"]) {
        return false;
    }
    found.system = Some(BuildSystem::Cmake);
    found.options = options.into_iter().filter(|word| !is_source(word)).collect();
    true
}

fn python(found: &mut Found, configure: &str, make: &str, install: &str) -> bool {
    let is_setup = |command: &str, verb: &str| {
        let all: Vec<&str> = command.split_whitespace().collect();
        matches!(all.as_slice(), [python, "setup.py", first, ..] if python.contains("python") && *first == verb)
    };
    let is_pip = |command: &str| {
        let command = command.trim();
        let is_single = !command.contains([';', '|', '&', '\n']);
        let is_here = command.split_whitespace().any(|word| word == ".");
        is_single && is_here && (command.contains("pip install") || command.contains("pip3 install"))
    };
    let is_made = make.trim().is_empty() || is_setup(make, "build");
    if !configure.trim().is_empty() || !is_made || !(is_setup(install, "install") || is_pip(install)) {
        return false;
    }
    found.system = Some(BuildSystem::Python);
    true
}

/// Whether a script is one build that a system here does: `pip install .`, and nothing else.
pub fn is_python(found: &mut Found, script: &[String]) -> bool {
    matches!(script, [only] if python(found, "", "", only))
}

/// The targets of a `make` without anything else but its jobs.
fn make_targets(words: &[String]) -> Option<Vec<String>> {
    let (first, rest) = words.split_first()?;
    let is_jobs = |word: &&String| word.starts_with("-j");
    let targets: Vec<String> = rest.iter().filter(|word| !is_jobs(word)).cloned().collect();
    let is_plain = first == "make" && targets.iter().all(|word| !word.starts_with('-') && word != "{jobs}");
    is_plain.then_some(targets)
}

/// The words of a command that a shell would only split: nothing is left for it to do.
fn words(command: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    for character in command.chars() {
        match (quote, character) {
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (None, ';' | '&' | '|' | '<' | '>' | '(' | ')' | '*' | '?' | '~')
            | (None | Some('"'), '$' | '`' | '\\') => {
                return None;
            }
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

/// The tools that a build needs: those of its system, and those that its script names.
pub fn tools(found: &Found) -> Vec<String> {
    let mut tools = found.tools.clone();
    found.system.into_iter().flat_map(tools_of).for_each(|tool| add(&mut tools, *tool));
    let known = ["make", "cmake", "ninja", "meson", "python3", "perl", "autoconf", "automake", "autoreconf", "cargo"];
    let scripts = || found.script.iter().chain(&found.before).chain(&found.after);
    let is_word = |line: &String, tool: &str| {
        line.split(|c: char| c.is_whitespace() || ";&|()".contains(c)).any(|word| word == tool)
    };
    let named = known.into_iter().filter(|tool| scripts().any(|line| is_word(line, tool)));
    named.for_each(|tool| add(&mut tools, tool));
    tools
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_become_the_build_systems_that_they_are() {
        let table = [
            (
                "./configure --prefix={prefix} --libdir={prefix}/lib --x='a b'",
                "make -j{jobs} all",
                "make install",
                "autotools",
                vec!["--x=a b"],
            ),
            ("cmake . -DCMAKE_INSTALL_PREFIX={prefix} -DX=1", "make", "make install", "cmake", vec!["-DX=1"]),
            (
                "",
                "{prefix}/bin/python3 setup.py build",
                "{prefix}/bin/python3 setup.py install --prefix=x",
                "python",
                vec![],
            ),
            ("cd build; cmake ..", "make", "make install", "script", vec![]),
            ("./configure --prefix={prefix}", "make CFLAGS=$(x)", "make install", "script", vec![]),
            ("./makemake", "make programs", "cp $(cut -d: -f6 BIN) {prefix}/bin", "script", vec![]),
        ];
        for (configure, make, install, system, options) in table {
            let mut found = Found::default();
            build(&mut found, configure, make, install);
            assert_eq!(found.system.map(BuildSystem::name), Some(system), "{configure}");
            assert_eq!(found.options, options, "{configure}");
        }
    }

    #[test]
    fn variables_are_put_in_where_they_are_known() {
        let known = |name: &str| (name == "P").then(|| "{prefix}".to_owned());
        assert_eq!(expanded("$P/${P}x$PQ \\$P ${P:-x} $(P) $", &known), "{prefix}/{prefix}x$PQ \\$P ${P:-x} $(P) $");
        assert_eq!(unknown_variables("CC=x $CC $PREFIX $CWD ${A}/$CWD"), ["CWD", "A"]);
    }
}

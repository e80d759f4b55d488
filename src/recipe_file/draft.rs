//! Writes the first version of a recipe, with what was guessed marked as such.
//!
//! Does not guess (`guess.rs`) and writes no file.

use crate::model::digest::Digest;
use crate::model::recipe::{BuildSystem, RecipeName};

/// What is known, and guessed, about a dependency.
#[derive(Debug, Clone)]
pub struct Draft {
    pub name: RecipeName,
    pub version: String,
    /// An SPDX id and the file it was guessed from.
    pub license: Option<(String, String)>,
    /// The field and the text of the source's place, with `{version}` put in.
    pub place: (&'static str, String),
    pub digest: Digest,
    pub build: Option<Guess>,
}

/// A guessed way to build.
#[derive(Debug, Clone)]
pub struct Guess {
    pub system: BuildSystem,
    /// From the top of the source; `""` for the top.
    pub folder: String,
    /// The file that it was guessed from, and its text as far as it was read.
    pub file: String,
    pub text: String,
}

impl Draft {
    /// The text of the recipe.
    pub fn write(&self) -> String {
        let mut text = String::new();
        let mut line = |line: String| {
            text.push_str(&line);
            text.push('\n');
        };
        line(format!("name = {}", quoted(self.name.as_str())));
        line(format!("version = {}", quoted(&self.version)));
        match &self.license {
            Some((license, file)) => line(format!("license = {}  # guessed from {file}; check it", quoted(license))),
            None => line("license = \"LicenseRef-unknown\"  # put the SPDX id here".to_owned()),
        }
        line("# homepage = \"https://…\"".to_owned());
        line("# needs = [\"zlib\"]     # recipes that it needs at build and at run time".to_owned());
        line(self.tools());
        line("# stacks = [\"base\"]".to_owned());
        line(String::new());
        line("[[source]]".to_owned());
        line(format!("{} = {}", self.place.0, quoted(&self.place.1)));
        line(format!("sha256 = \"{}\"", self.digest));
        line("# patches = [\"why.patch\"]".to_owned());
        line(String::new());
        text.push_str(&self.build());
        text.push_str("\n# A command that must work with the installed package.\n# [[test]]\n");
        text.push_str(&format!("# run = \"{} --version\"\n", self.name));
        text
    }

    fn tools(&self) -> String {
        let tools = match &self.build {
            Some(guess) => match guess.system {
                BuildSystem::Cmake => "\"cmake\", \"make\"",
                BuildSystem::Autotools if guess.needs_autoreconf() => {
                    "\"make\", \"autoconf\", \"automake\", \"libtoolize\""
                }
                BuildSystem::Autotools | BuildSystem::Make => "\"make\"",
                BuildSystem::Meson => "\"meson\", \"ninja\"",
                BuildSystem::Python => "\"python3\"",
                BuildSystem::Cargo => "\"cargo\"",
                BuildSystem::Prebuilt | BuildSystem::Script => "",
            },
            None => "",
        };
        format!("tools = [{tools}]")
    }

    fn build(&self) -> String {
        let Some(guess) = &self.build else {
            return "# No build system that is known was found at the top of the source.\n[build]\nsystem = \"script\"\n\
                    script = [\n    \"mkdir -p {prefix}/lib {prefix}/include\",\n]\n"
                .to_owned();
        };
        let path =
            if guess.folder.is_empty() { guess.file.clone() } else { format!("{}/{}", guess.folder, guess.file) };
        let mut text = format!("[build]\nsystem = \"{}\"  # guessed from {path}\n", guess.system.name());
        if !guess.folder.is_empty() {
            text.push_str(&format!("folder = {}\n", quoted(&guess.folder)));
        }
        if guess.needs_autoreconf() {
            text.push_str("before = \"autoreconf --force --install\"\n");
        }
        let options = guess.options();
        if options.is_empty() {
            text.push_str("# options = []\n");
        } else {
            let quoted: Vec<String> = options.iter().map(|option| quoted(option)).collect();
            text.push_str(&format!("options = [{}]\n", quoted.join(", ")));
        }
        text
    }
}

impl Guess {
    fn needs_autoreconf(&self) -> bool {
        self.system == BuildSystem::Autotools && self.file != "configure"
    }

    /// Options that ordinary libraries understand: shared libraries, no tests.
    fn options(&self) -> Vec<String> {
        let mut options = Vec::new();
        let mut add = |option: &str| options.push(option.to_owned());
        match self.system {
            BuildSystem::Cmake => {
                add("-DBUILD_SHARED_LIBS=ON");
                if self.text.contains("BUILD_TESTING") || self.text.contains("include(CTest)") {
                    add("-DBUILD_TESTING=OFF");
                }
                self.cmake_switches().iter().for_each(|name| add(&format!("-D{name}=OFF")));
            }
            BuildSystem::Autotools if self.text.contains("enable-static") || self.text.contains("LT_INIT") => {
                add("--disable-static");
            }
            // Hand-written Makefiles use one or the other; what a Makefile does not use changes nothing.
            BuildSystem::Make => ["PREFIX={prefix}", "prefix={prefix}"].into_iter().for_each(add),
            _ => {}
        }
        options
    }

    /// The `option(…)`s that build tests, examples, benchmarks and documents.
    fn cmake_switches(&self) -> Vec<String> {
        let name_of = |rest: &str| {
            let name: String =
                rest.trim_start().chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
            let words = ["TEST", "EXAMPLE", "BENCHMARK", "DOCS", "FUZZ"];
            let is_switch = words.iter().any(|word| name.to_uppercase().contains(word)) && name != "BUILD_TESTING";
            let is_negative = ["DISABLE", "NO_", "SKIP"].iter().any(|word| name.to_uppercase().contains(word));
            (is_switch && !is_negative).then_some(name)
        };
        let lower = self.text.to_ascii_lowercase();
        let places = lower.match_indices("option(").map(|(at, word)| at + word.len());
        let mut names: Vec<String> = places.filter_map(|at| self.text.get(at..).and_then(name_of)).collect();
        names.dedup();
        names.truncate(12);
        names
    }
}

/// A text as TOML writes it.
/// A text as TOML has it.
pub fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => quoted.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted + "\""
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe_file::parse;

    #[test]
    fn every_draft_is_a_recipe_without_mistakes() {
        for system in
            BuildSystem::ALL.into_iter().filter(|system| *system != BuildSystem::Prebuilt).map(Some).chain([None])
        {
            let guess = |system| Guess {
                system,
                folder: "sub".to_owned(),
                file: "configure.ac".to_owned(),
                text: "option(FOO_BUILD_TESTS \"x\" ON)\nPREFIX ?= /usr\n  prefix = /usr\nLT_INIT".to_owned(),
            };
            let draft = Draft {
                name: RecipeName::parse("demo").unwrap(),
                version: "1.0".to_owned(),
                license: None,
                place: ("url", "https://example.org/a\"b-{version}.tar.gz".to_owned()),
                digest: Digest::of(b""),
                build: system.filter(|system| *system != BuildSystem::Script).map(guess),
            };
            parse("x", &draft.write(), None).unwrap_or_else(|mistakes| panic!("{mistakes:?}\n{}", draft.write()));
        }
    }
}

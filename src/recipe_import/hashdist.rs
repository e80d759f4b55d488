//! HashDist's packages: `extends`, `sources` with `url` and `key`, `dependencies`, `build_stages`.
//!
//! Profiles, hooks and links have nothing here that they could become.

use crate::model::recipe::{BuildSystem, RecipeName};
use crate::recipe_file::guess;
use crate::recipe_import::found::{Found, FoundSource, Ledger, add};
use crate::recipe_import::yaml::{self, Node, Pair};
use crate::recipe_import::{Given, ImportError, commands};

/// Dependencies that are programs of the builder here.
const TOOLS: [&str; 8] = ["cmake", "make", "ninja", "autoconf", "automake", "pkg-config", "perl", "bison"];

/// Reads a package.
pub fn read(given: &Given<'_>) -> Result<Found, ImportError> {
    let mut ledger = Ledger::new(given.file, given.text);
    let tree = yaml::read(&without_parameters(given.text, &mut ledger))?;
    let mut found = Found { name: name(given), ..Found::default() };
    let mut reader = Reader { ledger, found: &mut found };
    for pair in tree.pairs() {
        match pair.key.as_str() {
            "extends" => reader.extends(&pair.value),
            "sources" => pair.value.nodes().iter().for_each(|source| reader.source(source)),
            "dependencies" => reader.dependencies(&pair.value),
            "build_stages" => pair.value.nodes().iter().for_each(|stage| reader.stage(stage)),
            "defaults" => reader.lose(pair, "there are no parameters here; `[[when]]` says what differs by platform"),
            "when_build_dependency" => reader.lose(pair, "what a package sets for those who need it is not carried"),
            "profile_links" => reader.lose(pair, "a package is installed as it is; there are no links to make"),
            "post_process" => reader.lose(pair, "every package is made relocatable when it is packed"),
            _ if pair.key.starts_with("when") => reader.lose(pair, "conditions are not carried; write `[[when]]`"),
            _ => reader.lose(pair, "the field is not known"),
        }
    }
    let mut lost = reader.ledger.lost;
    let url = found.sources.iter().flat_map(|source| &source.urls).next();
    found.version = url.and_then(|url| guess::version(url.rsplit('/').next().unwrap_or(url)));
    found.tools = commands::tools(&found);
    found.lost.append(&mut lost);
    Ok(found)
}

/// The name of the file, of `pkgs/hdf5/hdf5-1.8.yaml` that of its folder.
fn name(given: &Given<'_>) -> Option<String> {
    let stem = given.file.rsplit_once('.').map_or(given.file, |(stem, _)| stem).to_lowercase();
    match given.folder {
        Some(folder) if stem.starts_with(&format!("{}-", folder.to_lowercase())) => Some(folder.to_lowercase()),
        _ => Some(stem),
    }
}

/// The text without `{{…}}`, which HashDist puts in before it reads YAML; the lines are told.
fn without_parameters(text: &str, ledger: &mut Ledger<'_>) -> String {
    let mut lines = Vec::new();
    for (place, line) in text.lines().enumerate() {
        if line.contains("{{") && !line.trim_start().starts_with('#') {
            ledger.lose(place + 1, "its parameter is given by a profile, which there is none of here");
            lines.push("");
        } else {
            lines.push(line);
        }
    }
    lines.join("\n") + "\n"
}

struct Reader<'a, 'b> {
    ledger: Ledger<'a>,
    found: &'b mut Found,
}

impl Reader<'_, '_> {
    fn lose(&mut self, pair: &Pair, why: &str) {
        self.ledger.lose_all(std::iter::once(pair.line).chain(pair.value.lines()), why);
    }

    fn extends(&mut self, bases: &Node) {
        for base in bases.nodes() {
            let name = base.text().unwrap_or_default();
            let system = match name.trim_end_matches("_package") {
                "autotools" => BuildSystem::Autotools,
                "cmake" => BuildSystem::Cmake,
                "make" => BuildSystem::Make,
                "distutils" | "setuptools" | "python" | "pip" => BuildSystem::Python,
                _ => {
                    self.ledger.lose(base.line, "what it takes from this base is not known");
                    continue;
                }
            };
            if self.found.system.is_some_and(|known| known != system) {
                self.ledger.lose(base.line, "a recipe has one build system");
            } else {
                self.found.system = Some(system);
            }
        }
    }

    fn source(&mut self, node: &Node) {
        let mut source = FoundSource::default();
        for pair in node.pairs() {
            let text = pair.value.text().unwrap_or_default().to_owned();
            match pair.key.as_str() {
                "url" => source.urls.push(text),
                "key" => match text.strip_prefix("git:") {
                    Some(commit) => source.commit = Some(commit.to_owned()),
                    None => {
                        self.lose(pair, "the key is a part of a digest; `tagalong recipe update` finds the whole one")
                    }
                },
                "target" => source.into = if text == "." { String::new() } else { text },
                _ => self.lose(pair, "a source has nothing of the kind here"),
            }
        }
        if source.commit.is_some() {
            source.git = source.urls.pop();
            source.urls.clear();
        }
        if source.git.is_some() || !source.urls.is_empty() {
            self.found.sources.push(source);
        }
    }

    fn dependencies(&mut self, node: &Node) {
        for pair in node.pairs() {
            if !["build", "run"].contains(&pair.key.as_str()) {
                self.lose(pair, "there are only `needs` and `tools` here");
                continue;
            }
            for dependency in pair.value.nodes() {
                let name = dependency.text().unwrap_or_default().trim_start_matches('+').to_lowercase();
                if TOOLS.contains(&name.as_str()) {
                    add(&mut self.found.tools, name);
                } else if RecipeName::parse(&name).is_ok() {
                    add(&mut self.found.needs, name);
                } else {
                    self.ledger.lose_all(dependency.lines(), "it is no name of a recipe");
                }
            }
        }
    }

    fn stage(&mut self, stage: &Node) {
        let lose_all = |reader: &mut Self, why: &str| reader.ledger.lose_all(stage.lines(), why);
        if stage.at("when").is_some() || stage.pairs().iter().any(|pair| pair.key.starts_with("when ")) {
            return lose_all(self, "conditions are not carried; write `[[when]]`");
        }
        let text = |key: &str| stage.at(key).and_then(Node::text).unwrap_or_default();
        let name = text("name").to_owned();
        let handler = if text("handler").is_empty() { name.as_str() } else { text("handler") };
        match handler {
            "configure" | "cmake" => self.configure(stage),
            "bash" => self.commands(stage, &name),
            _ => lose_all(self, "the stage is not known"),
        }
    }

    fn configure(&mut self, stage: &Node) {
        for pair in stage.pairs() {
            match pair.key.as_str() {
                "name" | "handler" | "after" | "before" => {}
                "extra" => {
                    for option in pair.value.nodes() {
                        let written = written(option.text().unwrap_or_default());
                        self.doubt(&written, option.line);
                        self.found.options.push(written);
                    }
                }
                _ => self.lose(pair, "only `extra` of this stage is carried"),
            }
        }
    }

    fn commands(&mut self, stage: &Node, name: &str) {
        let Some(script) = stage.at("bash") else {
            return self.ledger.lose_all(stage.lines(), "the stage has no commands");
        };
        let at = |key: &str| -> Vec<&str> {
            stage.at(key).map(|node| node.nodes().iter().filter_map(Node::text).collect()).unwrap_or_default()
        };
        let files = at("files");
        let (after, before) = (at("after"), at("before"));
        let mut lines = Vec::new();
        for line in script.text().unwrap_or_default().lines() {
            match patch_of(line, &files) {
                Some(patch) => match self.found.sources.first_mut() {
                    Some(source) => source.patches.push(patch),
                    None => self.ledger.lose(script.line, "there is no source to patch"),
                },
                None => lines.push(written(line)),
            }
        }
        let joined = lines.join("\n");
        if joined.trim().is_empty() {
            return;
        }
        if joined.contains("_hashdist/") {
            self.ledger.lose_all(stage.lines(), "the files of a stage are not carried; patches belong to `patches`");
            return;
        }
        self.doubt(&joined, script.line);
        let is_late =
            after.iter().any(|stage| ["make", "install", "configure", "build"].contains(stage)) || name == "install";
        let is_early = before.iter().any(|stage| ["configure", "prologue"].contains(stage)) || !is_late;
        match self.found.system {
            None => self.found.script.extend(lines),
            Some(_) if is_early => self.found.before.extend(lines),
            Some(_) if after.contains(&"install") || name == "install" || before.is_empty() => {
                self.found.after.extend(lines);
            }
            Some(_) => {
                let why = "steps come before or after those of the build system, not between them";
                self.ledger.lose_all(stage.lines(), why);
            }
        }
        if self.found.system.is_none() {
            self.found.system = Some(BuildSystem::Script);
        }
    }

    fn doubt(&mut self, text: &str, line: usize) {
        for name in commands::unknown_variables(text) {
            self.ledger.lose(line, format!("HashDist's `${name}` is not set when it is built"));
        }
    }
}

/// A text with HashDist's variables as recipes here write them: all packages are in one prefix.
fn written(text: &str) -> String {
    let known = |name: &str| match name {
        "HASHDIST_CPU_COUNT" => Some("{jobs}".to_owned()),
        "ARTIFACT" => Some("{prefix}".to_owned()),
        name if name.ends_with("_DIR") => Some("{prefix}".to_owned()),
        _ => None,
    };
    commands::expanded(text, &known)
}

/// The patch that a line applies as recipes here do, with one folder stripped.
fn patch_of(line: &str, files: &[&str]) -> Option<String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let (["patch", "-p1", "<", path] | ["patch", "-Np1", "<", path] | ["patch", "-p1", "-i", path]) = words.as_slice()
    else {
        return None;
    };
    let name = path.strip_prefix("_hashdist/")?;
    files.contains(&name).then(|| name.to_owned())
}

//! conda's recipes: conda-build's `meta.yaml` and rattler-build's `recipe.yaml`, which say the same in two ways.
//!
//! Jinja is read in `jinja.rs`. Features, outputs, pins and scripts of installs have nothing here that they could become.

use crate::model::recipe::{BuildSystem, RecipeName};
use crate::recipe_file::licence;
use crate::recipe_import::found::{Found, FoundSource, Ledger, add};
use crate::recipe_import::jinja::{self, UNKNOWN, Variables};
use crate::recipe_import::yaml::{self, Node, Pair, Value};
use crate::recipe_import::{Given, ImportError, commands};

/// Packages of conda that are programs of the builder here.
const TOOLS: [(&str, &[&str]); 16] = [
    ("cmake", &["cmake"]),
    ("make", &["make"]),
    ("ninja", &["ninja"]),
    ("meson", &["meson"]),
    ("pkg-config", &["pkg-config"]),
    ("autoconf", &["autoconf"]),
    ("automake", &["automake"]),
    ("libtool", &["libtoolize"]),
    ("bison", &["bison"]),
    ("flex", &["flex"]),
    ("m4", &["m4"]),
    ("nasm", &["nasm"]),
    ("perl", &["perl"]),
    ("swig", &["swig"]),
    ("rust", &["cargo"]),
    ("patch", &[]),
];

/// Reads a `meta.yaml`.
pub fn read_meta(given: &Given<'_>) -> Result<Found, ImportError> {
    let mut ledger = Ledger::new(given.file, given.text);
    let mut variables = Variables::new();
    let text = jinja::plain(given.text, &mut variables, &mut ledger);
    let tree = yaml::read(&text)?;
    Ok(Reader { ledger, found: Found::default() }.read(&tree, given))
}

/// Reads a `recipe.yaml`.
pub fn read_recipe(given: &Given<'_>) -> Result<Found, ImportError> {
    let mut ledger = Ledger::new(given.file, given.text);
    let tree = yaml::read(given.text)?;
    let mut variables = Variables::new();
    for pair in tree.at("context").map(Node::pairs).unwrap_or_default() {
        let value = pair.value.text().map(|text| jinja::filled(text, "${{", &variables));
        match value.filter(|value| !value.contains(UNKNOWN)) {
            Some(value) => drop(variables.insert(pair.key.clone(), value)),
            None => ledger.lose(pair.line, "the value of this variable cannot be told without running Jinja"),
        }
    }
    let tree = resolved(&tree, &variables, &mut ledger);
    Ok(Reader { ledger, found: Found::default() }.read(&tree, given))
}

/// A tree with its expressions put in, and `if`/`then`/`else` replaced by the branch that holds on Linux.
fn resolved(node: &Node, variables: &Variables, ledger: &mut Ledger<'_>) -> Node {
    let value = match &node.value {
        Value::Text(text) => Value::Text(jinja::filled(text, "${{", variables)),
        Value::Alias => Value::Alias,
        Value::Map(pairs) => {
            let pair = |pair: &Pair| Pair { value: resolved(&pair.value, variables, ledger), ..pair.clone() };
            Value::Map(pairs.iter().map(pair).collect())
        }
        Value::List(nodes) => {
            let mut list = Vec::new();
            for node in nodes {
                let Some(condition) = node.at("if").and_then(Node::text) else {
                    list.push(resolved(node, variables, ledger));
                    continue;
                };
                let branch = match jinja::judged(condition) {
                    Some(true) => node.at("then"),
                    Some(false) => node.at("else"),
                    None => {
                        ledger.lose_all(node.lines(), "its condition cannot be judged; write it as `[[when]]`");
                        None
                    }
                };
                let branch = branch.map(|branch| resolved(branch, variables, ledger));
                list.extend(branch.iter().flat_map(Node::nodes).cloned());
            }
            Value::List(list)
        }
    };
    Node { line: node.line, value }
}

struct Reader<'a> {
    ledger: Ledger<'a>,
    found: Found,
}

impl Reader<'_> {
    fn read(mut self, tree: &Node, given: &Given<'_>) -> Found {
        for pair in tree.pairs() {
            match pair.key.as_str() {
                "context" | "schema_version" => {}
                "package" => self.package(&pair.value),
                "source" => pair.value.nodes().iter().for_each(|source| self.source(source)),
                "build" => self.build(&pair.value),
                "requirements" => self.requirements(&pair.value),
                "test" => self.test(&pair.value),
                "tests" => pair.value.nodes().iter().for_each(|test| self.test(test)),
                "about" => self.about(&pair.value),
                "extra" => self.lose(pair, "nothing here reads it"),
                "outputs" | "recipe" => self.lose(pair, "one recipe makes one package here; write one for each output"),
                _ => self.lose(pair, "the section is not known"),
            }
        }
        self.beside(given);
        self.found.tools = commands::tools(&self.found);
        self.found.lost.append(&mut self.ledger.lost);
        self.found
    }

    fn lose(&mut self, pair: &Pair, why: &str) {
        self.ledger.lose_all(std::iter::once(pair.line).chain(pair.value.lines()), why);
    }

    /// A text that is known; what is not is told.
    fn known(&mut self, node: &Node) -> Option<String> {
        match node.text() {
            Some(text) if !text.contains(UNKNOWN) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
            _ => {
                self.ledger.lose_all(node.lines(), "its value cannot be told without running Jinja");
                None
            }
        }
    }

    fn package(&mut self, package: &Node) {
        for pair in package.pairs() {
            match pair.key.as_str() {
                "name" => self.found.name = self.known(&pair.value).map(|name| name.to_lowercase()),
                "version" => self.found.version = self.known(&pair.value),
                _ => self.lose(pair, "the field is not known"),
            }
        }
    }

    fn source(&mut self, node: &Node) {
        let mut source = FoundSource::default();
        for pair in node.pairs() {
            match pair.key.as_str() {
                "url" => {
                    let urls: Vec<String> = pair.value.nodes().iter().filter_map(|url| self.known(url)).collect();
                    source.urls = urls;
                }
                "sha256" => source.sha256 = self.known(&pair.value).map(|digest| digest.to_lowercase()),
                "git_url" | "git" => source.git = self.known(&pair.value),
                "git_rev" | "rev" | "tag" => {
                    let commit = self.known(&pair.value);
                    let is_commit = |text: &String| text.len() == 40 && text.chars().all(|c| c.is_ascii_hexdigit());
                    if commit.as_ref().is_some_and(|commit| !is_commit(commit)) {
                        self.lose(pair, "tags and branches move: write the full commit id as `commit`");
                    }
                    source.commit = commit.filter(is_commit);
                }
                "path" => source.path = self.known(&pair.value),
                "patches" => {
                    for patch in pair.value.nodes() {
                        source.patches.extend(self.known(patch));
                    }
                }
                "folder" | "target_directory" => source.into = self.known(&pair.value).unwrap_or_default(),
                "md5" | "sha1" => self.lose(pair, "only SHA-256 decides here"),
                "fn" | "file_name" => self.lose(pair, "a source has the name that its address ends with"),
                _ => self.lose(pair, "a source has nothing of the kind here"),
            }
        }
        if source.git.is_some() && source.commit.is_none() {
            source.commit = Some("0".repeat(40));
            self.ledger.lose(node.line, "the source from git has no full commit id: write it as `commit`");
        }
        if !source.urls.is_empty() && source.sha256.is_none() {
            self.ledger.lose(node.line, "the source has no SHA-256: `tagalong recipe update` finds it");
        }
        if source != FoundSource::default() {
            self.found.sources.push(source);
        }
    }

    fn build(&mut self, build: &Node) {
        for pair in build.pairs() {
            match pair.key.as_str() {
                "number" => {}
                "script" => self.script(pair),
                "script_env" => self.lose(pair, "nothing of the caller's environment is let in; use `build.env`"),
                "skip" if pair.value.nodes().iter().all(|node| matches!(node.text(), Some("false" | "False"))) => {}
                "skip" => self.lose(pair, "a recipe is built wherever it is asked for"),
                "noarch" => self.lose(pair, "packages are made per platform here"),
                "run_exports" => self.lose(pair, "what needs this recipe says so itself, in `needs`"),
                "features" | "track_features" => self.lose(pair, "there are no features here"),
                "entry_points" | "python" => self.lose(pair, "pip makes the entry points that the source declares"),
                "missing_dso_whitelist"
                | "rpaths"
                | "binary_relocation"
                | "detect_binary_files_with_prefix"
                | "dynamic_linking"
                | "prefix_detection" => {
                    self.lose(pair, "libraries and prefixes are found and proved when it is packed");
                }
                _ => self.lose(pair, "a build has nothing of the kind here"),
            }
        }
    }

    fn script(&mut self, pair: &Pair) {
        let content = pair.value.at("content");
        for other in pair.value.pairs().iter().filter(|other| other.key != "content") {
            self.lose(other, "only the commands of a script are carried");
        }
        let node = content.unwrap_or(&pair.value);
        if node.pairs().is_empty() {
            for command in node.nodes() {
                let lines = self.known(command).map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>());
                self.found.script.extend(lines.unwrap_or_default());
            }
        }
    }

    fn requirements(&mut self, requirements: &Node) {
        for pair in requirements.pairs() {
            match pair.key.as_str() {
                section @ ("build" | "host" | "run") => {
                    for node in pair.value.nodes() {
                        self.requirement(node, section);
                    }
                }
                "run_exports" => self.lose(pair, "what needs this recipe says so itself, in `needs`"),
                _ => self.lose(pair, "there are only `needs` and `tools` here"),
            }
        }
    }

    fn requirement(&mut self, node: &Node, section: &str) {
        let Some(text) = node.text().filter(|text| !text.is_empty()) else {
            return self.ledger.lose_all(node.lines(), "it is no package");
        };
        if text.contains(UNKNOWN) {
            let why = if section == "build" {
                "the compiler is the one of the builder"
            } else {
                "the package cannot be told without running Jinja; write it into `needs`"
            };
            return self.ledger.lose(node.line, why);
        }
        let end = text.find(|c: char| c.is_whitespace() || "<>=!~".contains(c)).unwrap_or(text.len());
        let (name, constraint) = (text[..end].to_lowercase(), text[end..].trim());
        if let Some((_, tools)) = TOOLS.iter().find(|(known, _)| *known == name) {
            tools.iter().for_each(|tool| add(&mut self.found.tools, *tool));
        } else if ["python", "pip", "setuptools", "wheel"].contains(&name.as_str()) {
            add(&mut self.found.tools, "python3");
        } else if RecipeName::parse(&name).is_err() {
            return self.ledger.lose(node.line, "it is no name of a recipe");
        } else if section == "build" {
            add(&mut self.found.tools, name);
        } else {
            add(&mut self.found.needs, name);
        }
        if !constraint.is_empty() {
            self.ledger
                .lose(node.line, format!("needs have no versions here: `{constraint}` is what its own recipe says"));
        }
    }

    fn test(&mut self, test: &Node) {
        for pair in test.pairs() {
            match pair.key.as_str() {
                "commands" | "script" if pair.value.pairs().is_empty() => {
                    for command in pair.value.nodes() {
                        let line = command.line;
                        if let Some(command) = self.known(command) {
                            self.command(&command, line);
                        }
                    }
                }
                "imports" | "python" => self.imports(pair),
                "requires" | "requirements" => self.lose(pair, "a test has what the package needs, and no more"),
                "package_contents" => self.lose(pair, "write it as a command: `test -e {prefix}/…`"),
                _ => self.lose(pair, "a test is a command here"),
            }
        }
    }

    fn command(&mut self, command: &str, line: usize) {
        if command.starts_with("conda ") {
            return self.ledger.lose(line, "there is no conda to ask; `tagalong audit` checks the libraries");
        }
        let known = |name: &str| (name == "PREFIX").then(|| "{prefix}".to_owned());
        self.found.tests.push(commands::expanded(command, &known));
    }

    fn imports(&mut self, pair: &Pair) {
        let nodes = pair.value.at("imports").unwrap_or(&pair.value);
        for other in pair.value.pairs().iter().filter(|other| other.key != "imports") {
            self.lose(other, "a test is a command here");
        }
        for node in nodes.nodes().iter().filter(|node| node.pairs().is_empty()) {
            if let Some(module) = self.known(node) {
                self.found.tests.push(format!("python3 -c 'import {}'", module.replace('\'', "")));
            }
        }
    }

    fn about(&mut self, about: &Node) {
        for pair in about.pairs() {
            match pair.key.as_str() {
                "home" | "homepage" => {
                    let homepage = self.known(&pair.value);
                    let is_web = |text: &String| text.starts_with("http") && !text.contains(char::is_whitespace);
                    self.found.homepage = homepage.filter(is_web);
                }
                "license" => {
                    let license = self.known(&pair.value);
                    if license.as_ref().is_some_and(|license| !licence::is_expression(license)) {
                        self.lose(pair, "the licence is no SPDX expression");
                    }
                    self.found.license = license.filter(|license| licence::is_expression(license));
                }
                "summary" => self.found.summary = self.known(&pair.value),
                "license_file" | "license_family" | "license_url" => self.lose(pair, "the recipe says `license` only"),
                _ => self.lose(pair, "nothing here reads it"),
            }
        }
    }

    /// How it is built: by the commands of the recipe, else by the `build.sh` beside it.
    fn beside(&mut self, given: &Given<'_>) {
        let own = std::mem::take(&mut self.found.script);
        let file = if own.is_empty() { "build.sh" } else { given.file };
        let script: Vec<String> = match (own.is_empty(), given.script) {
            (false, _) => own,
            (true, Some(script)) => script.lines().map(str::to_owned).collect(),
            (true, None) => return,
        };
        let commands: Vec<String> =
            script.iter().filter(|line| !line.trim().is_empty() && !line.trim().starts_with('#')).cloned().collect();
        if commands::is_python(&mut self.found, &commands) {
            return;
        }
        self.found.system = Some(BuildSystem::Script);
        if script.iter().any(|line| line.contains("CPU_COUNT")) {
            self.found.env.push(("CPU_COUNT".to_owned(), "{jobs}".to_owned()));
        }
        let joined = script.join("\n");
        let text = if file == "build.sh" { joined.as_str() } else { given.text };
        let mut ledger = Ledger::new(file, text);
        for (place, line) in script.iter().enumerate() {
            let at =
                if file == "build.sh" { Some(place) } else { text.lines().position(|own| own.contains(line.trim())) };
            let at = at.map_or(1, |place| place + 1);
            if line.starts_with("#!") && line.contains("bash") {
                ledger.lose(at, "steps are run by `sh -e`; what only bash knows must be written anew");
            }
            let is_unknown = |name: &String| name != "CPU_COUNT" && !joined.contains(&format!("{name}="));
            if let Some(name) = commands::unknown_variables(line).into_iter().find(is_unknown) {
                ledger.lose(at, format!("conda's `${name}` is not set when it is built"));
            }
        }
        let script: Vec<String> = script.into_iter().filter(|line| !line.starts_with("#!")).collect();
        self.found.script = script;
        self.found.lost.append(&mut ledger.lost);
    }
}

//! Reads `recipe.toml` into a checked recipe, all mistakes in one report.
//!
//! ```toml
//! name = "libpng"
//! version = "1.6.43"
//! license = "libpng-2.0"
//! needs = ["zlib"]
//!
//! [[source]]
//! url = ["https://example.org/libpng-{version}.tar.xz"]
//! sha256 = "6a5ca0652392a2d7c9db2ae5b40210843c0b9c081fbd410825ab00cc59f14a6c"
//!
//! [build]
//! system = "cmake"
//! options = ["-DPNG_TESTS=OFF"]
//!
//! [[test]]
//! run = "pngfix --help"
//!
//! [[when]]
//! platform = "ubuntu-20-*"
//! build.options = ["-DPNG_TESTS=OFF", "-DPNG_SHARED=ON"]
//! ```
//! Does not read files (`recipe_folder.rs`) and knows no other recipe. All fields stand in `fields.rs`.

pub mod draft;
pub mod fields;
pub mod guess;
pub mod licence;
mod proofs;
pub mod reference;
mod sources;
pub mod update;
pub mod values;

use std::ops::Range;

use crate::model::platform::Platform;
use crate::model::recipe::{Build, BuildSystem, DEBUG_END, Recipe, RecipeName, RpathKind};
use crate::model::runtime;
use crate::model::source::Source;
use crate::model::tag::TagPattern;
use crate::recipe_file::fields::{TOP, WHEN};
use crate::toml_file::allowances;
use crate::toml_file::fields::Reader;
use crate::toml_file::nearest_word::did_you_mean;
use crate::toml_file::tree::{self, Placed, Table, Value};
use crate::toml_file::{Mistake, Mistakes, Notes};

/// Reads the text of a recipe as it holds on a platform; without one, no `[[when]]` is applied. `name` is how the
/// user knows the file. Every `[[when]]` is checked, whether it applies or not.
///
/// # Errors
/// All mistakes of the file at once.
pub fn parse(name: &str, text: &str, platform: Option<&Platform>) -> Result<Recipe, Mistakes> {
    let reading = read(text, platform);
    reading.recipe.ok_or_else(|| Mistakes { name: name.to_owned(), text: text.to_owned(), list: reading.mistakes })
}

/// What a text says, for those who check it against what is around it.
#[derive(Debug, Clone)]
pub struct Reading {
    /// `None` exactly when there are mistakes.
    pub recipe: Option<Recipe>,
    pub mentions: Vec<Mention>,
    pub mistakes: Vec<Mistake>,
}

/// A name in the text of something outside of it, on whatever platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mention {
    pub kind: Mentioned,
    pub name: String,
    pub span: Range<usize>,
}

/// What a mention names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mentioned {
    /// The recipe itself.
    Itself,
    /// A recipe that it needs.
    Need,
    /// A recipe or a program.
    Tool,
    /// A patch beside the recipe.
    Patch,
    /// A file or folder beside the recipe.
    Path,
}

/// Reads a text and collects what it mentions.
pub fn read(text: &str, platform: Option<&Platform>) -> Reading {
    let mut notes = Notes::default();
    let tree = tree::read(text, &mut notes);
    let top = Reader::new(&tree, TOP, &mut notes);
    top.require("the recipe", &mut notes);
    let mut document = Document { text, notes, mentions: Vec::new() };
    let whens: Vec<(Vec<Placed<String>>, Table)> =
        top.tables("when").iter().map(|when| document.override_of(when)).collect();
    // Each block alone on top of the rest: its mistakes are told whatever the platform is.
    let base = document.recipe(&tree);
    for (_, changes) in &whens {
        document.recipe(&tree.overlaid(changes, &["build"]));
    }
    let recipe = platform.map_or(base, |platform| {
        let id = platform.id();
        let applies = |globs: &[Placed<String>]| globs.iter().any(|glob| TagPattern::new(&glob.value).matches(&id));
        let here = whens.iter().filter(|(globs, _)| applies(globs));
        document.recipe(&here.fold(tree.clone(), |tree, (_, changes)| tree.overlaid(changes, &["build"])))
    });
    let mut mentions = document.mentions;
    mentions.retain(|mention| document.notes.is_trusted(&mention.span));
    mentions.sort_by_key(|mention| (mention.span.start, mention.span.end));
    mentions.dedup();
    let mistakes = document.notes.finish();
    Reading { recipe: recipe.filter(|_| mistakes.is_empty()), mentions, mistakes }
}

/// A text that is being read, with what was found so far.
struct Document<'a> {
    text: &'a str,
    notes: Notes,
    mentions: Vec<Mention>,
}

impl Document<'_> {
    /// The globs and the changes of one `[[when]]`.
    fn override_of(&mut self, when: &Reader<'_>) -> (Vec<Placed<String>>, Table) {
        when.require("this `[[when]]`", &mut self.notes);
        let globs = when.texts("platform").unwrap_or_default();
        for glob in &globs {
            values::check_platform_glob(glob, &mut self.notes);
        }
        let known = |name: &str| WHEN.iter().any(|field| field.name == name) && name != "platform";
        let entries = when.tree().entries.iter().filter(|entry| known(&entry.key.value)).cloned().collect();
        (globs, Table { span: when.span(), entries })
    }

    fn mention(&mut self, kind: Mentioned, name: &Placed<String>) {
        self.mentions.push(Mention { kind, name: name.value.clone(), span: name.span.clone() });
    }

    /// The recipe that a whole tree describes; `None` when too much is missing, which was noted then.
    fn recipe(&mut self, tree: &Table) -> Option<Recipe> {
        // The kinds were checked before, over the tree as it is written.
        let top = Reader::new(tree, TOP, &mut Notes::default());
        let name = top.text("name").and_then(|name| self.own_name(&name));
        let version = top.text("version").and_then(|version| values::version(&version, &mut self.notes));
        let license = top.text("license").map(|license| {
            licence::check(self.text, &license, &mut self.notes);
            license.value
        });
        let homepage = top.text("homepage");
        if let Some(homepage) = &homepage {
            values::check_homepage(homepage, &mut self.notes);
        }
        let needs = self.needs(&top, name.as_ref());
        let tools = self.tools(&top);
        let stacks = self.stacks(&top);
        let provides = self.provides(&top, name.as_ref());
        let build = top.table("build").and_then(|build| self.build(&build));
        // Names in addresses are replaced even where they are wrong, so that one mistake is told once.
        let words = sources::Words {
            name: top.text("name").map(|name| name.value).unwrap_or_default(),
            version: version.clone().unwrap_or_default(),
        };
        let readers = top.tables("source");
        let sources: Vec<Option<Source>> = readers.iter().map(|source| self.source(source, &words)).collect();
        if let Some(build) = &build
            && readers.is_empty()
            && build.system != BuildSystem::Script
            && tree.get("source").is_none()
            && !self.notes.is_broken
        {
            let what = format!("the recipe has no `[[source]]`, which `{}` builds from", build.system.name());
            self.notes.add_with(&top.span(), what, "add `[[source]]` with `url` and `sha256`");
        }
        let tests = top.tables("test").iter().filter_map(|test| self.test(test)).collect();
        let allow = top.table("audit").map(|audit| allowances::read(&audit, &mut self.notes)).unwrap_or_default();
        Some(Recipe {
            name: name?,
            version: version?,
            license: license?,
            homepage: homepage.map(|homepage| homepage.value),
            summary: top.text("summary").map(|summary| summary.value),
            needs,
            tools,
            stacks,
            provides,
            sources: sources.into_iter().collect::<Option<_>>()?,
            build: build?,
            tests,
            contents: self.contents(&top),
            exports: self.exports(&top),
            allow,
            runtime: self.runtime(&top),
        })
    }

    fn own_name(&mut self, name: &Placed<String>) -> Option<RecipeName> {
        self.mention(Mentioned::Itself, name);
        let own = values::recipe_name(name, &mut self.notes)?;
        if !own.is_for_recipes() {
            let what = format!("`{own}` cannot be the name of a recipe");
            let hint = format!(
                "what ends with `{DEBUG_END}` is a package of debug information, whose name has at most 64 bytes too"
            );
            self.notes.add_with(&name.span, what, hint);
        }
        Some(own)
    }

    fn needs(&mut self, top: &Reader<'_>, own: Option<&RecipeName>) -> Vec<RecipeName> {
        let mut needs = Vec::new();
        for need in top.texts("needs").unwrap_or_default() {
            let Some(name) = values::recipe_name(&need, &mut self.notes) else { continue };
            if Some(&name) == own {
                self.notes.add(&need.span, format!("`{name}` needs itself"), None);
            } else if needs.contains(&name) {
                self.notes.add(&need.span, format!("`{name}` is needed twice"), None);
            } else {
                self.mention(Mentioned::Need, &need);
                needs.push(name);
            }
        }
        needs
    }

    fn provides(&mut self, top: &Reader<'_>, own: Option<&RecipeName>) -> Vec<RecipeName> {
        let mut names = Vec::new();
        for given in top.texts("provides").unwrap_or_default() {
            let Some(name) = values::recipe_name(&given, &mut self.notes) else { continue };
            if Some(&name) == own || names.contains(&name) {
                self.notes.add(&given.span, format!("`{name}` is provided anyway"), None);
            } else {
                names.push(name);
            }
        }
        names
    }

    fn runtime(&mut self, top: &Reader<'_>) -> Vec<String> {
        let globs = top.texts("runtime").unwrap_or_default();
        for glob in globs.iter().filter(|glob| !runtime::is_glob(&glob.value)) {
            let what = format!("`{}` is not a glob of paths below the prefix", glob.value.escape_debug());
            self.notes.add(&glob.span, what, None);
        }
        globs.into_iter().map(|glob| glob.value).collect()
    }

    fn tools(&mut self, top: &Reader<'_>) -> Vec<String> {
        let tools = top.texts("tools").unwrap_or_default();
        for tool in &tools {
            if values::check_word(tool, "a program or a recipe", &mut self.notes) {
                self.mention(Mentioned::Tool, tool);
            }
        }
        tools.into_iter().map(|tool| tool.value).collect()
    }

    fn stacks(&mut self, top: &Reader<'_>) -> Vec<String> {
        let stacks = top.texts("stacks").unwrap_or_default();
        for stack in &stacks {
            values::check_word(stack, "a stack", &mut self.notes);
        }
        stacks.into_iter().map(|stack| stack.value).collect()
    }

    fn build(&mut self, build: &Reader<'_>) -> Option<Build> {
        build.require("`[build]`", &mut self.notes);
        let system = build.text("system").and_then(|system| self.system(&system));
        if let Some(system) = system {
            self.check_fields_of(system, build);
        }
        let env = build.pairs("env");
        for (name, _) in &env {
            values::check_variable(name, &mut self.notes);
        }
        let folder = build.text("folder");
        if let Some(folder) = &folder {
            values::check_relative(folder, &mut self.notes);
        }
        for glob in build.texts("exclude").unwrap_or_default() {
            values::check_relative(&glob, &mut self.notes);
        }
        let plain = |name| build.texts(name).unwrap_or_default().into_iter().map(|text| text.value).collect();
        let mut env: Vec<(String, String)> = env.into_iter().map(|(name, text)| (name.value, text.value)).collect();
        env.sort();
        Some(Build {
            system: system?,
            options: plain("options"),
            folder: folder.map(|folder| folder.value).unwrap_or_default(),
            env,
            before: plain("before"),
            after: plain("after"),
            targets: plain("targets"),
            install_targets: plain("install-targets"),
            script: plain("script"),
            was: build.text("was").map(|was| was.value),
            rpath: self.rpath(build),
            exclude: plain("exclude"),
            is_static_kept: build.flag("keep-static") != Some(false),
            debug: build.flag("debug"),
            jobs: build.count("jobs").map(|jobs| jobs.value),
            system_libraries: plain("system-libraries"),
        })
    }

    fn system(&mut self, system: &Placed<String>) -> Option<BuildSystem> {
        let found = BuildSystem::ALL.into_iter().find(|known| known.name() == system.value);
        if found.is_none() {
            let names = BuildSystem::ALL.map(BuildSystem::name);
            let hint = did_you_mean(&system.value, names).unwrap_or_else(|| format!("there are {}", names.join(", ")));
            self.notes.add_with(&system.span, format!("unknown build system `{}`", system.value.escape_debug()), hint);
        }
        found
    }

    fn rpath(&mut self, build: &Reader<'_>) -> RpathKind {
        match build.text("rpath") {
            Some(rpath) if rpath.value == "rpath" => RpathKind::Rpath,
            Some(rpath) if rpath.value != "runpath" => {
                let what = format!("`{}` is not a kind of library path", rpath.value.escape_debug());
                self.notes.add_with(&rpath.span, what, "write \"runpath\" or \"rpath\"");
                RpathKind::Runpath
            }
            _ => RpathKind::Runpath,
        }
    }

    /// Notes fields that the build system does not look at, and those that it cannot do without.
    fn check_fields_of(&mut self, system: BuildSystem, build: &Reader<'_>) {
        use BuildSystem::{Autotools, Make, Prebuilt, Script};
        let belongs: [(&str, &[BuildSystem]); 4] = [
            ("script", &[Script]),
            ("was", &[Prebuilt]),
            ("targets", &[Make, Autotools]),
            ("install-targets", &[Make, Autotools]),
        ];
        for (field, systems) in belongs {
            if let Some(span) = build.key_span(field).filter(|_| !systems.contains(&system)) {
                let names: Vec<String> = systems.iter().map(|system| format!("`{}`", system.name())).collect();
                let what = format!("`{field}` means nothing to the build system `{}`", system.name());
                self.notes.add_with(&span, what, format!("it is for {}", names.join(" and ")));
            }
        }
        if let Some(span) = build.key_span("options").filter(|_| matches!(system, Prebuilt | Script)) {
            let what = format!("`options` means nothing to the build system `{}`", system.name());
            self.notes.add(&span, what, None);
        }
        let is_empty = build.texts("script").is_none_or(|lines| lines.iter().all(|line| line.value.trim().is_empty()));
        let is_readable =
            build.tree().get("script").is_none_or(|entry| matches!(entry.value.value, Value::Text(_) | Value::List(_)));
        if system == Script && is_empty && is_readable && !self.notes.is_broken {
            let what = "the build system `script` has no commands";
            self.notes.add_with(
                &build.span(),
                what,
                "add `script = \"\"\"…\"\"\"` with what puts the package into `{prefix}`",
            );
        }
    }
}

//! `tagalong recipe show`.

use std::process::ExitCode;

use serde_json::{Value, json};

use crate::cli::failure::Failure;
use crate::cli::print;
use crate::cli::settings::Settings;
use crate::cli::talk::Talk;
use crate::flow::recipe_show::{Options, Outcome, recipe_show};
use crate::model::platform::Platform;
use crate::model::recipe::{Build, Recipe, RecipeName, RpathKind, TestStep};
use crate::model::source::{Identity, Source, Unpack};
use crate::sources::describe;

/// Shows a recipe as it holds on a platform
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[arg(value_name = "NAME", value_parser = super::recipe_name)]
    name: RecipeName,
    /// Applies what `[[when]]` says about this platform
    #[arg(long, value_name = "ID", value_parser = super::platform)]
    platform: Option<Platform>,
    /// Prints the answer as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: Arguments, settings: &Settings) -> Result<ExitCode, Failure> {
    let talk = Talk::new(settings);
    let tell = |event| talk.tell(event);
    let (directory, cache) = (settings.directory.clone(), settings.cache.clone());
    let options = Options { directory, cache, tell: &tell, name: arguments.name, platform: arguments.platform };
    let outcome = recipe_show(&options).map_err(Failure::from)?;
    if arguments.json {
        return print::print_json(&as_json(&outcome));
    }
    print::print(&as_text(&outcome))
}

fn as_text(outcome: &Outcome) -> String {
    let recipe = &outcome.recipe;
    let mut text = format!("{} {}\n", recipe.name, recipe.version);
    let mut line = |label: &str, value: &str| {
        if !value.is_empty() {
            // What goes over several lines is set in.
            text.push_str(&format!("{label:<9} {}\n", value.trim_end().replace('\n', "\n          ")));
        }
    };
    let names = |names: &[RecipeName]| names.iter().map(RecipeName::as_str).collect::<Vec<_>>().join(", ");
    line("summary", recipe.summary.as_deref().unwrap_or_default());
    line("license", &recipe.license);
    line("homepage", recipe.homepage.as_deref().unwrap_or_default());
    line("needs", &names(&recipe.needs));
    line("tools", &recipe.tools.join(", "));
    line("stacks", &recipe.stacks.join(", "));
    line("provides", &names(&recipe.provides));
    for source in &recipe.sources {
        line("source", &source_text(source));
    }
    let build = &recipe.build;
    line("build", &format!("{} {}", build.system.name(), build.options.join(" ")));
    for (label, commands) in [("before", &build.before), ("script", &build.script), ("after", &build.after)] {
        line(label, &commands.join("\n"));
    }
    for test in &recipe.tests {
        line("test", test_words(test).trim());
    }
    for (name, value) in &recipe.exports {
        line("exports", &format!("{name}={value}"));
    }
    line("follows", &names(&outcome.before));
    text
}

fn source_text(source: &Source) -> String {
    let mut lines: Vec<String> = source.places.iter().map(describe).collect();
    match &source.identity {
        Identity::Sha256(digest) => lines.push(format!("sha256 {digest}")),
        Identity::Commit(commit) => lines.push(format!("commit {commit}")),
        Identity::Beside => {}
    }
    lines.extend(source.patches.iter().map(|patch| format!("patched with {patch}")));
    lines.join("\n")
}

fn as_json(outcome: &Outcome) -> Value {
    let Recipe { name, version, license, homepage, summary, needs, tools, stacks, provides, .. } = &outcome.recipe;
    let Recipe { sources, build, tests, contents, exports, allow, runtime, .. } = &outcome.recipe;
    let exports: serde_json::Map<String, Value> =
        exports.iter().map(|(name, text)| (name.clone(), Value::from(text.as_str()))).collect();
    json!({
        "name": name, "version": version, "license": license, "homepage": homepage, "summary": summary,
        "needs": needs, "tools": tools, "stacks": stacks, "provides": provides,
        "sources": sources.iter().map(source_json).collect::<Vec<_>>(),
        "build": build_json(build),
        "tests": tests.iter().map(test_json).collect::<Vec<_>>(),
        "contents": json!({"has": contents.has, "has_not": contents.has_not}), "exports": exports, "runtime": runtime,
        "audit_allow": allow.iter().map(|one| json!({"check": one.check, "file": one.file, "reason": one.reason})).collect::<Vec<_>>(),
        "built_after": outcome.before,
    })
}

fn test_words(test: &TestStep) -> String {
    match test {
        TestStep::Run(command) => command.clone(),
        TestStep::PkgConfig { module, .. } => format!("a program compiled with pkg-config {module}"),
        TestStep::Cmake { package, .. } => format!("a program built with cmake's find_package({package})"),
    }
}

fn test_json(test: &TestStep) -> Value {
    match test {
        TestStep::Run(command) => json!({"run": command}),
        TestStep::PkgConfig { module, program } => json!({"pkg_config": module, "program": program.text}),
        TestStep::Cmake { package, targets, program } => {
            json!({"cmake": package, "targets": targets, "program": program.text})
        }
    }
}

fn source_json(source: &Source) -> Value {
    let Source { places, identity, patches, folder, into, unpack } = source;
    let (sha256, commit) = match identity {
        Identity::Sha256(digest) => (Some(digest.hex()), None),
        Identity::Commit(commit) => (None, Some(commit.clone())),
        Identity::Beside => (None, None),
    };
    json!({
        "places": places.iter().map(describe).collect::<Vec<_>>(), "sha256": sha256, "commit": commit,
        "patches": patches, "folder": folder, "into": into, "unpack": *unpack == Unpack::Archive,
    })
}

fn build_json(build: &Build) -> Value {
    let env: serde_json::Map<String, Value> =
        build.env.iter().map(|(name, text)| (name.clone(), Value::from(text.as_str()))).collect();
    let rpath = match build.rpath {
        RpathKind::Runpath => "runpath",
        RpathKind::Rpath => "rpath",
    };
    json!({
        "system": build.system.name(), "options": build.options, "folder": build.folder, "env": env,
        "before": build.before, "after": build.after, "targets": build.targets,
        "install_targets": build.install_targets, "script": build.script, "was": build.was, "rpath": rpath,
        "exclude": build.exclude, "keep_static": build.is_static_kept,
        "debug": build.has_debug(), "jobs": build.jobs, "system_libraries": build.system_libraries,
    })
}

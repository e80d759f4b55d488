//! Reads tagalong.toml into a checked project, all mistakes in one report, and writes the commented one of `init`.
//!
//! ```toml
//! [project]
//! name = "demo"
//! prefix = "extern/{platform}"       # `{tag}` is replaced too
//! tags = "deps-*"
//! branches = "main"                  # that `tagalong tag` makes tags on: a glob
//! walk = "maximal"                   # or "first-parent", "date"
//! drift = "warn"                     # or "error", "build"
//! placeholder-length = 160
//!
//! [[channel]]
//! name = "main"
//! url = "https://deps.example.org/demo"    # or `file:`, from the checkout where it is relative; `s3:`, `oci:`, `gitlab:`
//! keys = ["RWQ…"]                    # or `unsigned = true`
//!
//! [[platform]]
//! id = "debian-12-x86_64"
//! image = "registry.example.org/build/debian-12@sha256:…"
//! serves = ["ubuntu-24-x86_64"]
//! tags = ["docker"]                  # of the CI runners that build for it
//!
//! [audit]
//! system-libraries = ["libX11.so.6"] # beyond the C and C++ runtimes
//!
//! [[audit.allow]]                    # what `audit` finds and the project takes
//! check = "hardening-execstack"
//! file = "lib/libjit.so"             # a glob; every file by default
//! reason = "the just-in-time compiler writes code"
//!
//! [[recipes]]                        # folders of recipes beside the project's own; the nearest wins
//! path = "../shared-recipes"         # or `git`, `commit` and `folder`
//!
//! [providers]                        # which recipe is taken for a name that several provide
//! blas = "openblas"
//!
//! [stack.gui]                        # recipes of a stack, beside those that name it themselves
//! recipes = ["qt", "freetype"]
//!
//! [build]
//! debug = true                       # debug information is kept, in packages that `install --debug` installs
//!
//! [publish]
//! sandbox = "full"                   # nothing is published that was built without
//! ```
//! Does not read files. What is about recipes is in `recipes.rs`.

mod channel;
mod recipes;
mod template;

use crate::model::platform::Platform;
use crate::model::prefix::{Placeholder, STANDARD_LENGTH};
use crate::model::project::{AuditConfig, DriftPolicy, PlatformConfig, Project, Walk};
use crate::model::tag::TagPattern;
use crate::toml_file::allowances;
use crate::toml_file::fields::{Field, Kind, Reader};
use crate::toml_file::nearest_word::did_you_mean;
use crate::toml_file::tree::{self, Placed, part_of};
use crate::toml_file::{Mistakes, Notes};

pub use crate::project_file::template::template;

const fn field(name: &'static str, kind: Kind, default: Option<&'static str>, meaning: &'static str) -> Field {
    Field { name, kind, default, meaning }
}

const TOP: &[Field] = &[
    field("project", Kind::Table(PROJECT), Some("the defaults"), "the project"),
    field("channel", Kind::Tables(channel::CHANNEL), Some("none"), "where bundles are fetched from and published to"),
    field("platform", Kind::Tables(PLATFORM), Some("none"), "what the project builds for"),
    field("audit", Kind::Table(AUDIT), Some("nothing is allowed"), "what `audit` takes"),
    field("recipes", Kind::Tables(recipes::RECIPES), Some("none"), "folders of recipes beside the project's own"),
    field("providers", Kind::Pairs, Some("none"), "which recipe is taken for a name that several provide"),
    field("stack", Kind::Named(recipes::STACK), Some("none"), "stacks and their recipes"),
    field("build", Kind::Table(recipes::BUILD), Some("the defaults"), "what holds for the builds of all recipes"),
    field("publish", Kind::Table(recipes::PUBLISH), Some("the defaults"), "what publishing asks of builds"),
];

const AUDIT: &[Field] = &[
    field("allow", Kind::Tables(allowances::ALLOW), Some("none"), "findings that are taken, each with a reason"),
    field("system-libraries", Kind::List, Some("none"), "libraries that files may take from the system"),
];

const PROJECT: &[Field] = &[
    field("name", Kind::Text, Some("`\"project\"`"), "the name of the project"),
    field("prefix", Kind::Text, Some("`\"extern/{platform}\"`"), "where the bundle goes"),
    field("tags", Kind::Text, Some("`\"deps-*\"`"), "the glob of the deps tags"),
    field("branches", Kind::Text, Some("the remote's HEAD"), "the glob of the branches that deps tags are made on"),
    field("walk", Kind::Text, Some("`\"maximal\"`"), "the law by which the nearest tag is found"),
    field("drift", Kind::Text, Some("`\"warn\"`"), "what an install does when the recipes differ from the tag's"),
    field("placeholder-length", Kind::Count, Some("160"), "the longest prefix a bundle can be installed at, in bytes"),
];

const PLATFORM: &[Field] = &[
    field("id", Kind::Text, None, "the platform, such as `debian-12-x86_64`"),
    field("image", Kind::Text, Some("none"), "the image of its builder"),
    field("serves", Kind::List, Some("none"), "the hosts that take its bundle when there is none of their own"),
    field("tags", Kind::List, Some("none"), "the tags of the CI runners that build for it"),
];

/// Reads the text of a `tagalong.toml`; `name` is how the user knows the file.
///
/// # Errors
/// All mistakes of the file at once.
pub fn parse(name: &str, text: &str) -> Result<Project, Mistakes> {
    let mut notes = Notes::default();
    let tree = tree::read(text, &mut notes);
    let top = Reader::new(&tree, TOP, &mut notes);
    let mut project = Project::default();
    if let Some(table) = top.table("project") {
        read_project(&table, text, &mut project, &mut notes);
    }
    let mut names = Vec::new();
    for table in top.tables("channel") {
        let channel = channel::read(&table, &mut notes);
        note_twice(table.text("name"), "channel", &mut names, &mut notes);
        project.channels.extend(channel);
    }
    let mut ids = Vec::new();
    for table in top.tables("platform") {
        let platform = read_platform(&table, &mut notes);
        note_twice(table.text("id"), "platform", &mut ids, &mut notes);
        project.platforms.extend(platform);
    }
    if let Some(table) = top.table("audit") {
        project.audit = read_audit(&table, &mut notes);
    }
    recipes::read(&top, &mut project, &mut notes);
    let list = notes.finish();
    if list.is_empty() { Ok(project) } else { Err(Mistakes { name: name.to_owned(), text: text.to_owned(), list }) }
}

fn read_project(table: &Reader<'_>, text: &str, project: &mut Project, notes: &mut Notes) {
    if let Some(name) = table.text("name") {
        check_name(&name, "a project", notes);
        project.name = name.value;
    }
    if let Some(prefix) = table.text("prefix") {
        check_prefix(text, &prefix, notes);
        project.prefix = prefix.value;
    }
    if let Some(tags) = table.text("tags") {
        check_tags(&tags, notes);
        project.tags = TagPattern::new(&tags.value);
    }
    project.branches = table.text("branches").map(|branches| TagPattern::new(&branches.value));
    if let Some(walk) = table.text("walk") {
        let known = [Walk::Maximal, Walk::FirstParent, Walk::Date].map(|walk| (walk.name(), walk));
        project.walk = choose("walk", &walk, &known, notes).unwrap_or(project.walk);
    }
    if let Some(drift) = table.text("drift") {
        let known = [DriftPolicy::Warn, DriftPolicy::Error, DriftPolicy::Build].map(|policy| (policy.name(), policy));
        project.drift = choose("drift", &drift, &known, notes).unwrap_or(project.drift);
    }
    if let Some(length) = table.count("placeholder-length") {
        match Placeholder::with_length(length.value as usize) {
            Ok(placeholder) => project.placeholder = placeholder,
            Err(error) => notes.add_with(&length.span, error.to_string(), format!("the default is {STANDARD_LENGTH}")),
        }
    }
}

fn choose<T: Copy>(field: &str, given: &Placed<String>, known: &[(&str, T)], notes: &mut Notes) -> Option<T> {
    let found = known.iter().find(|(name, _)| *name == given.value).map(|(_, value)| *value);
    if found.is_none() {
        let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
        let hint = did_you_mean(&given.value, names.iter().copied())
            .unwrap_or_else(|| format!("there are {}", names.join(", ")));
        notes.add_with(&given.span, format!("unknown `{field}`: `{}`", given.value.escape_debug()), hint);
    }
    found
}

fn check_name(name: &Placed<String>, of: &str, notes: &mut Notes) {
    let text = &name.value;
    let is_fine = (1..=64).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    if !is_fine {
        let what = format!("`{}` is not the name of {of}", text.escape_debug());
        notes.add_with(&name.span, what, "use letters, digits, `-`, `_` and `.`, at most 64");
    }
}

fn check_prefix(text: &str, prefix: &Placed<String>, notes: &mut Notes) {
    let value = &prefix.value;
    let shown = value.escape_debug();
    if value.split('/').any(|part| part == "..") {
        notes.add_with(
            &prefix.span,
            format!("the prefix `{shown}` climbs with `..`"),
            "name it from the checkout down",
        );
    } else if value.chars().any(char::is_control) {
        notes.add(&prefix.span, format!("the prefix `{shown}` holds a control character"), None);
    } else if value.split('/').all(|part| part.is_empty() || part == ".") {
        let hint = "a bundle owns its whole prefix: give it a folder of its own";
        notes.add_with(&prefix.span, format!("the prefix `{shown}` is no folder of its own"), hint);
    } else if value.split('/').any(|part| part == ".git") {
        notes.add(&prefix.span, format!("the prefix `{shown}` is inside of git's own folder"), None);
    }
    for (at, _) in value.match_indices('{') {
        let word = value[at..].find('}').map_or(&value[at..], |length| &value[at..=at + length]);
        if !["{platform}", "{tag}"].contains(&word) {
            let span = part_of(text, prefix, &(at..at + word.len()));
            let what = format!("nothing is known to put in place of `{}`", word.escape_debug());
            notes.add_with(&span, what, "there are `{platform}` and `{tag}`");
        }
    }
}

fn check_tags(tags: &Placed<String>, notes: &mut Notes) {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._+-*?".contains(c);
    if tags.value.is_empty() || !tags.value.chars().all(is_plain) {
        let what = format!("no deps tag can match `{}`", tags.value.escape_debug());
        notes.add_with(&tags.span, what, "write a glob of letters, digits, `.`, `_`, `+`, `-`, `*` and `?`");
    }
}

fn note_twice(name: Option<Placed<String>>, of: &str, known: &mut Vec<String>, notes: &mut Notes) {
    let Some(name) = name else { return };
    if known.contains(&name.value) {
        notes.add(&name.span, format!("there are two {of}s `{}`", name.value.escape_debug()), None);
    }
    known.push(name.value);
}

fn read_audit(table: &Reader<'_>, notes: &mut Notes) -> AuditConfig {
    let libraries = table.texts("system-libraries").unwrap_or_default();
    let mut audit = AuditConfig { allow: allowances::read(table, notes), system_libraries: Vec::new() };
    audit.system_libraries.extend(libraries.into_iter().map(|library| library.value));
    audit
}

fn read_platform(table: &Reader<'_>, notes: &mut Notes) -> Option<PlatformConfig> {
    table.require("this `[[platform]]`", notes);
    let id = table.text("id").map(|id| read_id(&id, notes));
    let mut serves = Vec::new();
    for host in table.texts("serves").unwrap_or_default() {
        if let Some(platform) = read_id(&host, notes) {
            if serves.contains(&platform) || Some(Some(&platform)) == id.as_ref().map(Option::as_ref) {
                notes.add(&host.span, format!("`{platform}` is served already"), None);
            }
            serves.push(platform);
        }
    }
    let image = table.text("image");
    if let Some(image) = &image
        && (image.value.is_empty() || image.value.starts_with('-') || image.value.contains(char::is_whitespace))
    {
        notes.add(&image.span, format!("`{}` is not the name of an image", image.value.escape_debug()), None);
    }
    let tags = table.texts("tags").unwrap_or_default();
    for tag in &tags {
        if tag.value.is_empty() || tag.value.chars().any(char::is_control) {
            notes.add(&tag.span, format!("`{}` is not the tag of a runner", tag.value.escape_debug()), None);
        }
    }
    let tags = tags.into_iter().map(|tag| tag.value).collect();
    Some(PlatformConfig { id: id??, image: image.map(|image| image.value), serves, tags })
}

fn read_id(id: &Placed<String>, notes: &mut Notes) -> Option<Platform> {
    let platform = Platform::parse(&id.value);
    if let Err(error) = &platform {
        notes.add_with(&id.span, error.to_string(), "`tagalong platform` prints the id of this machine");
    }
    platform.ok()
}

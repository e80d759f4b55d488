//! Reads what a project says of its recipes: overlays, providers, stacks, and what publishing asks of builds.
//!
//! Does not look for the recipes (`recipe_folder/`).

use crate::model::project::{Overlay, Project, SandboxDemand};
use crate::project_file::{check_name, choose, field};
use crate::recipe_file::values;
use crate::toml_file::Notes;
use crate::toml_file::fields::{Field, Kind, Reader};
use crate::toml_file::tree::Placed;

/// One `[[recipes]]`.
pub(super) const RECIPES: &[Field] = &[
    field("path", Kind::Text, Some(""), "a folder of recipes, from the root of the checkout"),
    field("git", Kind::Text, Some(""), "a git repository that holds one, `https:`, `ssh:`, `git:` or `file:`"),
    field("commit", Kind::Text, Some("required for `git`"), "the full id of the commit, 40 hex digits"),
    field("folder", Kind::Text, Some("its root"), "the folder of recipes in the repository"),
];

/// One `[stack.NAME]`.
pub(super) const STACK: &[Field] = &[field("recipes", Kind::List, None, "the recipes that belong to the stack")];

/// `[build]`.
pub(super) const BUILD: &[Field] = &[field(
    "debug",
    Kind::Flag,
    Some("`false`"),
    "whether recipes that do not say it themselves keep debug information, in packages of its own",
)];

/// `[publish]`.
pub(super) const PUBLISH: &[Field] =
    &[field("sandbox", Kind::Text, Some("any"), "`\"full\"`: nothing that was built without a sandbox is published")];

/// Reads all that is about recipes.
pub(super) fn read(top: &Reader<'_>, project: &mut Project, notes: &mut Notes) {
    project.overlays = top.tables("recipes").iter().filter_map(|table| overlay(table, notes)).collect();
    for (need, chosen) in top.pairs("providers") {
        let pair = (values::recipe_name(&need, notes), values::recipe_name(&chosen, notes));
        if let (Some(need), Some(chosen)) = pair {
            project.providers.push((need, chosen));
        }
    }
    for (name, table) in top.named("stack") {
        table.require(&format!("the stack `{}`", name.value.escape_debug()), notes);
        check_name(&name, "a stack", notes);
        let recipes = table.texts("recipes").unwrap_or_default();
        let recipes = recipes.iter().filter_map(|recipe| values::recipe_name(recipe, notes)).collect();
        project.stacks.push((name.value, recipes));
    }
    project.debug = top.table("build").and_then(|build| build.flag("debug")).unwrap_or_default();
    if let Some(sandbox) = top.table("publish").and_then(|publish| publish.text("sandbox")) {
        project.sandbox = choose("sandbox", &sandbox, &[("full", SandboxDemand::Full)], notes);
    }
}

fn overlay(table: &Reader<'_>, notes: &mut Notes) -> Option<Overlay> {
    let (path, git) = (table.key_span("path"), table.key_span("git"));
    if path.is_some() == git.is_some() {
        let given = if path.is_some() { "both `path` and `git`" } else { "neither `path` nor `git`" };
        notes.add_with(&table.span(), format!("this `[[recipes]]` has {given}"), "give it one of the two");
        return None;
    }
    if let Some(url) = table.text("git") {
        return git_overlay(table, &url, notes);
    }
    let path = table.text("path")?;
    for field in ["commit", "folder"] {
        if let Some(span) = table.key_span(field) {
            notes.add(&span, format!("`{field}` means nothing without `git`"), None);
        }
    }
    Some(Overlay::Path(path.value))
}

fn git_overlay(table: &Reader<'_>, url: &Placed<String>, notes: &mut Notes) -> Option<Overlay> {
    if let Some((what, hint)) = values::fault_of_git(&url.value) {
        notes.add(&url.span, what, hint);
    }
    if table.key_span("commit").is_none() {
        let hint = "`git rev-parse v1.2.3^{commit}` prints it for a tag";
        notes.add_with(&url.span, "recipes from git have no `commit`", hint);
    }
    let commit = table.text("commit").and_then(|commit| values::commit(&commit, notes));
    let folder = table.text("folder");
    if let Some(folder) = &folder {
        values::check_relative(folder, notes);
    }
    let folder = folder.map(|folder| folder.value).unwrap_or_default();
    Some(Overlay::Git { url: url.value.clone(), commit: commit?, folder })
}

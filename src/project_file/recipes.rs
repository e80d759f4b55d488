//! Reads what a project says of its recipes: overlays, providers, stacks, and what publishing asks of builds.
//!
//! Does not look for the recipes (`recipe_folder/`).

use crate::model::project::{Overlay, Project, SandboxDemand};
use crate::model::recipe::RecipeName;
use crate::project_file::{check_name, choose, field};
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

/// `[publish]`.
pub(super) const PUBLISH: &[Field] =
    &[field("sandbox", Kind::Text, Some("any"), "`\"full\"`: nothing that was built without a sandbox is published")];

/// Reads all that is about recipes.
pub(super) fn read(top: &Reader<'_>, project: &mut Project, notes: &mut Notes) {
    project.overlays = top.tables("recipes").iter().filter_map(|table| overlay(table, notes)).collect();
    for (need, chosen) in top.pairs("providers") {
        let pair = (recipe_name(&need, notes), recipe_name(&chosen, notes));
        if let (Some(need), Some(chosen)) = pair {
            project.providers.push((need, chosen));
        }
    }
    for (name, table) in top.named("stack") {
        table.require(&format!("the stack `{}`", name.value.escape_debug()), notes);
        check_name(&name, "a stack", notes);
        let recipes = table.texts("recipes").unwrap_or_default();
        let recipes = recipes.iter().filter_map(|recipe| recipe_name(recipe, notes)).collect();
        project.stacks.push((name.value, recipes));
    }
    if let Some(sandbox) = top.table("publish").and_then(|publish| publish.text("sandbox")) {
        project.sandbox = choose("sandbox", &sandbox, &[("full", SandboxDemand::Full)], notes);
    }
}

fn overlay(table: &Reader<'_>, notes: &mut Notes) -> Option<Overlay> {
    let (path, git) = (table.text("path"), table.text("git"));
    match (path, git) {
        (Some(path), None) => {
            for field in ["commit", "folder"] {
                if let Some(span) = table.key_span(field) {
                    notes.add(&span, format!("`{field}` means nothing without `git`"), None);
                }
            }
            Some(Overlay::Path(path.value))
        }
        (None, Some(url)) => git_overlay(table, &url, notes),
        (path, _) if table.tree().get("path").is_none() == table.tree().get("git").is_none() => {
            let what = match path {
                Some(_) => "this `[[recipes]]` has both `path` and `git`",
                None => "this `[[recipes]]` has neither `path` nor `git`",
            };
            notes.add_with(&table.span(), what, "give it one of the two");
            None
        }
        _ => None,
    }
}

fn git_overlay(table: &Reader<'_>, url: &Placed<String>, notes: &mut Notes) -> Option<Overlay> {
    let is_address = url.value.split_once("://").is_some_and(|(scheme, rest)| {
        ["https", "ssh", "git", "file"].contains(&scheme) && !rest.is_empty() && !rest.starts_with('-')
    });
    if !is_address || url.value.chars().any(|c| c.is_whitespace() || c.is_control()) {
        let what = format!("`{}` is not a git address that can be fetched", url.value.escape_debug());
        notes.add_with(&url.span, what, "use `https://`, `ssh://`, `git://` or `file://`");
    }
    let commit = table.text("commit").filter(|commit| {
        let is_full = commit.value.len() == 40 && commit.value.chars().all(|c| c.is_ascii_hexdigit());
        if !is_full {
            let what = format!("`{}` is not a full commit id", commit.value.escape_debug());
            notes.add_with(&commit.span, what, "it has 40 hex digits; branches and tags move, so they are not taken");
        }
        is_full
    });
    if commit.is_none() && table.key_span("commit").is_none() {
        let hint = "`git rev-parse v1.2.3^{commit}` prints it for a tag";
        notes.add_with(&url.span, "recipes from git have no `commit`", hint);
    }
    let folder = table.text("folder");
    if let Some(folder) = &folder
        && (folder.value.starts_with('/') || folder.value.split('/').any(|part| part == ".."))
    {
        let what = format!("`{}` is not a folder of the repository", folder.value.escape_debug());
        notes.add_with(&folder.span, what, "name it from the root of the repository down");
    }
    let folder = folder.map(|folder| folder.value).unwrap_or_default();
    Some(Overlay::Git { url: url.value.clone(), commit: commit?.value.to_ascii_lowercase(), folder })
}

fn recipe_name(name: &Placed<String>, notes: &mut Notes) -> Option<RecipeName> {
    let parsed = RecipeName::parse(&name.value);
    if parsed.is_err() {
        let what = format!("`{}` is not a recipe name", name.value.escape_debug());
        notes.add_with(&name.span, what, "use lower-case letters, digits, `-`, `_`, `+` and `.`, at most 64");
    }
    parsed.ok()
}

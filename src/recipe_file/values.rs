//! Checks of single values of a recipe: versions, paths, words, addresses.
//!
//! Does not know fields that depend on each other.

use crate::model::platform::Platform;
use crate::model::recipe::RecipeName;
use crate::toml_file::Notes;
use crate::toml_file::tree::Placed;

/// A full commit id, in lower case; notes what is none.
pub fn commit(commit: &Placed<String>, notes: &mut Notes) -> Option<String> {
    let is_full = commit.value.len() == 40 && commit.value.chars().all(|c| c.is_ascii_hexdigit());
    if !is_full {
        let what = format!("`{}` is not a full commit id", commit.value.escape_debug());
        let hint = "it has 40 hex digits; branches and tags move, so they are not taken";
        notes.add_with(&commit.span, what, hint);
        return None;
    }
    Some(commit.value.to_ascii_lowercase())
}

/// The name of a recipe; notes what is none.
pub fn recipe_name(name: &Placed<String>, notes: &mut Notes) -> Option<RecipeName> {
    let parsed = RecipeName::parse(&name.value);
    if parsed.is_err() {
        let what = format!("`{}` is not a recipe name", name.value.escape_debug());
        notes.add_with(&name.span, what, "use lower-case letters, digits, `-`, `_`, `+` and `.`, at most 64");
    }
    parsed.ok()
}

/// A version: letters, digits, `.`, `_`, `+`, `-`, `~`; at most 64 bytes; starts with a letter or digit.
pub fn version(version: &Placed<String>, notes: &mut Notes) -> Option<String> {
    let text = &version.value;
    let is_fine = text.len() <= 64
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "._+-~".contains(c))
        && !text.contains("..");
    if !is_fine {
        let what = format!("`{}` is not a version", text.escape_debug());
        notes.add_with(&version.span, what, "use letters, digits, `.`, `_`, `+`, `-` and `~`, at most 64");
        return None;
    }
    Some(text.clone())
}

/// Notes what is no word of letters, digits, `-`, `_`, `+`, `.`; tells whether it is one.
pub fn check_word(word: &Placed<String>, of: &str, notes: &mut Notes) -> bool {
    let text = &word.value;
    let is_fine = (1..=64).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_+.".contains(c));
    if !is_fine {
        let what = format!("`{}` is not the name of {of}", text.escape_debug());
        notes.add_with(&word.span, what, "use letters, digits, `-`, `_`, `+` and `.`");
    }
    is_fine
}

/// Notes a path that is absolute, empty, climbs, or holds a control character; tells whether it is fine.
pub fn check_relative(path: &Placed<String>, notes: &mut Notes) -> bool {
    let text = &path.value;
    let fault = if text.is_empty() {
        "it is empty"
    } else if text.starts_with('/') {
        "it is absolute"
    } else if text.split('/').any(|part| part == "..") {
        "it holds `..`"
    } else if text.chars().any(char::is_control) {
        "it holds a control character"
    } else if text.starts_with('-') {
        "it starts with `-`"
    } else {
        return true;
    };
    let what = format!("`{}` is not a path from the folder down: {fault}", text.escape_debug());
    notes.add_with(&path.span, what, "write it as in `src/lib`");
    false
}

/// Notes what is no name of an environment variable (POSIX.1-2017, 8.1).
pub fn check_variable(name: &Placed<String>, notes: &mut Notes) {
    let text = &name.value;
    let is_fine = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !is_fine {
        notes.add(&name.span, format!("`{}` is not the name of a variable", text.escape_debug()), None);
    }
}

/// Notes a homepage that is no web address.
pub fn check_homepage(homepage: &Placed<String>, notes: &mut Notes) {
    let text = &homepage.value;
    let is_fine = ["https://", "http://"].iter().any(|scheme| text.len() > scheme.len() && text.starts_with(scheme));
    if !is_fine || text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        let what = format!("the homepage `{}` is not a web address", text.escape_debug());
        notes.add_with(&homepage.span, what, "write it with `https://`");
    }
}

/// Notes a glob that no platform id can match.
pub fn check_platform_glob(glob: &Placed<String>, notes: &mut Notes) {
    let text = &glob.value;
    let is_plain =
        !text.is_empty() && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-._*?".contains(c));
    let is_id = text.contains(['*', '?']) || Platform::parse(text).is_ok();
    if !is_plain || !is_id {
        let what = format!("no platform can match `{}`", text.escape_debug());
        notes.add_with(&glob.span, what, "write an id or a glob, such as `debian-12-x86_64` or `ubuntu-*`");
    }
}

/// Why a file cannot be fetched from an address, and how to mend it; `None` if it can be.
pub fn fault_of_url(url: &str) -> Option<(String, Option<String>)> {
    let shown = url.escape_debug();
    if url.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Some((format!("the address `{shown}` holds white space"), None));
    }
    let Some((scheme, rest)) = url.split_once(':') else {
        let hint = "write it with `https://`; a file beside the recipe is `path`";
        return Some((format!("`{shown}` is not an address"), Some(hint.to_owned())));
    };
    match scheme {
        "http" | "https" if rest.len() > 2 && rest.starts_with("//") && !rest.starts_with("///") => None,
        "http" | "https" => Some((format!("`{shown}` names no host"), None)),
        "file" if rest.starts_with('/') => None,
        "file" => {
            Some((format!("`{shown}` is not an absolute path"), Some("a file beside the recipe is `path`".to_owned())))
        }
        _ => Some((
            format!("`{}:` addresses cannot be fetched", scheme.escape_debug()),
            Some("use `https:`, `http:` or `file:`".to_owned()),
        )),
    }
}

/// Why a git repository cannot be fetched from an address, and how to mend it; `None` if it can be.
pub fn fault_of_git(url: &str) -> Option<(String, Option<String>)> {
    let shown = url.escape_debug();
    if url.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Some((format!("the address `{shown}` holds white space"), None));
    }
    match url.split_once("://") {
        Some(("https" | "ssh" | "git" | "file", rest)) if !rest.is_empty() && !rest.starts_with('-') => None,
        _ => Some((
            format!("`{shown}` is not a git address that can be fetched"),
            Some(
                "use `https://`, `ssh://`, `git://` or `file://`; `git@host:path` is `ssh://git@host/path`".to_owned(),
            ),
        )),
    }
}

//! Writes what was found as the text of a recipe, with what was lost as comments at its end.
//!
//! Does not check it; `recipe_file` does.

use crate::recipe_file::draft::quoted;
use crate::recipe_import::found::{Found, FoundSource};

/// Stands where a digest is not known; a build refuses it and tells the right one.
pub const UNKNOWN_DIGEST: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// The text of the recipe; `origin` is the file that it came from.
pub fn write(found: &Found, name: &str, version: &str, origin: &str) -> String {
    let mut text = format!("# Imported from {}.\n", plain(origin));
    let mut line = |name: &str, value: String| text.push_str(&format!("{name} = {value}\n"));
    line("name", quoted(name));
    line("version", quoted(version));
    match &found.license {
        Some(license) => line("license", quoted(license)),
        None => line("license", "\"LicenseRef-unknown\"  # put the SPDX id here".to_owned()),
    }
    found.homepage.iter().for_each(|homepage| line("homepage", quoted(homepage)));
    found.summary.iter().for_each(|summary| line("summary", quoted(summary)));
    line("needs", list(&found.needs));
    line("tools", list(&found.tools));
    for source in &found.sources {
        text.push_str(&source_text(source, version));
    }
    text.push_str(&build_text(found));
    for test in &found.tests {
        text.push_str(&format!("\n[[test]]\nrun = {}\n", quoted(test)));
    }
    if !found.lost.is_empty() {
        text.push_str("\n# Not carried:\n");
    }
    for lost in &found.lost {
        text.push_str(&format!("# {}:{}: {}\n#     {}\n", plain(&lost.file), lost.line, lost.text, plain(&lost.why)));
    }
    text
}

fn source_text(source: &FoundSource, version: &str) -> String {
    let mut text = "\n[[source]]\n".to_owned();
    let mut line = |name: &str, value: String| text.push_str(&format!("{name} = {value}\n"));
    // A short version is in an address by chance.
    let filled = |url: &String| if version.contains('.') { url.replace(version, "{version}") } else { url.clone() };
    let urls: Vec<String> = source.urls.iter().map(filled).collect();
    match urls.as_slice() {
        [] => {}
        [only] => line("url", quoted(only)),
        several => line("url", list(several)),
    }
    source.path.iter().for_each(|path| line("path", quoted(path)));
    source.git.iter().for_each(|git| line("git", quoted(git)));
    source.commit.iter().for_each(|commit| line("commit", quoted(commit)));
    match &source.sha256 {
        Some(digest) => line("sha256", quoted(digest)),
        None if !urls.is_empty() => {
            line("sha256", format!("\"{UNKNOWN_DIGEST}\"  # not known; `tagalong recipe update` finds it"));
        }
        None => {}
    }
    if !source.patches.is_empty() {
        line("patches", list(&source.patches));
    }
    if !source.into.is_empty() {
        line("into", quoted(&source.into));
    }
    text
}

fn build_text(found: &Found) -> String {
    let mut text = "\n[build]\n".to_owned();
    let Some(system) = found.system else {
        text.push_str("# No command that builds it was found.\nsystem = \"script\"\n");
        text.push_str("script = [\n    \"echo 'write how it is built into recipe.toml' >&2; exit 1\",\n]\n");
        return text;
    };
    text.push_str(&format!("system = {}\n", quoted(system.name())));
    let fields = [
        ("options", &found.options),
        ("before", &found.before),
        ("after", &found.after),
        ("targets", &found.targets),
        ("install-targets", &found.install_targets),
        ("script", &found.script),
    ];
    for (name, words) in fields.into_iter().filter(|(_, words)| !words.is_empty()) {
        let is_commands = ["before", "after", "script"].contains(&name);
        if is_commands || words.iter().map(String::len).sum::<usize>() > 80 {
            text.push_str(&format!("{name} = [\n"));
            words.iter().for_each(|word| text.push_str(&format!("    {},\n", quoted(word))));
            text.push_str("]\n");
        } else {
            text.push_str(&format!("{name} = {}\n", list(words)));
        }
    }
    if !found.env.is_empty() {
        let pair = |(name, value): &(String, String)| format!("{name} = {}", quoted(value));
        text.push_str(&format!("env = {{ {} }}\n", found.env.iter().map(pair).collect::<Vec<_>>().join(", ")));
    }
    text
}

fn list(words: &[String]) -> String {
    format!("[{}]", words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(", "))
}

/// What may stand in a comment.
fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

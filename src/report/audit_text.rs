//! An audit as text: the findings, the tree of libraries, and a last line that sums up.
//!
//! Does not word single findings; `audit_words.rs` does.

use std::collections::HashSet;

use crate::audit::outcome::{Audit, Audited};
use crate::audit::problem::Level;
use crate::report::audit_words;

/// The report: three lines a finding, then the sum.
pub fn render(audit: &Audit) -> String {
    let mut text = String::new();
    for remark in &audit.remarks {
        let words = audit_words::of(remark);
        let place = remark.offset.map(|offset| format!(" byte {offset}:")).unwrap_or_default();
        let (level, check) = (remark.problem.level().name(), remark.problem.check());
        text.push_str(&format!("{level}: {}:{place} {} [{check}]\n", printable(&remark.file), printable(&words.what)));
        text.push_str(&format!("  why: {}\n next: {}\n", words.why, printable(&words.next)));
    }
    text + &sum(audit)
}

/// What is loaded with each program, and with each library that no other file of the tree asks for.
pub fn tree(audit: &Audit) -> String {
    let mut asked = HashSet::new();
    for file in &audit.files {
        asked.extend(file.needed.iter().filter_map(|link| link.found.as_deref()));
    }
    let tops =
        audit.files.iter().filter(|file| file.facts.interpreter.is_some() || !asked.contains(file.path.as_str()));
    let mut text = String::new();
    for file in tops {
        text.push_str(&format!("{}\n", printable(&file.path)));
        let mut shown = HashSet::new();
        branch(file, &file.path, 1, &mut shown, &mut text);
    }
    text
}

fn branch<'a>(file: &'a Audited, asker: &str, depth: usize, shown: &mut HashSet<&'a str>, text: &mut String) {
    for link in file.all.iter().filter(|link| link.by == asker) {
        let gap = "  ".repeat(depth.min(40));
        let aim = link.found.as_deref().unwrap_or("not found");
        text.push_str(&format!("{gap}{} => {} ({})\n", printable(&link.name), printable(aim), link.place));
        // What the system's libraries need is the system's matter.
        if let Some(found) = link.found.as_deref().filter(|_| !matches!(link.place, "cache" | "default"))
            && shown.insert(found)
        {
            branch(file, found, depth + 1, shown, text);
        }
    }
}

fn sum(audit: &Audit) -> String {
    let count = |level, one: &str| {
        let count = audit.count(level);
        format!("{count} {one}{}", if count == 1 { "" } else { "s" })
    };
    let mut text = format!(
        "looked at {} paths, {} of them dynamic ELF files: {}, {}, {}",
        audit.places,
        audit.files.len(),
        count(Level::Error, "error"),
        count(Level::Warning, "warning"),
        count(Level::Note, "note"),
    );
    if audit.allowed > 0 {
        text.push_str(&format!(", {} allowed", audit.allowed));
    }
    text.push('\n');
    if !audit.floor.is_empty() {
        text.push_str(&format!("floor: {}", audit.floor));
        if let Some(name) = &audit.manylinux {
            text.push_str(&format!(" ({name})"));
        }
        if audit.cpu_level > 1 {
            text.push_str(&format!(", x86-64-v{}", audit.cpu_level));
        }
        text.push('\n');
        for (set, version) in audit.floor.iter() {
            let to_blame = audit.files.iter().filter(|file| file.floor.floor.get(set) == Some(version));
            let mut names = to_blame.map(|file| {
                let symbols = file.floor.cause(set);
                match symbols.first() {
                    Some(symbol) => format!("{} ({symbol})", printable(&file.path)),
                    None => printable(&file.path),
                }
            });
            let shown: Vec<String> = names.by_ref().take(3).collect();
            let more = names.count();
            let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
            text.push_str(&format!("  {set} {version}: {}{rest}\n", shown.join(", ")));
        }
    }
    text
}

/// Names come from outside: what would steer a terminal is shown as an escape.
fn printable(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_debug().collect() } else { vec![c] }).collect()
}

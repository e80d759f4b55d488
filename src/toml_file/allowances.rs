//! `[[audit.allow]]`, which recipes and projects have alike: findings that are taken, each with a reason.
//!
//! Does not say what the findings are; `audit/allow.rs` takes them.

use crate::model::project::Allowance;
use crate::toml_file::Notes;
use crate::toml_file::fields::{Field, Kind, Reader};

const fn field(name: &'static str, kind: Kind, default: Option<&'static str>, meaning: &'static str) -> Field {
    Field { name, kind, default, meaning }
}

/// One `[[audit.allow]]`.
pub static ALLOW: &[Field] = &[
    field("check", Kind::Text, None, "the name of a check, such as `loader-system`, or a glob of names"),
    field("file", Kind::Text, Some("`\"*\"`"), "a glob of the files; `*` goes over `/`"),
    field("reason", Kind::Text, None, "why it is taken"),
];

/// The allowances of an `[audit]` table.
pub fn read(table: &Reader<'_>, notes: &mut Notes) -> Vec<Allowance> {
    let mut allow = Vec::new();
    for one in table.tables("allow") {
        one.require("this `[[audit.allow]]`", notes);
        let reason = one.text("reason");
        if let Some(reason) = reason.as_ref().filter(|reason| reason.value.trim().is_empty()) {
            notes.add_with(&reason.span, "an allowance needs a reason", "say why the finding does no harm");
        }
        let (Some(check), Some(reason)) = (one.text("check"), reason) else { continue };
        let file = one.text("file").map_or_else(|| "*".to_owned(), |file| file.value);
        allow.push(Allowance { check: check.value, file, reason: reason.value });
    }
    allow
}

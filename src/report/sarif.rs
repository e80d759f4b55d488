//! An audit as SARIF 2.1.0 (OASIS), which code hosts show beside a change.
//!
//! Does not word findings; `audit_words.rs` does.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::audit::outcome::Audit;
use crate::audit::problem::Remark;
use crate::percent;
use crate::report::audit_words;

const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// The audit as a SARIF log with one run; `version` is the program's.
pub fn render(audit: &Audit, version: &str) -> Value {
    let mut rules: BTreeMap<&str, Value> = BTreeMap::new();
    for remark in &audit.remarks {
        let check = remark.problem.check();
        rules.entry(check).or_insert_with(|| {
            let words = audit_words::of(remark);
            json!({
                "id": check,
                "shortDescription": {"text": check.replace('-', " ")},
                "fullDescription": {"text": words.why},
                "defaultConfiguration": {"level": remark.problem.level().name()},
            })
        });
    }
    let ids: Vec<&str> = rules.keys().copied().collect();
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "tagalong",
                "version": version,
                "rules": rules.values().collect::<Vec<_>>(),
            }},
            "results": audit.remarks.iter().map(|remark| result(remark, &ids)).collect::<Vec<_>>(),
        }],
    })
}

fn result(remark: &Remark, ids: &[&str]) -> Value {
    let words = audit_words::of(remark);
    let check = remark.problem.check();
    let mut location = json!({"artifactLocation": {"uri": percent::encoded_path(&remark.file)}});
    if let Some(offset) = remark.offset {
        location["region"] = json!({"byteOffset": offset});
    }
    json!({
        "ruleId": check,
        "ruleIndex": ids.iter().position(|id| *id == check),
        "level": remark.problem.level().name(),
        "message": {"text": format!("{} {}: {}. Next: {}", remark.file, words.what, words.why, words.next)},
        "locations": [{"physicalLocation": location}],
    })
}

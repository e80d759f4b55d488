//! An audit as JSON, the stable form for machines:
//!
//! ```json
//! {"version": 1, "files": [{"path": "bin/x", "soname": null, "rpath": null, "runpath": "$ORIGIN/../lib",
//!   "interpreter": "/lib64/ld-linux-x86-64.so.2",
//!   "needed": [{"name": "libz.so.1", "found": "lib/libz.so.1", "where": "runpath", "by": "bin/x"}],
//!   "floor": {"GLIBC": "2.34"}}],
//!  "floor": {"GLIBC": "2.34"},
//!  "findings": [{"level": "error", "check": "loader-missing", "file": "bin/x", "offset": null,
//!   "message": "…", "next": "…"}]}
//! ```

use serde_json::{Value, json};

use crate::audit::outcome::{Audit, Audited, Link};
use crate::audit::problem::Remark;
use crate::report::audit_words;

/// The version of this form.
const VERSION: u32 = 1;

/// The audit as a value.
pub fn render(audit: &Audit) -> Value {
    json!({
        "version": VERSION,
        "files": audit.files.iter().map(file).collect::<Vec<_>>(),
        "floor": audit.floor,
        "findings": audit.remarks.iter().map(finding).collect::<Vec<_>>(),
    })
}

fn file(file: &Audited) -> Value {
    let dynamic = file.facts.dynamic.as_ref();
    let link = |link: &Link| json!({"name": link.name, "found": link.found, "where": link.place, "by": link.by});
    json!({
        "path": file.path,
        "soname": dynamic.and_then(|dynamic| dynamic.soname.as_deref()),
        "rpath": dynamic.and_then(|dynamic| dynamic.rpath.as_deref()),
        "runpath": dynamic.and_then(|dynamic| dynamic.runpath.as_deref()),
        "interpreter": file.facts.interpreter,
        "needed": file.needed.iter().map(link).collect::<Vec<_>>(),
        "floor": file.floor.floor,
    })
}

fn finding(remark: &Remark) -> Value {
    let words = audit_words::of(remark);
    json!({
        "level": remark.problem.level().name(),
        "check": remark.problem.check(),
        "file": remark.file,
        "offset": remark.offset,
        "message": format!("{}: {}", words.what, words.why),
        "next": words.next,
    })
}

//! How the bundle was made, as an in-toto statement (v1) with an SLSA provenance predicate (v1).
//!
//! The statement is not signed by itself: what it says is in the manifest, which is.

use serde_json::{Value, json};

use crate::model::bundle::SourceRef;
use crate::report::sbom::{Subject, address};

/// The statement: its subjects are the manifest and the archives.
pub fn render(subject: &Subject<'_>) -> Value {
    let (manifest, builder) = (subject.manifest, &subject.manifest.builder);
    let mut subjects = vec![json!({"name": manifest.reference().path(), "digest": {"sha256": subject.digest}})];
    let archives = manifest.packages.iter();
    subjects.extend(archives.map(|package| json!({"name": package.path(), "digest": {"sha256": package.archive}})));
    let mut inputs = vec![json!({
        "name": "recipes",
        "uri": format!("git:{}", manifest.recipes),
        "digest": {"gitTree": manifest.recipes},
    })];
    inputs.extend(
        manifest
            .commit
            .iter()
            .map(|commit| json!({"name": "commit", "uri": format!("git:{commit}"), "digest": {"gitCommit": commit}})),
    );
    inputs.extend(builder.image.iter().map(|image| {
        let mut value = json!({"name": "image", "uri": format!("oci:{image}")});
        if let Some((_, digest)) = image.split_once("@sha256:") {
            value["digest"] = json!({"sha256": digest});
        }
        value
    }));
    inputs.extend(manifest.packages.iter().flat_map(|package| package.sources.iter().filter_map(input)));
    let id = builder.job.as_deref().map_or("urn:tagalong:builder:local", |_| "urn:tagalong:builder:ci");
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": subjects,
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": "urn:tagalong:build:1",
                "externalParameters": {
                    "tag": manifest.tag,
                    "candidate": manifest.candidate,
                    "platform": manifest.platform,
                    "recipes": manifest.recipes,
                },
                "internalParameters": {"compiler": builder.compiler, "sandbox": builder.sandbox},
                "resolvedDependencies": inputs,
            },
            "runDetails": {
                "builder": {"id": id, "version": {"tagalong": manifest.tool}},
                "metadata": {"invocationId": builder.job.as_deref().unwrap_or_default()},
            },
        },
    })
}

/// A source that others can identify.
fn input(source: &SourceRef) -> Option<Value> {
    let (kind, digest) = source.id.split_once(':')?;
    let uri = address(source).unwrap_or(&source.from);
    Some(json!({"uri": uri, "digest": {kind: digest}}))
}

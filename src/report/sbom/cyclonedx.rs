//! The bundle as a CycloneDX 1.6 bill of materials (ECMA-424), JSON.

use serde_json::{Value, json};

use crate::model::bundle::{BundlePackage, SourceRef};
use crate::model::digest::Digest;
use crate::report::sbom::{Subject, address, purl, sha256};

/// The whole bill: the bundle, its packages as components, and what depends on what.
pub fn render(subject: &Subject<'_>) -> Value {
    let manifest = subject.manifest;
    let root = format!("bundle:{}", subject.name());
    let all: Vec<String> = manifest.packages.iter().map(purl).collect();
    let of_name = |name: &str| manifest.packages.iter().find(|package| package.name.as_str() == name).map(purl);
    let mut dependencies = vec![json!({"ref": root, "dependsOn": all})];
    dependencies.extend(manifest.packages.iter().map(|package| {
        let needs: Vec<String> = package.needs.iter().filter_map(|need| of_name(need.as_str())).collect();
        json!({"ref": purl(package), "dependsOn": needs})
    }));
    let (tool, version) = subject.tool.split_once(' ').unwrap_or((subject.tool, ""));
    json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": format!("urn:uuid:{}", uuid(subject.digest)),
        "version": manifest.sequence,
        "metadata": {
            "timestamp": subject.created,
            "tools": {"components": [{"type": "application", "name": tool, "version": version}]},
            "component": {
                "type": "platform",
                "bom-ref": root,
                "name": subject.name(),
                "version": manifest.tag,
                "hashes": [{"alg": "SHA-256", "content": subject.digest}],
                "properties": properties(subject),
            },
        },
        "components": manifest.packages.iter().map(component).collect::<Vec<_>>(),
        "dependencies": dependencies,
    })
}

fn component(package: &BundlePackage) -> Value {
    json!({
        "type": "library",
        "bom-ref": purl(package),
        "name": package.name,
        "version": package.version,
        "purl": purl(package),
        "licenses": [{"expression": package.license}],
        "hashes": [{"alg": "SHA-256", "content": package.archive}],
        "externalReferences": package.sources.iter().filter_map(reference).collect::<Vec<_>>(),
        "properties": [{"name": "tagalong:build-key", "value": package.build_key}],
    })
}

fn reference(source: &SourceRef) -> Option<Value> {
    let mut value = json!({"type": "source-distribution", "url": address(source)?});
    if let Some(digest) = sha256(source) {
        value["hashes"] = json!([{"alg": "SHA-256", "content": digest}]);
    }
    Some(value)
}

fn properties(subject: &Subject<'_>) -> Vec<Value> {
    let (manifest, builder) = (subject.manifest, &subject.manifest.builder);
    let known = [
        ("recipes", Some(manifest.recipes.clone())),
        ("commit", manifest.commit.clone()),
        ("image", builder.image.clone()),
        ("job", builder.job.clone()),
        ("compiler", Some(builder.compiler.clone())),
        ("sandbox", Some(builder.sandbox.clone())),
        ("tool", Some(manifest.tool.clone())),
    ];
    let property = |(name, value): (&str, Option<String>)| {
        value.map(|value| json!({"name": format!("tagalong:{name}"), "value": value}))
    };
    known.into_iter().filter_map(property).collect()
}

/// A UUID of version 8 (RFC 9562, 5.8) made of a digest: the same bundle has the same number.
fn uuid(digest: Digest) -> String {
    let hex = digest.hex();
    format!("{}-{}-8{}-a{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..32])
}

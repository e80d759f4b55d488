//! The bundle as an SPDX 2.3 document (ISO/IEC 5962), JSON.
//!
//! Files of packages are not listed: each package's own manifest does that.

use serde_json::{Value, json};

use crate::model::bundle::{BundlePackage, SourceRef};
use crate::report::sbom::{Subject, address, purl, sha256};

const NONE: &str = "NOASSERTION";

/// The whole document: the bundle contains its packages, which depend on each other and are made from sources.
pub fn render(subject: &Subject<'_>) -> Value {
    let manifest = subject.manifest;
    let mut packages = vec![bundle(subject)];
    let mut relations = vec![relation("SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-Bundle")];
    for package in &manifest.packages {
        let id = id_of(package.name.as_str());
        packages.push(of_package(package, &id));
        relations.push(relation("SPDXRef-Bundle", "CONTAINS", &id));
        relations.extend(package.needs.iter().map(|need| relation(&id, "DEPENDS_ON", &id_of(need.as_str()))));
        for (number, source) in package.sources.iter().enumerate() {
            let source_id = format!("{id}-source-{}", number + 1);
            packages.push(of_source(package, source, &source_id));
            relations.push(relation(&id, "GENERATED_FROM", &source_id));
        }
    }
    let mut document = json!({
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": subject.name(),
        "documentNamespace": format!("urn:tagalong:bundle:{}", subject.digest),
        "creationInfo": {
            "created": subject.created,
            "creators": [format!("Tool: {}", subject.tool.replace(' ', "-"))],
        },
        "packages": packages,
        "relationships": relations,
    });
    let own = own_licences(&manifest.packages);
    if !own.is_empty() {
        document["hasExtractedLicensingInfos"] = own.into();
    }
    document
}

fn bundle(subject: &Subject<'_>) -> Value {
    let manifest = subject.manifest;
    let builder = &manifest.builder;
    let image = builder.image.as_deref().unwrap_or("no image");
    json!({
        "SPDXID": "SPDXRef-Bundle",
        "name": subject.name(),
        "versionInfo": manifest.tag,
        "downloadLocation": NONE,
        "filesAnalyzed": false,
        "licenseConcluded": NONE,
        "licenseDeclared": NONE,
        "copyrightText": NONE,
        "checksums": [{"algorithm": "SHA256", "checksumValue": subject.digest}],
        "primaryPackagePurpose": "ARCHIVE",
        "comment": format!(
            "recipes {}, commit {}, built in {image} with {}, sandbox {}, by {}",
            manifest.recipes,
            manifest.commit.as_deref().unwrap_or("none"),
            builder.compiler,
            builder.sandbox,
            manifest.tool,
        ),
    })
}

fn of_package(package: &BundlePackage, id: &str) -> Value {
    json!({
        "SPDXID": id,
        "name": package.name,
        "versionInfo": package.version,
        "downloadLocation": NONE,
        "filesAnalyzed": false,
        "licenseConcluded": NONE,
        "licenseDeclared": package.license,
        "copyrightText": NONE,
        "checksums": [{"algorithm": "SHA256", "checksumValue": package.archive}],
        "externalRefs": [{
            "referenceCategory": "PACKAGE-MANAGER",
            "referenceType": "purl",
            "referenceLocator": purl(package),
        }],
        "primaryPackagePurpose": "LIBRARY",
    })
}

fn of_source(package: &BundlePackage, source: &SourceRef, id: &str) -> Value {
    let mut value = json!({
        "SPDXID": id,
        "name": format!("{} source", package.name),
        "versionInfo": package.version,
        "downloadLocation": address(source).unwrap_or(NONE),
        "filesAnalyzed": false,
        "licenseConcluded": NONE,
        "licenseDeclared": NONE,
        "copyrightText": NONE,
        "primaryPackagePurpose": "SOURCE",
        "sourceInfo": format!("{} {}", source.from, source.id),
    });
    if let Some(digest) = sha256(source) {
        value["checksums"] = json!([{"algorithm": "SHA256", "checksumValue": digest}]);
    }
    value
}

/// An identifier of SPDX holds letters, digits, `.` and `-`; recipe names hold some more. What is replaced is spelt out,
/// so that two names stay two.
fn id_of(name: &str) -> String {
    let one = |character: char| match character {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '-' => character.to_string(),
        '_' => ".us.".to_owned(),
        '+' => ".plus.".to_owned(),
        other => format!(".u{:x}.", u32::from(other)),
    };
    format!("SPDXRef-Package-{}", name.chars().map(one).collect::<String>())
}

fn relation(from: &str, kind: &str, to: &str) -> Value {
    json!({"spdxElementId": from, "relationshipType": kind, "relatedSpdxElement": to})
}

/// The licences that have no SPDX name (`LicenseRef-…`): a document must describe each.
fn own_licences(packages: &[BundlePackage]) -> Vec<Value> {
    let is_word = |character: char| character.is_ascii_alphanumeric() || ".-:".contains(character);
    let words = packages.iter().flat_map(|package| package.license.split(move |one| !is_word(one)));
    let mut names: Vec<&str> = words.filter(|word| word.starts_with("LicenseRef-")).collect();
    names.sort_unstable();
    names.dedup();
    let text = "The text of the licence is in the package.";
    names.iter().map(|name| json!({"licenseId": name, "extractedText": text, "name": name})).collect()
}

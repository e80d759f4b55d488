//! Bills of materials: the public validators take them, and they say what the manifest says.

mod world;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use world::World;
use world::bundle::{Package, own};

/// The validators of SPDX and CycloneDX; pip fetches them once.
fn validators() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/sbom");
    if !folder.join("spdx_tools").is_dir() || !folder.join("cyclonedx").is_dir() {
        let pip = ["-m", "pip", "install", "-q", "--target", folder.to_str().unwrap()];
        let wanted = ["spdx-tools==0.8.5", "cyclonedx-python-lib[json-validation]==11.11.0"];
        let output = Command::new("python3").args(pip).args(wanted).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    folder
}

fn python(script: &str, file: &Path) {
    let mut command = Command::new("python3");
    command.args(["-c", script]).arg(file).env("PYTHONPATH", validators());
    let output = command.output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}");
}

const SPDX: &str = "
import sys
from spdx_tools.spdx.parser.parse_anything import parse_file
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document
messages = validate_full_spdx_document(parse_file(sys.argv[1]))
print(messages)
sys.exit(bool(messages))
";

const CYCLONEDX: &str = "
import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(open(sys.argv[1]).read())
print(error)
sys.exit(error is not None)
";

/// Two packages, published.
fn world() -> World {
    let world = World::with_key().with("SOURCE_DATE_EPOCH", "1796148000");
    let zlib = Package::new("zlib").text("lib/pkgconfig/zlib.pc", "prefix=@PREFIX@\n");
    let gtk = Package::new("gtk+_3").needs("zlib").version("3.24+a").text("include/gtk.h", "");
    world.published("deps-1", &[zlib, gtk]);
    world
}

#[test]
fn documents_are_taken_by_the_public_validators_and_are_the_same_each_time() {
    let world = world();
    for (format, script) in [("spdx", SPDX), ("cyclonedx", CYCLONEDX)] {
        let text = world.run(&format!("sbom --format {format}")).succeeds().stdout;
        assert_eq!(world.run(&format!("sbom --format {format}")).succeeds().stdout, text);
        let file = world.root().join(format!("{format}.{}", if format == "spdx" { "spdx.json" } else { "json" }));
        fs::write(&file, text).unwrap();
        python(script, &file);
    }
}

#[test]
fn documents_say_what_the_manifest_says() {
    let world = world();
    let path = world.channel().join(format!("bundles/deps-1/{}.json", own()));
    let manifest: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let archive = |place: usize| manifest["packages"][place]["archive"].clone();

    let spdx = world.run("sbom").succeeds().json();
    assert_eq!(spdx["creationInfo"]["created"], "2026-12-01T18:00:00Z");
    let names: Vec<&str> =
        spdx["packages"].as_array().unwrap().iter().map(|one| one["SPDXID"].as_str().unwrap()).collect();
    assert_eq!(names, ["SPDXRef-Bundle", "SPDXRef-Package-zlib", "SPDXRef-Package-gtk.plus..us.3"]);
    assert_eq!(spdx["packages"][1]["checksums"][0]["checksumValue"], archive(0));
    let depends = serde_json::json!({
        "spdxElementId": "SPDXRef-Package-gtk.plus..us.3", "relationshipType": "DEPENDS_ON",
        "relatedSpdxElement": "SPDXRef-Package-zlib",
    });
    assert!(spdx["relationships"].as_array().unwrap().contains(&depends), "{spdx:#}");

    let cyclonedx = world.run("sbom --format cyclonedx").succeeds().json();
    let purl = format!("pkg:generic/gtk%2B_3@3.24%2Ba?checksum=sha256:{}", archive(1).as_str().unwrap());
    assert_eq!(cyclonedx["components"][1]["purl"], purl);
    assert_eq!(cyclonedx["dependencies"][2]["dependsOn"][0], cyclonedx["components"][0]["bom-ref"]);

    let slsa = world.run("sbom --format slsa").succeeds().json();
    assert_eq!(slsa["_type"], "https://in-toto.io/Statement/v1");
    assert_eq!(slsa["predicateType"], "https://slsa.dev/provenance/v1");
    assert_eq!(slsa["subject"][2]["digest"]["sha256"], archive(1));
    let inputs = &slsa["predicate"]["buildDefinition"]["resolvedDependencies"];
    assert_eq!(inputs[0]["digest"]["gitTree"], manifest["recipes"]);
    assert_eq!(inputs[1]["digest"]["gitCommit"], world.git(&["rev-parse", "HEAD"]));
    // The manifest's own digest, as sha256sum sees it.
    let sum = world.command("sha256sum", &world.root()).arg(&path).output().unwrap().stdout;
    let sum = String::from_utf8(sum).unwrap();
    assert_eq!(slsa["subject"][0]["digest"]["sha256"], sum.split(' ').next().unwrap());

    let of_file = world.run_with(&["sbom", path.to_str().unwrap()]).succeeds().json();
    assert_eq!(of_file, spdx);
}

#[test]
fn what_is_no_bundle_or_not_trusted_gives_no_document() {
    let world = world();
    world.run("sbom --tag deps-none").exits(3);
    world.run("sbom missing.json").exits(3);
    world.write("other.json", "{}");
    world.run("sbom other.json").exits(4);
    let path = world.channel().join(format!("bundles/deps-1/{}.json", own()));
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("\"Zlib\"", "\"MIT\"")).unwrap();
    assert_eq!(world.run("sbom").exits(4).stdout, "");
}

//! The wheel policies are those of auditwheel, whose table and whose program are the oracle.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tagalong::audit::wheel_policy::{LIBRARIES, POLICIES};

/// auditwheel, unpacked; pip fetches it once.
fn auditwheel() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/auditwheel");
    if !folder.join("auditwheel/policy/manylinux-policy.json").is_file() {
        let pip =
            ["-m", "pip", "install", "-q", "--no-deps", "--target", folder.to_str().unwrap(), "auditwheel==6.8.2"];
        let output = Command::new("python3").args(pip).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    folder
}

fn newest(versions: &Value, set: &str) -> String {
    let numbers = |version: &&str| version.split('.').map(|part| part.parse::<u32>().unwrap()).collect::<Vec<_>>();
    let listed = versions[set].as_array().unwrap().iter().map(|version| version.as_str().unwrap());
    let plain = listed.filter(|version| version.starts_with(|c: char| c.is_ascii_digit()));
    plain.max_by_key(numbers).unwrap_or_default().to_owned()
}

#[test]
fn the_table_is_auditwheels() {
    let text = fs::read_to_string(auditwheel().join("auditwheel/policy/manylinux-policy.json")).unwrap();
    let json: Value = serde_json::from_str(&text).unwrap();
    let policies: Vec<&Value> = json.as_array().unwrap().iter().filter(|policy| policy["name"] != "linux").collect();
    assert_eq!(policies.len(), POLICIES.len());
    for (theirs, ours) in policies.iter().zip(&POLICIES) {
        let versions = &theirs["symbol_versions"]["x86_64"];
        assert_eq!(theirs["name"], format!("manylinux_{}", ours.glibc.replace('.', "_")));
        let sets = [
            ("GLIBCXX", ours.glibcxx),
            ("CXXABI", ours.cxxabi),
            ("GCC", ours.gcc),
            ("LIBATOMIC", ours.libatomic),
            ("ZLIB", ours.zlib),
        ];
        for (set, expected) in sets {
            assert_eq!(newest(versions, set), expected, "{set} of {}", theirs["name"]);
        }
    }
    let mut libraries: Vec<&str> =
        policies.last().unwrap()["lib_whitelist"].as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect();
    libraries.sort();
    assert_eq!(libraries, LIBRARIES);
}

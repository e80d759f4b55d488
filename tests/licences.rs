//! The licences of everything that the binary is made of: a static MIT or Apache-2.0 binary may carry them.

use std::process::Command;

/// Licences that ask for no more than a notice.
const ALLOWED: [&str; 15] = [
    "MIT",
    "MIT-0",
    "Apache-2.0",
    "BSD-1-Clause",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "Zlib",
    "0BSD",
    "BSL-1.0",
    "Unicode-3.0",
    "Unlicense",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "bzip2-1.0.6",
];

#[test]
fn every_crate_has_a_licence_that_the_binary_may_carry() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--filter-platform", "x86_64-unknown-linux-gnu"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    assert!(packages.len() > 100);
    let refused: Vec<String> = packages.iter().filter_map(refusal).collect();
    assert!(refused.is_empty(), "{}", refused.join("\n"));
}

fn refusal(package: &serde_json::Value) -> Option<String> {
    let name = package["name"].as_str().unwrap();
    let Some(licence) = package["license"].as_str() else { return Some(format!("{name}: no licence")) };
    let parsed = spdx::Expression::parse_mode(licence, spdx::ParseMode::LAX);
    let is_allowed = parsed.is_ok_and(|expression| {
        expression.evaluate(|asked| asked.license.id().is_some_and(|id| ALLOWED.contains(&id.name)))
    });
    (!is_allowed).then(|| format!("{name}: {licence}"))
}

#[test]
fn no_second_tls_provider_came_in_by_a_default_feature() {
    let lock = std::fs::read_to_string("Cargo.lock").unwrap();
    for name in ["aws-lc-rs", "openssl-sys", "native-tls"] {
        assert!(!lock.contains(&format!("name = \"{name}\"\n")), "{name} is in Cargo.lock");
    }
}

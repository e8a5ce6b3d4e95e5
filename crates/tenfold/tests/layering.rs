//! The house's tiers: a crate may use only lower ones, never a sibling (ARCHITECTURE.md).

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;

/// Crate, tier, and what else it is forbidden to use although its tier would allow it.
const TIERS: &[(&str, u8)] = &[
    ("tenfold-cache-macros", 0),
    ("tenfold-http1", 0),
    ("tenfold-sandbox", 0),
    ("tenfold-traffic", 0),
    ("tenfold-cache", 1),
    ("tenfold-observe", 1),
    ("tenfold-capacity", 2),
    ("tenfold-gateway", 2),
    ("tenfold-load", 2),
    ("tenfold-shop", 2),
    ("tenfold", 3),
    ("tenfold-testkit", 3),
];

/// What no pure crate may depend on: decisions have no sockets and no clock.
const IMPURE: &[&str] = &["tokio", "mio", "socket2", "rustix", "fastrand", "tracing"];

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version",
            "1",
            "--no-deps",
            "--offline",
            "--manifest-path",
        ])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml"))
        .output()
        .expect("cargo can be started");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON")
}

/// For each crate its ordinary dependencies (development ones may point anywhere).
fn dependencies() -> BTreeMap<String, Vec<String>> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let metadata = metadata();
    let packages = metadata["packages"].as_array().expect("packages");
    let ordinary = |package: &Value| {
        let all = package["dependencies"]
            .as_array()
            .expect("dependencies")
            .clone();
        all.iter()
            .filter(|one| one["kind"].is_null())
            .map(|one| text(&one["name"]))
            .collect()
    };
    packages
        .iter()
        .map(|package| (text(&package["name"]), ordinary(package)))
        .collect()
}

#[test]
fn crates_use_only_lower_tiers() {
    let tiers: BTreeMap<&str, u8> = TIERS.iter().copied().collect();
    for (name, dependencies) in dependencies() {
        let tier = tiers
            .get(name.as_str())
            .unwrap_or_else(|| panic!("{name} has no tier: add it"));
        for used in dependencies {
            if let Some(used_tier) = tiers.get(used.as_str()) {
                assert!(
                    used_tier < tier,
                    "{name} (tier {tier}) uses {used} (tier {used_tier})"
                );
                assert_ne!(used, "tenfold-testkit", "{name} ships code for tests");
            }
        }
    }
}

#[test]
fn decisions_have_no_sockets_and_no_clock() {
    let all = dependencies();
    for pure in ["tenfold-capacity", "tenfold-traffic"] {
        for used in &all[pure] {
            assert!(!IMPURE.contains(&used.as_str()), "{pure} uses {used}");
        }
    }
}

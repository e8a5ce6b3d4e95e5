//! Other quotas for some.

use super::{admin, allowed, get, limited};
use crate::Configured;

const TIERS: &str = r#"rate = "1/h"
burst = 1
headers = "always"
[limit.one.tier.network]
from = ["203.0.113.0/24"]
rate = "1/h"
burst = 2
[limit.one.tier.premium]
header = { x-plan = "premium" }
rate = "1/h"
burst = 3
[limit.one.tier.partner]
api_keys = ["file:keys", "file:more-keys"]
rate = "1/h"
burst = 4
"#;

fn start(is_trusted: bool) -> Configured {
    let mut text = limited(TIERS, "");
    if is_trusted {
        let trusted = "[listener.web]\ntrusted_proxies = [\"127.0.0.0/8\"]\n";
        text = text.replace("[listener.web]\n", trusted);
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, keys) in [
        ("keys", "0123456789abcdef\n\n  fedcba9876543210  \n"),
        ("more-keys", "another-key-of-a-partner"),
    ] {
        let file = folder.path().join(name);
        std::fs::write(&file, keys).expect("written");
        text = text.replace(
            &format!("file:{name}\""),
            &format!("file:{}\"", file.display()),
        );
    }
    Configured::start(&text)
}

#[test]
fn who_is_in_which_tier() {
    let it = start(true);
    let address = it.gateway.address();
    for (fields, most) in [
        ("X-Forwarded-For: 198.51.100.1\r\n", 1),
        ("X-Forwarded-For: 203.0.113.9\r\n", 2),
        ("X-Forwarded-For: 198.51.100.2\r\nX-Plan: premium\r\n", 3),
        ("X-Forwarded-For: 198.51.100.3\r\nX-Plan: gold\r\n", 1),
        (
            "X-Forwarded-For: 198.51.100.4\r\nX-API-Key: 0123456789abcdef\r\n",
            4,
        ),
        (
            "X-Forwarded-For: 198.51.100.5\r\nX-API-Key: Bearer fedcba9876543210\r\n",
            4,
        ),
        (
            "X-Forwarded-For: 198.51.100.6\r\nX-API-Key: another-key-of-a-partner\r\n",
            4,
        ),
        (
            "X-Forwarded-For: 198.51.100.7\r\nX-API-Key: 0123456789abcdeg\r\n",
            1,
        ),
        ("X-Forwarded-For: 198.51.100.8\r\nX-API-Key: \r\n", 1),
        // The first one that fits.
        ("X-Forwarded-For: 203.0.113.10\r\nX-Plan: premium\r\n", 2),
    ] {
        assert_eq!(allowed(address, "/", fields, 6), most, "{fields}");
    }
    let told = get(address, "/", "X-Forwarded-For: 203.0.113.77\r\n");
    assert_eq!(told.get("ratelimit-policy"), Some("\"one\";q=2;w=7200"));
    let log = it.gateway.log();
    assert!(!log.contains("0123456789abcdef"), "{log}");
    let shown = admin(&it, "/api/v1/config");
    assert!(
        shown.contains("\"api_keys\":3") && !shown.contains("0123456789abcdef"),
        "{shown}"
    );
}

#[test]
fn a_stranger_is_not_believed_to_have_a_plan() {
    let it = start(false);
    let address = it.gateway.address();
    assert_eq!(allowed(address, "/", "X-Plan: premium\r\n", 5), 1);
    let key = "X-API-Key: 0123456789abcdef\r\n";
    assert_eq!(
        allowed(address, "/", key, 6),
        4,
        "a key is known to its owner alone"
    );
}

#[test]
fn a_tier_can_be_that_of_all_others() {
    let tiers = r#"default_tier = "basic"
[limit.one.tier.premium]
api_keys = "file:KEYS"
rate = "1/h"
burst = 3
[limit.one.tier.basic]
rate = "1/h"
burst = 2
"#;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("keys");
    std::fs::write(&file, "0123456789abcdef").expect("written");
    let tiers = tiers.replace("file:KEYS", &format!("file:{}", file.display()));
    let it = Configured::start(&limited(&tiers, ""));
    let address = it.gateway.address();
    assert_eq!(allowed(address, "/", "", 5), 2);
    assert_eq!(
        allowed(address, "/", "X-Api-Key: 0123456789abcdef\r\n", 5),
        3
    );
}

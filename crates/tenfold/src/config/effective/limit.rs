//! Limits as they take effect.

use serde_json::{Map, Value, json};
use tenfold_gateway::config::limit::{Fields, Limit, Tier};
use tenfold_traffic::limit::{Algorithm, Quota, Rate};

use super::{HIDDEN, sounds_secret, time};

pub(super) fn describe(limit: &Limit) -> Value {
    let tiers = limit.tiers.iter();
    let tiers: Map<_, _> = tiers.map(|it| (it.name.clone(), tier(it, limit))).collect();
    let mut value = json!({
        "key": limit.key.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "ipv4_prefix": limit.ipv4_prefix,
        "ipv6_prefix": limit.ipv6_prefix,
        "algorithm": match limit.algorithm {
            Algorithm::TokenBucket => "token_bucket",
            Algorithm::SlidingWindow => "sliding_window",
            Algorithm::Adaptive(_) => "adaptive",
            Algorithm::Concurrency => "concurrency",
        },
        "tier": tiers,
        "api_key_header": limit.api_key_header,
        "dry_run": limit.is_dry_run,
        "headers": match limit.fields {
            Fields::Never => "never",
            Fields::Refused => "refused",
            Fields::Always => "always",
        },
        "max_keys": limit.max_keys,
        "shared": limit.shared.is_some(),
    });
    quota(&mut value, &limit.quota, limit);
    if let Some(priority) = limit.priority {
        value["priority"] = priority.name().into();
    }
    if let Algorithm::Adaptive(policy) = limit.algorithm {
        value["adaptive"] = json!({
            "least": policy.least,
            "failures": policy.failures,
            "latency": policy.latency.map(time),
            "interval": time(policy.interval),
        });
    }
    if let Some(shared) = &limit.shared {
        value["on_store_failure"] = json!(shared.on_failure.name());
        value["store_timeout"] = json!(time(shared.timeout));
    }
    value
}

fn quota(value: &mut Value, quota: &Quota, limit: &Limit) {
    match limit.algorithm {
        Algorithm::Concurrency => value["in_flight"] = json!(quota.burst),
        Algorithm::SlidingWindow => value["rate"] = json!(rate(quota.rate)),
        Algorithm::TokenBucket | Algorithm::Adaptive(_) => {
            value["rate"] = json!(rate(quota.rate));
            value["burst"] = json!(quota.burst);
        }
    }
}

/// `100/s`, `100/10s`.
fn rate(rate: Rate) -> String {
    let per = time(rate.per);
    let unit = per
        .strip_prefix('1')
        .filter(|unit| unit.starts_with(char::is_alphabetic));
    format!("{}/{}", rate.count, unit.unwrap_or(&per))
}

fn tier(tier: &Tier, limit: &Limit) -> Value {
    let headers = tier.headers.iter().map(|(name, value)| {
        let shown = if sounds_secret(name) { HIDDEN } else { value };
        (name.clone(), shown.into())
    });
    let mut value = json!({
        "from": tier.networks.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "header": headers.collect::<Map<_, _>>(),
        "api_keys": tier.api_keys.len(),
    });
    if let Some(priority) = tier.priority {
        value["priority"] = priority.name().into();
    }
    quota(&mut value, &tier.quota, limit);
    value
}

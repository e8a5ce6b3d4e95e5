//! Limits: their quotas, who is in which tier, where is counted.

mod tier;
mod warn;

use std::time::Duration;

use tenfold_gateway::config::cache::Redis;
use tenfold_gateway::config::limit::{Fields, KeyPart, Limit, MAX_KEYS, OnFailure, Shared};
use tenfold_traffic::limit::{AdaptivePolicy, Algorithm, Quota, QuotaError, Rate};
use tenfold_traffic::resilience::priority::Priority;

use super::{Names, Scope};
use crate::config::diagnostic::{At, Place};
use crate::config::raw::{self, limit};
use crate::config::read::Field;
use crate::config::scalar::{self, Count, Share};
use crate::config::shape::Named;

/// How long a request may wait for Redis if it is not said: one nearby answers within one, and whoever waits longer gains nothing.
const STORE_TIMEOUT: Duration = Duration::from_millis(5);
/// The longest time that a request may wait for Redis: as long as the connection waits for an answer. More helps nobody, and is as a rule
/// `5s` in place of `5ms`.
const LONGEST_STORE_TIMEOUT: Duration = Duration::from_millis(500);
/// The highest rate per second of one key in Redis, which is asked once per request.
const MOST_SHARED: u64 = 100_000;
/// Bounds of `max_keys`: below, a handful of clients would push each other out; above, it is gigabytes.
const MAX_KEYS_BOUNDS: std::ops::RangeInclusive<u64> = 64..=50_000_000;
/// Stands for a quota that is wrong and has been reported: nothing costs more than it, so that nothing else is reported because of it.
const WRONG: Quota = Quota {
    rate: Rate {
        count: u64::MAX,
        per: Duration::from_secs(1),
    },
    burst: u64::MAX,
};

pub(super) fn check(file: &raw::File, shared: Option<&Redis>, scope: &mut Scope<'_>) -> Vec<Limit> {
    let all = file.limit.value().into_iter().flat_map(Named::given);
    all.map(|(name, limit)| one(name, limit, file, shared, scope))
        .collect()
}

fn one(
    name: &At<String>,
    limit: &At<limit::Limit>,
    file: &raw::File,
    redis: Option<&Redis>,
    scope: &mut Scope<'_>,
) -> Limit {
    let raw = &limit.value;
    let algorithm = algorithm(raw, scope);
    warn::idle_keys(raw, algorithm, scope);
    let (quota, tiers) = quotas(name, raw, algorithm, file, scope);
    let plain = Limit::new(&name.value, WRONG);
    let limit = Limit {
        key: key(raw, scope),
        ipv4_prefix: prefix("ipv4_prefix", &raw.ipv4_prefix, 32, scope)
            .unwrap_or(plain.ipv4_prefix),
        ipv6_prefix: prefix("ipv6_prefix", &raw.ipv6_prefix, 128, scope)
            .unwrap_or(plain.ipv6_prefix),
        algorithm,
        quota: quota.unwrap_or(plain.quota),
        priority: default_priority(raw),
        tiers: tiers
            .into_iter()
            .filter_map(tier::Checked::with_members)
            .collect(),
        api_key_header: raw
            .api_key_header
            .value()
            .map_or(plain.api_key_header, |name| name.0.to_ascii_lowercase()),
        is_dry_run: raw.dry_run.or(false),
        fields: match raw.headers.or(limit::Headers::Refused) {
            limit::Headers::Never => Fields::Never,
            limit::Headers::Refused => Fields::Refused,
            limit::Headers::Always => Fields::Always,
        },
        max_keys: scope
            .count("max_keys", &raw.max_keys, MAX_KEYS_BOUNDS)
            .map_or(MAX_KEYS, |count| usize::try_from(count).unwrap_or(MAX_KEYS)),
        shared: store(name, raw, algorithm, file, redis, scope),
        name: plain.name,
    };
    warn::memory(raw, &limit, name.at, scope);
    limit
}

/// What the tier of those who are in none says of their priority.
fn default_priority(raw: &limit::Limit) -> Option<Priority> {
    let default = raw.default_tier.value()?;
    let mut tiers = raw.tier.value().into_iter().flat_map(Named::given);
    let (_, tier) = tiers.find(|(name, _)| name.value == *default)?;
    tier.value.priority.value().map(|name| name.priority())
}

/// The quota of those who are in no tier, and the tiers.
fn quotas(
    name: &At<String>,
    raw: &limit::Limit,
    algorithm: Algorithm,
    file: &raw::File,
    scope: &mut Scope<'_>,
) -> (Option<Quota>, Vec<tier::Checked>) {
    let own = Numbers {
        rate: &raw.rate,
        burst: &raw.burst,
        in_flight: &raw.in_flight,
        window: raw.window.value().map(|time| time.0),
    };
    let names = Names::new(raw.tier.value(), "tier", scope.report).within("limit", &name.value);
    let tiers = tier::check(raw, algorithm, file, scope);
    let quota = match raw.default_tier.is_missing() {
        true => own.quota(algorithm, name.at, scope),
        false => default_tier(raw, &names, &tiers, scope),
    };
    for (key, at) in [
        ("rate", raw.rate.at()),
        ("burst", raw.burst.at()),
        ("in_flight", raw.in_flight.at()),
    ] {
        if let (false, Some(at)) = (raw.default_tier.is_missing(), at) {
            let message = format!(
                "`{key}` and `default_tier` both say what holds for those who are in no tier"
            );
            scope.report.error(at, message, "leave one of them out");
        }
    }
    (quota, tiers)
}

/// Bits of an address.
fn prefix(key: &str, field: &Field<Count>, most: u64, scope: &mut Scope<'_>) -> Option<u8> {
    let bits = scope.count(key, field, 0..=most)?;
    u8::try_from(bits).ok()
}

fn key(raw: &limit::Limit, scope: &mut Scope<'_>) -> Vec<KeyPart> {
    let Some(parts) = raw.key.value() else {
        return vec![KeyPart::ClientIp];
    };
    let mut key: Vec<KeyPart> = Vec::new();
    for part in &parts.0 {
        let shown = &part.value.0;
        if key.contains(shown) {
            let message = format!("`{shown}` stands twice in `key`");
            scope.report.warning(part.at, message, "leave one out");
        } else if *shown == KeyPart::Global && parts.0.len() > 1 {
            let message = "`global` has no effect: what else is in `key` tells clients apart";
            let help = "leave it out, or leave the others out to count all together";
            scope.report.warning(part.at, message, help);
        }
        key.push(shown.clone());
    }
    key
}

fn algorithm(raw: &limit::Limit, scope: &mut Scope<'_>) -> Algorithm {
    match raw.algorithm.or(limit::Algorithm::TokenBucket) {
        limit::Algorithm::TokenBucket => Algorithm::TokenBucket,
        limit::Algorithm::SlidingWindow => Algorithm::SlidingWindow,
        limit::Algorithm::Concurrency => Algorithm::Concurrency,
        limit::Algorithm::Adaptive => {
            let own = raw.adaptive.or(limit::Adaptive::default());
            let standard = AdaptivePolicy::default();
            let mut share = |key, field: &Field<Share>, least, default| {
                let help = "give a share above 0% and up to 100%, for example 10%";
                let share = scope.within(key, field, |share| share.0, least..=1.0, help);
                share.unwrap_or(default)
            };
            Algorithm::Adaptive(AdaptivePolicy {
                least: share("least", &own.least, 0.001, standard.least),
                failures: share("failures", &own.failures, 0.0, standard.failures),
                latency: own.latency.value().map(|time| time.0),
                interval: own.interval.value().map_or(standard.interval, |it| it.0),
            })
        }
    }
}

/// What is written about a quota.
struct Numbers<'r> {
    rate: &'r Field<scalar::Rate>,
    burst: &'r Field<Count>,
    in_flight: &'r Field<Count>,
    window: Option<Duration>,
}

impl Numbers<'_> {
    /// What is meant. `place` is what to point at if it is not there.
    fn quota(&self, algorithm: Algorithm, place: Place, scope: &mut Scope<'_>) -> Option<Quota> {
        if algorithm == Algorithm::Concurrency {
            if self.in_flight.is_missing() {
                let help =
                    "add in_flight = 10: how many requests may be under way at the same time";
                scope.report.error(place, "`in_flight` is missing", help);
            }
            let most = scope.count("in_flight", self.in_flight, 1..=1_000_000_000)?;
            return Some(Quota::new(Rate::per_second(1)).burst(most));
        }
        if self.rate.is_missing() {
            let help = "add rate = \"100/s\": how much each client may have over time";
            scope.report.error(place, "`rate` is missing", help);
        }
        let given = self.rate.given()?;
        let rate = match self.window {
            Some(window) if algorithm == Algorithm::SlidingWindow => {
                in_window(given, window, scope)
            }
            _ => given.value.0,
        };
        let mut quota = Quota::new(rate);
        if let Some(burst) = self.burst.given() {
            quota.burst = burst.value.0;
        }
        if let Err(error) = quota.check(algorithm) {
            let at = match error {
                QuotaError::Burst | QuotaError::TooSlow => self.burst.at(),
                _ => None,
            };
            let help = match error {
                QuotaError::Burst => "for example 100",
                QuotaError::TooSlow => "raise the rate, or lower the burst",
                QuotaError::Window => "take algorithm = \"token_bucket\", or a shorter window",
                _ => "for example \"100/s\"",
            };
            let at = at.unwrap_or(given.at);
            scope.report.error(at, error.to_string(), help);
        }
        Some(quota)
    }
}

/// What a rate is in another window. That is a whole number, and must not become another limit by that.
fn in_window(given: &At<scalar::Rate>, window: Duration, scope: &mut Scope<'_>) -> Rate {
    let rate = given.value.0;
    let exact = rate.count as f64 * window.as_secs_f64() / rate.per.as_secs_f64();
    let whole = rate.within(window);
    if exact < 0.95 {
        let message = "in this `window` the rate is less than one request";
        let help = "give a longer window: one in which there is at least one request";
        scope.report.error(given.at, message, help);
    } else if (whole as f64 - exact).abs() > 0.05 * exact {
        let message =
            format!("in this `window` the rate is {exact:.2} requests: {whole} are allowed");
        let help = "give a window in which it is a whole number";
        scope.report.warning(given.at, message, help);
    }
    Rate {
        count: whole,
        per: window,
    }
}

/// The quota of those who are in no tier, if it is that of a tier.
fn default_tier(
    raw: &limit::Limit,
    names: &Names<'_>,
    tiers: &[tier::Checked],
    scope: &mut Scope<'_>,
) -> Option<Quota> {
    let name = raw.default_tier.given()?;
    names.find(name, scope.report)?;
    let found = tiers.iter().find(|tier| tier.name() == name.value);
    found.map(tier::Checked::quota)
}

/// Where gateways count together.
fn store(
    name: &At<String>,
    raw: &limit::Limit,
    algorithm: Algorithm,
    file: &raw::File,
    redis: Option<&Redis>,
    scope: &mut Scope<'_>,
) -> Option<Shared> {
    let at = raw.shared.given().filter(|shared| shared.value)?.at;
    if file.shared.is_missing() {
        let message = format!(
            "the limit `{}` is shared, and nothing says where",
            name.value
        );
        let help = "add [shared] with redis = \"redis://HOST:PORT\"";
        scope.report.error(at, message, help);
    }
    if matches!(algorithm, Algorithm::Adaptive(_) | Algorithm::Concurrency) {
        let message = "this algorithm counts in each gateway alone";
        let help = "leave `shared` out, or take token_bucket or sliding_window";
        scope.report.error(at, message, help);
    }
    let rates = raw.tier.value().into_iter().flat_map(Named::given);
    let rates = rates.map(|(_, tier)| &tier.value.rate).chain([&raw.rate]);
    for rate in rates.filter_map(Field::given) {
        if rate.value.0.within(Duration::from_secs(1)) > MOST_SHARED {
            let message =
                format!("a shared limit allows at most {MOST_SHARED} per second and client");
            let help = "Redis is asked for each request: count this in each gateway alone";
            scope.report.error(rate.at, message, help);
        }
    }
    let timeout = raw.store_timeout.value().map_or(STORE_TIMEOUT, |it| it.0);
    if let (true, Some(at)) = (timeout > LONGEST_STORE_TIMEOUT, raw.store_timeout.at()) {
        let message = "`store_timeout` is longer than 500ms, and a connection waits no longer";
        let help = "a time like 5ms is usual: every request may have to wait for so long";
        scope.report.warning(at, message, help);
    }
    Some(Shared {
        redis: redis?.clone(),
        timeout,
        on_failure: match raw.on_store_failure.or(limit::OnStoreFailure::Local) {
            limit::OnStoreFailure::Local => OnFailure::Local,
            limit::OnStoreFailure::Open => OnFailure::Open,
            limit::OnStoreFailure::Closed => OnFailure::Closed,
        },
    })
}

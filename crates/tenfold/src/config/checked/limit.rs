//! Limits: their quotas, who is in which tier, where is counted.

mod tier;

use std::time::Duration;

use tenfold_gateway::config::cache::Redis;
use tenfold_gateway::config::limit::{Fields, KeyPart, Limit, MAX_KEYS, OnFailure, Shared};
use tenfold_traffic::limit::{AdaptivePolicy, Algorithm, Quota, QuotaError, Rate};

use super::{Names, Scope};
use crate::config::diagnostic::{At, Place};
use crate::config::raw::{self, limit};
use crate::config::read::Field;
use crate::config::scalar::{self, Count, Share};
use crate::config::shape::Named;

/// How long a request may wait for Redis if it is not said: one nearby answers within one, and whoever waits longer gains nothing.
const STORE_TIMEOUT: Duration = Duration::from_millis(5);
/// The highest rate per second of one key in Redis, which is asked once per request.
const MOST_SHARED: u64 = 100_000;
/// Bounds of `max_keys`: below, a handful of clients would push each other out; above, it is gigabytes.
const MAX_KEYS_BOUNDS: std::ops::RangeInclusive<u64> = 64..=50_000_000;

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
    warn_of_idle_keys(raw, algorithm, scope);
    let (quota, tiers) = quotas(name, raw, algorithm, file, scope);
    let plain = Limit::new(&name.value, Quota::new(Rate::per_second(1)));
    Limit {
        key: key(raw),
        ipv4_prefix: prefix("ipv4_prefix", &raw.ipv4_prefix, 32, scope)
            .unwrap_or(plain.ipv4_prefix),
        ipv6_prefix: prefix("ipv6_prefix", &raw.ipv6_prefix, 128, scope)
            .unwrap_or(plain.ipv6_prefix),
        algorithm,
        quota: quota.unwrap_or(plain.quota),
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
    }
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
    let names = Names::new(raw.tier.value(), "tier", scope.report);
    let tiers = tier::check(raw, algorithm, file, scope);
    let quota = match raw.default_tier.is_missing() {
        true => own.quota(algorithm, name.at, scope),
        false => default_tier(raw, &names, &tiers, scope),
    };
    let is_said = raw.rate.at().or(raw.in_flight.at());
    if let (false, Some(at)) = (raw.default_tier.is_missing(), is_said) {
        let message = "`rate` and `default_tier` both say what holds for those who are in no tier";
        scope.report.error(at, message, "leave one of them out");
    }
    (quota, tiers)
}

/// Bits of an address.
fn prefix(key: &str, field: &Field<Count>, most: u64, scope: &mut Scope<'_>) -> Option<u8> {
    let bits = scope.count(key, field, 0..=most)?;
    u8::try_from(bits).ok()
}

fn key(raw: &limit::Limit) -> Vec<KeyPart> {
    match raw.key.value() {
        Some(parts) => parts.0.iter().map(|part| part.value.0.clone()).collect(),
        None => vec![KeyPart::ClientIp],
    }
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
            Some(window) if algorithm == Algorithm::SlidingWindow => Rate {
                count: given.value.0.within(window),
                per: window,
            },
            _ => given.value.0,
        };
        let mut quota = Quota::new(rate);
        if let Some(burst) = self.burst.given() {
            quota.burst = burst.value.0;
        }
        if let Err(error) = quota.check(algorithm) {
            let at = match error {
                QuotaError::Burst => self.burst.at(),
                QuotaError::TooSlow => self.burst.at(),
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

/// Keys that do nothing with this algorithm.
fn warn_of_idle_keys(raw: &limit::Limit, algorithm: Algorithm, scope: &mut Scope<'_>) {
    let is_bucket = matches!(algorithm, Algorithm::TokenBucket | Algorithm::Adaptive(_));
    let is_concurrency = algorithm == Algorithm::Concurrency;
    let tiers = || raw.tier.value().into_iter().flat_map(Named::given);
    if !is_bucket {
        let why = "only a token bucket has a burst";
        scope.without_effect("burst", raw.burst.at(), why);
        for (_, tier) in tiers() {
            scope.without_effect("burst", tier.value.burst.at(), why);
        }
    }
    if algorithm != Algorithm::SlidingWindow {
        let why = "only a sliding window has one";
        scope.without_effect("window", raw.window.at(), why);
    }
    if !is_concurrency {
        let why = "it is for algorithm = \"concurrency\"";
        scope.without_effect("in_flight", raw.in_flight.at(), why);
    } else {
        let why = "what is under way has no rate";
        scope.without_effect("rate", raw.rate.at(), why);
    }
    if !matches!(algorithm, Algorithm::Adaptive(_)) {
        let why = "it is for algorithm = \"adaptive\"";
        scope.without_effect("adaptive", raw.adaptive.at(), why);
    }
    if !raw.shared.or(false) {
        let why = "the limit is not shared";
        scope.without_effect("on_store_failure", raw.on_store_failure.at(), why);
        scope.without_effect("store_timeout", raw.store_timeout.at(), why);
    }
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
    Some(Shared {
        redis: redis?.clone(),
        timeout: raw.store_timeout.value().map_or(STORE_TIMEOUT, |it| it.0),
        on_failure: match raw.on_store_failure.or(limit::OnStoreFailure::Local) {
            limit::OnStoreFailure::Local => OnFailure::Local,
            limit::OnStoreFailure::Open => OnFailure::Open,
            limit::OnStoreFailure::Closed => OnFailure::Closed,
        },
    })
}

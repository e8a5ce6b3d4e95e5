//! What is accepted of a limit, and is not what was meant: keys that do nothing, and memory that nobody expects.

use tenfold_gateway::config::limit::Limit;
use tenfold_traffic::limit::{Algorithm, MOST_LOGGED};

use crate::config::checked::Scope;
use crate::config::diagnostic::Place;
use crate::config::raw::limit;
use crate::config::read::Field;
use crate::config::scalar::{self, Count};
use crate::config::shape::Named;

/// Bytes of memory that a limit may come to take without a word about it.
const MUCH_MEMORY: u64 = 1 << 30;

/// An exact window remembers the time of each request: what is little for one client is much for millions.
pub(super) fn memory(raw: &limit::Limit, limit: &Limit, name: Place, scope: &mut Scope<'_>) {
    if limit.algorithm != Algorithm::SlidingWindow {
        return;
    }
    let quotas = limit.quotas();
    let longest = quotas.iter().map(|quota| quota.rate.count).max();
    let Some(longest) = longest.filter(|longest| *longest <= MOST_LOGGED) else {
        return;
    };
    let bytes = limit.max_keys as u64 * (24 + 8 * longest);
    if bytes > MUCH_MEMORY {
        let message = format!(
            "the limit `{}` may come to take {:.1} GiB of memory: a window of up to {MOST_LOGGED} requests remembers each of them",
            limit.name,
            bytes as f64 / MUCH_MEMORY as f64
        );
        let help =
            "lower max_keys, or take algorithm = \"token_bucket\", which takes 16 bytes per client";
        let at = raw.max_keys.at().unwrap_or(name);
        scope.report.warning(at, message, help);
    }
}

/// Keys that do nothing with this algorithm.
pub(super) fn idle_keys(raw: &limit::Limit, algorithm: Algorithm, scope: &mut Scope<'_>) {
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
    let (key, why) = match is_concurrency {
        true => ("rate", "what is under way has no rate"),
        false => ("in_flight", "it is for algorithm = \"concurrency\""),
    };
    let idle = |rate: &Field<scalar::Rate>, in_flight: &Field<Count>| match is_concurrency {
        true => rate.at(),
        false => in_flight.at(),
    };
    scope.without_effect(key, idle(&raw.rate, &raw.in_flight), why);
    for (_, tier) in tiers() {
        let tier = &tier.value;
        scope.without_effect(key, idle(&tier.rate, &tier.in_flight), why);
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

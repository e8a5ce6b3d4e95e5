//! Retries, hedges and breakers as they take effect.

use serde_json::{Value, json};
use tenfold_gateway::config::upstream::{Hedge, Retry};
use tenfold_traffic::resilience::breaker;
use tenfold_traffic::resilience::retry::On;

use super::time;

pub(super) fn retry(retry: &Retry) -> Value {
    let rules = &retry.rules;
    json!({
        "attempts": rules.attempts,
        "on": on(&rules.on),
        "budget": { "share": retry.budget.share, "least": retry.budget.least },
        "per_try_timeout": retry.per_try_timeout.map(time),
        "backoff": time(rules.backoff),
        "longest_backoff": time(rules.longest_backoff),
        "longest_retry_after": time(rules.longest_retry_after),
        "non_idempotent": rules.non_idempotent,
        "replay": retry.replay,
    })
}

fn on(on: &On) -> Vec<String> {
    let words = [
        (on.connect, "connect"),
        (on.reset, "reset"),
        (on.timeout, "timeout"),
    ];
    let words = words.into_iter().filter(|(is_on, _)| *is_on);
    let words = words.map(|(_, word)| word.to_owned());
    let statuses = on.statuses.iter().map(|range| match range {
        one if one.start() == one.end() => one.start().to_string(),
        more => format!("{}-{}", more.start(), more.end()),
    });
    words.chain(statuses).collect()
}

pub(super) fn hedge(hedge: &Hedge) -> Value {
    json!({ "after": hedge.percentile, "least": time(hedge.least) })
}

pub(super) fn breaker(each: Option<&breaker::Rules>, all: Option<&breaker::Rules>) -> Value {
    let per = match (each, all) {
        (Some(_), Some(_)) => "both",
        (Some(_), None) => "endpoint",
        (None, _) => "upstream",
    };
    let Some(rules) = each.or(all) else {
        return Value::Null;
    };
    json!({
        "per": per,
        "failures": rules.failures,
        "least_requests": rules.least_calls,
        "window": time(rules.window),
        "consecutive": rules.consecutive,
        "slow": rules.slow.map(time),
        "open": time(rules.open),
        "longest_open": time(rules.longest),
        "trials": rules.trials,
    })
}

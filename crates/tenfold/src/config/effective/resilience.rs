//! Retries, hedges and breakers as they take effect.

use serde_json::{Value, json};
use tenfold_gateway::config::upstream::Retry;
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

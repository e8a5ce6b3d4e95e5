//! Caches as they take effect.

use std::ops::RangeInclusive;
use std::time::Duration;

use serde_json::{Map, Value, json};
use tenfold_gateway::config::cache::{Cache, Condition, LONGEST, Pattern, Query, Redis, SetCookie};

use super::{HIDDEN, sounds_secret};
use crate::config::redis;

pub(super) fn describe(cache: &Cache) -> Value {
    let policy = &cache.policy;
    let networks = cache.purge_from.iter().map(ToString::to_string);
    let statuses = policy.negative.iter();
    let statuses = statuses.map(|(range, seconds)| (status(range), time(*seconds).into()));
    json!({
        "memory": cache.memory,
        "max_object": policy.max_object,
        "disk": cache.disk.as_ref().map(|disk| json!({
            "path": disk.path.display().to_string(),
            "size": disk.size,
        })),
        "shared": cache.redis.is_some(),
        "purge_from": networks.collect::<Vec<_>>(),
        "query": query(&policy.key.query),
        "sort_query": policy.key.sorts_query,
        "key_headers": policy.key.headers,
        "key_cookies": policy.key.cookies,
        "bypass": bypass(&policy.bypass),
        "lifetime": policy.lifetime.map(time),
        "default_lifetime": time(policy.default_lifetime),
        "min_lifetime": time(policy.min_lifetime),
        "max_lifetime": (policy.max_lifetime < LONGEST).then(|| time(policy.max_lifetime)),
        "status_lifetime": statuses.collect::<Map<_, _>>(),
        "jitter": format!("{}%", policy.jitter_percent),
        "stale_while_revalidate": time(policy.stale_while_revalidate),
        "stale_if_error": time(policy.stale_if_error),
        "set_cookie": match policy.set_cookie {
            SetCookie::Refuse => "refuse",
            SetCookie::Remove => "remove",
        },
        "honor_request": policy.honors_request,
    })
}

/// Where the shared level lies, without user and password.
pub(super) fn shared(shared: &Redis) -> Value {
    json!({
        "redis": redis::shown(&shared.url),
        "namespace": shared.namespace,
        "timeout": super::time(shared.timeout),
    })
}

fn time(seconds: u32) -> String {
    match seconds {
        0 => "0s".to_owned(),
        days if days.is_multiple_of(86_400) => format!("{}d", days / 86_400),
        _ => super::time(Duration::from_secs(seconds.into())),
    }
}

fn status(range: &RangeInclusive<u16>) -> String {
    match (*range.start(), *range.end()) {
        (from, to) if from == to => from.to_string(),
        (from, to) if from % 100 == 0 && to == from + 99 => format!("{}xx", from / 100),
        (from, to) => format!("{from}-{to}"),
    }
}

fn query(query: &Query) -> Value {
    match query {
        Query::All => json!("all"),
        Query::None => json!("none"),
        Query::Only(names) => json!({ "only": patterns(names) }),
        Query::Except(names) => json!({ "except": patterns(names) }),
    }
}

fn patterns(names: &[Pattern]) -> Vec<String> {
    names.iter().map(pattern).collect()
}

fn pattern(pattern: &Pattern) -> String {
    match pattern {
        Pattern::Exact(name) => String::from_utf8_lossy(name).into_owned(),
        Pattern::Prefix(start) => format!("{}*", String::from_utf8_lossy(start)),
    }
}

fn bypass(conditions: &[Condition]) -> Value {
    let mut headers = Map::new();
    let (mut cookies, mut parameters, mut paths) = (Vec::new(), Vec::new(), Vec::new());
    for condition in conditions {
        match condition {
            Condition::Header { name, value } => {
                let shown = match value {
                    None => "*",
                    Some(_) if sounds_secret(name) => HIDDEN,
                    Some(value) => value,
                };
                headers.insert(name.clone(), shown.into());
            }
            Condition::Cookie(name) => cookies.push(pattern(name)),
            Condition::Query(name) => parameters.push(pattern(name)),
            Condition::Path(beginning) => paths.push(format!("{beginning}*")),
            Condition::Place { path, and_below } => {
                paths.push(format!("{path}{}", if *and_below { "/*" } else { "" }));
            }
        }
    }
    json!({ "header": headers, "cookie": cookies, "query": parameters, "path": paths })
}

//! How much may go on at the same time, who goes first, and what is answered when all else fails, as it takes effect.

use serde_json::{Value, json};
use tenfold_gateway::config::Config;
use tenfold_gateway::config::route::{Fallback, PriorityHeader};
use tenfold_traffic::resilience::bulkhead::{Limit, Settings};

use super::time;

pub(super) fn describe(settings: &Settings) -> Value {
    let queue = &settings.queue;
    let mut value = json!({
        "queue": queue.length,
        "queue_timeout": time(queue.timeout),
        "target": time(queue.target),
        "interval": time(queue.interval),
        "reserve": settings.reserve,
    });
    match settings.limit {
        Limit::Fixed(limit) => value["limit"] = json!(limit),
        Limit::Adaptive(bounds) => {
            value["limit"] = json!("adaptive");
            value["min"] = json!(bounds.min);
            value["max"] = json!(bounds.max);
        }
    }
    value
}

pub(super) fn priority_header(header: &PriorityHeader) -> Value {
    let from = match header.from_anyone {
        true => "anyone",
        false => "trusted_proxies",
    };
    json!({ "name": header.name, "from": from })
}

pub(super) fn fallback(ways: &[Fallback], config: &Config) -> Value {
    let way = |way: &Fallback| match way {
        Fallback::Stale => json!("stale"),
        Fallback::Upstream(index) => json!({ "upstream": config.upstreams[*index].name }),
        Fallback::File(reply) => json!({
            "status": reply.status,
            "content_type": reply.content_type,
            "body_bytes": reply.body.len(),
        }),
    };
    ways.iter().map(way).collect()
}

//! How much may go on at the same time, as it takes effect.

use serde_json::{Value, json};
use tenfold_gateway::config::route::PriorityHeader;
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

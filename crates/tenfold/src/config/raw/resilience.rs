//! What keeps a service up when its servers are slow or fail, as it is written.

use std::borrow::Cow;
use std::ops::RangeInclusive;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::config::read::{Read, Reader, table};
use crate::config::scalar::{Count, Share, Size, Time, choices};
use crate::config::shape::OneOrMore;
use crate::config::tree::{Kind, Node};
use crate::config::{suggest, value};

table! {
    /// How a request that fails is tried again. What is sent twice must be idempotent (GET, HEAD, PUT, DELETE, OPTIONS), unless no
    /// server has seen it.
    pub(crate) struct Retry {
        /// Attempts of one request that reach a server, the first one included. Connections that cannot be made do not count: they
        /// go to up to 4 servers.
        attempts: Count = 3,
        /// What is worth another attempt: `connect` (no connection), `reset` (it broke before an answer), `timeout`, and statuses.
        on: OneOrMore<RetryOn> = ["connect", "reset", "timeout", "502-504"],
        /// How much all further attempts of the upstream may cost, hedges among them, as a share of its requests in 10 s.
        budget: Budget = "20%",
        /// For a server to begin its response in one attempt, if that is less than `timeout` of the route.
        per_try_timeout: Time,
        /// The wait before the second attempt is random between nothing and this; the bound doubles with each further one.
        backoff: Time = "25ms",
        /// The largest bound of a wait.
        longest_backoff: Time = "250ms",
        /// The longest `Retry-After` that is waited for. An answer that asks for more goes to the client.
        longest_retry_after: Time = "1s",
        /// Requests with other methods (POST, PATCH) are repeated too, although they may have been carried out. Only for services
        /// that recognise repetitions.
        non_idempotent: bool = false,
        /// How much of a request's body is kept so that it can be sent again.
        replay: Size = "64KiB",
    }
}

table! {
    /// How much further attempts may cost. It is never more than this, however many requests fail.
    pub(crate) struct Budget short share {
        /// Of the requests in 10 s.
        share: Share = "20%",
        /// Per second, however few requests there are.
        least: Count = 3,
    }
}

table! {
    /// A second server is asked when the first takes longer than nearly all answers do; the first good answer counts. Only for
    /// idempotent requests without a body, and within the budget of `retry`.
    pub(crate) struct Hedge short after {
        /// After this percentile of the times that answers took lately.
        after: Share = "95%",
        /// Not before this, however quick answers are.
        least: Time = "5ms",
    }
}

table! {
    /// A circuit breaker: when too many requests fail, further ones are refused at once for a while; then a few are let through as
    /// trials. A failure is a status of 500 or more, no connection, a broken one, or no answer in time.
    pub(crate) struct Breaker {
        /// What has one: each server, all servers together, or both.
        per: Per = "both",
        /// The share of failures at which it opens.
        failures: Share = "50%",
        /// Requests that there must have been in `window`.
        least_requests: Count = 20,
        /// How far back it looks.
        window: Time = "10s",
        /// It also opens after so many failures in a row; 0 for never.
        consecutive: Count = 0,
        /// An answer that takes at least this long to begin is a failure. Without it slow answers are none.
        slow: Time,
        /// How long it stays open at first; doubles each time that a trial fails.
        open: Time = "5s",
        /// How long it stays open at most.
        longest_open: Time = "60s",
        /// Requests that are let through at the same time as trials, and as many as must succeed for it to close.
        trials: Count = 3,
    }
}

choices! {
    /// What has a circuit breaker.
    pub(crate) enum Per {
        /// Each server, and all of them together.
        Both = "both",
        /// Each server.
        Endpoint = "endpoint",
        /// All servers together.
        Upstream = "upstream",
    }
    later []
}

/// What is worth another attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RetryOn {
    Connect,
    Reset,
    Timeout,
    Statuses(Vec<RangeInclusive<u16>>),
}

const WORDS: [&str; 3] = ["connect", "reset", "timeout"];

impl Read for RetryOn {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let text = match &node.kind {
            Kind::Text(text) => text.clone(),
            Kind::Integer(number) => number.to_string(),
            _ => {
                let help = "give connect, reset, timeout or a status, for example 503";
                reader.wrong_kind(node, "what is worth another attempt", help);
                return None;
            }
        };
        match text.as_str() {
            "connect" => return Some(Self::Connect),
            "reset" => return Some(Self::Reset),
            "timeout" => return Some(Self::Timeout),
            _ => {}
        }
        match value::statuses(&text) {
            // Every answer would be asked for again.
            Ok(statuses) if statuses.iter().any(|range| *range.start() < 400) => {
                let help = "give codes from 400 to 599: below, nothing has failed".to_owned();
                reader.wrong_text(node, &text, help);
                None
            }
            Ok(statuses) => Some(Self::Statuses(statuses)),
            Err(hint) => {
                let is_word = text.starts_with(|first: char| first.is_ascii_alphabetic());
                let help = match is_word {
                    true => suggest::help(&text, &WORDS, "value"),
                    false => hint,
                };
                reader.wrong_text(node, &text, help);
                None
            }
        }
    }
}

impl JsonSchema for RetryOn {
    fn schema_name() -> Cow<'static, str> {
        "RetryOn".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "`connect`, `reset`, `timeout`, or status codes: `503`, `\"500-504\"`.",
            "anyOf": [
                { "enum": WORDS },
                { "type": "integer", "minimum": 400, "maximum": 599 },
                { "type": "string", "pattern": "^[45][0-9]{2}(-[45][0-9]{2})?( *, *[45][0-9]{2}(-[45][0-9]{2})?)*$" },
            ],
        })
    }
}

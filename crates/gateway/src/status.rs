//! What a gateway looks like from outside at one moment: plain data, the same that the admin side sends as JSON.
//!
//! Counters count from the start of the process (or of the thing that they belong to) and only grow; whoever wants rates
//! takes two looks. The names of the fields are the API's and stay; further ones may come, so that readers take what they
//! do not find as its default, and skip what they do not know.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tenfold_observe::metric::{DURATION_BOUNDS, Distribution};

use crate::cache::CacheStatus;
use crate::limit::status::LimitStatus;

/// A gateway, without its routes: those may be thousands, and are asked for on their own.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Status {
    /// The program's version.
    pub version: String,
    /// How many configurations there have been, this one included: 1 after a start.
    pub generation: u64,
    /// Since the process started.
    pub uptime_seconds: f64,
    /// True when it has stopped accepting and waits for what is under way.
    pub is_draining: bool,
    /// Worker threads.
    pub workers: usize,
    /// Clients' connections that are open.
    pub connections_open: u64,
    /// Clients' connections since the start.
    pub connections_accepted: u64,
    /// Requests under way.
    pub requests_active: u64,
    /// Requests since the start, by status class: 1xx to 5xx.
    pub requests: [u64; 5],
    /// Bytes of request bodies from clients.
    pub received_bytes: u64,
    /// Bytes to clients.
    pub sent_bytes: u64,
    /// Where clients connect.
    pub listeners: Vec<ListenerStatus>,
    /// The servers behind the gateway.
    pub upstreams: Vec<UpstreamStatus>,
    /// Where responses are kept.
    pub caches: Vec<CacheStatus>,
    /// How much clients may have.
    pub limits: Vec<LimitStatus>,
}

/// Where clients connect.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ListenerStatus {
    /// As configured.
    pub name: String,
    /// `IP:PORT`.
    pub address: String,
    /// Connections that are open.
    pub connections_open: u64,
    /// Connections since the listener came to be.
    pub connections_accepted: u64,
}

/// Servers that do the same.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct UpstreamStatus {
    /// As configured.
    pub name: String,
    /// How it chooses among its endpoints, as in the configuration.
    pub algorithm: String,
    /// True when too few endpoints are well, so that all of them get requests.
    pub is_panicking: bool,
    /// How much goes on at the same time; missing if there is no limit.
    pub concurrency: Option<ConcurrencyStatus>,
    /// What its own circuit breaker is doing: `closed`, `open`, `half_open`; empty if it has none.
    pub breaker: String,
    /// Its servers.
    pub endpoints: Vec<EndpointStatus>,
}

/// How much goes on at the same time, of as much as may.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ConcurrencyStatus {
    /// Most requests that may be under way at the moment.
    pub limit: u32,
    /// The limit is found by measuring.
    pub is_adaptive: bool,
    /// Requests under way.
    pub in_flight: u32,
    /// Requests that wait.
    pub waiting: u64,
    /// Requests that had to wait, since the start.
    pub queued: u64,
    /// Requests that were turned away, since the start.
    pub shed: ShedStatus,
}

/// Requests that were turned away, by priority.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ShedStatus {
    /// Of those that are given up last.
    pub critical: u64,
    /// Of most.
    pub normal: u64,
    /// Of those that are given up first.
    pub bulk: u64,
}

impl UpstreamStatus {
    /// How many endpoints are well and get requests. (In a panic the others get some too.)
    #[must_use]
    pub fn available(&self) -> usize {
        let takes_part = |one: &&EndpointStatus| one.state.takes_part();
        self.endpoints.iter().filter(takes_part).count()
    }
}

/// One server.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct EndpointStatus {
    /// Its name in metrics and logs; unique within its upstream.
    pub name: String,
    /// Where it is: `IP:PORT`, `HOST:PORT` or `unix:PATH`.
    pub address: String,
    /// Where it stands; empty if that is not said.
    pub zone: String,
    /// Its share in proportion to the others.
    pub weight: u32,
    /// Whether it gets requests.
    pub state: EndpointState,
    /// How long it has been in this state.
    pub since_seconds: f64,
    /// How much longer it will be in this state, if that is known: of an ejection, of a pause, of a slow start.
    pub until_seconds: Option<f64>,
    /// Why it is not up, in words; empty if it is.
    pub cause: String,
    /// Requests under way.
    pub in_flight: u64,
    /// Recent time to the head of a response, a moving average; of an endpoint without answers there is none.
    pub latency_ms: Option<f64>,
    /// Attempts sent to it.
    pub picks: u64,
    /// Attempts that failed: no connection, no answer, a broken one, or a status of 500 and more.
    pub failures: u64,
    /// Times it was ejected.
    pub ejections: u64,
    /// Connections that were made.
    pub connections_opened: u64,
    /// Requests sent over a connection that was there already.
    pub connections_reused: u64,
    /// Connections that could not be made.
    pub connections_failed: u64,
    /// Connections that wait for a request.
    pub connections_idle: u64,
    /// Bytes sent to it, if they are counted.
    pub sent_bytes: Option<u64>,
    /// Bytes received from it, if they are counted.
    pub received_bytes: Option<u64>,
}

/// Whether an endpoint gets requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndpointState {
    /// It gets its share.
    Up,
    /// It gets a growing part of its share (slow start).
    Starting,
    /// Probes find it unwell.
    Down,
    /// It is passed over for what it answered (outlier).
    Ejected,
    /// It is passed over for a moment after connections that failed.
    Paused,
    /// Its circuit breaker is open.
    Open,
    /// Its circuit breaker lets a few requests through as trials.
    HalfOpen,
    /// It leaves: it gets no new requests, those under way are finished.
    Draining,
    /// Nothing is known, or a state that this program does not know yet.
    #[default]
    #[serde(other)]
    Unknown,
}

impl EndpointState {
    /// True if it gets requests.
    #[must_use]
    pub fn takes_part(self) -> bool {
        matches!(self, Self::Up | Self::Starting | Self::Unknown)
    }

    /// Its name in the API.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Starting => "starting",
            Self::Down => "down",
            Self::Ejected => "ejected",
            Self::Paused => "paused",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
            Self::Draining => "draining",
            Self::Unknown => "unknown",
        }
    }
}

/// Which requests go where, and how they fared.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RouteStatus {
    /// As configured, or made from host and path; unique.
    pub name: String,
    /// Names of the listeners it is for; none means all.
    pub listeners: Vec<String>,
    /// Hosts as configured; none means all.
    pub hosts: Vec<String>,
    /// Paths as configured; none means all.
    pub paths: Vec<String>,
    /// Methods; none means all.
    pub methods: Vec<String>,
    /// What becomes of its requests, for people: `upstream shop 95, shop-next 5`, `redirect 308 https://…`.
    pub action: String,
    /// Requests by status class: 1xx to 5xx.
    pub requests: [u64; 5],
    /// From the request's head to the last byte of its response.
    pub durations: DurationStatus,
    /// How much goes on at the same time; missing if the route has no limit of its own.
    pub concurrency: Option<ConcurrencyStatus>,
}

/// How long requests took, since the start.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DurationStatus {
    /// Half of all took no longer.
    pub p50_ms: Option<f64>,
    /// Nineteen of twenty took no longer.
    pub p95_ms: Option<f64>,
    /// Ninety-nine of a hundred took no longer.
    pub p99_ms: Option<f64>,
    /// The sum of all.
    pub sum_ms: f64,
    /// Requests per bucket, not cumulative. The buckets are those of the histogram in `/metrics`, the last one has no
    /// bound. With two looks at it whoever asks can tell the quantiles of the time between.
    pub buckets: Vec<u64>,
}

impl From<&Distribution> for DurationStatus {
    fn from(held: &Distribution) -> Self {
        let [p50_ms, p95_ms, p99_ms] = [0.5, 0.95, 0.99].map(|share| {
            let quantile = held.quantile(share)?;
            Some(quantile.as_secs_f64() * 1e3)
        });
        Self {
            p50_ms,
            p95_ms,
            p99_ms,
            sum_ms: held.sum as f64 / 1e6,
            buckets: held.counts.to_vec(),
        }
    }
}

impl DurationStatus {
    /// The quantile of what came since an earlier look, `share` of which did not take longer; `None` if nothing came, or if
    /// the counters began anew in between.
    #[must_use]
    pub fn quantile_since(&self, earlier: &Self, share: f64) -> Option<Duration> {
        let len = DURATION_BOUNDS.len() + 1;
        if self.buckets.len() != len || earlier.buckets.len() != len {
            return None;
        }
        let mut between = Distribution::default();
        let pairs = self.buckets.iter().zip(&earlier.buckets);
        for (count, (now, then)) in between.counts.iter_mut().zip(pairs) {
            *count = now.checked_sub(*then)?;
        }
        between.quantile(share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn durations(bucket: usize, count: u64) -> DurationStatus {
        let mut held = Distribution::default();
        held.counts[0] = 100;
        held.counts[bucket] += count;
        DurationStatus::from(&held)
    }

    #[test]
    fn quantiles_of_the_time_between_two_looks() {
        let (then, now) = (durations(9, 0), durations(9, 10));
        assert!(
            now.p50_ms.expect("requests") < 0.1,
            "most were quick ever since"
        );
        let between = now.quantile_since(&then, 0.5).expect("ten requests");
        assert_eq!(between, Duration::from_millis(75), "but not lately");
        assert_eq!(then.quantile_since(&then, 0.5), None, "nothing came");
        assert_eq!(then.quantile_since(&now, 0.5), None, "it began anew");
        let other = DurationStatus::default();
        assert_eq!(now.quantile_since(&other, 0.5), None, "other buckets");
    }

    #[test]
    fn the_names_of_the_api_stay() {
        let status = Status {
            upstreams: vec![UpstreamStatus {
                name: "shop".into(),
                endpoints: vec![EndpointStatus {
                    state: EndpointState::Ejected,
                    ..EndpointStatus::default()
                }],
                ..UpstreamStatus::default()
            }],
            ..Status::default()
        };
        let json = serde_json::to_value(&status).expect("plain data");
        let names = |value: &serde_json::Value| {
            let object = value.as_object().expect("an object");
            let mut names: Vec<_> = object.keys().cloned().collect();
            names.sort();
            names.join(" ")
        };
        assert_eq!(
            names(&json),
            "caches connections_accepted connections_open generation is_draining limits listeners received_bytes requests \
             requests_active sent_bytes upstreams uptime_seconds version workers"
        );
        let upstream = &json["upstreams"][0];
        assert_eq!(
            names(upstream),
            "algorithm breaker concurrency endpoints is_panicking name"
        );
        let endpoint = &upstream["endpoints"][0];
        assert_eq!(
            names(endpoint),
            "address cause connections_failed connections_idle connections_opened connections_reused ejections \
             failures in_flight latency_ms name picks received_bytes sent_bytes since_seconds state until_seconds \
             weight zone"
        );
        assert_eq!(endpoint["state"], "ejected");
        let route = serde_json::to_value(RouteStatus::default()).expect("plain data");
        assert_eq!(
            names(&route),
            "action concurrency durations hosts listeners methods name paths requests"
        );
        let back: Status = serde_json::from_value(json).expect("what was sent");
        assert_eq!(back, status);
    }

    #[test]
    fn what_another_version_says_can_be_read() {
        let text =
            r#"{"upstreams": [{"endpoints": [{"state": "asleep", "mood": "good"}]}], "moon": 1}"#;
        let status: Status = serde_json::from_str(text).expect("readable");
        let upstream = &status.upstreams[0];
        assert_eq!(upstream.endpoints[0].state, EndpointState::Unknown);
        assert_eq!(upstream.available(), 1);
        for state in [
            EndpointState::Up,
            EndpointState::Draining,
            EndpointState::Paused,
            EndpointState::HalfOpen,
        ] {
            let json = serde_json::to_value(state).expect("plain data");
            assert_eq!(json, state.name());
        }
    }
}

//! A gateway's numbers for tests: one upstream with a bad endpoint, one that panics, many routes. They move with each second.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use tenfold_gateway::{
    CacheRequests, CacheStatus, ConcurrencyStatus, DurationStatus, EndpointState, EndpointStatus,
    LimitStatus, ListenerStatus, RouteStatus, ShedStatus, Status, UpstreamStatus,
};

use super::rates::Look;

/// What is seen at that second.
pub(crate) fn look(second: u64) -> Look {
    static START: OnceLock<Instant> = OnceLock::new();
    let start = *START.get_or_init(Instant::now);
    Look {
        at: start + Duration::from_secs(second),
        status: status(second),
        routes: Some(routes(second)),
    }
}

pub(crate) fn status(second: u64) -> Status {
    Status {
        version: "0.1.0".into(),
        generation: 3,
        uptime_seconds: 8000.0 + second as f64,
        workers: 2,
        connections_open: 120,
        connections_accepted: 5000 + 15 * second,
        requests_active: 34,
        requests: [0, 900_000 + 12_345 * second, 50_000, 4000, 12 + 3 * second],
        received_bytes: 1_000_000 * (1 + second),
        sent_bytes: 34_000_000 * (1 + second),
        listeners: vec![
            listener("web", "0.0.0.0:8080", second),
            listener("inside", "127.0.0.1:8081", 0),
        ],
        upstreams: vec![
            UpstreamStatus {
                name: "shop".into(),
                algorithm: "p2c".into(),
                is_panicking: false,
                concurrency: Some(ConcurrencyStatus {
                    limit: 64,
                    is_adaptive: true,
                    in_flight: 61,
                    waiting: 3,
                    queued: 500,
                    shed: ShedStatus {
                        critical: 0,
                        normal: 7,
                        bulk: 100 + second,
                    },
                }),
                breaker: String::new(),
                endpoints: vec![
                    endpoint(
                        "10.0.0.11:3000",
                        EndpointState::Up,
                        1_100_000 + 100 * second,
                    ),
                    endpoint("10.0.0.12:3000", EndpointState::Starting, 500 + 10 * second),
                    EndpointStatus {
                        cause: "5 failures in a row".into(),
                        until_seconds: Some(18.0),
                        failures: 40 + 2 * second,
                        ejections: 2,
                        ..endpoint("10.0.0.13:3000", EndpointState::Ejected, 70_000)
                    },
                ],
            },
            UpstreamStatus {
                name: "search".into(),
                algorithm: "maglev".into(),
                is_panicking: true,
                concurrency: None,
                breaker: String::new(),
                endpoints: vec![EndpointStatus {
                    cause: "GET /healthz: 503".into(),
                    ..endpoint("search.internal:9200", EndpointState::Down, 900 + second)
                }],
            },
        ],
        caches: vec![CacheStatus {
            name: "pages".into(),
            requests: CacheRequests {
                hit: 900_000 + 90 * second,
                miss: 100_000 + 10 * second,
                ..CacheRequests::default()
            },
            bytes: 64_000_000,
            capacity: 268_435_456,
            ..CacheStatus::default()
        }],
        limits: vec![
            LimitStatus {
                name: "per-client".into(),
                key: vec!["client_ip".into()],
                algorithm: "token_bucket".into(),
                is_shared: true,
                mode: "open".into(),
                allowed: 1000 + 100 * second,
                refused: 5 * second,
                keys: 42,
                max_keys: 100_000,
                ..LimitStatus::default()
            },
            LimitStatus {
                name: "search".into(),
                key: vec!["client_ip".into(), "route".into()],
                algorithm: "adaptive".into(),
                mode: "local".into(),
                refused: 40 * second,
                share: 0.5,
                ..LimitStatus::default()
            },
        ],
        ..Status::default()
    }
}

fn listener(name: &str, address: &str, second: u64) -> ListenerStatus {
    ListenerStatus {
        name: name.into(),
        address: address.into(),
        connections_open: 100,
        connections_accepted: 4000 + 15 * second,
    }
}

fn endpoint(name: &str, state: EndpointState, picks: u64) -> EndpointStatus {
    EndpointStatus {
        name: name.into(),
        address: name.into(),
        zone: "a".into(),
        weight: 1,
        state,
        since_seconds: 192.0,
        in_flight: 3,
        latency_ms: Some(2.14),
        picks,
        connections_opened: 40,
        connections_reused: picks,
        connections_idle: 16,
        ..EndpointStatus::default()
    }
}

/// The second route is the busiest, the first one the slowest, and from the third on nobody asks.
pub(crate) fn routes(second: u64) -> Vec<RouteStatus> {
    let route = |name: &str, path: &str, requests: u64, errors: u64, bucket: usize| {
        let mut buckets = vec![0; 17];
        buckets[bucket] = requests;
        RouteStatus {
            name: name.into(),
            paths: vec![path.into()],
            hosts: vec!["shop.example.com".into()],
            action: "upstream shop".into(),
            requests: [0, requests, 0, 0, errors],
            durations: DurationStatus {
                p50_ms: Some(1.0),
                p95_ms: Some(2.0),
                p99_ms: Some(3.0),
                buckets,
                ..DurationStatus::default()
            },
            ..RouteStatus::default()
        }
    };
    let mut routes = vec![
        route("api", "/api/*", 1000 + 20 * second, 5 * second, 9),
        route("static", "/static/*", 90_000 + 400 * second, 0, 0),
    ];
    routes[0].concurrency = Some(ConcurrencyStatus {
        limit: 10,
        in_flight: 10,
        waiting: 2,
        shed: ShedStatus {
            normal: 7 * second,
            ..ShedStatus::default()
        },
        ..ConcurrencyStatus::default()
    });
    let quiet = (2..100).map(|index| route(&format!("quiet-{index}"), "/quiet/*", 0, 0, 0));
    routes.extend(quiet);
    routes
}

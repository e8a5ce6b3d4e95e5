//! What a look-up in the table of routes costs: `cargo run --release -p tenfold-gateway --example route_cost`.
//!
//! Each line is a table of another size, each column a request; nanoseconds per look-up, the best of seven rounds.

// A program that measures may read the clock and print.
#![allow(clippy::disallowed_methods, clippy::print_stdout)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use tenfold_gateway::config::route::{
    Action, Condition, FieldEdits, Match, PathEdit, Route, RouteTimeouts, Test,
};
use tenfold_gateway::route::pattern::{HostPattern, PathPattern};
use tenfold_gateway::route::{Ask, Table, normalise};

const LOOKUPS: u32 = 200_000;
const ROUNDS: usize = 7;
const NO_FIELDS: &[(&str, &str)] = &[];

fn route(number: usize, host: Option<&str>, path: &str) -> Route {
    let host = host.map(|host| HostPattern::parse(host).expect("a host"));
    Route {
        name: number.to_string(),
        matches: Match {
            hosts: host.into_iter().collect(),
            paths: vec![PathPattern::parse(path).expect("a path")],
            ..Match::default()
        },
        action: Action::Forward(Vec::new()),
        path: PathEdit::Keep,
        request_fields: FieldEdits::default(),
        response_fields: FieldEdits::default(),
        timeouts: RouteTimeouts::default(),
        deadline_header: None,
        max_body: 0,
        mirror: None,
        cache: None,
        limits: Vec::new(),
        concurrency: None,
        fallback: Vec::new(),
        priority: Default::default(),
        priority_header: None,
    }
}

/// The first route takes everything; of the others each fourth has a host of its own, and some have captures.
fn routes(count: usize) -> Vec<Route> {
    let mut routes = vec![route(0, None, "/*")];
    for number in 1..count {
        let host = format!("shop-{number}.example.com");
        routes.push(match number % 4 {
            0 => route(number, Some(&host), "/api/*"),
            1 => route(number, None, &format!("/service-{number}/api/*")),
            2 => route(number, None, &format!("/users/{{id}}/things-{number}")),
            _ => route(number, Some("*.example.org"), &format!("/exact/{number}")),
        });
    }
    routes
}

fn measure(table: &Table, host: &str, path: &str) -> f64 {
    let ask = Ask {
        listener: 0,
        host: host.as_bytes(),
        path: path.as_bytes(),
        query: b"",
        method: b"GET",
        fields: &NO_FIELDS,
    };
    nanoseconds(|| {
        black_box(table.find(black_box(&ask)));
    })
}

fn nanoseconds(mut work: impl FnMut()) -> f64 {
    let round = |work: &mut dyn FnMut()| -> Duration {
        let start = Instant::now();
        for _ in 0..LOOKUPS {
            work();
        }
        start.elapsed()
    };
    let best = (0..ROUNDS).map(|_| round(&mut work)).min();
    best.expect("there are rounds").as_secs_f64() * 1e9 / f64::from(LOOKUPS)
}

fn main() {
    let slashes = "/".repeat(8192);
    println!(
        "{:>7} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>10}",
        "routes", "default", "host", "prefix", "capture", "suffix", "8k '/'", "build"
    );
    for count in [1, 5, 500, 5_000, 50_000] {
        let routes = routes(count);
        let start = Instant::now();
        let table = Table::new(&routes, 1).expect("a table");
        let build = start.elapsed();
        let last = |kind: usize| {
            (0..count)
                .rev()
                .find(|number| number % 4 == kind)
                .unwrap_or(0)
        };
        let figures = [
            ("other.net:8080", "/index.html".to_string()),
            (
                &*format!("shop-{}.example.com", last(0)),
                "/api/v1/items/7".to_string(),
            ),
            ("other.net", format!("/service-{}/api/v1/items", last(1))),
            ("other.net", format!("/users/12345/things-{}", last(2))),
            ("a.example.org", format!("/exact/{}", last(3))),
            ("other.net", slashes.clone()),
        ]
        .map(|(host, path)| format!("{:>8.1}", measure(&table, host, &path)));
        println!("{count:>7} {} {build:>10.1?}", figures.join(" "));
    }

    println!();
    for path in [
        "/",
        "/api/v1/items/12345?",
        "/assets/app.3f2a.min.js",
        "/caf%C3%A9/x",
        "/a/%2e%2e/b",
    ] {
        let cost = nanoseconds(|| {
            black_box(normalise(black_box(path.as_bytes())));
        });
        println!("normalise {path:<24} {cost:>6.1}");
    }
    canary();
}

/// A route with two conditions before one without.
fn canary() {
    let mut first = route(0, None, "/*");
    let condition = |name: &str| Condition {
        name: name.into(),
        test: Test::Equals("yes".into()),
    };
    first.matches.headers.push(condition("x-canary"));
    first.matches.query.push(condition("canary"));
    let table = Table::new(&[first, route(1, None, "/*")], 1).expect("a table");
    println!(
        "two conditions that fail           {:>6.1}",
        measure(&table, "a", "/index.html")
    );
}

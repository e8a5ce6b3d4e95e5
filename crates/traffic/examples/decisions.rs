//! What one decision costs, beside `governor` and `tower` where they have the same: `make bench-decisions`.
//!
//! Nanoseconds per decision by one thread that nobody disturbs, the median of several rounds. A row is a name and a closure that
//! takes a number and decides once; whoever adds a decision adds a row.

// A program that measures may read the clock and print.
#![allow(clippy::disallowed_methods, clippy::print_stdout)]

use std::hint::black_box;
use std::num::NonZeroU32;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use governor::{Quota as GovernorQuota, RateLimiter};
use tenfold_traffic::limit::{AdaptivePolicy, Algorithm, Limiter, Quota, Rate, Settings};
use tenfold_traffic::resilience::breaker::{self, Breaker};
use tenfold_traffic::resilience::budget::{self, Budget};
use tenfold_traffic::resilience::bulkhead::{self, Bulkhead};
use tenfold_traffic::resilience::concurrency::Bounds;
use tenfold_traffic::resilience::priority::Priority;
use tenfold_traffic::{Ask, Balancer, Changes, Endpoint, Group, Member, Policy, Tried};
use tower::Service;
use tower::limit::RateLimit;

const ROUNDS: usize = 11;
const DECISIONS: u64 = 200_000;
/// Clients of the rows with many keys: more than fit into a cache of the first two levels.
const CLIENTS: u64 = 100_000;
/// A rate that is never used up: what is measured is that a request may go on.
const PLENTY: u64 = 10_000_000;

fn main() {
    println!("{:<52} {:>8}", "decision", "ns");
    picks();
    limits();
    resilience();
    others();
}

/// Measures one decision, and prints its row.
fn row(name: &str, mut decide: impl FnMut(u64)) {
    let mut times: Vec<f64> = (0..=ROUNDS)
        .map(|_| {
            let started = Instant::now();
            for number in 0..DECISIONS {
                decide(number);
            }
            started.elapsed().as_nanos() as f64 / DECISIONS as f64
        })
        .collect();
    // The first round warms up.
    times.remove(0);
    times.sort_by(f64::total_cmp);
    println!("{name:<52} {:>8.1}", times[ROUNDS / 2]);
}

fn picks() {
    let changes = Changes::new();
    let member = |number: usize| Member {
        endpoint: Endpoint::new(format!("10.0.0.{number}:80"), &changes, Duration::ZERO),
        weight: 1,
        zone: String::new(),
    };
    let members = (0..10).map(member).collect();
    let group = Group::new(Policy::default(), members, changes.clone());
    let mut balancer = Balancer::new(&group, 1);
    let tried = Tried::default();
    row("balancer pick, p2c of 10 endpoints", |number| {
        let ask = Ask {
            tried: &tried,
            now: moment(number),
            random: number.wrapping_mul(0x9E37_79B9_7F4A_7C15),
            key: None,
            sticky: None,
        };
        black_box(balancer.pick(&group, &ask));
    });
}

fn limits() {
    let adaptive = Algorithm::Adaptive(AdaptivePolicy::default());
    for (name, algorithm, rate) in [
        ("token bucket", Algorithm::TokenBucket, PLENTY),
        (
            "sliding window, weighted",
            Algorithm::SlidingWindow,
            1_000_000,
        ),
        (
            "sliding window, exact (refuses)",
            Algorithm::SlidingWindow,
            32,
        ),
        ("adaptive limit", adaptive, PLENTY),
    ] {
        let limiter = limiter(algorithm, rate);
        row(&format!("{name}, one client"), |number| {
            let key = limiter.key(0).part(b"192.0.2.1").build();
            black_box(limiter.decide(moment(number), key, 1));
        });
        row(&format!("{name}, {CLIENTS} clients"), |number| {
            let key = limiter.key(0).part(&client(number)).build();
            black_box(limiter.decide(moment(number), key, 1));
        });
    }
    let limiter = limiter(Algorithm::Concurrency, 1);
    row("concurrency, in and out, one client", |number| {
        let key = limiter.key(0).part(b"192.0.2.1").build();
        black_box(limiter.enter(moment(number), key, 1).is_ok());
    });
}

fn resilience() {
    let (breaker, rules) = (Breaker::default(), breaker::Rules::default());
    row("breaker, may a call go and how it went", |number| {
        let now = moment(number);
        let _verdict = black_box(breaker.admit(&rules, now));
        let call = breaker::Call {
            is_failure: false,
            took: Duration::from_millis(1),
        };
        black_box(breaker.record(&rules, now, call));
    });
    let (budget, rules) = (Budget::default(), budget::Rules::default());
    row("retry budget, a request", |number| {
        budget.deposit(moment(number));
    });
    row("retry budget, may it be tried again", |number| {
        black_box(budget.withdraw(&rules, moment(number), budget::Kind::Repeat));
    });
    for (name, limit) in [
        ("bulkhead, in and out", bulkhead::Limit::Fixed(64)),
        (
            "bulkhead with an adaptive limit, in and out",
            bulkhead::Limit::Adaptive(Bounds::default()),
        ),
    ] {
        let bulkhead = Bulkhead::new(&bulkhead::Settings::new(limit));
        row(name, |number| {
            let now = moment(number);
            if black_box(bulkhead.try_enter(Priority::Normal, now)) {
                bulkhead.finish(Priority::Normal, now, true);
            }
        });
    }
}

/// The same by others. They read a clock themselves, which is part of their price.
fn others() {
    let plenty = NonZeroU32::new(PLENTY as u32).expect("more than nothing");
    let one = RateLimiter::direct(GovernorQuota::per_second(plenty));
    row("governor, one bucket", |_| {
        black_box(one.check().is_ok());
    });
    let keyed = RateLimiter::keyed(GovernorQuota::per_second(plenty));
    row("governor, keyed, one client", |_| {
        black_box(keyed.check_key(b"192.0.2.").is_ok());
    });
    row(&format!("governor, keyed, {CLIENTS} clients"), |number| {
        black_box(keyed.check_key(&client(number)).is_ok());
    });
    let rate = tower::limit::rate::Rate::new(u64::from(u32::MAX), Duration::from_secs(1));
    // Its timer wants a runtime, though it never fires here.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    let runtime = runtime.expect("a runtime");
    let _inside = runtime.enter();
    let mut service = RateLimit::new(
        tower::service_fn(|()| std::future::ready(Ok::<_, ()>(()))),
        rate,
    );
    let mut context = Context::from_waker(Waker::noop());
    row("tower RateLimit, one bucket", |_| {
        if let Poll::Ready(Ok(())) = service.poll_ready(&mut context) {
            drop(black_box(service.call(())));
        }
    });
}

fn limiter(algorithm: Algorithm, rate: u64) -> Limiter {
    let settings = Settings {
        algorithm,
        tiers: vec![Quota::new(Rate::per_second(rate))],
        max_keys: 2 * CLIENTS as usize,
        seed: [1, 2],
    };
    Limiter::new(&settings).expect("a sound quota")
}

/// Requests come every microsecond.
fn moment(number: u64) -> Duration {
    Duration::from_secs(1000) + Duration::from_micros(number)
}

fn client(number: u64) -> [u8; 8] {
    (number.wrapping_mul(0x9E37_79B9_7F4A_7C15) % CLIENTS).to_le_bytes()
}

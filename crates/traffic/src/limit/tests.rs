use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use proptest::prelude::*;

use super::*;

fn limiter(algorithm: Algorithm, quota: Quota, max_keys: usize) -> Limiter {
    let settings = Settings {
        algorithm,
        tiers: vec![quota],
        max_keys,
        seed: [1, 2],
    };
    Limiter::new(&settings).expect("a sound quota")
}

fn per_second(count: u64) -> Quota {
    Quota::new(Rate::per_second(count))
}

fn key(limiter: &Limiter, number: u64) -> Key {
    limiter.key(0).part(&number.to_le_bytes()).build()
}

fn at(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

const YEAR: u64 = 366 * 86_400;

const ALL: [Algorithm; 4] = [
    Algorithm::TokenBucket,
    Algorithm::SlidingWindow,
    Algorithm::Adaptive(AdaptivePolicy {
        least: 0.1,
        failures: 0.05,
        latency: None,
        interval: Duration::from_secs(1),
    }),
    Algorithm::Concurrency,
];

#[test]
fn a_hundred_threads_on_one_key_get_exactly_the_limit() {
    for algorithm in ALL {
        for limit in [1_u64, 20, 5000] {
            let limiter = limiter(algorithm, per_second(limit).burst(limit), 1000);
            let allowed = AtomicU64::new(0);
            std::thread::scope(|scope| {
                for _ in 0..100 {
                    scope.spawn(|| {
                        for _ in 0..limit.div_ceil(50) {
                            let verdict = limiter.decide(at(5.0), key(&limiter, 1), 1);
                            allowed.fetch_add(u64::from(verdict.is_allowed()), Relaxed);
                        }
                    });
                }
            });
            assert_eq!(allowed.into_inner(), limit, "{algorithm:?}");
        }
    }
}

#[test]
fn threads_that_come_with_new_keys_at_the_same_time_get_exactly_the_limit() {
    let limiter = limiter(Algorithm::TokenBucket, per_second(10).burst(10), 4096);
    let allowed: Vec<AtomicU64> = (0..1000).map(|_| AtomicU64::new(0)).collect();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for (number, allowed) in allowed.iter().enumerate() {
                    for _ in 0..5 {
                        let verdict = limiter.decide(at(1.0), key(&limiter, number as u64), 1);
                        allowed.fetch_add(u64::from(verdict.is_allowed()), Relaxed);
                    }
                }
            });
        }
    });
    assert!(allowed.iter().all(|allowed| allowed.load(Relaxed) == 10));
}

#[test]
fn a_bucket_gives_its_burst_and_then_its_rate() {
    let limiter = limiter(Algorithm::TokenBucket, per_second(10).burst(3), 100);
    let one = key(&limiter, 1);
    for left in [2, 1, 0] {
        let Verdict::Allowed { remaining, reset } = limiter.decide(at(1.0), one, 1) else {
            panic!("within the burst")
        };
        assert_eq!(
            (remaining, reset),
            (left, Duration::from_millis(100 * (3 - left)))
        );
    }
    let refused = Verdict::Refused {
        retry_after: Duration::from_millis(100),
    };
    assert_eq!(limiter.decide(at(1.0), one, 1), refused);
    assert_eq!(limiter.look(at(1.0), one, 1), refused);
    assert!(limiter.look(at(1.1), one, 1).is_allowed());
    assert!(limiter.decide(at(1.1), one, 1).is_allowed());
    assert!(
        !limiter.decide(at(1.1), one, 1).is_allowed(),
        "looking does not count"
    );
    // After a long rest no more than the burst.
    let allowed = (0..10).filter(|_| limiter.decide(at(100.0), one, 1).is_allowed());
    assert_eq!(allowed.count(), 3);
    // Others are not concerned.
    assert!(limiter.decide(at(1.1), key(&limiter, 2), 3).is_allowed());
}

#[test]
fn costs_are_charged_and_given_back() {
    for algorithm in ALL {
        for limit in [10, 100] {
            let limiter = limiter(algorithm, per_second(limit).burst(limit), 100);
            let one = key(&limiter, 1);
            assert!(limiter.decide(at(5.0), one, limit - 2).is_allowed());
            assert!(
                !limiter.decide(at(5.0), one, 3).is_allowed(),
                "{algorithm:?}"
            );
            assert!(
                limiter.decide(at(5.0), one, 2).is_allowed(),
                "{algorithm:?}"
            );
            limiter.give_back(at(5.0), one, 5);
            assert!(
                !limiter.decide(at(5.0), one, 6).is_allowed(),
                "{algorithm:?}"
            );
            assert!(
                limiter.decide(at(5.0), one, 5).is_allowed(),
                "{algorithm:?}"
            );
            let never = limiter.decide(at(5.0), one, limit + 1);
            let refused = Verdict::Refused {
                retry_after: Duration::MAX,
            };
            assert_eq!(never, refused, "{algorithm:?}");
        }
    }
}

#[test]
fn an_exact_window_lets_go_of_each_request_when_it_leaves() {
    let limiter = limiter(Algorithm::SlidingWindow, per_second(3), 100);
    let one = key(&limiter, 1);
    for time in [10.0, 10.3, 10.9] {
        assert!(limiter.decide(at(time), one, 1).is_allowed());
    }
    let refused = limiter.decide(at(10.95), one, 1);
    let Verdict::Refused { retry_after } = refused else {
        panic!("{refused:?}")
    };
    assert!(
        (retry_after.as_secs_f64() - 0.05).abs() < 1e-6,
        "{retry_after:?}"
    );
    assert!(!limiter.decide(at(10.999), one, 1).is_allowed());
    assert!(limiter.decide(at(11.001), one, 1).is_allowed());
    assert!(!limiter.decide(at(11.2), one, 1).is_allowed());
    assert!(!limiter.decide(at(11.31), one, 2).is_allowed());
    assert!(limiter.decide(at(11.31), one, 1).is_allowed());
}

#[test]
fn a_weighted_window_is_exact_for_even_traffic_and_at_most_twice_the_limit_for_the_worst() {
    let limit = 1000;
    let limiter = limiter(Algorithm::SlidingWindow, per_second(limit), 100);
    let one = key(&limiter, 1);
    // 3,000 per second, evenly, for 5 seconds.
    let mut allowed: Vec<f64> = Vec::new();
    for number in 0..15_000 {
        let now = 10.0 + f64::from(number) / 3000.0;
        if limiter.decide(at(now), one, 1).is_allowed() {
            allowed.push(now);
        }
    }
    let most_within = |allowed: &[f64]| {
        let within = |start: &f64| {
            let end = allowed.partition_point(|time| time - start < 1.0);
            end - allowed.partition_point(|time| time < start)
        };
        allowed.iter().map(within).max().unwrap_or_default()
    };
    let five = allowed.len();
    assert!((4500..=5100).contains(&five), "{five}");
    // The worst: everything at the end of one window, then whatever is let through.
    let two = key(&limiter, 2);
    let mut allowed: Vec<f64> = Vec::new();
    for number in 0..20_000 {
        let now = 100.99 + f64::from(number) / 10_000.0;
        if limiter.decide(at(now), two, 1).is_allowed() {
            allowed.push(now);
        }
    }
    assert!(most_within(&allowed) < 2 * limit as usize);
}

#[test]
fn an_adaptive_limit_sinks_with_failures_and_comes_back() {
    let policy = AdaptivePolicy {
        latency: Some(Duration::from_millis(100)),
        ..AdaptivePolicy::default()
    };
    let limiter = limiter(Algorithm::Adaptive(policy), per_second(100).burst(1), 100);
    let one = key(&limiter, 1);
    let allowed_in_a_second = |start: f64| {
        let times = (0..1000).map(|number| at(start + f64::from(number) / 1000.0));
        times
            .filter(|now| limiter.decide(*now, one, 1).is_allowed())
            .count()
    };
    assert!((95..=101).contains(&allowed_in_a_second(10.0)));
    let second = |start: f64, is_failure: bool, latency: f64| {
        for number in 0..100 {
            limiter.observe(
                at(start + f64::from(number) / 100.0),
                is_failure,
                at(latency),
            );
        }
    };
    for start in 20..30 {
        second(f64::from(start), true, 0.01);
    }
    assert!((limiter.share() - 0.1).abs() < 1e-9, "{}", limiter.share());
    assert!((9..=11).contains(&allowed_in_a_second(40.0)));
    for start in 50..75 {
        second(f64::from(start), false, 0.01);
    }
    assert!((limiter.share() - 1.0).abs() < 1e-9, "{}", limiter.share());
    for start in 80..83 {
        second(f64::from(start), false, 0.5);
    }
    assert!(
        limiter.share() < 0.5,
        "slow is bad as well: {}",
        limiter.share()
    );
}

#[test]
fn permits_are_given_back_when_they_are_dropped() {
    let limiter = limiter(Algorithm::Concurrency, per_second(1).burst(2), 100);
    let one = key(&limiter, 1);
    let first = limiter.enter(at(1.0), one, 1).expect("the first");
    let second = limiter.enter(at(1.0), one, 1).expect("the second");
    let refused = limiter.enter(at(2.0), one, 1).expect_err("there are two");
    assert_eq!(
        refused,
        Verdict::Refused {
            retry_after: Duration::ZERO
        }
    );
    drop(first);
    let third = limiter.enter(at(2.0), one, 1).expect("there is room");
    assert_eq!(limiter.tracked(at(2.0)), 1);
    drop((second, third));
    assert_eq!(limiter.tracked(at(2.0)), 0);
}

#[test]
fn a_permit_of_a_rate_gives_nothing_back() {
    for algorithm in [
        Algorithm::TokenBucket,
        Algorithm::SlidingWindow,
        Algorithm::Adaptive(AdaptivePolicy::default()),
    ] {
        for limit in [10, 100] {
            let limiter = limiter(algorithm, per_second(limit).burst(limit), 100);
            let one = key(&limiter, 1);
            let allowed = (0..3 * limit).filter(|_| limiter.enter(at(5.0), one, 1).is_ok());
            assert_eq!(allowed.count() as u64, limit, "{algorithm:?}");
        }
    }
}

#[test]
fn what_is_given_back_when_the_next_window_has_begun_is_back() {
    let limiter = limiter(Algorithm::SlidingWindow, per_second(100), 100);
    let one = key(&limiter, 1);
    assert!(limiter.decide(at(10.99), one, 100).is_allowed());
    limiter.give_back(at(11.01), one, 60);
    assert!(limiter.look(at(11.01), one, 60).is_allowed());
    // Nor does it take what was counted since.
    assert!(limiter.decide(at(11.02), one, 50).is_allowed());
    limiter.give_back(at(10.99), one, 40);
    assert!(limiter.look(at(11.03), one, 50).is_allowed());
    assert!(!limiter.look(at(11.03), one, 51).is_allowed());
    limiter.give_back(at(5.0), one, 40);
    assert!(!limiter.look(at(11.03), one, 51).is_allowed(), "long gone");
}

#[test]
fn whoever_is_late_does_not_wipe_out_what_others_have_counted() {
    let limiter = limiter(Algorithm::SlidingWindow, per_second(100), 100);
    let one = key(&limiter, 1);
    assert!(limiter.decide(at(10.0), one, 100).is_allowed());
    for late in [9.5, 8.5, 1.0] {
        assert!(!limiter.decide(at(late), one, 1).is_allowed(), "{late}");
        limiter.charge(at(late), one, 1);
    }
    assert!(!limiter.decide(at(10.0), one, 1).is_allowed());
}

#[test]
fn time_may_be_counted_from_1970_and_a_cost_may_be_absurd() {
    for algorithm in ALL {
        for limit in [10, 100] {
            let limiter = limiter(algorithm, per_second(limit).burst(limit), 100);
            let one = key(&limiter, 1);
            let now = Duration::from_secs(1_800_000_000);
            let allowed = (0..3 * limit).filter(|_| limiter.decide(now, one, 1).is_allowed());
            assert_eq!(allowed.count() as u64, limit, "{algorithm:?}");
            let refused = limiter.decide(now, one, u64::MAX);
            assert!(!refused.is_allowed(), "{algorithm:?}");
            assert!(!limiter.decide(now, one, 1).is_allowed(), "{algorithm:?}");
        }
    }
}

#[test]
fn keys_of_a_long_window_are_not_idle_for_those_of_a_short_one() {
    // Counted by two counters, and exactly.
    for limit in [100, 10] {
        let hour = Quota::new(Rate {
            count: limit,
            per: Duration::from_secs(3600),
        });
        let settings = Settings {
            algorithm: Algorithm::SlidingWindow,
            tiers: vec![hour, per_second(limit)],
            max_keys: 4000,
            seed: [1, 2],
        };
        let limiter = Limiter::new(&settings).expect("sound quotas");
        let slow = |number: u64| limiter.key(0).part(&number.to_le_bytes()).build();
        let quick = |number: u64| limiter.key(1).part(&number.to_le_bytes()).build();
        for number in 0..100 {
            assert!(limiter.decide(at(7200.0), slow(number), limit).is_allowed());
        }
        // Never more than 100 of them count.
        for number in 0..20_000 {
            let now = at(7300.0 + number as f64 / 50.0);
            assert!(limiter.decide(now, quick(number), 1).is_allowed());
        }
        let now = at(7710.0);
        assert_eq!(limiter.tracked(now), 100, "{limit}");
        assert_eq!(limiter.forgotten(), 0, "{limit}");
        for number in 0..100 {
            assert!(
                !limiter.decide(now, slow(number), 1).is_allowed(),
                "{number}"
            );
        }
    }
}

#[test]
fn permits_come_back_whatever_else_happens_to_the_table() {
    let limiter = limiter(Algorithm::Concurrency, per_second(1).burst(4), 64);
    std::thread::scope(|scope| {
        for thread in 0..8_u64 {
            let limiter = &limiter;
            scope.spawn(move || {
                let mut held = Vec::new();
                for number in 0..20_000_u64 {
                    let one = key(limiter, number.wrapping_mul(thread + 1) % 300);
                    held.extend(limiter.enter(at(1.0), one, 1).ok());
                    if held.len() > 5 {
                        held.swap_remove((number % 5) as usize);
                    }
                }
            });
        }
    });
    assert_eq!(limiter.tracked(at(1.0)), 0);
}

#[test]
fn memory_is_sixteen_bytes_a_key() {
    let million = 1_000_000;
    let buckets = limiter(Algorithm::TokenBucket, per_second(10), million);
    assert_eq!(buckets.capacity(), million);
    assert!(
        buckets.bytes() <= 16 * million + 4096,
        "{}",
        buckets.bytes()
    );
    let logs = limiter(Algorithm::SlidingWindow, per_second(10), 100_000);
    assert!(
        logs.bytes() <= (8 + 8 * 10 + 8) * 100_000,
        "{}",
        logs.bytes()
    );
}

#[test]
fn idle_keys_make_room_without_being_swept() {
    for algorithm in [Algorithm::TokenBucket, Algorithm::SlidingWindow] {
        for limit in [10, 100] {
            let limiter = limiter(algorithm, per_second(limit).burst(limit), 1000);
            for number in 0..10_000_u64 {
                // Never more than 200 of them count.
                let now = at(10.0 + number as f64 / 100.0);
                let verdict = limiter.decide(now, key(&limiter, number), limit / 10);
                assert!(verdict.is_allowed());
            }
            assert_eq!(limiter.forgotten(), 0, "{algorithm:?} {limit}");
            assert_eq!(limiter.tracked(at(1000.0)), 0);
        }
    }
}

#[test]
fn up_to_three_quarters_of_the_keys_nobody_is_forgotten() {
    let limiter = limiter(Algorithm::TokenBucket, per_second(1), 80_000);
    for number in 0..60_000 {
        limiter.decide(at(1.0), key(&limiter, number), 1);
    }
    assert_eq!(limiter.forgotten(), 0);
    assert_eq!(limiter.tracked(at(1.5)), 60_000);
}

#[test]
fn a_flood_of_keys_stays_within_bounds_and_does_not_free_the_flooder() {
    for (algorithm, limit) in [
        (Algorithm::TokenBucket, 50),
        (Algorithm::SlidingWindow, 20),
        (Algorithm::SlidingWindow, 50),
    ] {
        let limiter = limiter(algorithm, per_second(limit).burst(limit), 1000);
        let greedy = key(&limiter, u64::MAX);
        while limiter.decide(at(1.0), greedy, 1).is_allowed() {}
        for number in 0..1_000_000 {
            limiter.decide(at(1.0), key(&limiter, number), 1);
        }
        assert!(limiter.tracked(at(1.0)) <= 1000);
        assert!(limiter.forgotten() > 900_000);
        let verdict = limiter.decide(at(1.0), greedy, 1);
        assert!(
            !verdict.is_allowed(),
            "{algorithm:?} {limit}: a full bucket by being forgotten"
        );
    }
}

#[test]
fn tiers_count_apart() {
    let settings = Settings {
        algorithm: Algorithm::TokenBucket,
        tiers: vec![per_second(1).burst(1), per_second(5).burst(5)],
        max_keys: 100,
        seed: [3, 4],
    };
    let limiter = Limiter::new(&settings).expect("sound quotas");
    for (tier, most) in [(0, 1), (1, 5)] {
        let one = limiter.key(tier).part(b"ann").build();
        let allowed = (0..10).filter(|_| limiter.decide(at(1.0), one, 1).is_allowed());
        assert_eq!(allowed.count(), most);
    }
}

#[test]
fn parts_of_keys_do_not_run_together_and_seeds_differ() {
    let limiter = limiter(Algorithm::TokenBucket, per_second(1), 100);
    let build = |parts: &[&[u8]]| {
        let parts = parts.iter();
        parts
            .fold(limiter.key(0), |key, part| key.part(part))
            .build()
    };
    assert_eq!(build(&[b"ab", b"c"]), build(&[b"ab", b"c"]));
    assert_ne!(build(&[b"ab", b"c"]), build(&[b"a", b"bc"]));
    assert_ne!(build(&[b"ab"]), build(&[b"ab", b""]));
    let other = Settings {
        algorithm: Algorithm::TokenBucket,
        tiers: vec![per_second(1)],
        max_keys: 100,
        seed: [777, 777],
    };
    let other = Limiter::new(&other).expect("a sound quota");
    assert_ne!(other.key(0).part(b"ab").build(), build(&[b"ab"]));
    assert!(!format!("{other:?}").contains("777"));
}

#[test]
fn what_is_no_quota_is_refused() {
    let rate = |count, seconds| Rate {
        count,
        per: Duration::from_secs(seconds),
    };
    let make = |algorithm, quota| {
        let settings = Settings {
            algorithm,
            tiers: vec![quota],
            max_keys: 8,
            seed: [0, 0],
        };
        Limiter::new(&settings).map(|_| ())
    };
    let bucket = |rate, burst| make(Algorithm::TokenBucket, Quota { rate, burst });
    assert_eq!(bucket(rate(0, 1), 1), Err(QuotaError::Zero));
    assert_eq!(bucket(rate(1, 0), 1), Err(QuotaError::Zero));
    assert_eq!(bucket(rate(1, 1), 0), Err(QuotaError::Burst));
    assert_eq!(bucket(rate(20_000_000, 1), 1), Err(QuotaError::TooHigh));
    assert_eq!(bucket(rate(10_000_000, 1), 1), Ok(()));
    assert_eq!(bucket(rate(1, 86_400), 366), Ok(()));
    assert_eq!(bucket(rate(1, 86_400), 367), Err(QuotaError::TooSlow));
    assert_eq!(bucket(rate(1, u64::MAX), 1), Err(QuotaError::TooSlow));
    let window = |count| {
        make(
            Algorithm::SlidingWindow,
            Quota {
                rate: rate(count, 1),
                burst: 0,
            },
        )
    };
    assert_eq!(window(MOST_IN_WINDOW), Ok(()));
    assert_eq!(window(MOST_IN_WINDOW + 1), Err(QuotaError::Window));
    let adaptive = AdaptivePolicy {
        least: 0.0,
        ..AdaptivePolicy::default()
    };
    let quota = per_second(1);
    assert_eq!(
        make(Algorithm::Adaptive(adaptive), quota),
        Err(QuotaError::Adaptive)
    );
    let none = Settings {
        algorithm: Algorithm::TokenBucket,
        tiers: vec![],
        max_keys: 8,
        seed: [0, 0],
    };
    assert_eq!(Limiter::new(&none).map(|_| ()), Err(QuotaError::NoTier));
}

#[test]
fn a_default_burst_is_a_second_of_the_rate() {
    let burst = |count, seconds| {
        Quota::new(Rate {
            count,
            per: Duration::from_secs(seconds),
        })
        .burst
    };
    assert_eq!(
        (burst(100, 1), burst(5000, 60), burst(10, 60)),
        (100, 84, 1)
    );
}

proptest! {
    /// To look is to decide without counting.
    #[test]
    fn what_a_look_says_is_what_is_decided(
        limit in 1_u64..60,
        steps in prop::collection::vec((0_u64..200_000_000, 1_u64..70), 1..50),
    ) {
        for algorithm in ALL {
            let limiter = limiter(algorithm, per_second(limit).burst(limit), 8);
            let one = key(&limiter, 1);
            let mut now = Duration::from_secs(10);
            for (step, cost) in &steps {
                now += Duration::from_nanos(*step);
                let look = limiter.look(now, one, *cost);
                prop_assert_eq!(look, limiter.decide(now, one, *cost), "{:?}", algorithm);
            }
        }
    }

    /// Whatever comes when, no window of any length lets more through than burst and rate allow together, and what is
    /// refused is allowed after the time that was said.
    #[test]
    fn a_bucket_keeps_its_promise(
        rate in 1_u64..2000,
        burst in 1_u64..50,
        steps in prop::collection::vec((0_u64..20_000_000, 1_u64..4), 1..300),
    ) {
        let limiter = limiter(Algorithm::TokenBucket, per_second(rate).burst(burst), 8);
        let one = key(&limiter, 1);
        let mut now = Duration::from_secs(1);
        let mut allowed: Vec<(Duration, u64)> = Vec::new();
        for (step, cost) in steps {
            now += Duration::from_nanos(step);
            match limiter.decide(now, one, cost) {
                Verdict::Allowed { .. } => allowed.push((now, cost)),
                Verdict::Refused { retry_after } if cost <= burst => {
                    let later = now + retry_after + Duration::from_nanos(1);
                    prop_assert!(limiter.look(later, one, cost).is_allowed());
                    let sooner = now + retry_after.saturating_sub(Duration::from_nanos(2));
                    prop_assert!(retry_after < Duration::from_nanos(2) || !limiter.look(sooner, one, cost).is_allowed());
                }
                Verdict::Refused { retry_after } => prop_assert_eq!(retry_after, Duration::MAX),
            }
        }
        for (index, (start, _)) in allowed.iter().enumerate() {
            let mut sum = 0;
            for (time, cost) in &allowed[index..] {
                sum += cost;
                let most = burst as f64 + (*time - *start).as_secs_f64() * rate as f64;
                prop_assert!(sum as f64 <= most + 0.01, "{} of {}", sum, most);
            }
        }
    }

    /// An exact window is exact: never more than the limit, and never a refusal while there is room.
    #[test]
    fn an_exact_window_is_exact(
        limit in 1_u64..=MOST_LOGGED,
        steps in prop::collection::vec((0_u64..200_000_000, 1_u64..4), 1..300),
    ) {
        let limiter = limiter(Algorithm::SlidingWindow, per_second(limit), 8);
        let one = key(&limiter, 1);
        let mut now = Duration::from_secs(10);
        let mut allowed: Vec<(Duration, u64)> = Vec::new();
        for (step, cost) in steps {
            now += Duration::from_nanos(step);
            let within = |now: Duration| {
                let recent = allowed.iter().filter(|(time, _)| now - *time < Duration::from_secs(1));
                recent.map(|(_, cost)| cost).sum::<u64>()
            };
            let has_room = within(now) + cost <= limit;
            let verdict = limiter.decide(now, one, cost);
            prop_assert_eq!(verdict.is_allowed(), has_room);
            match verdict {
                Verdict::Allowed { remaining, .. } => {
                    prop_assert_eq!(remaining, limit - within(now) - cost);
                    allowed.push((now, cost));
                }
                Verdict::Refused { retry_after } if cost <= limit => {
                    prop_assert!(limiter.look(now + retry_after, one, cost).is_allowed());
                }
                Verdict::Refused { .. } => {}
            }
        }
    }

    /// A weighted window never says yes within one aligned window more often than its limit, and what is refused is allowed
    /// after the time that was said.
    #[test]
    fn a_weighted_window_keeps_its_promise(
        limit in 33_u64..200,
        steps in prop::collection::vec((0_u64..20_000_000, 1_u64..9), 1..500),
    ) {
        let limiter = limiter(Algorithm::SlidingWindow, per_second(limit), 8);
        let one = key(&limiter, 1);
        let mut now = Duration::from_secs(10);
        let mut sums = std::collections::HashMap::<u64, u64>::new();
        for (step, cost) in steps {
            now += Duration::from_nanos(step);
            match limiter.decide(now, one, cost) {
                Verdict::Allowed { .. } => *sums.entry(now.as_secs()).or_default() += cost,
                Verdict::Refused { retry_after } => {
                    let later = now + retry_after + Duration::from_nanos(1);
                    prop_assert!(limiter.look(later, one, cost).is_allowed());
                }
            }
        }
        prop_assert!(sums.values().all(|sum| *sum <= limit));
    }

    /// Time that goes back, jumps, or is absurd, does not panic.
    #[test]
    fn no_time_panics(
        steps in prop::collection::vec((any::<u64>(), prop_oneof![1_u64..100, any::<u64>()], 0_usize..4), 1..50),
        limit in 1_u64..100,
    ) {
        for algorithm in ALL {
            let limiter = limiter(algorithm, per_second(limit), 8);
            let one = key(&limiter, 1);
            for (time, cost, what) in &steps {
                // Some in the years in which a word counts, some not.
                let now = match time % 2 {
                    0 => Duration::from_secs(time % (150 * YEAR)),
                    _ => Duration::from_secs(*time),
                };
                match what {
                    0 => drop(limiter.decide(now, one, *cost)),
                    1 => limiter.give_back(now, one, *cost),
                    2 => limiter.charge(now, one, *cost),
                    _ => drop(limiter.look(now, one, *cost)),
                }
            }
        }
    }
}

use proptest::prelude::*;

use super::*;

#[test]
fn erlang_c_has_the_published_values() {
    let published = [
        (1, 0.8, 0.8),
        (2, 1.6, 0.711_111),
        (10, 8.0, 0.409_180),
        (10, 9.0, 0.668_732),
        (50, 45.0, 0.363_864),
        (100, 90.0, 0.216_940),
    ];
    for (servers, load, wanted) in published {
        let found = erlang_c(servers, load).expect("they keep up");
        assert!(
            (found - wanted).abs() < 5e-7,
            "({servers}, {load}): {found}"
        );
    }
}

#[test]
fn erlang_b_agrees_with_the_sum_of_the_textbook() {
    for (servers, load) in [(1u32, 1.0f64), (5, 3.0), (20, 25.0), (40, 30.0)] {
        let mut term = 1.0;
        let mut sum = 1.0;
        for k in 1..=servers {
            term *= load / f64::from(k);
            sum += term;
        }
        let found = erlang_b(servers, load).expect("in range");
        assert!((found / (term / sum) - 1.0).abs() < 1e-12, "{found}");
    }
    assert_eq!(erlang_b(0, 5.0), Ok(1.0));
    assert_eq!(erlang_b(3, 0.0), Ok(0.0));
}

#[test]
fn ten_thousand_servers_keep_their_digits() {
    // For a load equal to the number of servers B·√c nears √(2/π), with a relative error of the order of 1/√c (Jagerman 1974).
    let blocked = erlang_b(10_000, 10_000.0).expect("in range");
    let limit = (2.0 / std::f64::consts::PI / 10_000.0).sqrt();
    assert!((blocked / limit - 1.0).abs() < 0.01, "{blocked}");
    // The same probability from logarithms of the terms, largest first: 1/B = Σ c!/(c−k)!/a^k.
    let (mut term, mut sum) = (1.0, 1.0);
    for k in 0..10_000 {
        term *= f64::from(10_000 - k) / 9_900.0;
        sum += term;
    }
    let found = erlang_b(10_000, 9_900.0).expect("in range");
    assert!((found * sum - 1.0).abs() < 1e-9, "{found}");
    assert!(erlang_c(10_000, 9_990.0).is_ok_and(|one| (0.0..=1.0).contains(&one)));
    assert_eq!(erlang_c(10_000, 1.0), Ok(0.0));
}

#[test]
fn one_server_is_the_queue_of_every_textbook() {
    // M/M/1 at 80 %: W = S/(1−ρ), and response times are exponential.
    let queue = Queue::new(1, 80.0, 0.01).expect("it keeps up");
    assert!((queue.mean_response_time() - 0.05).abs() < 1e-12);
    assert!((queue.mean_wait() - 0.04).abs() < 1e-12);
    assert!((queue.mean_queue_length() - 3.2).abs() < 1e-12);
    let median = queue.response_percentile(0.5).expect("a share");
    assert!((median - 0.05 * 2.0_f64.ln()).abs() < 1e-9, "{median}");
    let wait = queue.wait_percentile(0.95).expect("a share");
    assert!((wait - (0.8_f64 / 0.05).ln() * 0.05).abs() < 1e-9, "{wait}");
    // 20 % do not wait at all.
    assert_eq!(queue.wait_percentile(0.1), Ok(0.0));
}

#[test]
fn equal_rates_of_waiting_and_service_are_no_pole() {
    // c − a = 1: the waiting time's rate is just the service's.
    let at = |rate: f64| {
        let queue = Queue::new(2, rate, 1.0).expect("it keeps up");
        queue.response_longer_than(3.0)
    };
    assert!((at(1.0) - at(1.0 + 1e-7)).abs() < 1e-6);
    assert!((at(1.0) - at(1.0 - 1e-7)).abs() < 1e-6);
}

#[test]
fn what_cannot_be_is_refused() {
    assert_eq!(
        erlang_c(4, 4.0),
        Err(ErlangError::Saturated {
            servers: 4,
            needed: 4.0
        })
    );
    let words = erlang_c(4, 4.0).expect_err("saturated").to_string();
    assert!(words.contains("at least 5 servers"), "{words}");
    assert!(erlang_b(1, -1.0).is_err());
    assert!(erlang_b(1, f64::NAN).is_err());
    assert!(erlang_b(MOST_SERVERS + 1, 1.0).is_err());
    assert!(Queue::new(0, 1.0, 1.0).is_err());
    assert!(Queue::new(1, 0.0, 1.0).is_err());
    assert!(Queue::new(1, 1e300, 1e300).is_err());
    let never = Objective::ResponseWithin {
        share: 0.99,
        seconds: 1.0,
    };
    assert_eq!(servers_for(1.0, 1.0, never), Err(ErlangError::Unreachable));
    assert_eq!(
        servers_for(1e9, 1.0, Objective::MeanWait(1.0)),
        Err(ErlangError::Unreachable)
    );
    assert!(servers_for(1.0, 1.0, Objective::WaitProbability(0.0)).is_err());
    assert!(
        Queue::new(1, 0.5, 1.0)
            .expect("it keeps up")
            .wait_percentile(1.0)
            .is_err()
    );
}

proptest! {
    #[test]
    fn the_answer_is_the_fewest(
        rate in 0.1..500.0f64, service in 0.001..2.0f64, kind in 0..4, share in 0.01..0.8f64, factor in 1.7..20.0f64,
    ) {
        let seconds = service * factor;
        let objective = match kind {
            0 => Objective::WaitProbability(share),
            1 => Objective::MeanWait(seconds),
            2 => Objective::WaitWithin { share, seconds },
            _ => Objective::ResponseWithin { share, seconds },
        };
        let queue = servers_for(rate, service, objective).expect("it can be met");
        prop_assert!(objective.is_met(&queue));
        let fewer = queue.servers() - 1;
        if f64::from(fewer) > queue.offered_load() {
            let fewer = Queue::new(fewer, rate, service).expect("it keeps up");
            prop_assert!(!objective.is_met(&fewer));
        }
    }

    #[test]
    fn percentiles_and_shares_undo_each_other(
        servers in 1..200u32, busy in 0.01..0.99f64, service in 0.001..10.0f64, share in 0.0..0.9999f64,
    ) {
        let queue = Queue::new(servers, f64::from(servers) * busy / service, service).expect("it keeps up");
        let time = queue.response_percentile(share).expect("a share");
        prop_assert!((queue.response_longer_than(time) - (1.0 - share)).abs() < 1e-6);
        let wait = queue.wait_percentile(share).expect("a share");
        prop_assert!(queue.wait_longer_than(wait) <= 1.0 - share + 1e-9);
        prop_assert!(wait <= time + 1e-9);
    }

    #[test]
    fn more_servers_never_wait_longer(servers in 1..2000u32, busy in 0.0..0.999f64) {
        let load = f64::from(servers) * busy;
        let one = erlang_c(servers, load).expect("they keep up");
        let more = erlang_c(servers + 1, load).expect("they keep up");
        prop_assert!((0.0..=1.0).contains(&one) && more <= one);
    }
}

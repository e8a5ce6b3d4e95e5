//! What holds for all algorithms, and what each promises.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::changes::Changes;
use crate::endpoint::Endpoint;
use crate::group::Member;
use crate::outcome::Outcome;
use crate::policy::Policy;
use crate::state::State;

const NOW: Duration = Duration::from_secs(100);
const FAILED: Outcome = Outcome::Answered { is_failure: true };

fn members(changes: &Arc<Changes>, weights: &[u32]) -> Vec<Member> {
    let member = |(index, weight): (usize, &u32)| Member {
        endpoint: Endpoint::new(format!("10.0.0.{index}:80"), changes, Duration::ZERO),
        weight: *weight,
        zone: String::new(),
    };
    weights.iter().enumerate().map(member).collect()
}

fn group(policy: Policy, weights: &[u32]) -> Arc<Group> {
    let changes = Changes::new();
    let members = members(&changes, weights);
    Group::new(policy, members, changes)
}

fn with(algorithm: Algorithm) -> Policy {
    Policy {
        algorithm,
        ..Policy::default()
    }
}

fn ask(random: u64, tried: &Tried) -> Ask<'_> {
    Ask {
        tried,
        now: NOW,
        random,
        key: Some(hash::mix(random, 77)),
        sticky: None,
    }
}

/// How often each member is picked by an idle upstream.
fn shares(group: &Group, count: u32) -> Vec<f64> {
    let mut balancer = Balancer::new(group, 3);
    let mut random = fastrand::Rng::with_seed(5);
    let mut picks = vec![0_u32; group.members().len()];
    for _ in 0..count {
        let index = balancer.pick(group, &ask(random.u64(..), &Tried::default()));
        picks[index.expect("all are well")] += 1;
    }
    let share = |picks: u32| f64::from(picks) / f64::from(count);
    picks.into_iter().map(share).collect()
}

#[test]
fn shares_match_weights_within_one_percent() {
    let weights = [3, 2, 1, 4];
    for algorithm in Algorithm::ALL {
        if matches!(
            algorithm,
            Algorithm::LeastRequest | Algorithm::PeakEwma | Algorithm::RingHash
        ) {
            // Those follow load, and the ring's shares have a bound of their own.
            continue;
        }
        let shares = shares(&group(with(algorithm), &weights), 400_000);
        for (share, weight) in shares.iter().zip(weights) {
            let wanted = f64::from(weight) / 10.0;
            assert!(
                (share - wanted).abs() < 0.01,
                "{}: {shares:?}",
                algorithm.name()
            );
        }
    }
}

#[test]
fn least_request_and_peak_ewma_fill_up_in_proportion_to_the_weights() {
    for algorithm in [Algorithm::LeastRequest, Algorithm::P2c] {
        let group = group(with(algorithm), &[3, 2, 1]);
        let mut balancer = Balancer::new(&group, 0);
        let mut random = fastrand::Rng::with_seed(1);
        for _ in 0..6000 {
            let index = balancer.pick(&group, &ask(random.u64(..), &Tried::default()));
            group.members()[index.expect("a pick")].endpoint.begin();
        }
        for (member, wanted) in group.members().iter().zip([3000, 2000, 1000]) {
            let has = member.endpoint.in_flight();
            assert!(has.abs_diff(wanted) <= 60, "{}: {has}", algorithm.name());
        }
    }
}

#[test]
fn the_rings_shares_lie_within_a_tenth_of_the_weights() {
    let shares = shares(&group(with(Algorithm::RingHash), &[3, 2, 1, 4]), 400_000);
    for (share, weight) in shares.iter().zip([3.0, 2.0, 1.0, 4.0]) {
        let wanted = weight / 10.0;
        assert!((share - wanted).abs() < 0.1 * wanted, "{shares:?}");
    }
}

/// Part of the keys that go elsewhere when one of `count` leaves, and whether a key moved that was not its.
fn moved(algorithm: Algorithm, count: usize) -> (f64, f64) {
    const KEYS: u64 = 100_000;
    let changes = Changes::new();
    let all = members(&changes, &vec![1; count]);
    let gone = count / 2;
    let mut rest = all.clone();
    rest.remove(gone);
    let before = Group::new(with(algorithm), all, Arc::clone(&changes));
    let after = Group::new(with(algorithm), rest, changes);
    let mut balancers = (Balancer::new(&before, 0), Balancer::new(&after, 0));
    let (mut moved, mut needless) = (0.0, 0.0);
    for key in 0..KEYS {
        let random = hash::mix(key, 3);
        let tried = Tried::default();
        let was = balancers.0.pick(&before, &ask(random, &tried));
        let is = balancers.1.pick(&after, &ask(random, &tried));
        let was = before.members()[was.expect("a pick")].endpoint.name();
        let is = after.members()[is.expect("a pick")].endpoint.name();
        if was != is {
            moved += 1.0;
            needless += f64::from(u8::from(was != before.members()[gone].endpoint.name()));
        }
    }
    (moved / KEYS as f64, needless / KEYS as f64)
}

#[test]
fn when_one_of_n_leaves_at_most_a_third_more_than_its_keys_move() {
    for count in [3, 10, 40] {
        for algorithm in [Algorithm::RingHash, Algorithm::Maglev, Algorithm::IpHash] {
            let (moved, needless) = moved(algorithm, count);
            let most = 1.3 / count as f64;
            assert!(moved <= most, "{} of {count}: {moved}", algorithm.name());
            if algorithm != Algorithm::Maglev {
                assert_eq!(needless, 0.0, "{}", algorithm.name());
            }
        }
    }
}

#[test]
fn keys_of_one_that_is_passed_over_come_back_and_the_others_stay() {
    for algorithm in [Algorithm::RingHash, Algorithm::Maglev, Algorithm::IpHash] {
        let group = group(with(algorithm), &[1; 5]);
        let mut balancer = Balancer::new(&group, 0);
        let tried = Tried::default();
        let mut pick = |key: u64, now: Duration| {
            let ask = Ask {
                now,
                ..ask(key, &tried)
            };
            balancer.pick(&group, &ask).expect("a pick")
        };
        let before: Vec<_> = (0..500).map(|key| pick(key, NOW)).collect();
        group.observe(2, NOW, Outcome::ConnectFailed, Duration::ZERO);
        for (key, was) in before.iter().enumerate() {
            let is = pick(key as u64, NOW);
            assert_ne!(is, 2);
            assert!(*was == 2 || is == *was, "{}", algorithm.name());
        }
        let later = NOW + Duration::from_secs(1);
        let after: Vec<_> = (0..500).map(|key| pick(key, later)).collect();
        assert_eq!(before, after, "{}", algorithm.name());
    }
}

#[test]
fn a_bounded_load_is_never_exceeded() {
    for algorithm in [Algorithm::RingHash, Algorithm::Maglev] {
        let policy = Policy {
            bounded_load: 1.25,
            ..with(algorithm)
        };
        let group = group(policy, &[1, 1, 2]);
        let mut balancer = Balancer::new(&group, 0);
        let mut random = fastrand::Rng::with_seed(9);
        let mut under_way = Vec::new();
        for step in 0..20_000 {
            if under_way.len() > 50 && random.bool() {
                let one: usize = under_way.swap_remove(random.usize(..under_way.len()));
                group.members()[one].endpoint.end();
                continue;
            }
            // Half of all requests have the same key.
            let key = if random.bool() { 7 } else { random.u64(..) };
            let tried = Tried::default();
            let ask = Ask {
                key: Some(hash::mix(key, 1)),
                ..ask(random.u64(..), &tried)
            };
            let index = balancer.pick(&group, &ask).expect("a pick");
            under_way.push(index);
            let member = &group.members()[index];
            member.endpoint.begin();
            let bound = 1.25 * under_way.len() as f64 * f64::from(member.weight) / 4.0;
            let has = f64::from(member.endpoint.in_flight());
            assert!(has <= bound.ceil(), "step {step}: {has} > {bound}");
        }
    }
}

#[test]
fn workers_that_share_endpoints_stay_fair() {
    for algorithm in [Algorithm::P2c, Algorithm::Random, Algorithm::RoundRobin] {
        let group = group(with(algorithm), &[1; 6]);
        let threads: Vec<_> = (0..8)
            .map(|worker| {
                let group = Arc::clone(&group);
                std::thread::spawn(move || {
                    let mut balancer = Balancer::new(&group, worker);
                    let mut random = fastrand::Rng::with_seed(worker);
                    let mut picks = vec![0_u32; 6];
                    // Each has some requests under way at any time, as workers do.
                    let mut under_way = std::collections::VecDeque::new();
                    for _ in 0..20_000 {
                        let index = balancer
                            .pick(&group, &ask(random.u64(..), &Tried::default()))
                            .expect("a pick");
                        group.members()[index].endpoint.begin();
                        under_way.push_back(index);
                        picks[index] += 1;
                        if under_way.len() > 16 {
                            let oldest = under_way.pop_front().expect("there are some");
                            group.members()[oldest].endpoint.end();
                        }
                    }
                    for index in under_way {
                        group.members()[index].endpoint.end();
                    }
                    picks
                })
            })
            .collect();
        let mut sums = vec![0_u32; 6];
        for thread in threads {
            let picks = thread.join().expect("no panic");
            sums.iter_mut()
                .zip(picks)
                .for_each(|(sum, picks)| *sum += picks);
        }
        for sum in &sums {
            let share = f64::from(*sum) / 160_000.0;
            assert!(
                (share - 1.0 / 6.0).abs() < 0.04,
                "{}: {sums:?}",
                algorithm.name()
            );
        }
        assert!(
            group
                .members()
                .iter()
                .all(|it| it.endpoint.in_flight() == 0)
        );
    }
}

/// One answers 500 in a millisecond, three answer in ten; requests arrive evenly.
#[test]
fn failing_fast_does_not_win() {
    for algorithm in [Algorithm::P2c, Algorithm::LeastRequest, Algorithm::PeakEwma] {
        let mut policy = with(algorithm);
        policy.outlier.consecutive_failures = 0;
        let group = group(policy, &[1; 4]);
        let mut balancer = Balancer::new(&group, 0);
        let mut random = fastrand::Rng::with_seed(2);
        let mut under_way: Vec<(Duration, usize, Duration)> = Vec::new();
        let mut picks = [0_u32; 4];
        for step in 0..40_000_u64 {
            let now = NOW + Duration::from_micros(step * 500);
            under_way.retain(|(end, index, began)| {
                let is_over = *end <= now;
                if is_over {
                    let outcome = if *index == 0 { FAILED } else { Outcome::GOOD };
                    group.members()[*index].endpoint.end();
                    group.observe(*index, *end, outcome, *end - *began);
                }
                !is_over
            });
            let tried = Tried::default();
            let ask = Ask {
                now,
                ..ask(random.u64(..), &tried)
            };
            let index = balancer.pick(&group, &ask).expect("a pick");
            picks[index] += 1;
            group.members()[index].endpoint.begin();
            let takes = Duration::from_millis(if index == 0 { 1 } else { 10 });
            under_way.push((now + takes, index, now));
        }
        let share = f64::from(picks[0]) / 40_000.0;
        assert!(share < 0.05, "{}: {picks:?}", algorithm.name());
        assert!(picks[0] > 0, "it is tried again now and then");
    }
}

#[test]
fn zones_keep_traffic_as_long_as_they_can_carry_it() {
    let changes = Changes::new();
    let mut members = members(&changes, &[1; 10]);
    for (index, member) in members.iter_mut().enumerate() {
        member.zone = if index < 5 { "a" } else { "b" }.into();
    }
    let policy = Policy {
        zones: vec!["a".into(), "b".into()],
        panic: 0.0,
        ..with(Algorithm::RoundRobin)
    };
    let group = Group::new(policy, members, changes);
    let near = |group: &Group| -> f64 { shares(group, 40_000)[..5].iter().sum() };
    assert_eq!(near(&group), 1.0);
    for (down, wanted) in [(1, 1.0), (2, 0.84), (3, 0.56), (4, 0.28), (5, 0.0)] {
        group.probed(down - 1, NOW, false, 1, 1);
        let share = near(&group);
        assert!((share - wanted).abs() < 0.01, "{down} down: {share}");
    }
}

#[test]
fn each_is_the_second_choice_as_often_as_the_others() {
    const COUNT: u32 = 200_000;
    for count in 2..8 {
        let mut level = Level::default();
        level.open = (0..count)
            .map(|index| view::Open { index, weight: 1.0 })
            .collect();
        let mut random = fastrand::Rng::with_seed(9);
        let mut seconds = vec![0_u32; count as usize];
        for _ in 0..COUNT {
            let two = p2c::two(&level, random.u64(..), |_| false);
            seconds[two.expect("two of them").1] += 1;
        }
        let wanted = f64::from(COUNT / count);
        assert!(
            seconds
                .iter()
                .all(|it| (f64::from(*it) - wanted).abs() < 0.03 * wanted),
            "{seconds:?}"
        );
    }
}

#[test]
fn which_zone_is_chosen_says_nothing_about_the_choice_within() {
    let changes = Changes::new();
    let mut members = members(&changes, &[1; 12]);
    for (index, member) in members.iter_mut().enumerate() {
        member.zone = if index < 10 { "near" } else { "far" }.into();
    }
    let policy = Policy {
        zones: vec!["near".into()],
        ..with(Algorithm::P2c)
    };
    let group = Group::new(policy, members, changes);
    // Six of ten are well, so that the far zone gets a part; all but the last one of the six are busy.
    for index in 0..4 {
        group.probed(index, NOW, false, 1, 1);
    }
    for index in 4..9 {
        for _ in 0..100 {
            group.members()[index].endpoint.begin();
        }
    }
    let mut balancer = Balancer::new(&group, 0);
    let mut random = fastrand::Rng::with_seed(2);
    let mut picks = [0_u32; 12];
    for _ in 0..60_000 {
        let pick = balancer.pick(
            &group,
            &Ask {
                key: None,
                ..ask(random.u64(..), &Tried::default())
            },
        );
        picks[pick.expect("a pick")] += 1;
    }
    let near: u32 = picks[..10].iter().sum();
    let share = f64::from(picks[9]) / f64::from(near);
    // It is one of two among six: 1/6 + 5/6 * 1/5.
    assert!((share - 1.0 / 3.0).abs() < 0.02, "{share} {picks:?}");
}

#[test]
fn a_slow_start_grows_to_the_whole_share() {
    let changes = Changes::new();
    let mut members = members(&changes, &[1, 1]);
    members[1].endpoint = Endpoint::new("new", &changes, NOW);
    let policy = Policy {
        slow_start: Duration::from_secs(10),
        ..with(Algorithm::RoundRobin)
    };
    let group = Group::new(policy, members, changes);
    let mut balancer = Balancer::new(&group, 0);
    let mut share_at = |now: Duration| {
        let mut picks = 0;
        for random in 0..1000 {
            let tried = Tried::default();
            let ask = Ask {
                now,
                ..ask(random, &tried)
            };
            picks += u32::from(balancer.pick(&group, &ask) == Some(1));
        }
        f64::from(picks) / 1000.0
    };
    assert!((share_at(NOW) - 0.1 / 1.1).abs() < 0.01);
    assert_eq!(group.state(1, NOW), State::Starting);
    let half = NOW + Duration::from_secs(5);
    assert!((share_at(half) - 0.55 / 1.55).abs() < 0.01);
    let end = NOW + Duration::from_secs(11);
    assert!((share_at(end) - 0.5).abs() < 0.01);
    assert_eq!(group.state(1, end), State::Up);
}

#[test]
fn a_slow_start_moves_keys_to_the_new_one_bit_by_bit_and_never_back() {
    const KEYS: u64 = 20_000;
    for algorithm in [Algorithm::RingHash, Algorithm::Maglev, Algorithm::IpHash] {
        let changes = Changes::new();
        let mut members = members(&changes, &[2, 2, 2, 2]);
        members[3].endpoint = Endpoint::new("new", &changes, NOW);
        let policy = Policy {
            slow_start: Duration::from_secs(10),
            ..with(algorithm)
        };
        let group = Group::new(policy, members, changes);
        let places_at = |seconds: u64| -> Vec<usize> {
            let mut balancer = Balancer::new(&group, 0);
            let tried = Tried::default();
            (0..KEYS)
                .map(|number| {
                    let now = NOW + Duration::from_secs(seconds);
                    let ask = Ask {
                        now,
                        ..ask(number, &tried)
                    };
                    balancer.pick(&group, &ask).expect("a pick")
                })
                .collect()
        };
        let share = |places: &[usize]| {
            places.iter().filter(|place| **place == 3).count() as f64 / KEYS as f64
        };
        let mut before = places_at(0);
        let whole = share(&places_at(10));
        assert!((whole - 0.25).abs() < 0.02, "{}", algorithm.name());
        for (seconds, part) in [(0, 0.1), (5, 0.55), (10, 1.0)] {
            let places = places_at(seconds);
            // What rendezvous gives by a part of a weight is the part of a part of the whole.
            let wanted = if algorithm == Algorithm::IpHash {
                part / (3.0 + part)
            } else {
                whole * part
            };
            let share = share(&places);
            assert!(
                (share - wanted).abs() < 0.01,
                "{} {seconds} s: {share}",
                algorithm.name()
            );
            let is_needless = |(is, was): (&usize, &usize)| is != was && *is != 3;
            let needless = places
                .iter()
                .zip(&before)
                .filter(|two| is_needless(*two))
                .count();
            assert_eq!(needless, 0, "{} {seconds} s", algorithm.name());
            before = places;
        }
    }
}

#[test]
fn in_panic_those_that_probes_pass_over_take_part_but_not_those_that_refuse() {
    let policy = Policy {
        panic: 0.5,
        ..with(Algorithm::RoundRobin)
    };
    let group = group(policy, &[1; 4]);
    group.observe(0, NOW, Outcome::ConnectFailed, Duration::ZERO);
    group.probed(1, NOW, false, 1, 1);
    assert!(!group.is_panicking(NOW));
    assert_eq!(shares(&group, 1000)[..2], [0.0, 0.0]);
    group.probed(2, NOW, false, 1, 1);
    assert!(group.is_panicking(NOW));
    let shares = shares(&group, 3000);
    assert_eq!(shares[0], 0.0);
    assert!(shares[1..].iter().all(|share| *share > 0.3), "{shares:?}");
}

#[test]
fn a_sticky_client_stays_as_long_as_its_endpoint_takes_part() {
    let group = group(with(Algorithm::P2c), &[1, 0, 1]);
    let mut balancer = Balancer::new(&group, 0);
    let tried = Tried::default();
    let id = group.members()[1].endpoint.id();
    let mut pick = |random| {
        let ask = Ask {
            sticky: Some(id),
            ..ask(random, &tried)
        };
        balancer.pick(&group, &ask).expect("a pick")
    };
    assert!(
        (0..100).all(|random| pick(random) == 1),
        "also without a weight"
    );
    group.members()[1].endpoint.set_draining(true);
    assert!((0..100).all(|random| pick(random) != 1));
}

#[test]
fn nobody_is_ejected_beyond_the_share_that_may_be() {
    for round in 0..50 {
        let group = group(with(Algorithm::P2c), &[1; 4]);
        let threads: Vec<_> = (0..4)
            .map(|index| {
                let group = Arc::clone(&group);
                std::thread::spawn(move || {
                    for _ in 0..20 {
                        group.observe(index, NOW, FAILED, Duration::ZERO);
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().expect("no panic");
        }
        let is_ejected = |index| matches!(group.state(index, NOW), State::Ejected { .. });
        let ejected = (0..4).filter(|index| is_ejected(*index)).count();
        assert_eq!(ejected, 2, "round {round}");
    }
}

proptest! {
    /// Between two picks of a member of weight w among W there are at most ceil(W / w) + 1 others... and in any run of W picks
    /// each has exactly its weight.
    #[test]
    fn smooth_weighted_round_robin_never_bursts(weights in prop::collection::vec(1_u32..8, 2..7)) {
        let group = group(with(Algorithm::RoundRobin), &weights);
        let mut balancer = Balancer::new(&group, 0);
        let tried = Tried::default();
        let total: u32 = weights.iter().sum();
        let mut last = vec![None; weights.len()];
        for round in 0..4_usize {
            let mut picks = vec![0; weights.len()];
            for turn in 0..total as usize {
                let at = round * total as usize + turn;
                let index = balancer.pick(&group, &ask(0, &tried)).expect("a pick");
                picks[index] += 1;
                let most = total.div_ceil(weights[index]) as usize + weights.len();
                if let Some(before) = last[index].replace(at) {
                    prop_assert!(at - before <= most, "{weights:?}: {index} waited {}", at - before);
                }
            }
            prop_assert_eq!(&picks, &weights);
        }
    }

    /// Whatever happened: a pick was not tried, is not leaving, and takes part if anybody does.
    #[test]
    fn a_pick_is_never_a_worse_one_than_needed(
        which in 0_usize..8,
        weights in prop::collection::vec(0_u32..4, 1..8),
        events in prop::collection::vec((0_usize..8, 0_u8..8, 0_u64..3000), 0..60),
        tried_indexes in prop::collection::hash_set(0_usize..8, 0..4),
        random: u64,
    ) {
        let policy = Policy { panic: 0.0, ..with(Algorithm::ALL[which]) };
        let group = group(policy, &weights);
        let mut balancer = Balancer::new(&group, 1);
        let mut now = NOW;
        for (index, event, wait) in events {
            now += Duration::from_millis(wait);
            let index = index % weights.len();
            let endpoint = &group.members()[index].endpoint;
            let zero = Duration::ZERO;
            match event {
                0 => _ = group.observe(index, now, Outcome::ConnectFailed, zero),
                1 => _ = group.observe(index, now, Outcome::Broken, zero),
                2 | 3 => _ = group.observe(index, now, FAILED, zero),
                4 => _ = group.observe(index, now, Outcome::GOOD, zero),
                5 => _ = group.probed(index, now, wait % 2 == 0, 2, 2),
                6 => endpoint.set_draining(wait % 4 == 0),
                _ => _ = group.evaluate(now),
            }
            let mut tried = Tried::default();
            tried_indexes.iter().for_each(|index| tried.add(*index));
            let ask = Ask { tried: &tried, now, random, key: Some(random), sticky: None };
            let pick = balancer.pick(&group, &ask);
            let may = |index: &usize| {
                let member = &group.members()[*index];
                member.weight > 0 && !tried.contains(*index)
                    && group.state(*index, now) != State::Draining
            };
            let is_well = |index: &usize| group.members()[*index].endpoint.is_available(now);
            match pick {
                Some(index) => {
                    prop_assert!(may(&index));
                    let well = (0..weights.len()).any(|other| may(&other) && is_well(&other));
                    // Nobody well at all is a panic, in which others take part as equals.
                    prop_assert!(!well || is_well(&index));
                }
                None => prop_assert!(!(0..weights.len()).any(|index| may(&index))),
            }
        }
    }
}

//! Peak EWMA: of two chosen at random, the one whose answers come sooner, times how many wait for it.
//!
//! Use it when endpoints differ in speed for reasons that change: distance, other tenants, garbage collection. Latency
//! jumps up with every slow answer and comes down slowly, so that trouble is seen at once and forgiven late. Do not use it
//! when requests of one upstream differ by design (a report next to a health check): it would judge endpoints by
//! what they happened to be asked. (Finagle's `PeakEwma`; linkerd uses the same.) Failing fast does not help, see
//! `load.rs`.
//!
//! An estimate fades when there is no news, so that an endpoint which was slow once is asked again. But no news is not good
//! news: of one that is frozen the estimate would fade to nothing, and it would get ever more requests. So it fades to
//! that of the one it is compared with; then the number of requests that wait decides.

use std::time::Duration;

use super::p2c;
use super::view::Level;
use crate::group::Group;
use crate::load::{Estimate, Load};

/// For one that has never answered and is being asked already: a second.
const UNKNOWN: f64 = 1e6;

fn load<'a>(level: &Level, group: &'a Group, place: usize) -> &'a Load {
    &group.members()[level.open[place].index as usize]
        .endpoint
        .load
}

/// The place of the better of two that were not tried.
pub(crate) fn pick(
    level: &Level,
    group: &Group,
    now: Duration,
    random: u64,
    is_tried: impl Fn(usize) -> bool,
) -> Option<usize> {
    let (first, second) = p2c::two(level, random, is_tried)?;
    if first == second {
        return Some(first);
    }
    let estimate = |place: usize| load(level, group, place).latency(now);
    let estimates = (estimate(first), estimate(second));
    let score = |place: usize, own: Estimate, other: Estimate| {
        let load = load(level, group, place);
        let waiting = f64::from(load.in_flight());
        let penalty = f64::from(load.penalty(now));
        let latency = match own.raw {
            // Somebody new is asked at once; somebody who has only failed is not new.
            0.0 if waiting == 0.0 && penalty <= 1.0 => 0.0,
            0.0 => UNKNOWN,
            // For want of news an estimate comes down to the other's and no further.
            raw => f64::from(own.faded.max(other.faded.min(raw))),
        };
        latency * (waiting + 1.0) * penalty / level.open[place].weight
    };
    let of_first = score(first, estimates.0, estimates.1);
    let of_second = score(second, estimates.1, estimates.0);
    Some(if of_second < of_first { second } else { first })
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::Arc;

    use crate::balance::{Algorithm, Ask, Balancer, Tried};
    use crate::changes::Changes;
    use crate::endpoint::Endpoint;
    use crate::group::{Group, Member};
    use crate::outcome::Outcome;
    use crate::policy::Policy;

    use super::*;

    const FROZEN: usize = 2;

    fn group_of_four() -> Arc<Group> {
        let changes = Changes::new();
        let member = |index: usize| Member {
            endpoint: Endpoint::new(format!("{index}"), &changes, Duration::ZERO),
            weight: 1,
            zone: String::new(),
        };
        let policy = Policy {
            algorithm: Algorithm::PeakEwma,
            ..Policy::default()
        };
        let members = (0..4).map(member).collect();
        Group::new(policy, members, Arc::clone(&changes))
    }

    #[test]
    fn one_that_is_frozen_does_not_get_more_with_time() {
        let group = group_of_four();
        let mut balancer = Balancer::new(&group, 0);
        let mut random = fastrand::Rng::with_seed(1);
        let latency = Duration::from_millis(10);
        // One request every 5 ms for a minute, answered after 10 ms, but by the frozen one never from 1 s on.
        let mut under_way = VecDeque::<(usize, Duration)>::new();
        for turn in 0..12_000_u32 {
            let now = Duration::from_millis(1000) + Duration::from_millis(5) * turn;
            while let Some(&(index, began)) = under_way.front() {
                if began + latency > now {
                    break;
                }
                under_way.pop_front();
                group.members()[index].endpoint.end();
                group.observe(index, now, Outcome::GOOD, latency);
            }
            let ask = Ask {
                tried: &Tried::default(),
                now,
                random: random.u64(..),
                key: None,
                sticky: None,
            };
            let index = balancer.pick(&group, &ask).expect("a pick");
            group.members()[index].endpoint.begin();
            if index != FROZEN || turn < 200 {
                under_way.push_back((index, now));
            }
        }
        let stuck = group.members()[FROZEN].endpoint.in_flight();
        assert!((1..=4).contains(&stuck), "{stuck} wait for the frozen one");
    }

    #[test]
    fn one_that_was_slow_once_is_asked_again() {
        let group = group_of_four();
        let begin = Duration::from_secs(1);
        for index in 0..4 {
            let latency = Duration::from_millis(if index == 0 { 1000 } else { 10 });
            group.observe(index, begin, Outcome::GOOD, latency);
        }
        let mut balancer = Balancer::new(&group, 0);
        let mut random = fastrand::Rng::with_seed(1);
        let mut picks_at = |seconds: u64| {
            let now = Duration::from_secs(seconds);
            for index in 1..4 {
                group.observe(index, now, Outcome::GOOD, Duration::from_millis(10));
            }
            let tried = Tried::default();
            let ask = |random: u64| Ask {
                tried: &tried,
                now,
                random,
                key: None,
                sticky: None,
            };
            (0..100)
                .filter(|_| balancer.pick(&group, &ask(random.u64(..))) == Some(0))
                .count()
        };
        assert_eq!(picks_at(10), 0, "a second is a long time");
        assert!(picks_at(60) > 10, "after a minute it is as good as another");
    }
}

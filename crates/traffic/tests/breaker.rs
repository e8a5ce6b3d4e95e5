//! Breakers of endpoints, as a balancer sees them.

use std::time::Duration;

use tenfold_traffic::resilience::breaker::{Rules, Verdict};
use tenfold_traffic::{
    Ask, Balancer, Changes, Endpoint, Group, Member, Outcome, Outlier, Policy, State, Tried, What,
};

const FAILED: Outcome = Outcome::Answered { is_failure: true };
const TOOK: Duration = Duration::from_millis(1);

fn at(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn group(count: usize) -> std::sync::Arc<Group> {
    let changes = Changes::new();
    let member = |index: usize| Member {
        endpoint: Endpoint::new(format!("server-{index}"), &changes, Duration::ZERO),
        weight: 1,
        zone: String::new(),
    };
    let policy = Policy {
        breaker: Some(Rules {
            consecutive: 3,
            trials: 2,
            jitter: 0.0,
            ..Rules::default()
        }),
        outlier: Outlier {
            consecutive_failures: 0,
            ..Outlier::default()
        },
        ..Policy::default()
    };
    let members = (0..count).map(member).collect();
    Group::new(policy, members, changes)
}

fn pick(balancer: &mut Balancer, group: &Group, now: Duration, random: u64) -> Option<usize> {
    let tried = Tried::default();
    balancer.pick(
        group,
        &Ask {
            tried: &tried,
            now,
            random: random.wrapping_mul(0x9e37_79b9_7f4a_7c15),
            key: None,
            sticky: None,
        },
    )
}

fn open(group: &Group, index: usize, now: Duration) {
    let changes: Vec<_> = (0..3)
        .filter_map(|_| group.record(index, now, FAILED, TOOK))
        .collect();
    assert!(matches!(changes[..], [change] if matches!(change.what, What::BreakerOpened { .. })));
}

#[test]
fn who_is_open_is_passed_over_until_its_trials() {
    let group = group(3);
    let mut balancer = Balancer::new(&group, 1);
    open(&group, 1, at(1000));
    assert!(matches!(group.state(1, at(1000)), State::Open { until } if until == at(6000)));
    for random in 0..200 {
        assert_ne!(pick(&mut balancer, &group, at(5999), random), Some(1));
    }
    // Time alone lets it take part again, for two trials.
    let mut trials = 0;
    for random in 0..200 {
        if pick(&mut balancer, &group, at(6000), random) == Some(1) {
            assert_eq!(group.admit(1, at(6000)), Verdict::Trial);
            trials += 1;
        }
    }
    assert_eq!(trials, 2, "and for no more");
    assert_eq!(group.state(1, at(6000)), State::HalfOpen);
    assert_eq!(group.record(1, at(6002), Outcome::GOOD, TOOK), None);
    group.end_trial(1);
    let closed = group.record(1, at(6002), Outcome::GOOD, TOOK);
    assert_eq!(closed.map(|change| change.what), Some(What::BreakerClosed));
    group.end_trial(1);
    let asked = (0..300).filter(|random| pick(&mut balancer, &group, at(6003), *random) == Some(1));
    assert!(asked.count() > 50, "it has its share again");
}

#[test]
fn when_all_are_open_nobody_is_asked_not_even_in_a_panic() {
    let group = group(2);
    let mut balancer = Balancer::new(&group, 1);
    open(&group, 0, at(1000));
    assert_eq!(group.open_until(at(1000)), None, "one is left");
    open(&group, 1, at(3000));
    assert!(group.is_panicking(at(3000)));
    assert_eq!(pick(&mut balancer, &group, at(3001), 7), None);
    assert_eq!(
        group.open_until(at(3001)),
        Some(at(6000)),
        "the first to be tried"
    );
    assert_eq!(pick(&mut balancer, &group, at(6000), 7), Some(0));
}

#[test]
fn without_rules_nothing_is_open() {
    let group = group(1);
    open(&group, 0, at(1000));
    let members = group.members().to_vec();
    let bare = Group::new(Policy::default(), members, Changes::new());
    assert_eq!(bare.state(0, at(1001)), State::Up);
    assert_eq!(bare.admit(0, at(1001)), Verdict::Pass);
    assert_eq!(bare.record(0, at(1001), FAILED, TOOK), None);
}

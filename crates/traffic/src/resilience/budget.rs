//! A retry budget: further attempts may be only a share of the live traffic.
//!
//! A limit on the attempts of one request multiplies the load of a service that fails by that number, at several tiers by
//! its power, just when there is least to spare. A budget bounds the sum instead: with each further attempt, those of the [`HORIZON`] up to it
//! are at most `share` of its requests (or `least` per second, whichever is more, so that a quiet service may retry at all). When
//! it is spent, failures go to the client, which is what they would do without retries.
//!
//! What reached a server counts twice: within the horizon, and within the last one to two seconds (there a sixteenth less, so that
//! what the calm before leaves over is made up for within a minute), so that a brown-out cannot use up ten seconds' worth in one blow. A failover after a connection that could not be made costs the service nothing yet;
//! a dead server may therefore use the whole horizon at once, until it is passed over.
//!
//! Not for callers that make few calls of great worth: there count attempts alone.
//! (Finagle's `RetryBudget` and tower's `retry::budget`: 20 %, at least 10 per second, 10 s; here a window with a hard end in
//! place of a leaky bucket, so that what was saved up long ago is worth nothing.)

use std::time::Duration;

use super::window::{SLOTS, Sums, Window};

/// The stretch of time for which the budget holds.
pub const HORIZON: Duration = Duration::from_secs(SLOTS);
/// Seconds within which what reaches servers is counted by itself.
const SHORT: u64 = 2;
/// The part of the share that is allowed within them.
const SHORT_PART: f64 = 15.0 / 16.0;
const SECOND: Duration = Duration::from_secs(1);

/// How much may be retried.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rules {
    /// Further attempts as a share of the requests: 0.2 for 20 %; 0 to 10.
    pub share: f64,
    /// Further attempts per second that are allowed however few requests there are; 0 to 1000.
    pub least: u32,
}

impl Default for Rules {
    /// 20 % as Finagle, linkerd and tower; 3 per second, which from 15 requests per second on is within the share.
    fn default() -> Self {
        Self {
            share: 0.2,
            least: 3,
        }
    }
}

/// What another attempt is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// No server has seen anything of the request.
    Failover,
    /// A server may be working on the request, or has.
    Repeat,
}

/// What was asked and what was tried again, over all workers. Lives as long as what it protects.
#[derive(Debug, Default)]
pub struct Budget {
    /// Calls are requests, marked are further attempts.
    window: Window,
}

impl Budget {
    /// Counts a request: once, however often it is tried. One that came before the horizon counts as of now.
    pub fn deposit(&self, now: Duration) {
        self.window.add(now, SECOND, 1, 0);
    }

    /// True if there may be another attempt, which then is counted.
    #[must_use]
    pub fn withdraw(&self, rules: &Rules, now: Duration, kind: Kind) -> bool {
        // Counted first, so that callers at the same moment see each other: rather one too few than one too many.
        let counted = self.window.add(now, SECOND, 0, 1);
        let has_room =
            |slots, part| rules.allow(&self.window.sums(now, SECOND, slots), slots, part);
        let is_allowed =
            has_room(SLOTS, 1.0) && (kind == Kind::Failover || has_room(SHORT, SHORT_PART));
        if !is_allowed {
            self.window.take_back(counted);
        }
        is_allowed
    }

    /// Requests and further attempts of the last [`HORIZON`].
    #[must_use]
    pub fn recent(&self, now: Duration) -> (u64, u64) {
        let Sums { calls, marked } = self.window.sums(now, SECOND, SLOTS);
        (calls, marked)
    }
}

impl Rules {
    fn allow(&self, sums: &Sums, seconds: u64, part: f64) -> bool {
        let least = (u64::from(self.least) * seconds) as f64;
        sums.marked as f64 <= (self.share * part * sums.calls as f64).max(least)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// So many requests per second, each of which would try three times: attempts per second of time.
    fn brown_out(rules: &Rules, rate: u64, from: u64, seconds: u64, budget: &Budget) -> Vec<u64> {
        let mut attempts = vec![0; seconds as usize];
        for number in 0..rate * seconds {
            let now = at(from + number * 1000 / rate);
            budget.deposit(now);
            attempts[(number / rate) as usize] += 1;
            for _ in 0..2 {
                attempts[(number / rate) as usize] +=
                    u64::from(budget.withdraw(rules, now, Kind::Repeat));
            }
        }
        attempts
    }

    #[test]
    fn a_brown_out_costs_a_fifth_more_and_not_three_times_as_much() {
        for rate in [20, 100, 2000] {
            let attempts = brown_out(&Rules::default(), rate, 0, 60, &Budget::default());
            let sum: u64 = attempts.iter().sum();
            assert!(
                sum <= rate * 60 * 12 / 10,
                "{sum} attempts at {rate} per second"
            );
            assert!(
                sum >= rate * 60 * 115 / 100,
                "and the budget is used: {sum}"
            );
        }
    }

    #[test]
    fn what_was_saved_up_in_quiet_times_is_not_spent_in_one_blow() {
        let budget = Budget::default();
        for number in 0..10_000 {
            budget.deposit(at(number));
        }
        let attempts = brown_out(&Rules::default(), 1000, 10_000, 10, &budget);
        assert!(attempts[0] <= 1400, "{attempts:?}");
        assert!(attempts.iter().sum::<u64>() <= 12_000, "{attempts:?}");
    }

    #[test]
    fn a_minute_of_brown_out_after_calm_stays_within_a_fifth() {
        let budget = Budget::default();
        for number in 0..10_000 {
            budget.deposit(at(number));
        }
        // Not at the beginning of a second.
        let attempts = brown_out(&Rules::default(), 1000, 10_990, 60, &budget);
        assert!(attempts.iter().sum::<u64>() <= 72_000, "{attempts:?}");
    }

    #[test]
    fn a_dead_server_may_use_the_whole_horizon_at_once() {
        let budget = Budget::default();
        for number in 0..10_000 {
            budget.deposit(at(number));
        }
        let rules = Rules::default();
        let count = |kind| {
            (0..5000)
                .filter(|_| budget.withdraw(&rules, at(9999), kind))
                .count()
        };
        assert_eq!(count(Kind::Repeat), 375, "two seconds' worth");
        assert_eq!(count(Kind::Failover), 1625, "ten seconds' worth in all");
        assert_eq!(count(Kind::Repeat), 0);
    }

    #[test]
    fn requests_that_came_long_ago_do_not_make_retries_forgotten() {
        let (budget, rules) = (Budget::default(), Rules::default());
        let mut retries = 0;
        // A second upstream is asked when the first one has timed out: its requests came a minute ago.
        for number in 0..20_000 {
            budget.deposit(at(100_000 + number));
            retries += u64::from(budget.withdraw(&rules, at(160_000 + number), Kind::Repeat));
        }
        assert!(retries <= 4000, "{retries} of 20,000");
        assert!(retries >= 3000, "and they count as requests: {retries}");
    }

    #[test]
    fn a_quiet_service_may_retry() {
        let budget = Budget::default();
        budget.deposit(at(0));
        let rules = Rules::default();
        let count = |now, kind| {
            (0..100)
                .filter(|_| budget.withdraw(&rules, now, kind))
                .count()
        };
        assert_eq!(count(at(0), Kind::Repeat), 6);
        assert_eq!(count(at(0), Kind::Failover), 24);
        assert_eq!(count(at(10_000), Kind::Repeat), 6, "later again");
        let none = Rules {
            share: 0.0,
            least: 0,
        };
        assert!(!budget.withdraw(&none, at(60_000), Kind::Failover));
    }

    #[test]
    fn threads_together_stay_within_the_budget() {
        let budget = Budget::default();
        let rules = Rules {
            share: 0.2,
            least: 0,
        };
        for _ in 0..5000 {
            budget.deposit(at(0));
        }
        let retries: usize = std::thread::scope(|scope| {
            let count = || (0..1000).filter(|_| budget.withdraw(&rules, at(1), Kind::Repeat));
            let threads: Vec<_> = (0..8)
                .map(|_| scope.spawn(move || count().count()))
                .collect();
            threads.into_iter().map(|it| it.join().unwrap()).sum()
        });
        assert!(retries <= 1000, "{retries}");
        // Who saw another one that was about to be refused was refused too.
        assert!(retries >= 840, "{retries}");
    }

    proptest! {
        /// Whatever comes when: with no retry are those of the ten seconds up to it more than their share.
        #[test]
        fn no_retry_exceeds_the_share(steps in proptest::collection::vec((0_u64..400, 0_u8..4, any::<bool>()), 1..600)) {
            let budget = Budget::default();
            let rules = Rules { share: 0.2, least: 1 };
            let mut now = 0;
            let mut seconds = vec![(0_u64, 0_u64); 400];
            for (step, retries, is_sent) in steps {
                now += step;
                let second = (now / 1000) as usize;
                budget.deposit(at(now));
                seconds[second].0 += 1;
                let kind = if is_sent { Kind::Repeat } else { Kind::Failover };
                for _ in 0..retries {
                    seconds[second].1 += u64::from(budget.withdraw(&rules, at(now), kind));
                }
            }
            for (last, (_, retries)) in seconds.iter().enumerate() {
                let before = &seconds[last.saturating_sub(9)..=last];
                let (requests, sum) = before.iter().fold((0, 0), |sum, it| (sum.0 + it.0, sum.1 + it.1));
                prop_assert!(*retries == 0 || sum as f64 <= (requests as f64 * 0.2).max(10.0));
            }
        }
    }
}

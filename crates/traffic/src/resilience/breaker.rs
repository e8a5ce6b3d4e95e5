//! A circuit breaker: when calls mostly fail, the next ones are refused at once, for a while.
//!
//! Waiting for a service that does not answer costs callers their threads, connections and patience, and costs the service the
//! chance to recover. A breaker watches how calls end. *Closed*, it lets everything pass. When too large a share of the calls of a
//! window fails (or too many in a row), it *opens*: calls are refused at once, for a time that doubles from one opening to the
//! next. Then it is *half-open*: a few calls are let through as trials. If all of them succeed it closes, if one fails it
//! opens again. (M. Nygard, "Release It!", Pragmatic Bookshelf, 2007, "Circuit Breaker".)
//!
//! One for a single server keeps requests away from that server, one for all servers of a service refuses them. Use it where a
//! call may fail for long and is dear. Where there are peers to compare a server with, and refusing is worse than asking a
//! bad one, [`Outlier`](crate::Outlier) is milder: it never takes out more than a share of the servers.
//!
//! What is the caller's own doing is no failure: do not [`record`](Breaker::record) a call that the caller gave up, nor count an
//! answer that says that the question was wrong (4xx).
//!
//! Several gateways that see a service fail open at the same moment. If all of them tried it again, and closed, at the same moment
//! too, it would get all of its load back in one blow. So each opening is shortened by chance, by up to [`Rules::jitter`]. The chance is drawn
//! from the nanoseconds of the moment: gateways count from their own beginnings, so that they differ, and a test that replays the
//! moments gets the same openings. An argument of its own would cost every call a random number for what happens once in a blue moon.
//!
//! The state is in atomics; a caller at the same moment as a change may still pass, and a trial too many is harmless.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use super::window::{SLOTS, Window};
use crate::health::millis;

/// When a breaker opens, and how it closes.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    /// The share of failures in `window` at which it opens: above 0 up to 1; infinite for never.
    pub failures: f64,
    /// Calls that there must have been in `window`; fewer say nothing. At least 1.
    pub least_calls: u32,
    /// How far back it looks: 1 s to 5 min, in ten steps.
    pub window: Duration,
    /// It also opens after so many failures in a row; 0 for never.
    pub consecutive: u32,
    /// A call that takes at least this long is a failure although it succeeds, if that is wanted.
    pub slow: Option<Duration>,
    /// How long it stays open at first. Doubles each time that the trials fail.
    pub open: Duration,
    /// How long it stays open at most.
    pub longest: Duration,
    /// By up to which share of it an opening is shorter, at random, so that those who opened together do not close together: 0 for
    /// none, to 1.
    pub jitter: f64,
    /// Calls that are let through at the same time while it is half-open, and as many as must succeed for it to close. At least 1.
    pub trials: u32,
}

impl Default for Rules {
    /// Half of at least 20 calls in 10 s; open for 5 s, then 3 trials. (resilience4j has 50 % of 100 calls and 60 s, Polly 10 % of
    /// 100 in 30 s and 5 s: a gateway sees more calls than one client, and can look sooner.) Up to a fifth of it less by chance, as in
    /// gRPC's backoff.
    fn default() -> Self {
        Self {
            failures: 0.5,
            least_calls: 20,
            window: Duration::from_secs(10),
            consecutive: 0,
            slow: None,
            open: Duration::from_secs(5),
            longest: Duration::from_secs(60),
            jitter: 0.2,
            trials: 3,
        }
    }
}

/// Whether a call may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    /// Yes.
    Pass,
    /// Yes, as a trial: [`Breaker::end_trial`] has to follow, whatever becomes of it.
    Trial,
    /// No, and not before this moment.
    Refuse {
        /// When the next trial may be made; in the past if those under way have to end first.
        until: Duration,
    },
}

/// What a breaker is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Everything passes.
    Closed,
    /// Nothing passes.
    Open {
        /// Until then.
        until: Duration,
    },
    /// Trials pass.
    HalfOpen {
        /// Another one may pass now.
        has_room: bool,
    },
}

impl State {
    /// Its name in metrics and on the status page.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open { .. } => "open",
            Self::HalfOpen { .. } => "half_open",
        }
    }
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// It failed.
    pub is_failure: bool,
    /// How long it took.
    pub took: Duration,
}

/// What the end of a call has changed; told once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// It opened.
    Opened {
        /// For how long.
        for_: Duration,
        /// Why.
        why: Why,
    },
    /// The trials succeeded.
    Closed,
}

/// Why a breaker opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Too large a share of the calls failed.
    Share,
    /// Too many in a row failed.
    Consecutive,
    /// A trial failed.
    Trial,
}

impl Why {
    /// As the end of a sentence, for people.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::Share => "too many of its requests fail",
            Self::Consecutive => "too many failures in a row",
            Self::Trial => "a trial failed",
        }
    }
}

/// The state of a breaker. Shared by all callers; outlives changes of its rules.
#[derive(Debug, Default)]
pub struct Breaker {
    /// Milliseconds since the epoch at which it becomes half-open, or became; 0 while it is closed.
    until: AtomicU64,
    /// Openings in a row.
    openings: AtomicU32,
    /// Trials under way.
    trials: AtomicU32,
    /// No further trial may be made now.
    is_full: AtomicBool,
    /// Trials that succeeded since it became half-open.
    succeeded: AtomicU32,
    /// Failures in a row while it is closed.
    failures: AtomicU32,
    /// Milliseconds since the epoch at which the trials began that closed it; 0 if it never was open.
    tried: AtomicU64,
    /// Calls, and those of them that failed.
    window: Window,
}

impl Breaker {
    /// Whether a call may be made.
    #[inline]
    pub fn admit(&self, rules: &Rules, now: Duration) -> Verdict {
        let until = self.until.load(Relaxed);
        if until == 0 {
            return Verdict::Pass;
        }
        self.admit_trial(rules, now, until)
    }

    #[cold]
    fn admit_trial(&self, rules: &Rules, now: Duration, until: u64) -> Verdict {
        let refuse = Verdict::Refuse {
            until: Duration::from_millis(until),
        };
        if until > millis(now) {
            return refuse;
        }
        let most = rules.trials.max(1);
        let begun = self.trials.fetch_update(Relaxed, Relaxed, |trials| {
            (trials < most).then_some(trials + 1)
        });
        match begun {
            Err(_) => return refuse,
            // Should one end in between, this is wrong until the next one ends.
            Ok(before) if before + 1 == most => self.is_full.store(true, Relaxed),
            Ok(_) => {}
        }
        Verdict::Trial
    }

    /// A trial is over, or was not made after all; right after [`record`](Self::record), if there was anything to record. What goes
    /// on afterwards (an answer that is still being read, for hours maybe) is no trial any more, and must not keep its place.
    pub fn end_trial(&self) {
        let _never_below_zero = self
            .trials
            .fetch_update(Relaxed, Relaxed, |trials| trials.checked_sub(1));
        self.is_full.store(false, Relaxed);
    }

    /// Takes in how a call ended. `None` if that changes nothing.
    #[inline]
    pub fn record(&self, rules: &Rules, now: Duration, call: Call) -> Option<Event> {
        let is_slow = rules.slow.is_some_and(|slow| call.took >= slow);
        let is_failure = call.is_failure || is_slow;
        let until = self.until.load(Relaxed);
        if until != 0 {
            return self.record_trial(rules, now, call.took, is_failure, until);
        }
        if !is_failure {
            self.window.add(now, rules.window / SLOTS as u32, 1, 0);
            // A load only while all is well: a store with every call would bounce the line between cores.
            if self.failures.load(Relaxed) != 0 {
                self.failures.store(0, Relaxed);
            }
            return None;
        }
        self.record_failure(rules, now, call.took)
    }

    #[cold]
    fn record_failure(&self, rules: &Rules, now: Duration, took: Duration) -> Option<Event> {
        if millis(now.saturating_sub(took)) < self.tried.load(Relaxed) {
            // It began in the outage that is over: the trials know better.
            return None;
        }
        self.window.add(now, rules.window / SLOTS as u32, 1, 1);
        let failures = self.failures.fetch_add(1, Relaxed).saturating_add(1);
        if rules.consecutive > 0 && failures >= rules.consecutive {
            return self.open(rules, now, 0, Why::Consecutive);
        }
        let sums = self.window.sums(now, rules.window / SLOTS as u32, SLOTS);
        let is_enough = sums.calls >= u64::from(rules.least_calls.max(1));
        let is_too_much = sums.marked as f64 >= rules.failures * sums.calls as f64;
        (is_enough && is_too_much)
            .then(|| self.open(rules, now, 0, Why::Share))
            .flatten()
    }

    /// Only calls that began when it was half-open already are trials: others may end late, and say nothing new.
    #[cold]
    fn record_trial(
        &self,
        rules: &Rules,
        now: Duration,
        took: Duration,
        is_failure: bool,
        until: u64,
    ) -> Option<Event> {
        if millis(now.saturating_sub(took)) < until {
            return None;
        }
        if is_failure {
            return self.open(rules, now, until, Why::Trial);
        }
        let succeeded = self.succeeded.fetch_add(1, Relaxed).saturating_add(1);
        if succeeded < rules.trials.max(1) {
            return None;
        }
        self.window.clear();
        self.failures.store(0, Relaxed);
        self.openings.store(0, Relaxed);
        self.tried.store(until, Relaxed);
        let is_first = self.until.compare_exchange(until, 0, Relaxed, Relaxed);
        is_first.is_ok().then_some(Event::Closed)
    }

    /// Opens it, if it still is as the caller saw it.
    fn open(&self, rules: &Rules, now: Duration, seen: u64, why: Why) -> Option<Event> {
        let doublings = self.openings.load(Relaxed).min(16);
        let for_ = rules.open.saturating_mul(1 << doublings);
        let for_ = for_.min(rules.longest.max(rules.open));
        let for_ = shortened(for_, rules.jitter, now);
        self.succeeded.store(0, Relaxed);
        self.until
            .compare_exchange(seen, millis(now.saturating_add(for_)), Relaxed, Relaxed)
            .ok()?;
        self.openings.fetch_add(1, Relaxed);
        self.failures.store(0, Relaxed);
        Some(Event::Opened { for_, why })
    }

    /// What it is doing.
    #[must_use]
    pub fn state(&self, now: Duration) -> State {
        match self.until.load(Relaxed) {
            0 => State::Closed,
            until if until > millis(now) => State::Open {
                until: Duration::from_millis(until),
            },
            _ => State::HalfOpen {
                has_room: !self.is_full.load(Relaxed),
            },
        }
    }

    /// Closes it and forgets everything: there are no rules any more. True if it was not closed.
    pub fn reset(&self) -> bool {
        self.window.clear();
        self.failures.store(0, Relaxed);
        self.openings.store(0, Relaxed);
        self.tried.store(0, Relaxed);
        self.until.swap(0, Relaxed) != 0
    }
}

/// A time shortened by up to `jitter` of it, to whole milliseconds; by how much follows from `now`.
fn shortened(time: Duration, jitter: f64, now: Duration) -> Duration {
    if jitter <= 0.0 {
        return time;
    }
    // The finisher of SplitMix64 (Steele, Lea, Flood 2014): any change of the nanoseconds changes half of the bits.
    let mut bits = now.as_nanos() as u64;
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^= bits >> 31;
    // 53 bits make a number below 1.
    let chance = (bits >> 11) as f64 / (1_u64 << 53) as f64;
    let less = time.as_millis() as f64 * jitter.min(1.0) * chance;
    time.saturating_sub(Duration::from_millis(less as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// Without chance.
    fn rules() -> Rules {
        Rules {
            jitter: 0.0,
            ..Rules::default()
        }
    }

    const TOOK: Duration = Duration::from_millis(1);
    const GOOD: Call = Call {
        is_failure: false,
        took: TOOK,
    };
    const BAD: Call = Call {
        is_failure: true,
        took: TOOK,
    };

    fn opened(breaker: &Breaker, rules: &Rules, now: Duration) -> Duration {
        for _ in 0..rules.least_calls {
            if let Some(Event::Opened { for_, .. }) = breaker.record(rules, now, BAD) {
                return for_;
            }
        }
        panic!("it did not open");
    }

    #[test]
    fn it_opens_at_the_share_and_not_before_there_are_enough_calls() {
        let (breaker, rules) = (Breaker::default(), rules());
        for _ in 0..19 {
            assert_eq!(
                breaker.record(&rules, at(1000), BAD),
                None,
                "too few say nothing"
            );
        }
        let event = breaker.record(&rules, at(1000), BAD);
        let opened = Event::Opened {
            for_: rules.open,
            why: Why::Share,
        };
        assert_eq!(event, Some(opened));
        assert_eq!(
            breaker.admit(&rules, at(1001)),
            Verdict::Refuse { until: at(6000) }
        );
        assert_eq!(breaker.record(&rules, at(1001), BAD), None, "told once");
    }

    #[test]
    fn below_the_share_it_stays_closed() {
        let (breaker, rules) = (Breaker::default(), rules());
        for number in 0..10_000 {
            let call = if number % 100 < 49 { BAD } else { GOOD };
            // Good ones first: of the first calls, too, less than half fail.
            let call = if number < 100 { GOOD } else { call };
            assert_eq!(breaker.record(&rules, at(number), call), None);
        }
        assert_eq!(breaker.admit(&rules, at(10_000)), Verdict::Pass);
    }

    #[test]
    fn failures_that_are_older_than_the_window_do_not_count() {
        let (breaker, rules) = (Breaker::default(), rules());
        for second in 0..1000 {
            assert_eq!(
                breaker.record(&rules, at(second * 1000), BAD),
                None,
                "{second}"
            );
        }
    }

    #[test]
    fn failures_in_a_row_open_it_however_few() {
        let (breaker, rules) = (
            Breaker::default(),
            Rules {
                consecutive: 3,
                ..rules()
            },
        );
        for call in [BAD, BAD, GOOD, BAD, BAD] {
            assert_eq!(breaker.record(&rules, at(0), call), None);
        }
        let event = breaker.record(&rules, at(0), BAD);
        assert!(matches!(
            event,
            Some(Event::Opened {
                why: Why::Consecutive,
                ..
            })
        ));
    }

    #[test]
    fn slow_calls_count_if_that_is_wanted() {
        let slow = Call {
            is_failure: false,
            took: at(500),
        };
        let patient = Rules {
            consecutive: 1,
            ..Rules::default()
        };
        assert_eq!(Breaker::default().record(&patient, at(1000), slow), None);
        let rules = Rules {
            slow: Some(at(500)),
            ..patient
        };
        assert!(Breaker::default().record(&rules, at(1000), slow).is_some());
        assert_eq!(
            Breaker::default().record(
                &rules,
                at(1000),
                Call {
                    took: at(499),
                    ..slow
                }
            ),
            None
        );
    }

    #[test]
    fn half_open_it_lets_trials_through_and_closes_when_they_succeed() {
        let (breaker, rules) = (Breaker::default(), rules());
        opened(&breaker, &rules, at(0));
        assert!(matches!(
            breaker.admit(&rules, at(4999)),
            Verdict::Refuse { .. }
        ));
        for _ in 0..3 {
            assert_eq!(breaker.admit(&rules, at(5000)), Verdict::Trial);
        }
        assert!(
            matches!(breaker.admit(&rules, at(5000)), Verdict::Refuse { .. }),
            "bounded"
        );
        assert_eq!(breaker.state(at(5000)), State::HalfOpen { has_room: false });
        assert_eq!(breaker.record(&rules, at(5010), GOOD), None);
        assert_eq!(breaker.record(&rules, at(5010), GOOD), None);
        assert_eq!(breaker.record(&rules, at(5010), GOOD), Some(Event::Closed));
        for _ in 0..3 {
            breaker.end_trial();
        }
        assert_eq!(breaker.admit(&rules, at(5011)), Verdict::Pass);
        for _ in 0..19 {
            assert_eq!(
                breaker.record(&rules, at(5012), BAD),
                None,
                "the old failures are forgotten"
            );
        }
    }

    #[test]
    fn a_trial_that_fails_opens_it_for_twice_as_long() {
        let (breaker, rules) = (Breaker::default(), rules());
        opened(&breaker, &rules, at(0));
        let (mut now, mut lengths) = (at(5000), Vec::new());
        for _ in 0..6 {
            assert_eq!(breaker.admit(&rules, now), Verdict::Trial);
            let event = breaker.record(&rules, now + TOOK, BAD);
            breaker.end_trial();
            let Some(Event::Opened {
                for_,
                why: Why::Trial,
            }) = event
            else {
                panic!("{event:?}");
            };
            lengths.push(for_.as_secs());
            now += for_ + TOOK;
        }
        assert_eq!(lengths, [10, 20, 40, 60, 60, 60]);
    }

    #[test]
    fn a_trial_that_nobody_waited_for_gives_its_place_back() {
        let (breaker, rules) = (
            Breaker::default(),
            Rules {
                trials: 1,
                ..rules()
            },
        );
        opened(&breaker, &rules, at(0));
        assert_eq!(breaker.admit(&rules, at(5000)), Verdict::Trial);
        assert!(matches!(
            breaker.admit(&rules, at(9000)),
            Verdict::Refuse { .. }
        ));
        breaker.end_trial();
        assert_eq!(breaker.admit(&rules, at(9000)), Verdict::Trial);
    }

    #[test]
    fn calls_from_before_do_not_decide_about_the_trials() {
        let (breaker, rules) = (Breaker::default(), rules());
        opened(&breaker, &rules, at(0));
        let late = Call {
            is_failure: true,
            took: at(4000),
        };
        assert_eq!(breaker.record(&rules, at(5500), late), None);
        assert_eq!(breaker.admit(&rules, at(5500)), Verdict::Trial);
    }

    /// Opened at 0 s, and closed by three trials 5 s later.
    fn closed_again(rules: &Rules) -> Breaker {
        let breaker = Breaker::default();
        opened(&breaker, rules, at(0));
        for _ in 0..rules.trials {
            assert_eq!(breaker.admit(rules, at(5000)), Verdict::Trial);
            let _last_closes = breaker.record(rules, at(5010), GOOD);
            breaker.end_trial();
        }
        assert_eq!(breaker.state(at(5011)), State::Closed);
        breaker
    }

    #[test]
    fn calls_that_hung_in_an_outage_do_not_open_it_again_when_it_is_over() {
        let often = Rules {
            consecutive: 5,
            ..rules()
        };
        for rules in [rules(), often] {
            let breaker = closed_again(&rules);
            let hung = Call {
                is_failure: true,
                took: at(30_000),
            };
            for number in 0..100 {
                let now = at(30_000 + number);
                assert_eq!(breaker.record(&rules, now, hung), None, "{number}");
            }
            assert_eq!(breaker.admit(&rules, at(31_000)), Verdict::Pass);
            opened(&breaker, &rules, at(31_000));
        }
    }

    #[test]
    fn those_that_open_together_do_not_close_together() {
        let rules = Rules::default();
        let mut lengths: Vec<_> = (0..100)
            .map(|gateway| {
                // The same moment, as counted since their own beginnings.
                let now = at(1000) + Duration::from_nanos(gateway * 1_234_567);
                opened(&Breaker::default(), &rules, now)
            })
            .collect();
        lengths.sort();
        assert!(
            lengths[0] >= at(4000) && lengths[99] <= at(5000),
            "{lengths:?}"
        );
        assert!(
            lengths[25] < at(4400) && lengths[75] > at(4600),
            "spread: {lengths:?}"
        );
        let again = |()| opened(&Breaker::default(), &rules, at(1000));
        assert_eq!(again(()), again(()), "the same moment, the same length");
    }

    #[test]
    fn no_time_is_too_long() {
        let forever = Rules {
            open: Duration::MAX,
            longest: Duration::MAX,
            window: Duration::MAX,
            ..Rules::default()
        };
        let breaker = Breaker::default();
        opened(&breaker, &forever, Duration::MAX);
        opened(&Breaker::default(), &rules(), Duration::MAX);
        assert!(matches!(breaker.state(at(1)), State::Open { .. }));
    }

    #[test]
    fn threads_see_one_opening() {
        let (breaker, rules) = (Breaker::default(), rules());
        let events: usize = std::thread::scope(|scope| {
            let count = || {
                (0..1000)
                    .filter_map(|_| breaker.record(&rules, at(1), BAD))
                    .count()
            };
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(count)).collect();
            threads.into_iter().map(|it| it.join().unwrap()).sum()
        });
        assert_eq!(events, 1);
    }
}

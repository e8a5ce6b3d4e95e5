//! Whether a request that failed is tried again, and when.
//!
//! Another attempt helps when the failure was an accident of one server; it harms when the request was carried out already, or
//! when all servers are overloaded. So the decision asks, in this order: is it a failure that another attempt may mend; may this
//! request be sent twice; was it tried often enough; has the server said when to come back; is there time. What the whole may
//! cost is the [`budget`](super::budget)'s business, and is asked last.
//!
//! The wait before an attempt is random between zero and a bound that doubles ("full jitter": M. Brooker, "Exponential
//! Backoff And Jitter", AWS Architecture Blog, 2015): clients that failed together must not come back together. A failover after
//! a connection that could not be made does not wait: it goes to another server, and has cost nobody anything.

use std::ops::RangeInclusive;
use std::time::Duration;

/// What failed about an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failed {
    /// No connection could be made.
    Connect,
    /// The connection broke before an answer had begun.
    Reset,
    /// No answer in time.
    Timeout,
    /// An answer with this status.
    Status(u16),
    /// Probes found the server to be down while it was asked.
    Down,
}

impl Failed {
    /// Names in metrics, in the order of [`place`](Self::place).
    pub const NAMES: [&'static str; 5] = ["connect", "reset", "timeout", "status", "down"];

    /// Its place in [`NAMES`](Self::NAMES).
    #[must_use]
    pub fn place(self) -> usize {
        match self {
            Self::Connect => 0,
            Self::Reset => 1,
            Self::Timeout => 2,
            Self::Status(_) => 3,
            Self::Down => 4,
        }
    }
}

/// Which failures are worth another attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct On {
    /// No connection could be made.
    pub connect: bool,
    /// The connection broke before an answer had begun, or probes found the server to be down.
    pub reset: bool,
    /// No answer in time.
    pub timeout: bool,
    /// Answers with one of these statuses.
    pub statuses: Vec<RangeInclusive<u16>>,
}

impl On {
    /// True if this failure is among them.
    #[must_use]
    pub fn includes(&self, failed: Failed) -> bool {
        match failed {
            Failed::Connect => self.connect,
            Failed::Reset | Failed::Down => self.reset,
            Failed::Timeout => self.timeout,
            Failed::Status(status) => self.statuses.iter().any(|range| range.contains(&status)),
        }
    }
}

/// How requests are tried again.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    /// Attempts of one request that reach a server, the first one included; 1 for no retry.
    pub attempts: u8,
    /// Which failures are worth another attempt.
    pub on: On,
    /// Requests whose method is not idempotent are repeated also when they may have been carried out.
    pub non_idempotent: bool,
    /// The bound of the first wait; it doubles from attempt to attempt.
    pub backoff: Duration,
    /// The bound of every wait.
    pub longest_backoff: Duration,
    /// The longest wait that a server may ask for (`Retry-After`); one that asks for more is not asked again.
    pub longest_retry_after: Duration,
}

impl Default for Rules {
    /// What every upstream has that says nothing: a connection that cannot be made or breaks is made up for, statuses and
    /// time-outs go to the client.
    fn default() -> Self {
        Self {
            attempts: 3,
            on: On {
                connect: true,
                reset: true,
                timeout: false,
                statuses: Vec::new(),
            },
            non_idempotent: false,
            // Envoy's base interval and its bound of ten times that.
            backoff: Duration::from_millis(25),
            longest_backoff: Duration::from_millis(250),
            longest_retry_after: Duration::from_secs(1),
        }
    }
}

/// A failed attempt, and what is left to go on with.
#[derive(Clone, Copy, Debug)]
pub struct Ask {
    /// What failed.
    pub failed: Failed,
    /// Attempts so far that reached a server, this one included.
    pub sent: u8,
    /// A server may have seen this request, in this attempt or an earlier one.
    pub was_sent: bool,
    /// Carrying it out twice is as good as once (RFC 9110 section 9.2.2).
    pub is_idempotent: bool,
    /// All of it is still at hand.
    pub is_replayable: bool,
    /// What the server said about when to come back.
    pub retry_after: Option<Duration>,
    /// What is left until the deadline.
    pub left: Duration,
    /// A fresh random number.
    pub random: u64,
}

/// What follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Another attempt after this wait, if the budget has room for it.
    Again {
        /// How long to wait; may be zero.
        after: Duration,
    },
    /// No other attempt.
    Stop(Stop),
}

/// Why there is no other attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Such failures go to the client.
    NotListed,
    /// It may have been carried out, and must not be twice.
    NotIdempotent,
    /// A part of its body is gone.
    BodyGone,
    /// It was tried often enough.
    TooOften,
    /// The server wants to be left alone for longer than the rules allow to wait.
    RetryAfter,
    /// The deadline would pass before.
    NoTime,
}

impl Rules {
    /// Whether there is another attempt.
    #[must_use]
    pub fn decide(&self, ask: &Ask) -> Verdict {
        let stop = |why| Verdict::Stop(why);
        if !self.on.includes(ask.failed) {
            return stop(Stop::NotListed);
        }
        if ask.was_sent && !ask.is_idempotent && !self.non_idempotent {
            return stop(Stop::NotIdempotent);
        }
        if !ask.is_replayable {
            return stop(Stop::BodyGone);
        }
        // A connection that could not be made goes elsewhere whatever `attempts` says: the servers that there are bound it.
        let is_free = ask.failed == Failed::Connect && self.attempts > 1;
        if !is_free && ask.sent >= self.attempts {
            return stop(Stop::TooOften);
        }
        let asked = ask.retry_after.unwrap_or(Duration::ZERO);
        if asked > self.longest_retry_after {
            return stop(Stop::RetryAfter);
        }
        // Jitter comes on top of what the server asks for: it may have told all of its clients the same.
        let after = asked.saturating_add(self.wait(ask));
        if after >= ask.left {
            return stop(Stop::NoTime);
        }
        Verdict::Again { after }
    }

    fn wait(&self, ask: &Ask) -> Duration {
        if matches!(ask.failed, Failed::Connect | Failed::Down) {
            return Duration::ZERO;
        }
        let doublings = u32::from(ask.sent.saturating_sub(1)).min(20);
        let bound = self.backoff.saturating_mul(1 << doublings);
        let bound = bound.min(self.longest_backoff);
        // 53 bits make a number below 1.
        bound.mul_f64((ask.random >> 11) as f64 / (1_u64 << 53) as f64)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rules() -> Rules {
        Rules {
            on: On {
                connect: true,
                reset: true,
                timeout: true,
                statuses: vec![502..=504],
            },
            ..Rules::default()
        }
    }

    const ASK: Ask = Ask {
        failed: Failed::Status(503),
        sent: 1,
        was_sent: true,
        is_idempotent: true,
        is_replayable: true,
        retry_after: None,
        left: Duration::MAX,
        random: u64::MAX,
    };

    fn stop(rules: &Rules, ask: Ask) -> Option<Stop> {
        match rules.decide(&ask) {
            Verdict::Again { .. } => None,
            Verdict::Stop(why) => Some(why),
        }
    }

    #[test]
    fn what_is_listed_is_tried_again_up_to_the_attempts() {
        let rules = rules();
        assert_eq!(stop(&rules, ASK), None);
        assert_eq!(stop(&rules, Ask { sent: 2, ..ASK }), None);
        assert_eq!(stop(&rules, Ask { sent: 3, ..ASK }), Some(Stop::TooOften));
        let failed = Failed::Status(500);
        assert_eq!(stop(&rules, Ask { failed, ..ASK }), Some(Stop::NotListed));
        let failed = Failed::Timeout;
        assert_eq!(
            stop(&Rules::default(), Ask { failed, ..ASK }),
            Some(Stop::NotListed)
        );
    }

    #[test]
    fn what_may_have_been_carried_out_is_not_sent_twice() {
        let post = Ask {
            is_idempotent: false,
            ..ASK
        };
        assert_eq!(stop(&rules(), post), Some(Stop::NotIdempotent));
        let asked_for = Rules {
            non_idempotent: true,
            ..rules()
        };
        assert_eq!(stop(&asked_for, post), None);
        let unsent = Ask {
            was_sent: false,
            failed: Failed::Connect,
            ..post
        };
        assert_eq!(stop(&rules(), unsent), None);
        let failed_later = Ask {
            was_sent: true,
            failed: Failed::Connect,
            ..post
        };
        assert_eq!(
            stop(&rules(), failed_later),
            Some(Stop::NotIdempotent),
            "an earlier attempt was sent"
        );
        let gone = Ask {
            is_replayable: false,
            ..ASK
        };
        assert_eq!(stop(&asked_for, gone), Some(Stop::BodyGone));
    }

    #[test]
    fn a_failover_is_not_an_attempt_but_can_be_switched_off() {
        let failover = Ask {
            failed: Failed::Connect,
            sent: 3,
            ..ASK
        };
        assert_eq!(stop(&rules(), failover), None);
        let once = Rules {
            attempts: 1,
            ..rules()
        };
        assert_eq!(stop(&once, failover), Some(Stop::TooOften));
    }

    #[test]
    fn waits_double_up_to_their_bound_and_failovers_do_not_wait() {
        let rules = Rules {
            attempts: 20,
            ..rules()
        };
        let wait = |sent, failed| match rules.decide(&Ask {
            sent,
            failed,
            ..ASK
        }) {
            Verdict::Again { after } => after.as_micros().div_ceil(1000),
            Verdict::Stop(why) => panic!("{why:?}"),
        };
        let waits: Vec<_> = (1..7).map(|sent| wait(sent, Failed::Reset)).collect();
        assert_eq!(waits, [25, 50, 100, 200, 250, 250]);
        assert_eq!(wait(3, Failed::Connect), 0);
    }

    #[test]
    fn a_server_is_left_alone_as_long_as_it_asks_for() {
        let second = Duration::from_secs(1);
        let ask = Ask {
            retry_after: Some(second),
            random: 0,
            ..ASK
        };
        assert_eq!(rules().decide(&ask), Verdict::Again { after: second });
        let ask = Ask {
            retry_after: Some(2 * second),
            ..ASK
        };
        assert_eq!(stop(&rules(), ask), Some(Stop::RetryAfter));
        let ask = Ask {
            left: second,
            ..ask
        };
        assert_eq!(
            stop(
                &Rules {
                    longest_retry_after: 5 * second,
                    ..rules()
                },
                ask
            ),
            Some(Stop::NoTime)
        );
    }

    #[test]
    fn no_time_is_too_long() {
        let patient = Rules {
            longest_retry_after: Duration::MAX,
            ..rules()
        };
        let retry_after = Some(Duration::MAX);
        let ask = Ask { retry_after, ..ASK };
        assert_eq!(stop(&patient, ask), Some(Stop::NoTime));
    }

    proptest! {
        #[test]
        fn no_wait_is_longer_than_its_bound_or_than_what_is_left(sent in 1_u8..=255, random: u64, left in 0_u64..1000) {
            let rules = Rules { attempts: 255, ..rules() };
            let left = Duration::from_millis(left);
            if let Verdict::Again { after } = rules.decide(&Ask { sent, random, left, ..ASK }) {
                prop_assert!(after <= rules.longest_backoff && after < left);
            }
        }
    }
}

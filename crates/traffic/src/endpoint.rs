//! One server of an upstream: how loaded it is and whether it is passed over.
//!
//! An endpoint is shared by all workers, so its state is atomic. The state is advice, not truth: a
//! reader may see it a moment late, and the cost of that is one attempt that goes elsewhere.
//!
//! # Passing over
//! After a failed connection, or [`BROKEN_IN_A_ROW`] broken ones, the endpoint is passed over for a while; each
//! further failure in a row doubles the while, from [`FIRST_PAUSE`] to [`LONGEST_PAUSE`]. When the pause is over the endpoint simply takes part again: the
//! next request is its probe, and one that fails before it was sent goes elsewhere at no cost to the client. Active
//! probes are a later layer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use crate::outcome::Outcome;

/// How long an endpoint is passed over after its first failure. Long enough that a dead endpoint costs
/// few attempts, short enough that a restarted one is back before anyone notices.
pub const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// How many requests in a row must break, each on a connection of its own, before the endpoint is passed over. A
/// connection that cannot be made says something about the server; one that breaks may say something about the
/// request, and one bad URL must not take every server out.
pub const BROKEN_IN_A_ROW: u32 = 3;
/// The longest pause after failures in a row.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(8);

/// A server that requests can be sent to.
#[derive(Debug, Default)]
pub struct Endpoint {
    name: String,
    in_flight: AtomicU32,
    /// Failures in a row that each began a pause.
    failures: AtomicU32,
    /// Requests in a row that broke.
    broken: AtomicU32,
    /// Milliseconds since the epoch until which it is passed over.
    paused_until: AtomicU64,
}

impl Endpoint {
    /// An endpoint that is taken to be well; `name` is for people and metrics.
    #[must_use]
    pub fn new(name: impl Into<String>, _c: &Arc<crate::Changes>, _now: Duration) -> Arc<Self> {
        Arc::new(Self {
            name: name.into(),
            ..Self::default()
        })
    }

    /// Its name, as configured.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many requests are under way to it, over all workers.
    #[must_use]
    pub fn in_flight(&self) -> u32 {
        self.in_flight.load(Relaxed)
    }

    /// True unless it is being passed over.
    #[must_use]
    pub fn is_available(&self, now: Duration) -> bool {
        // Healthy endpoints have 0 here, so that the common case compares with a constant.
        let until = self.paused_until.load(Relaxed);
        until == 0 || millis(now) >= until
    }

    /// When it takes part again, if it is being passed over.
    #[must_use]
    pub fn paused_until(&self, now: Duration) -> Option<Duration> {
        let until = Duration::from_millis(self.paused_until.load(Relaxed));
        (until > now).then_some(until)
    }

    pub fn begin(&self) {
        self.in_flight.fetch_add(1, Relaxed);
    }
    pub fn end(&self) {
        self.in_flight.fetch_sub(1, Relaxed);
    }
    pub fn id(&self) -> u64 {
        crate::hash_key(self.name.as_bytes())
    }
    pub fn is_down(&self) -> bool {
        false
    }
    pub fn set_draining(&self, _d: bool) {}
    pub fn ewma(&self) -> Duration {
        Duration::ZERO
    }
    /// Takes in how an attempt ended. Returns true if this changed whether the endpoint is passed over, so
    /// that the caller can log the change once.
    pub fn observe(&self, now: Duration, outcome: Outcome) -> bool {
        match outcome {
            Outcome::Answered { .. } | Outcome::TimedOut => self.recover(),
            Outcome::ConnectFailed => self.fail(now),
            Outcome::Broken => {
                let broken = self.broken.fetch_add(1, Relaxed) + 1;
                broken >= BROKEN_IN_A_ROW && self.fail(now)
            }
        }
    }

    fn recover(&self) -> bool {
        // Loads only while it is well: a store on every answer would bounce the line between cores.
        if self.broken.load(Relaxed) != 0 {
            self.broken.store(0, Relaxed);
        }
        if self.failures.load(Relaxed) == 0 {
            return false;
        }
        self.failures.store(0, Relaxed);
        self.paused_until.swap(0, Relaxed) != 0
    }

    fn fail(&self, now: Duration) -> bool {
        // Several requests that were under way fail at once; only the first of them counts.
        if !self.is_available(now) {
            return false;
        }
        let failures = self.failures.load(Relaxed).saturating_add(1);
        self.failures.store(failures, Relaxed);
        self.paused_until
            .store(millis(now + pause(failures)).max(1), Relaxed);
        failures == 1
    }
}

fn pause(failures: u32) -> Duration {
    let doubled = FIRST_PAUSE.saturating_mul(1 << failures.saturating_sub(1).min(16));
    doubled.min(LONGEST_PAUSE)
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

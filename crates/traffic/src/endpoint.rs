//! What is known of one server: requests under way, latency, health.
//!
//! An endpoint is shared by all workers and outlives reloads, so its state is atomic. The state is advice, not truth: a
//! reader may see it a moment late, and the cost of that is one attempt that goes elsewhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use crate::balance::hash::hash_key;
use crate::changes::Changes;
use crate::health::Standing;
use crate::health::interval::Interval;
use crate::health::millis;
use crate::health::outlier::Ejection;
use crate::health::pause::Pause;
use crate::health::probe::Probes;
use crate::load::Load;
use crate::resilience::breaker::{self, Breaker};

/// A server that requests can be sent to.
#[derive(Debug)]
pub struct Endpoint {
    name: String,
    id: u64,
    changes: Arc<Changes>,
    /// Milliseconds since the epoch at which it came, or came up; 0 if it has always been there.
    since: AtomicU64,
    /// Milliseconds since the epoch at which its state last changed by something other than time.
    changed: AtomicU64,
    is_draining: AtomicBool,
    pub(crate) pause: Pause,
    pub(crate) ejection: Ejection,
    pub(crate) probes: Probes,
    pub(crate) breaker: Breaker,
    pub(crate) load: Load,
    pub(crate) interval: Interval,
}

impl Endpoint {
    /// An endpoint that is taken to be well; `name` is for people and metrics. `now` is when it came, for slow start; zero if it has
    /// been there since the beginning.
    #[must_use]
    pub fn new(name: impl Into<String>, changes: &Arc<Changes>, now: Duration) -> Arc<Self> {
        let name = name.into();
        Arc::new(Self {
            id: hash_key(name.as_bytes()),
            name,
            changes: Arc::clone(changes),
            since: AtomicU64::new(if now.is_zero() { 0 } else { millis(now) }),
            changed: AtomicU64::new(millis(now)),
            is_draining: AtomicBool::new(false),
            pause: Pause::default(),
            ejection: Ejection::default(),
            probes: Probes::default(),
            breaker: Breaker::default(),
            load: Load::default(),
            interval: Interval::default(),
        })
    }

    /// Its name, as configured.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A hash of the name: the same in every process and version, for hashing algorithms and sticky cookies.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.id
    }

    /// How many requests are under way to it, over all workers.
    #[must_use]
    pub fn in_flight(&self) -> u32 {
        self.load.in_flight()
    }

    /// Counts a request as under way; to be followed by [`end`](Self::end). [`InFlight`] does both.
    pub fn begin(&self) {
        self.load.begin();
    }

    /// The request is no longer under way.
    pub fn end(&self) {
        self.load.end();
    }

    /// The latency estimate: how long it takes to begin an answer; zero if it was never asked.
    #[must_use]
    pub fn ewma(&self) -> Duration {
        self.load.latency_at_last()
    }

    /// True unless it is being passed over.
    #[must_use]
    pub fn is_available(&self, now: Duration) -> bool {
        self.standing(now).is_well()
    }

    /// True if probes say so.
    #[must_use]
    pub fn is_down(&self) -> bool {
        self.probes.is_down()
    }

    /// Says whether it takes new requests.
    pub fn set_draining(&self, is_draining: bool) {
        if self.is_draining.swap(is_draining, Relaxed) != is_draining {
            self.changes.bump();
        }
    }

    /// When its state last changed by something other than time, or it came.
    #[must_use]
    pub fn changed(&self) -> Duration {
        Duration::from_millis(self.changed.load(Relaxed))
    }

    /// Its state changes.
    pub(crate) fn changes(&self, now: Duration) {
        self.changed.store(millis(now), Relaxed);
        self.changes.bump();
    }

    /// It has come up at `now`: slow start begins.
    pub(crate) fn came(&self, now: Duration) {
        self.since.store(millis(now), Relaxed);
    }

    /// When its slow start began, if there is one.
    pub(crate) fn since(&self, now: Duration) -> Option<Duration> {
        let since = self.since.load(Relaxed);
        let came = (since > 0).then(|| Duration::from_millis(since));
        came.max(self.ejection.ended(now))
    }

    pub(crate) fn standing(&self, now: Duration) -> Standing {
        Standing {
            is_draining: self.is_draining.load(Relaxed),
            is_down: self.probes.is_down(),
            ejected_until: self.ejection.until(now),
            paused_until: self.pause.until(now),
            breaker: self.breaker.state(now),
        }
    }

    /// What its breaker is doing; closed if it has none.
    #[must_use]
    pub fn breaker(&self, now: Duration) -> breaker::State {
        self.breaker.state(now)
    }
}

/// A request under way; gives back its place when dropped.
#[derive(Debug)]
pub struct InFlight<H: AsRef<Endpoint>> {
    holder: H,
}

impl<H: AsRef<Endpoint>> InFlight<H> {
    /// Counts a request as under way to the endpoint that `holder` holds.
    #[must_use]
    pub fn new(holder: H) -> Self {
        holder.as_ref().begin();
        Self { holder }
    }

    /// What holds the endpoint.
    #[must_use]
    pub fn holder(&self) -> &H {
        &self.holder
    }
}

impl<H: AsRef<Endpoint>> Drop for InFlight<H> {
    fn drop(&mut self) {
        self.holder.as_ref().end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guard_gives_its_place_back() {
        let endpoint = Endpoint::new("a", &Changes::new(), Duration::ZERO);
        let guards = [
            InFlight::new(Arc::clone(&endpoint)),
            InFlight::new(Arc::clone(&endpoint)),
        ];
        assert_eq!(endpoint.in_flight(), 2);
        assert_eq!(guards[0].holder().name(), "a");
        drop(guards);
        assert_eq!(endpoint.in_flight(), 0);
    }

    #[test]
    fn identifiers_follow_from_names_and_never_change() {
        let id = |name: &str| Endpoint::new(name, &Changes::new(), Duration::ZERO).id();
        assert_eq!(id("10.0.0.1:3000"), id("10.0.0.1:3000"));
        assert_ne!(id("10.0.0.1:3000"), id("10.0.0.2:3000"));
    }

    #[test]
    fn draining_is_a_change_once() {
        let changes = Changes::new();
        let endpoint = Endpoint::new("a", &changes, Duration::ZERO);
        let before = changes.version();
        endpoint.set_draining(false);
        assert_eq!(changes.version(), before);
        endpoint.set_draining(true);
        assert_ne!(changes.version(), before);
        assert!(!endpoint.is_available(Duration::ZERO));
    }
}

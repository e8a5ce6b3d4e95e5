//! When a second attempt is worth its cost: how long most answers of a service take.
//!
//! Now and then one server stalls for no reason that concerns the request: garbage collection, a lost packet, a cold cache. A
//! second attempt elsewhere, sent when the first has taken longer than nearly all others, cuts that tail for a few percent
//! more load (J. Dean, L. A. Barroso, "The Tail at Scale", CACM 56(2), 2013: hedged requests). A fixed time would be wrong
//! as soon as the service becomes slower, and then hedge everything; so it is a percentile of what was measured, and the
//! [`budget`](super::budget) bounds what it may cost.
//!
//! Not for calls that do something: only what may be done twice, and not for services whose slow answers come from their load alone.
//!
//! What is measured are first attempts, also those that lost: their time is at least as long as they were waited for, and that is what
//! they count for. If only answers counted, the slow ones would vanish as soon as they are overtaken, the percentile would sink, more
//! would be hedged, and of the 95th percentile would become the 78th at worst (at its fixed point 1 - h = 0.95 / (1 + h) of h are hedged).
//!
//! A histogram with buckets of an eighth of an octave (12 % wide at most) over all callers; every [`RENEWED`] the percentile is
//! read and all counts are halved, so that what happened five minutes ago is forgotten.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use crate::health::millis;

/// How often the percentile is read.
pub const RENEWED: Duration = Duration::from_secs(1);
/// How often counts are halved, in readings.
const HALVED: u32 = 10;
/// Answers that must be known: of fewer, the 99th percentile is their maximum.
const LEAST: u64 = 100;
/// Buckets per octave.
const PARTS: u32 = 8;
/// From 1 µs to over two minutes.
const BUCKETS: usize = 27 * PARTS as usize;

/// How long answers take, over all callers.
#[derive(Debug)]
pub struct Latencies {
    counts: [AtomicU32; BUCKETS],
    /// Milliseconds since the epoch at which the percentile is read next.
    next: AtomicU64,
    readings: AtomicU32,
    /// The percentile in microseconds; 0 if too little is known.
    threshold: AtomicU64,
}

impl Default for Latencies {
    fn default() -> Self {
        Self {
            counts: std::array::from_fn(|_| AtomicU32::new(0)),
            next: AtomicU64::new(0),
            readings: AtomicU32::new(0),
            threshold: AtomicU64::new(0),
        }
    }
}

impl Latencies {
    /// Takes in how long an answer took, or how long one was waited for that another attempt came before. `share` is the percentile that
    /// is wanted: 0.95 for the 95th.
    pub fn observe(&self, share: f64, now: Duration, took: Duration) {
        self.counts[bucket(took)].fetch_add(1, Relaxed);
        let next = self.next.load(Relaxed);
        let now = millis(now);
        if now < next {
            return;
        }
        let later = now.saturating_add(RENEWED.as_millis() as u64);
        if self
            .next
            .compare_exchange(next, later, Relaxed, Relaxed)
            .is_ok()
        {
            self.read(share);
        }
    }

    /// How long to wait before a second attempt; `None` while too little is known.
    #[must_use]
    pub fn threshold(&self) -> Option<Duration> {
        match self.threshold.load(Relaxed) {
            0 => None,
            micros => Some(Duration::from_micros(micros)),
        }
    }

    #[cold]
    fn read(&self, share: f64) {
        let counts = self.counts.each_ref().map(|count| count.load(Relaxed));
        let sum: u64 = counts.iter().map(|count| u64::from(*count)).sum();
        if sum < LEAST {
            return;
        }
        let wanted = (sum as f64 * share).ceil() as u64;
        let mut passed = 0;
        let place = counts.iter().position(|count| {
            passed += u64::from(*count);
            passed >= wanted
        });
        self.threshold
            .store(upper(place.unwrap_or(BUCKETS - 1)), Relaxed);
        if self.readings.fetch_add(1, Relaxed) % HALVED == HALVED - 1 {
            for count in &self.counts {
                // What is added in between is lost or not halved, which nobody will notice.
                count.store(count.load(Relaxed) / 2, Relaxed);
            }
        }
    }
}

/// The octave, and which eighth of it.
fn bucket(took: Duration) -> usize {
    let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1);
    let octave = micros.ilog2();
    let part = match octave {
        0..3 => (micros << (3 - octave)) & 7,
        _ => (micros >> (octave - 3)) & 7,
    };
    ((octave * PARTS) as usize + part as usize).min(BUCKETS - 1)
}

/// The first microsecond that is no longer in the bucket.
fn upper(bucket: usize) -> u64 {
    let (octave, part) = (bucket as u32 / PARTS, u64::from(bucket as u32 % PARTS));
    ((9 + part) << octave).div_ceil(8)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn too_few_answers_say_nothing() {
        let latencies = Latencies::default();
        for number in 0..99 {
            latencies.observe(0.95, at(number * 1000), at(10));
        }
        assert_eq!(latencies.threshold(), None);
        latencies.observe(0.95, at(100_000), at(10));
        assert!(latencies.threshold().is_some());
    }

    #[test]
    fn the_percentile_is_found_within_an_eighth() {
        let latencies = Latencies::default();
        for number in 0..10_000_u64 {
            // Evenly from 1 to 100 ms.
            latencies.observe(0.95, at(number), at(1 + number % 100));
        }
        let found = latencies.threshold().expect("known").as_secs_f64() * 1e3;
        assert!((95.0..=95.0 * 1.13).contains(&found), "{found}");
    }

    #[test]
    fn it_follows_a_service_that_becomes_slower_and_faster() {
        let latencies = Latencies::default();
        let mut now = 0;
        let mut settle = |took| {
            for _ in 0..60_000 {
                now += 2;
                latencies.observe(0.99, at(now), at(took));
            }
            latencies.threshold().expect("known").as_secs_f64() * 1e3
        };
        assert!((10.0..11.3).contains(&settle(10)));
        assert!((200.0..226.0).contains(&settle(200)));
        assert!((10.0..11.3).contains(&settle(10)));
    }

    #[test]
    fn no_time_panics() {
        let latencies = Latencies::default();
        for time in [Duration::MAX, Duration::ZERO, Duration::MAX] {
            latencies.observe(0.95, time, time);
        }
        assert_eq!(latencies.threshold(), None);
    }

    /// Answers with a long tail; who takes longer than the threshold is hedged, as the gateway does it.
    #[test]
    fn hedges_do_not_make_more_hedges() {
        let latencies = Latencies::default();
        let mut random = fastrand::Rng::with_seed(7);
        // A Pareto distribution: the median is 2 ms, the 95th percentile 20 ms, the 99th 100 ms.
        let mut latency = || Duration::from_secs_f64(0.001 / (1.0 - random.f64()));
        let (mut hedged, mut count) = (0, 0);
        for number in 0..300_000_u64 {
            let now = at(number);
            let first = latency();
            let threshold = latencies.threshold().filter(|threshold| *threshold < first);
            let Some(threshold) = threshold else {
                latencies.observe(0.95, now, first);
                continue;
            };
            if number > 100_000 {
                (hedged, count) = (hedged + 1, number - 100_000);
            }
            let second = latency();
            if threshold + second < first {
                latencies.observe(0.95, now, second);
                latencies.observe(0.95, now, threshold + second);
            } else {
                latencies.observe(0.95, now, first);
            }
        }
        let share = f64::from(hedged) / count as f64;
        assert!(share < 0.055, "{share}");
    }

    proptest! {
        #[test]
        fn every_time_is_in_its_bucket(micros in 1_u64..200_000_000) {
            let place = bucket(Duration::from_micros(micros));
            if place < BUCKETS - 1 {
                prop_assert!(micros < upper(place), "{micros} {place}");
                prop_assert!(micros as f64 * 1.13 + 1.0 >= upper(place) as f64, "{micros} {}", upper(place));
            }
            prop_assert!(place == 0 || upper(place - 1) <= micros || micros < 8);
        }
    }
}

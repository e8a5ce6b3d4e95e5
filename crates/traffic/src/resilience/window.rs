//! Two counters over the last few moments: calls, and those of them that count against somebody.
//!
//! A ring of [`SLOTS`] slots, each for one stretch of time. A slot is one word (stamp, calls, marked calls), so that adding
//! is one atomic addition, a slot that has become old is replaced as a whole, and nothing is counted twice or torn. What an
//! exponential average would do with less memory, this does with a hard end: what happened before the window has no say,
//! so that a bound on the window is a bound on every stretch of its length.
//!
//! Callers need not agree on the time exactly. Who is late by less than the window counts where it belongs. Who is later counts as of
//! the latest moment that anybody has told: by its own time it would take the slot away from those who are on time, and with it
//! what they have counted.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Slots of a window.
pub(crate) const SLOTS: u64 = 10;
/// Bits of each counter: 16 million calls per slot.
const BITS: u32 = 24;
const ONE_CALL: u64 = 1 << BITS;
const COUNT: u64 = ONE_CALL - 1;
/// Stamps are the lowest 16 bits of a tick's number: what is older than half of them is forgotten before it can be taken for new.
const OLDEST: u64 = 1 << 15;
/// Nobody is late by ten minutes: then time was set back, and all begins anew.
const LATEST: u64 = 600_000;

/// Written with every call by every worker: each slot on a cache line of its own would be 640 bytes, and only one slot is
/// written at a time.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(crate) struct Window {
    slots: [AtomicU64; SLOTS as usize],
    /// Milliseconds of about the latest moment that was told: a slot was begun at it.
    latest: AtomicU64,
}

/// What a stretch of time held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    pub(crate) calls: u64,
    pub(crate) marked: u64,
}

impl Window {
    /// Counts `calls` and `marked` (0 or 1 each) into the slot of `now`; slots are `width` long. Returns the tick that they count in.
    #[inline]
    pub(crate) fn add(&self, now: Duration, width: Duration, calls: u64, marked: u64) -> u64 {
        let tick = tick(now, width);
        let slot = self.slot(tick);
        if slot.load(Relaxed) >> (2 * BITS) != stamp(tick) >> (2 * BITS) {
            return self.begin(now, width, calls << BITS | marked);
        }
        slot.fetch_add(calls << BITS | marked, Relaxed);
        tick
    }

    /// The same where the slot is not that tick's: it begins now, or it is over.
    #[cold]
    fn begin(&self, now: Duration, width: Duration, counts: u64) -> u64 {
        let tick = self.catch_up(now, width);
        let slot = self.slot(tick);
        let mut word = slot.load(Relaxed);
        while word >> (2 * BITS) != stamp(tick) >> (2 * BITS) {
            match slot.compare_exchange(word, stamp(tick) | counts, Relaxed, Relaxed) {
                Ok(_) => return tick,
                Err(now) => word = now,
            }
        }
        slot.fetch_add(counts, Relaxed);
        tick
    }

    /// The tick of `now`, or of the latest moment if `now` is before the window that ends there.
    fn catch_up(&self, now: Duration, width: Duration) -> u64 {
        let latest = self.latest.fetch_max(millis(now), Relaxed);
        let tick_of = |millis| tick(Duration::from_millis(millis), width);
        let (own, last) = (tick(now, width), tick_of(latest));
        if latest.saturating_sub(millis(now)) > LATEST {
            self.clear();
            self.latest.store(millis(now), Relaxed);
        } else if latest > 0 && own.saturating_sub(last) >= OLDEST {
            self.clear();
        } else if last.saturating_sub(own) >= SLOTS {
            return last;
        }
        own
    }

    /// Takes one marked call back that counts in that tick.
    pub(crate) fn take_back(&self, tick: u64) {
        let _none_left = self.slot(tick).fetch_update(Relaxed, Relaxed, |word| {
            let is_its = word >> (2 * BITS) == stamp(tick) >> (2 * BITS);
            (is_its && word & COUNT > 0).then(|| word - 1)
        });
    }

    fn slot(&self, tick: u64) -> &AtomicU64 {
        &self.slots[(tick % SLOTS) as usize]
    }

    /// The sums of the slot of `now` and those before it, `slots` in all.
    pub(crate) fn sums(&self, now: Duration, width: Duration, slots: u64) -> Sums {
        let latest = Duration::from_millis(self.latest.load(Relaxed));
        // By the time of whoever is late, what others have counted since would lie in the future.
        let is_late = latest > now && millis(latest) - millis(now) <= LATEST;
        let last = tick(if is_late { latest } else { now }, width);
        let mut sums = Sums::default();
        for tick in (last + 1).saturating_sub(slots.min(SLOTS))..=last {
            let word = self.slot(tick).load(Relaxed);
            if word >> (2 * BITS) == stamp(tick) >> (2 * BITS) {
                sums.calls += word >> BITS & COUNT;
                sums.marked += word & COUNT;
            }
        }
        sums
    }

    /// Forgets everything.
    pub(crate) fn clear(&self) {
        for slot in &self.slots {
            slot.store(0, Relaxed);
        }
    }
}

/// Which stretch of time it is; never 0, so that the first one is not taken for that of slots that were never written.
fn tick(now: Duration, width: Duration) -> u64 {
    if width.as_secs() == 1 && width.subsec_nanos() == 0 {
        return now.as_secs().saturating_add(1).min(u64::MAX - 1);
    }
    millis(now) / millis(width).max(1) + 1
}

/// As the stamp stands in a slot: what does not fit of the tick is cut off.
fn stamp(tick: u64) -> u64 {
    tick << (2 * BITS)
}

/// Ends a tick before what fits.
fn millis(time: Duration) -> u64 {
    let seconds = time.as_secs().saturating_mul(1000);
    seconds
        .saturating_add(u64::from(time.subsec_millis()))
        .min(u64::MAX - 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIDTH: Duration = Duration::from_secs(1);

    fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn what_is_older_than_the_window_has_no_say() {
        let window = Window::default();
        window.add(at(500), WIDTH, 1, 1);
        window.add(at(900), WIDTH, 1, 0);
        window.add(at(1000), WIDTH, 1, 0);
        let sums = |now, slots| window.sums(at(now), WIDTH, slots);
        assert_eq!((sums(1500, 1).calls, sums(1500, 1).marked), (1, 0));
        assert_eq!((sums(1500, 10).calls, sums(1500, 10).marked), (3, 1));
        assert_eq!(sums(9999, 10).calls, 3, "the first second is the tenth");
        assert_eq!(sums(10_000, 10).calls, 1);
        assert_eq!(sums(11_000, 10), Sums::default());
        window.add(at(10_500), WIDTH, 1, 1);
        assert_eq!(
            sums(10_500, 10),
            Sums {
                calls: 2,
                marked: 1
            },
            "in place of the old slot"
        );
    }

    #[test]
    fn what_is_taken_back_was_never_there() {
        let window = Window::default();
        let tick = window.add(at(0), WIDTH, 0, 1);
        window.take_back(tick);
        window.take_back(tick);
        assert_eq!(window.sums(at(0), WIDTH, 10), Sums::default());
        // Ten seconds later the slot is another one's.
        window.add(at(10_000), WIDTH, 0, 1);
        window.take_back(tick);
        assert_eq!(window.sums(at(10_000), WIDTH, 10).marked, 1);
    }

    #[test]
    fn whoever_is_late_takes_nothing_away_from_others() {
        for width in [WIDTH, Duration::from_millis(100)] {
            let window = Window::default();
            for second in 100..110 {
                window.add(at(second * 1000), width, 1, 1);
            }
            let on_time = window.sums(at(109_000), width, 10);
            // By a second, by the window, and by a minute.
            for late in [108_000, 99_000, 49_000] {
                window.add(at(late), width, 1, 0);
            }
            let sums = window.sums(at(109_000), width, 10);
            assert_eq!(sums.marked, on_time.marked, "{width:?}");
            assert_eq!(
                window.sums(at(49_000), width, 10),
                sums,
                "for who is late as well"
            );
        }
    }

    #[test]
    fn time_that_is_set_back_begins_anew() {
        let window = Window::default();
        window.add(at(10_000_000), WIDTH, 1, 1);
        window.add(at(5000), WIDTH, 1, 0);
        let sums = |now| window.sums(at(now), WIDTH, 10);
        assert_eq!((sums(5000).calls, sums(5000).marked), (1, 0));
        window.add(at(16_000), WIDTH, 1, 0);
        assert_eq!(sums(16_000).calls, 1);
    }

    #[test]
    fn what_happened_days_ago_is_not_taken_for_new() {
        let window = Window::default();
        for second in 0..10 {
            window.add(at(second * 1000), WIDTH, 1, 1);
        }
        // After so long both the slots and their stamps are the same again.
        let again = 327_680_000;
        window.add(at(again - 1000), WIDTH, 1, 0);
        assert_eq!(window.sums(at(again + 5000), WIDTH, 10).marked, 0);
    }

    #[test]
    fn no_call_is_lost_between_threads() {
        let window = Window::default();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for number in 0..10_000_u64 {
                        window.add(at(number / 10), WIDTH, 1, number % 2);
                    }
                });
            }
        });
        let sums = window.sums(at(999), WIDTH, 10);
        assert_eq!(
            sums,
            Sums {
                calls: 40_000,
                marked: 20_000
            }
        );
    }
}

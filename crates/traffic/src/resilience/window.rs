//! Two counters over the last few moments: calls, and those of them that count against somebody.
//!
//! A ring of [`SLOTS`] slots, each for one stretch of time. A slot is one word (stamp, calls, marked calls), so that adding
//! is one atomic addition, a slot that has become old is replaced as a whole, and nothing is counted twice or torn. What an
//! exponential average would do with less memory, this does with a hard end: what happened before the window has no say,
//! so that a bound on the window is a bound on every stretch of its length.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Slots of a window.
pub(crate) const SLOTS: u64 = 10;
/// Bits of each counter: 16 million calls per slot.
const BITS: u32 = 24;
const ONE_CALL: u64 = 1 << BITS;
const COUNT: u64 = ONE_CALL - 1;

/// Written with every call by every worker: each slot on a cache line of its own would be 640 bytes, and only one slot is
/// written at a time.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(crate) struct Window {
    slots: [AtomicU64; SLOTS as usize],
}

/// What a stretch of time held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    pub(crate) calls: u64,
    pub(crate) marked: u64,
}

impl Window {
    /// Counts `calls` and `marked` (0 or 1 each) into the slot of `now`; slots are `width` long.
    pub(crate) fn add(&self, now: Duration, width: Duration, calls: u64, marked: u64) {
        let tick = tick(now, width);
        let slot = &self.slots[(tick % SLOTS) as usize];
        let stamp = tick << (2 * BITS);
        let mut word = slot.load(Relaxed);
        while word >> (2 * BITS) != stamp >> (2 * BITS) {
            let fresh = stamp | calls << BITS | marked;
            match slot.compare_exchange(word, fresh, Relaxed, Relaxed) {
                Ok(_) => return,
                Err(now) => word = now,
            }
        }
        slot.fetch_add(calls << BITS | marked, Relaxed);
    }

    /// Takes one marked call back that was added at `now`.
    pub(crate) fn take_back(&self, now: Duration, width: Duration) {
        let slot = &self.slots[(tick(now, width) % SLOTS) as usize];
        let _none_left = slot.fetch_update(Relaxed, Relaxed, |word| {
            (word & COUNT > 0).then(|| word - 1)
        });
    }

    /// The sums of the slot of `now` and those before it, `slots` in all.
    pub(crate) fn sums(&self, now: Duration, width: Duration, slots: u64) -> Sums {
        let last = tick(now, width);
        let mut sums = Sums::default();
        for tick in (last + 1).saturating_sub(slots.min(SLOTS))..=last {
            let word = self.slots[(tick % SLOTS) as usize].load(Relaxed);
            if word >> (2 * BITS) == (tick << (2 * BITS)) >> (2 * BITS) {
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

/// Which stretch of time it is; never 0, the stamp of a slot that was never written.
fn tick(now: Duration, width: Duration) -> u64 {
    if width.as_secs() == 1 && width.subsec_nanos() == 0 {
        return now.as_secs() + 1;
    }
    millis(now) / millis(width).max(1) + 1
}

fn millis(time: Duration) -> u64 {
    time.as_secs() * 1000 + u64::from(time.subsec_millis())
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
        window.add(at(0), WIDTH, 0, 1);
        window.take_back(at(0), WIDTH);
        window.take_back(at(0), WIDTH);
        assert_eq!(window.sums(at(0), WIDTH, 10), Sums::default());
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

//! Counters that a hit can afford.
//!
//! A counter that all threads add to is a queue: its cache line travels with every hit, and a locked add costs as much
//! as a third of the look-up. So each thread has a stripe of its own and adds with a plain load and store; only
//! a snapshot reads all stripes. A thread takes a free number when it first counts and gives it back when it
//! ends. Threads beyond [`STRIPES`] share the last stripe and add to it with a locked instruction.

use std::cell::Cell;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};

/// More threads than machines have cores cannot count at the same time anyway.
const STRIPES: usize = 64;

/// So many counters at most: two cache lines, which processors fetch together.
const WIDTH: usize = 16;

/// What is counted.
#[derive(Debug, Clone, Copy)]
#[repr(usize)]
pub(crate) enum Count {
    /// Answered from memory, fresh.
    Hits,
    /// Of them, those which said that there is no value.
    Negative,
    /// Answered with a stale value.
    Stale,
    /// Not in memory, or not fresh.
    Misses,
    /// Of them, those which waited for another reader's load.
    Coalesced,
    Loads,
    LoadFailures,
    /// Of them, those which took too long.
    LoadTimeouts,
    /// Loads in the background: eager refreshes.
    Refreshes,
    /// Answered "not modified".
    NotModified,
    /// Loaded, and not stored because it had been invalidated meanwhile.
    Overtaken,
    Stores,
    Evictions,
    Invalidations,
    /// Time that loads took, in microseconds.
    LoadMicros,
}

#[repr(align(128))]
struct Stripe([AtomicU64; WIDTH]);

/// A set of counters.
pub(crate) struct Counters(Box<[Stripe]>);

impl Counters {
    pub(crate) fn new() -> Self {
        Self((0..=STRIPES).map(|_| Stripe(Default::default())).collect())
    }

    #[inline]
    pub(crate) fn add(&self, count: Count, amount: u64) {
        let mine = NUMBER.get().unwrap_or_else(take_number);
        let cell = &self.0[mine].0[count as usize];
        if mine < STRIPES {
            // Nobody else writes here.
            cell.store(
                cell.load(Ordering::Relaxed).wrapping_add(amount),
                Ordering::Relaxed,
            );
        } else {
            cell.fetch_add(amount, Ordering::Relaxed);
        }
    }

    #[inline]
    pub(crate) fn one(&self, count: Count) {
        self.add(count, 1);
    }

    pub(crate) fn read(&self, count: Count) -> u64 {
        self.0
            .iter()
            .map(|stripe| stripe.0[count as usize].load(Ordering::Relaxed))
            .fold(0, u64::wrapping_add)
    }
}

thread_local! {
    static NUMBER: Cell<Option<usize>> = const { Cell::new(None) };
    /// Gives the number back when the thread ends.
    static HELD: Cell<Option<Held>> = const { Cell::new(None) };
}

static FREE: Mutex<Numbers> = Mutex::new(Numbers {
    next: 0,
    returned: Vec::new(),
});

struct Numbers {
    next: usize,
    returned: Vec<usize>,
}

struct Held(usize);

impl Drop for Held {
    fn drop(&mut self) {
        // What this thread still counts while it ends goes to the shared stripe.
        NUMBER.set(Some(STRIPES));
        FREE.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .returned
            .push(self.0);
    }
}

#[cold]
fn take_number() -> usize {
    let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
    let number = free.returned.pop().or_else(|| {
        (free.next < STRIPES).then(|| {
            free.next += 1;
            free.next - 1
        })
    });
    drop(free);
    let held = number.and_then(|number| {
        HELD.try_with(|held| held.set(Some(Held(number))))
            .ok()
            .map(|()| number)
    });
    let number = held.unwrap_or(STRIPES);
    NUMBER.set(Some(number));
    number
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_lost_with_more_threads_than_stripes() {
        let counters = Counters::new();
        for _ in 0..2 {
            std::thread::scope(|scope| {
                for _ in 0..2 * STRIPES {
                    scope.spawn(|| (0..1000).for_each(|_| counters.one(Count::Hits)));
                }
            });
        }
        assert_eq!(counters.read(Count::Hits), 4 * STRIPES as u64 * 1000);
    }
}

//! Active probes: an endpoint goes down after `fall` bad ones in a row, and comes up after `rise` good ones in a row.
//!
//! The two thresholds keep one lost packet from taking a server out and one lucky answer from bringing a dying one back
//! (HAProxy's `rise` and `fall`). An endpoint nobody has probed yet is up: waiting for the first probes would
//! turn every start into an outage.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

const DOWN: u32 = 1 << 31;

/// The highest bit says that it is down, the others how many probes in a row said otherwise.
#[derive(Debug, Default)]
pub(crate) struct Probes(AtomicU32);

impl Probes {
    pub(crate) fn is_down(&self) -> bool {
        self.0.load(Relaxed) & DOWN != 0
    }

    /// Takes in a probe; `Some(true)` if it came up by it, `Some(false)` if it went down. Thresholds of 0 are taken as 1.
    pub(crate) fn observe(&self, is_good: bool, rise: u32, fall: u32) -> Option<bool> {
        let next = |word: u32| {
            let is_down = word & DOWN != 0;
            let streak = (word & !DOWN) + 1;
            match (is_down, is_good) {
                (true, true) if streak >= rise => 0,
                (false, false) if streak >= fall => DOWN,
                (true, true) | (false, false) => (word & DOWN) | streak.min(DOWN - 1),
                (true, false) | (false, true) => word & DOWN,
            }
        };
        let before = self
            .0
            .fetch_update(Relaxed, Relaxed, |word| Some(next(word)))
            .unwrap_or_else(|word| word);
        let is_down = next(before) & DOWN != 0;
        (is_down != (before & DOWN != 0)).then_some(!is_down)
    }

    /// Nobody probes any more: it is up. True if it was down.
    pub(crate) fn forget(&self) -> bool {
        self.0.swap(0, Relaxed) & DOWN != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_row_changes_the_state_and_each_change_is_told_once() {
        let probes = Probes::default();
        let told: Vec<_> = [
            (false, None),
            (false, None),
            (true, None),
            (false, None),
            (false, None),
            (false, Some(false)),
            (false, None),
            (true, None),
            (false, None),
            (true, None),
            (true, Some(true)),
            (true, None),
        ]
        .into_iter()
        .map(|(is_good, wanted)| (probes.observe(is_good, 2, 3), wanted))
        .collect();
        assert!(told.iter().all(|(got, wanted)| got == wanted), "{told:?}");
    }

    #[test]
    fn thresholds_of_zero_are_one() {
        let probes = Probes::default();
        assert_eq!(probes.observe(false, 0, 0), Some(false));
        assert_eq!(probes.observe(true, 0, 0), Some(true));
    }

    #[test]
    fn without_probes_it_is_up() {
        let probes = Probes::default();
        assert!(!probes.forget());
        probes.observe(false, 1, 1);
        assert!(probes.is_down());
        assert!(probes.forget());
        assert!(!probes.is_down());
    }
}

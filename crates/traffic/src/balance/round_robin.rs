//! Round robin: each endpoint in turn.
//!
//! Use it when requests cost about the same and endpoints are alike: its shares are exact and its order can be
//! predicted. Do not use it when some requests are slow: a turn is a turn, however many requests an endpoint is
//! still busy with; [`P2c`](super::P2c) looks. Each worker turns on its own, so that the shares are exact per
//! worker.

use super::first_open;

/// Whose turn it is.
#[derive(Clone, Debug, Default)]
pub struct RoundRobin {
    next: usize,
}

impl RoundRobin {
    /// Starts at the endpoint of that index (modulo their number).
    #[must_use]
    pub fn new(start: usize) -> Self {
        Self { next: start }
    }

    /// The next of `count` endpoints that `is_open`.
    pub(super) fn pick(&mut self, count: usize, is_open: impl Fn(usize) -> bool) -> Option<usize> {
        let start = self.next.checked_rem(count)?;
        let index = first_open(count, start, is_open)?;
        self.next = index + 1;
        Some(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_gets_its_turn_and_a_closed_one_is_skipped() {
        let mut balancer = RoundRobin::new(1);
        let picks: Vec<_> = (0..6).map(|_| balancer.pick(3, |_| true)).collect();
        assert_eq!(picks, [1, 2, 0, 1, 2, 0].map(Some));
        let picks: Vec<_> = (0..4)
            .map(|_| balancer.pick(3, |index| index != 2))
            .collect();
        assert_eq!(picks, [1, 0, 1, 0].map(Some));
        assert_eq!(balancer.pick(3, |_| false), None);
    }
}

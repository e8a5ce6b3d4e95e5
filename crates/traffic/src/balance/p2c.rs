//! Power of two choices: of two endpoints chosen at random, the one with fewer requests under way.
//!
//! Use it as the default: a slow endpoint collects requests and so gets fewer of them, without a scan over all
//! endpoints and without the herd that follows when everybody picks the one minimum. Do not use it when
//! shares must be exact. Two choices bring the longest queue from about log n / log log n down to about
//! log log n (M. Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing", IEEE TPDS 12(10), 2001).

use std::sync::Arc;

use super::first_open;
use crate::endpoint::Endpoint;

/// Has no state: the load is the endpoints' own.
#[derive(Clone, Debug, Default)]
pub struct P2c;

impl P2c {
    /// The better of two that are `is_open`; `random` chooses both.
    pub(super) fn pick(
        &mut self,
        endpoints: &[Arc<Endpoint>],
        is_open: impl Fn(usize) -> bool,
        random: u64,
    ) -> Option<usize> {
        let count = endpoints.len();
        if count == 0 {
            return None;
        }
        // Two distinct positions: the second is at a random distance from the first.
        let start = below(random as u32, count);
        let distance = if count > 1 {
            1 + below((random >> 32) as u32, count - 1)
        } else {
            0
        };
        let first = first_open(count, start, &is_open)?;
        let second = first_open(count, (start + distance) % count, &is_open)?;
        let is_second_lighter = endpoints[second].in_flight() < endpoints[first].in_flight();
        Some(if is_second_lighter { second } else { first })
    }
}

/// Scales 32 random bits to `0..count` by multiplication (D. Lemire, "Fast Random Integer Generation in an
/// Interval", 2019, without its last correction: the bias is below `count` / 2^32).
fn below(random: u32, count: usize) -> usize {
    ((u64::from(random) * count as u64) >> 32) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_even_when_load_is() {
        let endpoints: Vec<_> = (0..5)
            .map(|i: usize| Endpoint::new(i.to_string()))
            .collect();
        let mut rng = fastrand::Rng::with_seed(3);
        let mut picks = [0_u32; 5];
        for _ in 0..50_000 {
            let pick = P2c
                .pick(&endpoints, |_| true, rng.u64(..))
                .expect("all are open");
            picks[pick] += 1;
        }
        assert!(
            picks.iter().all(|count| (9_500..10_500).contains(count)),
            "{picks:?}"
        );
    }

    #[test]
    fn the_busiest_is_never_picked_while_others_are_open() {
        let endpoints: Vec<_> = (0..4)
            .map(|i: usize| Endpoint::new(i.to_string()))
            .collect();
        let _busy = [endpoints[2].begin(), endpoints[2].begin()];
        let mut rng = fastrand::Rng::with_seed(4);
        for _ in 0..10_000 {
            assert_ne!(P2c.pick(&endpoints, |_| true, rng.u64(..)), Some(2));
        }
    }
}

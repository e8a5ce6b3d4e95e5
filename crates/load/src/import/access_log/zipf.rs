//! How popular things are: Zipf's law, by which the r-th most popular of n is asked for in proportion to r^-s.

use std::collections::HashMap;

/// Most things that are counted, over all pages.
const MOST: usize = 500_000;
/// Requests per thing below which the order of the rare ones is chance, and the exponent comes out too large.
const ENOUGH: u64 = 10;
/// By how much the share of the most popular ones may differ from that of the law.
const TOLERANCE: f64 = 0.05;

/// How often each number was asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Popularity {
    counts: HashMap<u64, u64>,
    is_incomplete: bool,
}

/// Zipf's law, as far as it fits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Zipf {
    /// How many things there are.
    pub(super) n: u64,
    /// The exponent; 0 if all are asked for alike.
    pub(super) s: f64,
}

impl Popularity {
    /// Counts a request; `room` is what is left of the memory of all.
    pub(super) fn add(&mut self, number: u64, room: &mut Room) {
        if let Some(count) = self.counts.get_mut(&number) {
            *count += 1;
        } else if room.0 < MOST {
            room.0 += 1;
            self.counts.insert(number, 1);
        } else {
            self.is_incomplete = true;
        }
    }

    /// How many different ones there were.
    pub(super) fn distinct(&self) -> usize {
        self.counts.len()
    }

    /// The law, if the numbers go from 1 without many gaps, there are enough requests to tell, and it fits.
    pub(super) fn zipf(&self) -> Option<Zipf> {
        let n = self.counts.keys().max().copied()?;
        let total: u64 = self.counts.values().sum();
        let distinct = self.counts.len() as u64;
        let is_dense = n >= 2 && n <= distinct.saturating_mul(2) && !self.counts.contains_key(&0);
        if self.is_incomplete || !is_dense || total < n.saturating_mul(ENOUGH) {
            return None;
        }
        let mut ranked: Vec<u64> = self.counts.values().copied().collect();
        ranked.sort_unstable_by(|one, other| other.cmp(one));
        let s = exponent(&ranked, n);
        let zipf = Zipf {
            n,
            s: (s * 100.0).round() / 100.0,
        };
        fits(&ranked, zipf).then_some(zipf)
    }
}

/// How much has been counted by all.
#[derive(Debug, Default)]
pub(super) struct Room(usize);

/// The exponent of greatest likelihood: that for which the mean logarithm of the rank is what was seen. It falls as the exponent
/// rises, so halving finds it.
fn exponent(ranked: &[u64], n: u64) -> f64 {
    let total: u64 = ranked.iter().sum();
    let ranks = ranked.iter().zip(1_u32..);
    let sum: f64 = ranks
        .map(|(count, rank)| *count as f64 * f64::from(rank).ln())
        .sum();
    let seen = sum / total as f64;
    let (mut low, mut high) = (0.0, 5.0);
    while high - low > 1e-4 {
        let middle = f64::midpoint(low, high);
        let (mut weights, mut logs) = (0.0, 0.0);
        for rank in 1..=n {
            let ln = (rank as f64).ln();
            let weight = (-middle * ln).exp();
            weights += weight;
            logs += weight * ln;
        }
        match logs / weights > seen {
            true => low = middle,
            false => high = middle,
        }
    }
    f64::midpoint(low, high)
}

/// Whether the most popular 1 % and 10 % have the share that they should have.
fn fits(ranked: &[u64], zipf: Zipf) -> bool {
    let total: u64 = ranked.iter().sum();
    let weight = |rank: u64| (rank as f64).powf(-zipf.s);
    let all: f64 = (1..=zipf.n).map(weight).sum();
    [100, 10].into_iter().all(|part| {
        let top = zipf.n.div_ceil(part);
        let wanted = (1..=top).map(weight).sum::<f64>() / all;
        let seen = ranked.iter().take(top as usize).sum::<u64>() as f64 / total as f64;
        (wanted - seen).abs() <= TOLERANCE
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(numbers: impl Iterator<Item = u64>) -> Popularity {
        let mut popularity = Popularity::default();
        let mut room = Room::default();
        numbers.for_each(|number| popularity.add(number, &mut room));
        popularity
    }

    /// Draws by inversion of the distribution.
    fn drawn(n: u64, s: f64, draws: usize) -> impl Iterator<Item = u64> {
        let mut sums = Vec::new();
        let mut sum = 0.0;
        for rank in 1..=n {
            sum += (rank as f64).powf(-s);
            sums.push(sum);
        }
        let mut rng = fastrand::Rng::with_seed(7);
        (0..draws).map(move |_| {
            let point = rng.f64() * sum;
            sums.partition_point(|sum| *sum < point) as u64 + 1
        })
    }

    #[test]
    fn the_exponent_of_draws_is_found_again() {
        for (n, s, draws) in [
            (1000, 0.99, 200_000),
            (1000, 1.1, 200_000),
            (100, 0.5, 50_000),
        ] {
            let zipf = counted(drawn(n, s, draws)).zipf().expect("enough");
            assert!((zipf.s - s).abs() <= 0.02, "{zipf:?} instead of {s}");
            assert!(zipf.n <= n && zipf.n > n * 9 / 10, "{zipf:?}");
        }
    }

    #[test]
    fn all_alike_is_an_exponent_near_zero() {
        let even = counted((0..100_000).map(|number| number % 100 + 1)).zipf();
        assert_eq!(even, Some(Zipf { n: 100, s: 0.0 }));
    }

    #[test]
    fn no_law_is_claimed_that_does_not_hold() {
        let sparse = drawn(100, 1.0, 50_000).map(|number| number * 1000);
        assert_eq!(counted(sparse).zipf(), None, "numbers with gaps");
        assert_eq!(counted(drawn(1000, 1.0, 2000)).zipf(), None, "too few");
        let steps = (0..100_000).map(|number| {
            if number % 2 == 0 {
                1
            } else {
                number / 2 % 1000 + 1
            }
        });
        assert_eq!(
            counted(steps).zipf(),
            None,
            "half of all for one, and the rest alike"
        );
        assert_eq!(counted(std::iter::empty()).zipf(), None);
    }
}

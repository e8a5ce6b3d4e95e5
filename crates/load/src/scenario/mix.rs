//! Which scenario comes next.
//!
//! # The idea
//! An exact split is a table that repeats itself: of weights 60, 30 and 10 one of ten sessions. Then a session's scenario follows from
//! its number, without a counter that threads or generators would have to share. The order within it keeps every scenario within
//! one of its share after any number of sessions: the n-th session of a scenario has a first and a last place (release
//! ⌊(n−1)·W/w⌋, deadline ⌈n·W/w⌉), and earliest deadline first meets them all (proportionate fairness: S. Baruah et al., Algorithmica 15,
//! 1996).

use fastrand::Rng;

use crate::test::{Mix, Test};

/// Longest period of an exact split: a table of this length takes 400 kB.
pub const LONGEST_PERIOD: u64 = 100_000;

/// A mix, prepared for choosing.
#[derive(Debug)]
pub(super) enum Chooser {
    /// By weight.
    Random(Cumulative),
    /// The scenario of each session, over and over.
    Exact(Vec<u32>),
    /// By what came before.
    Markov {
        start: Cumulative,
        next: Vec<Cumulative>,
        most: u32,
    },
}

impl Chooser {
    pub(super) fn new(test: &Test) -> Self {
        let weights: Vec<f64> = test.scenarios.iter().map(|one| one.weight).collect();
        match &test.mix {
            Mix::Random => Self::Random(Cumulative::of_weights(&weights)),
            Mix::Exact => {
                let whole = whole_weights(&weights).unwrap_or_else(|| rounded(&weights));
                Self::Exact(spread(&whole))
            }
            Mix::Markov(markov) => Self::Markov {
                start: Cumulative::of_weights(&markov.start),
                next: markov
                    .next
                    .iter()
                    .map(|row| Cumulative::of_shares(row))
                    .collect(),
                most: markov.most,
            },
        }
    }

    /// What comes next in a session that has done `done` scenarios, the last of which was `last`. `turn` is the session's number
    /// in an exact split.
    pub(super) fn next(&self, turn: u64, done: u32, last: usize, rng: &mut Rng) -> Option<usize> {
        match self {
            Self::Random(weights) if done == 0 => weights.pick(rng),
            Self::Exact(table) if done == 0 => {
                let place = turn.checked_rem(table.len() as u64)?;
                Some(table[place as usize] as usize)
            }
            Self::Markov { start, .. } if done == 0 => start.pick(rng),
            Self::Markov { next, most, .. } if done < *most => next.get(last)?.pick(rng),
            _ => None,
        }
    }
}

/// Shares one behind the other.
#[derive(Debug)]
pub(super) struct Cumulative {
    sums: Vec<f64>,
    /// Draws lie below this; those above the last sum choose nothing.
    top: f64,
}

impl Cumulative {
    /// One of them is always chosen, unless all are 0.
    fn of_weights(weights: &[f64]) -> Self {
        let sums = sums(weights);
        let top = sums.last().copied().unwrap_or(0.0);
        Self { sums, top }
    }

    /// What they lack to 1 chooses nothing. A lack of rounding is none.
    fn of_shares(shares: &[f64]) -> Self {
        let sums = sums(shares);
        let last = sums.last().copied().unwrap_or(0.0);
        let top = if last > 1.0 - 1e-9 { last } else { 1.0 };
        Self { sums, top }
    }

    fn pick(&self, rng: &mut Rng) -> Option<usize> {
        let drawn = rng.f64() * self.top;
        // The first sum above: one without a share has the same sum as the one before it.
        let index = self.sums.partition_point(|sum| *sum <= drawn);
        (index < self.sums.len()).then_some(index)
    }
}

fn sums(shares: &[f64]) -> Vec<f64> {
    let mut sum = 0.0;
    let mut add = |share: &f64| {
        sum += share.max(0.0);
        sum
    };
    shares.iter().map(&mut add).collect()
}

/// Weights as whole numbers without a common factor; `None` if their sum is then above [`LONGEST_PERIOD`], or 0.
#[must_use]
pub fn whole_weights(weights: &[f64]) -> Option<Vec<u64>> {
    let scaled = |scale: f64| -> Option<Vec<u64>> {
        let one = |weight: &f64| {
            let exact = weight * scale;
            let whole = exact.round();
            let is_whole = (exact - whole).abs() <= 1e-9 * exact.abs().max(1.0);
            (is_whole && (0.0..1e15).contains(&whole)).then_some(whole as u64)
        };
        weights.iter().map(one).collect()
    };
    let whole = [1.0, 10.0, 100.0, 1e3, 1e4, 1e5]
        .into_iter()
        .find_map(scaled)?;
    let factor = whole.iter().copied().fold(0, greatest_common_divisor);
    let whole: Vec<u64> = whole.iter().map(|weight| weight / factor.max(1)).collect();
    let sum = whole
        .iter()
        .try_fold(0_u64, |sum, weight| sum.checked_add(*weight))?;
    (1..=LONGEST_PERIOD).contains(&sum).then_some(whole)
}

fn greatest_common_divisor(one: u64, other: u64) -> u64 {
    match other {
        0 => one,
        other => greatest_common_divisor(other, one % other),
    }
}

/// Weights that cannot be had exactly, as closely as the longest period can.
fn rounded(weights: &[f64]) -> Vec<u64> {
    let sum: f64 = weights.iter().sum();
    let share = |weight: &f64| (weight / sum * LONGEST_PERIOD as f64).round() as u64;
    weights.iter().map(share).collect()
}

/// One period: each index as often as its weight says, spread evenly.
fn spread(weights: &[u64]) -> Vec<u32> {
    let period: u64 = weights.iter().sum();
    let mut given = vec![0_u64; weights.len()];
    let mut table = Vec::with_capacity(period as usize);
    for slot in 0..period {
        let deadline = |index: usize| ((given[index] + 1) * period).div_ceil(weights[index]);
        let may = |index: &usize| {
            let (weight, given) = (weights[*index], given[*index]);
            given < weight && given * period / weight <= slot
        };
        let next = (0..weights.len())
            .filter(may)
            .min_by_key(|index| deadline(*index));
        let next = next.expect("the releases of a slot are never fewer than the slots before");
        given[next] += 1;
        table.push(next as u32);
    }
    table
}

#[cfg(test)]
mod tests;

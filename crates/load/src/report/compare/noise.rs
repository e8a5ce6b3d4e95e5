//! Blocks of two runs, and whether what differs between them is chance.

use std::collections::BTreeMap;

use crate::Results;
use crate::results::Interval;

/// Fewest blocks that say anything about their spread.
pub(super) const FEWEST: usize = 8;
/// Most blocks: longer ones depend less on each other.
const MOST: usize = 20;
/// Wilcoxon's signed ranks: for 8 to 20 differences the largest sum of the rarer sign that is significant, two-sided 99 %.
const CRITICAL: [f64; MOST - FEWEST + 1] = [
    0.0, 1.0, 3.0, 5.0, 7.0, 9.0, 12.0, 15.0, 19.0, 23.0, 27.0, 32.0, 37.0,
];

/// Blocks at the same places in both.
pub(super) fn blocks(old: &Results, new: &Results) -> Vec<(Interval, Interval)> {
    let mut before = BTreeMap::new();
    for one in seconds_of(old) {
        before.insert(one.at.round() as i64, one);
    }
    let both = seconds_of(new).filter_map(|now| {
        let at = now.at.round() as i64;
        before.get(&at).map(|before| (*before, now))
    });
    let both: Vec<_> = both.collect();
    let length = both.len().div_ceil(MOST).max(1);
    let sum = |chunk: &[(&Interval, &Interval)]| {
        let mut sums = (Interval::default(), Interval::default());
        for (old, new) in chunk {
            // `Interval::add` puts the same second together; these are one after the other.
            let duration = sums.0.duration + old.duration;
            sums.0.add(old);
            sums.0.duration = duration;
            let duration = sums.1.duration + new.duration;
            sums.1.add(new);
            sums.1.duration = duration;
        }
        sums
    };
    both.chunks_exact(length).map(sum).collect()
}

/// Whole seconds outside of warm-ups.
fn seconds_of(results: &Results) -> impl Iterator<Item = &Interval> {
    let seconds = results.series.iter();
    seconds.filter(|one| one.duration > 0.9 && !results.is_warm_up(one.at + one.duration / 2.0))
}

/// The sign of differences that are not only chance at 99 % (F. Wilcoxon 1945); equal pairs are left out.
pub(super) fn beyond_noise(differences: &[f64]) -> Option<f64> {
    let mut sorted: Vec<f64> = differences
        .iter()
        .copied()
        .filter(|one| *one != 0.0)
        .collect();
    sorted.sort_by(|a, b| a.abs().total_cmp(&b.abs()));
    let critical = *CRITICAL.get(sorted.len().checked_sub(FEWEST)?)?;
    let (mut up, mut down) = (0.0, 0.0);
    for one in &sorted {
        // Those that are equally large share their ranks.
        let first = sorted.partition_point(|other| other.abs() < one.abs());
        let after = sorted.partition_point(|other| other.abs() <= one.abs());
        let rank = (first + 1 + after) as f64 / 2.0;
        *(if *one > 0.0 { &mut up } else { &mut down }) += rank;
    }
    let is_significant = f64::min(up, down) <= critical;
    is_significant.then_some(up - down)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of all 2^n ways to give ranks 1 to n a sign, the share in which those of one sign sum up to at most `sum`.
    fn chance(n: usize, sum: usize) -> f64 {
        let most = n * (n + 1) / 2;
        let mut ways = vec![0.0; most + 1];
        ways[0] = 1.0;
        for rank in 1..=n {
            for total in (rank..=most).rev() {
                ways[total] += ways[total - rank];
            }
        }
        ways[..=sum].iter().sum::<f64>() / 2f64.powi(n as i32)
    }

    #[test]
    fn the_critical_sums_are_those_of_99_percent() {
        for (n, critical) in (FEWEST..=MOST).zip(CRITICAL) {
            let sum = critical as usize;
            assert!(
                2.0 * chance(n, sum) <= 0.01 && 2.0 * chance(n, sum + 1) > 0.01,
                "{n}"
            );
        }
    }

    #[test]
    fn a_pause_hides_nothing() {
        let mut differences = vec![0.001; 20];
        differences[7] = -5.0;
        assert!(beyond_noise(&differences).is_some_and(|direction| direction > 0.0));
        let both: Vec<_> = (0..20)
            .map(|i| if i % 2 == 0 { 1.0 } else { -1.0 })
            .collect();
        assert_eq!(beyond_noise(&both), None);
        assert_eq!(beyond_noise(&[0.0; 20]), None);
        assert_eq!(beyond_noise(&[1.0; 7]), None);
    }
}

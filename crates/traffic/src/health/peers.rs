//! Comparing endpoints with their peers: who fails, or takes, far more than the others do?
//!
//! # Success rate
//! Envoy ejects whoever lies `k` standard deviations below the mean of *all*. One outlier among `n` can never lie more than
//! `(n - 1) / √n` deviations below a mean it is part of (1.15 for three, 1.79 for five), so that Envoy's 1.9 takes six endpoints to
//! eject anybody. Here each is compared with the mean and deviation of the *others*, which works from three on. The
//! others may agree perfectly, so the deviation also has the sampling error of the endpoint's own rate
//! (binomial), and is never below [`LEAST_DEVIATION`].
//!
//! # Latency
//! The mean latency of an interval against the median of the others' (a median, because a second slow one must not hide the first).
//!
//! Use these where many requests of one kind go to servers that should be alike. Not where endpoints differ by design: the slower
//! half of a mixed fleet would take turns in being ejected.

use super::interval::Counts;
use crate::policy::Outlier;
use crate::state::Cause;

/// Endpoints with enough requests that there must be for anybody to be compared.
pub(crate) const LEAST_ENDPOINTS: usize = 3;
/// The least deviation of success rates: with a factor of 1.9, 3.8 points below the others are too few to eject.
const LEAST_DEVIATION: f64 = 0.02;

/// Who stands out, the worst first, by the index that came with the counts.
pub(crate) fn outliers(counts: &[(usize, Counts)], policy: &Outlier) -> Vec<(usize, Cause)> {
    let mut found = by_success_rate(counts, policy);
    for (index, cause) in by_latency(counts, policy) {
        if found.iter().all(|(other, _)| *other != index) {
            found.push((index, cause));
        }
    }
    found
}

fn by_success_rate(counts: &[(usize, Counts)], policy: &Outlier) -> Vec<(usize, Cause)> {
    if !policy.success_rate_deviations.is_finite() {
        return Vec::new();
    }
    let rates: Vec<(usize, f64, f64)> = counts
        .iter()
        .filter(|(_, counts)| counts.requests >= policy.least_requests.max(1))
        .map(|(index, counts)| {
            let requests = f64::from(counts.requests);
            let rate = 1.0 - f64::from(counts.failures.min(counts.requests)) / requests;
            (*index, rate, requests)
        })
        .collect();
    if rates.len() < LEAST_ENDPOINTS {
        return Vec::new();
    }
    let sum: f64 = rates.iter().map(|(_, rate, _)| rate).sum();
    let squares: f64 = rates.iter().map(|(_, rate, _)| rate * rate).sum();
    let others = rates.len() as f64 - 1.0;
    worst_first(rates.iter().filter_map(|(index, rate, requests)| {
        let mean = (sum - rate) / others;
        let spread = ((squares - rate * rate) / others - mean * mean).max(0.0);
        let sampling = mean * (1.0 - mean).max(0.0) / requests;
        let deviation = (spread + sampling).sqrt().max(LEAST_DEVIATION);
        let below = (mean - rate) / deviation;
        (below > policy.success_rate_deviations).then_some((*index, below))
    }))
    .map(|index| (index, Cause::SuccessRate))
    .collect()
}

fn by_latency(counts: &[(usize, Counts)], policy: &Outlier) -> Vec<(usize, Cause)> {
    if !policy.latency_factor.is_finite() {
        return Vec::new();
    }
    let mut means: Vec<(usize, f64)> = counts
        .iter()
        .filter(|(_, counts)| counts.timed >= policy.least_requests.max(1))
        .map(|(index, counts)| (*index, counts.micros as f64 / f64::from(counts.timed)))
        .collect();
    if means.len() < LEAST_ENDPOINTS {
        return Vec::new();
    }
    means.sort_by(|a, b| a.1.total_cmp(&b.1));
    worst_first(
        means
            .iter()
            .enumerate()
            .filter_map(|(place, (index, mean))| {
                let factor = mean / median_without(&means, place).max(1.0);
                (factor > policy.latency_factor).then_some((*index, factor))
            }),
    )
    .map(|index| (index, Cause::Latency))
    .collect()
}

/// The median of a sorted list without the one at `place`.
fn median_without(sorted: &[(usize, f64)], place: usize) -> f64 {
    let other = |rank: usize| sorted[if rank < place { rank } else { rank + 1 }].1;
    let count = sorted.len() - 1;
    (other((count - 1) / 2) + other(count / 2)) / 2.0
}

fn worst_first(found: impl Iterator<Item = (usize, f64)>) -> impl Iterator<Item = usize> {
    let mut found: Vec<_> = found.collect();
    found.sort_by(|a, b| b.1.total_cmp(&a.1));
    found.into_iter().map(|(index, _)| index)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(deviations: f64, factor: f64) -> Outlier {
        Outlier {
            success_rate_deviations: deviations,
            latency_factor: factor,
            ..Outlier::default()
        }
    }

    fn rates(failures: &[u32]) -> Vec<(usize, Counts)> {
        let counts = |failures: &u32| Counts {
            requests: 100,
            failures: *failures,
            timed: 100,
            micros: 100 * 1000,
        };
        failures.iter().map(counts).enumerate().collect()
    }

    fn latencies(millis: &[u64]) -> Vec<(usize, Counts)> {
        let counts = |millis: &u64| Counts {
            requests: 100,
            failures: 0,
            timed: 100,
            micros: 100 * 1000 * millis,
        };
        millis.iter().map(counts).enumerate().collect()
    }

    #[test]
    fn three_are_enough_to_find_the_one_that_fails() {
        let found = outliers(&rates(&[0, 30, 1]), &policy(1.9, f64::INFINITY));
        assert_eq!(found, [(1, Cause::SuccessRate)]);
    }

    #[test]
    fn two_say_nothing_and_neither_do_those_with_few_requests() {
        assert_eq!(outliers(&rates(&[0, 100]), &policy(1.9, 5.0)), []);
        let mut few = rates(&[0, 0, 100]);
        few[2].1.requests = 49;
        assert_eq!(outliers(&few, &policy(1.9, f64::INFINITY)), []);
    }

    #[test]
    fn when_all_fail_alike_nobody_stands_out() {
        let all = rates(&[50, 55, 45, 60, 40]);
        assert_eq!(outliers(&all, &policy(1.9, f64::INFINITY)), []);
        assert_eq!(outliers(&rates(&[0, 3, 1]), &policy(1.9, 5.0)), [], "noise");
    }

    #[test]
    fn the_slow_are_found_the_slowest_first() {
        let found = outliers(&latencies(&[10, 80, 12, 200, 9]), &policy(1.9, 5.0));
        assert_eq!(found, [(3, Cause::Latency), (1, Cause::Latency)]);
        assert_eq!(outliers(&latencies(&[10, 49, 12]), &policy(1.9, 5.0)), []);
    }

    #[test]
    fn one_that_stands_out_twice_is_told_once() {
        let mut both = latencies(&[10, 10, 500]);
        both[2].1.failures = 90;
        assert_eq!(
            outliers(&both, &policy(1.9, 5.0)),
            [(2, Cause::SuccessRate)]
        );
    }
}

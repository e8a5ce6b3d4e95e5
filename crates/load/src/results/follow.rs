//! Results of tests that were done one after the other, as one: the steps of a ramp.

use super::Results;
use super::merge::sum_errors;

impl Results {
    /// Puts the results of a later test of the same scenarios behind these: its phases follow, sums are added, seconds keep their
    /// distance. Thresholds of neither are kept: each was of its own test.
    #[must_use]
    pub fn followed_by(mut self, later: Self) -> Self {
        let shift = (later.started - self.started).max(self.duration);
        self.duration = shift + later.duration;
        self.total.add(&later.total);
        for mut phase in later.phases {
            phase.start += shift;
            self.phases.push(phase);
        }
        for (step, more) in self.steps.iter_mut().zip(&later.steps) {
            step.totals.add(&more.totals);
        }
        for mut interval in later.series {
            interval.at += shift;
            self.series.push(interval);
        }
        self.errors = sum_errors(&self.errors, &later.errors);
        self.generator.add(&later.generator);
        for why in later.generator.invalid {
            if !self.generator.invalid.contains(&why) {
                self.generator.invalid.push(why);
            }
        }
        self.ended_early = self.ended_early.or(later.ended_early);
        self.thresholds.clear();
        self
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::report::fixture::results;

    #[test]
    fn phases_and_seconds_keep_their_distance_and_sums_are_added() {
        let first = results(1, 1.0);
        let mut second = results(1, 1.0);
        second.started = first.started + first.duration + 2.5;
        let both = first.clone().followed_by(second.clone());
        assert_eq!(both.total.done, first.total.done + second.total.done);
        assert_eq!(both.phases.len(), 2 * first.phases.len());
        let begins = both.phases[first.phases.len()].start;
        assert!(
            (begins - first.duration - 2.5 - second.phases[0].start).abs() < 1e-6,
            "{begins}"
        );
        assert_eq!(both.series.len(), 2 * first.series.len());
        assert!(both.series.is_sorted_by(|one, next| one.at < next.at));
        assert!((both.duration - (first.duration * 2.0 + 2.5)).abs() < 1e-6);
        assert_eq!(both.total.latency.count(), 2 * first.total.latency.count());
        assert!(both.total.latency.max() >= Some(Duration::ZERO) && both.thresholds.is_empty());
    }
}

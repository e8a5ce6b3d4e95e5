//! Results of several generators as one.
//!
//! # The idea
//! Counts and histograms are sums, so nothing is lost: percentiles of the whole are told from the histogram of the whole, never
//! from parts' percentiles (which say nothing about it). Seconds are aligned by when the generators began by their clocks, to
//! the nearest second. Thresholds are judged again.

use std::collections::BTreeMap;
use std::fmt;

use crate::threshold::judge;

use super::{ErrorCount, Generator, Interval, PhaseResult, Results};

/// Generators that began further apart than this did not make the load that was planned, in seconds.
const TOGETHER: f64 = 1.0;

/// Why results cannot be added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MergeError {
    /// For people.
    pub message: String,
}

impl fmt::Display for MergeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for MergeError {}

fn refuse<T>(message: impl Into<String>) -> Result<T, MergeError> {
    let message = message.into();
    Err(MergeError { message })
}

impl Results {
    /// Puts all parts together, in the order of their numbers, whatever the order of the files.
    ///
    /// # Errors
    /// When there is none, or as [`Results::add`].
    pub fn merge(parts: impl IntoIterator<Item = Self>) -> Result<Self, MergeError> {
        let mut parts: Vec<_> = parts.into_iter().collect();
        parts.sort_by(|a, b| a.shards.cmp(&b.shards));
        let started = || parts.iter().map(|part| part.started);
        let apart = started().fold(0.0, f64::max) - started().fold(f64::INFINITY, f64::min);
        let mut parts = parts.into_iter();
        let Some(mut whole) = parts.next() else {
            return refuse("there are no results to put together");
        };
        for part in parts {
            whole.add_part(&part)?;
        }
        whole.began_apart(apart);
        Ok(whole)
    }

    /// Adds another generator's part of the same test.
    ///
    /// # Errors
    /// When it is part of another test, or already in here. Nothing was changed then.
    pub fn add(&mut self, other: &Self) -> Result<(), MergeError> {
        let apart = (self.started - other.started).abs();
        self.add_part(other)?;
        self.began_apart(apart);
        Ok(())
    }

    /// Says so if generators began further apart than they may have. Between two of several that is the first and the last.
    fn began_apart(&mut self, apart: f64) {
        if apart > TOGETHER {
            let invalid = &mut self.generator.invalid;
            invalid.push(format!(
                "generators began {apart:.1} s apart, so that the load was not what was planned; use --start-at"
            ));
        }
    }

    fn add_part(&mut self, other: &Self) -> Result<(), MergeError> {
        self.compare_tests(other)?;
        let thresholds = match self.written_thresholds() {
            Ok(thresholds) => thresholds,
            Err(error) => {
                return refuse(format!(
                    "the results' thresholds cannot be judged again: {error}"
                ));
            }
        };
        self.align(other);
        self.sum_up(other);
        self.thresholds = judge(&thresholds, self);
        Ok(())
    }

    /// Whether the two are different parts of one test.
    fn compare_tests(&self, other: &Self) -> Result<(), MergeError> {
        let differs = |what: &str, one: &str, two: &str| {
            refuse(format!(
                "these are results of different tests: {what} `{one}` and `{two}`"
            ))
        };
        if self.name != other.name {
            return differs("they are called", &self.name, &other.name);
        }
        if self.target != other.target {
            return differs("the targets are", &self.target, &other.target);
        }
        if self.is_open != other.is_open {
            return refuse("these are results of different tests: an open and a closed model");
        }
        if self.shard_count != other.shard_count {
            return refuse(format!(
                "these are results of different tests: parts of {} and of {} (--shard)",
                self.shard_count, other.shard_count
            ));
        }
        let twice = other
            .shards
            .iter()
            .find(|index| self.shards.contains(index));
        if let Some(index) = twice {
            return refuse(format!(
                "part {} of {} is there twice; give each generator its own --shard, and each file once",
                index + 1,
                self.shard_count
            ));
        }
        if let (Some(own), Some(others)) = (&self.plan, &other.plan)
            && own != others
        {
            return refuse(
                "these are results of different tests: something other than phases and steps differs, such as the --seed, the arrivals, the weights, \
                 think times or data",
            );
        }
        self.compare_plans(other)
    }

    fn compare_plans(&self, other: &Self) -> Result<(), MergeError> {
        let different =
            |what: &str| refuse(format!("these are results of different tests: {what}"));
        // A test that was ended early has only the phases that it came to.
        for (one, two) in self.phases.iter().zip(&other.phases) {
            if (&one.name, one.is_warm_up, one.rate, one.users)
                != (&two.name, two.is_warm_up, two.rate, two.users)
            {
                let (one, two) = (&one.name, &two.name);
                return different(&format!("phases `{one}` and `{two}` are not the same"));
            }
        }
        let whole = |it: &Self| it.ended_early.is_none();
        if self.phases.len() != other.phases.len() && whole(self) && whole(other) {
            let (one, two) = (self.phases.len(), other.phases.len());
            return different(&format!("{one} phases and {two}"));
        }
        let names = |it: &Self| -> Vec<_> {
            let steps = it.steps.iter();
            steps
                .map(|step| (step.scenario.clone(), step.group.clone(), step.name.clone()))
                .collect()
        };
        if names(self) != names(other) {
            return different("their steps are not the same");
        }
        let thresholds = |it: &Self| -> Vec<_> {
            let all = it.thresholds.iter();
            all.map(|one| (one.threshold.clone(), one.scope.clone()))
                .collect()
        };
        if thresholds(self) != thresholds(other) {
            return different("their thresholds are not the same");
        }
        let (begun, over) = (self.started.max(other.started), self.end().min(other.end()));
        if begun > over {
            return refuse(format!(
                "the parts did not run at the same time: one began {:.0} s after the other had ended; use --start-at",
                begun - over
            ));
        }
        Ok(())
    }

    /// When it ended, seconds since 1970.
    fn end(&self) -> f64 {
        self.started + self.duration
    }

    /// Puts phases and seconds on a time that begins with the earlier of the two, and adds the other's to them.
    fn align(&mut self, other: &Self) {
        let started = self.started.min(other.started);
        let end = self.end().max(other.end());
        let (shift, others_shift) = (self.started - started, other.started - started);
        for (index, theirs) in other.phases.iter().enumerate() {
            match self.phases.get_mut(index) {
                Some(ours) => ours.add(shift, theirs, others_shift),
                None => self.phases.push(theirs.moved(others_shift)),
            }
        }
        for ours in self.phases.iter_mut().skip(other.phases.len()) {
            *ours = ours.moved(shift);
        }
        let mut seconds: BTreeMap<i64, Interval> = BTreeMap::new();
        let own = std::mem::take(&mut self.series).into_iter();
        let others = other.series.iter().cloned();
        let all = own.map(|one| (one, shift));
        // A whole number of seconds, so that a generator's seconds stay apart.
        for (one, shift) in all.chain(others.map(|one| (one, others_shift))) {
            let at = one.at + shift.round();
            match seconds.get_mut(&(at.round() as i64)) {
                Some(sum) => sum.add(&one),
                None => {
                    seconds.insert(at.round() as i64, Interval { at, ..one });
                }
            }
        }
        self.series = seconds.into_values().collect();
        (self.started, self.duration) = (started, end - started);
    }

    /// Adds all that has no time.
    fn sum_up(&mut self, other: &Self) {
        self.total.add(&other.total);
        for (ours, theirs) in self.steps.iter_mut().zip(&other.steps) {
            ours.totals.add(&theirs.totals);
        }
        self.errors = sum_errors(&self.errors, &other.errors);
        let early = [&self.ended_early, &other.ended_early];
        let early: Vec<_> = early.into_iter().flatten().cloned().collect();
        self.ended_early = match &*early {
            [one, two] if one == two => Some(one.clone()),
            [] => None,
            _ => Some(early.join("; ")),
        };
        let (own, others) = (self.labelled_invalid(), other.labelled_invalid());
        self.generator.add(&other.generator);
        self.generator.invalid = own.into_iter().chain(others).collect();
        self.generator.invalid.dedup();
        for (ours, theirs) in self.thresholds.iter_mut().zip(&other.thresholds) {
            ours.aborted |= theirs.aborted;
        }
        let environments = other.environments.iter().cloned();
        self.environments.extend(environments);
        self.shards.extend(&other.shards);
    }

    /// Why the numbers are invalid, with the generator that says so.
    fn labelled_invalid(&self) -> Vec<String> {
        let invalid = self.generator.invalid.iter();
        match *self.shards {
            [index] => invalid
                .map(|why| match why.starts_with("generators began") {
                    true => why.clone(),
                    false => format!("generator {} of {}: {why}", index + 1, self.shard_count),
                })
                .collect(),
            _ => invalid.cloned().collect(),
        }
    }
}

impl PhaseResult {
    fn moved(&self, shift: f64) -> Self {
        let start = self.start + shift;
        Self {
            start,
            ..self.clone()
        }
    }

    /// Adds another generator's part of the same phase.
    fn add(&mut self, shift: f64, other: &Self, others_shift: f64) {
        let (start, others_start) = (self.start + shift, other.start + others_shift);
        let end = (start + self.duration).max(others_start + other.duration);
        // What was under way on the mean of the whole: each generator's own mean, for as long as it was there.
        let under_way = self.in_flight * self.duration + other.in_flight * other.duration;
        self.start = start.min(others_start);
        self.duration = end - self.start;
        self.in_flight = if self.duration > 0.0 {
            under_way / self.duration
        } else {
            0.0
        };
        self.totals.add(&other.totals);
    }
}

impl Interval {
    /// Adds another generator's same second.
    pub fn add(&mut self, other: &Self) {
        self.duration = self.duration.max(other.duration);
        let counts = [
            (&mut self.arrivals, other.arrivals),
            (&mut self.begun, other.begun),
            (&mut self.done, other.done),
            (&mut self.failed, other.failed),
            (&mut self.received_bytes, other.received_bytes),
        ];
        for (sum, count) in counts {
            *sum = sum.saturating_add(count);
        }
        self.users = self.users.saturating_add(other.users);
        self.in_flight = self.in_flight.saturating_add(other.in_flight);
        self.latency.add(&other.latency);
        for (kind, count) in &other.errors {
            let sum = self.errors.entry(*kind).or_default();
            *sum = sum.saturating_add(*count);
        }
    }
}

impl Generator {
    pub(super) fn add(&mut self, other: &Self) {
        self.lag.add(&other.lag);
        self.waited = self.waited.saturating_add(other.waited);
        self.dropped = self.dropped.saturating_add(other.dropped);
        self.cpu = self.cpu.max(other.cpu);
        self.cpu_seconds += other.cpu_seconds;
    }
}

pub(super) fn sum_errors(ours: &[ErrorCount], theirs: &[ErrorCount]) -> Vec<ErrorCount> {
    let mut sums = BTreeMap::new();
    for error in ours.iter().chain(theirs) {
        let key = (error.kind, error.step.clone(), error.message.clone());
        let sum: &mut u64 = sums.entry(key).or_default();
        *sum = sum.saturating_add(error.count);
    }
    let error = |((kind, step, message), count)| ErrorCount {
        kind,
        message,
        step,
        count,
    };
    let mut errors: Vec<_> = sums.into_iter().map(error).collect();
    errors.sort_by_key(|error| std::cmp::Reverse(error.count));
    errors
}

#[cfg(test)]
mod tests;

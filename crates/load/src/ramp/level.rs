//! One load, as often as it was measured.

use super::{Cause, Measured, Objective, Point};

/// A broken objective, or nearly broken: above this share of what is allowed.
const NEARLY: f64 = 0.9;

/// Measurements that the generator spoilt, after which a load is given up.
const SPOILT: usize = 2;

/// All that was measured at one load; medians of it, so that one bad window of three changes nothing.
#[derive(Clone, Debug)]
pub(super) struct Level {
    load: f64,
    /// Those in which the generator kept up.
    valid: Vec<Measured>,
    invalid: usize,
}

impl Level {
    pub(super) fn new(load: f64, measured: Measured) -> Self {
        let mut level = Self {
            load,
            valid: Vec::new(),
            invalid: 0,
        };
        level.add(measured);
        level
    }

    pub(super) fn add(&mut self, measured: Measured) {
        if measured.is_valid {
            self.valid.push(measured);
        } else {
            self.invalid += 1;
        }
    }

    pub(super) fn load(&self) -> f64 {
        self.load
    }

    /// Whether the generator kept up at least once.
    pub(super) fn is_valid(&self) -> bool {
        !self.valid.is_empty()
    }

    /// How often it was measured well.
    pub(super) fn count(&self) -> usize {
        self.valid.len()
    }

    /// Good answers per second; 0 if there is none.
    pub(super) fn throughput(&self) -> f64 {
        median(self.valid.iter().map(|one| one.throughput)).unwrap_or(0.0)
    }

    /// The share that failed.
    pub(super) fn errors(&self) -> f64 {
        median(self.valid.iter().map(|one| one.errors)).unwrap_or(0.0)
    }

    /// What most measurements broke, if most did.
    pub(super) fn breaks(&self, objective: &Objective) -> Option<Cause> {
        if !self.is_valid() {
            return Some(Cause::Generator);
        }
        let broken: Vec<Cause> = self
            .valid
            .iter()
            .filter_map(|one| broken(one, objective))
            .collect();
        // A tie counts as broken, which is the careful side.
        (broken.len() * 2 >= self.valid.len())
            .then(|| broken.first().copied())
            .flatten()
    }

    /// Whether another measurement may change the verdict.
    pub(super) fn is_doubtful(&self, objective: &Objective) -> bool {
        match self.valid.as_slice() {
            [] => self.invalid < SPOILT,
            [one] => {
                is_nearly_broken(one, objective)
                    && self.invalid < SPOILT
                    && broken(one, objective) != Some(Cause::NoAnswers)
            }
            [one, two] => broken(one, objective).is_some() != broken(two, objective).is_some(),
            _ => false,
        }
    }

    /// As a result; none if the generator spoilt it.
    pub(super) fn point(&self) -> Option<Point> {
        let latencies = self.valid.iter().filter_map(|one| one.latency);
        self.is_valid().then(|| Point {
            load: self.load,
            throughput: self.throughput(),
            latency: median(latencies.map(|one| one.as_secs_f64())),
            errors: self.errors(),
            in_flight: median(self.valid.iter().map(|one| one.in_flight)).unwrap_or(0.0),
            measurements: self.valid.len(),
        })
    }
}

/// What a measurement breaks. One without answers does, whatever the objective is: no samples are no good samples.
fn broken(measured: &Measured, objective: &Objective) -> Option<Cause> {
    if measured.latency.is_none() || measured.throughput <= 0.0 {
        return Some(Cause::NoAnswers);
    }
    if measured.errors > objective.errors {
        return Some(Cause::Errors);
    }
    let (_, within) = objective.latency?;
    (measured.latency > Some(within)).then_some(Cause::Latency)
}

fn is_nearly_broken(measured: &Measured, objective: &Objective) -> bool {
    let stricter = Objective {
        latency: objective
            .latency
            .map(|(share, within)| (share, within.mul_f64(NEARLY))),
        // No errors at all are never near to some.
        errors: objective.errors * NEARLY,
    };
    broken(measured, &stricter).is_some()
}

fn median(all: impl Iterator<Item = f64>) -> Option<f64> {
    let mut all: Vec<f64> = all.collect();
    all.sort_by(f64::total_cmp);
    let middle = all.len() / 2;
    match all.len() {
        0 => None,
        count if count % 2 == 1 => Some(all[middle]),
        _ => Some(f64::midpoint(all[middle - 1], all[middle])),
    }
}

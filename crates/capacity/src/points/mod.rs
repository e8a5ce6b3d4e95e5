//! Points of a load test: how many requests were under way, how many were completed per second, how long they took.
//!
//! Points are checked when they are made, so that no law meets a NaN. Repetitions at one concurrency are kept as they are:
//! their mean would hide how far apart they are, which is what a fit's standard errors come from.

mod error;
mod parse;

use serde::Serialize;

pub use error::{Place, PointsError, Reason};

/// No measurement has a larger number; its square still has a lot of room in a float.
const LARGEST: f64 = 1e12;

/// The most points. A ramp has some tens; what has more is a log of requests, not of load levels.
pub const MOST: usize = 10_000;

/// One level of load, as it was measured.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Point {
    /// Requests under way on average: above 0.
    pub concurrency: f64,
    /// Requests completed per second: above 0.
    pub throughput: f64,
    /// In seconds, above 0: their mean, or a percentile if that is what was measured.
    pub latency: Option<f64>,
}

impl Point {
    /// A point without latency.
    #[must_use]
    pub fn new(concurrency: f64, throughput: f64) -> Self {
        Self {
            concurrency,
            throughput,
            latency: None,
        }
    }

    /// This point with a latency in seconds.
    #[must_use]
    pub fn with_latency(self, latency: f64) -> Self {
        Self {
            latency: Some(latency),
            ..self
        }
    }

    /// Concurrency and throughput.
    pub(crate) fn pair(&self) -> (f64, f64) {
        (self.concurrency, self.throughput)
    }

    fn check(&self, place: impl Fn(usize) -> Place) -> Result<(), PointsError> {
        let numbers = [
            (NAMES[0], Some(self.concurrency)),
            (NAMES[1], Some(self.throughput)),
            (NAMES[2], self.latency),
        ];
        for (at, (name, number)) in numbers.into_iter().enumerate() {
            if let Some(reason) = number.and_then(Reason::against) {
                return Err(PointsError::Number {
                    place: place(at),
                    name,
                    reason,
                });
            }
        }
        Ok(())
    }
}

/// The columns, in the order in which they are shown.
const NAMES: [&str; 3] = ["concurrency", "throughput", "latency"];

/// At least one point; every number in it is finite, above zero, and at most 10¹².
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Points(Vec<Point>);

impl Points {
    /// Checks `points`, which stay in their order.
    ///
    /// # Errors
    /// There are none, too many ([`MOST`]), or one has a number that no measurement has.
    pub fn new(points: Vec<Point>) -> Result<Self, PointsError> {
        for (index, point) in points.iter().enumerate() {
            point.check(|_| Place::Index(index))?;
        }
        Self::counted(points)
    }

    fn counted(points: Vec<Point>) -> Result<Self, PointsError> {
        match points.len() {
            0 => Err(PointsError::Empty),
            count if count > MOST => Err(PointsError::TooMany),
            _ => Ok(Self(points)),
        }
    }

    /// All of them.
    pub fn iter(&self) -> std::slice::Iter<'_, Point> {
        self.0.iter()
    }

    /// How many there are.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "there is always one")]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Concurrency, throughput and latency of each level of load, from the lowest on: repetitions are averaged here. None if a
    /// point has no latency.
    pub(crate) fn levels(&self) -> Option<Vec<(f64, f64, f64)>> {
        let mut all: Vec<(f64, f64, f64)> = self
            .iter()
            .map(|one| Some((one.concurrency, one.throughput, one.latency?)))
            .collect::<Option<_>>()?;
        all.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mean = |same: &[(f64, f64, f64)]| {
            let count = same.len() as f64;
            let sum = |of: fn(&(f64, f64, f64)) -> f64| same.iter().map(of).sum::<f64>() / count;
            (same[0].0, sum(|one| one.1), sum(|one| one.2))
        };
        Some(all.chunk_by(|a, b| a.0 == b.0).map(mean).collect())
    }
}

impl<'a> IntoIterator for &'a Points {
    type Item = &'a Point;
    type IntoIter = std::slice::Iter<'a, Point>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_that_cannot_be_is_named() {
        let error = Points::new(vec![Point::new(1.0, 5.0), Point::new(2.0, f64::NAN)])
            .expect_err("NaN is no throughput");
        assert_eq!(
            error.to_string(),
            "point 2: the throughput is not a number: leave out what was not measured"
        );
        for wrong in [0.0, -1.0, f64::INFINITY, 1e13] {
            assert!(Points::new(vec![Point::new(wrong, 1.0)]).is_err());
            assert!(Points::new(vec![Point::new(1.0, 1.0).with_latency(wrong)]).is_err());
        }
    }

    #[test]
    fn there_is_at_least_one_and_not_a_log_of_requests() {
        assert_eq!(Points::new(Vec::new()), Err(PointsError::Empty));
        let many = vec![Point::new(1.0, 1.0); MOST + 1];
        assert_eq!(Points::new(many), Err(PointsError::TooMany));
    }

    #[test]
    fn repetitions_are_one_level_of_load() {
        let point = |n, x, r| Point::new(n, x).with_latency(r);
        let points = Points::new(vec![
            point(4.0, 10.0, 0.4),
            point(1.0, 5.0, 0.2),
            point(4.0, 20.0, 0.2),
        ])
        .expect("they are in range");
        let levels = points.levels().expect("all have a latency");
        assert_eq!(levels[0], (1.0, 5.0, 0.2));
        assert_eq!((levels[1].0, levels[1].1), (4.0, 15.0));
        assert!((levels[1].2 - 0.3).abs() < 1e-12);
        assert_eq!(points.len(), 3);
    }
}

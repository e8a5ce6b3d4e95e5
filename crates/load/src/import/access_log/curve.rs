//! How much was asked for when: arrivals per minute as a few phases.
//!
//! The busiest stretch is what a test should repeat. Its minutes are smoothed lightly (¼, ½, ¼: a spike of a minute stays one), and
//! the curve is made of as few straight lines as keep within a twentieth of its peak, or within what chance makes of a constant rate
//! (Ramer, 1972; Douglas and Peucker, 1973).

use std::collections::BTreeMap;

/// Most minutes that are told apart, about a year. More are dates of a broken clock.
const MINUTES: usize = 600_000;
/// How far a line may be from the curve, as a part of its peak.
const TOLERANCE: f64 = 0.05;
/// By how many standard deviations a line may differ from arrivals that are independent of each other: its ends are chance as well.
const DEVIATIONS: f64 = 4.0;
/// Most phases.
const PHASES: usize = 24;
const MINUTE: i64 = 60 * 1_000_000_000;

/// Arrivals by minute.
#[derive(Clone, Debug, Default)]
pub(super) struct Minutes(BTreeMap<i64, u64>);

/// A straight line of the curve: arrivals per second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Line {
    pub(super) seconds: u64,
    pub(super) from: f64,
    pub(super) to: f64,
}

/// The busiest stretch.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Curve {
    /// When it begins, nanoseconds since 1970.
    pub(super) begins: i64,
    /// Minutes of the stretch.
    pub(super) minutes: u64,
    /// Arrivals in it.
    pub(super) arrivals: u64,
    /// The lines, at least one.
    pub(super) lines: Vec<Line>,
    /// When the busiest minute begins, and arrivals per second in it.
    pub(super) peak: (i64, f64),
}

impl Curve {
    /// Arrivals per second on average.
    pub(super) fn mean(&self) -> f64 {
        self.arrivals as f64 / (self.minutes * 60) as f64
    }
}

impl Minutes {
    /// Counts an arrival.
    pub(super) fn add(&mut self, at: i64) {
        let minute = at.div_euclid(MINUTE);
        if self.0.len() < MINUTES || self.0.contains_key(&minute) {
            *self.0.entry(minute).or_default() += 1;
        }
    }

    /// When the first and the last arrival was, to the minute.
    pub(super) fn span(&self) -> Option<(i64, i64)> {
        let first = self.0.keys().next()?;
        let last = self.0.keys().next_back()?;
        Some((first * MINUTE, last * MINUTE))
    }

    /// Where the busiest stretch of at most so many minutes begins, and how long it is.
    pub(super) fn busiest(&self, most: u64) -> Option<(i64, u64)> {
        let (first, last) = (*self.0.keys().next()?, *self.0.keys().next_back()?);
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let length = last
            .saturating_sub(first)
            .saturating_add(1)
            .min(most)
            .max(1);
        let mut window = 0;
        let mut best = (0, first);
        let mut behind = self.0.iter().peekable();
        // The best stretch may as well end where an arrival is, unless that is before there are enough minutes.
        for (minute, count) in &self.0 {
            window += count;
            while let Some((old, gone)) = behind.next_if(|(old, _)| **old <= minute - length) {
                debug_assert!(old < minute);
                window -= gone;
            }
            if window > best.0 {
                best = (window, (minute - length + 1).max(first));
            }
        }
        Some((best.1, length as u64))
    }

    /// The curve of a stretch.
    pub(super) fn curve(&self, begins: i64, minutes: u64) -> Curve {
        let ends = begins.saturating_add_unsigned(minutes);
        let mut counts = vec![0_u64; minutes as usize];
        for (minute, count) in self.0.range(begins..ends) {
            counts[(minute - begins) as usize] = *count;
        }
        let arrivals = counts.iter().sum();
        let busiest = (0..counts.len()).rev().max_by_key(|place| counts[*place]);
        let busiest = busiest.unwrap_or_default();
        let peak = counts
            .get(busiest)
            .map_or(0.0, |count| *count as f64 / 60.0);
        Curve {
            begins: begins * MINUTE,
            minutes,
            arrivals,
            lines: lines(&counts, arrivals),
            peak: ((begins + busiest as i64) * MINUTE, peak),
        }
    }
}

/// The lines through the smoothed minutes, with the same arrivals in all.
fn lines(counts: &[u64], arrivals: u64) -> Vec<Line> {
    let at = |place: usize| counts[place.min(counts.len() - 1)] as f64 / 60.0;
    let smooth: Vec<f64> = (0..counts.len())
        .map(|place| (at(place.saturating_sub(1)) + 2.0 * at(place) + at(place + 1)) / 4.0)
        .collect();
    // Each minute's rate is that of its middle; the first and the last half minute are as what is next to them.
    let mut points = vec![(0.0, smooth[0])];
    points.extend(
        smooth
            .iter()
            .enumerate()
            .map(|(place, rate)| (place as f64 * 60.0 + 30.0, *rate)),
    );
    points.push((counts.len() as f64 * 60.0, smooth[smooth.len() - 1]));
    let peak = smooth.iter().copied().fold(0.0, f64::max);
    // A Poisson count's deviation is its root; the smoothing leaves √(¹⁄₁₆ + ¼ + ¹⁄₁₆) of it.
    let chance = DEVIATIONS * (0.375 * peak * 60.0).sqrt() / 60.0;
    let mut tolerance = chance.max(peak * TOLERANCE);
    let mut corners = simplified(&points, tolerance);
    while corners.len() > PHASES + 1 {
        tolerance *= 1.3;
        corners = simplified(&points, tolerance);
    }
    let mut lines: Vec<Line> = corners
        .windows(2)
        .map(|pair| Line {
            seconds: (pair[1].0 - pair[0].0) as u64,
            from: pair[0].1,
            to: pair[1].1,
        })
        .collect();
    let made: f64 = lines
        .iter()
        .map(|line| f64::midpoint(line.from, line.to) * line.seconds as f64)
        .sum();
    let factor = if made > 0.0 {
        arrivals as f64 / made
    } else {
        1.0
    };
    for line in &mut lines {
        line.from *= factor;
        line.to *= factor;
    }
    lines
}

/// The points that matter: of those between two, the one that is farthest from the line, if it is too far.
fn simplified(points: &[(f64, f64)], tolerance: f64) -> Vec<(f64, f64)> {
    let mut keep = vec![false; points.len()];
    let last = points.len() - 1;
    (keep[0], keep[last]) = (true, true);
    let mut open = vec![(0, last)];
    while let Some((from, to)) = open.pop() {
        let (start, end) = (points[from], points[to]);
        let slope = (end.1 - start.1) / (end.0 - start.0);
        let distance = |place: usize| {
            let point: (f64, f64) = points[place];
            (point.1 - start.1 - slope * (point.0 - start.0)).abs()
        };
        let farthest =
            (from + 1..to).max_by(|one, other| distance(*one).total_cmp(&distance(*other)));
        if let Some(place) = farthest.filter(|place| distance(*place) > tolerance) {
            keep[place] = true;
            open.extend([(from, place), (place, to)]);
        }
    }
    let kept = points.iter().zip(keep).filter(|(_, keep)| *keep);
    kept.map(|(point, _)| *point).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minutes(counts: &[u64]) -> Minutes {
        let places = counts.iter().enumerate().filter(|(_, count)| **count > 0);
        Minutes(
            places
                .map(|(place, count)| (place as i64, *count))
                .collect(),
        )
    }

    fn of(counts: &[u64]) -> Curve {
        minutes(counts).curve(0, counts.len() as u64)
    }

    fn arrivals(curve: &Curve) -> f64 {
        let lines = curve.lines.iter();
        lines
            .map(|line| f64::midpoint(line.from, line.to) * line.seconds as f64)
            .sum()
    }

    #[test]
    fn a_constant_rate_is_one_phase() {
        let curve = of(&[600; 30]);
        let line = Line {
            seconds: 1800,
            from: 10.0,
            to: 10.0,
        };
        assert_eq!(curve.lines, [line]);
        assert_eq!((curve.peak, curve.mean()), ((0, 10.0), 10.0));
    }

    #[test]
    fn a_spike_stays_one_and_nothing_gets_lost() {
        let mut counts = vec![60; 60];
        counts[30] = 3000;
        let curve = of(&counts);
        assert!((arrivals(&curve) - 6540.0).abs() < 1e-6);
        assert_eq!(curve.peak, (30 * MINUTE, 50.0));
        assert!(curve.lines.iter().any(|line| line.to > 20.0), "{curve:?}");
        assert!((3..=6).contains(&curve.lines.len()), "{curve:?}");
        let seconds: u64 = curve.lines.iter().map(|line| line.seconds).sum();
        assert_eq!(seconds, 3600);
    }

    #[test]
    fn noise_has_no_more_phases_than_people_read() {
        let mut rng = fastrand::Rng::with_seed(1);
        let counts: Vec<u64> = (0..1440).map(|_| rng.u64(0..1000)).collect();
        let curve = of(&counts);
        assert!(curve.lines.len() <= PHASES);
        assert!((arrivals(&curve) - curve.arrivals as f64).abs() < 1e-3);
    }

    #[test]
    fn chance_is_no_curve() {
        let mut rng = fastrand::Rng::with_seed(1);
        // Arrivals that are independent of each other, 200 a minute.
        let minute = |rng: &mut fastrand::Rng| (0..20_000).filter(|_| rng.u32(..100) == 0).count();
        let counts: Vec<u64> = (0..60).map(|_| minute(&mut rng) as u64).collect();
        let curve = of(&counts);
        assert!(curve.lines.len() <= 3, "{curve:?}");
    }

    #[test]
    fn the_busiest_stretch_is_found() {
        let mut counts = vec![1; 100];
        counts[70..80].fill(50);
        assert_eq!(minutes(&counts).busiest(10), Some((70, 10)));
        assert_eq!(minutes(&counts).busiest(1000), Some((0, 100)));
        assert_eq!(minutes(&[5]).busiest(60), Some((0, 1)));
        assert_eq!(minutes(&[]).busiest(60), None);
        let far_apart = Minutes(BTreeMap::from([(0, 1), (1_000_000_000, 2)]));
        assert_eq!(far_apart.busiest(60).map(|found| found.1), Some(60));
    }
}

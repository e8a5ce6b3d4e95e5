//! When arrivals are due, and how many users there are (pure).
//!
//! # The idea
//! The load of a phase goes linearly from one rate to another, so that the number of arrivals until a time is a parabola, and the time
//! of the k-th arrival is its inverse, in closed form: no error adds up, and a rate is met exactly. Evenly spread arrivals are due where that number is
//! 0, 1, 2, …. Poisson arrivals are due where it is a sum of exponential variables of mean 1 (the time-change theorem: an inhomogeneous Poisson
//! process is one of rate 1 on the scale of its expected number).
//!
//! All generators and threads go through the same arrivals and take each its own: the k-th belongs to one of them by `k` modulo their number.
//! So several together do exactly what one would do.

use std::sync::Arc;
use std::time::Duration;

use crate::import::replay::Replay;
use crate::test::{Arrivals, Load, Phase, Shard};

/// Somebody arrives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Arrival {
    /// From the beginning of the test.
    pub due: Duration,
    /// Index of the phase.
    pub phase: usize,
    /// Its number among all arrivals of all generators.
    pub number: u64,
}

/// A part of all arrivals: of one generator, or of one of its threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    index: u64,
    count: u64,
}

impl Part {
    /// What a thread of `threads` does in a generator that does a shard.
    #[must_use]
    pub fn new(shard: Shard, thread: usize, threads: usize) -> Self {
        Self {
            index: u64::from(shard.index) + u64::from(shard.count) * thread as u64,
            count: u64::from(shard.count) * threads as u64,
        }
    }

    /// Whether it does that one.
    #[must_use]
    pub fn has(&self, number: u64) -> bool {
        number % self.count == self.index
    }

    /// The numbers below `end` that it does.
    pub fn numbers(self, end: u64) -> impl Iterator<Item = u64> {
        (self.index..end).step_by(usize::try_from(self.count).unwrap_or(usize::MAX))
    }
}

/// The arrivals of an open model, in their order. A clone goes through the same ones from where it was made.
#[derive(Clone, Debug)]
pub struct Schedule {
    phases: Arc<[Rates]>,
    part: Part,
    arrivals: Arrivals,
    random: fastrand::Rng,
    /// The next one's number, and the expected number of arrivals until it is due.
    next: u64,
    expected: f64,
    /// The phase in which it may be.
    phase: usize,
    /// Requests that have times of their own, in place of all that.
    replay: Option<Arc<Replay>>,
}

/// A phase as the schedule needs it.
#[derive(Clone, Copy, Debug)]
struct Rates {
    start: f64,
    duration: f64,
    from: f64,
    to: f64,
    /// Arrivals expected before it.
    before: f64,
}

impl Rates {
    fn arrivals(&self) -> f64 {
        (self.from + self.to) / 2.0 * self.duration
    }

    /// Arrivals in so many seconds from its beginning.
    fn arrivals_within(&self, seconds: f64) -> f64 {
        let reached = match self.duration > 0.0 {
            true => self.from + (self.to - self.from) * seconds / self.duration,
            false => self.from,
        };
        (self.from + reached) / 2.0 * seconds
    }

    /// When so many are expected to have come since its beginning: the root of `from·t + (to − from)/(2·duration)·t² = count`, in the form that
    /// is stable also when the slope is nought.
    fn time_of(&self, count: f64) -> f64 {
        // Where a phase begins, rounding may leave a millionth less than nothing.
        let count = count.max(0.0);
        let slope = (self.to - self.from) / self.duration;
        let root = (self.from * self.from + 2.0 * slope * count)
            .max(0.0)
            .sqrt();
        let divisor = self.from + root;
        if divisor == 0.0 {
            return 0.0;
        }
        (2.0 * count / divisor).min(self.duration)
    }
}

impl Schedule {
    /// The part's share of the arrivals of `phases`; phases of users have none. Of Poisson arrivals the same seed makes the same.
    #[must_use]
    pub fn new(phases: &[Phase], arrivals: Arrivals, seed: u64, part: Part) -> Self {
        let (mut start, mut before) = (0.0, 0.0);
        let mut rates = Vec::with_capacity(phases.len());
        for phase in phases {
            let (from, to) = match phase.load {
                Load::Rate { from, to } => (from, to),
                Load::Users { .. } => (0.0, 0.0),
            };
            let duration = phase.duration.as_secs_f64();
            let one = Rates {
                start,
                duration,
                from,
                to,
                before,
            };
            start += duration;
            before += one.arrivals();
            rates.push(one);
        }
        let mut schedule = Self {
            phases: rates.into(),
            part,
            arrivals,
            random: fastrand::Rng::with_seed(seed),
            next: 0,
            expected: 0.0,
            phase: 0,
            replay: None,
        };
        if arrivals == Arrivals::Poisson {
            schedule.expected = schedule.exponential();
        }
        schedule
    }

    /// The part's share of what a log says.
    #[must_use]
    pub fn replaying(replay: Arc<Replay>, part: Part) -> Self {
        Self {
            replay: Some(replay),
            ..Self::new(&[], Arrivals::Even, 0, part)
        }
    }

    /// How many are due before that time and did not come out yet: exactly if they are spread evenly, otherwise as many as are to be
    /// expected. Takes the same time for any number, but of a log a look at each request.
    #[must_use]
    pub fn left(&self, until: Duration) -> u64 {
        if let Some(replay) = &self.replay {
            let end = replay.requests().take_while(|one| one.due < until).count() as u64;
            return self.left_below(end);
        }
        let until = until.as_secs_f64();
        let expected = self.phases.iter().fold(0.0, |sum, rates| {
            let passed = (until - rates.start).clamp(0.0, rates.duration);
            sum + rates.arrivals_within(passed)
        });
        let count = self.part.count;
        match self.arrivals {
            Arrivals::Even => {
                // As in `next`: a rounding error above a whole number is none.
                let end = (expected - 1e-6).ceil().max(0.0) as u64;
                self.left_below(end)
            }
            // A cast of what is below nought gives nought.
            Arrivals::Poisson => ((expected - self.expected) / count as f64).round() as u64,
        }
    }

    /// How many of the part have a number below that and did not come out yet.
    fn left_below(&self, end: u64) -> u64 {
        let count = self.part.count;
        let behind = self.next % count;
        let first = self.next + (self.part.index + count - behind) % count;
        end.saturating_sub(first).div_ceil(count)
    }

    fn exponential(&mut self) -> f64 {
        -(1.0 - self.random.f64()).ln()
    }

    /// Goes on to the next one that the part has.
    fn advance(&mut self) {
        match self.arrivals {
            Arrivals::Even => {
                self.next += self.part.count;
                self.expected = self.next as f64;
            }
            Arrivals::Poisson => {
                self.next += 1;
                self.expected += self.exponential();
            }
        }
    }
}

impl Iterator for Schedule {
    type Item = Arrival;

    fn next(&mut self) -> Option<Arrival> {
        // The first of the part.
        while !self.part.has(self.next) {
            match self.arrivals {
                Arrivals::Even => {
                    self.next = self.part.index;
                    self.expected = self.next as f64;
                }
                Arrivals::Poisson => self.advance(),
            }
        }
        if let Some(replay) = &self.replay {
            let number = usize::try_from(self.next)
                .ok()
                .filter(|number| *number < replay.count())?;
            let due = replay.request(number).due;
            let arrival = Arrival {
                due,
                phase: 0,
                number: self.next,
            };
            self.next += self.part.count;
            return Some(arrival);
        }
        while let Some(rates) = self.phases.get(self.phase) {
            let count = self.expected - rates.before;
            // The sum of the parts of a whole number of arrivals may be a rounding error above it.
            if count < rates.arrivals() - 1e-6 {
                let due = rates.start + rates.time_of(count);
                let arrival = Arrival {
                    due: Duration::from_secs_f64(due),
                    phase: self.phase,
                    number: self.next,
                };
                self.advance();
                return Some(arrival);
            }
            self.phase += 1;
        }
        None
    }
}

/// How much load is wanted at a time: arrivals per second, or users; 0 after the end.
#[must_use]
pub fn wanted(phases: &[Phase], at: Duration) -> f64 {
    let Some((phase, start)) = phase_at(phases, at) else {
        return 0.0;
    };
    let share = (at - start).as_secs_f64() / phases[phase].duration.as_secs_f64();
    match phases[phase].load {
        Load::Rate { from, to } => from + (to - from) * share,
        Load::Users { from, to } => f64::from(from) + (f64::from(to) - f64::from(from)) * share,
    }
}

/// The phase at a time and its beginning; `None` after the end.
#[must_use]
pub fn phase_at(phases: &[Phase], at: Duration) -> Option<(usize, Duration)> {
    let mut start = Duration::ZERO;
    for (index, phase) in phases.iter().enumerate() {
        let end = start + phase.duration;
        if at < end {
            return Some((index, start));
        }
        start = end;
    }
    None
}

/// Most users at any time.
#[must_use]
pub fn most_users(phases: &[Phase]) -> u32 {
    let most = |phase: &Phase| match phase.load {
        Load::Users { from, to } => from.max(to),
        Load::Rate { .. } => 0,
    };
    phases.iter().map(most).max().unwrap_or(0)
}

/// When a user of a closed model is there: from, until. The user of number `u` is there while there are to be more than `u`.
#[must_use]
pub fn presence(phases: &[Phase], user: u32) -> Vec<(Duration, Duration)> {
    let mut spans: Vec<(Duration, Duration)> = Vec::new();
    let mut start = Duration::ZERO;
    for phase in phases {
        let end = start + phase.duration;
        if let Load::Users { from, to } = phase.load
            && let Some((first, last)) = within(from, to, user)
        {
            let span = (
                start + phase.duration.mul_f64(first),
                start + phase.duration.mul_f64(last),
            );
            match spans.last_mut() {
                Some(before) if before.1 == span.0 => before.1 = span.1,
                _ => spans.push(span),
            }
        }
        start = end;
    }
    spans
}

/// The part of a ramp, 0 to 1, in which at least `user` + 1 are there.
fn within(from: u32, to: u32, user: u32) -> Option<(f64, f64)> {
    let crossing = || (f64::from(user) + 1.0 - f64::from(from)) / (f64::from(to) - f64::from(from));
    match (user < from, user < to) {
        (true, true) => Some((0.0, 1.0)),
        (false, true) => Some((crossing().min(1.0), 1.0)),
        (true, false) => Some((0.0, crossing().clamp(0.0, 1.0))),
        (false, false) => None,
    }
    .filter(|(first, last)| first < last)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: Part = Part { index: 0, count: 1 };

    fn rate(seconds: f64, from: f64, to: f64) -> Phase {
        Phase {
            name: String::new(),
            duration: Duration::from_secs_f64(seconds),
            load: Load::Rate { from, to },
            is_warm_up: false,
        }
    }

    fn users(seconds: u64, from: u32, to: u32) -> Phase {
        Phase {
            load: Load::Users { from, to },
            ..rate(seconds as f64, 0.0, 0.0)
        }
    }

    fn all(phases: &[Phase], arrivals: Arrivals, part: Part) -> Vec<Arrival> {
        Schedule::new(phases, arrivals, 7, part).collect()
    }

    #[test]
    fn even_arrivals_meet_their_rate_exactly() {
        let arrivals = all(&[rate(60.0, 100.0, 100.0)], Arrivals::Even, WHOLE);
        assert_eq!(arrivals.len(), 6000);
        for (k, one) in arrivals.iter().enumerate() {
            let off = one.due.as_secs_f64() - k as f64 / 100.0;
            assert!(off.abs() < 1e-6, "{one:?}");
        }
    }

    #[test]
    fn a_ramp_has_as_many_as_its_area_and_a_spike_begins_at_its_phase() {
        let phases = [
            rate(10.0, 0.0, 100.0),
            rate(5.0, 1000.0, 1000.0),
            rate(10.0, 100.0, 0.0),
        ];
        let arrivals = all(&phases, Arrivals::Even, WHOLE);
        let of = |phase| arrivals.iter().filter(|one| one.phase == phase).count();
        assert_eq!((of(0), of(1), of(2)), (500, 5000, 500));
        assert!(arrivals.is_sorted_by_key(|one| one.due));
        let first = arrivals.iter().find(|one| one.phase == 1).expect("some");
        assert!((first.due.as_secs_f64() - 10.0).abs() < 0.002, "{first:?}");
        // Half of the time brings a quarter of a ramp from nothing.
        let early = arrivals
            .iter()
            .filter(|one| one.due.as_secs_f64() < 5.0)
            .count();
        assert!((124..=126).contains(&early), "{early}");
    }

    #[test]
    fn a_rate_of_nought_is_a_pause() {
        let phases = [
            rate(1.0, 10.0, 10.0),
            rate(5.0, 0.0, 0.0),
            rate(1.0, 10.0, 10.0),
        ];
        let arrivals = all(&phases, Arrivals::Even, WHOLE);
        assert_eq!(arrivals.len(), 20);
        assert!(arrivals.iter().all(|one| one.phase != 1));
        assert_eq!(arrivals[10].due, Duration::from_secs(6));
    }

    /// Kolmogorov–Smirnov: the largest distance between the distribution of the gaps and the exponential one is below the
    /// critical value of 0.1 %, 1.95/√n.
    #[test]
    fn poisson_gaps_are_exponential() {
        for seed in 0..5 {
            let phases = [rate(100.0, 200.0, 200.0)];
            let schedule = Schedule::new(&phases, Arrivals::Poisson, seed, WHOLE);
            let due: Vec<_> = schedule.map(|one| one.due.as_secs_f64()).collect();
            let mut gaps: Vec<_> = due.windows(2).map(|pair| pair[1] - pair[0]).collect();
            gaps.sort_by(f64::total_cmp);
            let n = gaps.len() as f64;
            let distance = gaps.iter().enumerate().map(|(k, gap)| {
                let expected = 1.0 - (-200.0 * gap).exp();
                (expected - k as f64 / n)
                    .abs()
                    .max(((k + 1) as f64 / n - expected).abs())
            });
            let distance = distance.fold(0.0, f64::max);
            assert!(
                distance < 1.95 / n.sqrt(),
                "{distance} of {n} gaps, seed {seed}"
            );
            assert!((n / 20_000.0 - 1.0).abs() < 0.03, "{n}");
        }
    }

    #[test]
    fn parts_are_together_the_whole_and_each_its_share() {
        let phases = [rate(3.0, 10.0, 90.0), rate(2.0, 50.0, 50.0)];
        for arrivals in [Arrivals::Even, Arrivals::Poisson] {
            let whole = all(&phases, arrivals, WHOLE);
            let mut together = Vec::new();
            for index in 0..3 {
                for thread in 0..2 {
                    let part = Part::new(Shard { index, count: 3 }, thread, 2);
                    let some = all(&phases, arrivals, part);
                    let share = whole.len() as f64 / 6.0;
                    assert!((some.len() as f64 - share).abs() <= 1.0, "{}", some.len());
                    together.extend(some);
                }
            }
            together.sort_by_key(|one| one.number);
            assert_eq!(together, whole);
        }
    }

    #[test]
    fn what_is_left_is_known_without_counting_it() {
        let phases = [
            rate(3.0, 10.0, 90.0),
            rate(1.0, 0.0, 0.0),
            rate(2.0, 50.0, 50.0),
        ];
        for (thread, taken) in [(0, 0), (1, 0), (1, 7), (2, 50)] {
            let part = Part::new(Shard { index: 1, count: 2 }, thread, 3);
            let mut schedule = Schedule::new(&phases, Arrivals::Even, 7, part);
            assert!(schedule.by_ref().take(taken).count() <= taken);
            for until in [0.0, 0.7, 2.999, 3.5, 4.01, 6.0, 99.0] {
                let until = Duration::from_secs_f64(until);
                let counted = schedule.clone().filter(|one| one.due < until).count();
                assert_eq!(schedule.left(until), counted as u64, "{thread} {until:?}");
            }
        }
        let huge = Schedule::new(&[rate(3600.0, 1e7, 1e7)], Arrivals::Poisson, 7, WHOLE);
        let left = huge.left(Duration::from_secs(3600)) as f64;
        assert!((left / 3.6e10 - 1.0).abs() < 1e-6, "{left}");
    }

    #[test]
    fn a_clone_has_the_same_arrivals() {
        for arrivals in [Arrivals::Even, Arrivals::Poisson] {
            let mut schedule = Schedule::new(&[rate(2.0, 100.0, 50.0)], arrivals, 3, WHOLE);
            assert_eq!(schedule.by_ref().take(20).count(), 20);
            let copy = schedule.clone();
            assert!(copy.eq(schedule));
        }
    }

    #[test]
    fn a_crawl_after_a_fraction_of_an_arrival_has_no_times_before_the_test() {
        for first in [0.7, 1.0, 1.000_000_1, 1.1] {
            let phases = [rate(first, 1.0, 1.0), rate(9.0, 1e-9, 1e-9)];
            let due: Vec<_> = all(&phases, Arrivals::Even, WHOLE);
            assert!(due.is_sorted_by_key(|one| one.due), "{due:?}");
        }
    }

    #[test]
    fn users_come_and_go_with_the_ramp() {
        let phases = [
            users(10, 0, 10),
            users(10, 10, 10),
            users(10, 10, 0),
            users(5, 3, 3),
        ];
        let at = |second: f64| {
            let time = Duration::from_secs_f64(second);
            let there = |user: &u32| {
                presence(&phases, *user)
                    .iter()
                    .any(|span| span.0 <= time && time < span.1)
            };
            (0..most_users(&phases)).filter(there).count()
        };
        assert_eq!(
            [0.5, 1.5, 9.5, 15.0, 20.5, 29.5, 31.0].map(at),
            [0, 1, 9, 10, 9, 0, 3]
        );
        assert_eq!(presence(&phases, 1).len(), 2, "it comes back");
        assert_eq!(
            presence(&[users(7, 2, 2)], 1),
            [(Duration::ZERO, Duration::from_secs(7))]
        );
        assert_eq!(presence(&[users(7, 2, 2)], 2), []);
    }

    #[test]
    fn what_is_wanted_when() {
        let phases = [rate(10.0, 0.0, 100.0), rate(10.0, 5.0, 5.0)];
        let at = |seconds| wanted(&phases, Duration::from_secs_f64(seconds));
        assert_eq!([0.0, 5.0, 10.0, 20.0].map(at), [0.0, 50.0, 5.0, 0.0]);
    }
}

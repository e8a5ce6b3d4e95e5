//! Which load comes next.

use super::{CLOSE, Cause, LEVELS, Level, Ramp};

/// What each raise multiplies the load by.
const RAISE: f64 = 2.0;

/// Growth has stopped where twice the load brings less than 2^0.25 = 1.19 times the goodput.
const STALLED: f64 = 0.25;

/// The smallest ratio of two loads between which growth can be told from noise of a few percent.
const APART: f64 = 1.5;

/// Saturated is a load that brings this share of the highest goodput.
const SATURATED: f64 = 0.95;

/// How far a goodput may lie from that share (as a share of the highest) before the verdict is taken as sure.
const UNSURE: f64 = 0.02;

/// Beyond the knee, as multiples of it. Arrivals beyond it pile up, users do not.
const BEYOND_RATE: &[f64] = &[1.1, 1.25, 1.5];
const BEYOND_USERS: &[f64] = &[1.25, 1.5, 2.0, 3.0, 4.0];

/// Goodput has visibly fallen when it is below this share of the highest.
const FALLEN: f64 = 0.97;

/// A service that fails this share of requests is not pushed any further.
const SPARED: f64 = 0.5;

/// Where the search is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Twice the load, until it is too much.
    Raise,
    /// Goodput fell over the last raise: where is it highest?
    Peak,
    /// Between good and too much.
    Bisect,
    /// What comes after the knee.
    Beyond,
    /// More loads where there are few.
    Fill,
    /// All is known.
    Done,
}

impl Ramp {
    /// The next load, or none.
    pub(super) fn decide(&mut self) -> Option<f64> {
        loop {
            let (load, next) = match self.stage {
                Stage::Raise => self.raise(),
                Stage::Peak => (self.towards_peak(), Stage::Bisect),
                Stage::Bisect => self.bisect(),
                Stage::Beyond => (self.beyond(), Stage::Fill),
                Stage::Fill => (self.fill(), Stage::Done),
                Stage::Done => return None,
            };
            if load.is_some() {
                return load;
            }
            self.stage = next;
        }
    }

    fn raise(&mut self) -> (Option<f64>, Stage) {
        let top = self.levels.last().expect("one was measured");
        if top.is_doubtful(&self.objective) {
            return (Some(top.load()), Stage::Raise);
        }
        let is_lowest = self.levels.len() == 1;
        if let Some(cause) = top.breaks(&self.objective) {
            self.raised = Some(cause);
            let next = match cause {
                _ if is_lowest => Stage::Done,
                Cause::Generator => Stage::Fill,
                _ => Stage::Bisect,
            };
            return (None, next);
        }
        if self.is_stalled(top) {
            if top.count() == 1 {
                return (Some(top.load()), Stage::Raise);
            }
            self.raised = Some(Cause::Saturation);
            return (None, Stage::Peak);
        }
        if top.load() >= self.bounds.to {
            return (None, Stage::Fill);
        }
        let load = (top.load() * RAISE).min(self.bounds.to);
        (Some(load), Stage::Raise)
    }

    /// Whether goodput stopped growing before `top`.
    fn is_stalled(&self, top: &Level) -> bool {
        let below = |one: &&Level| one.load() * APART <= top.load();
        self.levels.iter().rfind(below).is_some_and(|below| {
            let gain = (top.throughput() / below.throughput()).ln();
            gain < STALLED * (top.load() / below.load()).ln()
        })
    }

    /// The load with the highest goodput.
    fn best(&self) -> Option<usize> {
        let goodput = |at: &usize| self.levels[*at].throughput();
        (0..self.levels.len()).max_by(|a, b| goodput(a).total_cmp(&goodput(b)))
    }

    /// Between the best load and the one above it, if goodput has fallen in between: that is where it may be higher still.
    fn towards_peak(&self) -> Option<f64> {
        let best = self.best()?;
        let above = self.levels.get(best + 1)?;
        let best = &self.levels[best];
        let has_fallen = above.throughput() < SATURATED * best.throughput();
        has_fallen.then(|| self.between(best.load(), above.load()))?
    }

    /// A load in the middle of two, if they are not close already.
    fn between(&self, low: f64, high: f64) -> Option<f64> {
        let middle = (low * high).sqrt();
        let middle = match self.bounds.is_users {
            true => middle.round(),
            false => middle,
        };
        (high > low * CLOSE && middle > low && middle < high).then_some(middle)
    }

    /// Why a level is too much; with saturation, if that is what ended the raise.
    fn verdict(&self, level: &Level) -> Option<Cause> {
        let broken = level.breaks(&self.objective);
        if broken.is_some() || self.raised != Some(Cause::Saturation) {
            return broken;
        }
        let best = &self.levels[self.best()?];
        let is_saturated =
            level.throughput() >= SATURATED * best.throughput() || level.load() >= best.load();
        is_saturated.then_some(Cause::Saturation)
    }

    /// The highest good load below all bad ones, and the lowest bad one with its cause.
    pub(super) fn bracket(&self) -> (Option<&Level>, Option<(&Level, Cause)>) {
        let bad = self
            .levels
            .iter()
            .enumerate()
            .find_map(|(at, level)| Some((at, level, self.verdict(level)?)));
        match bad {
            None => (self.levels.last(), None),
            Some((at, level, cause)) => {
                let low = at.checked_sub(1).map(|at| &self.levels[at]);
                (low, Some((level, cause)))
            }
        }
    }

    fn bisect(&self) -> (Option<f64>, Stage) {
        let (low, high) = self.bracket();
        let (Some(low), Some((high, _))) = (low, high) else {
            return (None, Stage::Done);
        };
        for one in [high, low] {
            if one.is_doubtful(&self.objective) || self.is_nearly_saturated(one) {
                return (Some(one.load()), Stage::Bisect);
            }
        }
        (self.between(low.load(), high.load()), Stage::Beyond)
    }

    /// Whether another look may tell on which side of saturation a level is.
    fn is_nearly_saturated(&self, level: &Level) -> bool {
        let Some(best) = self.best().map(|at| &self.levels[at]) else {
            return false;
        };
        let share = level.throughput() / best.throughput();
        self.raised == Some(Cause::Saturation)
            && level.count() == 1
            && level.load() < best.load()
            && (share - SATURATED).abs() < UNSURE
    }

    fn beyond(&self) -> Option<f64> {
        let (low, _) = self.bracket();
        let knee = self.saturated().map(|(level, _)| level).or(low)?.load();
        let top = self.levels.last()?;
        let beyond = self.levels.iter().filter(|one| one.load() > knee).count();
        let best = &self.levels[self.best()?];
        let has_fallen = top.throughput() < FALLEN * best.throughput();
        let is_spent = top.errors() > SPARED || !top.is_valid() || top.throughput() <= 0.0;
        if beyond >= 3 && (has_fallen || is_spent) {
            return None;
        }
        let multiples = match self.bounds.is_users {
            true => BEYOND_USERS,
            false => BEYOND_RATE,
        };
        let load = |multiple: &f64| {
            let load = knee * multiple;
            let load = match self.bounds.is_users {
                true => load.ceil(),
                false => load,
            };
            // No further up with a service that has had enough; in between is as good.
            let is_allowed = load <= self.bounds.to && (!is_spent || load < top.load());
            let is_new = self
                .levels
                .iter()
                .all(|one| load > one.load() * CLOSE || one.load() > load * CLOSE);
            (is_allowed && is_new).then_some(load)
        };
        multiples.iter().find_map(load)
    }

    /// In the widest gap, until there are [`LEVELS`].
    fn fill(&self) -> Option<f64> {
        // What came after the knee may have brought more than was known to be the most: then saturation begins later.
        if self.raised == Some(Cause::Saturation)
            && let (Some(load), _) = self.bisect()
        {
            return Some(load);
        }
        let loads: Vec<f64> = self
            .levels
            .iter()
            .filter(|one| one.is_valid())
            .map(Level::load)
            .collect();
        if loads.len() >= LEVELS {
            return None;
        }
        let ratio = |pair: &[f64]| pair[1] / pair[0];
        let mut gaps: Vec<&[f64]> = loads.windows(2).collect();
        gaps.sort_by(|a, b| ratio(b).total_cmp(&ratio(a)));
        gaps.into_iter()
            .find_map(|gap| self.between(gap[0], gap[1]))
    }
}

//! Ways to find a limit: this crate's, and others to compare it with, in their bare form.

use std::collections::VecDeque;
use std::time::Duration;

use tenfold_traffic::resilience::concurrency::{Adaptive, Bounds};

const BOUNDS: Bounds = Bounds { min: 4, max: 1000 };

/// Finds a limit.
pub(crate) trait Limiter {
    fn limit(&self) -> u32;
    /// A request is over after `time` seconds; `in_flight` were under way with it.
    fn observe(&mut self, time: f64, now: Duration, is_good: bool, in_flight: u32);
}

/// This crate's.
pub(crate) struct Climbing {
    adaptive: Adaptive,
    limit: u32,
}

impl Climbing {
    pub(crate) fn new() -> Self {
        let adaptive = Adaptive::default();
        let limit = adaptive.configure(BOUNDS);
        Self { adaptive, limit }
    }
}

impl Limiter for Climbing {
    fn limit(&self) -> u32 {
        self.limit
    }

    fn observe(&mut self, _time: f64, now: Duration, is_good: bool, in_flight: u32) {
        if let Some(limit) = self.adaptive.observe(now, is_good, in_flight, self.limit) {
            self.limit = limit;
        }
    }
}

/// Netflix concurrency-limits, Gradient2Limit (2.x): a short average against a long one.
pub(crate) struct Gradient2 {
    limit: f64,
    long: f64,
    samples: f64,
}

impl Gradient2 {
    pub(crate) fn new() -> Self {
        Self {
            limit: 20.0,
            long: 0.0,
            samples: 0.0,
        }
    }
}

impl Limiter for Gradient2 {
    fn limit(&self) -> u32 {
        self.limit as u32
    }

    fn observe(&mut self, time: f64, _now: Duration, is_good: bool, in_flight: u32) {
        if !is_good && time < 1.0 {
            return;
        }
        // Its long window of 600 samples, warmed up by a plain mean over 10.
        self.samples += 1.0;
        let share = if self.samples < 10.0 {
            1.0 / self.samples
        } else {
            2.0 / 601.0
        };
        self.long += (time - self.long) * share;
        if self.long / time > 2.0 {
            self.long *= 0.95;
        }
        if f64::from(in_flight) < self.limit / 2.0 {
            return;
        }
        let gradient = (1.5 * self.long / time).clamp(0.5, 1.0);
        let next = self.limit * gradient + 4.0;
        self.limit = (self.limit * 0.8 + next * 0.2).clamp(4.0, 1000.0);
    }
}

/// AIMD against the lowest median of the last 10 seconds' windows: a baseline of bounded age.
pub(crate) struct Baseline {
    limit: f64,
    window: Vec<f64>,
    drops: usize,
    since: f64,
    lows: VecDeque<(f64, f64)>,
    was_used: bool,
}

impl Baseline {
    pub(crate) fn new() -> Self {
        Self {
            limit: 20.0,
            window: Vec::new(),
            drops: 0,
            since: 0.0,
            lows: VecDeque::new(),
            was_used: false,
        }
    }
}

impl Limiter for Baseline {
    fn limit(&self) -> u32 {
        self.limit as u32
    }

    fn observe(&mut self, time: f64, now: Duration, is_good: bool, in_flight: u32) {
        let now = now.as_secs_f64();
        self.was_used |= f64::from(in_flight) >= self.limit * 0.9;
        match is_good {
            true => self.window.push(time),
            false => self.drops += usize::from(time >= 1.0),
        }
        let count = self.window.len() + self.drops;
        if count < 50 || now - self.since < 0.1 {
            return;
        }
        self.window.sort_unstable_by(f64::total_cmp);
        let quantile = |share: f64| {
            let index = self.window.len() as f64 * share;
            self.window.get(index as usize).copied().unwrap_or(1.0)
        };
        let middle = quantile(0.5);
        self.lows.push_back((now, middle));
        while self.lows.front().is_some_and(|(at, _)| now - at > 10.0) {
            self.lows.pop_front();
        }
        let base = self
            .lows
            .iter()
            .map(|(_, low)| *low)
            .fold(f64::INFINITY, f64::min);
        let is_congested = middle > 1.5 * base || self.drops * 10 > count;
        if is_congested {
            self.limit = (self.limit * 0.9).max(4.0);
        } else if self.was_used {
            self.limit = (self.limit + self.limit.sqrt().max(1.0)).min(1000.0);
        }
        self.window.clear();
        (self.drops, self.since, self.was_used) = (0, now, false);
    }
}

/// A limit that somebody knew.
pub(crate) struct Fixed(pub u32);

impl Limiter for Fixed {
    fn limit(&self) -> u32 {
        self.0
    }

    fn observe(&mut self, _time: f64, _now: Duration, _is_good: bool, _in_flight: u32) {}
}

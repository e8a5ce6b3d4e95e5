//! How much a service can do at the same time, found by measuring.
//!
//! # The problem
//! With too few requests at once a service stands idle, with too many they only wait for each other in it: beyond a certain number
//! answers per second stay what they are (or sink), and each takes longer. That number is what a limit should be, and nobody knows it: it changes
//! with the machine, the release, the hour and the neighbours.
//!
//! Limiters that look at latencies compare them with what is "normal", and that is their trouble. Who measures the normal by letting
//! hardly anything in makes errors of it (Envoy's minRTT probe: envoy#8337, #18152). Who takes the lowest latency seen lately forgets the true one
//! under a lasting load, and the limit creeps up as the service gets worse (Netflix concurrency-limits #134, #137, #165). Who never
//! forgets it strangles a service that has become slower for good.
//!
//! # The idea
//! There is no normal. The limit breathes: it is a tenth lower for a moment and a tenth higher for the next, and good answers per second are counted
//! in both. Where more at once brings (nearly) as much more of them, the limit is too low; where it brings nothing, it is too high.
//! In between lies the maximum of Kleinrock's power, throughput by latency (L. Kleinrock, "Power and deterministic rules of thumb", ICC 1979): by Little's
//! law latency is N/X, so that power is X²/N, and it is greatest where X grows half as fast as N. We accept somewhat more latency for
//! throughput: [`WORTH`].
//!
//! What follows from it: a service that gets slower changes both counts alike, and nothing happens. Errors, timeouts and refusals are
//! no good answers: if they come from too much at once, fewer of them with a lower limit make it sink; if not, they are in both counts. One
//! slow request is one answer. And only time counts in which the limit was reached (as TCP, RFC 7661, must not grow a window that is not
//! used): an idle service's limit stays where it is, however long.
//!
//! # The trade-off
//! A comparison needs some hundred answers, so this is for services that give some dozens per second; a limit for three slow
//! calls at a time is better written down. A tenth of the places is given away half of the time, where it costs a twentieth of the throughput
//! at most. docs/decisions/0005-adaptive-concurrency.md compares it with others in simulated time.
//!
//! # What it costs
//! An exchange of one word per answer and, while the limit is reached, two or three adds. Whoever closes a phase computes the next limit.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Where the limit begins, if the bounds allow: soon left, upwards as downwards.
const FIRST: f64 = 20.0;
/// How far the limit breathes to either side.
const BREATH: f64 = 0.1;
/// How much of a higher limit has to come out as more answers: at 0.2 a limit that is 5 % higher is worth it for 1 % more answers.
/// Power alone would ask for 0.5.
pub const WORTH: f64 = 0.2;
/// Answers that a phase needs,
const ENOUGH: u32 = 100;
/// or so many when it takes long.
const LEAST: u32 = 20;
/// A phase lasts at least this long, so that a burst is not taken for the whole.
const SHORTEST: Duration = Duration::from_millis(100);
/// When a phase takes longer than this it needs no more than [`LEAST`].
const LONG: Duration = Duration::from_secs(5);
/// What was measured longer ago than this is not compared with.
const OLDEST: Duration = Duration::from_secs(60);
/// The largest and the smallest step, as a share of the limit.
const STEPS: (f64, f64) = (0.02, 0.25);

/// Within which an adaptive limit is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The lowest limit, at least 1.
    pub min: u32,
    /// The highest limit; not below `min`, or it is `min`.
    pub max: u32,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { min: 4, max: 1000 }
    }
}

/// An adaptive limit, shared by any number of threads.
#[derive(Debug, Default)]
pub struct Adaptive {
    /// Nanoseconds of the latest answer, and in the lowest bit whether half of the limit was used then.
    last: AtomicU64,
    /// Nanoseconds until which what comes was still let in under another limit.
    settling: AtomicU64,
    /// Nanoseconds of this phase in which it was.
    busy: AtomicU64,
    answers: AtomicU32,
    good: AtomicU32,
    /// Answers before which the limit was reached.
    full: AtomicU32,
    climb: Mutex<Climb>,
}

impl Adaptive {
    /// Looks within `bounds` from now on; returns the limit.
    pub fn configure(&self, bounds: Bounds) -> u32 {
        let mut climb = self.climb.lock().unwrap_or_else(PoisonError::into_inner);
        climb.bounds = bounds;
        climb.centre = climb.within(if climb.centre == 0.0 {
            FIRST
        } else {
            climb.centre
        });
        climb.limit()
    }

    /// Takes in an answer: whether it is good, and how many were under way with it. Returns the next limit when a phase is over.
    #[inline]
    pub fn observe(&self, now: Duration, is_good: bool, in_flight: u32, limit: u32) -> Option<u32> {
        let now = nanos(now);
        let is_used = in_flight > limit / 2;
        let last = self.last.swap(now << 1 | u64::from(is_used), Relaxed);
        if !is_used || last & 1 == 0 || now < self.settling.load(Relaxed) {
            return None;
        }
        // Of many places one or two are always free for a moment.
        if in_flight >= limit - limit / 16 {
            self.full.fetch_add(1, Relaxed);
        }
        let since = now.saturating_sub(last >> 1);
        let busy = self.busy.fetch_add(since, Relaxed) + since;
        let good = self.good.fetch_add(u32::from(is_good), Relaxed) + u32::from(is_good);
        let answers = self.answers.fetch_add(1, Relaxed) + 1;
        let enough = if busy > nanos(LONG) { LEAST } else { ENOUGH };
        if answers < enough || busy < nanos(SHORTEST) {
            return None;
        }
        self.close(now, answers, Phase::new(limit, good, answers, busy))
    }

    #[cold]
    fn close(&self, now: u64, answers: u32, phase: Phase) -> Option<u32> {
        // Somebody else does it.
        let mut climb = self.climb.try_lock().ok()?;
        if now < self.settling.load(Relaxed) {
            return None;
        }
        let is_limiting = self.full.load(Relaxed) >= answers / 2;
        let limit = match is_limiting {
            true => climb.close(Duration::from_nanos(now), phase),
            // Most of it is refused or fails, at once: the limit has to come down to where it is one.
            false if phase.good_per_second * 2.0 < phase.answers_per_second => climb.retreat(),
            // The load is what it is, and says nothing about the limit.
            false => climb.limit(),
        };
        // As long as an answer takes (Little's law), what comes was let in before.
        let latency = (f64::from(phase.limit) / phase.answers_per_second).min(10.0);
        self.settling.store(now + (latency * 1e9) as u64, Relaxed);
        self.busy.store(0, Relaxed);
        self.answers.store(0, Relaxed);
        self.good.store(0, Relaxed);
        self.full.store(0, Relaxed);
        Some(limit)
    }
}

/// What was measured under one limit.
#[derive(Clone, Copy, Debug)]
struct Phase {
    limit: u32,
    answers_per_second: f64,
    good_per_second: f64,
}

impl Phase {
    fn new(limit: u32, good: u32, answers: u32, busy: u64) -> Self {
        let seconds = busy.max(1) as f64 / 1e9;
        Self {
            limit,
            answers_per_second: f64::from(answers) / seconds,
            good_per_second: f64::from(good) / seconds,
        }
    }
}

/// The decisions.
#[derive(Debug)]
struct Climb {
    bounds: Bounds,
    /// Around which the limit breathes; 0 before there are bounds.
    centre: f64,
    is_high: bool,
    /// The phase before, and when it ended.
    before: Option<(Duration, Phase)>,
    /// The next step, as a share of the limit.
    step: f64,
    /// Which way the last one went.
    went_up: bool,
}

impl Default for Climb {
    fn default() -> Self {
        Self {
            bounds: Bounds::default(),
            centre: 0.0,
            is_high: false,
            before: None,
            step: STEPS.1 / 2.0,
            went_up: true,
        }
    }
}

impl Climb {
    fn within(&self, limit: f64) -> f64 {
        let min = self.bounds.min.max(1);
        limit.clamp(f64::from(min), f64::from(self.bounds.max.max(min)))
    }

    fn limit(&self) -> u32 {
        let limit = match self.is_high {
            true => (self.centre * (1.0 + BREATH)).ceil(),
            false => (self.centre * (1.0 - BREATH)).floor(),
        };
        self.within(limit) as u32
    }

    /// Compares a phase with the one before, moves, and returns the next limit.
    fn close(&mut self, now: Duration, phase: Phase) -> u32 {
        let before = self.before.replace((now, phase));
        let recent = before.filter(|(at, _)| now.saturating_sub(*at) < OLDEST);
        if let Some(gain) = recent.and_then(|(_, before)| gain(before, phase)) {
            self.go(gain - WORTH);
        }
        self.is_high = !self.is_high;
        self.limit()
    }

    /// Goes down without a comparison.
    fn retreat(&mut self) -> u32 {
        self.before = None;
        self.go(-1.0);
        self.limit()
    }

    /// Up or down, the further the clearer it is; in strides as long as it goes the same way, in small steps when it does not.
    fn go(&mut self, slope: f64) {
        let is_up = slope > 0.0;
        let stride = if is_up == self.went_up { 1.2 } else { 0.5 };
        self.step = (self.step * stride).clamp(STEPS.0, STEPS.1);
        self.went_up = is_up;
        let clarity = (slope * 2.0).clamp(-1.0, 1.0);
        self.centre = self.within(self.centre * (self.step * clarity).exp());
    }
}

/// How much more good answers a higher limit brings, as a share of how much higher it is; `None` if the two are too alike.
fn gain(one: Phase, other: Phase) -> Option<f64> {
    let (low, high) = if one.limit < other.limit {
        (one, other)
    } else {
        (other, one)
    };
    let higher = (f64::from(high.limit) / f64::from(low.limit)).ln();
    if higher < 0.05 {
        return None;
    }
    // Nothing good at all, however high: less can only help.
    if low.good_per_second <= 0.0 {
        return Some(if high.good_per_second > 0.0 {
            1.0
        } else {
            -1.0
        });
    }
    let more = (high.good_per_second.max(1e-9) / low.good_per_second).ln();
    Some((more / higher).clamp(-1.0, 1.5))
}

/// Up to 146 years, so that a bit and some seconds more have room.
fn nanos(time: Duration) -> u64 {
    let seconds = time.as_secs().min(u64::MAX / 4 / 1_000_000_000);
    seconds * 1_000_000_000 + u64::from(time.subsec_nanos())
}

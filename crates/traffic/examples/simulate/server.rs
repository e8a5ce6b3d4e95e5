//! A simulated server: slots, a queue in front of them, a cache, and what befalls it.

use std::collections::VecDeque;
use std::time::Duration;

use crate::scenario::{Cache, Fate, Server};

/// A request that came to a server: one attempt of a gateway.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Job {
    /// Which attempt.
    pub(crate) attempt: usize,
    /// Seconds it costs.
    pub(crate) work: f64,
    pub(crate) key: u32,
}

/// A job that has got a slot.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Started {
    pub(crate) attempt: usize,
    /// When its answer is there.
    pub(crate) ends: Duration,
    /// The answer is a server error.
    pub(crate) is_failure: bool,
    /// Its key was in the cache.
    pub(crate) is_hit: bool,
}

/// A server at work.
#[derive(Debug)]
pub(crate) struct Working {
    spec: Server,
    busy: usize,
    queue: VecDeque<Job>,
    recent: Option<Recent>,
}

impl Working {
    pub(crate) fn new(spec: Server, cache: Option<Cache>, keys: usize) -> Self {
        Self {
            spec,
            busy: 0,
            queue: VecDeque::new(),
            recent: cache.map(|cache| Recent::new(cache, keys)),
        }
    }

    pub(crate) fn fate(&self) -> Fate {
        self.spec.fate
    }

    pub(crate) fn weight(&self) -> u32 {
        self.spec.weight
    }

    /// Takes a job; returns it if it begins at once.
    pub(crate) fn take(&mut self, job: Job, now: Duration) -> Option<Started> {
        if self.busy == self.spec.slots {
            self.queue.push_back(job);
            return None;
        }
        self.busy += 1;
        Some(self.start(job, now))
    }

    /// A slot is free again: the next job begins whose client still waits. A job that has a slot keeps it to its end, for
    /// nobody tells a server at work that its client has gone.
    pub(crate) fn end(
        &mut self,
        now: Duration,
        is_waiting: impl Fn(usize) -> bool,
    ) -> Option<Started> {
        while let Some(job) = self.queue.pop_front() {
            if is_waiting(job.attempt) {
                return Some(self.start(job, now));
            }
        }
        self.busy -= 1;
        None
    }

    /// When a probe that comes now is answered.
    pub(crate) fn answers_probe(&self, now: Duration) -> Duration {
        match self.spec.fate {
            Fate::Freezes { from, until } if (from..until).contains(&now) => until,
            _ => now,
        }
    }

    fn start(&mut self, job: Job, now: Duration) -> Started {
        let mut seconds = job.work * self.spec.slowness;
        let is_hit = self
            .recent
            .as_mut()
            .is_some_and(|recent| recent.ask(job.key));
        if let (true, Some(recent)) = (is_hit, &self.recent) {
            seconds *= recent.cache.hit;
        }
        let mut pause = Duration::ZERO;
        let mut is_failure = false;
        match self.spec.fate {
            Fate::FailsFast { at, after } if now >= at => {
                seconds = after.as_secs_f64();
                is_failure = true;
            }
            Fate::Freezes { from, until } => {
                // What it stands still of the time between now and the end.
                let would_end = now + Duration::from_secs_f64(seconds);
                if would_end > from && now < until {
                    pause = until - from.max(now);
                }
            }
            Fate::Joins {
                at,
                coldness,
                warming,
            } => {
                let warm = now.saturating_sub(at).as_secs_f64() / warming.as_secs_f64();
                seconds *= 1.0 + (coldness - 1.0) * (1.0 - warm).max(0.0);
            }
            Fate::FailsFast { .. } | Fate::Well => {}
        }
        Started {
            attempt: job.attempt,
            ends: now + Duration::from_secs_f64(seconds) + pause,
            is_failure,
            is_hit,
        }
    }
}

/// The keys that were asked for last.
#[derive(Debug)]
struct Recent {
    cache: Cache,
    /// For each key the turn in which it was asked for last; 0 if it is not held.
    turns: Vec<u64>,
    /// The turns, and what was asked for; one whose key was asked for since is passed over.
    order: VecDeque<(u64, u32)>,
    held: usize,
    turn: u64,
}

impl Recent {
    fn new(cache: Cache, keys: usize) -> Self {
        Self {
            cache,
            turns: vec![0; keys],
            order: VecDeque::new(),
            held: 0,
            turn: 0,
        }
    }

    /// Asks for a key, which is held from then on; true if it was.
    fn ask(&mut self, key: u32) -> bool {
        self.turn += 1;
        let is_held = self.turns[key as usize] > 0;
        self.turns[key as usize] = self.turn;
        self.order.push_back((self.turn, key));
        self.held += usize::from(!is_held);
        while self.held > self.cache.size {
            let (turn, oldest) = self.order.pop_front().expect("what is held was asked for");
            if self.turns[oldest as usize] == turn {
                self.turns[oldest as usize] = 0;
                self.held -= 1;
            }
        }
        is_held
    }
}

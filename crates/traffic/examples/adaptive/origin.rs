//! A simulated service behind a limit, in an open model: requests come whatever happens.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Duration;

use crate::limiters::Limiter;

/// After so long a request counts as failed; the service works on it nevertheless.
pub(crate) const TIMEOUT: f64 = 1.0;

/// What a service is like: everything may depend on the time.
pub(crate) struct Service {
    /// For reports.
    pub(crate) name: &'static str,
    /// Seconds to simulate.
    pub(crate) seconds: f64,
    /// Groups of workers, each with a queue of its own; the group with the fewest requests per worker gets the next one.
    pub(crate) groups: usize,
    /// Workers of a group.
    pub(crate) workers: fn(f64) -> usize,
    /// Mean time that a request takes in a group.
    pub(crate) mean: fn(f64, usize) -> f64,
    /// Makes a time of a mean.
    pub(crate) spread: fn(&mut fastrand::Rng, f64) -> f64,
    /// A group that has this many requests refuses more, at once.
    pub(crate) most: usize,
    /// Share of requests that fail.
    pub(crate) failing: f64,
    /// Offered load as a multiple of what it can do.
    pub(crate) load: fn(f64) -> f64,
}

impl Service {
    /// Requests per second that it can do.
    pub(crate) fn capacity(&self, now: f64) -> f64 {
        let group = |group| (self.workers)(now) as f64 / (self.mean)(now, group);
        (0..self.groups).map(group).sum()
    }
}

/// What became of it, from `after` on.
pub(crate) struct Result {
    /// Good answers, as a share of what could have been.
    pub(crate) goodput: f64,
    /// The same of the worst second.
    pub(crate) worst: f64,
    /// Quantiles of the time of good answers.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    /// The limit on average, at the end, and its maximum.
    pub(crate) limit: f64,
    pub(crate) last: f64,
    pub(crate) most: f64,
}

#[derive(Clone, Copy, PartialEq)]
struct Event {
    at: f64,
    what: What,
}

#[derive(Clone, Copy, PartialEq)]
enum What {
    Arrival,
    /// A worker of a group is done with a request.
    Done(usize, usize),
    /// A group has refused a request.
    Refused,
    /// The client's patience with a request is over.
    Late(usize),
}

impl Eq for Event {}
impl PartialOrd for Event {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Event {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.at.total_cmp(&other.at)
    }
}

#[derive(Default)]
struct Group {
    waiting: VecDeque<usize>,
    working: usize,
}

struct Request {
    since: f64,
    is_over: bool,
}

/// Runs it.
pub(crate) fn run(service: &Service, limiter: &mut dyn Limiter, after: f64, seed: u64) -> Result {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut events = BinaryHeap::new();
    let mut groups: Vec<Group> = (0..service.groups).map(|_| Group::default()).collect();
    let mut requests: Vec<Request> = Vec::new();
    let mut in_flight = 0_u32;
    let mut times = Vec::new();
    let mut per_second = vec![0.0; service.seconds as usize + 1];
    let (mut limits, mut count, mut most) = (0.0, 0.0, 0.0_f64);
    events.push(Reverse(Event {
        at: 0.0,
        what: What::Arrival,
    }));
    while let Some(Reverse(Event { at: now, what })) = events.pop() {
        if now >= service.seconds {
            break;
        }
        match what {
            What::Arrival => {
                let rate = (service.load)(now) * service.capacity(now);
                let pause = -(1.0 - random.f64()).ln() / rate;
                events.push(Reverse(Event {
                    at: now + pause,
                    what: What::Arrival,
                }));
                let limit = limiter.limit();
                if now >= after {
                    limits += f64::from(limit);
                    count += 1.0;
                    most = most.max(f64::from(limit));
                }
                if in_flight < limit {
                    in_flight += 1;
                    let number = requests.len();
                    requests.push(Request {
                        since: now,
                        is_over: false,
                    });
                    events.push(Reverse(Event {
                        at: now + TIMEOUT,
                        what: What::Late(number),
                    }));
                    let load = |it: &usize| groups[*it].working + groups[*it].waiting.len();
                    // The less busy of two: what the gateway does by default.
                    let a = random.usize(..groups.len());
                    let b = (a + random.usize(..groups.len().max(2) - 1) + 1) % groups.len();
                    let group = if load(&a) <= load(&b) { a } else { b };
                    if load(&group) >= service.most {
                        requests[number].is_over = true;
                        events.push(Reverse(Event {
                            at: now + 0.001,
                            what: What::Refused,
                        }));
                        continue;
                    }
                    groups[group].waiting.push_back(number);
                    start(
                        service,
                        &mut groups[group],
                        group,
                        now,
                        &mut random,
                        &mut events,
                    );
                }
            }
            What::Refused => {
                limiter.observe(0.001, at(now), false, in_flight);
                in_flight -= 1;
            }
            What::Late(number) => {
                if !std::mem::replace(&mut requests[number].is_over, true) {
                    limiter.observe(TIMEOUT, at(now), false, in_flight);
                    in_flight -= 1;
                }
            }
            What::Done(group, number) => {
                groups[group].working -= 1;
                if !std::mem::replace(&mut requests[number].is_over, true) {
                    let time = now - requests[number].since;
                    let is_good = random.f64() >= service.failing;
                    limiter.observe(time, at(now), is_good, in_flight);
                    in_flight -= 1;
                    if is_good {
                        per_second[now as usize] += 1.0 / service.capacity(now);
                        if now >= after {
                            times.push(time);
                        }
                    }
                }
                start(
                    service,
                    &mut groups[group],
                    group,
                    now,
                    &mut random,
                    &mut events,
                );
            }
        }
    }
    times.sort_unstable_by(f64::total_cmp);
    let quantile = |share: f64| {
        times
            .get((times.len() as f64 * share) as usize)
            .copied()
            .unwrap_or(f64::NAN)
    };
    let seconds = &per_second[after as usize..service.seconds as usize];
    // What fails is nobody's to answer.
    let possible = 1.0 - service.failing;
    let offered: Vec<f64> = (after as usize..service.seconds as usize)
        .map(|second| possible * (service.load)(second as f64 + 0.5).min(1.0))
        .collect();
    Result {
        goodput: seconds.iter().sum::<f64>() / offered.iter().sum::<f64>(),
        worst: seconds
            .iter()
            .zip(&offered)
            .map(|(it, of)| it / of)
            .fold(f64::INFINITY, f64::min),
        p50: quantile(0.5),
        p99: quantile(0.99),
        limit: limits / count,
        last: f64::from(limiter.limit()),
        most,
    }
}

fn at(now: f64) -> Duration {
    Duration::from_secs_f64(now)
}

fn start(
    service: &Service,
    group: &mut Group,
    index: usize,
    now: f64,
    random: &mut fastrand::Rng,
    events: &mut BinaryHeap<Reverse<Event>>,
) {
    while group.working < (service.workers)(now)
        && let Some(number) = group.waiting.pop_front()
    {
        group.working += 1;
        let time = (service.spread)(random, (service.mean)(now, index));
        events.push(Reverse(Event {
            at: now + time,
            what: What::Done(index, number),
        }));
    }
}

//! From what threads hand over to results.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::environment::environment;
use crate::record::Batch;
use crate::results::{
    ErrorCount, ErrorKind, FORMAT, Generator, Histogram, Interval, PhaseResult, Results,
    StepResult, Totals,
};
use crate::test::{Load, Test};

/// Later than this (99th percentile) with what was due: latencies of a millisecond are not to be trusted then.
pub const LATEST: Duration = Duration::from_millis(1);
/// More arrivals than this share that were never begun are another load than was asked for.
pub const MOST_DROPPED: f64 = 0.001;
/// A thread that is busier than this has no time to be on time.
pub const BUSIEST: f64 = 0.9;

/// Results that grow.
pub(crate) struct Sum {
    pub(crate) results: Results,
    /// By phase: sum of requests under way by thread, and how often was looked.
    samples: Vec<(u64, u64)>,
    threads: u64,
    errors: BTreeMap<(ErrorKind, usize, String), u64>,
    /// By thread: CPU and time while there was load.
    busy: Vec<(Duration, Duration)>,
    /// By thread: the last second's.
    latest: Vec<(Duration, Duration)>,
    /// Lag of the last second.
    pub(crate) lag: Histogram,
}

impl Sum {
    pub(crate) fn new(test: &Test, started: f64) -> Self {
        Self {
            results: empty(test, started),
            samples: vec![(0, 0); test.phases.len()],
            threads: test.threads as u64,
            errors: BTreeMap::new(),
            busy: vec![Default::default(); test.threads],
            latest: vec![Default::default(); test.threads],
            lag: Histogram::default(),
        }
    }

    /// Adds what a thread saw.
    pub(crate) fn add(&mut self, thread: usize, batch: Batch) {
        let results = &mut self.results;
        if results.series.len() <= batch.second {
            let grown = (results.series.len()..=batch.second).map(|second| Interval {
                at: second as f64,
                duration: 1.0,
                ..Interval::default()
            });
            results.series.extend(grown);
        }
        let interval = &mut results.series[batch.second];
        interval.arrivals += batch.arrivals;
        interval.begun += batch.begun;
        interval.users += batch.users;
        interval.in_flight += batch.in_flight;
        for (phase, step, totals) in &batch.cells {
            interval.done += totals.done;
            interval.failed += totals.failed;
            interval.received_bytes += totals.received_bytes;
            interval.latency.add(&totals.latency);
            add(&mut results.phases[*phase].totals, totals);
            if !results.phases[*phase].is_warm_up {
                add(&mut results.steps[*step].totals, totals);
                add(&mut results.total, totals);
            }
        }
        for ((sum, count), (more, times)) in self.samples.iter_mut().zip(&batch.samples) {
            *sum += more;
            *count += times;
        }
        for (error, count) in batch.errors {
            *self.errors.entry(error).or_default() += count;
        }
        let generator = &mut results.generator;
        generator.lag.add(&batch.lag);
        generator.waited += batch.waited;
        generator.dropped += batch.dropped;
        generator.cpu_seconds += batch.cpu.as_secs_f64();
        if !batch.is_last {
            let busy = &mut self.busy[thread];
            (busy.0, busy.1) = (busy.0 + batch.cpu, busy.1 + batch.wall);
            self.latest[thread] = (batch.cpu, batch.wall);
            if thread == 0 {
                self.lag.clear();
            }
            self.lag.add(&batch.lag);
        }
        self.derive();
    }

    /// The busiest thread's share of a core in the last second.
    pub(crate) fn latest_cpu(&self) -> f64 {
        busiest(&self.latest)
    }

    /// What follows from the sums.
    fn derive(&mut self) {
        let results = &mut self.results;
        for (phase, (sum, count)) in results.phases.iter_mut().zip(&self.samples) {
            // Each thread looked as often, at its own requests.
            let looks = (*count as f64 / self.threads as f64).max(1.0);
            phase.in_flight = *sum as f64 / looks;
        }
        results.generator.cpu = busiest(&self.busy);
    }

    /// The end: `duration` since the first phase began.
    pub(crate) fn finish(mut self, test: &Test, duration: Duration) -> Results {
        self.derive();
        let results = &mut self.results;
        results.duration = duration.as_secs_f64();
        for phase in &mut results.phases {
            let left = (results.duration - phase.start).max(0.0);
            phase.duration = phase.duration.min(left);
        }
        if let Some(last) = results.series.last_mut() {
            last.duration = (results.duration - last.at).clamp(0.0, 1.0);
        }
        let names: Vec<_> = results
            .steps
            .iter()
            .map(|step| format!("{} / {}", step.scenario, step.name))
            .collect();
        let errors = self
            .errors
            .into_iter()
            .map(|((kind, step, message), count)| ErrorCount {
                kind,
                message,
                step: names[step].clone(),
                count,
            });
        results.errors = errors.collect();
        results
            .errors
            .sort_by_key(|error| std::cmp::Reverse(error.count));
        results.generator.invalid = reasons(&results.generator, results, test);
        self.results
    }
}

fn busiest(threads: &[(Duration, Duration)]) -> f64 {
    let shares = threads.iter().filter(|(_, wall)| !wall.is_zero());
    let shares = shares.map(|(cpu, wall)| cpu.as_secs_f64() / wall.as_secs_f64());
    shares.fold(0.0, f64::max).min(1.0)
}

/// Why the numbers must not be trusted.
fn reasons(generator: &Generator, results: &Results, test: &Test) -> Vec<String> {
    let mut reasons = Vec::new();
    if let Some(lag) = generator.lag.quantile(0.99)
        && lag > LATEST
    {
        let millis = lag.as_secs_f64() * 1e3;
        reasons.push(format!(
            "one start in a hundred was {millis:.1} ms late or later (1 ms may be): give the generator a machine of its own, or more threads"
        ));
    }
    let arrivals: u64 = results
        .series
        .iter()
        .map(|interval| interval.arrivals)
        .sum();
    if generator.dropped as f64 > MOST_DROPPED * arrivals as f64 {
        let (dropped, connections) = (generator.dropped, test.target.connections);
        reasons.push(format!(
            "{dropped} of {arrivals} arrivals were never begun: all {connections} connections were in use; allow more, or ask for less"
        ));
    }
    if generator.cpu > BUSIEST {
        let percent = generator.cpu * 100.0;
        reasons.push(format!(
            "a thread of the generator was busy for {percent:.0} % of the time (90 % may be): give it more threads or machines, or ask for less"
        ));
    }
    reasons
}

fn add(to: &mut Totals, more: &Totals) {
    to.due += more.due;
    to.done += more.done;
    to.failed += more.failed;
    for (status, count) in &more.statuses {
        *to.statuses.entry(*status).or_default() += count;
    }
    to.sent_bytes += more.sent_bytes;
    to.received_bytes += more.received_bytes;
    to.latency.add(&more.latency);
    to.service.add(&more.service);
}

fn empty(test: &Test, started: f64) -> Results {
    let mut start = 0.0;
    let phases = test.phases.iter().map(|phase| {
        let duration = phase.duration.as_secs_f64();
        let (rate, users) = match phase.load {
            Load::Rate { from, to } => (Some((from, to)), None),
            Load::Users { from, to } => (None, Some((from, to))),
        };
        start += duration;
        PhaseResult {
            name: phase.name.clone(),
            is_warm_up: phase.is_warm_up,
            start: start - duration,
            duration,
            rate,
            users,
            ..PhaseResult::default()
        }
    });
    let phases = phases.collect();
    let steps = test.scenarios.iter().flat_map(|scenario| {
        scenario.steps.iter().map(|step| StepResult {
            scenario: scenario.name.clone(),
            group: step.group.clone(),
            name: step.name.clone(),
            totals: Totals::default(),
        })
    });
    Results {
        format: FORMAT,
        name: test.name.clone(),
        target: test.target.url(),
        is_open: test.is_open(),
        started,
        duration: 0.0,
        ended_early: None,
        shards: vec![test.shard.index],
        shard_count: test.shard.count,
        total: Totals::default(),
        phases,
        steps: steps.collect(),
        series: Vec::new(),
        errors: Vec::new(),
        generator: Generator::default(),
        environments: vec![environment(test.threads)],
        thresholds: Vec::new(),
    }
}

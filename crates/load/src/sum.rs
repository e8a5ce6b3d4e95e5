//! From what threads hand over to results.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::environment::environment;
use crate::record::{Batch, OTHERS, Spent};
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
/// A phase that is shorter tells too little about how busy a thread is.
const SHORTEST: Duration = Duration::from_secs(1);
/// Different errors that are kept of a whole test.
const MOST_ERRORS: usize = 500;

/// Results that grow.
pub(crate) struct Sum {
    pub(crate) results: Results,
    /// By phase, all threads together: requests under way times seconds, and seconds.
    under_way: Vec<(f64, f64)>,
    threads: u64,
    errors: BTreeMap<(ErrorKind, usize, String), u64>,
    /// By thread and phase: CPU and time while there was load.
    busy: Vec<Vec<Spent>>,
    /// By thread: the last second's.
    latest: Vec<Spent>,
    /// The last second of which there is lag, and that.
    lag_of: usize,
    pub(crate) lag: Histogram,
}

impl Sum {
    pub(crate) fn new(test: &Test, started: f64) -> Self {
        Self {
            results: empty(test, started),
            under_way: vec![(0.0, 0.0); test.phases.len()],
            threads: test.threads as u64,
            errors: BTreeMap::new(),
            busy: vec![vec![Default::default(); test.phases.len()]; test.threads],
            latest: vec![Default::default(); test.threads],
            lag_of: 0,
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
            results.phases[*phase].totals.add(totals);
            if !results.phases[*phase].is_warm_up {
                results.steps[*step].totals.add(totals);
                results.total.add(totals);
            }
        }
        for ((sum, time), (more, seconds)) in self.under_way.iter_mut().zip(&batch.under_way) {
            *sum += more;
            *time += seconds;
        }
        for (error, count) in batch.errors {
            *results.series[batch.second]
                .errors
                .entry(error.0)
                .or_default() += count;
            let mut error = error;
            if self.errors.len() >= MOST_ERRORS && !self.errors.contains_key(&error) {
                OTHERS.clone_into(&mut error.2);
            }
            *self.errors.entry(error).or_default() += count;
        }
        let generator = &mut results.generator;
        generator.lag.add(&batch.lag);
        generator.waited += batch.waited;
        generator.dropped += batch.dropped;
        generator.cpu_seconds += batch.spent.cpu.as_secs_f64();
        for (all, more) in self.busy[thread].iter_mut().zip(&batch.busy) {
            all.add(more);
        }
        if !batch.is_last {
            self.latest[thread] = batch.spent;
            // Threads hand over the same second one after the other.
            if batch.second > self.lag_of {
                self.lag_of = batch.second;
                self.lag.clear();
            }
            self.lag.add(&batch.lag);
        }
        self.derive();
    }

    /// The busiest thread's share of a core in the last second.
    pub(crate) fn latest_cpu(&self) -> f64 {
        self.latest.iter().map(Spent::share).fold(0.0, f64::max)
    }

    /// What follows from the sums.
    fn derive(&mut self) {
        let results = &mut self.results;
        for (phase, (sum, time)) in results.phases.iter_mut().zip(&self.under_way) {
            // Each thread counted for as long, its own requests.
            let seconds = *time / self.threads as f64;
            phase.in_flight = if seconds > 0.0 { *sum / seconds } else { 0.0 };
        }
        self.results.generator.cpu = self.busiest(Spent::share);
    }

    /// A share of the busiest thread, in the phase in which it was busiest.
    fn busiest(&self, share: fn(&Spent) -> f64) -> f64 {
        let warm_ups = self.results.phases.iter().map(|phase| phase.is_warm_up);
        let warm_ups: Vec<_> = warm_ups.collect();
        let threads = self.busy.iter();
        let shares = threads.map(|phases| busiest(phases, &warm_ups, share));
        shares.fold(0.0, f64::max)
    }

    /// The end: `duration` since the first phase began.
    pub(crate) fn finish(mut self, test: &Test, duration: Duration) -> Results {
        self.derive();
        let wanted = self.busiest(Spent::wanted);
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
        results.generator.invalid = reasons(&results.generator, results, wanted, test);
        self.results
    }
}

/// A thread's share of a core in the phase in which it was busiest, warm-ups left out: a spike of seconds must not be hidden by minutes of calm.
fn busiest(phases: &[Spent], warm_ups: &[bool], share: fn(&Spent) -> f64) -> f64 {
    let (mut most, mut all) = (0.0_f64, Spent::default());
    for (phase, _) in phases
        .iter()
        .zip(warm_ups)
        .filter(|(_, is_warm)| !**is_warm)
    {
        all.add(phase);
        if phase.wall >= SHORTEST {
            most = most.max(share(phase));
        }
    }
    most.max(share(&all))
}

/// Why the numbers must not be trusted.
fn reasons(generator: &Generator, results: &Results, wanted: f64, test: &Test) -> Vec<String> {
    let mut reasons = Vec::new();
    // Of fewer starts there is no hundredth.
    if generator.lag.count() >= 100
        && let Some(lag) = generator.lag.quantile(0.99)
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
            "{dropped} of {arrivals} arrivals were never begun: all {connections} connections were in use, or the generator was too slow; allow more, or ask for less"
        ));
    }
    if generator.cpu > BUSIEST {
        let percent = generator.cpu * 100.0;
        reasons.push(format!(
            "a thread of the generator was busy for {percent:.0} % of the time (90 % may be): give it more threads or machines, or ask for less"
        ));
    } else if wanted > BUSIEST {
        let (busy, waited) = (generator.cpu * 100.0, (wanted - generator.cpu) * 100.0);
        reasons.push(format!(
            "a thread of the generator was busy for {busy:.0} % of the time and had no processor for {waited:.0} % (90 % may be both): other programs of this machine take them; give the generator one of its own"
        ));
    }
    reasons
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
        plan: Some(test.plan()),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::ErrorKind;

    fn spent(cpu: u64, wall: u64) -> Spent {
        Spent {
            cpu: Duration::from_millis(cpu),
            waited: Duration::from_millis(wall / 20),
            wall: Duration::from_millis(wall),
        }
    }

    #[test]
    fn a_spike_is_not_hidden_by_calm_and_a_warm_up_is_none() {
        let phases = [
            spent(3000, 3000),
            spent(600, 60_000),
            spent(1800, 2000),
            spent(99, 100),
        ];
        let busy = busiest(&phases, &[true, false, false, false], Spent::share);
        assert!((busy - 0.9).abs() < 1e-9, "{busy}");
        let wanted = busiest(&phases, &[true, false, false, false], Spent::wanted);
        assert!((wanted - 0.95).abs() < 1e-9, "{wanted}");
        assert!(busiest(&phases[..1], &[true], Spent::share).abs() < 1e-9);
        // Of a test of half a second nothing else is known.
        let short = busiest(&[spent(300, 500)], &[false], Spent::share);
        assert!((short - 0.6).abs() < 1e-9);
    }

    /// A server that writes another number into each of its messages, for an hour.
    #[test]
    fn errors_of_a_long_test_are_bounded() {
        let results = crate::report::fixture::results(1, 1.0);
        let mut sum = Sum {
            results,
            under_way: Vec::new(),
            threads: 1,
            errors: BTreeMap::new(),
            busy: vec![Vec::new()],
            latest: vec![Spent::default()],
            lag_of: 0,
            lag: Histogram::default(),
        };
        for second in 0..3600 {
            let message = format!("number {second}");
            let batch = Batch {
                errors: [((ErrorKind::Protocol, 0, message), 2)].into(),
                ..Batch::default()
            };
            sum.add(0, batch);
        }
        assert_eq!(sum.errors.len(), MOST_ERRORS + 1);
        assert_eq!(sum.errors.values().sum::<u64>(), 7200);
    }
}

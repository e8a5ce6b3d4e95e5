//! What came out: latencies, failures, shares.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use tenfold_traffic::Algorithm;

use crate::scenario::Scenario;
use crate::world::{Done, World};

/// Longer than this and a visitor waits.
const LATE: Duration = Duration::from_secs(1);

/// What an algorithm did in a scenario, over all runs.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Summary {
    pub(crate) algorithm: Algorithm,
    /// Of requests that were answered well; their percentiles are of all runs together.
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
    pub(crate) max: Duration,
    /// The least and the greatest p99 of a single run.
    pub(crate) p99_of_runs: (Duration, Duration),
    /// Part of the requests that were answered well, but took more than a second.
    pub(crate) late: f64,
    /// Part of the requests that were not answered well.
    pub(crate) failed: f64,
    /// Part of the requests that each server got.
    pub(crate) shares: Vec<f64>,
    /// Part of the requests whose key was in the cache, if servers have one.
    pub(crate) hits: Option<f64>,
}

/// The results of all algorithms in all scenarios, in their order; on all cores.
pub(crate) fn run_all(scenarios: &[Scenario], seeds: u64) -> Vec<Vec<Summary>> {
    let jobs: Vec<_> = (0..scenarios.len())
        .flat_map(|place| Algorithm::ALL.map(|algorithm| (place, algorithm)))
        .collect();
    let next = AtomicUsize::new(0);
    let found = Mutex::new(vec![None; jobs.len()]);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let job = next.fetch_add(1, Relaxed);
                    let Some(&(place, algorithm)) = jobs.get(job) else {
                        return;
                    };
                    let summary = summarize(&scenarios[place], algorithm, seeds);
                    found.lock().expect("no thread panics")[job] = Some(summary);
                }
            });
        }
    });
    let found = found.into_inner().expect("no thread panics");
    let all: Vec<Summary> = found.into_iter().flatten().collect();
    all.chunks(Algorithm::ALL.len())
        .map(<[_]>::to_vec)
        .collect()
}

/// What an algorithm does in a scenario, in runs with the seeds from 1 on.
pub(crate) fn summarize(scenario: &Scenario, algorithm: Algorithm, seeds: u64) -> Summary {
    let (from, to) = scenario.measured;
    let mut all = Vec::new();
    let mut p99s = Vec::new();
    let mut picks = vec![0_u64; scenario.servers.len()];
    let (mut count, mut failed, mut hits) = (0_u64, 0_u64, 0_u64);
    for seed in 1..=seeds {
        let done = World::new(scenario, algorithm, seed).run();
        let measured = |done: &&Done| (from..to).contains(&done.arrived);
        let mut latencies = Vec::new();
        for done in done.iter().filter(measured) {
            count += 1;
            failed += u64::from(done.is_failure);
            hits += u64::from(done.is_hit);
            if let Some(server) = done.server {
                picks[server] += 1;
            }
            if !done.is_failure {
                latencies.push(done.ended - done.arrived);
            }
        }
        latencies.sort_unstable();
        p99s.push(quantile(&latencies, 0.99));
        all.append(&mut latencies);
    }
    all.sort_unstable();
    let late = all.len() - all.partition_point(|latency| *latency <= LATE);
    let part = |some: u64| some as f64 / count.max(1) as f64;
    Summary {
        algorithm,
        p50: quantile(&all, 0.5),
        p99: quantile(&all, 0.99),
        max: quantile(&all, 1.0),
        p99_of_runs: (
            p99s.iter().min().copied().unwrap_or_default(),
            p99s.iter().max().copied().unwrap_or_default(),
        ),
        late: part(late as u64),
        failed: part(failed),
        shares: picks.into_iter().map(part).collect(),
        hits: scenario.cache.map(|_| part(hits)),
    }
}

/// The least value that `part` of all do not exceed (nearest rank); zero if there is none.
pub(crate) fn quantile(sorted: &[Duration], part: f64) -> Duration {
    let rank = (sorted.len() as f64 * part).ceil() as usize;
    let place = rank.max(1) - 1;
    sorted.get(place).copied().unwrap_or_default()
}

//! Levels of load from results of `tenfold load --json`: each phase with one load is one.
//!
//! A phase's totals are of what was *due* in it, however much later it ended; where the service did not keep up, they say what
//! was asked for and not what was done. So counts and times are taken from the seconds within the phase, of what *ended* in them,
//! and only where a phase has no whole second from its totals.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use tenfold_load::Results;
use tenfold_load::results::{FORMAT, Histogram, Interval, PhaseResult};

use super::{Level, Measurements, bytes};
use crate::command::Refusal;
use crate::command::plan::value::Measure;

/// Requests under way at a phase's end, in times of those after its first second, from which on they piled up.
const PILED_UP: f64 = 1.5;

/// A share of failed requests worth a note.
const MANY_FAILED: f64 = 0.01;

pub(super) fn read(paths: &[PathBuf], wanted: Option<Measure>) -> Result<Measurements, Refusal> {
    let names: Vec<String> = paths
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    let mut all = Measurements {
        origin: names.join(", "),
        levels: Vec::new(),
        notes: Vec::new(),
    };
    for (path, name) in paths.iter().zip(&names) {
        let results = parsed(path, name)?;
        if let Some(why) = results.generator.invalid.first() {
            return Err(Refusal::new(
                format!(
                    "{name}: the run is invalid, its numbers are the generator's and not the service's: {}",
                    crate::command::format::shortened(why)
                ),
                "repeat it with more threads, or from several machines (tenfold load --shard)",
            ));
        }
        if !results.missing_shards().is_empty() {
            return Err(Refusal::new(
                format!(
                    "{name} has the load of {} of {} generators: the service answered that of all, so that nothing follows from a part",
                    results.shards.len(),
                    results.shard_count
                ),
                "put all parts together with tenfold load merge *.json, and give what it writes with --json",
            ));
        }
        for phase in &results.phases {
            match level(phase, &results, wanted) {
                Ok(level) => all.levels.push(level),
                Err(why) => all.notes.push(format!(
                    "phase `{}` is left out: {why}",
                    crate::command::format::shortened(&phase.name)
                )),
            }
            all.notes.extend(failures(phase));
        }
    }
    if all.levels.is_empty() {
        let why = all.notes.first().map_or("it has no phases", String::as_str);
        return Err(Refusal::new(
            format!("{}: no phase is a level of load: {why}", all.origin),
            "measure several levels of load, each in a phase of its own (or with tenfold load --ramp-to-knee)",
        ));
    }
    Ok(all)
}

fn parsed(path: &Path, name: &str) -> Result<Results, Refusal> {
    #[derive(Deserialize)]
    struct Head {
        format: Option<u32>,
    }
    let help = "give a file that `tenfold load --json` wrote";
    let refuse = |error: &serde_json::Error| {
        // The error repeats what it does not understand.
        let error = crate::command::format::shortened(&error.to_string());
        Refusal::new(format!("{name} is no results file: {error}"), help)
    };
    let bytes = bytes(path)?;
    let head: Head = serde_json::from_slice(&bytes).map_err(|error| refuse(&error))?;
    match head.format {
        Some(FORMAT) => serde_json::from_slice(&bytes).map_err(|error| refuse(&error)),
        Some(other) => Err(Refusal::new(
            format!("{name} has the format {other}, and this version reads {FORMAT}"),
            "repeat the test with this version of tenfold",
        )),
        None => Err(Refusal::new(
            format!("{name} is no results file: it says no format"),
            help,
        )),
    }
}

/// What ended in a phase.
struct Ended {
    seconds: f64,
    done: u64,
    failed: u64,
    latency: Histogram,
}

fn ended(phase: &PhaseResult, seconds: &[&Interval]) -> Ended {
    let Some(first) = seconds.first() else {
        return Ended {
            seconds: phase.duration,
            done: phase.totals.done,
            failed: phase.totals.failed,
            latency: phase.totals.latency.clone(),
        };
    };
    let mut ended = Ended {
        seconds: 0.0,
        done: 0,
        failed: 0,
        latency: first.latency.clone(),
    };
    ended.latency.clear();
    for one in seconds {
        ended.seconds += one.duration;
        ended.done = ended.done.saturating_add(one.done);
        ended.failed = ended.failed.saturating_add(one.failed);
        ended.latency.add(&one.latency);
    }
    ended
}

fn level(phase: &PhaseResult, results: &Results, wanted: Option<Measure>) -> Result<Level, String> {
    if phase.is_warm_up {
        return Err("it is a warm-up".into());
    }
    let is_ramp = phase.rate.is_some_and(|(from, to)| from != to)
        || phase.users.is_some_and(|(from, to)| from != to);
    if is_ramp {
        return Err("load changed during it, so that it is no level of load".into());
    }
    let is_within = |one: &&Interval| {
        one.at >= phase.start - 1e-3 && one.at + one.duration <= phase.start + phase.duration + 1e-3
    };
    let seconds: Vec<&Interval> = results.series.iter().filter(is_within).collect();
    let ended = ended(phase, &seconds);
    let good = ended.done.saturating_sub(ended.failed);
    let is_number = |number: f64| number.is_finite() && number > 0.0;
    if good == 0 || !is_number(ended.seconds) || !is_number(phase.in_flight) {
        return Err("nothing was answered well in it".into());
    }
    let mean = ended
        .latency
        .mean()
        .map(|time| time.as_secs_f64())
        .filter(|time| *time > 0.0);
    let of_objective = wanted.and_then(|wanted| match wanted {
        Measure::Mean => mean,
        Measure::Quantile(share) => ended.latency.quantile(share).map(|time| time.as_secs_f64()),
    });
    Ok(Level {
        place: format!("phase `{}`", crate::command::format::shortened(&phase.name)),
        concurrency: phase.in_flight,
        throughput: good as f64 / ended.seconds,
        mean,
        of_objective,
        window: mean.map(|mean| (ended.done as f64 / ended.seconds, residence(phase, mean))),
        is_steady: !piles_up(&seconds),
    })
}

/// How long requests were under way. One that waits for a connection is late from when it was due, and under way from when it was
/// sent: the time that agrees better with what was counted is that of the border at which it was counted.
fn residence(phase: &PhaseResult, mean: f64) -> f64 {
    let Some(service) = phase.totals.service.mean().map(|time| time.as_secs_f64()) else {
        return mean;
    };
    let rate = phase.totals.done as f64 / phase.duration;
    let off = |time: f64| (phase.in_flight / (rate * time)).ln().abs();
    if off(service) < off(mean) {
        service
    } else {
        mean
    }
}

fn piles_up(seconds: &[&Interval]) -> bool {
    match seconds {
        [first, .., last] => {
            let (first, last) = (f64::from(first.in_flight), f64::from(last.in_flight));
            last > PILED_UP * first && last - first > 10.0
        }
        _ => false,
    }
}

fn failures(phase: &PhaseResult) -> Option<String> {
    let share = phase.totals.failed as f64 / phase.totals.done.max(1) as f64;
    (share > MANY_FAILED && !phase.is_warm_up).then(|| {
        format!(
            "phase `{}`: {} of the requests failed; only good answers count as throughput",
            crate::command::format::shortened(&phase.name),
            tenfold_capacity::text::percent(share)
        )
    })
}

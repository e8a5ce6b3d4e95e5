//! Results of a test that never was: a shop under a ramp whose service stops for two seconds. For tests and the example.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::results::{
    Environment, ErrorCount, ErrorKind, FORMAT, Generator, Interval, PhaseResult, Results,
    StepResult, Totals, Verdict,
};
use crate::threshold::{Scope, Threshold, judge};

/// When the service stops, and for how long, in seconds.
const PAUSE: (f64, f64) = (55.0, 2.0);
/// Name, warm-up, start, duration, arrivals per second at its beginning and end.
const PHASES: [(&str, bool, f64, f64, f64, f64); 3] = [
    ("warm-up", true, 0.0, 10.0, 40.0, 80.0),
    ("ramp", false, 10.0, 30.0, 80.0, 200.0),
    ("peak", false, 40.0, 50.0, 200.0, 200.0),
];
const STEPS: [(&str, &str, &str, f64); 4] = [
    ("buyer", "browse", "GET /", 1.0),
    ("buyer", "browse", "GET /product/{id}", 1.6),
    ("buyer", "checkout", "POST /cart", 2.2),
    ("searcher", "browse", "GET /search?q={word}", 4.0),
];

/// A number from 0 to 1 that follows from the seed (Marsaglia's xorshift).
fn random(state: &mut u64) -> f64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    (*state >> 11) as f64 / (1u64 << 53) as f64
}

/// The results; times are `slower` times as long.
pub(crate) fn results(seed: u64, slower: f64) -> Results {
    let mut results = empty();
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    for (index, (_, _, start, duration, from, to)) in PHASES.into_iter().enumerate() {
        let mut at = 0.0;
        while at < duration {
            let rate = from + (to - from) * at / duration;
            request(&mut results, &mut state, index, start + at, slower);
            at += 1.0 / rate;
        }
    }
    finish(&mut results);
    results
}

fn empty() -> Results {
    let phase =
        |(name, is_warm_up, start, duration, from, to): (&str, bool, f64, f64, f64, f64)| {
            PhaseResult {
                name: name.into(),
                is_warm_up,
                start,
                duration,
                rate: Some((from, to)),
                ..PhaseResult::default()
            }
        };
    let step = |(scenario, group, name, _): (&str, &str, &str, f64)| StepResult {
        scenario: scenario.into(),
        group: Some(group.into()),
        name: name.into(),
        totals: Totals::default(),
    };
    let second = |at: u32| Interval {
        at: f64::from(at),
        duration: 1.0,
        ..Interval::default()
    };
    Results {
        format: FORMAT,
        name: "Black Friday rehearsal".into(),
        target: "https://shop.example.com".into(),
        is_open: true,
        started: 1_795_269_732.0,
        duration: 90.0,
        ended_early: None,
        plan: None,
        shards: vec![0],
        shard_count: 1,
        total: Totals::default(),
        phases: PHASES.map(phase).to_vec(),
        steps: STEPS.map(step).to_vec(),
        series: (0..91).map(second).collect(),
        errors: Vec::new(),
        generator: Generator::default(),
        environments: vec![Environment {
            version: "0.1.0".into(),
            host: "load-1".into(),
            system: "Linux 6.1".into(),
            processor: "8-core example".into(),
            cores: 8,
            threads: 4,
        }],
        thresholds: Vec::new(),
    }
}

fn request(results: &mut Results, state: &mut u64, phase: usize, due: f64, slower: f64) {
    let which = (random(state) * STEPS.len() as f64) as usize;
    // A long tail, as services have: the logarithm of the time is about normal.
    let normal = (0..6).map(|_| random(state)).sum::<f64>() - 3.0;
    let mut service = 0.004 * STEPS[which].3 * slower * (0.8 * normal).exp();
    let stop = PAUSE.0..PAUSE.0 + PAUSE.1;
    let waits = if stop.contains(&due) {
        stop.end - due
    } else {
        0.0
    };
    if waits > 0.0 {
        service += waits * 0.4;
    }
    let latency = service + waits * 0.6;
    let status: u16 = match (waits > 1.0, random(state)) {
        (_, chance) if chance < 0.002 => 503,
        (true, chance) if chance < 0.5 => 0,
        (_, chance) if chance > 0.97 => 304,
        _ => 200,
    };
    let error = match status {
        0 => Some((ErrorKind::Timeout, "no answer within 1 s")),
        503 => Some((ErrorKind::Status, "status 503, expected below 400")),
        _ => None,
    };
    count(
        results,
        phase,
        which,
        due,
        (latency, service),
        status,
        error,
    );
}

fn count(
    results: &mut Results,
    phase: usize,
    step: usize,
    due: f64,
    (latency, service): (f64, f64),
    status: u16,
    error: Option<(ErrorKind, &str)>,
) {
    let last = results.series.len() - 1;
    let arrival = &mut results.series[(due as usize).min(last)];
    arrival.arrivals += 1;
    arrival.begun += 1;
    let end = &mut results.series[((due + latency) as usize).min(last)];
    end.done += 1;
    end.received_bytes += 9000;
    end.latency.record(Duration::from_secs_f64(latency));
    if let Some((kind, _)) = error {
        end.failed += 1;
        *end.errors.entry(kind).or_default() += 1;
    }
    let is_warm_up = results.phases[phase].is_warm_up;
    let whole = (!is_warm_up).then_some(&mut results.total);
    let part = (!is_warm_up).then_some(&mut results.steps[step].totals);
    let sums = [Some(&mut results.phases[phase].totals), whole, part];
    for totals in sums.into_iter().flatten() {
        totals.due += 1;
        totals.done += 1;
        totals.failed += u64::from(error.is_some());
        if status > 0 {
            *totals.statuses.entry(status).or_default() += 1;
        }
        totals.sent_bytes += 180;
        totals.received_bytes += 9000;
        totals.latency.record(Duration::from_secs_f64(latency));
        totals.service.record(Duration::from_secs_f64(service));
    }
    if let Some((kind, message)) = error.filter(|_| !is_warm_up) {
        let name = format!("{}: {}", STEPS[step].0, STEPS[step].2);
        let errors = &mut results.errors;
        match errors
            .iter_mut()
            .find(|it| it.kind == kind && it.step == name)
        {
            Some(found) => found.count += 1,
            None => errors.push(ErrorCount {
                kind,
                message: message.into(),
                step: name,
                count: 1,
            }),
        }
    }
}

fn finish(results: &mut Results) {
    // The last second is cut short.
    if let Some(last) = results.series.last_mut() {
        last.duration = 0.1;
    }
    results.duration = 90.1;
    for phase in &mut results.phases {
        let mean = phase.totals.service.mean().unwrap_or_default();
        phase.in_flight = phase.totals.done as f64 / phase.duration * mean.as_secs_f64() * 1.01;
    }
    let (mut begun, mut done) = (0, 0);
    for one in &mut results.series {
        begun += one.begun;
        done += one.done;
        let open = u32::try_from(begun - done).unwrap_or(u32::MAX);
        (one.in_flight, one.users) = (open + 1, open + 3);
    }
    results
        .errors
        .sort_by_key(|one| std::cmp::Reverse(one.count));
    let generator = &mut results.generator;
    for micros in 0..10_000 {
        generator
            .lag
            .record(Duration::from_micros(20 + micros % 97));
    }
    (generator.cpu, generator.cpu_seconds) = (0.23, 14.2);
    let thresholds: Vec<_> = [
        ("p(95) < 300ms", None),
        ("p(99.9) < 1.5s", None),
        ("errors < 1%", None),
        ("rate > 150/s", Some(Scope::Phase("peak".into()))),
        ("p(95) < 15ms", Some(Scope::step("POST /cart"))),
        ("5xx == 0", Some(Scope::Group("checkout".into()))),
    ]
    .into_iter()
    .map(|(text, scope)| Threshold::parse(text).expect("sound").of(scope))
    .collect();
    results.thresholds = judge(&thresholds, results);
}

/// The same, as `count` generators would have measured it: requests go around.
#[allow(dead_code, reason = "the example has no use for it")]
pub(crate) fn parts(seed: u64, count: u32) -> Vec<Results> {
    let part = |index: u32| {
        let mut part = results(seed + u64::from(index), 1.0);
        (part.shards, part.shard_count) = (vec![index], count);
        part.started += f64::from(index) * 0.01;
        part
    };
    (0..count).map(part).collect()
}

/// Results in which everything that a server or a file may have named is hostile.
#[allow(dead_code, reason = "the example has no use for it")]
pub(crate) fn hostile() -> Results {
    let evil = "</script><script>alert(1)</script><img src=x onerror=alert(1)>\" onload='x' {{}} &lt; \x1b[2J\u{202e}";
    let mut results = results(1, 1.0);
    results.name = evil.into();
    results.target = evil.into();
    results.ended_early = Some(evil.into());
    results.generator.invalid = vec![evil.into()];
    for phase in &mut results.phases {
        phase.name = evil.into();
    }
    for step in &mut results.steps {
        (step.scenario, step.name, step.group) = (evil.into(), evil.into(), Some(evil.into()));
    }
    for error in &mut results.errors {
        (error.step, error.message) = (evil.into(), evil.repeat(1000));
    }
    results.environments[0] = Environment {
        version: evil.into(),
        host: evil.into(),
        system: evil.into(),
        processor: evil.into(),
        ..Environment::default()
    };
    let verdict = |scope| Verdict {
        threshold: evil.into(),
        scope,
        measured: evil.into(),
        holds: false,
        aborted: true,
    };
    results.thresholds = vec![verdict(None), verdict(Some(Scope::step(evil)))];
    results.total.statuses = BTreeMap::from([(0, 1), (u16::MAX, u64::MAX)]);
    results
}

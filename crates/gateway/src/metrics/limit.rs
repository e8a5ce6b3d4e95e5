//! What is counted of limits. Labels are their names, which the configuration bounds; never a client.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tenfold_observe::metric::{CounterSet, Labels, Registry};

use crate::control::Control;
use crate::limit::{Counted, Limit};

/// Requests by what a limit decided.
pub(crate) fn verdicts(registry: &Registry, limit: &str) -> CounterSet {
    registry.counter_set(
        "tenfold_limit_requests",
        "Decisions of a limit: allowed, refused, dry_run (refused if it were not one), and store_failed (decided without the shared store)",
        vec![("limit", limit.to_owned())],
        "verdict",
        &Counted::NAMES,
    )
}

/// A metric: its name, what it is, and how it is read at a moment.
type Read = (&'static str, &'static str, fn(&Limit, Duration) -> f64);

const GAUGES: [Read; 3] = [
    (
        "tenfold_limit_keys",
        "Clients that have used something of their quota",
        |it, now| it.limiter.tracked(now) as f64,
    ),
    (
        "tenfold_limit_max_keys",
        "Clients that a limit can remember",
        |it, _| it.limiter.capacity() as f64,
    ),
    (
        "tenfold_limit_share",
        "The share of its rates that an adaptive limit allows at the moment",
        |it, _| it.limiter.share(),
    ),
];

const FORGOTTEN: Read = (
    "tenfold_limit_keys_forgotten",
    "Clients that had used something and were forgotten to make room",
    |it, _| it.limiter.forgotten() as f64,
);

/// Where a limit counts: one of them is 1.
const MODES: [&str; 4] = ["shared", "local", "open", "closed"];

/// What is read of the limits when it is asked for: they come and go.
pub(crate) fn read(registry: &Registry, control: &Arc<Control>) {
    for (name, help, value) in GAUGES {
        registry.read_gauges(name, help, limits(control, value));
    }
    let (name, help, value) = FORGOTTEN;
    registry.read_counters(name, help, limits(control, value));
    let control = Arc::downgrade(control);
    registry.read_gauges(
        "tenfold_limit_mode",
        "1 for where a limit counts at the moment: shared, local, open, closed",
        move || {
            let mut series = Vec::new();
            for limit in all(&control).0.iter() {
                for mode in MODES {
                    let name = limit.config.name.clone();
                    let labels = vec![("limit", name), ("mode", mode.to_owned())];
                    series.push((labels, f64::from(u8::from(limit.mode() == mode))));
                }
            }
            series
        },
    );
}

fn limits(
    control: &Arc<Control>,
    value: fn(&Limit, Duration) -> f64,
) -> impl Fn() -> Vec<(Labels, f64)> + Send + Sync + 'static {
    let control = Arc::downgrade(control);
    move || {
        let (limits, now) = all(&control);
        let labels = |limit: &Limit| vec![("limit", limit.config.name.clone())];
        let series = limits.iter();
        series
            .map(|limit| (labels(limit), value(limit, now)))
            .collect()
    }
}

/// All limits, and the time.
fn all(control: &Weak<Control>) -> (Arc<[Arc<Limit>]>, Duration) {
    let Some(control) = control.upgrade() else {
        return (Arc::default(), Duration::ZERO);
    };
    (Arc::clone(&control.snapshot().limits), control.now())
}

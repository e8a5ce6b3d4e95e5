//! Services that an adaptive limit has to cope with. Eight workers of 10 ms, unless something else is said.

use crate::origin::Service;

/// Seconds that a limiter has to find its way before it is judged.
pub(crate) const WARM: f64 = 10.0;

fn constant(_: &mut fastrand::Rng, mean: f64) -> f64 {
    mean
}

fn exponential(random: &mut fastrand::Rng, mean: f64) -> f64 {
    -(1.0 - random.f64()).ln() * mean
}

/// Nine of ten take 5/9 of the mean, one takes five times as long.
fn bimodal(random: &mut fastrand::Rng, mean: f64) -> f64 {
    match random.u8(..10) {
        0 => mean * 5.0,
        _ => mean * 5.0 / 9.0,
    }
}

fn base(name: &'static str) -> Service {
    Service {
        name,
        seconds: 60.0,
        groups: 1,
        workers: |_| 8,
        mean: |_, _| 0.010,
        spread: exponential,
        most: usize::MAX,
        failing: 0.0,
        load: |_| 3.0,
    }
}

/// All of them.
pub(crate) fn all() -> Vec<Service> {
    vec![
        Service {
            spread: constant,
            ..base("constant")
        },
        base("exponential"),
        Service {
            load: |_| 10.0,
            ..base("exponential, load 10 × C")
        },
        Service {
            load: |_| 1.0,
            ..base("exponential, load 1 × C")
        },
        Service {
            spread: bimodal,
            ..base("bimodal")
        },
        Service {
            failing: 0.2,
            ..base("20 % fail")
        },
        Service {
            mean: |now, _| if now < 30.0 { 0.010 } else { 0.020 },
            ..base("half as fast from 30 s on")
        },
        Service {
            seconds: 300.0,
            mean: |now, _| 0.010 + 0.030 * now / 300.0,
            ..base("slower and slower, 4 × in 5 min")
        },
        Service {
            workers: |now| if now < 30.0 { 8 } else { 32 },
            ..base("four times the workers from 30 s on")
        },
        Service {
            workers: |now| if now < 30.0 { 8 } else { 4 },
            ..base("half the workers from 30 s on")
        },
        Service {
            groups: 3,
            mean: |now, group| {
                if group == 2 && now > 20.0 {
                    0.100
                } else {
                    0.010
                }
            },
            ..base("three servers, one ten times slower from 20 s on")
        },
        Service {
            most: 12,
            ..base("refuses more than 12 at once")
        },
        Service {
            workers: |_| 200,
            ..base("200 workers")
        },
        Service {
            load: |now| {
                if (now as u64 / 10).is_multiple_of(2) {
                    3.0
                } else {
                    0.2
                }
            },
            seconds: 80.0,
            ..base("load on and off every 10 s")
        },
        Service {
            workers: |_| 40,
            mean: |_, _| 0.3,
            spread: constant,
            seconds: 120.0,
            ..base("40 workers of 300 ms")
        },
    ]
}

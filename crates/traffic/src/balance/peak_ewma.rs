//! Peak EWMA: of two chosen at random, the one whose answers come sooner, times how many wait for it.
//!
//! Use it when endpoints differ in speed for reasons that change: distance, other tenants, garbage collection. Latency
//! jumps up with every slow answer and comes down slowly, so that trouble is seen at once and forgiven late. Do not use it
//! when requests of one upstream differ by design (a report next to a health check): it would judge endpoints by
//! what they happened to be asked. (Finagle's `PeakEwma`; linkerd uses the same.) Failing fast does not help, see
//! `load.rs`.

use std::time::Duration;

use super::p2c;
use super::view::Level;
use crate::group::Group;

/// For one that has never answered and is being asked already: a second.
const UNKNOWN: f64 = 1e6;

/// The place of the better of two that were not tried.
pub(crate) fn pick(
    level: &Level,
    group: &Group,
    now: Duration,
    random: u64,
    is_tried: impl Fn(usize) -> bool,
) -> Option<usize> {
    let (first, second) = p2c::two(level, random, is_tried)?;
    if first == second {
        return Some(first);
    }
    let score = |place: usize| {
        let open = level.open[place];
        let load = &group.members()[open.index as usize].endpoint.load;
        let waiting = f64::from(load.in_flight());
        let estimate = load.latency(now);
        let penalty = f64::from(load.penalty(now));
        let latency = match estimate.raw {
            // Somebody new is asked at once; somebody who has only failed is not new.
            0.0 if waiting == 0.0 && penalty <= 1.0 => 0.0,
            0.0 => UNKNOWN,
            _ => f64::from(estimate.faded),
        };
        latency * (waiting + 1.0) * penalty / open.weight
    };
    Some(if score(second) < score(first) {
        second
    } else {
        first
    })
}

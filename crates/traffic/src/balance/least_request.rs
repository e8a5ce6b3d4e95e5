//! Least request: the one with the fewest requests under way, in proportion to its weight.
//!
//! Use it with few endpoints whose requests differ widely in cost (nginx's `least_conn`, HAProxy's `leastconn`): it finds
//! the one that is free. Do not use it with very many: it looks at all of them, and all workers see the same minimum at
//! the same time; [`p2c`](super::p2c) has neither problem. Failures count as load, so that one that fails
//! fast is not always the freest (see `load.rs`).

use std::time::Duration;

use super::hash::below;
use super::view::Level;
use crate::group::Group;

/// The place of the least loaded one that was not tried.
pub(crate) fn pick(
    level: &Level,
    group: &Group,
    now: Duration,
    random: u64,
    is_tried: impl Fn(usize) -> bool,
) -> Option<usize> {
    let count = level.open.len();
    // Among equals it is not always the first.
    let start = below(random as u32, count);
    let mut best: Option<(usize, f64)> = None;
    for place in (start..count).chain(0..start) {
        let open = level.open[place];
        if is_tried(open.index as usize) {
            continue;
        }
        let load = &group.members()[open.index as usize].endpoint.load;
        let score =
            (f64::from(load.in_flight()) + 1.0) * f64::from(load.penalty(now)) / open.weight;
        if best.is_none_or(|(_, least)| score < least) {
            best = Some((place, score));
        }
    }
    best.map(|(place, _)| place)
}

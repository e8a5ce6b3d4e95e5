//! Rendezvous hashing: every endpoint has a score for the key, and the highest wins.
//!
//! Use it (as `ip_hash`) to keep a client at an endpoint, with few endpoints: there is no table, weights are exact, and
//! when one leaves exactly its keys move. Do not use it with hundreds: it computes a score for each.
//! [`ring`](super::ring) and [`maglev`](super::maglev) look up instead. (D. Thaler, C. Ravishankar, "Using Name-Based Mappings to
//! Increase Hit Rates", IEEE/ACM ToN 6(1), 1998; weights by -w / ln h: J. Resch, "New Hashing Algorithms for Data Storage", 2015.)

use super::hash::{mix, unit};
use super::view::Level;
use crate::group::Group;

/// The place of the winner among those that were not tried.
pub(crate) fn pick(
    level: &Level,
    group: &Group,
    key: u64,
    is_tried: impl Fn(usize) -> bool,
) -> Option<usize> {
    let mut best: Option<(usize, f64)> = None;
    for (place, open) in level.open.iter().enumerate() {
        let index = open.index as usize;
        if is_tried(index) {
            continue;
        }
        let hash = unit(mix(group.members()[index].endpoint.id(), key));
        let score = -open.weight / hash.max(f64::MIN_POSITIVE).ln();
        if best.is_none_or(|(_, most)| score > most) {
            best = Some((place, score));
        }
    }
    best.map(|(place, _)| place)
}

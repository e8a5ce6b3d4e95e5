//! Ring hash: endpoints have points on a circle, and a key goes to the next point (ketama).
//!
//! Use it to keep keys at endpoints (caches, sessions) when endpoints come and go: only the keys of the one that left
//! move, and each to whoever is next. Do not use it when shares must be even: they vary by some percent, which
//! [`maglev`](super::maglev) does not. With a bounded load a key that is too popular spills over to the next endpoint (V. Mirrokni,
//! M. Thorup, M. Zadimoghaddam, "Consistent Hashing with Bounded Loads", 2016). (D. Karger et al., 1997; libketama.)

use super::hash::mix;
use crate::group::Member;

/// Points of an endpoint of average weight. libketama has 160; with twelve times as many the shares of endpoints lie within
/// about 5 % of their weights instead of 15 %, for 16 bytes each.
const POINTS: f64 = 2000.0;
/// Points of all endpoints together, at most.
const MOST: f64 = 1_000_000.0;

/// The circle.
#[derive(Debug)]
pub(crate) struct Ring {
    /// Hash and member, in the order of the hashes.
    points: Vec<(u64, u32)>,
}

impl Ring {
    pub(crate) fn new(members: &[Member]) -> Self {
        let total: f64 = members.iter().map(|member| f64::from(member.weight)).sum();
        let count = members.iter().filter(|member| member.weight > 0).count() as f64;
        let all = (POINTS * count).min(MOST);
        let mut points = Vec::new();
        for (index, member) in members.iter().enumerate() {
            if member.weight == 0 {
                continue;
            }
            let wanted = (f64::from(member.weight) / total * all).round().max(1.0) as u64;
            let id = member.endpoint.id();
            points.extend((0..wanted).map(|number| (mix(id, number), index as u32)));
        }
        points.sort_unstable();
        Self { points }
    }

    /// The first member from the key's place on that `accepts`.
    pub(crate) fn find(&self, key: u64, accepts: impl Fn(usize) -> bool) -> Option<usize> {
        let start = self.points.partition_point(|(hash, _)| *hash < key);
        let (before, after) = self.points.split_at(start);
        let mut refused: Option<u32> = None;
        for (_, index) in after.iter().chain(before) {
            if refused == Some(*index) {
                continue;
            }
            if accepts(*index as usize) {
                return Some(*index as usize);
            }
            refused = Some(*index);
        }
        None
    }
}

//! Maglev: a table of slots that endpoints fill in turn, each in an order of its own.
//!
//! Use it to keep keys at endpoints with shares that match the weights to a fraction of a percent, at the cost of one
//! look-up. Do not use it when hardly any key may move: when an endpoint leaves, about one percent of the others'
//! keys move too, where [`ring`](super::ring) moves none. (D. Eisenbud et al., "Maglev: A Fast and Reliable Software Network Load
//! Balancer", NSDI 2016, section 3.4.) Endpoints that are only passed over keep their slots: their keys
//! go elsewhere, and come back.

use super::hash::mix;
use crate::group::Member;

/// Slots: a prime, and at least a hundred times as many as endpoints for shares within 1 % (section 5.3 of the paper).
const SLOTS: usize = 65_537;
/// How many other slots are tried for a key whose endpoint does not accept.
const MOST: u64 = 64;
const NOBODY: u32 = u32::MAX;

/// The table.
#[derive(Debug)]
pub(crate) struct Maglev {
    slots: Vec<u32>,
}

impl Maglev {
    pub(crate) fn new(members: &[Member]) -> Self {
        let heaviest = members.iter().map(|member| member.weight).max();
        let Some(heaviest) = heaviest.filter(|weight| *weight > 0) else {
            return Self { slots: Vec::new() };
        };
        let mut fillers: Vec<_> = members
            .iter()
            .enumerate()
            .filter(|(_, member)| member.weight > 0)
            .map(|(index, member)| Filler::new(index, member, heaviest))
            .collect();
        let mut slots = vec![NOBODY; SLOTS];
        let mut left = SLOTS;
        while left > 0 {
            for filler in &mut fillers {
                // Each round everybody saves its part of a turn, the heaviest a whole one.
                filler.saved += filler.part;
                if filler.saved < 1.0 || left == 0 {
                    continue;
                }
                filler.saved -= 1.0;
                let free = filler.next_free(&slots);
                slots[free] = filler.index;
                left -= 1;
            }
        }
        Self { slots }
    }

    /// The member of the key's slot, or of another slot of the key's, that `accepts`.
    pub(crate) fn find(&self, key: u64, accepts: impl Fn(usize) -> bool) -> Option<usize> {
        if self.slots.is_empty() {
            return None;
        }
        let at = |hash: u64| self.slots[(hash % SLOTS as u64) as usize] as usize;
        std::iter::once(at(key))
            .chain((1..=MOST).map(|again| at(mix(key, again))))
            .find(|index| accepts(*index))
    }
}

/// An endpoint that fills slots.
struct Filler {
    index: u32,
    at: usize,
    skip: usize,
    part: f64,
    saved: f64,
}

impl Filler {
    fn new(index: usize, member: &Member, heaviest: u32) -> Self {
        let id = member.endpoint.id();
        Self {
            index: index as u32,
            at: (mix(id, 1) % SLOTS as u64) as usize,
            skip: (mix(id, 2) % (SLOTS as u64 - 1)) as usize + 1,
            part: f64::from(member.weight) / f64::from(heaviest),
            saved: 0.0,
        }
    }

    /// The next free slot in its order, which visits every slot because their number is prime.
    fn next_free(&mut self, slots: &[u32]) -> usize {
        loop {
            let at = self.at;
            self.at = (self.at + self.skip) % SLOTS;
            if slots[at] == NOBODY {
                return at;
            }
        }
    }
}

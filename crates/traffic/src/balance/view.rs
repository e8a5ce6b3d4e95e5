//! Who takes part right now, and with which weight.
//!
//! A pick must not look at the state of every endpoint, so a balancer keeps this. It is made anew when [`Changes`] says
//! that something has changed, and when time alone changes something: a pause or an ejection ends, a slow start
//! moves on. Health, panic, zones and slow start all end here; the algorithms know nothing of them.
//!
//! # Zones
//! Each level of zones, in the order of preference, gets as much of the traffic as its healthy part can carry
//! (overprovisioned, as Envoy's priority levels); what is left goes to the next level. Use it to stay within a site
//! as long as it can carry its load. Not for sites that should share: leave the preference out.
//!
//! [`Changes`]: crate::Changes

use std::time::Duration;

use crate::group::Group;
use crate::health::panic::Census;
use crate::health::slow_start;

/// A member that takes part.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Open {
    pub(crate) index: u32,
    pub(crate) weight: f64,
}

/// Members that are as near as each other.
#[derive(Clone, Debug, Default)]
pub(crate) struct Level {
    pub(crate) open: Vec<Open>,
    /// Sums of the weights up to each, to find one by a random number; empty if all weights are the same.
    pub(crate) sums: Vec<f64>,
    /// Part of the traffic that goes to this and the levels before it.
    until: f64,
}

/// Who takes part.
#[derive(Clone, Debug, Default)]
pub(crate) struct View {
    version: Option<u64>,
    /// When it has to be made anew, at the latest.
    expires: Duration,
    pub(crate) levels: Vec<Level>,
    /// For each member whether it takes part.
    is_open: Vec<bool>,
}

impl View {
    /// True if nothing has changed since it was made.
    pub(crate) fn is_current(&self, group: &Group, now: Duration) -> bool {
        now < self.expires && self.version == Some(group.changes().version())
    }

    pub(crate) fn is_open(&self, index: usize) -> bool {
        self.is_open[index]
    }

    /// The place of the level that a random number falls on; it is drawn only if there are several.
    pub(crate) fn level(&self, draw: impl FnOnce() -> f64) -> usize {
        match self.levels.len() {
            0 | 1 => 0,
            count => {
                let random = draw();
                let found = self.levels.iter().position(|level| random < level.until);
                found.unwrap_or(count - 1)
            }
        }
    }

    /// Makes it anew.
    pub(crate) fn refresh(&mut self, group: &Group, now: Duration) {
        // Before the states: a change that comes in between is then seen twice and not never.
        self.version = Some(group.changes().version());
        let policy = group.policy();
        let members = group.members();
        let standings: Vec<_> = members
            .iter()
            .map(|member| member.endpoint.standing(now))
            .collect();
        let mut census = Census::default();
        for (member, standing) in members.iter().zip(&standings) {
            census.add(member.weight, standing);
        }
        let is_panicking = census.is_panicking(policy.panic);
        let count = policy.zones.len() + usize::from(!policy.zones.is_empty());
        let mut levels = vec![Level::default(); count.max(1)];
        let mut capacity = vec![(0.0, 0.0); levels.len()];
        self.expires = Duration::MAX;
        self.is_open.clear();
        for (index, (member, standing)) in members.iter().zip(&standings).enumerate() {
            if let Some(change) = standing.next_change() {
                self.expires = self.expires.min(change);
            }
            let takes_part = standing.is_well() || (is_panicking && standing.helps_in_panic());
            self.is_open.push(takes_part);
            let place = policy
                .zones
                .iter()
                .position(|zone| *zone == member.zone)
                .unwrap_or(levels.len() - 1);
            let full = f64::from(member.weight);
            if !standing.is_draining {
                capacity[place].1 += full;
            }
            if !takes_part || member.weight == 0 {
                continue;
            }
            capacity[place].0 += full;
            let part = slow_start::ramp(member.endpoint.since(now), now, policy.slow_start);
            if part < 1.0 {
                let step = now + slow_start::step(policy.slow_start);
                self.expires = self.expires.min(step);
            }
            levels[place].open.push(Open {
                index: u32::try_from(index).expect("members are counted in thousands"),
                weight: full * part,
            });
        }
        allot(&mut levels, &capacity, policy.overprovision);
        for level in &mut levels {
            level.sum_up();
        }
        self.levels = levels;
    }
}

/// Gives each level its part of the traffic; `capacity` is the weight that is well and that of all.
fn allot(levels: &mut [Level], capacity: &[(f64, f64)], overprovision: f64) {
    let mut left = 1.0;
    let mut parts = Vec::new();
    for (well, all) in capacity {
        let health = if *all > 0.0 { well / all } else { 0.0 };
        let part = (health * overprovision).min(left);
        left -= part;
        parts.push(part);
    }
    let sum: f64 = parts.iter().sum();
    let mut until = 0.0;
    for (level, part) in levels.iter_mut().zip(parts) {
        until += if sum > 0.0 { part / sum } else { 0.0 };
        level.until = until;
    }
}

impl Level {
    fn sum_up(&mut self) {
        let is_even = self
            .open
            .windows(2)
            .all(|two| two[0].weight == two[1].weight);
        if is_even {
            return;
        }
        let mut sum = 0.0;
        self.sums = self
            .open
            .iter()
            .map(|open| {
                sum += open.weight;
                sum
            })
            .collect();
    }

    /// The place of the member that 32 random bits fall on, in proportion to the weights. The level is not empty.
    pub(crate) fn draw(&self, random: u32) -> usize {
        let Some(all) = self.sums.last() else {
            return super::hash::below(random, self.open.len());
        };
        let wanted = f64::from(random) / (f64::from(u32::MAX) + 1.0) * all;
        let place = self.sums.partition_point(|sum| *sum <= wanted);
        place.min(self.open.len() - 1)
    }

    /// The first place from `start` on, wrapping around, whose member was not tried.
    pub(crate) fn untried_from(
        &self,
        start: usize,
        is_tried: &impl Fn(usize) -> bool,
    ) -> Option<usize> {
        let count = self.open.len();
        (start..count)
            .chain(0..start)
            .find(|place| !is_tried(self.open[*place].index as usize))
    }
}

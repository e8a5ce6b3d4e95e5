//! Load balancing: from a group of endpoints to the one that gets the next request.
//!
//! The algorithms are one enum: a caller holds a [`Balancer`] per worker and asks it once per attempt. Each chooses among
//! those that take part (see `view.rs`) and were not tried for this request. When none of these is left, somebody who is passed
//! over is tried: refusing outright would keep an upstream down that is already back.

pub mod hash;
mod least_request;
pub(crate) mod maglev;
mod p2c;
mod peak_ewma;
mod rendezvous;
pub(crate) mod ring;
mod round_robin;
#[cfg(test)]
mod tests;
mod tried;
mod view;

use std::time::Duration;

pub use tried::{MAX_TRIED, Tried};

use crate::group::Group;
use hash::{mix, unit};
use round_robin::RoundRobin;
use view::{Level, Open, View};

/// Which algorithm to use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// Smooth weighted round robin.
    RoundRobin,
    /// The least loaded of all, in proportion to its weight.
    LeastRequest,
    /// The less loaded of two chosen at random.
    #[default]
    P2c,
    /// The one whose answers come soonest, of two chosen at random.
    PeakEwma,
    /// Hashed, with ketama's ring.
    RingHash,
    /// Hashed, with Maglev's table.
    Maglev,
    /// Hashed by rendezvous over the client's address: few endpoints, no table.
    IpHash,
    /// At random, in proportion to the weights. Use it as the measure that others have to beat.
    Random,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::RoundRobin,
        Self::LeastRequest,
        Self::P2c,
        Self::PeakEwma,
        Self::RingHash,
        Self::Maglev,
        Self::IpHash,
        Self::Random,
    ];

    /// Its name in configuration, metrics and logs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::RoundRobin => "round_robin",
            Self::LeastRequest => "least_request",
            Self::P2c => "p2c",
            Self::PeakEwma => "peak_ewma",
            Self::RingHash => "ring_hash",
            Self::Maglev => "maglev",
            Self::IpHash => "ip_hash",
            Self::Random => "random",
        }
    }
}

/// Sets the choice of a level apart from the other uses of a number.
const LEVEL: u64 = 0x6c65_7665_6c73;

/// What is known of the request that needs an endpoint.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// Where it was sent already.
    pub tried: &'a Tried,
    /// The time.
    pub now: Duration,
    /// A fresh random number.
    pub random: u64,
    /// The hash of its key, for algorithms that hash; without, it goes anywhere.
    pub key: Option<u64>,
    /// The [`id`](crate::Endpoint::id) of the endpoint that its client was given before.
    pub sticky: Option<u64>,
}

/// One worker's balancing of one group.
#[derive(Debug)]
pub struct Balancer {
    view: View,
    round_robin: RoundRobin,
}

impl Balancer {
    /// A balancer for that group, and no other. `seed` keeps workers from marching in step.
    #[must_use]
    pub fn new(group: &Group, seed: u64) -> Self {
        Self {
            view: View::default(),
            round_robin: RoundRobin::new(group, seed),
        }
    }

    /// The index of the member that gets the next attempt; `None` if all have been tried, are leaving, or have a breaker
    /// that is open.
    pub fn pick(&mut self, group: &Group, ask: &Ask<'_>) -> Option<usize> {
        if !self.view.is_current(group, ask.now) {
            self.view.refresh(group, ask.now);
        }
        if let Some(id) = ask.sticky
            && let Some(index) = self.stick(group, id, ask.tried)
        {
            return Some(index);
        }
        // What is hashed stays in its level too. Hashed once more, because the algorithms take the same bits: the keys (or random
        // numbers) that fall on a level would all fall on the same part of it.
        let draw = || unit(mix(ask.key.unwrap_or(ask.random), LEVEL));
        let first = self.view.level(draw);
        let count = self.view.levels.len();
        (first..count)
            .chain(0..first)
            .find_map(|level| self.pick_in(level, group, ask))
            .or_else(|| soonest_back(group, ask))
    }

    /// The member of that id, if it takes part.
    fn stick(&self, group: &Group, id: u64, tried: &Tried) -> Option<usize> {
        let index = group.index_of(id)?;
        (self.view.is_open(index) && !tried.contains(index)).then_some(index)
    }

    fn pick_in(&mut self, level: usize, group: &Group, ask: &Ask<'_>) -> Option<usize> {
        let Self { view, round_robin } = self;
        let level = &view.levels[level];
        if level.open.is_empty() {
            return None;
        }
        let (now, random) = (ask.now, ask.random);
        let is_tried = |index: usize| ask.tried.contains(index);
        let key = ask.key.unwrap_or(random);
        let place = match group.policy().algorithm {
            Algorithm::RoundRobin => round_robin.pick(level, is_tried),
            Algorithm::LeastRequest => least_request::pick(level, group, now, random, is_tried),
            Algorithm::P2c => p2c::pick(level, group, now, random, is_tried),
            Algorithm::PeakEwma => peak_ewma::pick(level, group, now, random, is_tried),
            Algorithm::Random => level.untried_from(level.draw(random as u32), &is_tried),
            Algorithm::IpHash => rendezvous::pick(level, group, key, is_tried),
            Algorithm::RingHash | Algorithm::Maglev => {
                return hashed(level, group, key, is_tried);
            }
        };
        place.map(|place| level.open[place].index as usize)
    }
}

/// Looks the key up in the group's table; those that do not take part, were tried or have enough to do are skipped.
fn hashed(
    level: &Level,
    group: &Group,
    key: u64,
    is_tried: impl Fn(usize) -> bool,
) -> Option<usize> {
    // Nobody is left: not worth a way around the whole ring.
    if level.open.len() <= MAX_TRIED && level.open.iter().all(|it| is_tried(it.index as usize)) {
        return None;
    }
    let bound = Bound::new(level, group);
    let place_of = |index: usize| {
        level
            .open
            .binary_search_by_key(&(index as u32), |open| open.index)
            .ok()
    };
    let accepts = |index: usize| {
        place_of(index).is_some_and(|place| {
            !is_tried(index)
                && has_come_for(group, level.open[place], key)
                && bound.has_room(group, index, level.open[place].weight)
        })
    };
    let found = if group.policy().algorithm == Algorithm::RingHash {
        group.ring().find(key, accepts)
    } else {
        group.maglev().find(key, accepts)
    };
    // Somebody has room: the bounds add up to more than there is.
    found.or_else(|| {
        let is_out = |index: usize| !accepts(index);
        rendezvous::pick(level, group, key, is_out)
            .or_else(|| rendezvous::pick(level, group, key, &is_tried))
            .map(|place| level.open[place].index as usize)
    })
}

/// During a slow start an endpoint takes a growing part of the keys that will be its. The table knows whole weights only.
fn has_come_for(group: &Group, open: Open, key: u64) -> bool {
    let member = &group.members()[open.index as usize];
    let part = open.weight / f64::from(member.weight);
    // A key that has come stays: the number it needs is its own.
    part >= 1.0 || unit(hash::mix(key, member.endpoint.id())) < part
}

/// How many requests an endpoint may have under way (Mirrokni et al. 2016): its share of all, this one included, times the bound.
struct Bound {
    /// Requests under way and this one, times the factor, per weight.
    per_weight: Option<f64>,
}

impl Bound {
    fn new(level: &Level, group: &Group) -> Self {
        let factor = group.policy().bounded_load;
        if !factor.is_finite() {
            return Self { per_weight: None };
        }
        let mut weight = 0.0;
        let mut in_flight = 1.0;
        for open in &level.open {
            weight += open.weight;
            in_flight += f64::from(group.members()[open.index as usize].endpoint.in_flight());
        }
        Self {
            per_weight: Some(factor * in_flight / weight),
        }
    }

    fn has_room(&self, group: &Group, index: usize, weight: f64) -> bool {
        self.per_weight.is_none_or(|per_weight| {
            let in_flight = f64::from(group.members()[index].endpoint.in_flight());
            in_flight + 1.0 <= (per_weight * weight).ceil()
        })
    }
}

/// Of those that are passed over and were not tried, the one that is back first; one that is leaving never, nor one whose breaker is open.
fn soonest_back(group: &Group, ask: &Ask<'_>) -> Option<usize> {
    group
        .members()
        .iter()
        .enumerate()
        .filter(|(index, member)| {
            member.weight > 0
                && !ask.tried.contains(*index)
                && !member.endpoint.standing(ask.now).is_draining
                && member.endpoint.standing(ask.now).may_pass()
        })
        .min_by_key(|(_, member)| member.endpoint.standing(ask.now).back_at())
        .map(|(index, _)| index)
}

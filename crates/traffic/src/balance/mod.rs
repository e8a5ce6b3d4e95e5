//! Load balancing: from a list of endpoints to the one that gets the next request.
//!
//! The algorithms are one enum: a caller holds a [`Balancer`] per worker and asks it once per attempt. Every
//! algorithm passes over endpoints that were already tried for this request, and those that are unavailable as long as
//! there is another.

mod p2c;
mod round_robin;

use std::sync::Arc;
use std::time::Duration;

pub use p2c::P2c;
pub use round_robin::RoundRobin;

use crate::endpoint::Endpoint;

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
    /// At random, in proportion to the weights.
    Random,
}

impl Algorithm {
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

/// The state of one worker's balancing.
#[derive(Clone, Debug)]
pub enum Balancer {
    /// Each in turn.
    RoundRobin(RoundRobin),
    /// The less loaded of two.
    P2c(P2c),
}

impl Balancer {
    /// A balancer; `seed` keeps workers from marching in step.
    #[must_use]
    pub fn new(group: &crate::Group, seed: u64) -> Self {
        let seed = seed as usize;
        match group.policy().algorithm {
            Algorithm::RoundRobin => Self::RoundRobin(RoundRobin::new(seed)),
            _ => Self::P2c(P2c),
        }
    }

    /// The index of the endpoint that gets the next attempt; `None` if all have been tried.
    ///
    /// `random` is a fresh random number.
    pub fn pick(&mut self, group: &crate::Group, ask: &Ask<'_>) -> Option<usize> {
        let endpoints: Vec<_> = group
            .members()
            .iter()
            .map(|m| Arc::clone(&m.endpoint))
            .collect();
        let endpoints = &endpoints[..];
        let (tried, now, random) = (ask.tried, ask.now, ask.random);
        let is_open = |index: usize| endpoints[index].is_available(now) && !tried.contains(index);
        let choice = match self {
            Self::RoundRobin(balancer) => balancer.pick(endpoints.len(), is_open),
            Self::P2c(balancer) => balancer.pick(endpoints, is_open, random),
        };
        choice.or_else(|| soonest_back(endpoints, tried, now))
    }
}

/// When every endpoint is passed over, refusing outright would keep an upstream down that is already back. The one
/// whose pause ends first is tried instead.
fn soonest_back(endpoints: &[Arc<Endpoint>], tried: &Tried, now: Duration) -> Option<usize> {
    (0..endpoints.len())
        .filter(|index| !tried.contains(*index))
        .min_by_key(|index| endpoints[*index].paused_until(now))
}

/// The first index from `start` on, wrapping around, that `is_open`.
fn first_open(count: usize, start: usize, is_open: impl Fn(usize) -> bool) -> Option<usize> {
    (start..count).chain(0..start).find(|index| is_open(*index))
}

/// The most endpoints that are tried for one request.
pub const MAX_TRIED: usize = 4;

/// The endpoints that were tried for a request.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tried {
    indexes: [u32; MAX_TRIED],
    count: u8,
}

impl Tried {
    /// Notes an endpoint.
    ///
    /// # Panics
    /// If [`MAX_TRIED`] were noted before; a caller bounds its attempts by it.
    pub fn add(&mut self, index: usize) {
        self.indexes[usize::from(self.count)] =
            u32::try_from(index).expect("endpoints of an upstream are counted in thousands");
        self.count += 1;
    }

    /// How many were tried.
    #[must_use]
    pub fn count(&self) -> usize {
        usize::from(self.count)
    }

    /// True if no further endpoint may be noted.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.count() == MAX_TRIED
    }

    /// True if this one was tried.
    #[must_use]
    pub fn contains(&self, index: usize) -> bool {
        self.indexes[..self.count()]
            .iter()
            .any(|tried| *tried as usize == index)
    }
}

pub struct Ask<'a> {
    pub tried: &'a Tried,
    pub now: Duration,
    pub random: u64,
    pub key: Option<u64>,
    pub sticky: Option<u64>,
}
pub fn hash_key(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |h, b| {
        (h ^ u64::from(*b)).wrapping_mul(0x100_0000_01b3)
    })
}

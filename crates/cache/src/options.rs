//! How long a value lives, and what happens around its end.
//!
//! A value has two lives. It is *fresh* for its lifetime; after that it is *stale*, and kept only as a fallback for
//! the time that [`Options::stale`] allows. The idea of both lives, of the two time limits of a loader and of eager
//! refresh is FusionCache's (docs/caching.md of that project), the names are RFC 5861's where it has one.

use std::time::Duration;

/// How one value is cached. A cache has defaults; a call may bring its own, and a loader may change them when it has
/// seen the value ([`Loaded`](crate::Loaded)).
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// How long a value is fresh. Default 60 s.
    pub lifetime: Duration,
    /// How long it is fresh in the lower levels, when that differs from `lifetime`.
    pub lower_lifetime: Option<Duration>,
    /// At most this share of the lifetime is taken off at random, so that what was stored together does not expire
    /// together. 0.0 to 1.0, default 0.1. It shortens and never lengthens: a lifetime is a promise.
    pub jitter: f64,
    /// How long the absence of a value is remembered. Default 10 s; zero: not at all.
    pub negative_lifetime: Duration,
    /// Fail-safe: how long a stale value is kept for the case that the loader fails. Default zero: off.
    pub stale: Duration,
    /// After a failed load, the stale value counts as fresh for this long, so that a broken source is not asked by
    /// every reader. Default 1 s.
    pub throttle: Duration,
    /// With a stale value at hand, a reader waits at most this long for the loader, and then takes the stale value
    /// while the load goes on. Default none: it waits.
    pub soft_timeout: Option<Duration>,
    /// A load that takes longer than this has failed. Default 30 s. With `single_process`, a reader may have waited as long
    /// for another process's load before. A value that took longer than half of a level's
    /// memory of invalidations is not stored there.
    pub hard_timeout: Duration,
    /// From this share of the lifetime on, the first reader starts a refresh in the background. 0.0 to 1.0, default
    /// none.
    pub eager: Option<f64>,
    /// Whether the lower levels are asked and written. Default true.
    pub lower: bool,
    /// Whether, at a miss, other processes are asked through the shared level not to load the same value at the same
    /// time. Default false. This saves work; it is never what keeps values right.
    pub single_process: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            lifetime: Duration::from_secs(60),
            lower_lifetime: None,
            jitter: 0.1,
            negative_lifetime: Duration::from_secs(10),
            stale: Duration::ZERO,
            throttle: Duration::from_secs(1),
            soft_timeout: None,
            hard_timeout: Duration::from_secs(30),
            eager: None,
            lower: true,
            single_process: false,
        }
    }
}

impl Options {
    /// The defaults with another lifetime.
    #[must_use]
    pub fn lifetime(lifetime: Duration) -> Self {
        Self {
            lifetime,
            ..Self::default()
        }
    }

    /// Sets fail-safe: keep a value for `stale` after its lifetime in case the loader fails.
    #[must_use]
    pub fn stale(mut self, stale: Duration) -> Self {
        self.stale = stale;
        self
    }

    /// Sets the soft and hard limits of a load.
    #[must_use]
    pub fn timeouts(mut self, soft: Option<Duration>, hard: Duration) -> Self {
        self.soft_timeout = soft;
        self.hard_timeout = hard;
        self
    }

    /// Sets from which share of the lifetime on a value is refreshed in the background.
    #[must_use]
    pub fn eager(mut self, share: f64) -> Self {
        self.eager = Some(share);
        self
    }

    /// Sets the share of the lifetime that is taken off at random.
    #[must_use]
    pub fn jitter(mut self, share: f64) -> Self {
        self.jitter = share;
        self
    }
}

//! What is simulated: servers and what befalls them, requests and what they cost, gateways and their settings.

use std::time::Duration;

use tenfold_traffic::Policy;

use crate::rng::Rng;

/// One situation, in which every algorithm is tried.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) title: &'static str,
    /// What happens in it, for the page.
    pub(crate) about: &'static str,
    /// It has a panel in the figure.
    pub(crate) is_drawn: bool,
    pub(crate) servers: Vec<Server>,
    pub(crate) work: Work,
    /// Arrivals per second, over all gateways; a Poisson process.
    pub(crate) rate: f64,
    /// Who asks: what is hashed.
    pub(crate) keys: Keys,
    /// What each server has at hand of the keys.
    pub(crate) cache: Option<Cache>,
    /// Gateways side by side that know nothing of each other.
    pub(crate) gateways: usize,
    /// Threads of each; they share what is known of the servers, and have a balancer each.
    pub(crate) workers: usize,
    /// All but the algorithm.
    pub(crate) policy: Policy,
    /// How long an attempt waits for its answer.
    pub(crate) timeout: Duration,
    pub(crate) probes: Option<Probes>,
    /// When requests arrive: from 0 to here. They may end later.
    pub(crate) end: Duration,
    /// Which of them are reported, by their arrival.
    pub(crate) measured: (Duration, Duration),
}

/// A server: `slots` requests at a time, the others wait in the order in which they came.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    pub(crate) weight: u32,
    pub(crate) slots: usize,
    /// How many times as long as the others it takes.
    pub(crate) slowness: f64,
    pub(crate) fate: Fate,
}

/// What befalls a server.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fate {
    /// Nothing.
    Well,
    /// From `at` on it answers every request with a server error after `after`.
    FailsFast { at: Duration, after: Duration },
    /// It stands still, as after a SIGSTOP: takes connections, answers nothing, and goes on where it was.
    Freezes { from: Duration, until: Duration },
    /// It is added, and takes `coldness` times as long at first, less and less over `warming`.
    Joins {
        at: Duration,
        coldness: f64,
        warming: Duration,
    },
}

/// What a request costs a server that is warm and alone with it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Work {
    /// Exponential: what queueing theory has closed formulas for.
    #[cfg_attr(not(test), expect(dead_code, reason = "for comparison with theory"))]
    Exponential { mean: f64 },
    /// Lognormal: most are quick, few take long. `sigma` is the deviation of the logarithm.
    Lognormal { mean: f64, sigma: f64 },
    /// Two kinds: most are `short`, a part of them `long`.
    Bimodal { short: f64, long: f64, part: f64 },
}

impl Work {
    /// Seconds.
    pub(crate) fn draw(self, rng: &mut Rng) -> f64 {
        match self {
            Self::Exponential { mean } => mean * rng.exponential(),
            // The mean of a lognormal is e^(mu + sigma² / 2).
            Self::Lognormal { mean, sigma } => {
                mean * (sigma * rng.normal() - sigma * sigma / 2.0).exp()
            }
            Self::Bimodal { short, long, part } => {
                if rng.unit() < part {
                    long
                } else {
                    short
                }
            }
        }
    }

    /// Seconds.
    pub(crate) fn mean(self) -> f64 {
        match self {
            Self::Exponential { mean } | Self::Lognormal { mean, .. } => mean,
            Self::Bimodal { short, long, part } => long * part + short * (1.0 - part),
        }
    }
}

/// Whom the requests are from, or what they are for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Keys {
    /// So many, equally often.
    Even(usize),
    /// So many, the k-th in proportion to 1 / k^s (G. Zipf): what a site's pages are asked for.
    Zipf(usize, f64),
}

impl Keys {
    pub(crate) fn count(self) -> usize {
        match self {
            Self::Even(count) | Self::Zipf(count, _) => count,
        }
    }

    /// The sums of their parts, up to 1.
    pub(crate) fn sums(self) -> Vec<f64> {
        let exponent = match self {
            Self::Even(_) => 0.0,
            Self::Zipf(_, exponent) => exponent,
        };
        let parts = || (1..=self.count()).map(|rank| (rank as f64).powf(-exponent));
        let all: f64 = parts().sum();
        let mut sum = 0.0;
        parts()
            .map(|part| {
                sum += part / all;
                sum
            })
            .collect()
    }
}

/// A server's own cache: what was asked for last.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cache {
    /// Keys it holds.
    pub(crate) size: usize,
    /// The part of its work that a request costs whose key is there.
    pub(crate) hit: f64,
}

/// How the gateway asks servers on its own; see `[upstream.health]` in docs/configuration.md.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Probes {
    pub(crate) every: Duration,
    pub(crate) timeout: Duration,
    pub(crate) rise: u32,
    pub(crate) fall: u32,
}

impl Default for Probes {
    /// The defaults of the configuration.
    fn default() -> Self {
        Self {
            every: Duration::from_secs(2),
            timeout: Duration::from_secs(1),
            rise: 2,
            fall: 3,
        }
    }
}

impl Server {
    /// `count` servers that are alike and well.
    pub(crate) fn fleet(count: usize, slots: usize) -> Vec<Self> {
        let server = Self {
            weight: 1,
            slots,
            slowness: 1.0,
            fate: Fate::Well,
        };
        vec![server; count]
    }
}

impl Scenario {
    /// Servers that all is well with, loaded to `load` of what they can carry.
    pub(crate) fn new(title: &'static str, servers: Vec<Server>, work: Work, load: f64) -> Self {
        let capacity: f64 = servers
            .iter()
            .map(|server| server.slots as f64 / server.slowness / work.mean())
            .sum();
        Self {
            title,
            about: "",
            is_drawn: true,
            servers,
            work,
            rate: capacity * load,
            keys: Keys::Even(10_000),
            cache: None,
            gateways: 1,
            workers: 4,
            policy: Policy::default(),
            timeout: Duration::from_secs(60),
            probes: None,
            end: Duration::from_secs(40),
            measured: (Duration::from_secs(5), Duration::from_secs(40)),
        }
    }
}

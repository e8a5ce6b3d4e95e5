//! The situations that docs/balancing.md reports.
//!
//! Each has one thing that is not as it should be, at a load at which it matters: 80 % where all is well, 60 to 70 % where
//! somebody else has to carry a part. Settings are the defaults of the configuration where nothing else is said.

use std::time::Duration;

use tenfold_traffic::{Outlier, Policy};

use crate::scenario::{Cache, Fate, Keys, Probes, Scenario, Server, Work};

/// Most answers are quick and few take long: the web's usual shape. Mean 10 ms, one in a hundred takes 62 ms or more.
const LOGNORMAL: Work = Work::Lognormal {
    mean: 0.010,
    sigma: 1.0,
};
/// Pages of 5 ms with a report of 100 ms between them: mean 9.75 ms.
const BIMODAL: Work = Work::Bimodal {
    short: 0.005,
    long: 0.100,
    part: 0.05,
};

const fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// All of them, in the order of the page.
pub(crate) fn all() -> Vec<Scenario> {
    [equal(), faulty(), keyed()].concat()
}

fn equal() -> Vec<Scenario> {
    let fleet = || Server::fleet(8, 4);
    let lognormal = Scenario {
        about: "Eight servers with four slots each, 80 % loaded. Times are lognormal with a mean of 10 ms.",
        ..Scenario::new("Alike, lognormal", fleet(), LOGNORMAL, 0.8)
    };
    let bimodal = Scenario {
        about: "The same; 95 % of the requests take 5 ms, 5 % take 100 ms.",
        ..Scenario::new("Alike, two kinds of requests", fleet(), BIMODAL, 0.8)
    };
    let single = Scenario {
        about: "Thirty-two servers that do one request at a time; 95 % take 5 ms, 5 % take 100 ms; 70 % loaded.",
        ..Scenario::new("One at a time", Server::fleet(32, 1), BIMODAL, 0.7)
    };
    let apart = Scenario {
        about: "As before, but with eight gateways of one worker each: nobody sees more than an eighth of the requests.",
        gateways: 8,
        workers: 1,
        ..Scenario::new("Eight gateways", Server::fleet(32, 1), BIMODAL, 0.7)
    };
    let mut weighted = fleet();
    weighted.truncate(3);
    for (server, weight) in weighted.iter_mut().zip([1, 2, 4]) {
        server.weight = weight;
        server.slots = 4 * weight as usize;
    }
    let weighted = Scenario {
        is_drawn: false,
        about: "Three servers with 4, 8 and 16 slots and weights to match; lognormal, 80 % loaded.",
        ..Scenario::new("Weights 1, 2, 4", weighted, LOGNORMAL, 0.8)
    };
    vec![lognormal, bimodal, single, apart, weighted]
}

fn faulty() -> Vec<Scenario> {
    let mut servers = Server::fleet(8, 4);
    servers[7].slowness = 4.0;
    let slow = Scenario {
        about: "The last of eight servers takes four times as long as the others; lognormal, 60 % of what they can carry together.",
        ..Scenario::new("One slow server", servers, LOGNORMAL, 0.6)
    };
    let mut ejected = Scenario {
        title: "One slow server, ejection by latency",
        is_drawn: false,
        about: "The same with `outlier = { latency = 2.5 }`: compared every 10 s, ejected for 30 s.",
        ..slow.clone()
    };
    ejected.policy.outlier.latency_factor = 2.5;
    let fails = fateful(
        "Failing fast, no ejection",
        "From 10 s on the last of eight servers answers every request with a 500 in 1 ms, and nothing takes it out; 60 % loaded. Reported are the 30 s from then on.",
        Fate::FailsFast {
            at: at(10),
            after: Duration::from_millis(1),
        },
        at(40),
    );
    let mut fails_ejected = Scenario {
        title: "Failing fast, ejection",
        is_drawn: false,
        about: "The same with the ejection that is on by default, after five failures in a row.",
        ..fails.clone()
    };
    fails_ejected.policy.outlier = Outlier::default();
    let frozen = fateful(
        "Frozen, nothing watches",
        "The last of eight servers stands still from 10 s to 40 s, and then goes on where it was; 60 % loaded, time-out 60 s. Reported are those 30 s.",
        Fate::Freezes {
            from: at(10),
            until: at(40),
        },
        at(45),
    );
    let mut frozen_ejected = Scenario {
        title: "Frozen, short time-out and ejection",
        is_drawn: false,
        about: "The same with a time-out of 1 s and the ejection that is on by default.",
        timeout: at(1),
        ..frozen.clone()
    };
    frozen_ejected.policy.outlier = Outlier::default();
    let probed = Scenario {
        title: "Frozen, probes",
        is_drawn: false,
        about: "The same with the time-out of 60 s and `health` with its defaults: down after three bad probes, and what waits there is sent elsewhere.",
        probes: Some(Probes::default()),
        ..frozen.clone()
    };
    vec![
        slow,
        ejected,
        fails,
        fails_ejected,
        frozen,
        frozen_ejected,
        probed,
        joining("Joining cold, no slow start", Duration::ZERO),
        joining("Joining cold, slow start", at(10)),
    ]
}

/// Something befalls the last of eight servers after 10 s, and no answer takes it out.
fn fateful(title: &'static str, about: &'static str, fate: Fate, end: Duration) -> Scenario {
    let mut servers = Server::fleet(8, 4);
    servers[7].fate = fate;
    let policy = Policy {
        outlier: Outlier {
            consecutive_failures: 0,
            ..Outlier::default()
        },
        ..Policy::default()
    };
    Scenario {
        about,
        policy,
        end,
        measured: (at(10), at(40)),
        ..Scenario::new(title, servers, LOGNORMAL, 0.6)
    }
}

fn joining(title: &'static str, slow_start: Duration) -> Scenario {
    let mut servers = Server::fleet(6, 4);
    servers[5].fate = Fate::Joins {
        at: at(10),
        coldness: 5.0,
        warming: at(10),
    };
    let about = if slow_start.is_zero() {
        "After 10 s a sixth server joins five that are 75 % loaded. It is cold: it takes five times as long at first, and gets warm over 10 s. Reported are the 10 s after it came."
    } else {
        "The same with `slow_start = \"10s\"`."
    };
    Scenario {
        about,
        policy: Policy {
            slow_start,
            ..Policy::default()
        },
        end: at(30),
        measured: (at(10), at(20)),
        ..Scenario::new(title, servers, LOGNORMAL, 0.75 * 5.0 / 6.0)
    }
}

fn keyed() -> Vec<Scenario> {
    let keyed = |title, about, exponent, rate, bounded_load: f64| Scenario {
        about,
        rate,
        // Where the bound only costs.
        is_drawn: bounded_load.is_infinite() || exponent > 1.0,
        keys: Keys::Zipf(20_000, exponent),
        cache: Some(Cache {
            size: 1_000,
            hit: 0.2,
        }),
        policy: Policy {
            bounded_load,
            ..Policy::default()
        },
        ..Scenario::new(title, Server::fleet(8, 4), LOGNORMAL, 0.8)
    };
    let (even, hot) = ((0.9, 3000.0), (1.2, 5500.0));
    vec![
        keyed(
            "Keys and caches",
            "20,000 keys, the k-th asked for in proportion to 1/k^0.9; each of eight servers remembers the 1,000 it was asked for last, and those cost a fifth. `ip_hash` is given the same keys.",
            even.0,
            even.1,
            f64::INFINITY,
        ),
        keyed(
            "Keys and caches, bounded load",
            "The same with `bounded_load = 1.5`.",
            even.0,
            even.1,
            1.5,
        ),
        keyed(
            "A key too popular",
            "The same with 1/k^1.2: the first key alone is 20 % of the requests, the first ten are half of them.",
            hot.0,
            hot.1,
            f64::INFINITY,
        ),
        keyed(
            "A key too popular, bounded load",
            "The same with `bounded_load = 1.5`.",
            hot.0,
            hot.1,
            1.5,
        ),
    ]
}

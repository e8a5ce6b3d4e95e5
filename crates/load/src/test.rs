//! What is to be done, checked: the values that the program makes from arguments or from a file.

use std::fmt::Write;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::import::replay::Replay;
use crate::scenario::{Feed, Scenario, Step};
use crate::threshold::Threshold;

/// How long answers are waited for behind the end, unless their time is up before.
pub const GRACE: Duration = Duration::from_secs(30);

/// A load test.
#[derive(Clone, Debug)]
pub struct Test {
    /// What reports call it.
    pub name: String,
    /// Where requests go.
    pub target: Target,
    /// One after the other, at least one; all [`Load::Rate`] (an open model) or all [`Load::Users`] (a closed one).
    pub phases: Vec<Phase>,
    /// How arrivals of an open model are spread.
    pub arrivals: Arrivals,
    /// Who does what; at least one.
    pub scenarios: Vec<Scenario>,
    /// How a scenario is chosen.
    pub mix: Mix,
    /// Requests with times of their own, in place of arrivals and of what the only step of the only scenario would send. The one phase
    /// says how long.
    pub replay: Option<Arc<Replay>>,
    /// Done once before the first phase, by one user whose variables all others begin with.
    pub setup: Vec<Step>,
    /// Done once after the last phase, by that same user, also when the test was ended early.
    pub teardown: Vec<Step>,
    /// Data that steps use.
    pub feeds: Vec<Feed>,
    /// The names of all variables: a variable is an index into this.
    pub variables: Vec<String>,
    /// What the results have to be.
    pub thresholds: Vec<Threshold>,
    /// What all randomness follows from: the same seed makes the same test.
    pub seed: u64,
    /// Threads that make load, at least 1.
    pub threads: usize,
    /// Which part of the whole this generator does.
    pub shard: Shard,
    /// When to begin; at once if it is not said. So that several generators begin together.
    pub start_at: Option<SystemTime>,
    /// How long answers are waited for after the last phase; what has no answer then counts as a timeout.
    pub grace: Duration,
}

impl Test {
    /// A test with arrivals at equal distances, scenarios by their weights at random, one thread and nothing else; answers are waited for as long as a
    /// request may take, at most [`GRACE`].
    #[must_use]
    pub fn new(target: Target, phases: Vec<Phase>, scenarios: Vec<Scenario>) -> Self {
        Self {
            name: target.url(),
            phases,
            arrivals: Arrivals::default(),
            scenarios,
            mix: Mix::Random,
            replay: None,
            setup: Vec::new(),
            teardown: Vec::new(),
            feeds: Vec::new(),
            variables: Vec::new(),
            thresholds: Vec::new(),
            seed: 1,
            threads: 1,
            shard: Shard::default(),
            start_at: None,
            grace: GRACE.min(target.timeout),
            target,
        }
    }

    /// How long the phases take.
    #[must_use]
    pub fn duration(&self) -> Duration {
        self.phases.iter().map(|phase| phase.duration).sum()
    }

    /// What makes it this test and no other, apart from what results say anyway: the same for all its shards. A short text that says
    /// nothing by itself, of the seed, arrivals, weights, transitions, think times and how much data there is; nothing of what requests
    /// contain, because that may be secret.
    #[must_use]
    pub fn plan(&self) -> String {
        let mut text = format!("{} {:?} {:?}", self.seed, self.arrivals, self.mix);
        for scenario in &self.scenarios {
            let thinks: Vec<_> = scenario.steps.iter().map(|step| step.think).collect();
            let _infallible = write!(text, " {:?} {thinks:?}", scenario.weight);
        }
        for feed in &self.feeds {
            let (rows, order, per) = (feed.rows.len(), feed.order, feed.per);
            let _infallible = write!(text, " {} {rows} {order:?} {per:?}", feed.name);
        }
        if let Some(replay) = &self.replay {
            let _infallible = write!(text, " {} {:?}", replay.count(), replay.duration());
        }
        // FNV-1a (G. Fowler, L. C. Noll, K.-P. Vo): the same on every machine, and no secret depends on it.
        let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        format!("{hash:016x}")
    }

    /// Whether arrivals do not wait for answers.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(
            self.phases.first().map(|phase| phase.load),
            Some(Load::Rate { .. })
        )
    }
}

/// Connections if nothing is said: more are a sign that the service does not keep up.
pub const CONNECTIONS: usize = 10_000;

/// Where requests go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// True for https.
    pub is_tls: bool,
    /// The name or address of the URL, IPv6 without brackets.
    pub host: String,
    /// The port, filled in.
    pub port: u16,
    /// What precedes every path: empty or `/like/this`, without a slash at its end.
    pub base: String,
    /// Which protocol to speak.
    pub protocol: Protocol,
    /// Whether a certificate is accepted that nobody vouches for.
    pub is_insecure: bool,
    /// A file of certificates (PEM) to trust besides those of the system.
    pub ca: Option<std::path::PathBuf>,
    /// Most connections at once, over all threads. Whoever finds none waits, and the wait is latency.
    pub connections: usize,
    /// Whether connections are used again by later arrivals (as browsers' and services' pools do); otherwise each session has its own.
    pub reuses: bool,
    /// For connecting, name and TLS included.
    pub connect_timeout: Duration,
    /// From sending a request to the end of its answer; steps may say otherwise.
    pub timeout: Duration,
}

impl Target {
    /// A server without TLS, whose protocol it may choose itself: up to 10,000 connections that are used again, 30 s for a request.
    #[must_use]
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self {
            is_tls: false,
            host: host.into(),
            port,
            base: String::new(),
            protocol: Protocol::Auto,
            is_insecure: false,
            ca: None,
            connections: CONNECTIONS,
            reuses: true,
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(30),
        }
    }

    /// `host` or `host:port`, as the field Host has it.
    #[must_use]
    pub fn authority(&self) -> String {
        let host = match self.host.contains(':') {
            true => format!("[{}]", self.host),
            false => self.host.clone(),
        };
        match (self.is_tls, self.port) {
            (false, 80) | (true, 443) => host,
            (_, port) => format!("{host}:{port}"),
        }
    }

    /// As a URL, for reports.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.is_tls { "https" } else { "http" };
        format!("{scheme}://{}{}", self.authority(), self.base)
    }
}

/// Which protocol to speak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/2 if the server chooses it by ALPN, otherwise HTTP/1.1.
    #[default]
    Auto,
    /// HTTP/1.1.
    Http1,
    /// HTTP/2: by ALPN over TLS, with prior knowledge without (RFC 9113 section 3.3).
    Http2,
}

/// A part of the test.
#[derive(Clone, Debug, PartialEq)]
pub struct Phase {
    /// What reports call it.
    pub name: String,
    /// How long it takes, not zero.
    pub duration: Duration,
    /// How much load there is.
    pub load: Load,
    /// Whether it is left out of totals and thresholds.
    pub is_warm_up: bool,
}

/// How much load there is in a phase: it goes linearly from the one to the other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Load {
    /// Arrivals per second, 0 or more; each does a scenario and leaves.
    Rate {
        /// At the beginning.
        from: f64,
        /// At the end.
        to: f64,
    },
    /// Users, each of whom does one scenario after the other.
    Users {
        /// At the beginning.
        from: u32,
        /// At the end.
        to: u32,
    },
}

/// How arrivals are spread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Arrivals {
    /// At equal distances.
    #[default]
    Even,
    /// Independent of each other, as those of many strangers are.
    Poisson,
}

/// How a scenario is chosen.
#[derive(Clone, Debug, PartialEq)]
pub enum Mix {
    /// By their weights, at random.
    Random,
    /// By their weights, as evenly as possible: after any number of arrivals no scenario is more than one away from its share.
    Exact,
    /// A scenario is a page, and the next one depends on it (as in TPC-W). A session ends when it leaves.
    Markov(Markov),
}

/// Transitions between scenarios.
#[derive(Clone, Debug, PartialEq)]
pub struct Markov {
    /// For each scenario how likely a session begins with it; the sum is 1.
    pub start: Vec<f64>,
    /// For each scenario how likely each follows it; what a row lacks to 1 is leaving.
    pub next: Vec<Vec<f64>>,
    /// Most pages of a session.
    pub most: u32,
}

/// A part of several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Which one, from 0.
    pub index: u32,
    /// Of how many, at least 1.
    pub count: u32,
}

impl Default for Shard {
    fn default() -> Self {
        Self { index: 0, count: 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_that_of_all_parts_of_a_test_and_of_no_other() {
        let rate = Load::Rate { from: 1.0, to: 1.0 };
        let phase = Phase {
            name: "p".to_owned(),
            duration: Duration::from_secs(1),
            load: rate,
            is_warm_up: false,
        };
        let scenario = Scenario {
            name: "s".to_owned(),
            weight: 1.0,
            steps: vec![Step::new("GET", "/")],
        };
        let test = Test::new(Target::new("h", 80), vec![phase], vec![scenario]);
        let part = Test {
            shard: Shard { index: 1, count: 2 },
            threads: 7,
            ..test.clone()
        };
        assert_eq!(part.plan(), test.plan());
        let other_seed = Test {
            seed: 2,
            ..test.clone()
        };
        let mut other_weight = test.clone();
        other_weight.scenarios[0].weight = 2.0;
        for other in [other_seed, other_weight] {
            assert_ne!(other.plan(), test.plan());
        }
    }
}

//! Erlang's formulas: how long requests wait for one of c servers (cores, connections, workers), and how many it takes.
//!
//! # The idea
//! Requests come at random (Poisson, λ per second) and take an exponential time of mean S; a = λ·S is the offered load, the
//! number of servers that are busy on average. Erlang B is the probability that all c are busy where nobody waits
//! (who finds none is turned away); Erlang C that a request has to wait where everybody does.
//!
//! The textbook sums a^k/k! overflow at a few hundred servers. The recursion B(k) = a·B(k−1) / (k + a·B(k−1)) never leaves
//! 0 to 1, and loses no digits since it adds only positive numbers; ten thousand servers take ten thousand steps.
//!
//! # When not to use it
//! Service times that vary more than exponential ones, and requests that come in bursts, wait longer than this says. It is a
//! lower bound for a shop's traffic, and an upper one for very regular work.
//!
//! Source: A. K. Erlang, "Solution of some problems in the theory of probabilities of significance in automatic telephone
//! exchanges", 1917; R. B. Cooper, "Introduction to Queueing Theory", 2nd ed., North Holland 1981, chapter 3.

use std::fmt;

use serde::Serialize;

use crate::invalid::{Invalid, below_one, check, not_negative, positive};
use crate::text::number;

/// The most servers that are spoken of.
pub const MOST_SERVERS: u32 = 10_000_000;

/// Why there is no waiting time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ErlangError {
    /// A number out of its range.
    Invalid(Invalid),
    /// More work comes than the servers can do: the queue grows for ever.
    Saturated {
        /// How many servers there are.
        servers: u32,
        /// How many are needed at least.
        needed: f64,
    },
    /// No number of servers meets the objective: a request takes that long without waiting.
    Unreachable,
}

impl fmt::Display for ErlangError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(invalid) => invalid.fmt(out),
            Self::Saturated { servers, needed } => write!(
                out,
                "{servers} servers do not keep up with a load that keeps {} busy: the queue grows for ever, and there is no waiting time; take at least {} servers",
                number(*needed),
                number(needed.floor() + 1.0)
            ),
            Self::Unreachable => write!(
                out,
                "no number of servers (of up to {MOST_SERVERS}) meets the objective: requests take longer without any waiting, or there are too many; shorten the service time, or widen the objective"
            ),
        }
    }
}

impl std::error::Error for ErlangError {}

impl From<Invalid> for ErlangError {
    fn from(invalid: Invalid) -> Self {
        Self::Invalid(invalid)
    }
}

/// Erlang B: the share of requests that are turned away by `servers` without a queue, under an offered `load` (λ·S ≥ 0).
///
/// # Errors
/// A load below zero, or more than [`MOST_SERVERS`].
pub fn erlang_b(servers: u32, load: f64) -> Result<f64, Invalid> {
    let load = not_negative("the offered load", load)?;
    let servers = countable(servers)?;
    Ok((1..=servers).fold(1.0, |blocked, server| next(blocked, server, load)))
}

/// One more server: B(k) from B(k−1).
fn next(blocked: f64, server: u32, load: f64) -> f64 {
    let offered = load * blocked;
    // Infinite for a load near the largest float, where everything is turned away.
    if offered.is_finite() {
        offered / (f64::from(server) + offered)
    } else {
        1.0
    }
}

/// Erlang C: the share of requests that have to wait for one of `servers`, under an offered `load` (λ·S ≥ 0).
///
/// ```
/// use tenfold_capacity::model::erlang::erlang_c;
///
/// assert!((erlang_c(10, 8.0)? - 0.409180).abs() < 1e-6);
/// # Ok::<(), tenfold_capacity::model::erlang::ErlangError>(())
/// ```
///
/// # Errors
/// A load below zero, or one that the servers do not keep up with.
pub fn erlang_c(servers: u32, load: f64) -> Result<f64, ErlangError> {
    let blocked = erlang_b(servers, load)?;
    if load >= f64::from(servers) {
        let needed = load;
        return Err(ErlangError::Saturated { servers, needed });
    }
    Ok(waiting(blocked, servers, load))
}

/// Erlang C from Erlang B.
fn waiting(blocked: f64, servers: u32, load: f64) -> f64 {
    blocked / (1.0 - load / f64::from(servers) * (1.0 - blocked))
}

fn countable(servers: u32) -> Result<u32, Invalid> {
    let value = f64::from(servers);
    check(
        "the number of servers",
        value,
        servers <= MOST_SERVERS,
        "at most 10 million",
    )?;
    Ok(servers)
}

/// A queue with c servers in balance (M/M/c): what comes, what it takes, and what follows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Queue {
    servers: u32,
    rate: f64,
    service_time: f64,
    wait_probability: f64,
}

impl Queue {
    /// `rate` requests per second for `servers`, each of `service_time` seconds on average.
    ///
    /// # Errors
    /// A number out of its range, or more work than the servers can do.
    pub fn new(servers: u32, rate: f64, service_time: f64) -> Result<Self, ErlangError> {
        let load = offered(rate, service_time)?;
        Ok(Self {
            servers,
            rate,
            service_time,
            wait_probability: erlang_c(servers, load)?,
        })
    }

    /// How many servers there are.
    #[must_use]
    pub fn servers(&self) -> u32 {
        self.servers
    }

    /// Servers that are busy on average: λ·S.
    #[must_use]
    pub fn offered_load(&self) -> f64 {
        self.rate * self.service_time
    }

    /// The share of time for which each server is busy.
    #[must_use]
    pub fn utilisation(&self) -> f64 {
        self.offered_load() / f64::from(self.servers)
    }

    /// The share of requests that wait: Erlang C.
    #[must_use]
    pub fn wait_probability(&self) -> f64 {
        self.wait_probability
    }

    /// How many requests per second the servers could do more.
    fn spare_rate(&self) -> f64 {
        (f64::from(self.servers) - self.offered_load()) / self.service_time
    }

    /// Mean waiting time in seconds over all requests: C·S/(c−a).
    #[must_use]
    pub fn mean_wait(&self) -> f64 {
        self.wait_probability / self.spare_rate()
    }

    /// Mean response time in seconds: waiting and service.
    #[must_use]
    pub fn mean_response_time(&self) -> f64 {
        self.mean_wait() + self.service_time
    }

    /// Requests that wait on average, by Little's law.
    #[must_use]
    pub fn mean_queue_length(&self) -> f64 {
        self.rate * self.mean_wait()
    }

    /// The share of requests that wait for longer than `seconds`: C·e^(−(c−a)t/S).
    #[must_use]
    pub fn wait_longer_than(&self, seconds: f64) -> f64 {
        self.wait_probability * (-self.spare_rate() * seconds.max(0.0)).exp()
    }

    /// The waiting time in seconds that `share` (0 to 1, 1 excluded) of requests do not exceed.
    ///
    /// # Errors
    /// A share out of its range.
    pub fn wait_percentile(&self, share: f64) -> Result<f64, Invalid> {
        let longer = 1.0 - below_one("the percentile's share", share)?;
        Ok((self.wait_probability / longer).ln().max(0.0) / self.spare_rate())
    }

    /// The share of requests that take longer than `seconds`, waiting and service together.
    #[must_use]
    pub fn response_longer_than(&self, seconds: f64) -> f64 {
        let time = seconds.max(0.0);
        let (served, spare) = (1.0 / self.service_time, self.spare_rate());
        // Who waits takes the sum of two exponential times; e^(−µt) and e^(−θt) are nearly the same for nearly equal rates.
        let apart = (spare - served) * time;
        let waited = if apart.abs() < 1e-8 {
            served * time * (-served * time).exp()
        } else if apart > 0.0 {
            served * (-served * time).exp() * -(-apart).exp_m1() / (spare - served)
        } else {
            served * (-spare * time).exp() * -apart.exp_m1() / (served - spare)
        };
        ((-served * time).exp() + self.wait_probability * waited).min(1.0)
    }

    /// The response time in seconds that `share` (0 to 1, 1 excluded) of requests do not exceed.
    ///
    /// # Errors
    /// A share out of its range.
    pub fn response_percentile(&self, share: f64) -> Result<f64, Invalid> {
        let longer = 1.0 - below_one("the percentile's share", share)?;
        let (mut low, mut high) = (0.0, self.service_time);
        while self.response_longer_than(high) > longer && high.is_finite() {
            high *= 2.0;
        }
        for _ in 0..100 {
            let middle = 0.5 * (low + high);
            if self.response_longer_than(middle) > longer {
                low = middle;
            } else {
                high = middle;
            }
        }
        Ok(high)
    }
}

fn offered(rate: f64, service_time: f64) -> Result<f64, Invalid> {
    let rate = positive("the rate of requests", rate)?;
    let service_time = positive("the service time", service_time)?;
    check(
        "the offered load",
        rate * service_time,
        true,
        "a finite number",
    )
}

/// What a queue has to hold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Objective {
    /// At most this share of requests has to wait at all.
    WaitProbability(f64),
    /// The mean waiting time is at most this many seconds.
    MeanWait(f64),
    /// This share of requests waits for at most this many seconds (call centres say "80/20").
    WaitWithin {
        /// 0 to 1.
        share: f64,
        /// Seconds.
        seconds: f64,
    },
    /// This share of requests is answered within this many seconds, service included.
    ResponseWithin {
        /// 0 to 1.
        share: f64,
        /// Seconds.
        seconds: f64,
    },
}

impl Objective {
    fn checked(self) -> Result<Self, Invalid> {
        match self {
            Self::WaitProbability(share) => {
                let is_right = share > 0.0 && share <= 1.0;
                check(
                    "the share that waits",
                    share,
                    is_right,
                    "above 0 and at most 1",
                )?;
            }
            Self::MeanWait(seconds) => {
                positive("the mean waiting time", seconds)?;
            }
            Self::WaitWithin { share, seconds } => {
                below_one("the share within the objective", share)?;
                not_negative("the waiting time", seconds)?;
            }
            Self::ResponseWithin { share, seconds } => {
                below_one("the share within the objective", share)?;
                positive("the response time", seconds)?;
            }
        }
        Ok(self)
    }

    fn is_met(&self, queue: &Queue) -> bool {
        match *self {
            Self::WaitProbability(share) => queue.wait_probability() <= share,
            Self::MeanWait(seconds) => queue.mean_wait() <= seconds,
            Self::WaitWithin { share, seconds } => queue.wait_longer_than(seconds) <= 1.0 - share,
            Self::ResponseWithin { share, seconds } => {
                queue.response_longer_than(seconds) <= 1.0 - share
            }
        }
    }

    /// Whether it could be met if nobody ever waited.
    fn is_reachable(&self, service_time: f64) -> bool {
        match *self {
            Self::ResponseWithin { share, seconds } => {
                (-seconds / service_time).exp() < 1.0 - share
            }
            _ => true,
        }
    }
}

/// The fewest servers that meet `objective` for `rate` requests per second of `service_time` seconds.
///
/// ```
/// use tenfold_capacity::model::erlang::{Objective, servers_for};
///
/// // 100 calls in half an hour, three minutes each; 80 % are answered within 20 s.
/// let objective = Objective::WaitWithin { share: 0.8, seconds: 20.0 };
/// assert_eq!(servers_for(100.0 / 1800.0, 180.0, objective)?.servers(), 14);
/// # Ok::<(), tenfold_capacity::model::erlang::ErlangError>(())
/// ```
///
/// # Errors
/// A number out of its range, or an objective that no number of servers meets.
pub fn servers_for(
    rate: f64,
    service_time: f64,
    objective: Objective,
) -> Result<Queue, ErlangError> {
    let objective = objective.checked()?;
    let load = offered(rate, service_time)?;
    if load >= f64::from(MOST_SERVERS) || !objective.is_reachable(service_time) {
        return Err(ErlangError::Unreachable);
    }
    let mut blocked = 1.0;
    for servers in 1..=MOST_SERVERS {
        blocked = next(blocked, servers, load);
        if f64::from(servers) <= load {
            continue;
        }
        let queue = Queue {
            servers,
            rate,
            service_time,
            wait_probability: waiting(blocked, servers, load),
        };
        if objective.is_met(&queue) {
            return Ok(queue);
        }
    }
    Err(ErlangError::Unreachable)
}

#[cfg(test)]
#[path = "erlang_tests.rs"]
mod tests;

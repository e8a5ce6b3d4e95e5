//! What can be said of an endpoint: the state it is in, and what has just changed.

use std::fmt;
use std::time::Duration;

use crate::outcome::Outcome;
use crate::resilience::breaker::Why;

/// Why an endpoint was ejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// So many failures in a row.
    ConsecutiveFailures,
    /// Its success rate was far below its peers'.
    SuccessRate,
    /// Its latency was far above its peers'.
    Latency,
}

impl Cause {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::ConsecutiveFailures, Self::SuccessRate, Self::Latency];

    /// Its name in metrics and logs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ConsecutiveFailures => "consecutive_failures",
            Self::SuccessRate => "success_rate",
            Self::Latency => "latency",
        }
    }
}

/// What an endpoint is doing, for people. Where several hold, the first of this order is told: draining, down, ejected, open,
/// half-open, paused, starting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Takes part.
    Up,
    /// Takes part with a growing share.
    Starting,
    /// Its probes fail.
    Down,
    /// Its answers took it out.
    Ejected {
        /// Why.
        cause: Cause,
        /// When it comes back.
        until: Duration,
    },
    /// It could not be reached.
    Paused {
        /// When it is tried again.
        until: Duration,
    },
    /// Its breaker is open.
    Open {
        /// When it is tried again.
        until: Duration,
    },
    /// Its breaker is half-open: it gets a few requests as trials.
    HalfOpen,
    /// Takes no new requests.
    Draining,
}

impl State {
    /// Its name in metrics and on the status page.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Starting => "starting",
            Self::Down => "down",
            Self::Ejected { .. } => "ejected",
            Self::Paused { .. } => "paused",
            Self::Open { .. } => "open",
            Self::HalfOpen => "half_open",
            Self::Draining => "draining",
        }
    }
}

/// Something about an endpoint that was otherwise before; returned once, to be logged and counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// Which member of the group.
    pub index: usize,
    /// What happened to it.
    pub what: What,
}

/// What happened to an endpoint. Its `Display` continues a sentence that begins with the endpoint's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// It cannot be reached, or breaks connections. Told once, until it answers again.
    PassedOver {
        /// What it did.
        outcome: Outcome,
        /// For how long at first.
        for_: Duration,
    },
    /// It answers after it had been passed over.
    AnswersAgain,
    /// Its answers took it out.
    Ejected {
        /// Why.
        cause: Cause,
        /// For how long.
        for_: Duration,
    },
    /// The time it was ejected for is over. Not told if it was ejected again before anybody looked.
    EjectionOver,
    /// Its breaker has opened.
    BreakerOpened {
        /// Why.
        why: Why,
        /// For how long.
        for_: Duration,
    },
    /// Its breaker has closed again.
    BreakerClosed,
    /// Enough probes in a row failed.
    ProbeDown,
    /// Enough probes in a row succeeded.
    ProbeUp,
}

impl What {
    /// Its name in metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::PassedOver { .. } => "passed_over",
            Self::AnswersAgain => "answers_again",
            Self::Ejected { .. } => "ejected",
            Self::EjectionOver => "ejection_over",
            Self::BreakerOpened { .. } => "breaker_opened",
            Self::BreakerClosed => "breaker_closed",
            Self::ProbeDown => "probe_down",
            Self::ProbeUp => "probe_up",
        }
    }
}

impl fmt::Display for What {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PassedOver { outcome, for_ } => {
                write!(to, "is passed over for {for_:?}: {outcome}")
            }
            Self::AnswersAgain => to.write_str("answers again"),
            Self::Ejected { cause, for_ } => {
                let why = match cause {
                    Cause::ConsecutiveFailures => "too many failures in a row",
                    Cause::SuccessRate => "its success rate is far below that of the others",
                    Cause::Latency => "its latency is far above that of the others",
                };
                write!(to, "is ejected for {for_:?}: {why}")
            }
            Self::EjectionOver => to.write_str("takes part again after its ejection"),
            Self::BreakerOpened { why, for_ } => {
                write!(to, "is not asked for {for_:?}: {}", why.text())
            }
            Self::BreakerClosed => to.write_str("passed its trials: its breaker is closed"),
            Self::ProbeDown => to.write_str("is down: its probes fail"),
            Self::ProbeUp => to.write_str("is up: its probes succeed"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_told_as_sentences() {
        let what = What::PassedOver {
            outcome: Outcome::ConnectFailed,
            for_: Duration::from_millis(500),
        };
        assert_eq!(
            what.to_string(),
            "is passed over for 500ms: no connection could be made"
        );
        let what = What::Ejected {
            cause: Cause::Latency,
            for_: Duration::from_secs(30),
        };
        assert_eq!(
            what.to_string(),
            "is ejected for 30s: its latency is far above that of the others"
        );
    }
}

//! How an attempt at an endpoint ended, as far as the endpoint is to be judged by it.

use std::fmt;

/// The result of one attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It answered.
    Answered {
        /// The status was 500 or more.
        is_failure: bool,
    },
    /// No connection could be made: refused, unreachable, or too slow.
    ConnectFailed,
    /// The connection broke before a response had begun.
    Broken,
    /// No response in time, over a connection that stood.
    TimedOut,
}

impl Outcome {
    /// An answer that speaks for the endpoint.
    pub const GOOD: Self = Self::Answered { is_failure: false };

    /// True for everything but a good answer.
    #[must_use]
    pub fn is_failure(self) -> bool {
        self != Self::GOOD
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(match self {
            Self::Answered { is_failure: false } => "it answered",
            Self::Answered { is_failure: true } => "it answered with a server error",
            Self::ConnectFailed => "no connection could be made",
            Self::Broken => "connections to it broke",
            Self::TimedOut => "it did not answer in time",
        })
    }
}

//! How an attempt at an endpoint ended, as far as the endpoint is to be judged by it.

/// The result of one attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It answered.
    Answered,
    /// No connection could be made: refused, unreachable, or too slow.
    ConnectFailed,
    /// The connection broke before a response had begun.
    Broken,
}

//! What became of a probe.

use std::fmt;
use std::io;
use std::time::Duration;

use tenfold_http1::HeadError;

/// How much of the expected text is repeated.
const SHOWN: usize = 60;

/// What became of a probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ProbeResult {
    /// All is as it should be.
    Good,
    /// No address is known: its name has not been resolved.
    NoAddress,
    /// Nobody listens.
    Refused,
    /// It cannot be reached for another reason.
    Unreachable(io::ErrorKind),
    /// It did not answer, or not completely, in this time.
    NoAnswer(Duration),
    /// It closed the connection, or broke it, before it had answered.
    Closed,
    /// It answered with a status that is not a good one.
    Status(u16),
    /// The first 64 KiB of the body lack this text.
    BodyLacks(String),
    /// The head of its answer is not one that requests would be answered with.
    Malformed(HeadError),
    /// The body of its answer is not framed correctly.
    MalformedBody,
}

impl fmt::Display for ProbeResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Good => f.write_str("good"),
            Self::NoAddress => f.write_str("no address is known"),
            Self::Refused => f.write_str("connection refused"),
            Self::Unreachable(kind) => write!(f, "unreachable: {kind}"),
            Self::NoAnswer(limit) => write!(f, "no answer within {limit:?}"),
            Self::Closed => f.write_str("closed the connection without a whole answer"),
            Self::Status(status) => write!(f, "status {status}"),
            Self::BodyLacks(text) => {
                let shown: String = text.chars().take(SHOWN).collect();
                write!(f, "body lacks {shown:?}")
            }
            Self::Malformed(error) => write!(f, "malformed answer: {error}"),
            Self::MalformedBody => {
                f.write_str("malformed answer: the framing of the body is broken")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_told_in_a_few_words() {
        let cases = [
            (ProbeResult::Refused, "connection refused"),
            (
                ProbeResult::NoAnswer(Duration::from_secs(1)),
                "no answer within 1s",
            ),
            (
                ProbeResult::NoAnswer(Duration::from_millis(1500)),
                "no answer within 1.5s",
            ),
            (ProbeResult::Status(503), "status 503"),
            (
                ProbeResult::BodyLacks("o\nk".into()),
                r#"body lacks "o\nk""#,
            ),
            (
                ProbeResult::Unreachable(io::ErrorKind::NotFound),
                "unreachable: entity not found",
            ),
        ];
        for (result, text) in cases {
            assert_eq!(result.to_string(), text);
        }
    }
}

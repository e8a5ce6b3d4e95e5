//! What the data does not show, and what to measure so that it does.

use std::fmt;

use crate::Invalid;
use crate::text::{number, percent};

/// Why there is no answer. Its text says what to measure.
#[derive(Debug, Clone, PartialEq)]
pub enum Refusal {
    /// Fewer than six different concurrencies: with three coefficients nothing would be left to judge the fit by.
    TooFewPoints {
        /// How many points there are.
        points: usize,
        /// How many different concurrencies among them.
        concurrencies: usize,
    },
    /// All points have this one concurrency.
    SameConcurrency {
        /// Which one.
        concurrency: f64,
    },
    /// The points do not tell the coefficients apart, or have no throughput for one request at a time.
    Undetermined {
        /// The lowest concurrency that was measured.
        lowest: f64,
        /// The highest one.
        highest: f64,
    },
    /// The points do not follow the law.
    Scattered {
        /// The typical distance from the best curve, as a share of the mean throughput.
        share: f64,
    },
    /// No peak: within the data's reach throughput levels off, and does not fall.
    NoPeak {
        /// The highest concurrency that was measured.
        measured: f64,
    },
    /// The curve's peak lies beyond all points.
    NotBeyondKnee {
        /// Where the curve would have it.
        peak: f64,
        /// The highest concurrency that was measured.
        measured: f64,
    },
    /// More than twice the highest concurrency that was measured.
    Extrapolation {
        /// What was asked about.
        asked: f64,
        /// The highest concurrency that was measured.
        measured: f64,
    },
    /// A question with a number outside of its range.
    Invalid(Invalid),
}

impl fmt::Display for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooFewPoints {
                points,
                concurrencies,
            } => write!(
                out,
                "{points} points with {concurrencies} different concurrencies are too few to fit three coefficients and judge the fit: measure at six or more different concurrencies, from 1 to beyond where throughput stops growing"
            ),
            Self::SameConcurrency { concurrency } => write!(
                out,
                "all points have a concurrency of {}, which shows nothing of how throughput grows: measure at six or more different concurrencies",
                number(*concurrency)
            ),
            Self::Undetermined { lowest, highest } => write!(
                out,
                "the points from concurrency {} to {} do not determine contention, coherency and the throughput of one request at a time: measure at lower concurrencies too, at best from 1, and over a wider range",
                number(*lowest),
                number(*highest)
            ),
            Self::Scattered { share } => write!(
                out,
                "the points lie {} of the mean throughput away from the best curve, and so do not follow it: measure each concurrency for longer, after a warm-up, with nothing else on the machine; if they still do not, a limit sets in at once (a full pool, memory) and has to be raised first",
                percent(*share)
            ),
            Self::NoPeak { measured } => write!(
                out,
                "throughput has no peak as far as the points show (up to a concurrency of {}): measure at higher concurrencies until throughput falls, or ask for the capacity within a response time",
                number(*measured)
            ),
            Self::NotBeyondKnee { peak, measured } => write!(
                out,
                "no point lies beyond the knee: the curve would peak at a concurrency of {}, and the highest measured one is {}; measure at {} and beyond",
                number(*peak),
                number(*measured),
                number((peak * 1.1).ceil())
            ),
            Self::Extrapolation { asked, measured } if asked.is_infinite() => write!(
                out,
                "response times do not grow as far as the points show (up to a concurrency of {}), and nothing is known of where they will: measure at higher concurrencies until they do",
                number(*measured)
            ),
            Self::Extrapolation { asked, measured } => write!(
                out,
                "a concurrency of {} is more than twice the highest measured one ({}), and nothing is known of it: measure up to {} at least",
                number(*asked),
                number(*measured),
                number((asked / 2.0).ceil())
            ),
            Self::Invalid(invalid) => invalid.fmt(out),
        }
    }
}

impl std::error::Error for Refusal {}

impl From<Invalid> for Refusal {
    fn from(invalid: Invalid) -> Self {
        Self::Invalid(invalid)
    }
}

//! What is wrong with points, and where.

use std::fmt;

use super::{LARGEST, MOST};

/// Where a number stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In a file; both count from 1, and the column is that of the table.
    Cell {
        /// Line of the file.
        line: u64,
        /// Column of the table.
        column: usize,
    },
    /// In a list, from 0.
    Index(usize),
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cell { line, column } => write!(out, "line {line}, column {column}"),
            Self::Index(index) => write!(out, "point {}", index + 1),
        }
    }
}

/// What is wrong with a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// Nothing stands there.
    Missing,
    /// This text, cut off if it is long.
    NoNumber(String),
    /// NaN.
    NotANumber,
    /// Infinite, or above 10¹².
    TooLarge,
    /// Zero.
    Zero,
    /// Below zero.
    Negative,
}

impl Reason {
    /// What speaks against `number`.
    pub(super) fn against(number: f64) -> Option<Self> {
        if number.is_nan() {
            Some(Self::NotANumber)
        } else if number < 0.0 {
            Some(Self::Negative)
        } else if number == 0.0 {
            Some(Self::Zero)
        } else if number > LARGEST {
            Some(Self::TooLarge)
        } else {
            None
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => out.write_str("is missing: write a number, or leave the line out"),
            Self::NoNumber(text) => write!(
                out,
                "is {text:?}, which is not a number: write it with a point and without a unit, like 12.5"
            ),
            Self::NotANumber => out.write_str("is not a number: leave out what was not measured"),
            Self::TooLarge => write!(out, "is larger than {LARGEST:e}, which no measurement is"),
            Self::Zero => out.write_str(
                "is 0, of which nothing follows: leave the line out if nothing was completed",
            ),
            Self::Negative => out.write_str("is negative"),
        }
    }
}

/// Why there are no points.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PointsError {
    /// There are none.
    Empty,
    /// More than [`MOST`].
    TooMany,
    /// The text is not UTF-8.
    Encoding {
        /// From 1.
        line: u64,
    },
    /// The first line does not name the columns.
    Header {
        /// What it says, cut off if it is long.
        found: String,
        /// What is wrong with it.
        why: String,
    },
    /// A line has more or fewer columns than the first one.
    Columns {
        /// From 1.
        line: u64,
        /// How many it has.
        found: usize,
        /// How many the first line has.
        wanted: usize,
    },
    /// A number that no measurement has.
    Number {
        /// Where.
        place: Place,
        /// Of which column.
        name: &'static str,
        /// What is wrong with it.
        reason: Reason,
    },
}

impl fmt::Display for PointsError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => out.write_str(
                "there are no points: write a first line `concurrency,throughput` and one line for each level of load below it",
            ),
            Self::TooMany => write!(
                out,
                "there are more than {MOST} points: one for each level of load is wanted, not one for each request"
            ),
            Self::Encoding { line } => write!(
                out,
                "line {line} is not UTF-8: save the file as UTF-8 (a spreadsheet's \"Unicode text\" is UTF-16)"
            ),
            Self::Header { found, why } => write!(
                out,
                "line 1 is {found:?}: {why}; it has to be `concurrency,throughput` or `concurrency,throughput,latency` (in seconds; `latency_ms` in milliseconds)"
            ),
            Self::Columns { line, found, wanted } => write!(
                out,
                "line {line}, column {}: the line has {found} columns, and the first line names {wanted}",
                found.min(wanted) + 1
            ),
            Self::Number { place, name, reason } => write!(out, "{place}: the {name} {reason}"),
        }
    }
}

impl std::error::Error for PointsError {}

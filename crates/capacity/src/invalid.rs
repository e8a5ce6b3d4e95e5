//! A number that is none that the laws could be asked about.

use std::fmt;

/// An argument outside of its range. NaN and infinities always are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Invalid {
    /// Which one, in the words of the caller: "the throughput".
    pub what: &'static str,
    /// What was given.
    pub value: f64,
    /// What it must be: "above 0".
    pub must: &'static str,
}

impl fmt::Display for Invalid {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, value, must } = self;
        write!(out, "{what} is {value}, and must be {must}")
    }
}

impl std::error::Error for Invalid {}

/// `value`, if it is finite and above zero.
pub(crate) fn positive(what: &'static str, value: f64) -> Result<f64, Invalid> {
    check(what, value, value > 0.0, "a number above 0")
}

/// `value`, if it is finite and not below zero.
pub(crate) fn not_negative(what: &'static str, value: f64) -> Result<f64, Invalid> {
    check(what, value, value >= 0.0, "a number of at least 0")
}

/// `value`, if it is a share: at least 0 and below 1.
pub(crate) fn below_one(what: &'static str, value: f64) -> Result<f64, Invalid> {
    let is_share = (0.0..1.0).contains(&value);
    check(what, value, is_share, "at least 0 and below 1")
}

/// `value`, if `is_right` and it is finite.
pub(crate) fn check(
    what: &'static str,
    value: f64,
    is_right: bool,
    must: &'static str,
) -> Result<f64, Invalid> {
    if is_right && value.is_finite() {
        Ok(value)
    } else {
        Err(Invalid { what, value, must })
    }
}

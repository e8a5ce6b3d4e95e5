//! Amounts of money: whole cents, never a fraction in binary.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Euro cents. What one product costs is 1 to [`Cents::MOST`]; sums may be more.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Cents(pub i64);

impl Cents {
    /// The highest price of one product: a million euros.
    pub const MOST: Self = Self(100_000_000);
}

impl fmt::Display for Cents {
    /// `1234.50`, as machines and form fields write it; pages put the currency before it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let cents = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:02}", cents / 100, cents % 100)
    }
}

/// A text that is no price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoPrice;

impl fmt::Display for NoPrice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a price is a number from 0.01 to {}, such as 12.34",
            Cents::MOST
        )
    }
}

impl std::error::Error for NoPrice {}

impl FromStr for Cents {
    type Err = NoPrice;

    /// Reads a price: `12`, `12.3`, `12.34`.
    fn from_str(text: &str) -> Result<Self, NoPrice> {
        let (whole, part) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
        let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty()
            || whole.len() > 9
            || part.len() > 2
            || !all_digits(whole)
            || !all_digits(part)
        {
            return Err(NoPrice);
        }
        let whole: i64 = whole.parse().map_err(|_| NoPrice)?;
        let part: i64 = format!("{part:0<2}").parse().map_err(|_| NoPrice)?;
        let cents = Self(whole * 100 + part);
        match cents.0 {
            1.. if cents <= Self::MOST => Ok(cents),
            _ => Err(NoPrice),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_read_and_written() {
        for (text, cents) in [
            ("12", 1200),
            ("12.3", 1230),
            (" 12.34 ", 1234),
            ("0.01", 1),
            ("1000000", 100_000_000),
        ] {
            assert_eq!(text.parse(), Ok(Cents(cents)), "{text}");
        }
        for text in [
            "",
            ".",
            "0",
            "-1",
            "+1",
            "1.234",
            "1,50",
            "1000000.01",
            "99999999999",
            "1e3",
            "١",
        ] {
            assert_eq!(text.parse::<Cents>(), Err(NoPrice), "{text}");
        }
        assert_eq!(Cents(5).to_string(), "0.05");
        assert_eq!(Cents(-1234).to_string(), "-12.34");
    }
}

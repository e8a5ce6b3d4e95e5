//! What is made to go wrong, for runs that show what the layer in front does about it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// Faults that are chosen at the start. Each is counted in `shop_faults_total`, so that nobody takes them for real ones.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Faults {
    /// Some requests are answered late.
    pub slow: Option<Slow>,
    /// Some requests fail with 500.
    pub fail: Share,
}

impl Faults {
    /// How long this request is held up.
    pub(super) fn delay(&self) -> Option<Duration> {
        let slow = self.slow?;
        slow.share.strikes().then_some(slow.by)
    }

    /// Whether this request fails.
    pub(super) fn fails(&self) -> bool {
        self.fail.strikes()
    }
}

/// A part of all requests, from 0 to 1. Read as `5%` or `0.05`.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct Share(f64);

impl Share {
    /// All of them.
    pub const ALL: Self = Self(1.0);

    fn strikes(self) -> bool {
        // Most shops have no faults, and need no random number to know.
        self.0 > 0.0 && fastrand::f64() < self.0
    }
}

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (number, whole) = match text.strip_suffix('%') {
            Some(number) => (number.trim_end(), 100.0),
            None => (text, 1.0),
        };
        let share = number.parse::<f64>().ok().map(|number| number / whole);
        match share {
            Some(share) if (0.0..=1.0).contains(&share) => Ok(Self(share)),
            _ => Err("a share is from 0% to 100%, such as 5%".to_owned()),
        }
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.0 * 100.0)
    }
}

/// Being late: by how long, and how often. Read as `200ms` or `2s:10%`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slow {
    /// How long a request is held up.
    pub by: Duration,
    /// How many are.
    pub share: Share,
}

impl Slow {
    /// Nobody waits for longer.
    const LONGEST: Duration = Duration::from_secs(60);
}

impl FromStr for Slow {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (by, share) = match text.split_once(':') {
            Some((by, share)) => (by, share.parse()?),
            None => (text, Share::ALL),
        };
        match humantime::parse_duration(by) {
            Ok(by) if by <= Self::LONGEST => Ok(Self { by, share }),
            Ok(_) => Err(format!("at most {} s", Self::LONGEST.as_secs())),
            Err(_) => Err(
                "give a time with its unit, such as 200ms, and 2s:10% for a tenth of all requests"
                    .to_owned(),
            ),
        }
    }
}

impl fmt::Display for Slow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", humantime::format_duration(self.by), self.share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_and_delays_are_read() {
        assert_eq!("5%".parse(), Ok(Share(0.05)));
        assert_eq!("0.5".parse(), Ok(Share(0.5)));
        for text in ["", "-1%", "101%", "2", "NaN", "five"] {
            assert!(text.parse::<Share>().is_err(), "{text}");
        }
        let slow = |text: &str| text.parse::<Slow>();
        assert_eq!(
            slow("200ms"),
            Ok(Slow {
                by: Duration::from_millis(200),
                share: Share::ALL
            })
        );
        assert_eq!(
            slow("2s:10%"),
            Ok(Slow {
                by: Duration::from_secs(2),
                share: Share(0.1)
            })
        );
        for text in ["", "200", "2h", "2s:", "2s:200%", ":5%"] {
            assert!(slow(text).is_err(), "{text}");
        }
    }

    #[test]
    fn none_and_all_are_certain() {
        assert!((0..1000).all(|_| Share::ALL.strikes() && !Share::default().strikes()));
    }
}

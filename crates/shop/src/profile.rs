//! Right and wrong side by side.
//!
//! # The idea
//! A shop that is slow for the usual reasons, and the same shop with each of them mended. Every reason is one switch, so that its effect can
//! be measured by itself; a profile is a set of switches. What a shop must never get wrong (stock, orders, sessions) is the same in all.

use std::fmt;
use std::str::FromStr;

/// One usual mistake, mended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fix {
    /// One query with joins in place of one query per row (N+1).
    Joins,
    /// Conditions that an index answers (full text in place of `ILIKE '%…%'`), and the indexes. `shop migrate` makes them.
    Indexes,
    /// Best sellers and counts from tables that the worker keeps, in place of adding up all orders at every view.
    ReadModel,
    /// Pages that are the same for everyone and say how long and by which tags they may be kept; purges when something changes.
    CacheHeaders,
    /// Dear reads are kept in the process.
    ProcessCache,
}

impl Fix {
    /// All of them, in the order in which docs explain them.
    pub const ALL: [Self; 5] = [
        Self::Joins,
        Self::Indexes,
        Self::ReadModel,
        Self::CacheHeaders,
        Self::ProcessCache,
    ];

    /// Its name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Joins => "joins",
            Self::Indexes => "indexes",
            Self::ReadModel => "read-model",
            Self::CacheHeaders => "cache-headers",
            Self::ProcessCache => "process-cache",
        }
    }
}

impl fmt::Display for Fix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Fix {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|fix| fix.name() == text);
        found.ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            format!("there is no such fix; there are {names}")
        })
    }
}

/// Which mistakes are mended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fixes {
    mended: [bool; Fix::ALL.len()],
}

impl Fixes {
    /// None: profile `naive`.
    pub const NONE: Self = Self {
        mended: [false; Fix::ALL.len()],
    };

    /// All: profile `tuned`.
    pub const ALL: Self = Self {
        mended: [true; Fix::ALL.len()],
    };

    /// Whether this one is mended.
    #[must_use]
    pub const fn has(self, fix: Fix) -> bool {
        self.mended[fix as usize]
    }

    /// The same with this one mended, or not.
    #[must_use]
    pub const fn set(mut self, fix: Fix, is_mended: bool) -> Self {
        self.mended[fix as usize] = is_mended;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixes_are_independent() {
        for fix in Fix::ALL {
            assert_eq!(fix.name().parse(), Ok(fix));
            let one = Fixes::NONE.set(fix, true);
            assert!(
                Fix::ALL
                    .into_iter()
                    .all(|other| one.has(other) == (other == fix))
            );
            assert_eq!(one.set(fix, false), Fixes::NONE);
        }
        assert!("joints".parse::<Fix>().is_err());
    }
}
